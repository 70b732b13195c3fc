package gossip

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/earshot-im/earshot/crypto"
)

var update = flag.Bool("update", false, "write testdata/envelopes.txt anew")

const vectorsFile = "testdata/envelopes.txt"

// payloads are of the lengths where padding changes.
func payloads() [][]byte {
	all := [][]byte{nil, []byte("a run"), {0x80}, {0x80, 0, 0}}
	for _, n := range []int{padding - 1, padding, MaxPayload} {
		all = append(all, bytes.Repeat([]byte{7}, n))
	}
	return all
}

func testEpoch() Epoch {
	e := Epoch{Key: [32]byte{1, 2, 3}, Control: []crypto.Hash{{1}, {2}}}
	e.ID = epochID(&e.Key, e.Control)
	return e
}

func TestVectors(t *testing.T) {
	e := testEpoch()
	var out strings.Builder
	fmt.Fprintf(&out, "secret %x\nprotocol %s\n", secret, protocolID(secret))
	fmt.Fprintf(&out, "key %x\ncontrol %x\nepoch %x\ntopic %s\n", e.Key, e.Control, e.ID, topic(&e.Key))
	for _, p := range payloads() {
		b := seal(e.ID, &e.Key, p)
		fmt.Fprintf(&out, "payload %x\n", p)
		if len(p) > padding { // long ones by their hash
			fmt.Fprintf(&out, "sha256 of envelope %x\n", crypto.Digest("test", b))
		} else {
			fmt.Fprintf(&out, "envelope %x\n", b)
		}
	}
	if *update {
		if err := os.WriteFile(vectorsFile, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(vectorsFile)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != out.String() {
		t.Errorf("envelopes are not those of %s; after a change of the format: go test -run Vectors -update", vectorsFile)
	}
}

func openAll(b []byte, key *[32]byte) ([]byte, error) {
	e, err := parseEnvelope(b)
	if err != nil {
		return nil, err
	}
	return e.open(key)
}

func TestSealedOpens(t *testing.T) {
	e := testEpoch()
	for _, p := range payloads() {
		b := seal(e.ID, &e.Key, p)
		if len(b) > maxSealed {
			t.Errorf("%d bytes make an envelope of %d", len(p), len(b))
		}
		got, err := openAll(b, &e.Key)
		if err != nil || !bytes.Equal(got, p) {
			t.Errorf("%d bytes came back as %d: %v", len(p), len(got), err)
		}
	}
	if long, short := seal(e.ID, &e.Key, make([]byte, 300)), seal(e.ID, &e.Key, nil); len(long) != len(short) {
		t.Error("an envelope shows the length of what is in it")
	}
	if n := len(seal(e.ID, &e.Key, make([]byte, MaxPayload))); n != maxSealed {
		t.Errorf("maxSealed is not %d", n)
	}
}

// TestOpenRefuses: a payload has one envelope under an epoch, so nobody can have the mesh carry it
// twice.
func TestOpenRefuses(t *testing.T) {
	e := testEpoch()
	again := func(nonceOf func([]byte) [nonceSize]byte, plain []byte) []byte {
		env := envelope{epoch: e.ID, nonce: nonceOf(plain)}
		env.sealed = aead(&e.Key).Seal(nil, env.nonce[:], plain, e.ID[:])
		return env.marshal()
	}
	own := func(plain []byte) [nonceSize]byte { return nonce(&e.Key, plain) }
	padded := func(n int, at int) []byte {
		b := make([]byte, n)
		b[at] = 0x80
		return b
	}
	if _, err := openAll(again(own, padded(padding, 3)), &e.Key); err != nil {
		t.Fatalf("what this test makes is refused for another reason: %v", err)
	}
	env, err := parseEnvelope(seal(e.ID, &e.Key, []byte("words")))
	if err != nil {
		t.Fatal(err)
	}
	elsewhere, long := env, env
	elsewhere.epoch[0] ^= 1
	long.sealed = make([]byte, MaxPayload+1+padding+tagSize)
	for name, b := range map[string][]byte{
		"nonce of one's choice":    again(func([]byte) [nonceSize]byte { return [nonceSize]byte{1} }, padded(padding, 3)),
		"more padding than needed": again(own, padded(2*padding, 3)),
		"no padding":               again(own, make([]byte, padding)),
		"padding without an end":   again(own, bytes.Repeat([]byte{7}, padding)),
		"less than a step":         again(own, padded(padding-1, 3)),
		"nothing sealed":           again(own, nil),
		"another epoch's ID":       elsewhere.marshal(),
		"too long":                 long.marshal(),
		"a field more":             append(env.marshal(), 0x22, 1, 0),
		"nothing":                  nil,
		"truncated":                env.marshal()[:100],
	} {
		if _, err := openAll(b, &e.Key); !errors.Is(err, errSealed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for i := range env.marshal() {
		b := env.marshal()
		b[i] ^= 4
		if _, err := openAll(b, &e.Key); !errors.Is(err, errSealed) {
			t.Fatalf("byte %d altered: %v", i, err)
		}
	}
}

// TestTopicBelongsToEpoch: what is sealed under one epoch can't travel in another's topic.
func TestTopicBelongsToEpoch(t *testing.T) {
	a, b := testEpoch(), testEpoch()
	b.Key[0]++
	b.ID = epochID(&b.Key, b.Control)
	r := &Router{epochs: newEpochs(crypto.DeviceID{}, always{}, nil)}
	for _, e := range []Epoch{a, b} {
		r.epochs.learn(epoch0, e)
	}
	sealed := seal(a.ID, &a.Key, []byte("words"))
	if p, err := r.open(topic(&a.Key), sealed); err != nil || string(p) != "words" {
		t.Errorf("in its own topic: %v", err)
	}
	if _, err := r.open(topic(&b.Key), sealed); !errors.Is(err, errSealed) {
		t.Errorf("in another topic: %v", err)
	}
}

func TestEpochChecks(t *testing.T) {
	good := testEpoch()
	if err := good.check(); err != nil {
		t.Fatal(err)
	}
	if s := fmt.Sprintf("%v %+v %s", good, &good, good); strings.Contains(s, "3") {
		t.Errorf("prints its key: %s", s)
	}
	for name, change := range map[string]func(*Epoch){
		"key":         func(e *Epoch) { e.Key[0]++ },
		"ID":          func(e *Epoch) { e.ID[0]++ },
		"age":         func(e *Epoch) { e.Age = -1 },
		"other heads": func(e *Epoch) { e.Control = e.Control[:1] },
		"no heads":    func(e *Epoch) { e.Control = nil; e.ID = epochID(&e.Key, nil) },
		"order":       func(e *Epoch) { e.Control = []crypto.Hash{{2}, {1}}; e.ID = epochID(&e.Key, e.Control) },
		"twice":       func(e *Epoch) { e.Control = []crypto.Hash{{1}, {1}}; e.ID = epochID(&e.Key, e.Control) },
		"many": func(e *Epoch) {
			e.Control = nil
			for i := range byte(9) {
				e.Control = append(e.Control, crypto.Hash{i})
			}
			e.ID = epochID(&e.Key, e.Control)
		},
	} {
		e := testEpoch()
		change(&e)
		if err := e.check(); !errors.Is(err, ErrEpoch) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzOpen(f *testing.F) {
	e := testEpoch()
	for _, p := range payloads() {
		f.Add(seal(e.ID, &e.Key, p))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		env, err := parseEnvelope(b)
		if err != nil {
			if !errors.Is(err, errSealed) {
				t.Fatal(err)
			}
			return
		}
		if !bytes.Equal(env.marshal(), b) {
			t.Fatal("two encodings of one envelope")
		}
		if p, err := env.open(&e.Key); err == nil && !bytes.Equal(seal(e.ID, &e.Key, p), b) {
			t.Fatal("two envelopes of one payload")
		}
	})
}
