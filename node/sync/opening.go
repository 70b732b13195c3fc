package sync

import (
	"time"

	"github.com/earshot-im/earshot/node/wire"
	"github.com/earshot-im/earshot/store/event"
)

// openingRun is the one run that is pushed to a peer that does not offer the direct conversation:
// so somebody who has not accepted this node's person learns who writes and what they want. When more
// was written that fits, it is pushed again with that: so they learn that more waits.
type openingRun struct {
	from    Opening   // First 0: there is nothing to push
	at      time.Time // when the peer has had time enough to offer, or since the last such run
	asked   bool      // the run was asked for
	loading *log      // of the run, until it has come
	held    uint64    // the last event of the log when it was asked for
	sent    uint64    // the last event that was pushed, if all fitted that was held; else 0
}

// loaded reports whether what was read of a log is the opening run that was asked for.
func (o *openingRun) loaded(l *log) bool {
	if o.loading != l {
		return false
	}
	o.loading = nil
	return true
}

// expectOffer gives the peer time to offer the direct conversation.
func (p *push) expectOffer(from Opening) {
	p.opening.from, p.opening.at = from, p.now.Add(openingPause)
}

// openWith sets where the opening run begins, unless there is one already.
func (p *push) openWith(from Opening) {
	if p.opening.from.First == 0 {
		p.opening.from = from
	}
}

// opens reports whether time alone will make the opening run go out.
func (p *push) opens(direct *conversation) bool {
	return !direct.open && !direct.left && p.opening.from.First != 0 && (!p.opening.asked || p.opensAgain(direct))
}

// opensAgain reports whether more was written than the opening run had, which may have room for it.
func (p *push) opensAgain(direct *conversation) bool {
	l := direct.logs[p.opening.from.Log]
	return l != nil && p.opening.sent != 0 && l.ours.Last() > p.opening.sent
}

// open asks for the opening run if its time has come.
func (p *push) open(direct *conversation) {
	if !p.opens(direct) || !p.due(p.opening.at) {
		return
	}
	l := direct.logOf(p.opening.from.Log)
	p.opening.asked, p.opening.loading = true, l
	p.opening.at = p.now.Add(openingAgain)
	p.opening.held, p.opening.sent = l.ours.Last(), 0
	l.push.loading = p.opening.from.First
	p.emit(Load{l.name, l.push.loading, event.MaxOpeningEvents, event.MaxOpeningSent})
}

// sendOpening sends the opening run. It is not in the window, since nobody answers it.
func (p *push) sendOpening(direct *conversation, run event.Run) {
	if !direct.open && !direct.left && fitsOpening(&run) {
		if last := run.Segment().Last; last >= p.opening.held && len(run.Events) < event.MaxOpeningEvents {
			p.opening.sent = last
		}
		run.Tag = direct.ourTag
		p.send(wire.Frame{Run: &run})
	}
}

// fitsOpening reports whether a run is small enough for a peer that has offered nothing.
func fitsOpening(run *event.Run) bool {
	return len(run.Events) <= event.MaxOpeningEvents && weigh(run) <= event.MaxOpeningSent
}
