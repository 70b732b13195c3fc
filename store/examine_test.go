package store

import (
	"context"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/earshot-im/earshot/store/directory"
	"github.com/earshot-im/earshot/store/layout"
	"github.com/earshot-im/earshot/store/tx"
)

// Examine finds in the database of a stopped node what would keep it from starting, and changes nothing.
func TestExamineFindsWhatKeepsANodeFromStarting(t *testing.T) {
	a, other := newNode(t), newNode(t)
	if _, err := Examine(ctx, a.dir, nil); !errors.Is(err, ErrLocked) {
		t.Errorf("a running node: %v", err)
	}
	a.stop()
	other.stop()
	path := filepath.Join(a.dir, "store.db")
	whole, err := os.ReadFile(path)
	check(t, err)
	write := func(do func(b *tx.Batch)) func() {
		return func() {
			d, err := directory.Open(directory.Config{Dir: a.dir})
			check(t, err)
			check(t, tx.New(d.Engine).Update(func(b *tx.Batch) error { do(b); return nil }))
			check(t, d.Close())
		}
	}
	version := func(v uint64) func() {
		return write(func(b *tx.Batch) { b.Put(bucketMeta, metaVersion, layout.U64(v)) })
	}
	for _, c := range []struct {
		what string
		do   func()
		want error
	}{
		{"as it was written", func() {}, nil},
		{"of a newer program", version(formatVersion + 1), ErrNewer},
		{"without a version", version(0), ErrDamaged},
		{"without what its keyring opens", write(func(b *tx.Batch) { b.Put(bucketMeta, metaMAC, []byte("x")) }), ErrDamaged},
		{"damaged", func() { check(t, os.Truncate(path, int64(len(whole)/2))) }, ErrDamaged},
		{"of another keyring", func() {
			keyring, err := os.ReadFile(filepath.Join(other.dir, "keyring"))
			check(t, err)
			check(t, os.WriteFile(filepath.Join(a.dir, "keyring"), keyring, 0o600))
		}, ErrDamaged},
	} {
		check(t, os.WriteFile(path, whole, 0o600))
		c.do()
		before, err := os.ReadFile(path)
		check(t, err)
		x, err := Examine(context.Background(), a.dir, nil)
		if err != nil || x.Keyring != nil || !errors.Is(x.Database, c.want) {
			t.Errorf("%s: %+v, %v", c.what, x, err)
		}
		if after, err := os.ReadFile(path); err != nil || string(after) != string(before) {
			t.Errorf("%s: the file was changed: %v", c.what, err)
		}
	}
}

// A first start that has crashed leaves a keyring and nothing in the database, and the next goes on.
func TestExamineTakesAFirstStartThatCrashedForWhole(t *testing.T) {
	dir := t.TempDir()
	d, err := directory.Open(directory.Config{Dir: dir, Rand: rand.Reader})
	check(t, err)
	check(t, d.Close())
	if x, err := Examine(ctx, dir, nil); err != nil || x.Keyring != nil || x.Database != nil {
		t.Errorf("%+v, %v", x, err)
	}
}
