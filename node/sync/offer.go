package sync

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"maps"
	"slices"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/wire"
	"github.com/earshot-im/earshot/store/event"
)

// offerOf makes an offer of c, and says about how many bytes it takes. Of a group it lists
// only what the peer's device has written, unless everything is wanted: a member meets many
// others, and must neither tell each of them all that it has nor get it from each. A
// conversation of more logs than one offer may list says the rest by Have later.
func (s *Session) offerOf(c *conversation, how offering) (o wire.Offer, weight int) {
	o = wire.Offer{Tag: c.ourTag, Store: s.store, Locator: c.control.locator, Number: c.offers}
	weight = 128 + 40*len(o.Locator)
	c.offers++
	c.short = false
	for _, l := range c.order {
		l.refused = false
	}
	if c.quiet {
		o.Want = wire.WantNothing
		return o, weight
	}
	switch {
	case c.follow:
	case how != asFollowed:
		o.Want = wire.WantNow
	default:
		o.Want = wire.WantOwn
	}
	if o.Want != wire.WantOwn {
		c.wide = c.offers
		s.emit(RoundBegan{c.id})
	}
	names := c.names(func(log event.Log) bool { return o.Want != wire.WantOwn || log.Device == s.peer })
	if c.group && how != inFull && len(names) > shortOffer {
		c.short = true
		o.Digest = s.digest(c, names)
		for _, l := range c.order {
			l.told = l.tells().Ranges()
		}
		return o, weight
	}
	for _, name := range names {
		l := wire.LogSegments{Device: name.Device, Instance: name.Instance, Segments: c.held(name).Told()}
		if w := weighLog(&l); len(o.Logs) < wire.MaxLogs && weight+w <= haveBytes {
			weight += w
			o.Logs = append(o.Logs, l)
			if l := c.logs[name]; l != nil {
				l.told = l.tells().Ranges()
			}
		} else {
			s.logOf(c, name).told = nil
		}
	}
	for _, r := range c.records {
		if r.ours != nil {
			o.Records = append(o.Records, r.head)
		}
	}
	slices.SortFunc(o.Records, func(a, b wire.RecordHead) int { return a.Compare(&b) })
	const headWeight = 224
	o.Records = o.Records[:min(len(o.Records), wire.MaxRecords, (haveBytes-weight)/headWeight)]
	return o, weight + len(o.Records)*headWeight
}

// names returns which of the logs that are held here are wanted, in order.
func (c *conversation) names(wanted func(event.Log) bool) []event.Log {
	var names []event.Log
	for name, segments := range c.base {
		if c.logs[name] == nil && len(segments) > 0 && wanted(name) {
			names = append(names, name)
		}
	}
	for _, l := range c.order {
		if len(l.tells()) > 0 && wanted(l.name) {
			names = append(names, l.name)
		}
	}
	slices.SortFunc(names, func(a, b event.Log) int {
		return cmp.Or(bytes.Compare(a.Device[:], b.Device[:]), bytes.Compare(a.Instance[:], b.Instance[:]))
	})
	return names
}

// held returns what is here of a log.
func (c *conversation) held(name event.Log) event.Segments {
	if l := c.logs[name]; l != nil {
		return l.tellable()
	}
	return c.base[name]
}

// digest is the same on both sides if, of all that both may have, they hold the same.
func (s *Session) digest(c *conversation, names []event.Log) *crypto.Hash {
	b := make([]byte, 0, 96*len(names))
	for _, name := range names {
		segments := c.held(name)
		if l := c.logs[name]; l != nil {
			segments = l.above()
		}
		for _, g := range segments {
			b = append(append(b, name.Device[:]...), name.Instance[:]...)
			b = binary.BigEndian.AppendUint64(b, g.First)
			b = binary.BigEndian.AppendUint64(b, g.Last)
			b = append(b, g.ID[:]...)
		}
	}
	d := crypto.Digest("offer", b)
	return &d
}

// above returns what is here of l, and for the peer.
func (l *log) above() event.Segments {
	above := slices.Clone(l.tellable())
	for len(above) > 0 && above[0].Last < l.floor {
		above = above[1:]
	}
	if len(above) > 0 {
		above[0].First = max(above[0].First, l.floor)
	}
	return above
}

// weighLog is about how many bytes a log takes in an Offer or a Have.
func weighLog(l *wire.LogSegments) int { return 56 + 56*len(l.Segments) }

// offered takes the peer's offer of a conversation, which opens it or, if it was
// open, begins it anew.
func (s *Session) offered(o wire.Offer) {
	if !s.sameStore(o.Store) {
		return
	}
	c := s.byTag[string(o.Tag)]
	if c == nil || c.left || c.fresh {
		s.keepOffer(o)
		return
	}
	// Neither takes anything from who is quiet: what was offered then must be said again.
	again := c.open && c.want == wire.WantNothing && o.Want != wire.WantNothing
	c.open = true
	c.want = o.Want
	s.forgetGiven(c)
	s.seeControl(c, o.Locator)
	if c.quiet {
		o.Want, o.Logs, o.Records = wire.WantNothing, nil, nil
	} else if again {
		s.offer(asFollowed, c)
	}
	for _, h := range o.Records {
		s.seeRecord(c, h)
	}
	switch {
	case o.Want == wire.WantNothing:
	case o.Digest != nil && !s.agrees(c, &o):
		s.offer(inFull, c) // and so does the peer, which begins the round
		return
	case o.Digest != nil:
		c.same = true
		for _, l := range c.order {
			s.see(l, l.above())
		}
	case o.Want == wire.WantOwn:
		s.seeOwn(c, o.Logs)
	default:
		s.seeAll(c, o.Logs)
		if c.short {
			s.offer(inFull, c)
		}
	}
	for _, l := range c.order {
		l.stopped = false
		s.check(l)
	}
	c.number, c.round = o.Number, true
	s.passEpochs(c)
	s.reopen(c)
}

// forgetGiven has what was pushed before pushed again, where the peer's offer does not show it: all but what is on its way.
func (s *Session) forgetGiven(c *conversation) {
	for _, l := range c.order {
		l.given, l.apart = nil, nil
		for _, f := range s.flights {
			if f.log == l {
				l.given = l.given.Add(f.part)
			}
		}
		l.pushed()
	}
}

// agrees reports whether a short offer says what is here.
func (s *Session) agrees(c *conversation, o *wire.Offer) bool {
	return *o.Digest == *s.digest(c, c.names(func(event.Log) bool { return true }))
}

// seeOwn takes what the peer holds of this device's logs.
func (s *Session) seeOwn(c *conversation, logs []wire.LogSegments) {
	for i := range logs {
		if logs[i].Device == s.self {
			s.seeLog(c, &logs[i])
		}
	}
}

// seeAll takes all that the peer holds. What is the same here gets no pictures.
func (s *Session) seeAll(c *conversation, logs []wire.LogSegments) {
	if !c.same {
		theirs := map[event.Log]event.Segments{}
		for i := range logs {
			theirs[c.log(&logs[i])] = logs[i].Segments
		}
		for _, name := range slices.SortedFunc(maps.Keys(c.base), event.Log.Compare) {
			if !sameAs(c.base[name], theirs[name]) {
				s.logOf(c, name)
			}
		}
		c.same = true
	}
	for i := range logs {
		if name := c.log(&logs[i]); c.logs[name] != nil || !sameAs(c.base[name], logs[i].Segments) {
			s.seeLog(c, &logs[i])
		}
	}
}

// sameAs reports whether a peer that tells of theirs holds what is here of a log.
func sameAs(here, theirs event.Segments) bool {
	return len(here) <= event.MaxSegments && slices.Equal(here, theirs)
}

// seeLog replaces the picture of a log at the peer, if there is room for it.
func (s *Session) seeLog(c *conversation, theirs *wire.LogSegments) *log {
	l := s.claimed(c, c.log(theirs), len(theirs.Segments))
	if l != nil {
		s.see(l, theirs.Segments)
	}
	return l
}

// resume goes on with a conversation that the peer goes on to offer.
func (s *Session) resume(c *conversation) {
	s.pushControl(c)
	for _, l := range c.order {
		s.want(l)
		s.mention(l)
	}
	s.pushRecords(c)
}

// reopen pushes whatever the peer wants and lacks of c, and then says Settled.
func (s *Session) reopen(c *conversation) {
	c.catching = 0
	for _, l := range c.order {
		l.target = 0
		if s.wanted(l) && !l.stopped && len(l.lacks()) > 0 {
			l.target = l.ours.Last()
			c.catching++
			s.queue(l)
		}
		s.mention(l)
	}
	s.pushRecords(c)
	s.settle(c)
}

// settle ends the answer to the peer's offer when nothing is left to push for it.
func (s *Session) settle(c *conversation) {
	if c.round && c.catching == 0 && !c.control.loading {
		c.round = false
		s.send(wire.Frame{Settled: &wire.Settled{Tag: c.ourTag, Number: c.number}})
	}
}

// follow changes what is wanted from the peer.
func (s *Session) follow(in Follow) {
	c := s.byID[in.Conversation]
	if c == nil || !c.group || c.follow == in.On {
		return
	}
	c.follow = in.On
	if !c.left && !c.quiet {
		s.offer(asFollowed, c)
	}
}

// compare begins a round in which everything is wanted.
func (s *Session) compare(in Compare) {
	if c := s.byID[in.Conversation]; c != nil && c.group && c.live() {
		s.offer(everything, c)
	}
}

// sameStore ends the session if the peer names another store than before. It returns false after
// the end.
func (s *Session) sameStore(store event.Instance) bool {
	if !s.keepsStore(store) {
		s.close(broken("another store"))
	}
	return !s.ended
}

// keepOffer remembers the offer of a conversation that may be joined later. One that is
// too much to remember is as if the peer held nothing.
func (s *Session) keepOffer(o wire.Offer) {
	tag := string(o.Tag)
	s.forgetOffer(tag)
	if s.kept+offerClaims(o) > maxKept {
		o.Logs, o.Records, o.Locator = nil, nil, nil
	}
	if n := offerClaims(o); s.kept+n <= maxKept {
		s.kept += n
		s.offers[tag] = o
	}
}

func (s *Session) forgetOffer(tag string) {
	if o, ok := s.offers[tag]; ok {
		s.kept -= offerClaims(o)
		delete(s.offers, tag)
	}
}

func offerClaims(o wire.Offer) int {
	n := 1 + len(o.Records) + len(o.Locator)
	for i := range o.Logs {
		n += len(o.Logs[i].Segments)
	}
	return n
}

// log names a log of the conversation in full.
func (c *conversation) log(l *wire.LogSegments) event.Log {
	return event.Log{Conversation: c.id, Device: l.Device, Instance: l.Instance}
}
