package sync

import (
	"cmp"
	"slices"
	"time"

	"github.com/earshot-im/earshot/node/wire"
	"github.com/earshot-im/earshot/store/event"
)

// flight is a run that was sent and is not answered.
type flight struct {
	log    *log
	number uint64
	part   event.Range
	weight int
}

// delay is another person's log that waits for somebody else to bring it.
type delay struct {
	log *log
	at  time.Time
}

// held takes what this node holds now, and sees to it that the peer gets it, or
// learns that it is here.
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
	if in.Log.Device == s.self && c.opening.First == 0 {
		c.opening = Opening{in.Log, l.ours.Missing(before)[0].First}
	}
	s.want(l)
	if !s.take.awaits(l) {
		s.tell.mention(l)
	}
}

// want pushes what the peer lacks of l: at once if it is the own person's or being
// caught up with, else after a pause in which somebody else may bring it.
func (s *Session) want(l *log) {
	switch {
	case l.queued || l.delayed || l.stopped || !s.gives(l) || len(l.lacks()) == 0:
	case l.target != 0 || s.atOnce(l):
		s.queue(l)
	default:
		pause := othersPause
		if l.conv.group {
			pause = relayPause + s.spread
		}
		l.delayed = true
		d := delay{l, s.now.Add(pause)}
		at, _ := slices.BinarySearchFunc(s.delayed, d, func(a, d delay) int { return cmp.Or(a.at.Compare(d.at), -1) })
		s.delayed = slices.Insert(s.delayed, at, d)
	}
}

// atOnce reports whether nobody else is likely to bring l before this device could. In a
// group, this person's other devices have sessions with the same peers.
func (s *Session) atOnce(l *log) bool {
	return s.wrote(l.name) || !l.conv.group && s.ownerWrote(l.name)
}

// wanted reports whether the peer's last offer asks for l.
func (s *Session) wanted(l *log) bool {
	want := l.conv.want
	return !l.conv.quiet && (want <= wire.WantNow || want == wire.WantOwn && s.wrote(l.name))
}

// gives reports whether the peer is to get of l what comes, or what it has asked for.
func (s *Session) gives(l *log) bool {
	live := l.conv.want == wire.WantAll || l.target != 0 || s.wrote(l.name)
	return l.conv.live() && live && s.wanted(l)
}

func (s *Session) queue(l *log) {
	if !l.queued && l.loading == 0 {
		l.queued = true
		s.ready = append(s.ready, l)
	}
}

// load asks for runs while the window has room for them, a run of each log in turn. Control
// events that the peer lacks come before them.
func (s *Session) load() {
	for len(s.ready) > 0 && len(s.flights)+s.loads < WindowRuns &&
		s.unanswered+(s.loads+1)*runWeight <= WindowBytes {
		l := s.ready[0]
		s.ready = s.ready[1:]
		if s.control.gate(l) {
			continue
		}
		l.queued = false
		if l.stopped || !s.gives(l) {
			continue
		}
		lacks := l.lacks()
		if len(lacks) == 0 {
			s.caughtUp(l)
			continue
		}
		l.loading, l.reach = lacks[0].First, lacks[0].Last
		s.loads++
		s.emit(Load{l.name, l.loading, int(min(event.MaxRunEvents, l.reach-l.loading+1)), runWeight})
	}
}

// loaded sends the run that was asked for.
func (s *Session) loaded(in Loaded) {
	c := s.byID[in.Log.Conversation]
	if c == nil || c.logs[in.Log] == nil || c.logs[in.Log].loading == 0 {
		return
	}
	l := c.logs[in.Log]
	first := l.loading
	l.loading = 0
	some := in.Err == nil && len(in.Run.Events) > 0
	good := some && in.Run.Log() == l.name && in.Run.Segment().First >= first
	if c.loadingOpening && l.name == c.opening.Log {
		c.loadingOpening = false
		s.sendOpening(c, in.Run, good)
		s.want(l)
		return
	}
	s.loads--
	switch {
	case l.stopped || !s.gives(l):
		return
	case in.Err == nil && !some:
		l.floor = l.reach + 1
		s.goOn(l)
		return
	case good && in.Apart:
		l.passOver(&in.Run)
		s.goOn(l)
		return
	case good && in.Run.Segment().First > first:
		l.floor = in.Run.Segment().First
	}
	if !good || !s.follows(l, &in.Run.Events[0].Header) {
		s.stop(l)
		return
	}
	s.runs++
	in.Run.Tag, in.Run.Number = c.ourTag, s.runs
	f := flight{l, s.runs, rangeOf(&in.Run), weigh(&in.Run)}
	s.flights = append(s.flights, f)
	s.unanswered += f.weight
	l.give(&in.Run)
	s.send(wire.Frame{Run: &in.Run})
	s.goOn(l)
}

// goOn pushes what comes after what was loaded.
func (s *Session) goOn(l *log) {
	if len(l.lacks()) > 0 {
		s.queue(l)
	}
	s.caughtUp(l)
}

// weigh returns what a run counts towards WindowBytes.
func weigh(r *event.Run) int { return weighEvents(r.Events) + weighEvents(r.Recalls) }

func weighEvents(events []event.Event) int {
	n := 0
	for i := range events {
		n += len(events[i].Head) + len(events[i].Body)
	}
	return n
}

// follows reports whether the peer's segment before the event, if there is one, ends
// with the event that this one links to. Only of this device's own log does it
// matter: with anyone else's, what is pushed is the proof of the fork.
func (s *Session) follows(l *log, h *event.Header) bool {
	if !s.wrote(l.name) {
		return true
	}
	for _, g := range l.peers {
		if g.Last+1 == h.Sequence && g.ID != h.Previous {
			s.rollback(l)
			return false
		}
	}
	return true
}

// check compares the pictures of a log of this device: nobody else can know more of it.
func (s *Session) check(l *log) {
	if !s.wrote(l.name) {
		return
	}
	for _, theirs := range l.peers {
		if theirs.Last > l.ours.Last() {
			s.rollback(l)
		}
		for _, mine := range l.ours {
			if theirs.Last == mine.Last && theirs.ID != mine.ID {
				s.rollback(l)
				s.stop(l)
			}
		}
	}
}

func (s *Session) rollback(l *log) {
	if !l.conv.rolledBack {
		l.conv.rolledBack = true
		s.emit(Rollback{l.name, l.peers})
	}
}

// stop pushes no more of a log.
func (s *Session) stop(l *log) {
	l.stopped = true
	s.recall(l)
	s.caughtUp(l)
}

// recall forgets what was sent of l and is not answered: nobody will.
func (s *Session) recall(l *log) {
	s.land(func(f *flight) bool { return f.log == l })
	l.given = nil
	l.renew()
}

// land takes flights off the window.
func (s *Session) land(answered func(*flight) bool) {
	s.flights = slices.DeleteFunc(s.flights, func(f flight) bool {
		if !answered(&f) {
			return false
		}
		s.unanswered -= f.weight
		return true
	})
}

// answered takes the answer to one run. There may be nothing to answer any more, where the log was given up meanwhile.
func (s *Session) answered(number uint64) {
	if number > s.runs {
		s.close(broken("answer to a run that was not sent"))
		return
	}
	s.land(func(f *flight) bool { return f.number == number })
}

// caughtUp says Settled when everything has been pushed that was lacking at the
// beginning, l last.
func (s *Session) caughtUp(l *log) {
	if l.target == 0 {
		return
	}
	if lacks := l.lacks(); !l.stopped && len(lacks) > 0 && lacks[0].First <= l.target {
		return
	}
	l.target = 0
	l.conv.catching--
	s.settle(l.conv)
}

// have takes what the peer has on its disk now.
func (s *Session) have(h *wire.Have) {
	c := s.at(h.Tag)
	if c == nil || c.quiet || !s.sameStore(h.Store) {
		return
	}
	if h.Answers != 0 {
		s.answered(h.Answers)
	}
	for i := range h.Logs {
		l := s.pictures.seeListed(c, &h.Logs[i])
		if l == nil {
			continue
		}
		s.check(l)
		s.caughtUp(l)
		s.want(l)
		s.tell.mention(l)
	}
}

// refused pushes nothing more of a log, or goes on without one run.
func (s *Session) refused(r *wire.Refused) {
	c := s.at(r.Tag)
	if c == nil {
		return
	}
	if r.Run != 0 {
		s.answered(r.Run)
		return
	}
	if l := c.logs[event.Log{Conversation: c.id, Device: r.Device, Instance: r.Instance}]; l != nil {
		s.stop(l)
	}
}

// awaitsOpening reports whether time alone will make pushOpening push.
func (c *conversation) awaitsOpening() bool {
	return !c.open && !c.left && !c.opened && c.opening.First != 0
}

// pushOpening loads the one run for a peer that offers nothing.
func (s *Session) pushOpening(c *conversation) {
	if !c.awaitsOpening() || s.now.Before(c.openingAt) {
		return
	}
	l := c.logOf(c.opening.Log)
	c.opened, c.loadingOpening = true, true
	l.loading = c.opening.First
	s.emit(Load{l.name, l.loading, OpeningEvents, OpeningBytes})
}

// sendOpening sends the one run, outside the window since nobody answers it.
func (s *Session) sendOpening(c *conversation, run event.Run, good bool) {
	if good && !c.open && !c.left && opens(&run) {
		run.Tag = c.ourTag
		s.send(wire.Frame{Run: &run})
	}
}

// opens reports whether a run is small enough for a peer that has offered nothing.
func opens(run *event.Run) bool {
	return len(run.Events) <= OpeningEvents && weigh(run) <= OpeningBytes
}
