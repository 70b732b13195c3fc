package crash

import (
	"bytes"
	"cmp"
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
)

const (
	// exhaustive is up to how many states between two barriers are all given.
	exhaustive = 1 << 10
	// each is, where there are more, up to how many sectors each one is the end of a prefix, the only
	// one lost and the only one left. Of more sectors so many are chosen by the seed.
	each = 1 << 8
	// random is how many other states are picked by the seed there.
	random = 32
)

// State is what a crash may leave. It stays valid.
type State struct {
	files map[string]*content
	ops   []op // what was recorded before it
}

// States gives the states that a crash may leave of what was recorded so far, in the order in which it
// was. They are looked for before every barrier, which is a sync, a mark or the end: a crash before an
// earlier write leaves nothing else than one that comes after it and loses it. Up to 1,024 they are all
// given. Of more: nothing written since it was last synced, all of it, each prefix, all but one sector
// for each, one sector only for each (of more than 256 sectors, for as many, by the seed), and a few
// others by the seed. No state is given twice between two marks; after a mark all that are possible
// are, since more is asked of them.
func (r *Recorder) States(seed uint64) iter.Seq[State] {
	r.mu.Lock()
	ops := slices.Clip(r.ops)
	r.mu.Unlock()
	return func(yield func(State) bool) {
		m := newModel(r.first)
		rng := rand.New(rand.NewPCG(seed, 0))
		given := make(map[uint64]bool)
		for i := range len(ops) + 1 {
			if i < len(ops) && !ops[i].barrier() {
				m.apply(ops[i])
				continue
			}
			going := enumerate(m.open(), rng, func() bool {
				files, hash := m.picked()
				if given[hash] {
					return true
				}
				given[hash] = true
				return yield(State{files, ops[:i]})
			})
			if !going || i == len(ops) {
				return
			}
			if ops[i].kind == mark {
				clear(given)
			}
			m.apply(ops[i])
		}
	}
}

// enumerate picks versions of the cells and calls give for every choice, while that returns true.
func enumerate(cells []*cell, rng *rand.Rand, give func() bool) bool {
	all := 1
	for _, c := range cells {
		if all *= len(c.versions); all > exhaustive {
			return sample(cells, rng, give)
		}
	}
	for n := range all {
		for _, c := range cells {
			c.pick = n % len(c.versions)
			n /= len(c.versions)
		}
		if !give() {
			return false
		}
	}
	return true
}

// sample is enumerate for more cells than can be given completely.
func sample(cells []*cell, rng *rand.Rand, give func() bool) bool {
	type step struct {
		cell    *cell
		version int
	}
	var steps []step
	for _, c := range cells {
		c.pick = 0
		for v := 1; v < len(c.versions); v++ {
			steps = append(steps, step{c, v})
		}
	}
	slices.SortFunc(steps, func(a, b step) int {
		return cmp.Compare(a.cell.versions[a.version].moment, b.cell.versions[b.version].moment)
	})
	if !give() {
		return false
	}
	chosen := make([]bool, len(steps)) // all of them, or as many as each says
	for _, i := range rng.Perm(len(steps))[:min(len(steps), each)] {
		chosen[i] = true
	}
	for i, s := range steps { // each prefix, and at last all
		s.cell.pick = s.version
		if (chosen[i] || i == len(steps)-1) && !give() {
			return false
		}
	}
	for i, s := range steps { // all but this
		s.cell.pick = s.version - 1
		if chosen[i] && !give() {
			return false
		}
		s.cell.pick = len(s.cell.versions) - 1
	}
	for _, c := range cells {
		c.pick = 0
	}
	for i, s := range steps { // only this
		s.cell.pick = s.version
		if chosen[i] && !give() {
			return false
		}
		s.cell.pick = 0
	}
	for range random {
		for _, c := range cells {
			c.pick = rng.IntN(len(c.versions))
		}
		if !give() {
			return false
		}
	}
	return true
}

// After is how many operations were recorded before the crash, marks not counted. Some of them may be
// lost.
func (s State) After() int { return len(s.ops) - len(s.Marks()) }

// Marks are the marks before the crash.
func (s State) Marks() []any {
	var marks []any
	for _, o := range s.ops {
		if o.kind == mark {
			marks = append(marks, o.mark)
		}
	}
	return marks
}

// String tells the last operations before the crash, and the sizes of the files.
func (s State) String() string {
	var b bytes.Buffer
	fmt.Fprintf(&b, "crash after %d operations, the last of which are:\n", s.After())
	for _, o := range s.ops[max(0, len(s.ops)-16):] {
		fmt.Fprintf(&b, "\t%v\n", o)
	}
	for _, name := range slices.Sorted(maps.Keys(s.files)) {
		fmt.Fprintf(&b, "\t%s has %d bytes\n", name, s.files[name].size)
	}
	return b.String()
}

// Write makes the directory, which must not be there or be empty.
func (s State) Write(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for name, c := range s.files {
		if err := c.save(filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	return nil
}

// save makes the file. Zeros are holes.
func (c *content) save(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	b := make([]byte, 0, 128*sectorSize)
	at := int64(0)
	for block := range slices.Chunk(c.sectors, cap(b)/sectorSize) {
		b = b[:0]
		for _, s := range block {
			b = append(b, s.bytes()...)
		}
		if slices.ContainsFunc(block, func(s *sector) bool { return s != nil }) {
			if _, err := f.WriteAt(b, at); err != nil {
				return err
			}
		}
		at += int64(len(b))
	}
	return f.Truncate(c.size)
}
