package sync

import (
	"cmp"
	"slices"
	"time"

	"github.com/earshot-im/earshot/node/wire"
	"github.com/earshot-im/earshot/store/event"
)

// push gives the peer the runs of logs that it wants and lacks: lowest first, a run of each log in
// turn, and after the control events that the peer lacks. When everything has been pushed that the
// peer lacked at the time of its offer, push says Settled.
type push struct {
	*turn
	*pair
	control *control
	window  window
	opening openingRun

	full    bool     // the peer has no room: nothing is loaded before its next Have or offer
	ready   []*log   // to be loaded, in turn
	loads   int      // Loads under way, without that of an opening run
	delayed []*delay // logs of others, by time

	rolledBack map[event.Conversation]bool // Rollback was given
}

// pushedLog is what push keeps of a log.
type pushedLog struct {
	target  uint64       // Settled waits until everything up to it is pushed; 0: it doesn't
	queued  bool         // the log is in ready, or waits for control events
	waits   *delay       // the last of the log in delayed; nil: none is
	waited  event.Ranges // what has waited long enough for somebody else to bring it
	loading uint64       // where the Load under way begins; 0: none
	reach   uint64       // the last event that may be read there
	stopped bool         // the peer takes no more of the log, or there is nothing true to give
}

// answer is what push keeps of a conversation: how far the answer to the peer's last offer is.
type answer struct {
	number    uint64 // of the offer
	unsettled bool   // Settled has not been sent
	logs      int    // that have a target: Settled is sent when there are none
}

// delay is what the peer lacks of a log and waits for somebody else to bring.
type delay struct {
	log       *log
	lacks     event.Ranges
	began, at time.Time
	calm      bool // as log.calm was when it began
}

// step is how much later something may come and wait no longer for it.
func (d *delay) step() time.Duration {
	if d.calm {
		return calmStep
	}
	return pauseStep
}

// want pushes what the peer lacks of a log: at once if this device writes it or the peer's offer is
// being answered, else after a pause in which somebody else may bring it. What comes while another
// part of the log waits has a pause of its own.
func (p *push) want(l *log) {
	own := &l.push
	if own.queued || own.stopped || !p.gives(l) {
		return
	}
	switch lacks := l.lacks(); {
	case len(lacks) == 0:
	case len(p.pushable(l)) > 0:
		p.queue(l)
	case own.waits == nil:
		p.delay(l, lacks)
	case len(lacks.Subtract(own.waits.lacks)) == 0:
	case p.now.Sub(own.waits.began) < own.waits.step():
		own.waits.lacks = lacks
	default:
		p.delay(l, lacks)
	}
}

// delay has what the peer lacks of a log wait.
func (p *push) delay(l *log, lacks event.Ranges) {
	pause := othersPause
	switch {
	case l.calm:
		pause = calmPause + p.spread
	case l.conv.group:
		pause = relayPause + p.spread
	}
	d := &delay{l, lacks, p.now, p.now.Add(pause), l.calm}
	l.push.waits = d
	at, _ := slices.BinarySearchFunc(p.delayed, d, func(a, d *delay) int { return cmp.Or(a.at.Compare(d.at), -1) })
	p.delayed = slices.Insert(p.delayed, at, d)
}

// hurry shortens the long pauses of those logs of a conversation that do not come to the peer directly any
// more. What has waited for longer than it would have otherwise goes after the session's share of the spread,
// so that not all whom the peer follows bring it at once.
func (p *push) hurry(c *conversation) {
	moved := false
	for _, d := range p.delayed {
		if l := d.log; l.conv == c && d.calm && !l.calm {
			short := d.began.Add(relayPause + p.spread)
			if short.Before(p.now) {
				short = p.now.Add(p.spread)
			}
			d.calm, d.at, moved = false, earliest(d.at, short), true
		}
	}
	if moved {
		slices.SortStableFunc(p.delayed, func(a, b *delay) int { return a.at.Compare(b.at) })
	}
}

// spare has nothing of a log wait any more: the peer has it.
func (p *push) spare(l *log) {
	if l.push.waits != nil && len(l.lacks()) == 0 {
		l.push.waits, l.push.waited = nil, nil
		p.delayed = slices.DeleteFunc(p.delayed, func(d *delay) bool { return d.log == l })
	}
}

// atOnce reports whether nobody else is likely to bring the log before this device could. In a
// group, this person's other devices have sessions with the same peers.
func (p *pair) atOnce(l *log) bool {
	return p.wrote(l.name) || !l.conv.group && p.ownerWrote(l.name)
}

// pushable returns what the peer lacks of the log and is not left to somebody else any more.
func (p *pair) pushable(l *log) event.Ranges {
	lacks := l.lacks()
	if l.push.target != 0 || p.atOnce(l) {
		return lacks
	}
	return lacks.Intersect(l.push.waited)
}

// wanted reports whether the peer's last offer asks for the log.
func (p *push) wanted(l *log) bool {
	want := l.conv.want
	return !l.conv.quiet && (want <= wire.WantNow || want == wire.WantOwn && p.wrote(l.name))
}

// gives reports whether the peer is to get what comes to the log, or what it asked for in its
// offer.
func (p *push) gives(l *log) bool {
	goesOn := l.conv.want == wire.WantAll || l.push.target != 0 || p.wrote(l.name)
	return l.conv.live() && goesOn && p.wanted(l)
}

func (p *push) queue(l *log) {
	if !l.push.queued && l.push.loading == 0 {
		l.push.queued = true
		p.ready = append(p.ready, l)
	}
}

// comes reports whether what the peer lacks of the log is about to be pushed anyway.
func (l *pushedLog) comes() bool { return l.queued || l.loading != 0 }

// goOn queues logs that have waited for control events, and stay marked as queued.
func (p *push) goOn(logs []*log) { p.ready = append(p.ready, logs...) }

// fire queues the delayed logs whose time has come.
func (p *push) fire() {
	for len(p.delayed) > 0 && p.due(p.delayed[0].at) {
		d := p.delayed[0]
		p.delayed = p.delayed[1:]
		if d.log.push.waits == d {
			d.log.push.waits = nil
		}
		d.log.push.waited = d.lacks // with what has waited longer and still lacks
		p.queue(d.log)
	}
}

// wakes returns when fire or open has something to do. The direct conversation may be nil.
func (p *push) wakes(direct *conversation) (at time.Time) {
	if len(p.delayed) > 0 {
		at = p.delayed[0].at
	}
	if direct != nil && p.opens(direct) {
		at = earliest(at, p.opening.at)
	}
	return at
}

// load asks for runs while the window has room for them.
func (p *push) load() {
	for !p.full && len(p.ready) > 0 && p.window.room(p.loads) {
		l := p.ready[0]
		p.ready = p.ready[1:]
		if p.control.gate(l) {
			continue
		}
		l.push.queued = false
		if l.push.stopped || !p.gives(l) {
			continue
		}
		l.push.waited = l.push.waited.Intersect(l.lacks()) // the rest somebody has brought
		lacks := p.pushable(l)
		if len(lacks) == 0 {
			p.want(l)
			p.caughtUp(l)
			continue
		}
		first, last := lacks[0].First, lacks[0].Last
		l.push.loading, l.push.reach = first, last
		p.loads++
		p.emit(Load{l.name, first, int(min(event.MaxRunEvents, last-first+1)), runWeight})
	}
}

// loaded sends the run that was asked for.
func (p *push) loaded(c *conversation, in Loaded) {
	if c == nil || c.logs[in.Log] == nil || c.logs[in.Log].push.loading == 0 {
		return
	}
	l := c.logs[in.Log]
	first := l.push.loading
	l.push.loading = 0
	some := in.Err == nil && len(in.Run.Events) > 0
	good := some && in.Run.Log() == l.name && in.Run.Segment().First >= first
	if p.opening.loaded(l) {
		if good {
			p.sendOpening(c, in.Run)
		}
		p.want(l)
		return
	}
	p.loads--
	switch {
	case l.push.stopped || !p.gives(l):
		return
	case p.full:
		p.queue(l)
		return
	case in.Err == nil && !some:
		l.startAt(l.push.reach + 1)
		p.pushRest(l)
		return
	case good && in.Apart:
		l.passOver(&in.Run)
		p.pushRest(l)
		return
	case good && in.Run.Segment().First > first:
		l.startAt(in.Run.Segment().First)
	}
	if !good || !p.follows(l, &in.Run.Events[0].Header) {
		p.stop(l)
		return
	}
	in.Run.Tag, in.Run.Number = c.ourTag, p.window.add(l, &in.Run)
	l.give(&in.Run)
	p.send(wire.Frame{Run: &in.Run})
	p.pushRest(l)
}

// pushRest pushes what comes after what was loaded.
func (p *push) pushRest(l *log) {
	p.want(l)
	p.caughtUp(l)
}

// answered takes the answer to the run of a number. It may be of a log that was given up meanwhile.
func (p *push) answered(number uint64) {
	if !p.window.answered(number) {
		p.close(broken("answer to a run that was not sent"))
	}
}

// refused pushes no more of a log that the peer refuses.
func (p *push) refused(c *conversation, name event.Log, why wire.Reason) {
	if l := c.logs[name]; l != nil {
		p.stop(l)
		if p.wrote(name) && (why == wire.OverBudget || why == wire.TooManyLogs) {
			p.explain(c, why) // other reasons are about the one log: this device goes on in another
		}
	}
}

// explain tells the shell why the peer takes no more of what this device writes in a conversation;
// 0: it does.
func (p *push) explain(c *conversation, why wire.Reason) {
	if c.refusal != why {
		c.refusal = why
		p.emit(Refusal{c.id, why})
	}
}

// noRoom takes in that the peer's disk is full. The run that it could not take is pushed again when
// the peer shows that there is room, and so is everything else.
func (p *push) noRoom(number uint64) {
	if f, ok := p.window.takeBack(number); ok {
		f.log.takeBack(f.part)
		f.log.push.waited = f.log.push.waited.Add(f.part)
		p.queue(f.log)
	}
	p.answered(number)
	if !p.full {
		p.full = true
		p.emit(Refusal{Reason: wire.NoRoom})
	}
}

// roomAgain takes in that the peer has stored something, or offers to.
func (p *push) roomAgain() {
	if p.full {
		p.full = false
		p.emit(Refusal{})
	}
}

// stop pushes no more of a log.
func (p *push) stop(l *log) {
	l.push.stopped = true
	p.abandonLog(l)
	p.caughtUp(l)
}

// abandonLog forgets the unanswered runs of a log: no answer will come.
func (p *push) abandonLog(l *log) {
	p.window.forget(l)
	l.forgetGiven()
}

// abandon pushes no more of a conversation in which messages don't move any more.
func (p *push) abandon(c *conversation) {
	for _, l := range c.order {
		l.push.target = 0
		p.abandonLog(l)
	}
	c.answer.logs = 0
}

// see goes on with a log after the peer has said what it has of it.
func (p *push) see(l *log) {
	p.spare(l)
	p.check(l)
	p.caughtUp(l)
	p.want(l)
}

// giveAgain has everything of a conversation pushed again that the peer's offer does not show,
// except what is on its way.
func (p *push) giveAgain(c *conversation) {
	for _, l := range c.order {
		l.giveAgain(p.window.onTheWay(l))
	}
}

// begin begins the answer to the peer's offer of that number.
func (p *push) begin(c *conversation, number uint64) {
	for _, l := range c.order {
		l.push.stopped = false
		p.check(l)
	}
	c.answer.number, c.answer.unsettled = number, true
}

// catchUp pushes whatever the peer wants and lacks of a conversation. Settled waits for all of it.
func (p *push) catchUp(c *conversation) {
	c.answer.logs = 0
	for _, l := range c.order {
		l.push.target = 0
		if p.wanted(l) && !l.push.stopped && len(l.lacks()) > 0 {
			l.push.target = l.ours.Last()
			c.answer.logs++
			p.queue(l)
		}
	}
}

// caughtUp says Settled if everything has been pushed that was lacking when the peer offered, the
// log last.
func (p *push) caughtUp(l *log) {
	if l.push.target == 0 {
		return
	}
	if lacks := l.lacks(); !l.push.stopped && len(lacks) > 0 && lacks[0].First <= l.push.target {
		return
	}
	l.push.target = 0
	l.conv.answer.logs--
	p.settle(l.conv)
}

// settle ends the answer to the peer's offer with Settled, if nothing is left to push for it.
func (p *push) settle(c *conversation) {
	if c.answer.unsettled && c.answer.logs == 0 && !p.control.pending(c) {
		c.answer.unsettled = false
		p.send(wire.Frame{Settled: &wire.Settled{Tag: c.ourTag, Number: c.answer.number}})
	}
}
