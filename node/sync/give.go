package sync

import (
	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/wire"
	"github.com/earshot-im/earshot/store/event"
)

// offer offers conversations, as soon as there is room.
func (s *Session) offer(how offering, conversations ...*conversation) {
	for _, c := range conversations {
		s.offers.add(how, c)
	}
	s.makeOffers()
}

// makeOffers makes the offers for which there is room. Where the peer has offered a conversation
// before this node could, its offer was kept and is answered now.
func (s *Session) makeOffers() {
	for _, c := range s.offers.goOn() {
		c.fresh = false
		if o, ok := s.offers.keptOf(c); ok {
			s.offered(o)
		} else if c.open {
			s.resume(c)
		}
	}
}

// offered takes the peer's offer of a conversation, which opens it or, if it was open, begins it
// anew.
func (s *Session) offered(o wire.Offer) {
	if !s.sameStore(o.Store) {
		return
	}
	s.push.roomAgain()
	c := s.byTag[string(o.Tag)]
	if c == nil || c.left || c.fresh {
		s.offers.keep(o)
		return
	}
	// Neither side takes anything from a peer that wants nothing: what was offered then must be
	// said again.
	again := c.open && c.want == wire.WantNothing && o.Want != wire.WantNothing
	c.open, c.want = true, o.Want
	s.heed(c)
	s.push.explain(c, 0)
	s.push.giveAgain(c)
	for _, l := range c.order {
		l.calm = false
	}
	defer s.push.hurry(c)
	s.control.see(c, &o)
	if again && (!c.quiet || c.join != (crypto.Hash{})) { // a join that was brought seems to say that what is before it is here
		s.offer(asFollowed, c)
	}
	if c.quiet {
		o.Want, o.Logs, o.Records = wire.WantNothing, nil, nil
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
		s.pictures.seeSame(c)
	case o.Want == wire.WantOwn:
		s.pictures.seeOwn(c, o.Logs)
	default:
		s.pictures.seeAll(c, o.Logs)
		if s.rounds.short(c) {
			s.offer(inFull, c)
		}
	}
	s.push.begin(c, o.Number)
	s.control.passEpochs(c)
	s.push.catchUp(c)
	s.tell.mentionAll(c)
	s.records.pushAll(c)
	s.push.settle(c)
}

// recognize asks whether the shell knows what the peer has offered by tags that Joined has not given.
func (s *Session) recognize() {
	if tags := s.offers.unknown(s.byTag); len(tags) > 0 && s.greeting.joined() {
		s.emit(Recognize{tags})
	}
}

// resume goes on with a conversation that was joined again, if the peer's offer of it still stands.
func (s *Session) resume(c *conversation) {
	s.control.push(c)
	for _, l := range c.order {
		s.push.want(l)
	}
	s.tell.mentionAll(c)
	s.records.pushAll(c)
}

// held takes what this node holds now, and sees to it that the peer gets it, or learns that it is
// here.
func (s *Session) held(in Held) {
	c := s.byID[in.Log.Conversation]
	if c == nil || len(in.Segments) == 0 {
		return
	}
	l := c.logOf(in.Log)
	before := l.ours
	if !s.pictures.hold(l, in.Segments) {
		return
	}
	news := l.ours.Missing(before) // nothing if another branch of the log took the place of what was here
	if c == s.direct && s.wrote(l.name) && len(news) > 0 {
		s.push.openWith(Opening{l.name, news[0].First})
	}
	s.push.want(l)
	if !s.take.awaits(l) {
		s.tell.mention(l)
	}
}

// have takes what the peer has on its disk now.
func (s *Session) have(h *wire.Have) {
	s.push.roomAgain()
	c := s.at(h.Tag)
	if c == nil || c.quiet || !s.sameStore(h.Store) {
		return
	}
	if h.Answers != 0 {
		s.push.answered(h.Answers)
	}
	for i := range h.Logs {
		if l := s.pictures.seeListed(c, &h.Logs[i]); l != nil {
			s.push.see(l)
			s.tell.mention(l)
		}
	}
	s.push.hurry(c)
}

// refused takes the peer's refusal of a log, which is not pushed any more, or of one run, or of
// everything.
func (s *Session) refused(r *wire.Refused) {
	if r.Reason == wire.NoRoom {
		s.push.noRoom(r.Run)
		return
	}
	c := s.at(r.Tag)
	switch {
	case c == nil:
	case r.Run != 0:
		s.push.answered(r.Run)
	default:
		s.push.refused(c, event.Log{Conversation: c.id, Device: r.Device, Instance: r.Instance}, r.Reason)
	}
}

// loadedControl sends control events, and then what has waited for them.
func (s *Session) loadedControl(in LoadedControl) {
	c := s.byID[in.Conversation]
	if ready, all := s.control.loaded(c, in); all {
		s.push.goOn(ready)
		s.control.passEpochs(c)
		s.push.settle(c)
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
