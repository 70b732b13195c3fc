package sync_test

import (
	"fmt"
	"slices"
	"time"

	"github.com/earshot-im/earshot/node/sync"
	"github.com/earshot-im/earshot/node/wire"
	"github.com/earshot-im/earshot/store/event"
)

// checkTrue verifies that what a node says of its disk is on it.
func (e *end) checkTrue(f wire.Frame) {
	say := func(tag []byte, logs []wire.LogSegments) {
		for _, c := range e.node.world.convs {
			if string(c.tag(e.node, e.peer)) != string(tag) || !has(c.persons, e.node.person) || !has(c.persons, e.peer.person) {
				continue
			}
			for _, l := range logs {
				e.checkHeld("said", e.node.disk, event.Log{Conversation: c.id, Device: l.Device, Instance: l.Instance}, l.Segments)
			}
		}
	}
	if f.Have != nil {
		say(f.Have.Tag, f.Have.Logs)
	}
	if f.Offers != nil {
		for _, o := range f.Offers.Offers {
			say(o.Tag, o.Logs)
		}
	}
	if f.Run != nil && !e.session.Open(f.Run.Tag) {
		if now := e.node.world.now; now.Sub(e.opened) < time.Minute {
			e.node.world.fail("%s pushes runs to %s, who serves nothing, within %s", e.node.name, e.peer.name, now.Sub(e.opened))
		} else {
			e.opened = now
		}
		e.node.world.count.openings++
	}
}

// checkRound verifies that a round that has ended has brought all that the peer had.
func (e *end) checkRound(id event.Conversation) {
	w := e.node.world
	if w.count.restores > 0 {
		return // a fork may have been refused
	}
	if w.count.overs > 0 {
		return // so may a log of somebody who is not accepted
	}
	if e.terms[id].quiet || e.other.lied {
		return
	}
	for log, segments := range e.other.had[id] {
		lacks := segments.Missing(e.node.disk.log(log).segments)
		if set := e.node.disk.rooms[id]; set != nil {
			lacks = slices.DeleteFunc(lacks, func(r event.Range) bool {
				for sequence := r.First; sequence <= r.Last; sequence++ {
					if ev := e.other.node.disk.log(log).events[sequence]; e.node.serves(e.node.disk, e.node.person, ev) && e.node.limit(e.node.disk, log, ev) >= sequence {
						return false
					}
				}
				return true
			})
		}
		if len(lacks) > 0 {
			w.fail("%s: the round with %s has ended without %v of log %x", e.node.name, e.peer.name, lacks, log.Device[:2])
		}
	}
}

// checkTaken verifies that nothing is refused any more for a reason that has gone.
func (e *end) checkTaken() {
	for c, why := range e.refusals {
		if why == wire.NoRoom || why == wire.OverBudget {
			e.node.world.fail("%s still refuses %s in %x: reason %d", e.peer.name, e.node.name, c[:2], why)
		}
	}
}

func (e *end) checkHeld(what string, d *disk, log event.Log, segments event.Segments) {
	if e.restore != e.peer.restore {
		return // the peer has lost its disk since
	}
	for _, g := range segments {
		h := d.logs[log]
		for sequence := g.First; sequence <= g.Last; sequence++ {
			if h == nil || h.events[sequence] == nil || sequence == g.Last && h.events[sequence].ID != g.ID {
				e.node.world.fail("%s-%s: %s but not stored: %d of log %x", e.node.name, e.peer.name, what, sequence, log.Device[:2])
				return
			}
		}
	}
}

func brief(e *event.Event) string {
	return fmt.Sprintf("%d in %d (%x/%x) %x", e.Header.Sequence, e.Header.Conversation[0], e.Header.Device[:2], e.Header.Instance[:2], e.ID[:2])
}

func describe(effect sync.Effect) string {
	switch x := effect.(type) {
	case sync.Send:
		switch f := x.Frame; {
		case f.Run != nil:
			s, log := f.Run.Segment(), f.Run.Log()
			return fmt.Sprintf("run %d–%d of %x/%x in %d", s.First, s.Last, log.Device[:2], log.Instance[:2], log.Conversation[0])
		case f.Have != nil:
			s := "have"
			for _, l := range f.Have.Logs {
				s += fmt.Sprintf(" %x/%x", l.Device[:2], l.Instance[:2])
				for _, g := range l.Segments {
					s += fmt.Sprintf(" %d–%d(%x)", g.First, g.Last, g.ID[:2])
				}
			}
			return s
		case f.Offers != nil:
			s := "offers"
			for _, o := range f.Offers.Offers {
				s += fmt.Sprintf(" %.4x: %d logs, digest %t, want %d", o.Tag, len(o.Logs), o.Digest != nil, o.Want)
			}
			return s
		case f.Control != nil:
			return fmt.Sprintf("control %.4x: %d", f.Control.Tag, len(f.Control.Events))
		case f.Welcome != nil:
			return fmt.Sprintf("welcome: %x", f.Welcome.Join.ID[:2])
		case f.Settled != nil:
			return fmt.Sprintf("settled %.4x", f.Settled.Tag)
		case f.Refused != nil:
			return fmt.Sprintf("refused %x/%x %d", f.Refused.Device[:2], f.Refused.Instance[:2], f.Refused.Reason)
		}
		return "another frame"
	case sync.Load:
		return fmt.Sprintf("load %x from %d", x.Log.Device[:2], x.First)
	case sync.Wake:
		return "wake " + x.At.Format("15:04:05.000")
	}
	return fmt.Sprintf("%T", effect)
}
