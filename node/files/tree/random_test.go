package tree

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// randomTree makes files whose sizes are around those of the pieces in which they are written.
func randomTree(rnd *rand.Rand) []spec {
	files := map[string]spec{}
	parents := []string{""}
	for i := range rnd.IntN(30) {
		name := parents[rnd.IntN(len(parents))] + fmt.Sprintf("%c%d", 'a'+rnd.IntN(26), i)
		f := spec{path: name, executable: rnd.IntN(3) == 0}
		switch rnd.IntN(6) {
		case 0:
			parents = append(parents, name+"/")
			continue
		case 1:
			f.path, f.executable = name+"/", false
		case 2:
		default:
			b := make([]byte, rnd.IntN(1<<(2*rnd.IntN(8))+1))
			for i := range b {
				b[i] = byte(rnd.Uint32())
			}
			f.content = string(b)
		}
		files[name] = f
	}
	var list []spec
	for _, f := range files {
		list = append(list, f)
	}
	slices.SortFunc(list, func(a, b spec) int { return strings.Compare(a.path, b.path) })
	return list
}

// What is read, written in any order and from several goroutines, with crashes in between, and read
// again is the same, and so are the trees.
func TestRandomTrees(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	rnd := rand.New(rand.NewPCG(seed, 0))
	t.Log("seed", seed)
	rounds := 40
	if testing.Short() {
		rounds = 8
	}
	for range rounds {
		from, dir := filepath.Join(t.TempDir(), "sent"), t.TempDir()
		if err := os.Mkdir(from, 0o755); err != nil {
			t.Fatal(err)
		}
		makeTree(t, from, randomTree(rnd)...)
		src := scan(t, from)
		content := readAll(t, src)
		d := destinationIn(t, dir)
		s := received(t, src.Stream)
		p := begin(t, d, "x", s)
		most := 1 + rnd.IntN(1<<(4+rnd.IntN(10)))
		todo := rnd.Perm((len(content) + most - 1) / most)
		for len(todo) > 0 {
			batch := todo[:1+rnd.IntN(len(todo))]
			todo = todo[len(batch):]
			var writers sync.WaitGroup
			for w := range 3 {
				writers.Go(func() {
					for i := w; i < len(batch); i += 3 {
						at := batch[i] * most
						if _, err := p.WriteAt(content[at:min(len(content), at+most)], int64(at)); err != nil {
							t.Error(err)
						}
					}
				})
			}
			if rnd.IntN(2) == 0 {
				if err := p.Sync(); err != nil {
					t.Error(err)
				}
			}
			writers.Wait()
			if rnd.IntN(3) == 0 { // as after kill -9: nothing is closed
				abandoned := p
				defer abandoned.Close()
				p = begin(t, d, "x", s)
			}
		}
		if len(p.open) > maxOpen {
			t.Errorf("%d files are open", len(p.open))
		}
		finish(t, p, "got", never(t))
		wantListed(t, dir, "got")
		if got, want := readTree(t, filepath.Join(dir, "got")), readTree(t, from); !slices.Equal(got, want) {
			t.Fatalf("seed %d:\n%q\nwant\n%q", seed, got, want)
		}
		back, err := d.Source("got", s)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(readAll(t, back), content) {
			t.Fatalf("seed %d: reads otherwise than it was sent", seed)
		}
		back.Close()
	}
}
