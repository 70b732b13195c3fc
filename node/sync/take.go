package sync

import (
	"slices"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/wire"
	"github.com/earshot-im/earshot/store/event"
)

// take gives the shell what the peer brings, and answers the peer when the shell has stored or
// refused it. What needs a card or control events that are not here is kept until these have come,
// within bounds.
type take struct {
	*turn
	*pair
	tell *tell

	last     Ticket
	pending  []*pending // not answered, by ticket
	requests time.Time  // when another Request may be given; zero: none was
	welcomes int        // Welcome frames so far
	growths  uint64     // of control sets, as the shell said
	rooms    uint64     // how often there may have come to be room, as the shell said
	missed   bool       // something found none, for which the shell may have looked before that

	// What is with the shell, see busy.
	runs, bytes, records int

	// What waits for cards, control events or room.
	kept, keptBytes int
	keptWeight      int             // in memory, see pending.weightInMemory
	turnedAway      []*conversation // of which something was refused since too much was kept
	noRoom          []*conversation // of which something was refused since the disk is full
}

// pending is a run, a record, control events or a welcome that the peer brought and that are not
// answered. One of the four is set.
type pending struct {
	ticket  Ticket
	id      event.Conversation
	conv    *conversation // nil of a welcome
	run     *event.Run
	record  *event.Record
	control []event.Event
	welcome *wire.Welcome
	weight  int

	unclaimed bool // there was no room to remember that the peer has the run
	news      bool // not all of the run was here when it came

	waits   waits
	head    crypto.Hash // of the card that was needed last
	growths uint64      // take.growths when the shell got it
	rooms   uint64      // take.rooms then
}

// waits is what a pending waits for.
type waits int

const (
	forShell waits = iota // for its answer
	forCard
	forControl
	forRoom
)

// busy reports whether the shell has as much in hand as the peer may cause.
func (t *take) busy() bool {
	return t.runs > windowRuns || t.bytes > WindowBytes || t.records >= maxPendingRecords
}

// accepts reports whether a run may be taken. If not, it refuses the run or ends the session.
func (t *take) accepts(c *conversation, run *event.Run) bool {
	name := run.Log()
	switch {
	case name.Conversation != c.id:
		t.close(broken("run of another conversation"))
	case !c.left && !c.quiet:
		return true
	case len(c.peerTag) > 0:
		t.refuse(c, name, wire.NotPermitted)
	default:
		// In the direct conversation, the peer is not told that it is not served any more.
	}
	return false
}

// run gives a run to the shell. It is unclaimed if there was no room to remember that the peer has
// it, and news if not all of it was here.
func (t *take) run(c *conversation, run *event.Run, unclaimed, news bool) {
	t.ingest(&pending{id: c.id, conv: c, run: run, weight: weigh(run), unclaimed: unclaimed, news: news})
}

// record gives a record to the shell.
func (t *take) record(c *conversation, r *event.Record) {
	t.ingest(&pending{id: c.id, conv: c, record: r, weight: len(r.Bytes)})
}

// control gives control events to the shell.
func (t *take) control(c *conversation, events []event.Event) {
	t.ingest(&pending{id: c.id, conv: c, control: events, weight: weighEvents(events)})
}

// welcome gives a welcome to the shell, unless the group is known. It ends the session if there were
// too many, whoever the peer is.
func (t *take) welcome(m *wire.Welcome, known bool) {
	if t.welcomes++; t.welcomes > maxWelcomes {
		t.close(broken("too many welcomes"))
	} else if !known {
		t.ingest(&pending{id: m.Group(), welcome: m, weight: weighWelcome(m)})
	}
}

// request hands over the first run of a peer that is not served, and now and then another, if it keeps
// to the limits, and forgets everything else. What becomes of it, the peer does not see.
func (t *take) request(run event.Run) {
	if !t.serve && !t.now.Before(t.requests) && fitsOpening(&run) {
		t.requests = t.now.Add(requestPause)
		t.emit(Request{run})
	}
}

// ingest gives p to the shell, under a ticket that p keeps.
func (t *take) ingest(p *pending) {
	if p.ticket == 0 {
		t.last++
		p.ticket = t.last
		t.pending = append(t.pending, p)
	}
	p.growths, p.rooms = t.growths, t.rooms
	t.count(p, 1)
	switch {
	case p.run != nil:
		t.emit(Ingest{p.ticket, p.id, *p.run})
	case p.record != nil:
		t.emit(IngestRecord{p.ticket, p.id, *p.record})
	case p.welcome != nil:
		t.emit(IngestWelcome{p.ticket, p.welcome})
	default:
		t.emit(IngestControl{p.ticket, p.id, p.control})
	}
}

// count adds p to what is with the shell or kept, or takes it away.
func (t *take) count(p *pending, n int) {
	switch {
	case p.waits != forShell:
		t.kept += n
		t.keptBytes += n * p.weight
		t.keptWeight += n * p.weightInMemory()
	case p.record != nil:
		t.records += n
	default:
		t.runs += n
		t.bytes += n * p.weight
	}
}

// find returns what the shell has under a ticket, nil if it has nothing.
func (t *take) find(ticket Ticket) *pending {
	for _, p := range t.pending {
		if p.ticket == ticket && p.waits == forShell {
			return p
		}
	}
	return nil
}

// needCard keeps p until the card of a head has come. It gives up on p, and returns false, if that
// card has come before and was of no use, or if too much is kept.
func (t *take) needCard(p *pending, head crypto.Hash) (kept bool) {
	if p.head == head {
		t.giveUp(p, wire.NotPermitted)
		return false
	}
	p.head = head
	return t.keep(p, forCard)
}

// needControl keeps p until more of the control set has come, if it has not come by now. It gives
// up on p, and returns false, if too much is kept.
func (t *take) needControl(p *pending) (kept bool) {
	if !t.keep(p, forControl) {
		return false
	}
	if p.growths != t.growths {
		t.again(p)
	}
	return true
}

// keep keeps p until what it waits for has come. It gives up on p if too much is kept.
func (t *take) keep(p *pending, why waits) bool {
	if t.kept == maxHeld || t.keptBytes+p.weight > maxHeldBytes {
		t.giveUp(p, wire.TooMuchWaits)
		return false
	}
	t.count(p, -1)
	p.waits = why
	t.count(p, 1)
	return true
}

// again gives the shell once more what was kept.
func (t *take) again(p *pending) {
	t.count(p, -1)
	p.waits = forShell
	t.ingest(p)
}

// learned tries again what has waited for a card.
func (t *take) learned(card wire.CardOf) {
	for _, p := range t.pending {
		if p.waits == forCard && p.head == card.Head {
			t.again(p)
		}
	}
}

// grew notes that a control set has grown. What has waited for that is tried again by retry.
func (t *take) grew() { t.growths++ }

// retry tries again what has waited for the control set of a group.
func (t *take) retry(group event.Conversation) {
	for _, p := range t.pending {
		if p.waits == forControl && p.id == group {
			t.again(p)
		}
	}
}

// giveUp answers for p without the shell.
func (t *take) giveUp(p *pending, why wire.Reason) {
	if p.run != nil {
		t.failed(p.conv, p.run.Log())
	}
	switch {
	case why == wire.TooMuchWaits && (p.run != nil || p.control != nil): // there may be room for the next one, and later for this one
		if p.run != nil {
			t.refuseOnce(p.conv, p.run, why)
		}
		t.turnedAway = with(t.turnedAway, p.conv)
	case p.run == nil:
	default:
		t.refuse(p.conv, p.run.Log(), why)
	}
	t.done(p)
}

// freed returns the conversations of which runs or control events were refused since too much was
// kept, once nothing is kept any more. They are to be offered anew.
func (t *take) freed() []*conversation {
	if t.kept > 0 {
		return nil
	}
	freed := t.turnedAway
	t.turnedAway = nil
	return slices.DeleteFunc(freed, func(c *conversation) bool { return !c.open || c.left })
}

// mayFit notes that there may be room now for what there was none for.
func (t *take) mayFit() { t.rooms++ }

// lookedEarly notes if p found no room, but the shell may have looked before it said that there is some.
func (t *take) lookedEarly(p *pending, why wire.Reason) {
	if p.rooms != t.rooms && (why == wire.NoRoom || why == wire.OverBudget) {
		t.missed = true
	}
}

// missedRoom reports whether what was refused is to be offered again, since the answer of the shell came after
// the offers that there was room for. It is once everything is answered that was with the shell then.
func (t *take) missedRoom() bool {
	early := func(p *pending) bool { return p.waits == forShell && p.rooms != t.rooms }
	if !t.missed || slices.ContainsFunc(t.pending, early) {
		return false
	}
	t.missed = false
	return true
}

// full answers for p, for which the disk has no room. A run comes again when its conversation is
// offered anew, and so do control events past the bounds of what is kept. Anything else is kept.
func (t *take) full(p *pending) {
	if p.run == nil {
		t.forgetOlder(p)
		if !t.keep(p, forRoom) && p.conv != nil {
			t.noRoom = with(t.noRoom, p.conv)
		}
		return
	}
	if p.run.Number != 0 {
		t.send(wire.Frame{Refused: &wire.Refused{Reason: wire.NoRoom, Run: p.run.Number}})
	}
	t.noRoom = with(t.noRoom, p.conv)
	t.done(p)
}

// forgetOlder forgets the record that is kept for want of room and that p replaces. There is a new
// receipt every second where much is read, so all of them would soon be too much to keep.
func (t *take) forgetOlder(p *pending) {
	if p.record == nil {
		return
	}
	now := summaryOf(p.record)
	for _, q := range t.pending {
		if q.record == nil || q.waits != forRoom || q.id != p.id {
			continue
		}
		if before := summaryOf(q.record); keyOf(&now) == keyOf(&before) && newer(&now, &before) {
			t.done(q)
			return
		}
	}
}

// roomAgain tries again what was kept for want of room. It returns the conversations of which
// something was refused for that; they are to be offered anew. some says that anything was refused,
// also in conversations in which messages don't move any more.
func (t *take) roomAgain() (refused []*conversation, some bool) {
	for _, p := range t.pending {
		if p.waits == forRoom {
			t.again(p)
		}
	}
	refused, t.noRoom = t.noRoom, nil
	some = len(refused) > 0
	return living(refused), some
}

// with adds a conversation to some, unless it is among them.
func with(some []*conversation, c *conversation) []*conversation {
	if slices.Contains(some, c) {
		return some
	}
	return append(some, c)
}

// living returns those of some conversations in which messages move.
func living(some []*conversation) []*conversation {
	return slices.DeleteFunc(some, func(c *conversation) bool { return !c.live() })
}

// done forgets p, which is answered.
func (t *take) done(p *pending) {
	t.count(p, -1)
	t.pending = slices.DeleteFunc(t.pending, func(q *pending) bool { return q == p })
}

// latest returns the last ticket that was given, 0 if there was none.
func (t *take) latest() Ticket { return t.last }

// answered reports whether everything of a conversation is answered that came up to a ticket.
func (t *take) answered(c *conversation, last Ticket) bool {
	return !slices.ContainsFunc(t.pending, func(p *pending) bool { return p.conv == c && p.ticket <= last })
}

// awaits reports whether a run of the log is with the shell: its answer will tell the peer all that
// is here.
func (t *take) awaits(l *log) bool {
	return slices.ContainsFunc(t.pending, func(p *pending) bool { return p.run != nil && p.run.Log() == l.name })
}
