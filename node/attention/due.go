package attention

import "time"

// freshen has a note shown soon. What comes without end holds nothing up, and what was written a while
// ago, as somebody whose clock is slow always seems to do, holds up nothing that is new.
func (p *plan) freshen(n *note, late bool, now time.Time) {
	n.fresh = true
	if p.first.IsZero() {
		p.first = now
	}
	switch due := now.Add(gather); {
	case !late && (p.due.IsZero() || due.Before(p.due)):
		p.due, p.soon = due, true
	case late && !p.soon:
		due = now.Add(gatherLate)
		if most := p.first.Add(gatherMost); due.After(most) {
			due = most
		}
		if due.After(p.due) {
			p.due = due
		}
	}
}

// wait has tick come again.
func (p *plan) wait(at time.Time) {
	if p.due.IsZero() || at.Before(p.due) {
		p.due = at
	}
}
