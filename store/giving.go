package store

import (
	"bytes"
	"context"
	"slices"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/book"
	"github.com/earshot-im/earshot/store/event"
	"github.com/earshot-im/earshot/store/ids"
	"github.com/earshot-im/earshot/store/layout"
)

// What strangers have written can be given back: its events go, and its place in their budget is
// free. What was had stays had: the log keeps its segments, so that peers neither send it again nor
// take back that it was delivered. Its Gone says up to where that was given back; what was missing
// there can still come.

const (
	// maxGiven is how many events one transaction gives back, so that whoever writes meanwhile waits
	// for milliseconds.
	maxGiven = 256

	// keptUnseen is how long what was acknowledged is kept though the owner has not seen it.
	keptUnseen = 30 * 24 * time.Hour
)

// payer returns whose budget a log counts towards.
func (r *reader) payer(l *layout.Log) (book.Payer, error) {
	by := book.Payer{Person: l.Person}
	c, err := r.conversation(l.Name.Conversation)
	if err == nil && r.isGroup(&c) {
		by.Group = c.Number
	}
	return by, err
}

// refundWords takes the words of an event, which are about to go, out of what counts.
func (b *batch) refundWords(x *entry) error {
	by, err := b.payer(x.in)
	if err != nil {
		return err
	}
	return b.s.book.Refund(b.Batch, by, costOfBody(x.header.BodySize))
}

// costOf returns what an event counts.
func costOf(x *entry) uint64 {
	n := costEvent + uint64(len(x.HeaderBytes))
	if x.Absent == event.Present {
		n += costOfBody(x.header.BodySize)
	}
	return n
}

// GiveBack gives back what strangers have written to the owner, who has never written to them: all
// of it or, with seen, what the owner has seen and what is older than 30 days. It returns how many
// bytes that was. It takes as many short transactions as it needs.
func (s *Store) GiveBack(ctx context.Context, seen bool, persons ...crypto.PersonID) (given uint64, err error) {
	for len(persons) > 0 {
		g := giving{seen: seen}
		rest := persons
		err := s.do(ctx, func(b *batch) (err error) {
			g.batch, g.left, g.given, rest = b, maxGiven, 0, persons
			for len(rest) > 0 && g.left > 0 && err == nil {
				if err = g.person(rest[0]); g.left > 0 {
					rest = rest[1:]
					g.left--
				}
			}
			return err
		})
		if err != nil {
			return given, err
		}
		given, persons = given+g.given, rest
	}
	return given, nil
}

// Discard takes away all that strangers have sent to the owner: requests, and what they have
// written. Of whom nothing else is kept, they go too.
func (s *Store) Discard(ctx context.Context, persons ...crypto.PersonID) error {
	if _, err := s.GiveBack(ctx, false, persons...); err != nil {
		return err
	}
	for some := range slices.Chunk(persons, maxGiven) {
		if err := s.do(ctx, func(b *batch) error {
			for _, p := range some {
				if _, err := s.book.TakeRequests(b.Batch, p); err != nil {
					return err
				}
				if gone, err := s.book.RemoveIdle(b.Batch, p); err != nil {
					return err
				} else if !gone {
					if err := s.book.Dismiss(b.Batch, p); err != nil {
						return err
					}
				}
			}
			return nil
		}); err != nil {
			return err
		}
	}
	return nil
}

// giving gives back some of what persons have written.
type giving struct {
	*batch
	seen  bool   // only what was seen
	left  int    // how many events may go yet
	given uint64 // bytes
}

// person gives back what one person has written. If that is not all, nothing is left of left.
func (g *giving) person(p crypto.PersonID) error {
	c, err := g.conversation(event.Direct(g.s.own.Person, p))
	if err != nil || c.Own != 0 {
		return ignore(err, ErrNoConversation)
	}
	before := g.given
	err = g.eachLogOf(c.Number, p, func(l *layout.Log) error {
		branches, err := g.branchesOf(l)
		for _, l := range branches {
			if err == nil {
				err = g.log(l)
			}
		}
		return err
	})
	given := g.given - before
	if err != nil || given == 0 {
		return err
	}
	g.notes.Cleared(c.ID)
	return g.s.book.Refund(g.Batch, book.Payer{Person: p}, given)
}

// log gives back events of one branch of a log, the first of them first.
func (g *giving) log(l *layout.Log) error {
	var gone []*entry
	done := true
	for k := range g.From(bucketEvents, l.At(1).Bytes()) { // also what was missing when later ones were given back
		p, ok := layout.SlotAt(k)
		if !ok || p.Log != l.Number {
			break
		}
		if done = len(gone) < g.left; !done {
			break
		}
		x, err := g.entry(p)
		if err != nil {
			return err
		}
		if done = !g.seen || g.mayGo(x, g.now); !done {
			break
		}
		gone = append(gone, x)
	}
	if len(gone) == 0 {
		return nil
	}
	g.left -= len(gone)
	for _, x := range gone {
		g.given += costOf(x)
		if !l.Segments.Covers(x.Sequence) {
			l.Events--
		}
		if err := g.remove(x); err != nil {
			return err
		}
		l.Gone = max(l.Gone, x.Sequence)
	}
	g.touch(l)
	if done {
		g.notes.ForgetLog(g.Batch, l.Number)
	}
	return nil
}

// mayGo reports whether an event may go though its author was told that it came: the owner has seen
// it or could never see it, or it is old. What waits for a cause has not been shown yet.
func (r *reader) mayGo(x *entry, now int64) bool {
	if now-x.FirstSeen >= keptUnseen.Milliseconds() {
		return true
	}
	if !x.Is(layout.FlagShown) {
		return x.Is(layout.FlagPlaced)
	}
	unread, err := r.isUnread(x.Arrival)
	return err == nil && !unread
}

// remove takes an event out of everything that leads to it.
func (g *giving) remove(x *entry) error {
	if !x.Is(layout.FlagShown) { // its edits may have counted for the row of its key
		if row, err := g.view.shownFor(x); err == nil {
			g.reword(row)
		}
	}
	slot := x.Slot.Bytes()
	g.Delete(bucketEvents, slot)
	g.Erase()
	ids.Remove(g.Batch, x.id)
	if x.Is(layout.FlagShown) {
		g.deleteRow(x.in.Conversation, layout.ViewKey(x.in.Conversation, x.T, x.id))
		if err := g.arriving.put(x.Arrival, nil); err != nil {
			return err
		}
		g.reword(x)
		if err := g.files.drop(x); err != nil {
			return err
		}
		if _, err := g.voices.takeUnread(x); err != nil {
			return err
		}
		if err := g.voices.hide(x); err != nil {
			return err
		}
		if key := layout.LocalKey(x.in.Conversation, x.in.Person, x.header.Key); bytes.Equal(g.Get(bucketKeys, key), slot) {
			g.Delete(bucketKeys, key)
		}
		twins, _ := g.Copy(bucketTwins, slot)
		for _, key := range twins {
			g.Delete(bucketTwins, key)
		}
	}
	switch {
	case x.header.Kind == event.KindRecall:
		key := append(layout.RecallsOf(x.in.Conversation, x.header.Target, x.in.Person), layout.U32(x.Log)...)
		if layout.Number(g.Get(bucketRecalls, key)) == x.Sequence {
			g.Delete(bucketRecalls, key)
		}
	case x.Absent == event.Present && isEdit(x.header.Kind):
		g.index(x, false)
	}
	return g.removeCauses(x)
}

// removeCauses forgets what an event waits for, or lacks.
func (g *giving) removeCauses(x *entry) error {
	if x.Is(layout.FlagPlaced) && !x.Is(layout.FlagGap) {
		return nil
	}
	causes, err := g.causes(x)
	if err != nil {
		return err
	}
	for i := range causes {
		c := &causes[i]
		if c.key == nil {
			continue
		}
		if key := x.Slot.Append(bytes.Clone(c.key)); g.Get(bucketWaiting, key) != nil {
			g.Delete(bucketWaiting, key)
		}
		if key := append(layout.GapsFor(c.key, c.id), layout.U32(x.Log)...); g.Get(bucketGaps, key) != nil {
			g.Delete(bucketGaps, key)
		}
	}
	return nil
}

// Forget removes a stranger of whom nothing is left but what is known of them, and the logs of which
// all was given back. It reports whether it has. When they come with what they have written, it is
// taken as new.
func (s *Store) Forget(ctx context.Context, p crypto.PersonID) (gone bool, err error) {
	err = s.do(ctx, func(b *batch) error {
		c, err := b.conversation(event.Direct(s.own.Person, p))
		switch {
		case err == ErrNoConversation:
			return nil
		case err != nil || c.Own != 0:
			return err
		}
		if err := b.forgetLogs(&c, p); err != nil {
			return err
		}
		gone, err = s.book.RemoveIdle(b.Batch, p)
		return err
	})
	return gone, err
}

// forgetLogs takes away those logs of a person in a conversation of which no event is here.
func (b *batch) forgetLogs(c *layout.Conversation, p crypto.PersonID) error {
	var empty []*layout.Log
	err := b.eachLogOf(c.Number, p, func(l *layout.Log) error {
		branches, err := b.branchesOf(l)
		for _, l := range branches {
			if b.lastIn(l) > 0 {
				return err
			}
		}
		empty = append(empty, branches...)
		return err
	})
	if err != nil || len(empty) == 0 {
		return err
	}
	for _, l := range empty {
		b.forgetLog(l)
	}
	return b.s.book.Refund(b.Batch, book.Payer{Person: p}, uint64(len(empty))*costLog)
}

// forgetLog takes a log away of which no event is here any more.
func (b *batch) forgetLog(l *layout.Log) {
	n := layout.U32(l.Number)
	b.Delete(bucketLogs, n)
	b.Delete(bucketLogNames, layout.LogName(l.Conversation, l.Name, l.Branch))
	b.Delete(bucketAuthors, append(layout.AuthorKey(l.Conversation, l.Person), n...))
	b.Delete(bucketRead, layout.DeliveryKey(l.Number, b.s.own.Person))
	b.Delete(bucketHeldHere, n)
	b.notes.ForgetLog(b.Batch, l.Number)
	delete(b.dirty, l.Number)
	delete(b.grown, l.Number)
	delete(b.known, l.Number)
}
