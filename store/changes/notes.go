package changes

import (
	"bytes"
	"encoding/binary"
	"maps"
	"slices"

	"github.com/earshot-im/earshot/store/disk"
	"github.com/earshot-im/earshot/store/event"
	"github.com/earshot-im/earshot/store/tx"
)

// Notes gathers what one batch changes, until the batch ends. The zero value has nothing.
type Notes struct {
	ranges map[logOf][]event.Range // as they were noted: there may be a hundred thousand
	others map[other]struct{}
}

// logOf is a log, and which kind of change there is in it.
type logOf struct {
	Kind
	log uint32
}

// other is a subject that is not a part of a log.
type other struct {
	Kind
	id ID
}

// Empty reports whether nothing was noted.
func (n *Notes) Empty() bool { return len(n.ranges) == 0 && len(n.others) == 0 }

// Each calls log for the logs of which something was noted, and conversation for the conversations that
// were.
func (n *Notes) Each(log func(uint32), conversation func(event.Conversation)) {
	for of := range n.ranges {
		log(of.log)
	}
	for what := range n.others {
		if what.Kind == Conversation {
			conversation(event.Conversation(what.id))
		}
	}
}

// Events notes parts of a log, of which some may be empty. The kind is Rows or Effects.
func (n *Notes) Events(kind Kind, log uint32, events ...event.Range) {
	key := logOf{kind, log}
	for _, g := range events {
		if g.First == 0 || g.First > g.Last {
			continue
		}
		if n.ranges == nil {
			n.ranges = map[logOf][]event.Range{}
		}
		n.ranges[key] = append(n.ranges[key], g)
	}
}

// Conversation notes a conversation.
func (n *Notes) Conversation(id event.Conversation) { n.note(other{Conversation, ID(id)}) }

// Cleared notes that rows of a conversation have gone for good.
func (n *Notes) Cleared(id event.Conversation) { n.note(other{Cleared, ID(id)}) }

// Person notes a person.
func (n *Notes) Person(id ID) { n.note(other{Person, id}) }

// Settings notes what the owner has set.
func (n *Notes) Settings() { n.note(other{Kind: Settings}) }

// Forget takes a subject that is no more out of the notes and out of the journal: a conversation or a
// person.
func (n *Notes) Forget(b *tx.Batch, kind Kind, id ID) {
	delete(n.others, other{kind, id})
	e := Entry{Kind: kind, ID: id}
	subject := e.subject()
	if v := b.Get(bucketChanged, subject); len(v) == 8 {
		e.N = binary.BigEndian.Uint64(v)
		b.Delete(bucketChanges, e.key())
		b.Delete(bucketChanged, subject)
	}
}

// ForgetLog does so for a log of which no event is here any more.
func (n *Notes) ForgetLog(b *tx.Batch, log uint32) {
	for _, kind := range []Kind{Rows, Effects} {
		delete(n.ranges, logOf{kind, log})
		from := rangeKey(0, kind, log, 0)[8:]
		keys, values := b.Copy(bucketChanged, from[:1+4])
		for i, subject := range keys {
			if len(values[i]) == 16 {
				b.Delete(bucketChanges, append(bytes.Clone(values[i][8:]), subject...))
			}
			b.Delete(bucketChanged, subject)
		}
	}
}

func (n *Notes) note(what other) {
	if n.others == nil {
		n.others = map[other]struct{}{}
	}
	n.others[what] = struct{}{}
}

// Write puts what was noted into the journal, at a number that is not below any that stands there.
func (n *Notes) Write(b *tx.Batch, at uint64) {
	for _, of := range slices.SortedFunc(maps.Keys(n.ranges), logOf.compare) {
		for _, events := range event.United(n.ranges[of]) {
			b.Fail(putRange(b, Entry{N: at, Kind: of.Kind, Log: of.log, Events: events}))
		}
	}
	cleared := false
	for what := range n.others {
		putOther(b, Entry{N: at, Kind: what.Kind, ID: what.id})
		cleared = cleared || what.Kind == Cleared
	}
	if cleared {
		prune(b)
	}
}

// maxCleared bounds the entries of what has gone for good. Strangers can make ever more of it. Whoever
// has not followed for so long goes on to show what is not here any more.
const maxCleared = 1024

// prune takes the oldest entries of what has gone for good out of the journal, if there are too many.
func prune(b *tx.Batch) {
	subjects, at := b.Copy(bucketChanged, []byte{byte(Cleared)})
	order := make([]int, len(subjects))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(x, y int) int { return bytes.Compare(at[x], at[y]) })
	for _, i := range order[:max(0, len(order)-maxCleared)] {
		b.Delete(bucketChanges, append(at[i], subjects[i]...))
		b.Delete(bucketChanged, subjects[i])
	}
}

func (k logOf) compare(o logOf) int {
	return bytes.Compare(rangeKey(0, k.Kind, k.log, 0), rangeKey(0, o.Kind, o.log, 0))
}

// putRange puts a range into the journal. Of older ranges of the log, what it overlaps is taken
// out; what is left of them stays at its number.
func putRange(b *tx.Batch, e Entry) error {
	older, err := overlapping(&b.Reader, &e)
	if err != nil {
		return err
	}
	for _, old := range older {
		b.Delete(bucketChanges, old.key())
		b.Delete(bucketChanged, old.subject())
		for _, left := range (event.Ranges{old.Events}).Subtract(event.Ranges{e.Events}) {
			old.Events = left
			write(b, &old)
		}
	}
	write(b, &e)
	return nil
}

// overlapping returns the entries of the log that a range overlaps.
func overlapping(r *tx.Reader, e *Entry) (older []Entry, err error) {
	from := rangeKey(0, e.Kind, e.Log, e.Events.First)[8:]
	log := from[:1+4]
	for k, v := range r.From(bucketChanged, from) {
		if !bytes.HasPrefix(k, log) {
			break
		}
		if len(k) != len(from) || len(v) != 16 {
			return nil, disk.Damaged("changed log of %d bytes", len(v))
		}
		old := Entry{N: binary.BigEndian.Uint64(v[8:]), Kind: e.Kind, Log: e.Log,
			Events: event.Range{First: binary.BigEndian.Uint64(v), Last: binary.BigEndian.Uint64(k[len(log):])}}
		if old.Events.First > e.Events.Last {
			break
		}
		older = append(older, old)
	}
	return older, nil
}

// write writes an entry about a part of a log that overlaps no other.
func write(b *tx.Batch, e *Entry) {
	first := u64(e.Events.First)
	b.Put(bucketChanges, e.key(), first)
	b.Put(bucketChanged, e.subject(), append(first, u64(e.N)...))
}

// putOther puts a subject that is not a part of a log into the journal, in place of its last entry.
func putOther(b *tx.Batch, e Entry) {
	subject := e.subject()
	if v := b.Get(bucketChanged, subject); len(v) == 8 {
		old := e
		old.N = binary.BigEndian.Uint64(v)
		b.Delete(bucketChanges, old.key())
	}
	b.Put(bucketChanges, e.key(), []byte{})
	b.Put(bucketChanged, subject, u64(e.N))
}
