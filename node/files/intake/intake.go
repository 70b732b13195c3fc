package intake

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	gosync "sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/earshot-im/earshot/node/files/picture"
	"github.com/earshot-im/earshot/node/files/place"
	"github.com/earshot-im/earshot/node/files/space"
	"github.com/earshot-im/earshot/node/files/tree"
	"github.com/earshot-im/earshot/node/files/voice"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/blob"
	"github.com/earshot-im/earshot/store/event"
	"github.com/earshot-im/earshot/store/shelf"
)

// Config is what an Intake is made of.
type Config struct {
	Dir   string // of the node
	Shelf *shelf.Shelf
	Space *space.Ledger
	Keep  func() uint64    // above which size no copy is made, in bytes, unless the owner says so
	Now   func() time.Time // the owner's clock
}

// Intake takes in what the owner sends. See the package's comment.
type Intake struct {
	cfg    Config
	adding chan struct{} // a place for what is taken in
	unpack chan struct{} // the same for each archive that comes, of which all paths are in memory
	taken  taken
}

// New returns an Intake.
func New(cfg Config) *Intake {
	return &Intake{cfg: cfg, adding: make(chan struct{}, 1), unpack: make(chan struct{}, maxUnpacked), taken: taken{by: make(map[string]*takenIn)}}
}

// Adding is what is to be taken in.
type Adding struct {
	Path    string // absolute, of a file or folder
	Keep    bool   // make a copy, however large it is
	InPlace bool   // make none
	Picture bool   // take out what tells place and device, make a preview
	Voice   bool
	Anyway  bool // send a picture as it is if that can't be done

	// Content is taken in, and kept, where there is no path: a file of this name and type or, with Folder,
	// a folder of this name, as a tar archive of what is in it. It is of any length.
	Content io.Reader
	Folder  bool
	Size    int64 // of Content, as its sender says; -1: not known
	Name    string
	Type    string
}

// Added is what was taken in.
type Added struct {
	File       string // names it, for an hour: see Sendable
	Attachment event.Attachment
	Kept       bool     // a sealed copy is here, else it is sent in place
	Skipped    []string // of a folder: what is left out, at most 100
	Others     int      // how many more are left out
}

const (
	// takenFor is how long what was taken in waits for a message, and maxTaken how much of it. What it has
	// made is dropped somewhat later, so that nothing is sent at that moment.
	takenFor  = time.Hour
	dropAfter = takenFor + 10*time.Minute
	maxTaken  = 1024

	// maxSkipped is how many paths are told that are left out.
	maxSkipped = 100
)

// taken is what was taken in and may be sent. Any goroutine may use it.
type taken struct {
	mu gosync.Mutex
	by map[string]*takenIn
}

type takenIn struct {
	event.Attachment
	until time.Time
}

// put returns a name for an attachment. Of too many the first to go by time goes.
func (t *taken) put(a event.Attachment, now time.Time) string {
	var name [16]byte
	_, _ = rand.Read(name[:]) // never fails
	t.mu.Lock()
	defer t.mu.Unlock()
	oldest := ""
	for k, one := range t.by {
		if now.After(one.until) {
			delete(t.by, k)
		} else if oldest == "" || one.until.Before(t.by[oldest].until) {
			oldest = k
		}
	}
	if len(t.by) >= maxTaken {
		delete(t.by, oldest)
	}
	t.by[hex.EncodeToString(name[:])] = &takenIn{a, now.Add(takenFor)}
	return hex.EncodeToString(name[:])
}

// Sendable returns what was taken in by these names. The error is ErrNoFile.
func (t *Intake) Sendable(names []string) ([]event.Attachment, error) {
	t.taken.mu.Lock()
	defer t.taken.mu.Unlock()
	out := make([]event.Attachment, len(names))
	for i, name := range names {
		one := t.taken.by[name]
		if one == nil || time.Now().After(one.until) {
			return nil, fmt.Errorf("%w: %q was not taken in, or more than an hour ago", ErrNoFile, name)
		}
		out[i] = one.Attachment
	}
	return out, nil
}

// Add takes in a file or folder of the owner's, and tells how far it has come as often as it likes. It
// stops when tell fails. Errors: ErrNoFile, ErrTooLarge, ErrPicture, ErrVoice, ErrArchive, ErrChanged
// and ErrNoRoom.
func (t *Intake) Add(ctx context.Context, in Adding, tell func(read, size uint64) error) (Added, error) {
	spool := stream{close: func() {}}
	defer func() { spool.close() }()
	if from := in.Content; from != nil { // whoever gives it may be slow, and nobody else waits for that
		if in.Picture || in.Voice {
			from = io.LimitReader(from, max(picture.MaxBytes, voice.MaxBytes)+1)
		}
		if err := t.openSpooled(ctx, &spool, from, in.Folder); err != nil {
			return Added{}, asAdding(err)
		}
	}
	select {
	case t.adding <- struct{}{}: // one after the other: each uses all processors
		defer func() { <-t.adding }()
	case <-ctx.Done():
		return Added{}, ctx.Err()
	}
	s, err := t.open(ctx, in, &spool)
	if err != nil {
		return Added{}, asAdding(err)
	}
	defer s.close()
	out := Added{Others: s.skipped}
	for _, left := range s.left {
		if len(out.Skipped) < maxSkipped {
			out.Skipped = append(out.Skipped, left.Path)
			out.Others--
		}
	}
	keep := !in.InPlace && (in.Keep || s.kept || s.size <= t.cfg.Keep())
	if s.size > blob.MaxSize || s.kept && in.InPlace {
		return Added{}, ErrTooLarge
	}
	var room *space.Promise
	if keep {
		if room, err = t.cfg.Space.Take(t.cfg.Dir, s.size); err != nil {
			return Added{}, asAdding(err)
		}
		defer room.End()
	}
	var a = s.attachment
	_, _ = rand.Read(a.Key[:]) // never fails
	a.Size = s.size
	var read atomic.Uint64
	var telling gosync.Mutex
	progress := func(n int) error {
		now := read.Add(uint64(n))
		room.Wrote(uint64(n))
		telling.Lock()
		defer telling.Unlock()
		if err := ctx.Err(); err != nil {
			return err
		}
		return tell(now, s.size)
	}
	b, err := t.cfg.Shelf.Take(blob.Manifest{Kind: store.OfFile(&a).Kind, Size: s.size, Index: s.index}, a.Key, s.source, keep, progress)
	if err != nil {
		return Added{}, asAdding(err)
	}
	defer b.Close()
	if !keep {
		if err := keepIndex(b, s.source); err != nil {
			return Added{}, asAdding(err)
		}
	}
	if s.check != nil {
		if err := s.check(ctx); err != nil {
			return Added{}, asAdding(err)
		}
	}
	if err := b.Commit(ctx, func(i *shelf.Info) {
		i.Due = t.cfg.Now().Add(dropAfter)
		if !keep {
			i.Places = append(i.Places, s.place)
		}
	}); err != nil {
		return Added{}, asAdding(err)
	}
	a.Manifest = b.Info().Manifest
	out.File, out.Attachment, out.Kept = t.taken.put(a, time.Now()), a, keep
	return out, nil
}

// keepIndex keeps the index of a folder that is sent in place: to make it again takes a look at every file, and
// it is needed each time that somebody asks for a part.
func keepIndex(b *shelf.Blob, source io.ReaderAt) error {
	m, err := b.Manifest()
	if err != nil {
		return err
	}
	shape, buffer := blob.Shape{Size: m.Size}, blob.NewBuffer()
	defer buffer.Free()
	if place.IndexChunks(&m) == shape.Chunks() {
		return nil // that would be a copy of all
	}
	for i := range place.IndexChunks(&m) {
		offset, size := shape.Chunk(i)
		if _, err := source.ReadAt(buffer[:size], int64(offset)); err != nil {
			return err
		}
		if err := b.PutChunk(i, buffer[:size]); errors.Is(err, blob.ErrProof) {
			return tree.ErrChanged
		} else if err != nil {
			return err
		}
	}
	return nil
}

func asAdding(err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission), errors.Is(err, tree.ErrKind):
		return fmt.Errorf("%w: %w", ErrNoFile, err)
	case errors.Is(err, tree.ErrArchive):
		return fmt.Errorf("%w: %w", ErrArchive, err)
	case errors.Is(err, tree.ErrTooMany):
		return fmt.Errorf("%w: %w", ErrTooLarge, err)
	case errors.Is(err, tree.ErrChanged), errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%w: %w", ErrChanged, err)
	case errors.Is(store.AsFull(err), store.ErrFull):
		return fmt.Errorf("%w: %w", ErrNoRoom, err)
	}
	return err
}

// stream is what is taken in.
type stream struct {
	attachment event.Attachment // without what is known only when it was read
	source     io.ReaderAt
	size       uint64
	index      uint64
	left       []tree.Skipped
	skipped    int
	kept       bool        // it is nowhere on the disk as it is sent
	place      shelf.Place // else where it is
	check      func(context.Context) error
	close      func()
}

// open opens what is to be taken in: of a Content what was read of it.
func (t *Intake) open(ctx context.Context, in Adding, spool *stream) (*stream, error) {
	s := &stream{close: func() {}}
	s.attachment.Name, s.attachment.Type = in.Name, in.Type
	var err error
	switch {
	case in.Content != nil && (in.Picture || in.Voice):
		err = s.openWhole(in, io.NewSectionReader(spool.source, 0, int64(spool.size)))
	case in.Content != nil:
		s.source, s.size, s.index, s.left, s.skipped, s.kept = spool.source, spool.size, spool.index, spool.left, spool.skipped, true
		if in.Folder {
			s.attachment.Flags, s.attachment.Type = event.AttachedFolder, ""
		}
	case in.Picture || in.Voice:
		var f *os.File
		if f, err = openFile(in.Path); err == nil {
			s.attachment.Name = filepath.Base(in.Path)
			err = s.openWhole(in, f)
			_ = f.Close()
		}
	default:
		err = s.openPath(ctx, in.Path)
	}
	if err != nil {
		s.close()
		return nil, err
	}
	a := &s.attachment
	a.Name = attachable(a.Name)
	if a.Type == "" && a.Flags&event.AttachedFolder == 0 {
		a.Type = mediaType(a.Name, s.source)
	}
	if len(a.Type) > event.MaxFileType || !utf8.ValidString(a.Type) {
		a.Type = ""
	}
	return s, nil
}

// openFile opens a file that is one.
func openFile(path string) (*os.File, error) {
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		return nil, tree.ErrKind
	}
	if err != nil {
		return nil, err
	}
	return os.Open(path)
}

// openPath opens a file or folder as it is.
func (s *stream) openPath(ctx context.Context, path string) error {
	src, left, skipped, err := tree.Scan(ctx, path)
	if err != nil {
		return err
	}
	s.close = func() { _ = src.Close() }
	s.source, s.size, s.left, s.skipped, s.check = src, src.Size(), left, skipped, src.Check
	s.attachment.Name = src.Name()
	s.place = shelf.Place{Path: path, Original: true, Whole: true}
	if src.Kind() == blob.Folder {
		s.attachment.Flags = event.AttachedFolder
		s.index = uint64(len(src.Index()))
	} else {
		s.place.Size, s.place.Modified = src.Size(), int64(src.Entries()[0].Modified)
	}
	return nil
}

// openWhole reads a picture or a voice note, and takes out what nobody needs to know.
func (s *stream) openWhole(in Adding, from io.Reader) error {
	most := int64(picture.MaxBytes)
	if in.Voice {
		most = voice.MaxBytes
	}
	b, err := io.ReadAll(io.LimitReader(from, most+1))
	if err != nil {
		return err
	}
	s.kept = true
	switch a := &s.attachment; {
	case in.Voice:
		if b, err = voice.Remux(b); err != nil {
			return fmt.Errorf("%w: %w", ErrVoice, err)
		}
		note, err := voice.Check(b)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrVoice, err)
		}
		a.Type, a.Flags, a.Duration, a.Wave = "audio/ogg", event.AttachedVoice, uint64(note.Duration.Milliseconds()), note.Wave
		a.Name = strings.TrimSuffix(a.Name, filepath.Ext(a.Name)) + ".ogg"
	default:
		stripped, err := picture.Strip(b)
		if err != nil && !in.Anyway {
			return fmt.Errorf("%w: %w", ErrPicture, err)
		}
		if err == nil {
			b = stripped
		} else if int64(len(b)) > most {
			return ErrTooLarge
		}
		a.Flags = event.AttachedPicture
		if info, err := picture.Look(b); err == nil {
			width, height := info.Upright()
			a.Width, a.Height = uint64(width), uint64(height)
			a.Preview, _ = picture.Preview(b) // else it goes without
		}
	}
	s.source, s.size = bytes.NewReader(b), uint64(len(b))
	return nil
}
