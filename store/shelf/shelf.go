package shelf

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"io"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/blob"
	"github.com/earshot-im/earshot/store/disk"
	"github.com/earshot-im/earshot/store/tx"
)

// The buckets of FORMAT.md, section "Database", that the shelf owns.
const (
	bucketBlobs     = tx.Bucket("blobs")
	bucketDue       = tx.Bucket("blobsdue")  // when sealed chunks are to go
	bucketLeftovers = tx.Bucket("leftovers") // what a forgotten blob has left in a folder of the owner's
)

// Buckets lists the buckets that must exist.
var Buckets = []tx.Bucket{bucketBlobs, bucketDue, bucketLeftovers}

// ID names a blob in this store.
type ID [16]byte

// Config says what a shelf works on.
type Config struct {
	DB      *tx.DB
	Writer  *tx.Writer
	Keyring *crypto.Keyring  // seals what is known of a blob
	Mask    [32]byte         // a secret key: hides what serves as a key
	Now     func() time.Time // the wall clock
	Log     *slog.Logger
	Dir     string // of the files. It is made when the first is
}

// Shelf is what is kept of files and folders. Make one by New, then call Run.
type Shelf struct {
	cfg  Config
	wake chan struct{} // has one if there may be files to remove

	mu    sync.Mutex // guards what follows; never held while a file or the database is used
	live  map[*Blob]struct{}
	named map[ID]*Blob // those of live whose manifest is known, but for the forgotten
	files map[*file]struct{}
	clock uint64     // counts uses of files
	stale []fileName // whose files are to be removed
	gone  int        // how many blobs were forgotten

	skipped disk.Skipped // rows that can't be read

	// batch is the last one in which something was forgotten, and forgotten what. Only the writer's
	// goroutine uses them.
	batch     *tx.Batch
	forgotten map[ID]bool
}

// New returns the shelf in a database whose buckets exist, or will when it is used. It starts nothing.
func New(cfg Config) *Shelf {
	return &Shelf{
		cfg:   cfg,
		wake:  make(chan struct{}, 1),
		live:  map[*Blob]struct{}{},
		named: map[ID]*Blob{},
		files: map[*file]struct{}{},
	}
}

// ID returns the name of a blob. Two that are of different sizes or kinds have different names, though
// only one of them can be proven.
func (s *Shelf) ID(of Of) ID {
	h := hmac.New(sha256.New, s.cfg.Mask[:])
	h.Write([]byte("blob"))
	h.Write(of.Manifest[:])
	h.Write(of.Key[:])
	h.Write(append(binary.BigEndian.AppendUint64(nil, of.Size), byte(of.Kind)))
	return ID(h.Sum(nil))
}

// Open returns what is kept of an attachment, or ErrNoBlob. Whoever opens the same shares it. Close it. Where it
// can't be read any more what is kept, nothing is, and Make begins anew.
func (s *Shelf) Open(of Of) (*Blob, error) { return s.open(of, false) }

// Make is Open, but where nothing is kept it begins. What it begins with is lost unless it is committed.
func (s *Shelf) Make(of Of) (*Blob, error) {
	if of.Size > blob.MaxSize || of.Kind != blob.File && of.Kind != blob.Folder {
		return nil, blob.ErrMalformed
	}
	return s.open(of, true)
}

func (s *Shelf) open(of Of, begin bool) (*Blob, error) {
	id := s.ID(of)
	for {
		s.mu.Lock()
		gone := s.gone
		b := s.share(id)
		s.mu.Unlock()
		if b != nil {
			return b, nil
		}
		var info Info
		var h head
		kept := false
		if err := s.cfg.DB.View(func(r *tx.Reader) (err error) {
			row := r.Get(bucketBlobs, id[:])
			if kept = row != nil; kept {
				info, h, err = parseRow(s.cfg.Keyring, id, row)
			}
			if s.skips(id[:], err) {
				kept, err = false, nil
			}
			return err
		}); err != nil {
			return nil, err
		}
		if !kept {
			if !begin {
				return nil, ErrNoBlob
			}
			info, h = Info{Of: of, Made: s.cfg.Now()}, head{name: newName()}
		}
		fresh := s.newBlob(info, h.name)
		fresh.id, fresh.kept = id, kept
		s.mu.Lock()
		if gone != s.gone { // it may have been this one
			s.mu.Unlock()
			continue
		}
		if b = s.share(id); b == nil {
			b = fresh
			s.live[b], s.named[id] = struct{}{}, b
		}
		s.mu.Unlock()
		return b, nil
	}
}

// share returns a blob that is open, nil if none is. s.mu is held.
func (s *Shelf) share(id ID) *Blob {
	b := s.named[id]
	if b != nil {
		b.users++
	}
	return b
}

func newName() (n fileName) {
	rand.Read(n[:]) // never fails
	return n
}

// Take reads a stream that the owner sends, once, and makes a blob of it, with all that proves it. m
// says its kind, size and index. If keep is set all chunks are kept sealed, else none. progress is
// called after each chunk with its size, from any goroutine; an error of it ends the work. What is made
// is lost unless it is committed.
func (s *Shelf) Take(m blob.Manifest, key [32]byte, source io.ReaderAt, keep bool, progress func(bytes int) error) (*Blob, error) {
	info := Info{Of: Of{Key: key, Size: m.Size, Kind: m.Kind}, Made: s.cfg.Now(), Proven: true}
	b := s.newBlob(info, newName())
	s.mu.Lock()
	s.live[b] = struct{}{}
	s.mu.Unlock()
	if err := b.take(&m, source, keep, progress); err != nil {
		b.Close()
		return nil, err
	}
	s.mu.Lock()
	s.named[b.id] = b // the key is random: nobody else has it yet
	s.mu.Unlock()
	return b, nil
}

// Holds reports whether all of a blob is kept, or was saved or is sent from somewhere else.
func (s *Shelf) Holds(r *tx.Reader, id ID) (bool, error) {
	row := r.Get(bucketBlobs, id[:])
	if row == nil {
		return false, nil
	}
	i, _, err := parseRow(s.cfg.Keyring, id, row)
	return err == nil && (i.Whole() || slices.ContainsFunc(i.Places, func(p Place) bool { return p.Whole })), err
}

// Forget forgets a blob, in a transaction with the reason for it. Its key is gone with that, and its
// files go soon after. What it has written to a folder of the owner's and not finished is among
// Leftovers then.
func (s *Shelf) Forget(b *tx.Batch, id ID) error {
	if s.batch != b {
		s.batch, s.forgotten = b, map[ID]bool{}
	}
	s.forgotten[id] = true
	row := b.Get(bucketBlobs, id[:])
	if row != nil {
		i, h, err := parseRow(s.cfg.Keyring, id, row)
		if err == nil && i.Partial != nil {
			s.putLeftover(b, h.name, *i.Partial)
		}
		if h.due != 0 {
			b.Delete(bucketDue, dueKey(h.due, id))
		}
		b.Delete(bucketBlobs, id[:])
		b.Then(func() { s.drop(id, h.name) })
		return nil
	}
	b.Then(func() { s.drop(id) }) // what was begun and not committed goes too
	return nil
}

// forgets reports whether a blob was forgotten, in this transaction maybe.
func (s *Shelf) forgets(t *tx.Batch, b *Blob) bool {
	if s.batch == t && s.forgotten[b.id] {
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return b.gone
}

// drop lets go of a blob that was forgotten, and of files. It is called by the writer.
func (s *Shelf) drop(id ID, names ...fileName) {
	s.batch, s.forgotten = nil, nil
	s.mu.Lock()
	s.gone++
	if b := s.named[id]; b != nil {
		b.gone = true
		delete(s.named, id)
		names = append(names, b.name)
	}
	s.stale = append(s.stale, names...)
	s.mu.Unlock()
	s.poke()
}

func (s *Shelf) poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Run removes files that are not needed any more, until the context ends: first those that a crash has
// left.
func (s *Shelf) Run(ctx context.Context) {
	if err := s.sweep(); err != nil {
		s.cfg.Log.Warn("look for files that a crash has left", "err", err)
	}
	for {
		s.removeStale()
		select {
		case <-s.wake:
		case <-ctx.Done():
			s.removeStale()
			return
		}
	}
}

func (s *Shelf) removeStale() {
	s.mu.Lock()
	names := s.stale
	s.stale = nil
	var idle []*file
	for f := range s.files {
		if f.users == 0 && slices.Contains(names, f.blob.name) {
			idle = append(idle, s.unlist(f))
		}
	}
	s.mu.Unlock()
	closeAll(idle)
	for _, name := range names {
		s.remove(name)
	}
}

// Close closes all files. Nobody uses the shelf any more.
func (s *Shelf) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []*file
	for f := range s.files {
		all = append(all, s.unlist(f))
	}
	return closeAll(all)
}
