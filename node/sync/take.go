package sync

import (
	"slices"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/wire"
	"github.com/earshot-im/earshot/store/event"
)

// taking is what a session knows of what the peer brings.
type taking struct {
	last      Ticket
	pending   []*pending // not answered, by ticket
	requested bool       // Request was given
	welcomes  int        // Welcome frames so far

	// What is with the shell, see Busy.
	runs, bytes, records int

	// What waits for cards or control events.
	held, heldBytes int
}

// pending is a run, a record or control events that the peer brought and that are not
// answered. One of the three is set.
type pending struct {
	ticket  Ticket
	id      event.Conversation
	conv    *conversation // nil if id is of a group that isn't known here
	run     *event.Run
	record  *event.Record
	control []event.Event
	weight  int

	unclaimed bool // there was no room to remember that the peer has the run

	waits    waits
	head     crypto.Hash // of the card that was needed last
	controls uint64      // Session.controls when the shell got it
}

// waits is what a pending waits for.
type waits int

const (
	forShell waits = iota // for its answer
	forCard
	forControl
)

// Busy reports that the shell has as much in hand as the peer may cause: read no
// more frames until answers to Ingest and IngestRecord have been given. A peer that
// keeps to its window is never the cause.
func (s *Session) Busy() bool {
	t := &s.taking
	return t.runs > WindowRuns || t.bytes > WindowBytes || t.records >= maxPendingRecords
}

// takeRun hands a run to the shell. What the peer brings it holds, so it is not
// pushed back.
func (s *Session) takeRun(run event.Run) {
	c := s.byTag[string(run.Tag)]
	if c == nil && len(run.Tag) == 0 {
		s.request(run)
		return
	}
	if c = s.at(run.Tag); c == nil {
		return
	}
	name := run.Log()
	if name.Conversation != c.id {
		s.close(broken("run of another conversation"))
		return
	}
	if c.left || c.quiet {
		if c != s.direct {
			s.refuse(c, name, wire.NotPermitted)
		}
		return
	}
	s.control.learn(c, run.Events[0].Header.Control)
	p := &pending{id: c.id, conv: c, run: &run, weight: weigh(&run)}
	if l := s.pictures.claimed(c, name, event.MaxSegments); l == nil {
		p.unclaimed = true
	} else if l.refused {
		return
	} else {
		s.bring(l, &run)
	}
	s.ingest(p)
}

// bring takes into the peer's picture of a log what it has sent of it.
func (s *Session) bring(l *log, run *event.Run) {
	if s.pictures.bring(l, run) {
		s.check(l)
	}
}

// takeRecord hands a record to the shell.
func (s *Session) takeRecord(r *wire.Record) {
	c := s.at(r.Tag)
	if c == nil || !c.live() {
		return
	}
	s.records.see(c, headOf(&r.Record))
	s.ingest(&pending{id: c.id, conv: c, record: &r.Record, weight: len(r.Record.Bytes)})
}

// needCard keeps p until an author's card has come.
func (s *Session) needCard(in NeedCard) {
	p := s.find(in.Ticket)
	if p == nil {
		return
	}
	if p.head == in.Head {
		s.giveUp(p, wire.NotPermitted)
		return
	}
	p.head = in.Head
	if s.hold(p, forCard) {
		s.cards.need(in.Head)
	}
}

// cardLearned tries again what has waited for the card.
func (s *Session) cardLearned() {
	card, ok := s.cards.learned()
	if !ok {
		return
	}
	for _, p := range s.taking.pending {
		if p.waits == forCard && p.head == card.Head {
			s.again(p)
		}
	}
}

// takeControl hands control events to the shell.
func (s *Session) takeControl(f *wire.Control) {
	c := s.at(f.Tag)
	switch {
	case c == nil || c.left:
	case !c.group || f.Group() != c.id:
		s.close(broken("control events of another conversation"))
	default:
		s.control.learn(c, frontier(f.Events))
		s.ingest(&pending{id: c.id, conv: c, control: f.Events, weight: weighEvents(f.Events)})
	}
}

// takeWelcome does the same where the group need not be known here.
func (s *Session) takeWelcome(f *wire.Control) {
	if s.phase != joined || s.blocked {
		return
	}
	if s.taking.welcomes++; s.taking.welcomes > maxWelcomes {
		s.close(broken("too many welcomes"))
		return
	}
	c := s.byID[f.Group()]
	if c != nil && c.group {
		s.control.learn(c, frontier(f.Events))
	}
	s.ingest(&pending{id: f.Group(), conv: c, control: f.Events, weight: weighEvents(f.Events)})
}

// heldControl takes what is here of a control set, and tries again what waited for it.
func (s *Session) heldControl(in HeldControl) {
	s.controls++
	if c := s.byID[in.Conversation]; c != nil {
		s.control.hold(c, in.Locator)
	}
	for _, p := range s.taking.pending {
		if p.waits == forControl && p.id == in.Conversation {
			s.again(p)
		}
	}
}

// request hands over the first run of a peer that is not served, if it keeps to the
// limits, and forgets everything else: it looks as if the peer were blocked.
func (s *Session) request(run event.Run) {
	if s.phase == joined && !s.serve && !s.blocked && !s.taking.requested &&
		len(run.Events) <= OpeningEvents && weigh(&run) <= OpeningBytes {
		s.taking.requested = true
		s.emit(Request{run})
	}
}

// ingest gives p a ticket, if it has none, and to the shell.
func (s *Session) ingest(p *pending) {
	t := &s.taking
	if p.ticket == 0 {
		t.last++
		p.ticket = t.last
		t.pending = append(t.pending, p)
	}
	p.controls = s.controls
	s.count(p, 1)
	switch {
	case p.run != nil:
		s.emit(Ingest{p.ticket, p.id, *p.run})
	case p.record != nil:
		s.emit(IngestRecord{p.ticket, p.id, *p.record})
	default:
		s.emit(IngestControl{p.ticket, p.id, p.control})
	}
}

// count adds p to what is with the shell or held, or takes it away.
func (s *Session) count(p *pending, n int) {
	t := &s.taking
	switch {
	case p.waits != forShell:
		t.held += n
		t.heldBytes += n * p.weight
	case p.record != nil:
		t.records += n
	default:
		t.runs += n
		t.bytes += n * p.weight
	}
}

// hold keeps p until what it waits for has come. It gives up on it where too much is held.
func (s *Session) hold(p *pending, why waits) bool {
	if t := &s.taking; t.held == maxHeld || t.heldBytes+p.weight > maxHeldBytes {
		s.giveUp(p, wire.OverBudget)
		return false
	}
	s.count(p, -1)
	p.waits = why
	s.count(p, 1)
	return true
}

// again gives what was held to the shell once more.
func (s *Session) again(p *pending) {
	s.count(p, -1)
	p.waits = forShell
	s.ingest(p)
}

// giveUp answers for p without the shell.
func (s *Session) giveUp(p *pending, why wire.Reason) {
	switch {
	case p.run == nil:
	case why == wire.OverBudget: // there may be room for the next one, and later for this one
		s.refuseOnce(p.conv, p.run, why)
		if !slices.Contains(s.lacking, p.conv) {
			s.lacking = append(s.lacking, p.conv)
		}
	default:
		s.refuse(p.conv, p.run.Log(), why)
	}
	s.done(p)
}

// askAgain offers anew what runs were refused of because too much waited, once nothing waits any more.
func (s *Session) askAgain() {
	if s.taking.held > 0 {
		return
	}
	for _, c := range s.lacking {
		if c.live() {
			s.offer(everything, c)
		}
	}
	s.lacking = nil
}

// needControl keeps p until more of the control set has come, if it has not by now.
func (s *Session) needControl(in NeedControl) {
	p := s.find(in.Ticket)
	if p == nil {
		return
	}
	if s.hold(p, forControl) && p.controls != s.controls {
		s.again(p)
	}
}

// find returns what the shell has under a ticket, nil if it has nothing.
func (s *Session) find(ticket Ticket) *pending {
	for _, p := range s.taking.pending {
		if p.ticket == ticket && p.waits == forShell {
			return p
		}
	}
	return nil
}

// awaited reports whether a run of l is with the shell: the answer will tell the peer
// all that is here.
func (s *Session) awaited(l *log) bool {
	return slices.ContainsFunc(s.taking.pending, func(p *pending) bool {
		return p.run != nil && p.run.Log() == l.name
	})
}

// done forgets p, which is answered. It may have been the last of a round.
func (s *Session) done(p *pending) {
	s.count(p, -1)
	s.taking.pending = slices.DeleteFunc(s.taking.pending, func(q *pending) bool { return q == p })
	if p.conv != nil {
		s.endRound(p.conv)
	}
}

// stored answers the peer: only now is what it brought on this disk.
func (s *Session) stored(in Stored) {
	p := s.find(in.Ticket)
	switch {
	case p == nil:
		return
	case in.Err != nil:
		s.close(in.Err)
		return
	case p.run != nil:
		s.storedRun(p, in)
	}
	s.done(p)
}

// storedRun answers a run: by what is held of its log now, or by why it was not taken.
func (s *Session) storedRun(p *pending, in Stored) {
	name := p.run.Log()
	var here []*log
	l := p.conv.logs[name]
	if l == nil && len(in.Segments) > 0 {
		l = p.conv.logOf(name)
	}
	if l != nil {
		s.pictures.hold(l, in.Segments)
		if p.unclaimed && len(l.ours) > 0 {
			s.bring(l, p.run)
		}
		if in.Refused == 0 {
			l.vouch(p.run)
		}
		if len(l.tells()) > 0 {
			here = []*log{l}
		}
	}
	if p.conv.quiet && in.Refused == 0 {
		in.Refused, in.Once = wire.NotPermitted, false // the peer learns no more about the log
	}
	switch live := p.conv.live(); {
	case in.Refused != 0:
		if live && len(in.Segments) > 0 && len(here) > 0 {
			s.send(s.tell.have(p.conv, here, 0))
		}
		if in.Once {
			s.refuseOnce(p.conv, p.run, in.Refused)
		} else {
			s.refuse(p.conv, name, in.Refused)
		}
	case live && (len(here) > 0 || p.run.Number != 0):
		s.send(s.tell.have(p.conv, here, p.run.Number))
	case !live:
		s.refuse(p.conv, name, wire.NotPermitted) // it was left meanwhile
	}
	if l != nil {
		s.want(l)
	}
}

// refuse says that no more of a log is taken.
func (s *Session) refuse(c *conversation, name event.Log, why wire.Reason) {
	if l := c.logs[name]; l != nil {
		l.refused = true
		s.tell.mention(l) // what is here came another way
	}
	s.send(wire.Frame{Refused: &wire.Refused{Tag: c.ourTag, Device: name.Device, Instance: name.Instance, Reason: why}})
}

// refuseOnce says that a run is not taken, if the peer waits for an answer.
func (s *Session) refuseOnce(c *conversation, run *event.Run, why wire.Reason) {
	if name := run.Log(); run.Number != 0 {
		s.send(wire.Frame{Refused: &wire.Refused{Tag: c.ourTag, Device: name.Device, Instance: name.Instance, Reason: why, Run: run.Number}})
	}
}

// settled begins to wait for the end of a round, if the offer that is answered asked for
// everything.
func (s *Session) settled(f *wire.Settled) {
	c := s.at(f.Tag)
	if c == nil {
		return
	}
	if f.Number >= c.offers || f.Number < c.settled {
		s.close(broken("settled twice"))
		return
	}
	c.settled = f.Number + 1
	if c.wide == 0 || c.settled < c.wide {
		return
	}
	c.wide, c.short = 0, false
	if c.want == wire.WantNothing { // it held back
		s.emit(RoundDropped{c.id})
		return
	}
	c.settling = max(s.taking.last, 1)
	s.endRound(c)
}

// endRound gives RoundEnded if everything is answered that came before Settled.
func (s *Session) endRound(c *conversation) {
	if c.settling == 0 {
		return
	}
	for _, p := range s.taking.pending {
		if p.conv == c && p.ticket <= c.settling {
			return
		}
	}
	c.settling = 0
	s.emit(RoundEnded{c.id})
}
