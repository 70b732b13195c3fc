package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"math"
	"slices"

	"github.com/earshot-im/earshot/store/event"
	"github.com/earshot-im/earshot/store/layout"
)

// The search cache (search.go) has the words of rows. A batch that changes the words of a row, or takes
// them away, says so in bucketReworded, in the same commit: so no crash leaves words in the cache that
// are gone. Whoever brings the cache up to date takes out what they have read, unless it was said again
// meanwhile: each note has a mark of its own. The last mark that was taken out is kept, since the cache
// may be of an earlier time after all: somebody may have put back an old file.

// reword notes that a row has other words now, or none, by its arrival. x need not be shown.
func (b *batch) reword(x *entry) {
	if x.Is(layout.FlagShown) {
		b.voices.reword(x.Slot)
		b.Put(bucketReworded, layout.U64(x.Arrival), layout.U64(b.Next(bucketReworded)))
	}
}

// rewordEdited notes that edits in a log may have begun to count, or count no longer.
func (b *batch) rewordEdited(l *layout.Log) {
	b.Put(bucketReworded, layout.U32(l.Number), layout.U64(b.Next(bucketReworded)))
}

// keyFollowed is where the last mark stands that was taken out of bucketReworded.
var keyFollowed = []byte{0}

// maxReworded is how many notes are read at once.
const maxReworded = 1024

// reworded is notes that were read.
type reworded struct {
	keys, marks [][]byte
	rows        []uint64 // the arrivals of the rows that they are about, ascending
}

// first returns the first of the marks; above all marks if there is none.
func (w *reworded) first() (mark uint64) {
	mark = math.MaxUint64
	for _, m := range w.marks {
		mark = min(mark, layout.Number(m))
	}
	return mark
}

// last returns the last of the marks.
func (w *reworded) last() (mark uint64) {
	for _, m := range w.marks {
		mark = max(mark, layout.Number(m))
	}
	return mark
}

// reworded reads the next notes.
func (s *Store) reworded() (w reworded, err error) {
	err = s.view(func(r *reader) error {
		logs := map[uint32]map[uint32]bool{} // by conversation
		for k, mark := range r.Prefix(bucketReworded, nil) {
			if bytes.Equal(k, keyFollowed) {
				continue
			}
			if len(w.keys) == maxReworded {
				break
			}
			w.keys, w.marks = append(w.keys, bytes.Clone(k)), append(w.marks, bytes.Clone(mark))
			if len(k) == 8 {
				w.rows = append(w.rows, layout.Number(k))
				continue
			}
			l, err := r.log(binary.BigEndian.Uint32(k))
			if err != nil {
				return err
			}
			if logs[l.Conversation] == nil {
				logs[l.Conversation] = map[uint32]bool{}
			}
			logs[l.Conversation][l.Number] = true
		}
		for conversation, of := range logs {
			edited, err := r.view.edited(conversation, of)
			if err != nil {
				return err
			}
			w.rows = append(w.rows, edited...)
		}
		return nil
	})
	slices.Sort(w.rows)
	w.rows = slices.Compact(w.rows)
	return w, err
}

// edited returns the arrivals of the rows that the events of some logs of a conversation edit.
func (v *view) edited(conversation uint32, logs map[uint32]bool) (rows []uint64, err error) {
	for k := range v.Prefix(bucketActs, layout.U32(conversation)) {
		target, kind, p, ok := layout.ParseAct(k)
		if !ok {
			return nil, damaged("act of %d bytes", len(k))
		}
		if kind != event.KindEdit || !logs[p.Log] {
			continue
		}
		switch row, err := v.rowEntry(target); {
		case err == ErrNoEvent:
		case err != nil:
			return nil, err
		case row.Is(layout.FlagShown):
			rows = append(rows, row.Arrival)
		}
	}
	return rows, nil
}

// followed takes notes out that the cache follows now.
func (s *Store) followed(ctx context.Context, w reworded) error {
	return s.do(ctx, func(b *batch) error {
		for i, k := range w.keys {
			if bytes.Equal(b.Get(bucketReworded, k), w.marks[i]) {
				b.Delete(bucketReworded, k)
			}
		}
		b.Put(bucketReworded, keyFollowed, layout.U64(max(w.last(), layout.Number(b.Get(bucketReworded, keyFollowed)))))
		return nil
	})
}

// marks returns the last mark that was taken out, and the last one that there was.
func (s *Store) marks() (followed, last uint64, err error) {
	err = s.view(func(r *reader) error {
		followed, last = layout.Number(r.Get(bucketReworded, keyFollowed)), r.Sequence(bucketReworded)
		return nil
	})
	return followed, last, err
}
