package sync

import (
	"github.com/earshot-im/earshot/node/wire"
	"github.com/earshot-im/earshot/store/event"
)

// Busy reports that the shell has as much in hand as the peer may cause: read no more frames until
// answers to Ingest and IngestRecord have been given. A peer that keeps to its window is never the
// cause.
func (s *Session) Busy() bool { return s.take.busy() }

// takeRun takes a run. The peer holds what it brings, so that is not pushed back to it.
func (s *Session) takeRun(run event.Run) {
	c := s.byTag[string(run.Tag)]
	if c == nil && len(run.Tag) == 0 {
		if s.greeting.joined() {
			s.take.request(run)
		}
		return
	}
	if c = s.at(run.Tag); c == nil || !s.take.accepts(c, &run) {
		return
	}
	s.control.learn(c, run.Events[0].Header.Control)
	l := s.pictures.claimed(c, run.Log(), event.MaxSegments)
	news := true
	if l != nil {
		if s.take.refuses(l) {
			return
		}
		news = len(event.Ranges{rangeOf(&run)}.Subtract(l.ours.Ranges())) > 0
		s.bring(l, &run)
	}
	s.take.run(c, &run, l == nil, news)
}

// bring adds a run that the peer has sent to its picture of the log.
func (s *Session) bring(l *log, run *event.Run) {
	if s.pictures.bring(l, run) {
		s.push.check(l)
	}
}

// takeControl takes control events of a group that both have offered.
func (s *Session) takeControl(f *wire.Control) {
	c := s.at(f.Tag)
	switch {
	case c == nil || c.left:
	case !c.group || f.Group() != c.id:
		s.close(broken("control events of another conversation"))
	default:
		s.control.learn(c, frontier(f.Events))
		s.take.control(c, f.Events)
	}
}

// takeWelcome takes what tells this node of a group. What becomes of it depends on who wrote it, and
// not on who the peer is: so the peer can't tell whether it is blocked.
func (s *Session) takeWelcome(m *wire.Welcome) {
	if s.greeting.joined() {
		s.take.welcome(m, s.byID[m.Group()] != nil)
	}
}

// heldControl takes what is here of a control set, and tries again what has waited for it.
func (s *Session) heldControl(in HeldControl) {
	s.take.grew()
	if c := s.byID[in.Conversation]; c != nil {
		s.control.hold(c, in.Locator)
	}
	s.take.retry(in.Conversation)
}

// needCard has what the peer brought wait for a card, and asks for the card.
func (s *Session) needCard(in NeedCard) {
	p := s.take.find(in.Ticket)
	switch {
	case p == nil:
	case s.take.needCard(p, in.Head):
		s.cards.need(in.Head)
	default:
		s.rounds.end(p.conv)
	}
}

// needControl has what the peer brought wait for control events.
func (s *Session) needControl(in NeedControl) {
	if p := s.take.find(in.Ticket); p != nil && !s.take.needControl(p) {
		s.rounds.end(p.conv)
	}
}

// stored answers the peer. What it brought is on this disk only now.
func (s *Session) stored(in Stored) {
	p := s.take.find(in.Ticket)
	switch {
	case p == nil:
		return
	case in.Err != nil:
		s.close(in.Err)
		return
	}
	s.take.lookedEarly(p, in.Refused)
	switch {
	case in.Refused == wire.NoRoom:
		if s.take.full(p); p.run != nil {
			s.rounds.drop(p.conv)
			s.failed(p.conv, p.run.Log())
		}
	case p.run != nil:
		s.storedRun(p, in)
		s.take.done(p)
	default:
		s.take.done(p)
	}
	s.rounds.end(p.conv)
}

// roomAgain tries again what there was no room for. The peer brings again what was refused, once it
// is offered. Until it gets an offer, it pushes nothing at all, so another conversation is offered
// where messages don't move any more in those of which something was refused.
func (s *Session) roomAgain() {
	refused, some := s.take.roomAgain()
	if other := s.anyLive(); some && len(refused) == 0 && other != nil {
		refused = append(refused, other)
	}
	s.offer(everything, refused...)
}

func (s *Session) storedRun(p *pending, in Stored) {
	if in.Refused == wire.OverBudget { // the log goes on when there is room again
		s.take.noRoom = with(s.take.noRoom, p.conv)
	}
	name := p.run.Log()
	l := p.conv.logs[name]
	if l == nil && len(in.Segments) > 0 {
		l = p.conv.logOf(name)
	}
	if l == nil {
		s.failed(p.conv, name)
		s.take.answer(p, nil, in)
		return
	}
	s.pictures.hold(l, in.Segments)
	if p.unclaimed && len(l.ours) > 0 {
		s.bring(l, p.run)
	}
	if in.Refused == 0 {
		l.vouch(p.run)
		if p.news {
			s.brought(p.conv, name)
		}
	} else {
		s.failed(p.conv, name)
	}
	s.take.answer(p, l, in)
	s.push.want(l)
}
