package engine

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// model is what the buckets should have.
type model struct {
	rows map[string]map[string]string
	seqs map[string]uint64
}

func newModel() *model {
	return &model{make(map[string]map[string]string), make(map[string]uint64)}
}

func (m *model) clone() *model {
	c := &model{make(map[string]map[string]string), maps.Clone(m.seqs)}
	for name, rows := range m.rows {
		c.rows[name] = maps.Clone(rows)
	}
	return c
}

// buckets: the name of one begins that of another.
var buckets = []string{"a", "ab", "b", "a0"}

// differs tells where a snapshot is not what the model says; nil if nowhere.
func (m *model) differs(s *Snapshot, r *rand.Rand) error {
	for _, bucket := range buckets {
		if got, want := s.Sequence(bucket), m.seqs[bucket]; got != want {
			return fmt.Errorf("sequence of %s: %d, want %d", bucket, got, want)
		}
		keys := slices.Sorted(maps.Keys(m.rows[bucket]))
		for _, from := range []string{"", "\xff\xff\xff", randomKey(r), randomKey(r)} {
			at, _ := slices.BinarySearch(keys, from)
			if err := m.walk(bucket, s.From(bucket, []byte(from)), keys[at:]); err != nil {
				return fmt.Errorf("from %q: %w", from, err)
			}
			to := randomKey(r)
			end, _ := slices.BinarySearch(keys, to)
			if err := m.walk(bucket, s.Range(bucket, []byte(from), []byte(to)), keys[at:max(at, end)]); err != nil {
				return fmt.Errorf("from %q to %q: %w", from, to, err)
			}
			below := slices.Clone(keys[:at])
			slices.Reverse(below)
			if err := m.walk(bucket, s.Below(bucket, []byte(from)), below); err != nil {
				return fmt.Errorf("below %q: %w", from, err)
			}
			if v, want := s.Get(bucket, []byte(from)), m.rows[bucket][from]; string(v) != want {
				return fmt.Errorf("%s %q: %d bytes, want %d", bucket, from, len(v), len(want))
			} else if _, is := m.rows[bucket][from]; is != (v != nil) {
				return fmt.Errorf("%s %q: is there: %v", bucket, from, v != nil)
			}
		}
	}
	return nil
}

func (m *model) walk(bucket string, rows func(func(k, v []byte) bool), want []string) error {
	n := 0
	for k, v := range rows {
		if n == len(want) || string(k) != want[n] {
			return fmt.Errorf("%s: key %q after %d, want %d", bucket, k, n, len(want))
		}
		if value := m.rows[bucket][want[n]]; string(v) != value || v == nil {
			return fmt.Errorf("%s %q: %d bytes, want %d", bucket, k, len(v), len(value))
		}
		n++
	}
	if n < len(want) {
		return fmt.Errorf("%s: %d keys, want %d", bucket, n, len(want))
	}
	return nil
}

// randomKey returns one of a few thousand keys, of which many begin others.
func randomKey(r *rand.Rand) string {
	k := make([]byte, 1+r.IntN(4))
	for i := range k {
		k[i] = "ab\x00\xff0c"[r.IntN(6)]
	}
	return string(k)
}

func randomValue(r *rand.Rand) []byte {
	size := r.IntN(40)
	switch r.IntN(20) {
	case 0:
		size = 0
	case 1:
		size = r.IntN(6000) // of several pages
	}
	return bytes.Repeat([]byte{byte(r.IntN(256))}, size)
}

// change makes random changes in a batch and in the model.
func change(b *Batch, m *model, r *rand.Rand) error {
	n := 1 + r.IntN(8)
	switch r.IntN(40) {
	case 0:
		n = 300 // more than a file of the journal has room for
	case 1:
		n = 0
	}
	for range n {
		bucket, key := buckets[r.IntN(len(buckets))], randomKey(r)
		if want, is := m.rows[bucket][key]; string(b.Get(bucket, []byte(key))) != want || (b.Get(bucket, []byte(key)) != nil) != is {
			return fmt.Errorf("%s %q in a batch: %d bytes, want %d", bucket, key, len(b.Get(bucket, []byte(key))), len(want))
		}
		switch r.IntN(9) {
		case 0, 1, 2:
			b.Delete(bucket, []byte(key))
			delete(m.rows[bucket], key)
		case 3:
			m.seqs[bucket] = b.Sequence(bucket) + uint64(r.IntN(3))
			b.SetSequence(bucket, m.seqs[bucket])
		case 4:
			if err := m.take(b, bucket, key[:min(len(key), 2)]); err != nil {
				return err
			}
		default:
			value := randomValue(r)
			if err := b.Put(bucket, []byte(key), value); err != nil {
				return err
			}
			if m.rows[bucket] == nil {
				m.rows[bucket] = make(map[string]string)
			}
			m.rows[bucket][key] = string(value)
		}
	}
	return nil
}

// take takes keys out of a batch and the model.
func (m *model) take(b *Batch, bucket, prefix string) (err error) {
	want := slices.DeleteFunc(slices.Sorted(maps.Keys(m.rows[bucket])), func(k string) bool { return !strings.HasPrefix(k, prefix) })
	b.Take(bucket, []byte(prefix), func(k, v []byte) {
		if err == nil && (len(want) == 0 || string(k) != want[0] || string(v) != m.rows[bucket][want[0]]) {
			err = fmt.Errorf("%s: took %q, want %q", bucket, k, want)
			return
		}
		delete(m.rows[bucket], string(k))
		want = want[1:]
	})
	if err == nil && len(want) > 0 {
		err = fmt.Errorf("%s: %q was not taken", bucket, want)
	}
	return err
}

// held is a snapshot that somebody keeps, with what it has to show.
type held struct {
	s    *Snapshot
	want *model
}

// trial is an engine, and what it should have.
type trial struct {
	t    *testing.T
	r    *rand.Rand
	cfg  Config
	e    *Engine
	m    *model
	held []held
}

// TestEngineIsAsAMapOfBuckets does random things to an engine with small files, and compares everything
// that it shows, after each of them.
func TestEngineIsAsAMapOfBuckets(t *testing.T) {
	steps, seeds := 300, uint64(8)
	if testing.Short() {
		steps, seeds = 150, 3
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			x := &trial{t: t, r: rand.New(rand.NewPCG(seed, 15)), cfg: small(t.TempDir()), m: newModel()}
			must(t, Create(x.cfg))
			x.cfg.Ascending = []string{"ab"}
			x.open()
			defer func() {
				x.release(0)
				must(t, x.e.Close())
			}()
			for step := range steps {
				if err := x.step(); err != nil {
					t.Fatalf("step %d: %v", step, err)
				}
			}
		})
	}
}

func (x *trial) open() {
	x.t.Helper()
	var err error
	x.e, err = started(x.cfg)
	must(x.t, err)
}

// release ends all snapshots but some.
func (x *trial) release(but int) {
	for len(x.held) > but {
		x.e.end(x.held[0].s)
		x.held = x.held[1:]
	}
}

func (x *trial) step() error {
	ctx := context.Background()
	var err error
	what := x.r.IntN(100)
	switch {
	case what < 70:
		err = x.write(true)
	case what < 76:
		err = x.write(false)
	case what < 82:
		err = x.e.Checkpoint(ctx)
	case what < 84:
		x.release(0) // it waits for them
		err = x.e.Erase(ctx)
	case what < 86:
		x.release(0)
		err = x.e.Compact(ctx)
		if errors.Is(err, errBusy) {
			err = nil
		}
	case what < 92:
		var s *Snapshot
		if s, err = x.e.begin(); err == nil {
			x.held = append(x.held, held{s, x.m.clone()})
		}
		x.release(3)
	case what < 96:
		x.release(0)
		if err = x.e.Close(); err == nil {
			x.open()
		}
	default:
		err = x.killed()
	}
	if err != nil {
		return fmt.Errorf("did %d: %w", what, err)
	}
	for _, h := range x.held {
		if err := x.e.guard(func() error { return h.want.differs(h.s, x.r) }); err != nil {
			return fmt.Errorf("after %d, an older snapshot: %w", what, err)
		}
	}
	return cmp.Or(x.e.Err(), x.e.View(func(s *Snapshot) error {
		if err := x.m.differs(s, x.r); err != nil {
			return fmt.Errorf("after %d: %w", what, err)
		}
		return nil
	}))
}

// write makes a batch, and commits it or not.
func (x *trial) write(commits bool) error {
	errNot := errors.New("not committed")
	after := x.m.clone()
	err := x.e.Write(func(b *Batch) error {
		if err := change(b, after, x.r); err != nil {
			return err
		}
		if err := after.differs(&b.Snapshot, x.r); err != nil {
			return fmt.Errorf("in the batch: %w", err)
		}
		if x.r.IntN(10) == 0 {
			b.Erase()
		}
		if commits {
			return b.Commit()
		}
		if x.r.IntN(2) == 0 {
			return errNot
		}
		return nil
	})
	if commits && err == nil {
		x.m = after
	}
	if errors.Is(err, errNot) && !commits {
		return nil
	}
	return err
}

// killed goes on with a copy of the files as they are while the engine is open.
func (x *trial) killed() error {
	var dir string
	if err := x.e.locked(context.Background(), func() error { // a file is not written while it is copied
		dir = copied(x.t, x.cfg.Dir)
		return nil
	}); err != nil {
		return err
	}
	x.release(0)
	if err := x.e.Close(); err != nil {
		return err
	}
	x.cfg.Dir = dir
	x.open()
	return nil
}
