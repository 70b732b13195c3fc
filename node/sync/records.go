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

// records gives the peer those records that are newer here than there.
type records struct {
	*turn
	pace   *pace
	claims *claims
	queue  []*conversation // wait for room
}

// heldRecords is what records keeps of a conversation.
type heldRecords struct {
	known  map[recordKey]*record
	queued bool // the conversation is in records.queue
}

type recordKey struct {
	device  crypto.DeviceID
	kind    event.RecordKind
	subject string
}

// record holds the two pictures of a record.
type record struct {
	ours    *event.Record      // nil if there is none here
	summary wire.RecordSummary // of ours
	peers   wire.RecordSummary // Counter 0 if they have none
}

// hold replaces the picture of a record that is held here, if it is newer.
func (r *records) hold(c *conversation, in *event.Record) *record {
	summary := summaryOf(in)
	rec := c.records.known[keyOf(&summary)]
	if rec == nil {
		rec = &record{}
		c.records.known[keyOf(&summary)] = rec
	} else if rec.ours == nil {
		r.claims.add(-1) // not only the peer has it any more
	}
	if rec.ours == nil || newer(&summary, &rec.summary) {
		rec.ours, rec.summary = in, summary
	}
	return rec
}

// see replaces the picture of a record at the peer, if it is newer.
func (r *records) see(c *conversation, summary wire.RecordSummary) {
	rec := c.records.known[keyOf(&summary)]
	if rec == nil {
		if !r.claims.room(1) {
			return
		}
		r.claims.add(1)
		rec = &record{}
		c.records.known[keyOf(&summary)] = rec
	}
	if newer(&summary, &rec.peers) {
		rec.peers = summary
	}
}

// push sends a record if it is newer here and there is room for it. Where there is no room, all
// records of the conversation are looked at again when there is.
func (r *records) push(c *conversation, rec *record) {
	switch {
	case !c.live() || c.want == wire.WantNothing || rec.ours == nil || !newer(&rec.summary, &rec.peers) || c.records.queued:
	case !r.pace.room():
		c.records.queued = true
		r.queue = append(r.queue, c)
	default:
		rec.peers = rec.summary
		r.pace.say(wire.Frame{Record: &wire.Record{Tag: c.ourTag, Record: *rec.ours}}, len(rec.ours.Bytes)+event.Around)
	}
}

func (r *records) pushAll(c *conversation) {
	for _, key := range slices.SortedFunc(maps.Keys(c.records.known), recordKey.compare) {
		r.push(c, c.records.known[key])
	}
}

// goOn pushes what has waited for room.
func (r *records) goOn() {
	for r.pace.room() && len(r.queue) > 0 {
		c := r.queue[0]
		r.queue = r.queue[1:]
		c.records.queued = false
		r.pushAll(c)
	}
}

// summaries returns what an offer says of the records that are held here.
func (r *records) summaries(c *conversation) (all []wire.RecordSummary) {
	for _, rec := range c.records.known {
		if rec.ours != nil {
			all = append(all, rec.summary)
		}
	}
	slices.SortFunc(all, func(a, b wire.RecordSummary) int { return a.Compare(&b) })
	return all
}

func summaryOf(r *event.Record) wire.RecordSummary {
	return wire.RecordSummary{Device: r.Device, Kind: r.Kind, Subject: r.Subject, Counter: r.Counter, Hash: r.Hash()}
}

func keyOf(h *wire.RecordSummary) recordKey { return recordKey{h.Device, h.Kind, string(h.Subject)} }

// newer reports whether a record replaces another one of the same key.
func newer(a, b *wire.RecordSummary) bool {
	return a.Counter > b.Counter || a.Counter == b.Counter && bytes.Compare(a.Hash[:], b.Hash[:]) > 0
}

func (k recordKey) compare(o recordKey) int {
	return cmp.Or(bytes.Compare(k.device[:], o.device[:]), cmp.Compare(k.kind, o.kind), cmp.Compare(k.subject, o.subject))
}
