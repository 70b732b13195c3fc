package sync

import (
	"bytes"
	"maps"
	"slices"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/event"
)

// conversation is one that Joined has given.
type conversation struct {
	id           event.Conversation
	mine, theirs []byte // tags

	left bool // Joined gives it no more
	open bool // the peer has offered it as well: from then on things move

	logs    map[event.Log]*log
	order   []*log // logs, as they came
	records map[recordKey]*record

	catching int    // logs with a target: at 0 Settled is sent
	owed     int    // Settled that the peer owes, one for each offer of mine
	settling Ticket // RoundEnded when everything up to it is answered; 0: no round ends

	rolledBack bool // Rollback was given

	// For a peer that offers nothing.
	opening        Opening
	openingAt      time.Time
	opened         bool // the one run was asked for
	loadingOpening bool
}

// live reports whether things move in the conversation.
func (c *conversation) live() bool { return c.open && !c.left }

// log holds the two pictures of a log.
type log struct {
	name event.Log
	conv *conversation

	mine   event.Segments // on this node's disk
	theirs event.Segments // on the peer's, as it said or by what it brought
	sent   event.Ranges   // theirs and what is in flight: never pushed again
	told   event.Ranges   // of mine, what the peer knows
	acked  event.Ranges   // what Acked has said

	target  uint64 // Settled waits until everything up to it is pushed; 0: it doesn't
	queued  bool   // in ready
	delayed bool   // in delayed
	listed  bool   // in untold
	loading uint64 // where the Load under way begins; 0: none
	stopped bool   // the peer takes no more of it, or there is nothing true to give
	refused bool   // no more of it is taken from the peer
}

type recordKey struct {
	device  crypto.DeviceID
	kind    event.RecordKind
	subject string
}

// record holds the two pictures of a record.
type record struct {
	mine   *event.Record // nil if there is none here
	head   RecordHead    // of mine
	theirs RecordHead    // Counter 0 if they have none
}

func headOf(r *event.Record) RecordHead {
	return RecordHead{r.Device, r.Kind, r.Subject, r.Counter, r.Hash()}
}

func (h *RecordHead) key() recordKey { return recordKey{h.Device, h.Kind, string(h.Subject)} }

// newer reports whether h replaces o, of the same key.
func (h *RecordHead) newer(o *RecordHead) bool {
	return h.Counter > o.Counter || h.Counter == o.Counter && bytes.Compare(h.Hash[:], o.Hash[:]) > 0
}

// join takes what the shell says about the peer, at first and whenever it changes.
func (s *Session) join(in Joined) {
	if s.phase != proving && s.phase != joined {
		return
	}
	if in.Err != nil {
		s.close(in.Err)
		return
	}
	s.phase = joined
	s.serve, s.blocked = in.Serve, in.Blocked
	s.own = map[crypto.DeviceID]bool{}
	for _, d := range in.Own {
		s.own[d] = true
	}
	given := map[event.Conversation]bool{}
	var fresh []*conversation
	for i := range in.Conversations {
		if len(in.Conversations[i].Theirs) == 0 && !in.Serve {
			continue
		}
		given[in.Conversations[i].ID] = true
		if c := s.enter(&in.Conversations[i]); c != nil {
			fresh = append(fresh, c)
		}
	}
	for id, c := range s.byID {
		c.left = !given[id]
	}
	s.offer(fresh)
	for _, c := range fresh {
		if o, ok := s.offers[string(c.theirs)]; ok {
			s.forgetOffer(string(c.theirs))
			s.offered(o)
		} else if c.open {
			s.resume(c)
		}
	}
}

// enter makes a conversation known that is to be offered. It returns nil if the offer
// before still holds: it does not where something was refused.
func (s *Session) enter(in *Conversation) *conversation {
	c := s.byID[in.ID]
	switch {
	case c == nil:
		c = &conversation{id: in.ID, mine: in.Mine, theirs: in.Theirs,
			logs: map[event.Log]*log{}, records: map[recordKey]*record{}}
		s.byID[c.id] = c
		s.byTag[string(c.theirs)] = c
		if len(c.theirs) == 0 {
			s.direct = c
		}
	case !c.left && !slices.ContainsFunc(c.order, func(l *log) bool { return l.refused }):
		return nil
	}
	c.left = false
	c.opening = in.Opening
	c.openingAt = s.now.Add(openingPause)
	for _, name := range slices.SortedFunc(maps.Keys(in.Logs), event.Log.Compare) {
		if segments := in.Logs[name]; len(segments) > 0 && name.Conversation == c.id {
			s.grow(s.logOf(c, name), segments)
		}
	}
	for _, l := range c.order {
		l.refused = false
	}
	for i := range in.Records {
		s.keepRecord(c, &in.Records[i])
	}
	return c
}

// logOf returns the pictures of a log, new ones if there are none.
func (s *Session) logOf(c *conversation, name event.Log) *log {
	l := c.logs[name]
	if l == nil {
		l = &log{name: name, conv: c}
		c.logs[name] = l
		c.order = append(c.order, l)
	}
	return l
}

// claimed is logOf for a log that the peer says it has n segments of. It returns nil
// if that is too much to remember.
func (s *Session) claimed(c *conversation, name event.Log, n int) *log {
	l := c.logs[name]
	if l == nil || len(l.mine) == 0 {
		if l != nil {
			n -= len(l.theirs)
		}
		if s.claims+n > maxClaims {
			return nil
		}
	}
	return s.logOf(c, name)
}

// grow adds to mine, which never shrinks: inputs of two commits may change places on
// their way. It reports whether anything was new.
func (s *Session) grow(l *log, segments event.Segments) bool {
	if slices.Equal(l.mine, segments) {
		return false
	}
	merged, err := l.mine, error(nil)
	for _, g := range segments {
		if merged, err = merged.Add(g); err != nil {
			merged = segments
			break
		}
	}
	if slices.Equal(merged, l.mine) {
		return false
	}
	if len(l.mine) == 0 {
		s.claims -= len(l.theirs)
	}
	l.mine = merged
	return true
}

// lacks returns what is here and neither at the peer nor on its way there.
func (l *log) lacks() event.Ranges { return l.mine.Ranges().Subtract(l.sent) }

func (l *log) segments() LogSegments {
	return LogSegments{l.name.Device, l.name.Instance, l.mine}
}

// offer sends what is held of conversations, in as many frames as that takes.
// A conversation of more logs than one offer may list says the rest by Have later.
func (s *Session) offer(fresh []*conversation) {
	fresh = slices.SortedFunc(slices.Values(fresh), func(a, b *conversation) int {
		return bytes.Compare(a.mine, b.mine)
	})
	var frame []Offer
	size := 0
	for _, c := range fresh {
		o := Offer{Tag: c.mine, Store: s.cfg.Store}
		weight := 0
		for _, l := range slices.SortedFunc(slices.Values(c.order), compareLogs) {
			if w := l.offerWeight(); len(l.mine) > 0 && len(o.Logs) < MaxLogs && weight+w <= haveBytes {
				weight += w
				o.Logs = append(o.Logs, l.segments())
				l.told = l.mine.Ranges()
			}
		}
		for _, r := range c.records {
			if r.mine != nil {
				o.Records = append(o.Records, r.head)
			}
		}
		slices.SortFunc(o.Records, func(a, b RecordHead) int { return a.compare(&b) })
		const headWeight = 224
		o.Records = o.Records[:min(len(o.Records), MaxRecords, (haveBytes-weight)/headWeight)]
		weight += len(o.Records) * headWeight
		if len(frame) == MaxOffers || len(frame) > 0 && size+weight > haveBytes {
			s.send(Frame{Offers: &Offers{frame}})
			frame, size = nil, 0
		}
		frame = append(frame, o)
		size += weight + 64
		c.owed++
	}
	if len(frame) > 0 {
		s.send(Frame{Offers: &Offers{frame}})
	}
}

func compareLogs(a, b *log) int { return a.name.Compare(b.name) }

// offerWeight is about how many bytes a log takes in an Offer or a Have.
func (l *log) offerWeight() int { return 56 + 56*len(l.mine) }

// offered takes the peer's offer of a conversation, which opens it or, if it was
// open, begins it anew.
func (s *Session) offered(o Offer) {
	if !s.sameStore(o.Store) {
		return
	}
	c := s.byTag[string(o.Tag)]
	if c == nil || c.left {
		s.keepOffer(o)
		return
	}
	for _, h := range o.Records {
		s.seeRecord(c, h)
	}
	for i := range o.Logs {
		if l := s.claimed(c, o.Logs[i].name(c), len(o.Logs[i].Segments)); l != nil {
			s.see(l, o.Logs[i].Segments)
		}
	}
	for _, l := range c.order {
		l.stopped = false
		s.check(l)
	}
	c.open = true
	s.reopen(c)
}

// resume goes on with a conversation that the peer goes on to offer.
func (s *Session) resume(c *conversation) {
	for _, l := range c.order {
		s.want(l)
		s.mention(l)
	}
	s.pushRecords(c)
}

// reopen pushes whatever the peer lacks of c, and then says Settled.
func (s *Session) reopen(c *conversation) {
	c.catching = 0
	for _, l := range c.order {
		l.target = 0
		if !l.stopped && len(l.lacks()) > 0 {
			l.target = l.mine.Last()
			c.catching++
			s.queue(l)
		}
		s.mention(l)
	}
	s.pushRecords(c)
	if c.catching == 0 {
		s.send(Frame{Settled: &Settled{c.mine}})
	}
}

// sameStore holds the peer to one store for the whole session.
func (s *Session) sameStore(store event.Instance) bool {
	if s.store == nil {
		s.store = &store
	}
	if *s.store != store {
		s.close(broken("another store"))
	}
	return s.phase != closed
}

// keepOffer remembers the offer of a conversation that may be joined later.
func (s *Session) keepOffer(o Offer) {
	tag := string(o.Tag)
	s.forgetOffer(tag)
	if n := offerClaims(o); s.claims+n <= maxClaims {
		s.claims += n
		s.offers[tag] = o
	}
}

func (s *Session) forgetOffer(tag string) {
	if o, ok := s.offers[tag]; ok {
		s.claims -= offerClaims(o)
		delete(s.offers, tag)
	}
}

func offerClaims(o Offer) int {
	n := 1 + len(o.Records)
	for i := range o.Logs {
		n += len(o.Logs[i].Segments)
	}
	return n
}

func (l *LogSegments) name(c *conversation) event.Log {
	return event.Log{Conversation: c.id, Device: l.Device, Instance: l.Instance}
}

// at returns the conversation of a frame that only makes sense where both have
// offered. It returns nil, after closing if the peer is to blame, where there is none.
func (s *Session) at(tag []byte) *conversation {
	c := s.byTag[string(tag)]
	switch {
	case c == nil && len(tag) == 0:
		// A peer that isn't served learns no more than one that is blocked.
	case c == nil || !c.open && !c.left:
		s.close(broken("conversation that was not offered"))
	case c.open:
		return c
	}
	return nil
}
