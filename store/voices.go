package store

import (
	"bytes"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/event"
	"github.com/earshot-im/earshot/store/layout"
)

// So that a list of all conversations costs the same however much is in them, each batch keeps in sum
// what each person has said in a conversation: bucketVoices. Sums are by person since the owner may
// block somebody and see them again, which changes nothing here. What is past the limit of its log is
// not shown, and not in the sums; it may come back. The rows in bucketUnreadOf are what the sums count.

// voices is what a batch changes of this. It is written when the batch finishes.
type voices struct {
	*batch
	known    map[voice]*layout.Voice
	reworded map[layout.Slot]*entry       // rows that may mention others than before; nil: to be read
	cut      map[uint32][]crypto.PersonID // by conversation, whose last row is shown no more
}

// voice is a person in a conversation. Notices are said by nobody.
type voice struct {
	conversation uint32
	person       crypto.PersonID
}

func voiceOf(x *entry) voice { return voice{x.in.Conversation, x.in.Person} }

// of returns the sums of a person.
func (v *voices) of(who voice) (*layout.Voice, error) {
	if known := v.known[who]; known != nil {
		return known, nil
	}
	sum := layout.Voice{}
	if b := v.Get(bucketVoices, layout.VoiceKey(who.conversation, who.person)); b != nil {
		var err error
		if sum, err = layout.ParseVoice(b); err != nil {
			return nil, err
		}
	}
	if v.known == nil {
		v.known = map[voice]*layout.Voice{}
	}
	v.known[who] = &sum
	v.Defer()
	return &sum, nil
}

// said takes a row into the sums that has come, or has come into view.
func (v *voices) said(who voice, at layout.Shown, arrival uint64) error {
	sum, err := v.of(who)
	if err != nil {
		return err
	}
	sum.Arrival = max(sum.Arrival, arrival)
	if sum.Last.Compare(&at) <= 0 { // the same one may stand elsewhere now
		sum.Last = at
	}
	return nil
}

// show takes the row of an event into the sums.
func (v *voices) show(x *entry) error {
	if v.hidden(x) {
		return nil
	}
	return v.said(voiceOf(x), layout.ShownAs(x.T, x.id, x.Slot), x.Arrival)
}

// hide takes it out.
func (v *voices) hide(x *entry) error {
	who := voiceOf(x)
	sum, err := v.of(who)
	if err != nil || sum.Last.Slot != x.Slot {
		return err
	}
	if v.cut == nil {
		v.cut = map[uint32][]crypto.PersonID{}
	}
	v.cut[who.conversation] = append(v.cut[who.conversation], who.person)
	return nil
}

func unreadKey(x *entry) []byte {
	return layout.UnreadKey(x.in.Conversation, x.in.Person, x.T, x.id)
}

// putUnread makes a row unread, which is not.
func (v *voices) putUnread(x *entry) error {
	if err := v.setUnread(x.Arrival, true); err != nil || v.hidden(x) {
		return err
	}
	return v.count(x)
}

// count counts an unread row that is shown.
func (v *voices) count(x *entry) error {
	sum, err := v.of(voiceOf(x))
	if err != nil {
		return err
	}
	u := layout.Unread{Slot: x.Slot, Arrival: x.Arrival}
	v.Put(bucketUnreadOf, unreadKey(x), u.Bytes())
	sum.Unread++
	v.noteWords(x.Slot, x)
	return nil
}

// takeUnread makes a row read, and reports whether it was not.
func (v *voices) takeUnread(x *entry) (bool, error) {
	if unread, err := v.isUnread(x.Arrival); err != nil || !unread {
		return false, err
	}
	if err := v.setUnread(x.Arrival, false); err != nil {
		return false, err
	}
	return true, v.uncount(x)
}

// uncount counts a row no longer, if it was counted.
func (v *voices) uncount(x *entry) error {
	key := unreadKey(x)
	b := v.Get(bucketUnreadOf, key)
	if b == nil {
		return nil
	}
	u, err := layout.ParseUnread(b)
	if err != nil {
		return err
	}
	sum, err := v.of(voiceOf(x))
	if err != nil {
		return err
	}
	v.Delete(bucketUnreadOf, key)
	sum.Unread--
	if u.Mentioned {
		sum.Mentions--
	}
	return nil
}

// reword notes that a row may mention others than before.
func (v *voices) reword(row layout.Slot) { v.noteWords(row, nil) }

func (v *voices) noteWords(row layout.Slot, x *entry) {
	if v.reworded == nil {
		v.reworded = map[layout.Slot]*entry{}
	}
	v.reworded[row] = x
}

// limit takes in that a log counts up to its limit now, and no longer up to another sequence: rows
// between the two have come into view or have left it, and so have edits.
func (v *voices) limit(l *layout.Log, before uint64) error {
	if v.isOwn(l.Person) { // the owner sees what they wrote in any case
		return nil
	}
	from, to := min(l.Limit, before), max(l.Limit, before)
	for k := range v.From(bucketEvents, l.At(min(from, layout.NoLimit-1)+1).Bytes()) {
		p, _ := layout.SlotAt(k)
		if p.Log != l.Number || p.Sequence > to {
			break
		}
		x, err := v.entry(p)
		if err != nil {
			return err
		}
		if err := v.moved(x); err != nil {
			return err
		}
	}
	return nil
}

// moved takes in that an event has come into view or has left it.
func (v *voices) moved(x *entry) error {
	switch {
	case x.header.Kind == event.KindEdit:
		if row, err := v.view.rowEntry(x.header.Target); err == nil {
			v.reword(row.Slot)
		}
		return nil
	case !x.Is(layout.FlagShown):
		return nil
	case v.hidden(x):
		if err := v.hide(x); err != nil {
			return err
		}
		return v.uncount(x)
	}
	if err := v.show(x); err != nil {
		return err
	}
	if unread, err := v.isUnread(x.Arrival); err != nil || !unread {
		return err
	}
	return v.count(x)
}

// finish writes what has changed.
func (v *voices) finish() error {
	for p, x := range v.reworded {
		if err := v.mention(p, x); err != nil {
			return err
		}
	}
	for conversation, persons := range v.cut {
		if err := v.findLast(conversation, persons); err != nil {
			return err
		}
	}
	for who, sum := range v.known {
		key := layout.VoiceKey(who.conversation, who.person)
		if sum.Last == (layout.Shown{}) {
			v.Delete(bucketVoices, key)
		} else {
			v.Put(bucketVoices, key, sum.Bytes())
		}
	}
	return nil
}

// mention finds out whether an unread row mentions the owner. x is the event in its slot, nil: to be
// read.
func (v *voices) mention(row layout.Slot, x *entry) (err error) {
	if x == nil {
		x, err = v.entry(row)
	}
	if err == ErrNoEvent || err == nil && x.Absent != event.Present {
		return nil // it has gone in the same batch
	}
	if err != nil {
		return err
	}
	key := unreadKey(x)
	b := v.Get(bucketUnreadOf, key)
	if b == nil {
		return nil
	}
	u, err := layout.ParseUnread(b)
	if err != nil {
		return err
	}
	now, err := v.view.mentions(x, v.s.own.Person)
	if err != nil || now == u.Mentioned {
		return err
	}
	sum, err := v.of(voiceOf(x))
	if err != nil {
		return err
	}
	if u.Mentioned = now; now {
		sum.Mentions++
	} else {
		sum.Mentions--
	}
	v.Put(bucketUnreadOf, key, u.Bytes())
	return nil
}

// mentions reports whether the row of an event, whose words are here, mentions somebody.
func (v *view) mentions(x *entry, person crypto.PersonID) (bool, error) {
	row := Row{Kind: x.header.Kind}
	if err := v.addWords(&row, x); err != nil {
		return false, err
	}
	for _, p := range row.Mentions {
		if p == person {
			return true, nil
		}
	}
	return false, nil
}

// findLast looks for the last rows of persons that are shown, in one pass: somebody may have brought many
// into a group and is removed with all of them. What was their last is behind all rows of theirs.
func (v *voices) findLast(conversation uint32, persons []crypto.PersonID) error {
	lack := map[crypto.PersonID]*layout.Voice{}
	var from layout.Shown
	for _, p := range persons {
		sum, err := v.of(voice{conversation, p})
		if err != nil {
			return err
		}
		if from.Compare(&sum.Last) < 0 {
			from = sum.Last
		}
		sum.Last, lack[p] = layout.Shown{}, sum
	}
	prefix := layout.U32(conversation)
	for k, value := range v.Back(bucketView, after(from.Key(conversation))) {
		if len(lack) == 0 || !bytes.HasPrefix(k, prefix) {
			break
		}
		at, err := layout.ParseView(k, value)
		if err != nil {
			return err
		}
		if _, notice := at.Slot.Notice(); notice {
			continue
		}
		l, err := v.log(at.Slot.Log)
		if err != nil {
			return err
		}
		if sum := lack[l.Person]; sum != nil && at.Slot.Sequence <= v.visibleTo(l) {
			sum.Last = at
			delete(lack, l.Person)
		}
	}
	return nil
}
