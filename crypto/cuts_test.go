package crypto

import (
	"crypto/sha256"
	"slices"
	"testing"
)

func cuts(n int) []Cut {
	all := make([]Cut, n)
	for i := range all {
		all[i] = Cut{Salt: [16]byte{byte(i), 1}, Statement: []byte{byte(i), 2}}
	}
	return all
}

func TestCutProofs(t *testing.T) {
	for n := 1; n <= 33; n++ {
		all := cuts(n)
		root := CutsRoot(all)
		for i := range all {
			proof := ProveCut(all, i)
			if !VerifyCut(root, all[i], proof) {
				t.Fatalf("%d of %d: own proof refused", i, n)
			}
			wrong := map[string]bool{
				"root":      VerifyCut(Hash{}, all[i], proof),
				"statement": VerifyCut(root, Cut{all[i].Salt, []byte("x")}, proof),
				"salt":      VerifyCut(root, Cut{Statement: all[i].Statement}, proof),
				"place":     VerifyCut(root, all[i], CutProof{proof.Index ^ 1, proof.Size, proof.Path}),
				"past":      VerifyCut(root, all[i], CutProof{proof.Size, proof.Size, proof.Path}),
				"empty":     VerifyCut(root, all[i], CutProof{}),
				"long path": VerifyCut(root, all[i], CutProof{proof.Index, proof.Size, append(slices.Clone(proof.Path), Hash{})}),
				"doubled":   VerifyCut(root, all[i], CutProof{proof.Index, 2*proof.Size + 1, proof.Path}),
			}
			if n > 1 {
				wrong["short path"] = VerifyCut(root, all[i], CutProof{proof.Index, proof.Size, proof.Path[1:]})
				wrong["only one"] = VerifyCut(root, all[i], CutProof{0, 1, proof.Path})
				flipped := slices.Clone(proof.Path)
				flipped[0][0] ^= 1
				wrong["path"] = VerifyCut(root, all[i], CutProof{proof.Index, proof.Size, flipped})
			}
			for what, ok := range wrong {
				if ok {
					t.Errorf("%d of %d: wrong %s accepted", i, n, what)
				}
			}
		}
	}
}

// The tree of RFC 6962, section 2.1.3, with its seven leaves, built by hand.
func TestCutsRootIsRFC6962(t *testing.T) {
	all := cuts(7)
	hash := func(prefix byte, parts ...[]byte) []byte {
		h := sha256.Sum256(append([]byte{prefix}, slices.Concat(parts...)...))
		return h[:]
	}
	var d [7][]byte
	for i, c := range all {
		d[i] = hash(0, []byte{0x0a, 16}, c.Salt[:], []byte{0x12, 2}, c.Statement)
	}
	g, h, i, j := hash(1, d[0], d[1]), hash(1, d[2], d[3]), hash(1, d[4], d[5]), d[6]
	k, l := hash(1, g, h), hash(1, i, j)
	if want := hash(1, k, l); CutsRoot(all) != Hash(want) {
		t.Errorf("got %x, want %x", CutsRoot(all), want)
	}
	proof := ProveCut(all, 3) // [c, g, l] in the RFC's drawing
	want := []Hash{Hash(d[2]), Hash(g), Hash(l)}
	if !slices.Equal(proof.Path, want) {
		t.Errorf("path %x, want %x", proof.Path, want)
	}
}

func TestSplit(t *testing.T) {
	for n, want := range map[int]int{2: 1, 3: 2, 4: 2, 5: 4, 8: 4, 9: 8, 64: 32, 65: 64} {
		if got := split(n); got != want {
			t.Errorf("split(%d) = %d, want %d", n, got, want)
		}
	}
}
