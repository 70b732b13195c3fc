package sync

import "github.com/earshot-im/earshot/store/event"

// Nobody can know more of this device's own logs than this device. A peer that does shows that this
// disk has gone back to an earlier state, as after restoring a backup. The shell is told that once
// for each conversation.

// check compares the pictures of a log that this device writes.
func (p *push) check(l *log) {
	if !p.wrote(l.name) {
		return
	}
	for _, claimed := range l.peers {
		if claimed.Last > l.ours.Last() {
			p.rollback(l)
		}
		for _, here := range l.ours {
			if contradicts(claimed, here) {
				p.rollback(l)
				p.stop(l)
			}
		}
	}
}

// follows reports whether the peer's segment before the event, if there is one, ends with the event
// that this one links to. That matters only for logs that this device writes: of anyone else's,
// what is pushed is the proof of a fork.
func (p *push) follows(l *log, h *event.Header) bool {
	if !p.wrote(l.name) {
		return true
	}
	for _, g := range l.peers {
		if g.Last+1 == h.Sequence && g.ID != h.Previous {
			p.rollback(l)
			return false
		}
	}
	return true
}

func (p *push) rollback(l *log) {
	if !p.rolledBack[l.conv.id] {
		p.rolledBack[l.conv.id] = true
		p.emit(Rollback{l.name, l.peers})
	}
}
