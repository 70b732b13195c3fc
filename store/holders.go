package store

import (
	"context"
	"slices"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/event"
	"github.com/earshot-im/earshot/store/layout"
)

// What others say of the attachments of the owner's messages is kept by log and person where they hold
// them, and by message and device otherwise. It counts for a message only if the person has acknowledged
// that: a range may go on over what they lack.

// Holder is what has become of a message's attachments at a person whom it is for.
type Holder struct {
	Person crypto.PersonID
	States []event.FileState // of each attachment: of several devices the one that is furthest
}

// settled reports whether nothing is to be given to this person any more.
func (h *Holder) settled() bool {
	for _, s := range h.States {
		if s != event.FileHeld && s != event.FileDeclined {
			return false
		}
	}
	return true
}

// furthest orders states of several devices.
var furthest = [...]int{event.FileOffered: 0, event.FileChanged: 1, event.FileDeclined: 2, event.FilePaused: 3, event.FileFetching: 4, event.FileHeld: 5}

// Holders returns what has become of the attachments of an own message at each person whom it is for:
// nothing if it has none. Errors: ErrNoEvent (not a message of the owner's).
func (s *Store) Holders(message event.ID) (out []Holder, err error) {
	err = s.view(func(r *reader) error {
		x, err := r.view.rowEntry(message)
		if err != nil {
			return err
		}
		if !r.isOwn(x.in.Person) {
			return ErrNoEvent
		}
		out, err = r.delivery.holders(x)
		return err
	})
	return out, err
}

// Settled says of each of some own messages whether everybody whom it is for has it, and holds or has
// declined each of its attachments. Of one that is for nobody it is false.
func (s *Store) Settled(messages []event.ID) ([]bool, error) {
	out := make([]bool, len(messages))
	err := s.view(func(r *reader) error {
		for i, id := range messages {
			x, err := r.view.rowEntry(id)
			if err == nil {
				out[i], err = r.delivery.settled(x)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	return out, err
}

func (d *delivery) settled(x *entry) (bool, error) {
	now, err := d.progress(x)
	if err != nil || now.State < Delivered {
		return false, err
	}
	all, err := d.holders(x)
	for i := range all {
		if !all[i].settled() {
			return false, err
		}
	}
	return true, err
}

// holders returns what has become of the attachments of x at each person whom it is for.
func (d *delivery) holders(x *entry) ([]Holder, error) {
	refs, err := d.refs(x.Slot)
	if err != nil || len(refs) == 0 {
		return nil, err
	}
	a, err := d.readers(x)
	if err != nil || a == nil {
		return nil, err
	}
	out, at := make([]Holder, len(a.persons)), make(map[crypto.PersonID]int, len(a.persons))
	for i, p := range a.persons {
		out[i], at[p] = Holder{p, make([]event.FileState, len(refs))}, i
	}
	err = d.view.eachIssue(x, func(y *entry) error {
		slots, err := d.slots(y)
		if err != nil {
			return err
		}
		for _, p := range slots {
			if err := d.holdersAt(p, out, at); err != nil {
				return err
			}
		}
		return nil
	})
	return out, err
}

// holdersAt adds what is known of the event in a slot.
func (d *delivery) holdersAt(p layout.Slot, out []Holder, at map[crypto.PersonID]int) error {
	for k, v := range d.Prefix(bucketFates, p.Bytes()) {
		device := crypto.DeviceID(k[layout.SlotSize:])
		i, in := at[d.s.book.PersonOf(d.Reader, device)]
		if !in {
			continue
		}
		for n := range min(len(v), len(out[i].States)) {
			if now := event.FileState(v[n]); furthest[now] > furthest[out[i].States[n]] {
				out[i].States[n] = now
			}
		}
	}
	for i := range out {
		held, err := d.ranges(bucketHeldBy, p.Log, out[i].Person)
		if err != nil {
			return err
		}
		if !held.Covers(p.Sequence) {
			continue
		}
		alone := audience{persons: []crypto.PersonID{out[i].Person}, logs: map[uint32]coverage{}}
		has, err := d.coverage(&alone, p.Log)
		if err != nil {
			return err
		}
		if has.delivered.Covers(p.Sequence) {
			for n := range out[i].States {
				out[i].States[n] = event.FileHeld
			}
		}
	}
	return nil
}

// maxTaken bounds Change.Taken.
const maxTaken = 256

// TakeHoldings takes in what a person's device says of attachments of the owner's messages, and keeps the
// record if it is newer than what is held. The caller has verified the record and has found that its
// device speaks for the person. What it says of anything else does nothing. Errors: ErrBudget (there are too
// many of them), ErrNoConversation, event.ErrMalformed.
func (s *Store) TakeHoldings(ctx context.Context, from crypto.PersonID, record event.Record) error {
	conv, author, _, err := event.ParseReceiptSubject(record.Subject)
	if err != nil {
		return err
	}
	says, err := event.ParseHoldings(record.Value)
	if err != nil {
		return err
	}
	return s.do(ctx, func(b *batch) error {
		c, err := b.conversation(conv)
		if err != nil {
			return err
		}
		newer, old, err := s.book.Put(b.Batch, &record)
		if err != nil || !newer {
			return err
		}
		if record.Device == s.own.Device.ID() && !b.isOwn(author) { // and this disk does not have it: it went back
			b.files.noteUnsaid(Subject{conv, author})
		}
		if !b.isOwn(author) || b.isOwn(from) {
			return nil
		}
		for i := range says.Held {
			if err := b.files.heldBy(&c, from, &says.Held[i]); err != nil {
				return err
			}
		}
		now := map[layout.Slot]bool{}
		for i := range says.States {
			if err := b.files.fate(&c, from, record.Device, &says.States[i], now); err != nil {
				return err
			}
		}
		if old == nil {
			return nil
		}
		before, err := event.ParseHoldings(old.Value)
		if err != nil {
			return damaged("holdings: %w", err)
		}
		for i := range before.States {
			if err := b.files.unsaid(&c, record.Device, &before.States[i], now); err != nil {
				return err
			}
		}
		return nil
	})
}

// heldBy takes in that somebody holds all attachments in a part of an own log.
func (f *files) heldBy(c *layout.Conversation, by crypto.PersonID, g *event.HeldRange) error {
	branches, err := f.branches(c.Number, g.Log(c.ID))
	if err != nil {
		return err
	}
	for _, l := range branches {
		if !f.isOwn(l.Person) {
			continue
		}
		old, err := f.ranges(bucketHeldBy, l.Number, by)
		if err != nil {
			return err
		}
		fresh := event.Ranges{g.Range}.Subtract(old)
		all := old.Union(fresh)
		if len(fresh) == 0 || len(all) > maxRanges {
			continue
		}
		f.Put(bucketHeldBy, layout.DeliveryKey(l.Number, by), layout.RangesBytes(all))
		if err := f.tookRanges(l, fresh); err != nil {
			return err
		}
	}
	return nil
}

// tookRanges notes the own messages with attachments in a part of a log, of which somebody holds more.
func (f *files) tookRanges(l *layout.Log, fresh event.Ranges) error {
	return f.eachAttached(l, fresh, func(p layout.Slot) error {
		f.noteEvent(p)
		return f.took(p)
	})
}

// delivered takes in that somebody has more of an own log: what they have said of it before counts now.
func (f *files) delivered(l *layout.Log, fresh event.Ranges) error {
	return f.eachAttached(l, fresh, f.took)
}

// moved takes in that persons have come into a group of the owner's or have gone from it: what is kept for
// them alone may go.
func (f *files) moved(persons int) {
	if k, _ := f.Seek(bucketFileWork, []byte{byte(FileKept)}); persons > 0 && len(k) > 0 && k[0] == byte(FileKept) {
		f.takenMore = true
		f.Defer()
	}
}

// eachAttached calls do for the rows with attachments of events in a part of an own log.
func (f *files) eachAttached(l *layout.Log, in event.Ranges, do func(row layout.Slot) error) error {
	bucket := bucketBlobRefs // whose keys begin with slots, as those of events do
	elsewhere := !f.Empty(bucketReissued)
	if elsewhere {
		bucket = bucketEvents
	}
	for _, g := range in {
		last := layout.Slot{}
		for k := range f.From(bucket, l.At(g.First).Bytes()) {
			p, ok := layout.SlotAt(k[:min(len(k), layout.SlotSize)])
			if !ok || p.Log != l.Number || p.Sequence > g.Last {
				break
			}
			if p == last { // another attachment of the same
				continue
			}
			last = p
			if elsewhere {
				x, err := f.entry(p)
				if err == nil {
					x, err = f.view.shownFor(x)
				}
				if err == ErrNoEvent {
					continue
				} else if err != nil {
					return err
				}
				if p = x.Slot; f.Get(bucketBlobRefs, layout.File{Slot: p}.Bytes()) == nil {
					continue
				}
			}
			if err := do(p); err != nil {
				return err
			}
		}
	}
	return nil
}

// took has it told that somebody may hold or have declined more of the message that the event in a slot is.
func (f *files) took(p layout.Slot) error {
	if len(f.taken) >= maxTaken {
		f.takenMore = true
		return nil
	}
	x, err := f.entry(p)
	if err == nil {
		x, err = f.view.shownFor(x)
	}
	if err == nil && !slices.Contains(f.taken, x.id) {
		f.taken = append(f.taken, x.id)
	}
	return ignore(err, ErrNoEvent)
}

// mine reports whether an own message with attachments stands in a slot, which is for a person.
func (f *files) mine(at layout.Slot, whom crypto.PersonID) (bool, error) {
	x, err := f.entry(at)
	if err == nil {
		x, err = f.view.shownFor(x)
	}
	if err == ErrNoEvent || err == nil && !f.isOwn(x.in.Person) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	if f.Get(bucketBlobRefs, layout.File{Slot: x.Slot}.Bytes()) == nil {
		return false, nil
	}
	a, err := f.delivery.readers(x)
	if err != nil || a == nil {
		return false, err
	}
	return slices.Contains(a.persons, whom), nil
}
