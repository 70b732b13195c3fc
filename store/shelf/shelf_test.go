package shelf

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/earshot-im/earshot/store/blob"
	"github.com/earshot-im/earshot/store/tx"
)

const size = 5*blob.ChunkSize + 77

func TestKept(t *testing.T) {
	h := newHouse(t)
	x := newThing(t, size)
	if _, err := h.Open(x.Of); err != ErrNoBlob {
		t.Fatal(err)
	}
	b := h.keep(x)
	x.whole(t, b)
	b.Close()
	h.crash()
	b, err := h.Open(x.Of)
	check(t, err)
	x.whole(t, b)
	if m, err := b.Manifest(); err != nil || m.Hash() != x.Manifest {
		t.Error(err)
	}
	if p, err := b.Page(0); err != nil || !slices.Equal(p, x.pages[0]) {
		t.Error(err)
	}
	again, err := h.Make(x.Of)
	check(t, err)
	if again != b {
		t.Error("opened twice, and not shared")
	}
	again.Close()
	x.whole(t, b)
	b.Close()
	if n := len(h.files); n > 0 || len(h.live) > 0 || len(h.named) > 0 {
		t.Errorf("%d files, %d, %d are open", n, len(h.live), len(h.named))
	}
}

// On the disk nobody can see what it is, and nobody else may look.
func TestPrivate(t *testing.T) {
	h := newHouse(t)
	x := newThing(t, size)
	check(t, os.MkdirAll(h.cfg.Dir, 0o755))
	b := h.keep(x)
	b.Close()
	info, err := os.Stat(h.cfg.Dir)
	check(t, err)
	if info.Mode().Perm() != 0o700 {
		t.Errorf("directory: %v", info.Mode())
	}
	names := h.names()
	if len(names) != 2 {
		t.Fatalf("files: %v", names)
	}
	for _, name := range names {
		path := filepath.Join(h.cfg.Dir, name)
		info, err := os.Stat(path)
		check(t, err)
		content, err := os.ReadFile(path)
		check(t, err)
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v", name, info.Mode())
		}
		for _, plain := range [][]byte{x.content[:64], x.pages[0][0][:], x.manifest.Pages[0][:], x.Manifest[:]} {
			if bytes.Contains(content, plain) {
				t.Errorf("%s has something plain", name)
			}
		}
	}
	id := h.ID(x.Of)
	check(t, h.db.View(func(r *tx.Reader) error {
		row := r.Get(bucketBlobs, id[:])
		for _, plain := range [][]byte{x.Manifest[:], x.Key[:]} {
			if bytes.Contains(row, plain) {
				t.Error("row has something plain")
			}
		}
		return nil
	}))
}

// The layout of FORMAT.md, section "Kept files".
func TestLayout(t *testing.T) {
	h := newHouse(t)
	x := newThing(t, size)
	h.keep(x).Close()
	mac := hmac.New(sha256.New, append([]byte{1}, make([]byte, 31)...))
	fmt.Fprintf(mac, "blob%s%s", x.Manifest[:], x.Key[:])
	mac.Write([]byte{0, 0, 0, 0, 0, 5 << 4, 0, 77, 1})
	id := ID(mac.Sum(nil))
	var row []byte
	check(t, h.db.View(func(r *tx.Reader) error {
		row = bytes.Clone(r.Get(bucketBlobs, id[:]))
		return nil
	}))
	if row == nil {
		t.Fatal("no row")
	}
	if n := uint64(6*16 + size); !bytes.Equal(row[:16], append(make([]byte, 8), 0, 0, 0, 0, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))) {
		t.Errorf("head %x", row[:16])
	}
	path := filepath.Join(h.cfg.Dir, fmt.Sprintf("%x", row[16:32]))
	tree, err := os.ReadFile(path + ".tree")
	check(t, err)
	data, err := os.ReadFile(path + ".data")
	check(t, err)
	manifest := x.manifest.Marshal()
	if plain, err := blob.NewSealer(x.Key, blob.Manifests).Open(nil, x.Manifest, tree[:len(manifest)+16]); err != nil || !bytes.Equal(plain, manifest) {
		t.Errorf("manifest: %v", err)
	}
	if plain, err := blob.NewSealer(x.Key, blob.Pages).Open(nil, x.manifest.Pages[0], tree[34+48:]); err != nil || !bytes.Equal(plain, x.pages[0].Bytes()) {
		t.Errorf("page: %v", err)
	}
	if plain, err := blob.NewSealer(x.Key, blob.Chunks).Open(nil, x.pages[0][5], data[5*(blob.ChunkSize+16):]); err != nil || !bytes.Equal(plain, x.chunk(5)) {
		t.Errorf("chunk: %v", err)
	}
}

func TestProvenBeforeSealed(t *testing.T) {
	h := newHouse(t)
	x, other := newThing(t, size), newThing(t, size+1)
	b, err := h.Make(x.Of)
	check(t, err)
	defer b.Close()
	for name, c := range map[string]struct{ err, want error }{
		"page before the manifest": {b.PutPage(0, x.pages[0].Bytes()), ErrNotHeld},
		"chunk before its page":    {b.PutChunk(0, x.chunk(0)), ErrNotHeld},
		"another manifest":         {b.PutManifest(other.manifest.Marshal()), blob.ErrProof},
		"no manifest":              {second(b.Manifest()), ErrNotHeld},
		"no page":                  {second(b.Page(0)), ErrNotHeld},
		"no chunk":                 {second(b.ReadChunk(0, blob.NewBuffer())), ErrNotHeld},
	} {
		if !errors.Is(c.err, c.want) {
			t.Errorf("%s: %v", name, c.err)
		}
	}
	x.prove(t, b)
	changed := bytes.Clone(x.chunk(0))
	changed[0] ^= 1
	for name, c := range map[string]struct{ err, want error }{
		"page of another":       {b.PutPage(0, other.pages[0].Bytes()), blob.ErrProof},
		"page that is short":    {b.PutPage(0, x.pages[0].Bytes()[:32]), blob.ErrMalformed},
		"page past the end":     {b.PutPage(1, x.pages[0].Bytes()), blob.ErrMalformed},
		"page -1":               {b.PutPage(-1, x.pages[0].Bytes()), blob.ErrMalformed},
		"chunk that changed":    {b.PutChunk(0, changed), blob.ErrProof},
		"chunk in another's":    {b.PutChunk(0, x.chunk(1)), blob.ErrProof},
		"chunk that is short":   {b.PutChunk(0, x.chunk(0)[1:]), blob.ErrProof},
		"chunk that is long":    {b.PutChunk(5, append(bytes.Clone(x.chunk(5)), 0)), blob.ErrProof},
		"chunk past the end":    {b.PutChunk(6, nil), blob.ErrMalformed},
		"chunk -1":              {b.PutChunk(-1, nil), blob.ErrMalformed},
		"chunk that isn't here": {second(b.ReadChunk(0, blob.NewBuffer())), ErrNotHeld},
	} {
		if !errors.Is(c.err, c.want) {
			t.Errorf("%s: %v", name, c.err)
		}
	}
	if i := b.Info(); i.Chunks.Count() != 0 || !i.Proven || i.Pages.Count() != 1 {
		t.Errorf("%+v", i)
	}
	if slices.ContainsFunc(h.names(), func(name string) bool { return filepath.Ext(name) == dataFile }) {
		t.Error("something was sealed")
	}

	// A manifest that is what its hash says, and not what the message says.
	for _, of := range []Of{{x.Manifest, x.Key, size + 1, blob.File}, {x.Manifest, x.Key, size, blob.Folder}} {
		lie, err := h.Make(of)
		check(t, err)
		if err := lie.PutManifest(x.manifest.Marshal()); !errors.Is(err, blob.ErrMalformed) {
			t.Error(err)
		}
		if lie.ID() == b.ID() {
			t.Error("a lie stands in the way")
		}
		lie.Close()
	}
	for _, of := range []Of{{x.Manifest, x.Key, blob.MaxSize + 1, blob.File}, {x.Manifest, x.Key, size, 3}} {
		if _, err := h.Make(of); !errors.Is(err, blob.ErrMalformed) {
			t.Error(err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

// A stream of more than a page, most of which is zeros.
func TestPages(t *testing.T) {
	h := newHouse(t)
	const chunks = 2*blob.PageLeaves + 3
	zeros := make([]byte, blob.ChunkSize)
	var pages []blob.Page
	m := blob.Manifest{Kind: blob.File, Size: chunks * blob.ChunkSize}
	for i := range m.Shape().Pages() {
		_, count := m.Shape().Page(i)
		pages = append(pages, slices.Repeat(blob.Page{blob.Leaf(zeros)}, count))
		m.Pages = append(m.Pages, pages[i].Hash())
	}
	of := Of{m.Hash(), [32]byte{9}, m.Size, blob.File}
	b, err := h.Make(of)
	check(t, err)
	check(t, b.PutManifest(m.Marshal()))
	check(t, b.PutPage(2, pages[2].Bytes()))
	check(t, b.PutChunk(chunks-1, zeros))
	if err := b.PutChunk(blob.PageLeaves, zeros); err != ErrNotHeld {
		t.Fatal(err)
	}
	check(t, b.PutPage(1, pages[1].Bytes()))
	check(t, b.PutChunk(blob.PageLeaves, zeros))
	check(t, b.Commit(ctx, nil))
	b.Close()
	b, err = h.Open(of)
	check(t, err)
	defer b.Close()
	buffer := blob.NewBuffer()
	for _, i := range []int{chunks - 1, blob.PageLeaves, chunks - 1} {
		if got, err := b.ReadChunk(i, buffer); err != nil || !bytes.Equal(got, zeros) {
			t.Fatal(err)
		}
	}
	if _, err := b.Page(0); err != ErrNotHeld {
		t.Error(err)
	}
}

func TestTake(t *testing.T) {
	h := newHouse(t)
	for _, keep := range []bool{true, false} {
		x := newThing(t, size)
		x.Key[0] ^= byte(len(h.names()))
		var told sync.Map
		m := blob.Manifest{Kind: blob.File, Size: size}
		b, err := h.Take(m, x.Key, bytes.NewReader(x.content), keep, func(n int) error {
			told.Store(n, true)
			return nil
		})
		check(t, err)
		if b.Info().Of != x.Of {
			t.Fatalf("%+v", b.Info().Of)
		}
		place := Place{Path: "/home/\xff", Size: size, Modified: -5, Original: true, Whole: true}
		check(t, b.Commit(ctx, func(i *Info) { i.Places = []Place{place} }))
		b.Close()
		h.crash()
		h.settle()
		b, err = h.Open(x.Of)
		check(t, err)
		if keep {
			x.whole(t, b)
		} else if _, err := b.ReadChunk(0, blob.NewBuffer()); err != ErrNotHeld {
			t.Error(err)
		}
		if p, err := b.Page(0); err != nil || !slices.Equal(p, x.pages[0]) {
			t.Error(err)
		}
		if i := b.Info(); len(i.Places) != 1 || i.Places[0] != place {
			t.Errorf("%+v", i.Places)
		}
		b.Close()
	}
	before := len(h.names())
	broken := errors.New("broken")
	x := newThing(t, size)
	if _, err := h.Take(x.manifest, [32]byte{5}, bytes.NewReader(x.content), true, func(int) error { return broken }); !errors.Is(err, broken) {
		t.Error(err)
	}
	if _, err := h.Take(x.manifest, [32]byte{5}, bytes.NewReader(x.content[1:]), true, func(int) error { return nil }); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error(err)
	}
	h.removeStale()
	if n := len(h.names()); n != before {
		t.Errorf("%d files are left", n-before)
	}
}

func TestInfo(t *testing.T) {
	h := newHouse(t)
	x := newThing(t, size)
	b := h.keep(x)
	made := h.clock()
	h.pass(time.Hour)
	var part blob.Set
	part.Add(1, 3)
	want := b.Info()
	want.Places = []Place{{Path: "/a", Size: 7, Modified: 8, Whole: true}, {Path: "/b", Original: true}}
	want.Partial = &Partial{Folder: "/c", Part: "p", Chunks: part}
	want.Due = h.clock().Add(time.Hour)
	check(t, b.Commit(ctx, func(i *Info) {
		i.Places, i.Partial, i.Due = want.Places, want.Partial, want.Due
		i.Chunks, i.Size, i.Proven = blob.Set{}, 5, false // which it can't change
	}))
	want.Used = h.clock()
	if got := b.Info(); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v\nnot %+v", got, want)
	}
	if !want.Made.Equal(made) {
		t.Errorf("made %v", want.Made)
	}
	b.Close()
	h.crash()
	b, err := h.Open(x.Of)
	check(t, err)
	defer b.Close()
	if got := b.Info(); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v\nnot %+v", got, want)
	}
	check(t, b.Commit(ctx, func(i *Info) { i.Partial = &Partial{} }))
	if list, err := h.List(ID{}, 1); err != nil || list[0].Partial == nil {
		t.Error("a partial of which nothing is known is none", err)
	}
	check(t, b.Commit(ctx, func(i *Info) { i.Partial = want.Partial }))
	b.Info().Partial.Chunks.Add(5, 1)
	if b.Info().Partial.Chunks.Has(5) {
		t.Error("what Info returns is shared")
	}
	for name, change := range map[string]func(*Info){
		"places": func(i *Info) { i.Places = make([]Place, MaxPlaces+1) },
		"path":   func(i *Info) { i.Places = []Place{{Path: string(make([]byte, maxPath+1))}} },
		"folder": func(i *Info) { i.Partial = &Partial{Folder: string(make([]byte, maxPath+1))} },
		"part":   func(i *Info) { i.Partial = &Partial{Part: string(make([]byte, maxPart+1))} },
	} {
		if err := b.Commit(ctx, change); err == nil {
			t.Errorf("%s: it has room", name)
		}
		if err := b.Empty(ctx, change); err == nil {
			t.Errorf("%s: it has room", name)
		}
	}
	check(t, b.Commit(ctx, func(i *Info) {
		i.Places = slices.Repeat([]Place{{Path: string(make([]byte, maxPath)), Size: 1<<64 - 1, Modified: -1, Original: true, Whole: true}}, MaxPlaces)
		i.Partial.Folder = string(make([]byte, maxPath))
	}))
	if _, err := h.List(ID{}, 1); err != nil {
		t.Error(err)
	}
}

func TestDue(t *testing.T) {
	h := newHouse(t)
	var all []*thing
	for i := range 4 {
		x := newThing(t, 100+i)
		all = append(all, x)
		b := h.keep(x)
		if i < 3 {
			check(t, b.Commit(ctx, func(n *Info) { n.Due = h.clock().Add(time.Duration(3-i) * time.Hour) }))
		}
		b.Close()
	}
	due := func(want ...*thing) {
		t.Helper()
		list, err := h.Due(10)
		check(t, err)
		var got, wanted []ID
		for _, l := range list {
			got = append(got, l.ID)
			if l.ID != h.ID(l.Of) {
				t.Error("another's ID")
			}
		}
		for _, x := range want {
			wanted = append(wanted, h.ID(x.Of))
		}
		if !slices.Equal(got, wanted) {
			t.Errorf("%x are due, not %x", got, wanted)
		}
	}
	due()
	h.pass(2 * time.Hour)
	due(all[2], all[1])
	if list, err := h.Due(1); err != nil || len(list) != 1 {
		t.Error(len(list), err)
	}
	b, err := h.Open(all[2].Of)
	check(t, err)
	check(t, b.Empty(ctx, func(i *Info) { i.Due = time.Time{} }))
	if _, err := b.ReadChunk(0, blob.NewBuffer()); err != ErrNotHeld {
		t.Error(err)
	}
	if p, err := b.Page(0); err != nil || len(p) != 1 {
		t.Error("what proves it is gone as well")
	}
	b.Close()
	due(all[1])
	b, err = h.Open(all[1].Of)
	check(t, err)
	check(t, b.Delete(ctx))
	b.Close()
	due()
	h.pass(time.Hour)
	due(all[0])
}

func TestList(t *testing.T) {
	h := newHouse(t)
	want := map[ID]Of{}
	var bytes uint64
	for i := range 7 {
		x := newThing(t, 1000+i)
		h.keep(x).Close()
		want[h.ID(x.Of)] = x.Of
		bytes += uint64(1000 + i + 16)
	}
	got := map[ID]Of{}
	var after ID
	for {
		page, err := h.List(after, 3)
		check(t, err)
		if len(page) == 0 {
			break
		}
		if len(page) > 3 {
			t.Fatalf("a page of %d", len(page))
		}
		for _, l := range page {
			got[l.ID], after = l.Of, l.ID
		}
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%d listed", len(got))
	}
	if n, sum, err := h.Sum(); err != nil || n != 7 || sum != bytes {
		t.Errorf("%d blobs, %d bytes, %v", n, sum, err)
	}
}

func TestForget(t *testing.T) {
	h := newHouse(t)
	x := newThing(t, size)
	b := h.keep(x)
	check(t, b.Commit(ctx, func(i *Info) { i.Partial = &Partial{Folder: "/f\xff", Part: "p"} }))

	// What takes it away may fail.
	broken := errors.New("broken")
	if err := h.writer.Do(ctx, func(t *tx.Batch) error {
		if err := h.Forget(t, b.ID()); err != nil {
			return err
		}
		return broken
	}); err != broken {
		t.Fatal(err)
	}
	x.whole(t, b)
	check(t, b.Commit(ctx, nil))

	check(t, h.writer.Do(ctx, func(t *tx.Batch) error { return h.Forget(t, b.ID()) }))
	for name, err := range map[string]error{
		"read":   second(b.ReadChunk(0, blob.NewBuffer())),
		"put":    b.PutManifest(x.manifest.Marshal()),
		"commit": b.Commit(ctx, nil),
		"empty":  b.Empty(ctx, nil),
	} {
		if err != ErrForgotten {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := h.Open(x.Of); err != ErrNoBlob {
		t.Error(err)
	}
	left, err := h.Leftovers()
	check(t, err)
	if len(left) != 1 || left[0].Folder != "/f\xff" || left[0].Part != "p" {
		t.Fatalf("left over: %+v", left)
	}
	check(t, h.Removed(ctx, left[0]))
	if left, err := h.Leftovers(); err != nil || len(left) != 0 {
		t.Error(left, err)
	}

	// It may begin again before the files of the first are gone.
	again := h.keep(x)
	if again == b {
		t.Fatal("it is the one that was forgotten")
	}
	h.removeStale()
	x.whole(t, again)
	b.Close()
	h.removeStale()
	x.whole(t, again)
	again.Close()
	if n := len(h.names()); n != 2 {
		t.Errorf("%d files", n)
	}
}

// What was begun and not committed is forgotten as well, and does not come back.
func TestForgetWhatWasBegun(t *testing.T) {
	h := newHouse(t)
	x := newThing(t, size)
	b, err := h.Make(x.Of)
	check(t, err)
	x.prove(t, b)
	// All three in one transaction.
	var waits []func() error
	hold := make(chan struct{})
	waits = append(waits, h.writer.Submit(ctx, func(*tx.Batch) error { <-hold; return nil }))
	waits = append(waits, h.writer.Submit(ctx, func(t *tx.Batch) error { return h.Forget(t, b.ID()) }))
	committed := make(chan error)
	go func() { committed <- b.Commit(ctx, nil) }()
	close(hold)
	for _, wait := range waits {
		check(t, wait())
	}
	if err := <-committed; err != ErrForgotten {
		t.Error(err)
	}
	if n, _, err := h.Sum(); n != 0 || err != nil {
		t.Errorf("%d blobs, %v", n, err)
	}
	b.Close()
	h.removeStale()
	if names := h.names(); len(names) > 0 {
		t.Error(names)
	}
	// Nor within one transaction.
	b, err = h.Make(x.Of)
	check(t, err)
	defer b.Close()
	check(t, h.writer.Do(ctx, func(t *tx.Batch) error {
		if err := h.Forget(t, b.ID()); err != nil {
			return err
		}
		if !h.forgets(t, b) {
			return errors.New("would be written")
		}
		return nil
	}))
}

func TestShared(t *testing.T) {
	h := newHouse(t)
	x := newThing(t, 40*blob.ChunkSize+1)
	b, err := h.Make(x.Of)
	check(t, err)
	defer b.Close()
	x.prove(t, b)
	var all sync.WaitGroup
	for range 2 {
		all.Go(func() {
			for i := range x.chunks() {
				check(t, b.PutChunk(i, x.chunk(i)))
				if i%16 == 0 {
					check(t, b.Commit(ctx, nil))
				}
			}
		})
		all.Go(func() {
			buffer := blob.NewBuffer()
			defer buffer.Free()
			for i := 0; i < x.chunks(); {
				got, err := b.ReadChunk(i, buffer)
				switch {
				case err == ErrNotHeld:
					continue
				case err != nil || !bytes.Equal(got, x.chunk(i)):
					t.Errorf("chunk %d: %v", i, err)
				}
				i++
			}
		})
	}
	all.Wait()
	x.whole(t, b)
}

// Few files stay open, and those that were written until they are committed.
func TestOpenFiles(t *testing.T) {
	h := newHouse(t)
	var blobs []*Blob
	var things []*thing
	for i := range maxOpen {
		x := newThing(t, 10+i)
		b := h.keep(x)
		defer b.Close()
		blobs, things = append(blobs, b), append(things, x)
	}
	if n := len(h.files); n != maxOpen {
		t.Errorf("%d files are open", n)
	}
	for i, b := range blobs {
		things[i].whole(t, b)
	}
	if n := len(h.files); n > maxOpen {
		t.Errorf("%d files are open", n)
	}
	x := newThing(t, size)
	b, err := h.Make(x.Of)
	check(t, err)
	defer b.Close()
	x.prove(t, b)
	for i, b := range blobs {
		things[i].whole(t, b)
	}
	if b.files[treeFile] == nil {
		t.Error("a file was closed that waits for a commit")
	}
}

// TestDamagedRow: one row that could not be read held up all behind it, for ever.
func TestDamagedRow(t *testing.T) {
	h := newHouse(t)
	var all []*thing
	for i := range 3 {
		x := newThing(t, 100+i)
		all = append(all, x)
		b := h.keep(x)
		check(t, b.Commit(ctx, func(n *Info) { n.Due = h.clock().Add(time.Duration(i+1) * time.Hour) }))
		b.Close()
	}
	h.pass(4 * time.Hour)
	bad := h.ID(all[0].Of)
	check(t, h.writer.Do(ctx, func(b *tx.Batch) error {
		row := bytes.Clone(b.Get(bucketBlobs, bad[:]))
		row[len(row)-1] ^= 1
		b.Put(bucketBlobs, bad[:], row)
		b.Put(bucketLeftovers, bytes.Repeat([]byte{0}, nameSize), []byte("?"))
		h.putLeftover(b, fileName{1}, Partial{Folder: "/a", Part: "p"})
		return nil
	}))
	for range 2 {
		if list, err := h.List(ID{}, 10); err != nil || len(list) != 2 {
			t.Errorf("%d are listed, %v", len(list), err)
		}
		if due, err := h.Due(10); err != nil || len(due) != 2 || due[0].ID != h.ID(all[1].Of) {
			t.Errorf("%d are due, %v", len(due), err)
		}
		if left, err := h.Leftovers(); err != nil || len(left) != 1 || left[0].Part != "p" {
			t.Errorf("%v is left, %v", left, err)
		}
	}
	if told := strings.Count(h.log.String(), "left out"); told != 3 {
		t.Errorf("it is told %d times: %s", told, h.log)
	}
	if _, err := h.Open(all[0].Of); err != ErrNoBlob {
		t.Error(err)
	}
	b := h.keep(all[0]) // it has come again
	defer b.Close()
	all[0].whole(t, b)
	if list, err := h.List(ID{}, 10); err != nil || len(list) != 3 {
		t.Errorf("%d are listed, %v", len(list), err)
	}
}
