package store

import (
	"encoding/binary"
	"slices"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/book"
	"github.com/earshot-im/earshot/store/event"
	"github.com/earshot-im/earshot/store/ids"
	"github.com/earshot-im/earshot/store/tx"
)

// The buckets, keys and values of FORMAT.md, section "Database".
var (
	bucketMeta          = tx.Bucket("meta")
	bucketConversations = tx.Bucket("conversations")
	bucketLogNames      = tx.Bucket("lognames")
	bucketAuthors       = tx.Bucket("authors")
	bucketLogs          = tx.Bucket("logs")
	bucketEvents        = tx.Bucket("events")
	bucketKeys          = tx.Bucket("keys")
	bucketControls      = tx.Bucket("controls")
	bucketActs          = tx.Bucket("acts")
	bucketView          = tx.Bucket("view")
	bucketArrivals      = tx.Bucket("arrivals")
	bucketUnread        = tx.Bucket("unread")
	bucketWaiting       = tx.Bucket("waiting")
	bucketRecalls       = tx.Bucket("recalls")
	bucketCancelled     = tx.Bucket("cancelled")
	bucketReissued      = tx.Bucket("reissued")
	bucketTwins         = tx.Bucket("twins")
	bucketDelivered     = tx.Bucket("delivered")
	bucketRead          = tx.Bucket("read")
	bucketUnsigned      = tx.Bucket("unsigned")

	buckets = append([]tx.Bucket{
		bucketMeta, bucketConversations, bucketLogNames, bucketAuthors, bucketLogs, bucketEvents, ids.Bucket, bucketKeys,
		bucketControls, bucketActs, bucketView, bucketArrivals, bucketUnread, bucketWaiting, bucketRecalls, bucketCancelled,
		bucketReissued, bucketTwins, bucketDelivered, bucketRead, bucketUnsigned,
	}, book.Buckets...)

	// bucketsAscending lists the buckets whose keys mostly ascend.
	bucketsAscending = []tx.Bucket{bucketEvents, bucketView, bucketArrivals, bucketUnread, bucketKeys}

	metaVersion  = []byte("version")
	metaInstance = []byte("instance")
	metaMAC      = []byte("mac")
	metaFile     = []byte("file")
	metaEra      = []byte("era")
	metaRestored = []byte("restored")
)

const (
	formatVersion = 1

	// shortID is how many bytes of an ID stand in an index: no two IDs can be made to share that
	// many.
	shortID = 16
)

func u32(n uint32) []byte { return binary.BigEndian.AppendUint32(nil, n) }
func u64(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

// number reads a value of eight bytes; 0 of any other.
func number(b []byte) uint64 {
	if len(b) != 8 {
		return 0
	}
	return binary.BigEndian.Uint64(b)
}

// slot is where an event stands in a log.
type slot struct {
	log      uint32
	sequence uint64
}

const slotSize = 12

func (p slot) bytes() []byte { return p.append(make([]byte, 0, slotSize)) }

func (p slot) append(b []byte) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(b, p.log), p.sequence)
}

// slotAt reads the slot at the end of b.
func slotAt(b []byte) (slot, bool) {
	if len(b) < slotSize {
		return slot{}, false
	}
	b = b[len(b)-slotSize:]
	return slot{binary.BigEndian.Uint32(b), binary.BigEndian.Uint64(b[4:])}, true
}

// conversation is a value of bucketConversations.
type conversation struct {
	id     event.Conversation
	number uint32
	other  crypto.PersonID // zero for one's own and for groups
	own    uint32          // number of the log that this device writes; 0: none yet
	era    uint32          // in which that log was begun
}

const conversationSize = 4 + 32 + 4 + 4

func (c *conversation) bytes() []byte {
	return slices.Concat(u32(c.number), c.other[:], u32(c.own), u32(c.era))
}

func parseConversation(id event.Conversation, b []byte) (conversation, error) {
	if len(b) != conversationSize {
		return conversation{}, damaged("conversation of %d bytes", len(b))
	}
	return conversation{
		id:     id,
		number: binary.BigEndian.Uint32(b),
		other:  crypto.PersonID(b[4:36]),
		own:    binary.BigEndian.Uint32(b[36:]),
		era:    binary.BigEndian.Uint32(b[40:]),
	}, nil
}

// Branches of a log.
const (
	branchFirst = 0
	branchOther = 1 // what contradicts the first
	branchLost  = 2 // what this device wrote before its disk went back in time; the log has no name
)

// logState is a value of bucketLogs.
type logState struct {
	number       uint32
	conversation uint32
	log          event.Log
	person       crypto.PersonID
	branch       byte
	forked       uint64         // the first sequence that has two events; 0: none
	limit        uint64         // the last sequence that counts; noLimit: all
	top          placed         // the highest event that is placed and had
	events       uint64         // how many stand in the log, had or not
	segments     event.Segments // what was had, at most event.MaxPieces
}

// loose reports whether events stand in the log that its segments don't cover: they are here, but
// don't count as had.
func (l *logState) loose() bool { return l.events != l.segments.Len() }

// stands reports whether there may be an event at a sequence of the log.
func (l *logState) stands(sequence uint64) bool { return l.segments.Covers(sequence) || l.loose() }

const noLimit = 1<<64 - 1

// placed is an event that has its T, or nothing if sequence is 0.
type placed struct {
	sequence uint64
	t        int64
	id       event.ID
}

const (
	logFixed    = 4 + 32 + 32 + 8 + 32 + 1 + 8 + 8 + 8 + 8 + 32 + 8
	segmentSize = 8 + 8 + 32
)

func (l *logState) bytes() []byte {
	b := make([]byte, 0, logFixed+len(l.segments)*segmentSize)
	b = binary.BigEndian.AppendUint32(b, l.conversation)
	b = append(b, l.log.Conversation[:]...)
	b = append(b, l.log.Device[:]...)
	b = append(b, l.log.Instance[:]...)
	b = append(b, l.person[:]...)
	b = append(b, l.branch)
	b = binary.BigEndian.AppendUint64(b, l.forked)
	b = binary.BigEndian.AppendUint64(b, l.limit)
	b = binary.BigEndian.AppendUint64(b, l.top.sequence)
	b = binary.BigEndian.AppendUint64(b, uint64(l.top.t))
	b = append(b, l.top.id[:]...)
	b = binary.BigEndian.AppendUint64(b, l.events)
	for _, s := range l.segments {
		b = binary.BigEndian.AppendUint64(b, s.First)
		b = binary.BigEndian.AppendUint64(b, s.Last)
		b = append(b, s.ID[:]...)
	}
	return b
}

func parseLog(number uint32, b []byte) (*logState, error) {
	if len(b) < logFixed || (len(b)-logFixed)%segmentSize != 0 {
		return nil, damaged("log of %d bytes", len(b))
	}
	l := &logState{
		number:       number,
		conversation: binary.BigEndian.Uint32(b),
		log: event.Log{
			Conversation: event.Conversation(b[4:36]),
			Device:       crypto.DeviceID(b[36:68]),
			Instance:     event.Instance(b[68:76]),
		},
		person: crypto.PersonID(b[76:108]),
		branch: b[108],
		forked: binary.BigEndian.Uint64(b[109:]),
		limit:  binary.BigEndian.Uint64(b[117:]),
		top: placed{
			sequence: binary.BigEndian.Uint64(b[125:]),
			t:        int64(binary.BigEndian.Uint64(b[133:])),
			id:       event.ID(b[141:173]),
		},
		events: binary.BigEndian.Uint64(b[173:]),
	}
	for b := b[logFixed:]; len(b) > 0; b = b[segmentSize:] {
		l.segments = append(l.segments, event.Segment{
			First: binary.BigEndian.Uint64(b),
			Last:  binary.BigEndian.Uint64(b[8:]),
			ID:    event.ID(b[16:48]),
		})
	}
	if err := l.segments.Check(event.MaxPieces); err != nil {
		return nil, damaged("log: %w", err)
	}
	return l, nil
}

func logName(conversation uint32, log event.Log, branch byte) []byte {
	b := make([]byte, 0, 4+32+8+1)
	b = binary.BigEndian.AppendUint32(b, conversation)
	b = append(b, log.Device[:]...)
	b = append(b, log.Instance[:]...)
	return append(b, branch)
}

// authorKey is how the keys of all logs of a person begin.
func authorKey(conversation uint32, person crypto.PersonID) []byte {
	return append(u32(conversation), person[:]...)
}

// Flags of a stored event.
const (
	flagSigned = 1 << iota
	flagPlaced // T is fixed
	flagShown  // has a row; arrival is set
	flagGap    // shown although a cause had not come
	flagLate   // shown before rows that were there already
)

// stored is a value of bucketEvents. Its slices are those of the transaction.
type stored struct {
	flags       byte
	absent      event.Absence
	firstSeen   int64
	t           int64
	arrival     uint64
	withheld    uint32 // which causes are withheld from this node, see event.Event
	headerBytes []byte // the ID is the hash of these
	signature   []byte // nil if there is none
	sealed      []byte // the body, nil if absent
}

const storedFixed = 1 + 1 + 8 + 8 + 8 + 4 + 2

func (e *stored) is(flag byte) bool { return e.flags&flag != 0 }

func (e *stored) bytes() []byte {
	b := make([]byte, 0, storedFixed+len(e.headerBytes)+len(e.signature)+len(e.sealed))
	flags := e.flags &^ flagSigned
	if e.signature != nil {
		flags |= flagSigned
	}
	b = append(b, flags, byte(e.absent))
	b = binary.BigEndian.AppendUint64(b, uint64(e.firstSeen))
	b = binary.BigEndian.AppendUint64(b, uint64(e.t))
	b = binary.BigEndian.AppendUint64(b, e.arrival)
	b = binary.BigEndian.AppendUint32(b, e.withheld)
	b = binary.BigEndian.AppendUint16(b, uint16(len(e.headerBytes)))
	b = append(b, e.headerBytes...)
	b = append(b, e.signature...)
	return append(b, e.sealed...)
}

func parseStored(b []byte) (*stored, error) {
	if len(b) < storedFixed {
		return nil, damaged("event of %d bytes", len(b))
	}
	e := &stored{
		flags:     b[0],
		absent:    event.Absence(b[1]),
		firstSeen: int64(binary.BigEndian.Uint64(b[2:])),
		t:         int64(binary.BigEndian.Uint64(b[10:])),
		arrival:   binary.BigEndian.Uint64(b[18:]),
		withheld:  binary.BigEndian.Uint32(b[26:]),
	}
	size, b := int(binary.BigEndian.Uint16(b[30:])), b[storedFixed:]
	if e.is(flagSigned) {
		if len(b) < size+crypto.SignatureSize {
			return nil, damaged("event without its signature")
		}
		e.signature = b[size : size+crypto.SignatureSize]
	}
	if len(b) < size+len(e.signature) {
		return nil, damaged("event without its header")
	}
	e.headerBytes = b[:size]
	if b = b[size+len(e.signature):]; e.absent == event.Present {
		e.sealed = b
	}
	return e, nil
}

func viewKey(conversation uint32, t int64, id event.ID) []byte {
	b := make([]byte, 0, 4+8+shortID)
	b = binary.BigEndian.AppendUint32(b, conversation)
	b = binary.BigEndian.AppendUint64(b, uint64(t))
	return append(b, id[:shortID]...)
}

// localKey is a key of bucketKeys.
func localKey(conversation uint32, p crypto.PersonID, key [16]byte) []byte {
	b := make([]byte, 0, len(key)+4+shortID)
	b = append(b, key[:]...)
	b = binary.BigEndian.AppendUint32(b, conversation)
	return append(b, p[:shortID]...)
}

const waitingSize = 4 + 32 + 8 + 8

// waitingFor is how the keys of all events begin that wait for one event.
func waitingFor(conversation uint32, device crypto.DeviceID, instance event.Instance, sequence uint64) []byte {
	b := make([]byte, 0, waitingSize+slotSize)
	b = binary.BigEndian.AppendUint32(b, conversation)
	b = append(b, device[:]...)
	b = append(b, instance[:]...)
	return binary.BigEndian.AppendUint64(b, sequence)
}

// recallsOf is how the keys of all recalls of an event by a person begin.
func recallsOf(conversation uint32, target event.ID, by crypto.PersonID) []byte {
	return slices.Concat(u32(conversation), target[:], by[:shortID])
}

// editKeys is how the keys of all edits of an event, or of all reactions to it, begin.
func editKeys(conversation uint32, target event.ID, kind event.Kind) []byte {
	b := make([]byte, 0, 4+32+1+slotSize)
	b = binary.BigEndian.AppendUint32(b, conversation)
	b = append(b, target[:]...)
	return append(b, byte(kind))
}

func controlKey(conversation uint32, id event.ID) []byte {
	return append(u32(conversation), id[:]...)
}

func deliveryKey(log uint32, person crypto.PersonID) []byte { return append(u32(log), person[:]...) }

func rangesBytes(s event.Ranges) []byte {
	b := make([]byte, 0, 2+16*len(s))
	b = binary.BigEndian.AppendUint16(b, uint16(len(s)))
	for _, r := range s {
		b = binary.BigEndian.AppendUint64(b, r.First)
		b = binary.BigEndian.AppendUint64(b, r.Last)
	}
	return b
}

func parseRanges(b []byte) (event.Ranges, error) {
	if b == nil {
		return nil, nil
	}
	if len(b) < 2 || len(b) != 2+16*int(binary.BigEndian.Uint16(b)) {
		return nil, damaged("ranges of %d bytes", len(b))
	}
	var s event.Ranges
	for b = b[2:]; len(b) > 0; b = b[16:] {
		s = append(s, event.Range{First: binary.BigEndian.Uint64(b), Last: binary.BigEndian.Uint64(b[8:])})
	}
	return s, nil
}
