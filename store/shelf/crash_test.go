package shelf

import (
	"bytes"
	"errors"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/earshot-im/earshot/store/blob"
	"github.com/earshot-im/earshot/store/tx"
)

// TestCrash has a program end anywhere in between. What it finds afterwards as held is what was put,
// also where all that was not synced is lost, or something else.
func TestCrash(t *testing.T) {
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	t.Logf("seed %d", seed)
	h := newHouse(t)
	x := newThing(t, size)
	synced := map[string][]byte{} // files as they were when they were last committed
	remember := func() {
		for _, name := range h.names() {
			b, err := os.ReadFile(filepath.Join(h.cfg.Dir, name))
			check(t, err)
			synced[name] = b
		}
	}
	var committed Info
	b, err := h.Make(x.Of)
	check(t, err)
	for range 60 {
		for range 1 + random.IntN(6) {
			switch i := random.IntN(x.chunks()); random.IntN(8) {
			case 0:
				check(t, b.PutManifest(x.manifest.Marshal()))
			case 1:
				if err := b.PutPage(0, x.pages[0].Bytes()); err != nil && err != ErrNotHeld {
					t.Fatal(err)
				}
			case 2, 3, 4, 5:
				if err := b.PutChunk(i, x.chunk(i)); err != nil && !errors.Is(err, ErrNotHeld) {
					t.Fatal(err)
				}
			case 6:
				check(t, b.Commit(ctx, nil))
				committed = b.Info()
				remember()
			case 7:
				if random.IntN(4) == 0 {
					check(t, b.Empty(ctx, nil))
					committed = b.Info()
					remember()
				}
			}
		}
		h.crash()
		for _, name := range h.names() {
			lose(t, random, filepath.Join(h.cfg.Dir, name), synced[name])
		}
		if random.IntN(2) == 0 {
			h.settle()
			there := h.names()
			maps.DeleteFunc(synced, func(name string, _ []byte) bool { return !slices.Contains(there, name) })
		}
		b, err = h.Open(x.Of)
		if errors.Is(err, ErrNoBlob) && committed.Made.IsZero() {
			b, err = h.Make(x.Of)
		}
		check(t, err)
		i := b.Info()
		if i.Proven != committed.Proven || !i.Pages.Equal(&committed.Pages) || !i.Chunks.Equal(&committed.Chunks) {
			t.Fatal("what was committed is not what is held")
		}
		for i := range x.chunks() {
			if committed.Chunks.Has(i) {
				x.reads(t, b, i)
			}
		}
		if _, err := b.Manifest(); (err == nil) != committed.Proven {
			t.Fatal(err)
		}
	}
	b.Close()
}

// lose does to a file what a crash of the machine may do to what was not synced.
func lose(t *testing.T, random *rand.Rand, path string, synced []byte) {
	t.Helper()
	now, err := os.ReadFile(path)
	check(t, err)
	was := append(slices.Clone(synced), make([]byte, max(0, len(now)-len(synced)))...)
	const block = 4096
	for at := 0; at < len(now); at += block {
		end := min(at+block, len(now))
		if bytes.Equal(now[at:end], was[at:end]) {
			continue
		}
		switch random.IntN(3) {
		case 0: // it came to the disk
		case 1:
			copy(now[at:end], was[at:end])
		case 2:
			if at >= len(synced) { // something that stood there before the file did
				clear(now[at:end])
			}
		}
	}
	if random.IntN(2) == 0 {
		now = now[:len(synced)+random.IntN(max(len(now)-len(synced), 0)+1)]
	}
	check(t, os.WriteFile(path, now, 0o600))
}

// What a crash has left is removed at the next start, and nothing else.
func TestSweep(t *testing.T) {
	h := newHouse(t)
	x, y, z := newThing(t, size), newThing(t, 100), newThing(t, 200)
	h.keep(x).Close()
	b := h.keep(y)
	// The row goes, and the program ends before the files do.
	check(t, h.writer.Do(ctx, func(t *tx.Batch) error { return h.Forget(t, b.ID()) }))
	// Another was begun and never committed.
	b, err := h.Make(z.Of)
	check(t, err)
	z.prove(t, b)
	check(t, b.PutChunk(0, z.chunk(0)))
	// Of a third the chunks have gone, and their file not.
	w := newThing(t, 300)
	b = h.keep(w)
	data := h.path(b.name, dataFile)
	content, err := os.ReadFile(data)
	check(t, err)
	check(t, b.Empty(ctx, nil))
	check(t, os.WriteFile(data, content, 0o600))
	other := filepath.Join(h.cfg.Dir, "README")
	check(t, os.WriteFile(other, nil, 0o600))
	h.crash()
	if n := len(h.names()); n != 9 {
		t.Fatalf("%d files are left", n)
	}
	begun, err := h.Make(z.Of) // before Run looks
	check(t, err)
	z.prove(t, begun)
	h.settle()
	names := h.names()
	if len(names) != 5 { // x has two, w and z have one
		t.Errorf("%d files: %v", len(names), names)
	}
	b, err = h.Open(x.Of)
	check(t, err)
	x.whole(t, b)
	b.Close()
	check(t, begun.Commit(ctx, nil))
	begun.Close()
	if _, err := os.Stat(other); err != nil {
		t.Error("something else was removed")
	}
	if _, err := os.Stat(data); err == nil {
		t.Error("chunks are left that nobody counts")
	}
}

// Where the disk has changed what was written, the part is not held any more and may come again.
func TestDamage(t *testing.T) {
	h := newHouse(t)
	x := newThing(t, size)
	b := h.keep(x)
	defer b.Close()
	flip := func(what string, at int64) {
		t.Helper()
		f, err := os.OpenFile(h.path(b.name, what), os.O_RDWR, 0)
		check(t, err)
		defer f.Close()
		var one [1]byte
		_, err = f.ReadAt(one[:], at)
		check(t, err)
		one[0] ^= 4
		_, err = f.WriteAt(one[:], at)
		check(t, err)
	}
	flip(dataFile, chunkOffset(2)+1000)
	buffer := blob.NewBuffer()
	if _, err := b.ReadChunk(2, buffer); !errors.Is(err, ErrNotHeld) {
		t.Fatal(err)
	}
	if b.Has(2) || !b.Has(1) || !h.log.has("chunk 2 is damaged") {
		t.Errorf("held: %v; log: %s", b.Has(2), h.log.String())
	}
	check(t, b.PutChunk(2, x.chunk(2)))
	x.whole(t, b)

	check(t, os.Truncate(h.path(b.name, dataFile), chunkOffset(4)+7))
	for _, i := range []int{4, 5} {
		if _, err := b.ReadChunk(i, buffer); !errors.Is(err, ErrNotHeld) {
			t.Error(err)
		}
	}
	if i := b.Info(); i.Chunks.Count() != 4 {
		t.Errorf("%d chunks", i.Chunks.Count())
	}
	check(t, b.Commit(ctx, nil))

	b.page, b.manifest = nil, nil // nothing is remembered
	flip(treeFile, b.pageOffset(0)+3)
	if _, err := b.ReadChunk(0, buffer); !errors.Is(err, ErrNotHeld) {
		t.Error(err)
	}
	if _, err := b.Page(0); err != ErrNotHeld {
		t.Error(err)
	}
	check(t, b.PutPage(0, x.pages[0].Bytes()))
	x.reads(t, b, 0)

	b.page, b.manifest = nil, nil
	flip(treeFile, 3)
	if _, err := b.Manifest(); !errors.Is(err, ErrNotHeld) {
		t.Error(err)
	}
	if _, err := b.ReadChunk(0, buffer); !errors.Is(err, ErrNotHeld) {
		t.Error(err)
	}
	check(t, b.PutManifest(x.manifest.Marshal()))
	x.reads(t, b, 0)

	// The files are gone altogether.
	name := b.name
	check(t, b.Commit(ctx, nil))
	h.crash()
	for _, what := range []string{treeFile, dataFile} {
		check(t, os.Remove(h.path(name, what)))
	}
	b, err := h.Open(x.Of)
	check(t, err)
	if _, err := b.ReadChunk(0, buffer); !errors.Is(err, ErrNotHeld) {
		t.Error(err)
	}
	x.prove(t, b)
	for i := range x.chunks() {
		if _, err := b.ReadChunk(i, buffer); !errors.Is(err, ErrNotHeld) {
			t.Error(err)
		}
		check(t, b.PutChunk(i, x.chunk(i)))
	}
	check(t, b.Commit(ctx, nil))
	x.whole(t, b)
	b.Close()
}

// What a row says is held was synced before.
func TestSyncedBeforeItIsHeld(t *testing.T) {
	h := newHouse(t)
	commits := 0
	h.before = func() {
		commits++
		h.Shelf.mu.Lock()
		defer h.Shelf.mu.Unlock()
		for f := range h.files {
			if f.dirty || !f.blob.durable[f.what] {
				t.Errorf("%s was not synced", f.what)
			}
		}
	}
	h.keep(newThing(t, size)).Close()
	if commits != 1 {
		t.Errorf("%d commits", commits)
	}
}

// What could not be synced may be lost though a later sync succeeds. So it is not held.
func TestFailedSync(t *testing.T) {
	h := newHouse(t)
	x := newThing(t, size)
	b := h.keep(x)
	check(t, b.Empty(ctx, nil))
	check(t, b.PutChunk(0, x.chunk(0)))
	check(t, b.Commit(ctx, nil))
	check(t, b.PutChunk(1, x.chunk(1)))
	check(t, b.files[dataFile].File.Close())
	if err := b.Commit(ctx, func(i *Info) { i.Places = []Place{{Path: "/x"}} }); err == nil {
		t.Fatal("a sync of a closed file succeeds")
	}
	if b.Has(1) || !b.Has(0) || len(b.Info().Places) != 0 {
		t.Error("what was not synced is held")
	}
	b.Close()
	b, err := h.Open(x.Of)
	check(t, err)
	defer b.Close()
	x.reads(t, b, 0)
	if b.Has(1) {
		t.Error("what was not synced is held")
	}
}

// A row that was changed, or stands in another's place, is refused.
func TestSealedInItsPlace(t *testing.T) {
	h := newHouse(t)
	x, y := newThing(t, 10), newThing(t, 20)
	h.keep(x).Close()
	id, other := h.ID(x.Of), h.ID(y.Of)
	var row []byte
	check(t, h.db.View(func(r *tx.Reader) error {
		row = bytes.Clone(r.Get(bucketBlobs, id[:]))
		return nil
	}))
	if _, _, err := parseRow(h.cfg.Keyring, id, row); err != nil {
		t.Fatal(err)
	}
	refused := func(what string, id ID, row []byte) {
		t.Helper()
		if _, _, err := parseRow(h.cfg.Keyring, id, row); err == nil || !strings.Contains(err.Error(), "damaged") {
			t.Errorf("%s: %v", what, err)
		}
	}
	refused("another's", other, row)
	for _, at := range []int{0, 7, 8, 16, maxRow, len(row) - 1} {
		changed := bytes.Clone(row)
		changed[at] ^= 1
		refused("a flipped bit", id, changed)
	}
	for _, n := range []int{0, 1, maxRow - 1, maxRow, len(row) - 1} {
		refused("cut short", id, row[:n])
	}
}
