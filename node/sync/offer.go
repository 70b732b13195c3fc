package sync

import (
	"bytes"
	"slices"

	"github.com/earshot-im/earshot/node/wire"
	"github.com/earshot-im/earshot/store/event"
)

// offering is how a conversation is to be offered.
type offering int

const (
	notDue     offering = iota
	asFollowed          // everything is wanted if the peer is followed
	everything          // it is in any case
	inFull              // and all that is here is listed
)

// offer offers conversations, as soon as there is room.
func (s *Session) offer(how offering, conversations ...*conversation) {
	for _, c := range conversations {
		if c.due == notDue {
			s.toOffer = append(s.toOffer, c)
		}
		c.due = max(c.due, how)
	}
	s.sendOffers()
}

// sendOffers sends offers in as few frames as that takes.
func (s *Session) sendOffers() {
	var frame []wire.Offer
	var begun []*conversation
	size := 0
	send := func() {
		if len(frame) > 0 {
			slices.SortFunc(frame, func(a, b wire.Offer) int { return bytes.Compare(a.Tag, b.Tag) })
			s.pace.say(wire.Frame{Offers: &wire.Offers{Offers: frame}}, size)
		}
		frame, size = nil, 0
	}
	for len(s.toOffer) > 0 && s.pace.roomAfter(size) {
		c := s.toOffer[0]
		s.toOffer = s.toOffer[1:]
		how := c.due
		c.due = notDue
		if c.left {
			continue
		}
		o, weight := s.offerOf(c, how)
		if len(frame) == wire.MaxOffers || size+weight > haveBytes {
			send()
		}
		frame = append(frame, o)
		size += weight
		if c.fresh {
			begun = append(begun, c)
		}
	}
	send()
	for _, c := range begun {
		s.start(c)
	}
}

// start goes on with a conversation that has been offered, by what the peer has offered of it before.
func (s *Session) start(c *conversation) {
	c.fresh = false
	if o, ok := s.offers[string(c.peerTag)]; ok {
		s.forgetOffer(string(c.peerTag))
		s.offered(o)
	} else if c.open {
		s.resume(c)
	}
}

// offerOf makes an offer of c, and says about how many bytes it takes. Of a group it lists
// only what the peer's device has written, unless everything is wanted: a member meets many
// others, and must neither tell each of them all that it has nor get it from each. A
// conversation of more logs than one offer may list says the rest by Have later.
func (s *Session) offerOf(c *conversation, how offering) (o wire.Offer, weight int) {
	o = wire.Offer{Tag: c.ourTag, Store: s.store, Locator: c.control.locator, Number: s.rounds.offer(c)}
	weight = 128 + 40*len(o.Locator)
	s.take.relent(c)
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
		s.rounds.begin(c)
	}
	names := c.names(func(log event.Log) bool { return o.Want != wire.WantOwn || log.Device == s.peer })
	if c.group && how != inFull && len(names) > shortOffer {
		s.rounds.shorten(c)
		o.Digest = c.digest(names)
		for _, l := range c.order {
			l.tell()
		}
		return o, weight
	}
	for _, name := range names {
		l := wire.LogSegments{Device: name.Device, Instance: name.Instance, Segments: c.tellable(name).Told()}
		if w := weighLog(&l); len(o.Logs) < wire.MaxLogs && weight+w <= haveBytes {
			weight += w
			o.Logs = append(o.Logs, l)
			if l := c.logs[name]; l != nil {
				l.tell()
			}
		} else {
			c.logOf(name).untell()
		}
	}
	const headWeight = 224
	heads := s.records.heads(c)
	o.Records = heads[:min(len(heads), wire.MaxRecords, (haveBytes-weight)/headWeight)]
	return o, weight + len(o.Records)*headWeight
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
	s.control.see(c, o.Locator)
	if c.quiet {
		o.Want, o.Logs, o.Records = wire.WantNothing, nil, nil
	} else if again {
		s.offer(asFollowed, c)
	}
	for _, h := range o.Records {
		s.records.see(c, h)
	}
	switch {
	case o.Want == wire.WantNothing:
	case o.Digest != nil && !c.agrees(o.Digest):
		s.offer(inFull, c) // and so does the peer, which begins the round
		return
	case o.Digest != nil:
		c.same = true
		for _, l := range c.order {
			s.pictures.see(l, l.above())
		}
	case o.Want == wire.WantOwn:
		s.pictures.seeOwn(c, o.Logs)
	default:
		s.pictures.seeAll(c, o.Logs)
		if s.rounds.short(c) {
			s.offer(inFull, c)
		}
	}
	for _, l := range c.order {
		l.stopped = false
		s.check(l)
	}
	c.number, c.unsettled = o.Number, true
	s.control.passEpochs(c)
	s.reopen(c)
}

// forgetGiven has what was pushed before pushed again, where the peer's offer does not show it: all but what is on its way.
func (s *Session) forgetGiven(c *conversation) {
	for _, l := range c.order {
		var onTheWay event.Ranges
		for _, f := range s.flights {
			if f.log == l {
				onTheWay = onTheWay.Add(f.part)
			}
		}
		l.regive(onTheWay)
	}
}

// resume goes on with a conversation that the peer goes on to offer.
func (s *Session) resume(c *conversation) {
	s.control.push(c)
	for _, l := range c.order {
		s.want(l)
		s.tell.mention(l)
	}
	s.records.pushAll(c)
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
		s.tell.mention(l)
	}
	s.records.pushAll(c)
	s.settle(c)
}

// settle ends the answer to the peer's offer when nothing is left to push for it.
func (s *Session) settle(c *conversation) {
	if c.unsettled && c.catching == 0 && !s.control.pending(c) {
		c.unsettled = false
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
