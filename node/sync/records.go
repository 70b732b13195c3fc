package sync

import (
	"bytes"
	"cmp"
	"maps"
	"slices"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/wire"
	"github.com/earshot-im/earshot/store/event"
)

type recordKey struct {
	device  crypto.DeviceID
	kind    event.RecordKind
	subject string
}

// record holds the two pictures of a record.
type record struct {
	ours  *event.Record   // nil if there is none here
	head  wire.RecordHead // of ours
	peers wire.RecordHead // Counter 0 if they have none
}

func headOf(r *event.Record) wire.RecordHead {
	return wire.RecordHead{Device: r.Device, Kind: r.Kind, Subject: r.Subject, Counter: r.Counter, Hash: r.Hash()}
}

func keyOf(h *wire.RecordHead) recordKey { return recordKey{h.Device, h.Kind, string(h.Subject)} }

// newer reports whether h replaces o, of the same key.
func newer(h, o *wire.RecordHead) bool {
	return h.Counter > o.Counter || h.Counter == o.Counter && bytes.Compare(h.Hash[:], o.Hash[:]) > 0
}

// takeRecord hands a record to the shell.
func (s *Session) takeRecord(r *wire.Record) {
	c := s.at(r.Tag)
	if c == nil || !c.live() {
		return
	}
	s.seeRecord(c, headOf(&r.Record))
	s.ingest(&pending{id: c.id, conv: c, record: &r.Record, weight: len(r.Record.Bytes)})
}

// heldRecord takes a newer record of this node.
func (s *Session) heldRecord(in HeldRecord) {
	if c := s.byID[in.Conversation]; c != nil {
		s.pushRecord(c, s.keepRecord(c, &in.Record))
	}
}

// keepRecord replaces the picture of a record that is held here, if it is newer.
func (s *Session) keepRecord(c *conversation, r *event.Record) *record {
	head := headOf(r)
	rec := c.records[keyOf(&head)]
	if rec == nil {
		rec = &record{}
		c.records[keyOf(&head)] = rec
	} else if rec.ours == nil {
		s.claims.add(-1)
	}
	if rec.ours == nil || newer(&head, &rec.head) {
		rec.ours, rec.head = r, head
	}
	return rec
}

// seeRecord replaces the picture of a record at the peer, if it is newer.
func (s *Session) seeRecord(c *conversation, head wire.RecordHead) {
	rec := c.records[keyOf(&head)]
	if rec == nil {
		if !s.claims.room(1) {
			return
		}
		s.claims.add(1)
		rec = &record{}
		c.records[keyOf(&head)] = rec
	}
	if newer(&head, &rec.peers) {
		rec.peers = head
	}
}

func (s *Session) pushRecord(c *conversation, rec *record) {
	switch {
	case !c.live() || c.want == wire.WantNothing || rec.ours == nil || !newer(&rec.head, &rec.peers) || c.pushing:
	case !s.room():
		c.pushing = true
		s.pacing.records = append(s.pacing.records, c)
	default:
		rec.peers = rec.head
		s.sendPaced(wire.Frame{Record: &wire.Record{Tag: c.ourTag, Record: *rec.ours}}, len(rec.ours.Bytes)+eventWeight)
	}
}

func (s *Session) pushRecords(c *conversation) {
	for _, key := range slices.SortedFunc(maps.Keys(c.records), recordKey.compare) {
		s.pushRecord(c, c.records[key])
	}
}

func (k recordKey) compare(o recordKey) int {
	return cmp.Or(bytes.Compare(k.device[:], o.device[:]), cmp.Compare(k.kind, o.kind), cmp.Compare(k.subject, o.subject))
}
