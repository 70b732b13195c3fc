package event

import (
	"bytes"
	"cmp"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/crypto/canon"
	"github.com/earshot-im/earshot/crypto/names"
)

const (
	profileSubjectSize = 32
	receiptSubjectSize = 72

	// MaxName bounds the name that a person claims or a group has, in bytes. Which characters a
	// name may have is for names.Claim to say, where it is shown.
	MaxName = names.MaxBytes
	// MaxReceiptSegments bounds each list of a receipt: an author with more pieces than that in
	// their logs waits for the next ones.
	MaxReceiptSegments = 64

	maxLogSegment = 128 // bytes; one takes at most 98
)

// Profile is the value of a KindProfile record: what a person says of themselves.
type Profile struct {
	Name string
}

// ProfileSubject returns the subject of a person's profile.
func ProfileSubject(p crypto.PersonID) []byte { return p[:] }

// Marshal returns the value. NewRecord checks it.
func (p Profile) Marshal() []byte {
	var w canon.Writer
	w.String(1, p.Name)
	return w.Out()
}

// ParseProfile takes the value of a KindProfile record.
func ParseProfile(value []byte) (Profile, error) {
	r := canon.NewReader(value)
	p := Profile{Name: r.String(1, MaxName)}
	if err := r.End(); err != nil {
		return Profile{}, malformed("profile: %w", err)
	}
	return p, nil
}

// Receipt is the value of a KindReceipt record: what of an author's logs in a conversation has
// reached the reader's disk, and what was read. Both lists ascend by device, instance, branch and
// first; no segment touches another of its log and branch.
type Receipt struct {
	Delivered, Read []LogSegment
}

// LogSegment is a segment of a log of the conversation that is known from elsewhere.
type LogSegment struct {
	Device   crypto.DeviceID
	Instance Instance
	Segment
	Other bool // of the second branch of a log that is forked at the reader
}

// Log returns the log that the segment is of.
func (s LogSegment) Log(c Conversation) Log {
	return Log{Conversation: c, Device: s.Device, Instance: s.Instance}
}

// ReceiptSubject returns the subject of a receipt, or of holdings, for an author's messages, given by the
// holder of a store.
func ReceiptSubject(c Conversation, author crypto.PersonID, store Instance) []byte {
	b := make([]byte, 0, receiptSubjectSize)
	b = append(b, c[:]...)
	b = append(b, author[:]...)
	return append(b, store[:]...)
}

// ParseReceiptSubject takes apart what ReceiptSubject put together.
func ParseReceiptSubject(subject []byte) (c Conversation, author crypto.PersonID, store Instance, err error) {
	if len(subject) != receiptSubjectSize {
		return c, author, store, malformed("receipt: subject of %d bytes", len(subject))
	}
	return Conversation(subject[:32]), crypto.PersonID(subject[32:64]), Instance(subject[64:]), nil
}

// Marshal returns the value. NewRecord checks it.
func (r Receipt) Marshal() []byte {
	var w canon.Writer
	for _, s := range r.Delivered {
		w.Element(1, s.marshal())
	}
	for _, s := range r.Read {
		w.Element(2, s.marshal())
	}
	return w.Out()
}

func (s *LogSegment) marshal() []byte {
	var w canon.Writer
	w.Bytes(1, s.Device[:])
	w.Bytes(2, s.Instance[:])
	w.Uint(3, s.First)
	w.Uint(4, s.Last)
	w.Bytes(5, s.ID[:])
	if s.Other {
		w.Uint(6, 1)
	}
	return w.Out()
}

// ParseReceipt takes the value of a KindReceipt record.
func ParseReceipt(value []byte) (Receipt, error) {
	r := canon.NewReader(value)
	delivered := r.Repeated(1, MaxReceiptSegments, maxLogSegment)
	read := r.Repeated(2, MaxReceiptSegments, maxLogSegment)
	if err := r.End(); err != nil {
		return Receipt{}, malformed("receipt: %w", err)
	}
	var receipt Receipt
	var err error
	if receipt.Delivered, err = parseLogSegments(delivered); err != nil {
		return Receipt{}, err
	}
	if receipt.Read, err = parseLogSegments(read); err != nil {
		return Receipt{}, err
	}
	return receipt, nil
}

func parseLogSegments(elements [][]byte) ([]LogSegment, error) {
	if len(elements) == 0 {
		return nil, nil
	}
	list := make([]LogSegment, len(elements))
	for i, b := range elements {
		r := canon.NewReader(b)
		s := &list[i]
		s.Device = crypto.DeviceID(r.Fixed(1, 32))
		s.Instance = Instance(r.Fixed(2, 8))
		s.First = r.Uint(3)
		s.Last = r.Uint(4)
		s.ID = ID(r.Fixed(5, 32))
		branch := r.Uint(6)
		s.Other = branch == 1
		if err := r.End(); err != nil {
			return nil, malformed("receipt: %w", err)
		}
		if err := s.check(); err != nil {
			return nil, err
		}
		if branch > 1 {
			return nil, malformed("receipt: branch %d", branch)
		}
		if i > 0 && !list[i-1].before(s) {
			return nil, malformed("receipt: segments out of order")
		}
	}
	return list, nil
}

// before reports whether s may stand before t in a receipt.
func (s *LogSegment) before(t *LogSegment) bool {
	order := cmp.Or(bytes.Compare(s.Device[:], t.Device[:]), bytes.Compare(s.Instance[:], t.Instance[:]))
	if order != 0 || s.Other != t.Other {
		return order < 0 || order == 0 && t.Other
	}
	return s.Last+1 < t.First
}
