package changes

import (
	"encoding/binary"

	"github.com/earshot-im/earshot/store/disk"
	"github.com/earshot-im/earshot/store/event"
	"github.com/earshot-im/earshot/store/tx"
)

// The buckets of FORMAT.md, section "Database", that the journal owns.
const (
	bucketChanges = tx.Bucket("changes") // by N
	bucketChanged = tx.Bucket("changed") // by subject: at which N it stands in bucketChanges
)

// Buckets lists the buckets that must exist.
var Buckets = []tx.Bucket{bucketChanges, bucketChanged}

// Ascending lists those whose keys mostly ascend.
var Ascending = []tx.Bucket{bucketChanges}

// Kind says what kind of subject an entry is about.
type Kind byte

const (
	Rows         Kind = iota + 1 // events of a log: what is shown of them
	Effects                      // events of a log: what is shown of them, and of what they edit or react to
	Conversation                 // what is shown of a conversation
	Person                       // what is shown of a person
	Settings                     // what the owner has set
	Cleared                      // a conversation: rows of it have gone for good
)

// ranged reports whether subjects of the kind are parts of logs.
func (k Kind) ranged() bool { return k == Rows || k == Effects }

// ID is that of a conversation or a person.
type ID [32]byte

// Entry is what the journal has of one subject.
type Entry struct {
	N uint64
	Kind
	Log    uint32 // its number; of Rows and Effects
	Events event.Range
	ID     ID // of Conversation, Person and Cleared
}

// Place is where a reader goes on in the journal: as a key of bucketChanges, before whose entry the
// reader stands.
type Place []byte

// At returns the place before everything that stands at n.
func At(n uint64) Place { return u64(n) }

// N returns the number in the journal at which the place is.
func (p Place) N() uint64 { return binary.BigEndian.Uint64(p) }

// Within reports whether the place may be behind some of what stands at its N.
func (p Place) Within() bool { return len(p) > 8 }

// After returns the place behind an entry.
func (e *Entry) After() Place {
	if e.ranged() {
		return e.Behind(e.Events.Last)
	}
	return append(e.key(), 0)
}

// Behind returns the place behind a part of an entry about a log: up to a sequence.
func (e *Entry) Behind(sequence uint64) Place {
	return rangeKey(e.N, e.Kind, e.Log, sequence+1)
}

// key is the key of the entry in bucketChanges. That of a range has its last sequence, so that
// whoever has read a part of it finds the rest.
func (e *Entry) key() []byte {
	switch e.Kind {
	case Rows, Effects:
		return rangeKey(e.N, e.Kind, e.Log, e.Events.Last)
	case Settings:
		return append(u64(e.N), byte(e.Kind))
	}
	return append(append(u64(e.N), byte(e.Kind)), e.ID[:]...)
}

func rangeKey(n uint64, kind Kind, log uint32, last uint64) []byte {
	b := make([]byte, 0, 8+1+4+8)
	b = append(binary.BigEndian.AppendUint64(b, n), byte(kind))
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(b, log), last)
}

// subject is the key of the entry in bucketChanged.
func (e *Entry) subject() []byte { return e.key()[8:] }

// parse reads an entry from its key and value in bucketChanges.
func parse(k, v []byte) (e Entry, err error) {
	if len(k) < 9 {
		return e, disk.Damaged("change of %d bytes", len(k))
	}
	e.N, e.Kind = binary.BigEndian.Uint64(k), Kind(k[8])
	switch k = k[9:]; {
	case e.ranged() && len(k) == 4+8 && len(v) == 8:
		e.Log = binary.BigEndian.Uint32(k)
		e.Events = event.Range{First: binary.BigEndian.Uint64(v), Last: binary.BigEndian.Uint64(k[4:])}
	case e.Kind == Settings && len(k) == 0:
	case (e.Kind == Conversation || e.Kind == Person || e.Kind == Cleared) && len(k) == len(e.ID):
		e.ID = ID(k)
	default:
		return e, disk.Damaged("change of kind %d", e.Kind)
	}
	return e, nil
}

// Next returns the first entry behind a place; ok is false if there is none.
func Next(r *tx.Reader, from Place) (e Entry, ok bool, err error) {
	k, v := r.Seek(bucketChanges, from)
	if k == nil {
		return e, false, nil
	}
	e, err = parse(k, v)
	if start := rangeStart(from, &e); err == nil && start > e.Events.First {
		e.Events.First = start
	}
	return e, err == nil, err
}

// rangeStart returns the sequence at which a place is within the range of an entry; 0 if it isn't.
func rangeStart(from Place, e *Entry) uint64 {
	const size = 8 + 1 + 4 + 8
	if !e.ranged() || len(from) != size || string(from[:size-8]) != string(e.key()[:size-8]) {
		return 0
	}
	return binary.BigEndian.Uint64(from[size-8:])
}

func u64(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }
