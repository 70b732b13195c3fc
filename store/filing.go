package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/event"
	"github.com/earshot-im/earshot/store/layout"
)

// FileRef is an attachment of a message, and where it comes from.
type FileRef struct {
	File
	Message      event.ID // of its row
	N            int      // from 0
	Conversation event.Conversation
	Author       crypto.PersonID
	Own          bool
	Received     int64 // ms since 1970, by this store's clock
	Hidden       bool  // its row is not shown, since it is past the limit of its log
}

// FileSet is what has become of an attachment.
type FileSet struct {
	Message event.ID
	N       int // from 0
	FileStatus
}

// SetFiles says what has become of attachments, all in one commit. Those whose messages are gone, or
// have no words any more, are left out.
func (s *Store) SetFiles(ctx context.Context, sets ...FileSet) error {
	return s.do(ctx, setFiles(sets))
}

// nobody has brought what is written for no person.
var nobody crypto.PersonID

// NoteFiles is SetFiles where nobody waits for it: it takes turns at the disk with what others have brought.
func (s *Store) NoteFiles(ctx context.Context, sets ...FileSet) error {
	return s.submitBy(ctx, nobody, len(sets)*costFileUser, setFiles(sets))()
}

func setFiles(sets []FileSet) func(*batch) error {
	return func(b *batch) error {
		for i := range sets {
			x, err := b.view.rowEntry(sets[i].Message)
			if err == ErrNoEvent {
				continue
			}
			if err == nil {
				err = b.files.set(x, sets[i].N, sets[i].FileStatus)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
}

// Files returns the attachments of a message: none if it has none, or its words are gone. Errors:
// ErrNoEvent.
func (s *Store) Files(message event.ID) (out []FileRef, err error) {
	err = s.view(func(r *reader) error {
		x, err := r.view.rowEntry(message)
		if err == nil {
			out, err = r.view.fileRefs(x)
		}
		return err
	})
	return out, err
}

// FilesWith returns the attachments that stand for the same: up to limit of those that are wanted, or of all if
// keep is nil. Others' that are new are not among them. Those of messages that can't be read are left out, here and
// in FilesIn: nobody gets anything by them.
func (s *Store) FilesWith(id BlobID, limit int, keep func(*FileRef) bool) ([]FileRef, error) {
	out, _, err := s.filesIn(id[:], nil, limit, keep, func(r *reader, from []byte, f func([]byte) bool) {
		for k := range r.Prefix(bucketBlobUsers, from) {
			if !f(k) {
				return
			}
		}
	})
	return out, err
}

// FilePlace is where FilesIn or NewFiles goes on; empty: at the beginning.
type FilePlace []byte

// FilesIn returns attachments that are in a state: FileNew, FileFetching, FilePaused, FileKept or
// FileInPlace. Those of one log come in the order of their messages. It returns up to limit from a place on,
// and where to go on: nowhere if there are no more.
func (s *Store) FilesIn(state FileState, from FilePlace, limit int) ([]FileRef, FilePlace, error) {
	if len(from) == 0 {
		from = FilePlace{byte(state)}
	}
	return s.filesIn([]byte{byte(state)}, from, limit, nil, func(r *reader, from []byte, f func([]byte) bool) {
		for k := range r.From(bucketFileWork, from) {
			if k[0] != byte(state) || !f(k) {
				return
			}
		}
	})
}

// FileRests says of logs of which NewFiles returned as many as it should where what is left begins, by their numbers.
// Without it all that was decided in the meantime is passed over each time.
type FileRests map[uint32]FilePlace

// maxRests bounds the logs of which that is known.
const maxRests = 256

// NewFiles returns attachments of one log that are in the state FileNew: of the first log from a place on that has any
// and whose author and conversation are wanted, up to limit of those that are wanted. next is the place after that
// log, nowhere if there was none. A log that is not wanted costs the reading of one row, however many it has. What has
// come late in a log with a rest is returned once there is nothing in that. It changes rests.
func (s *Store) NewFiles(from FilePlace, rests FileRests, limit int, of func(crypto.PersonID, event.Conversation) bool, keep func(*FileRef) bool) (out []FileRef, next FilePlace, err error) {
	if len(from) == 0 {
		from = startOf(0)
	}
	out, rest, err := s.filesIn(nil, from, limit, keep, func(r *reader, from []byte, f func([]byte) bool) {
		first := r.view.firstNew(from, rests, of)
		if first == nil {
			return
		}
		next = startOf(logOf(first) + 1)
		for k := range r.Range(bucketFileWork, first, next) {
			if !f(k) {
				return
			}
		}
	})
	if err == nil && rest != nil {
		if _, known := rests[logOf(rest)]; !known && len(rests) >= maxRests {
			clear(rests)
		}
		rests[logOf(rest)] = rest
	}
	return out, next, err
}

// firstNew returns the key of the first new attachment, from a place on, in a log that is wanted; nil if there is
// none. A log whose first one can't be read is taken for wanted: whoever reads it passes over the damage.
func (v *view) firstNew(from []byte, rests FileRests, of func(crypto.PersonID, event.Conversation) bool) []byte {
	for {
		k := v.nextNew(from, rests)
		at, err := layout.FileAt(k)
		if err != nil {
			return nil
		}
		x, err := v.entry(at.Slot)
		if err != nil || of(x.in.Person, x.header.Conversation) {
			return k
		}
		from = startOf(logOf(k) + 1)
	}
}

// nextNew returns the key of the first new attachment from a place on, but of a log with a rest the first in that; nil
// if there is none. A rest in which there is nothing is forgotten.
func (v *view) nextNew(from []byte, rests FileRests) []byte {
	first := func(from, to []byte) []byte {
		for k := range v.Range(bucketFileWork, from, to) {
			return k
		}
		return nil
	}
	for {
		nearest, known := uint32(0), false
		for log := range rests {
			if log >= logOf(from) && (!known || log < nearest) {
				nearest, known = log, true
			}
		}
		if !known {
			return first(from, []byte{byte(FileNew) + 1})
		}
		if k := first(from, startOf(nearest)); k != nil {
			return k
		}
		if k := first(rests[nearest], startOf(nearest+1)); k != nil {
			return k
		}
		delete(rests, nearest)
	}
}

// startOf returns the place of the first new attachment that a log can have.
func startOf(log uint32) FilePlace {
	return layout.FileWork(byte(FileNew), layout.File{Slot: layout.Slot{Log: log}})
}

// logOf returns the log of a new attachment.
func logOf(key []byte) uint32 { return binary.BigEndian.Uint32(key[1:]) }

// filesIn reads attachments from an index.
func (s *Store) filesIn(prefix []byte, from []byte, limit int, keep func(*FileRef) bool, each func(*reader, []byte, func(key []byte) bool)) (out []FileRef, next FilePlace, err error) {
	if from == nil {
		from = prefix
	}
	err = s.view(func(r *reader) error {
		var failed error
		at := filesAt{view: r.view}
		each(r, from, func(k []byte) bool {
			if len(out) >= limit {
				next = bytes.Clone(k)
				return false
			}
			ref, err := at.key(k)
			if s.skips(k, err) {
				return true
			}
			if err == nil && ref != nil && (keep == nil || keep(ref)) {
				out = append(out, *ref)
			}
			failed = err
			return err == nil
		})
		return failed
	})
	return out, next, err
}

// filesAt finds attachments by keys of an index. Those of one message follow each other in most, so what was
// read for one stands for the next.
type filesAt struct {
	*view
	slot layout.Slot
	all  []FileRef // of slot; nil: nothing was read yet, or it has none
}

// key returns the attachment at the end of a key, nil if its words are gone.
func (f *filesAt) key(key []byte) (*FileRef, error) {
	of, err := layout.FileAt(key)
	if err != nil {
		return nil, err
	}
	if f.all == nil || f.slot != of.Slot {
		f.slot, f.all = of.Slot, nil
		x, err := f.entry(of.Slot)
		if err == ErrNoEvent {
			return nil, damaged("an attachment of no event")
		} else if err != nil {
			return nil, err
		}
		if f.all, err = f.fileRefs(x); err != nil {
			return nil, err
		}
	}
	if int(of.N) >= len(f.all) {
		return nil, nil
	}
	return &f.all[of.N], nil
}

// skips reports whether an error is that a row is damaged, which is left out then, and says so once.
func (s *Store) skips(key []byte, err error) bool {
	if !errors.Is(err, ErrDamaged) {
		return false
	}
	if s.skipped.Add(key) {
		s.cfg.Log.Warn("what is attached to a message is left out", "err", err)
	}
	return true
}

// fileRefs returns the attachments of a row.
func (v *view) fileRefs(x *entry) ([]FileRef, error) {
	if x.Absent != event.Present || x.header.Kind != event.KindText {
		return nil, nil
	}
	body, err := v.content(x)
	if err != nil {
		return nil, err
	}
	row := Row{Kind: x.header.Kind}
	if err := v.addFiles(&row, x, body.Attachments); err != nil {
		return nil, err
	}
	out := make([]FileRef, len(row.Files))
	for n, file := range row.Files {
		out[n] = FileRef{File: file, Message: x.id, N: n, Conversation: x.header.Conversation, Author: x.in.Person,
			Own: v.isOwn(x.in.Person), Received: x.FirstSeen, Hidden: v.hidden(x)}
	}
	return out, nil
}

// Attached returns messages with attachments, those that are shown last first: up to limit that are wanted
// of a conversation, or of all if conv is nil; with before, those that are shown before that one. There are
// fewer than limit only where there are no more.
func (s *Store) Attached(conv *event.Conversation, before *event.ID, limit int, keep Keep) (rows []Row, err error) {
	var from []byte // the key before which to go on
	for more := true; more && len(rows) < limit; {
		if err := s.view(func(r *reader) error {
			number := uint32(0)
			if conv != nil {
				c, err := r.conversation(*conv)
				if err != nil {
					return err
				}
				number = c.Number
			}
			if from == nil {
				if from, err = r.view.attachedFrom(number, before); err != nil {
					return err
				}
			}
			var last []byte
			rows, last, err = r.view.collect(rows, Page{Limit: limit, Keep: keep}, func(yield func(k, v []byte) bool) {
				for k, v := range r.Back(bucketAttached, from) {
					if !bytes.HasPrefix(k, layout.U32(number)) || !yield(k, v) {
						return
					}
				}
			})
			if more = last != nil; more {
				from = bytes.Clone(last)
			}
			return err
		}); err != nil {
			return nil, err
		}
	}
	return rows, nil
}

// attachedFrom returns the key before which a list begins.
func (v *view) attachedFrom(number uint32, before *event.ID) ([]byte, error) {
	if before == nil {
		return layout.U32(number + 1), nil
	}
	x, err := v.rowEntry(*before)
	if err != nil {
		return nil, err
	}
	if number != 0 && x.in.Conversation != number {
		return nil, ErrNoEvent
	}
	return layout.ViewKey(number, x.T, x.id), nil
}
