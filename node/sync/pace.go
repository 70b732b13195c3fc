package sync

import (
	"bytes"
	"slices"

	"github.com/earshot-im/earshot/node/wire"
)

// pacing is what is still to be said of what is held: offers, control events, records, and Have beside Session.untold. It
// waits for room, which there is for about limit bytes until Drained, so that the peer can ask for any amount and one
// step puts out little. Runs have the window instead; what answers something that the peer has brought never waits.
type pacing struct {
	limit    int  // PaceBytes but in tests
	sent     int  // bytes, about, since Drained
	draining bool // Drain is not answered
	loading  bool // nor is a LoadControl

	offers   []*conversation // see conversation.due
	controls []*conversation // for LoadControl, one at a time
	records  []*conversation // see conversation.pushing
}

// offering is how a conversation is to be offered.
type offering int

const (
	notDue     offering = iota
	asFollowed          // everything is wanted if the peer is followed
	everything          // it is in any case
	inFull              // and all that is here is listed
)

// room reports whether something may be said now.
func (s *Session) room() bool { return s.roomAfter(0) }

// roomAfter is room for when so many bytes are sent that are not counted yet.
func (s *Session) roomAfter(bytes int) bool {
	p := &s.pacing
	return !p.draining && p.sent+bytes < p.limit
}

// sendPaced sends a frame of about so many bytes, for which there was room.
func (s *Session) sendPaced(f wire.Frame, bytes int) {
	s.pacing.sent += bytes
	s.send(f)
}

// sayMore says what has waited for room, and has the shell tell when there is some again.
func (s *Session) sayMore() {
	p := &s.pacing
	if len(s.untold) > 0 && s.haveAt.IsZero() && s.room() {
		s.tell()
	}
	s.sendOffers()
	s.loadControls()
	for s.room() && len(p.records) > 0 {
		c := p.records[0]
		p.records = p.records[1:]
		c.pushing = false
		s.pushRecords(c)
	}
	if p.sent >= p.limit && !p.draining {
		p.draining = true
		s.emit(Drain{})
	}
}

func (s *Session) drained() {
	if s.pacing.draining {
		s.pacing.draining, s.pacing.sent = false, 0
	}
}

// offer offers conversations, as soon as there is room.
func (s *Session) offer(how offering, conversations ...*conversation) {
	for _, c := range conversations {
		if c.due == notDue {
			s.pacing.offers = append(s.pacing.offers, c)
		}
		c.due = max(c.due, how)
	}
	s.sendOffers()
}

// sendOffers sends offers in as few frames as that takes.
func (s *Session) sendOffers() {
	p := &s.pacing
	var frame []wire.Offer
	var begun []*conversation
	size := 0
	send := func() {
		if len(frame) > 0 {
			slices.SortFunc(frame, func(a, b wire.Offer) int { return bytes.Compare(a.Tag, b.Tag) })
			s.sendPaced(wire.Frame{Offers: &wire.Offers{Offers: frame}}, size)
		}
		frame, size = nil, 0
	}
	for len(p.offers) > 0 && s.roomAfter(size) {
		c := p.offers[0]
		p.offers = p.offers[1:]
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
