package engine

import (
	"encoding/binary"
	"errors"
	"hash/fnv"
	"io"
	"math/bits"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/earshot-im/earshot/store/disk"
)

// growBytes is by how much the file grows at least, once it does.
const growBytes = 1 << 20

// lockWait is how long a program that doesn't know of our lock may hold bbolt's.
const lockWait = time.Second

// reserve is how many bytes of addresses are kept for the map of the file. When bbolt makes it larger, it
// waits for all readers, and new ones wait behind it. Addresses cost nothing where there are enough of them,
// and a map may be larger than its file.
//
// It is a variable for tests.
var reserve = func() int {
	if bits.UintSize < 64 || runtime.GOOS == "windows" {
		return 0
	}
	return 16 << 30
}

func path(dir, name string) string { return filepath.Join(dir, name) }

func options(readOnly bool) *bbolt.Options {
	return &bbolt.Options{
		Timeout:         lockWait,
		FreelistType:    bbolt.FreelistMapType, // constant time in large files
		ReadOnly:        readOnly,
		InitialMmapSize: reserve(),
		OpenFile: func(path string, flag int, _ os.FileMode) (*os.File, error) {
			if readOnly {
				return os.OpenFile(path, flag, 0)
			}
			return disk.OpenPrivate(path, flag)
		},
	}
}

// openDatabase opens a bbolt file, after a look at what bbolt would not survive.
func openDatabase(cfg Config, name string, readOnly bool) (db *bbolt.DB, err error) {
	f, err := cfg.Files.Open(name, os.O_RDONLY)
	if err != nil {
		return nil, wrap("open database", err)
	}
	size, err := f.Size()
	if err == nil {
		err = checkFile(f, size)
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		return nil, err
	}
	o := options(readOnly)
	db, err = openBolt(path(cfg.Dir, name), o)
	if err != nil && o.InitialMmapSize > 0 && !errors.Is(err, disk.ErrDamaged) && !errors.Is(err, disk.ErrLocked) { // addresses may be limited
		o.InitialMmapSize = 0
		db, err = openBolt(path(cfg.Dir, name), o)
	}
	return db, err
}

func openBolt(path string, o *bbolt.Options) (db *bbolt.DB, err error) {
	err = guard(func() (err error) {
		db, err = bbolt.Open(path, 0o600, o)
		return err
	})
	if db != nil {
		db.AllocSize = growBytes
	}
	switch {
	case errors.Is(err, bolterrors.ErrInvalid), errors.Is(err, bolterrors.ErrChecksum), errors.Is(err, bolterrors.ErrVersionMismatch):
		err = disk.Damaged("%w", err)
	case errors.Is(err, bolterrors.ErrTimeout):
		err = &disk.LockedError{}
	}
	return db, err
}

// guard has f fail with disk.ErrDamaged where bbolt panics or faults because of damage in a page.
func guard(f func() error) (err error) {
	was := debug.SetPanicOnFault(true)
	defer func() {
		debug.SetPanicOnFault(was)
		if r := recover(); r != nil {
			err = disk.Damaged("%v", r)
		}
	}()
	return f()
}

// The file format of bbolt, version 2, in the byte order of the machine. Its source is internal/common of
// https://github.com/etcd-io/bbolt. Pages 0 and 1 are metas.
const (
	pageHeader = 16 // id 8, flags 2, count 2, overflow 4
	// magic, version, page size, flags: 4 each; root, sequence, freelist, high, tx, checksum: 8 each
	metaSize = 64

	flagFreelist = 16
	manyFree     = 0xFFFF // the count of a freelist whose first 8 bytes are the count

	boltMagic   = 0xED0CDAED
	boltVersion = 2
)

// meta is what a meta page says.
type meta struct {
	at                 int64 // where the page begins
	pageSize           int64
	freelist, high, tx uint64
}

// checkFile refuses a file whose meta pages or whose list of free pages bbolt could not use. bbolt would
// make do with one meta page, and go back to the transaction before the last if only the older one is whole.
// But a meta page fits a sector, so no crash tears it: one that is wrong was damaged later.
func checkFile(f io.ReaderAt, size int64) error {
	newest, err := newestMeta(f)
	if err != nil {
		return err
	}
	if newest.high < 3 || newest.high > uint64(size/newest.pageSize) {
		return disk.Damaged("%d pages in a file of %d bytes", newest.high, size)
	}
	return checkFree(f, newest)
}

// newestMeta returns what the meta page says that counts.
func newestMeta(f io.ReaderAt) (newest meta, err error) {
	for i := range int64(2) {
		m, err := readMeta(f, i, newest.pageSize)
		if err != nil {
			return meta{}, err
		}
		if i == 0 || m.tx > newest.tx {
			newest = m
		}
	}
	return newest, nil
}

// makeDurable makes durable what can be read of the database, before this program first writes it. The one before may
// have been killed between writing a meta page and its sync, or that has failed, and the system keeps in memory
// what it has lost. If the page is lost after all, the older one counts, and bbolt would have overwritten pages
// of that. What the newest meta page needs was synced before it was written.
func makeDurable(files disk.Files) error {
	f, err := files.Open(Database, os.O_RDWR)
	if err != nil {
		return err
	}
	defer f.Close()
	m, err := newestMeta(f)
	if err != nil {
		return err
	}
	b := make([]byte, pageHeader+metaSize)
	if _, err := f.ReadAt(b, m.at); err != nil {
		return err
	}
	if _, err := f.WriteAt(b, m.at); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	return files.Sync() // it may have taken the place of another file just before
}

func readMeta(f io.ReaderAt, i, pageSize int64) (m meta, err error) {
	order := binary.NativeEndian
	b := make([]byte, pageHeader+metaSize)
	if _, err := f.ReadAt(b, i*pageSize); err != nil {
		return m, disk.Damaged("meta page %d: %w", i, err)
	}
	b = b[pageHeader:]
	h := fnv.New64a()
	h.Write(b[:56])
	m = meta{i * pageSize, int64(order.Uint32(b[8:])), order.Uint64(b[32:]), order.Uint64(b[40:]), order.Uint64(b[48:])}
	switch {
	case order.Uint32(b) != boltMagic || order.Uint32(b[4:]) != boltVersion:
		return m, disk.Damaged("meta page %d is none", i)
	case order.Uint64(b[56:]) != h.Sum64():
		return m, disk.Damaged("meta page %d has a wrong checksum", i)
	case m.pageSize < 1<<10 || m.pageSize > 1<<16 || m.pageSize&(m.pageSize-1) != 0 || i > 0 && m.pageSize != pageSize:
		return m, disk.Damaged("page size %d", m.pageSize)
	}
	return m, nil
}

// checkFree checks that the list of free pages names pages that there are, each once and in order.
func checkFree(f io.ReaderAt, m meta) error {
	order := binary.NativeEndian
	at := int64(m.freelist) * m.pageSize
	head := make([]byte, pageHeader+8)
	if m.freelist < 2 || m.freelist >= m.high {
		return disk.Damaged("no list of free pages")
	}
	if _, err := f.ReadAt(head, at); err != nil {
		return disk.Damaged("list of free pages: %w", err)
	}
	count, first, overflow := uint64(order.Uint16(head[10:])), int64(pageHeader), uint64(order.Uint32(head[12:]))
	if count == manyFree {
		count, first = order.Uint64(head[pageHeader:]), pageHeader+8
	}
	if order.Uint64(head) != m.freelist || order.Uint16(head[8:]) != flagFreelist || overflow >= m.high ||
		count > m.high || uint64(first)+8*count > (overflow+1)*uint64(m.pageSize) {
		return disk.Damaged("page %d is no list of %d free pages", m.freelist, count)
	}
	ids := make([]byte, 8*count)
	if _, err := f.ReadAt(ids, at+first); err != nil {
		return disk.Damaged("list of free pages: %w", err)
	}
	last := uint64(1)
	for ; len(ids) > 0; ids = ids[8:] {
		id := order.Uint64(ids)
		if id <= last || id >= m.high {
			return disk.Damaged("free page %d", id)
		}
		last = id
	}
	return nil
}
