package shelf

import (
	"bytes"
	"context"
	"crypto/rand"
	"log/slog"
	mathrand "math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/blob"
	"github.com/earshot-im/earshot/store/directory"
	"github.com/earshot-im/earshot/store/tx"
)

var ctx = context.Background()

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// house is a directory with a shelf and its writer.
type house struct {
	*Shelf
	t      testing.TB
	dir    string
	disk   *directory.Directory
	db     *tx.DB
	writer *tx.Writer
	stop   func() // ends the writer and lets go of the database
	log    *logged
	before func() // nil: called before each commit

	mu  sync.Mutex
	now time.Time
}

// logged is what was logged.
type logged struct {
	mu sync.Mutex
	bytes.Buffer
}

func (l *logged) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.Buffer.Write(b)
}

func (l *logged) has(s string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Contains(l.String(), s)
}

func newHouse(t testing.TB) *house {
	t.Helper()
	h := &house{t: t, dir: t.TempDir(), now: time.UnixMilli(1_700_000_000_000), log: new(logged)}
	h.open()
	t.Cleanup(func() { h.stop() })
	return h
}

// open opens the directory. What Shelf.Run does must be called.
func (h *house) open() {
	h.t.Helper()
	d, err := directory.Open(directory.Config{Dir: h.dir, Rand: rand.Reader})
	check(h.t, err)
	h.disk, h.db = d, tx.New(d.Engine)
	h.writer = tx.NewWriter(h.db, hooks{h}, slog.New(slog.DiscardHandler))
	running, cancel := context.WithCancel(ctx)
	done := make(chan error)
	go func() { done <- h.writer.Run(running) }()
	h.Shelf = New(Config{
		DB: h.db, Writer: h.writer, Keyring: &d.Keyring, Mask: [32]byte{1}, Now: h.clock, Dir: filepath.Join(h.dir, "blobs"),
		Log: slog.New(slog.NewTextHandler(h.log, nil)),
	})
	s := h.Shelf
	h.stop = func() {
		h.stop = func() {}
		cancel()
		check(h.t, <-done)
		check(h.t, s.Close())
		check(h.t, d.Close())
	}
}

// crash ends all at once: what was not committed is lost but for what is in files, and nothing was
// removed.
func (h *house) crash() {
	h.t.Helper()
	h.stop()
	h.open()
}

// settle does what Run does until there is nothing to do.
func (h *house) settle() {
	h.t.Helper()
	check(h.t, h.sweep())
	h.removeStale()
}

func (h *house) clock() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

func (h *house) pass(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = h.now.Add(d)
}

// names lists the files.
func (h *house) names() (names []string) {
	h.t.Helper()
	entries, err := os.ReadDir(h.cfg.Dir)
	if err != nil && !os.IsNotExist(err) {
		h.t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

type hooks struct{ h *house }

func (hooks) Idle() func(*tx.Batch) error { return nil }
func (hooks) Committed(*tx.Batch)         {}
func (hooks) Answered(*tx.Batch)          {}
func (hooks) Undone(bool)                 {}

// Finish is called before anything is committed.
func (k hooks) Finish(*tx.Batch) error {
	if k.h.before != nil {
		k.h.before()
	}
	return nil
}

// thing is a stream with all that proves it.
type thing struct {
	Of
	content  []byte
	manifest blob.Manifest
	pages    []blob.Page
}

func newThing(t testing.TB, size int) *thing {
	t.Helper()
	x := &thing{content: make([]byte, size)}
	random := mrand(uint64(size))
	random.Read(x.content)
	random.Read(x.Key[:])
	x.manifest = blob.Manifest{Kind: blob.File, Size: uint64(size)}
	x.pages = make([]blob.Page, x.manifest.Shape().Pages())
	check(t, blob.Build(&x.manifest, bytes.NewReader(x.content),
		func(_ int, chunk []byte) (crypto.Hash, error) { return blob.Leaf(chunk), nil },
		func(i int, p blob.Page) error { x.pages[i] = p; return nil }))
	x.Of = Of{x.manifest.Hash(), x.Key, uint64(size), blob.File}
	return x
}

func mrand(seed uint64) *mathrand.ChaCha8 {
	return mathrand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8), byte(seed >> 16), byte(seed >> 24)})
}

func (x *thing) chunk(i int) []byte {
	at, size := x.manifest.Shape().Chunk(i)
	return x.content[at:][:size]
}

func (x *thing) chunks() int { return x.manifest.Shape().Chunks() }

// prove puts all that proves the stream.
func (x *thing) prove(t testing.TB, b *Blob) {
	t.Helper()
	check(t, b.PutManifest(x.manifest.Marshal()))
	for i, p := range x.pages {
		check(t, b.PutPage(i, p.Bytes()))
	}
}

// keep puts a thing on the shelf, whole and committed.
func (h *house) keep(x *thing) *Blob {
	h.t.Helper()
	b, err := h.Make(x.Of)
	check(h.t, err)
	x.prove(h.t, b)
	for i := range x.chunks() {
		check(h.t, b.PutChunk(i, x.chunk(i)))
	}
	check(h.t, b.Commit(ctx, nil))
	return b
}

// whole checks that a blob has everything of a thing.
func (x *thing) whole(t testing.TB, b *Blob) {
	t.Helper()
	for i := range x.chunks() {
		x.reads(t, b, i)
	}
}

func (x *thing) reads(t testing.TB, b *Blob, i int) {
	t.Helper()
	buffer := blob.NewBuffer()
	defer buffer.Free()
	got, err := b.ReadChunk(i, buffer)
	if err != nil || !bytes.Equal(got, x.chunk(i)) {
		t.Fatalf("chunk %d: %d bytes, %v", i, len(got), err)
	}
}
