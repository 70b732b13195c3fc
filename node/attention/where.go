package attention

import (
	"slices"
	"time"

	"github.com/earshot-im/earshot/store/event"
)

// surface is where a notification can be shown.
type surface struct {
	client string
	kind   Kind
	looked time.Time // when the owner looked at it last
}

// attended reports whether the owner looks at a conversation.
func (p *plan) attended(c event.Conversation) bool {
	for _, at := range p.looking {
		if at == c {
			return true
		}
	}
	return false
}

// look takes in at which conversation the owner looks at a client; the zero one: at none.
func (p *plan) look(client string, c event.Conversation, now time.Time) {
	p.looking[client] = c
	for i := range p.surfaces {
		if p.surfaces[i].client == client {
			p.surfaces[i].looked = now
		}
	}
}

// away takes in that the owner doesn't look at a client any more.
func (p *plan) away(client string) { delete(p.looking, client) }

// offer takes in that notifications can be shown at a client, and withdraw that they can't any more. What
// was shown there is forgotten, and not shown elsewhere.
func (p *plan) offer(client string, kind Kind, now time.Time) {
	p.withdraw(client)
	s := surface{client: client, kind: kind}
	if _, looks := p.looking[client]; looks {
		s.looked = now
	}
	p.surfaces = append(p.surfaces, s)
}

func (p *plan) withdraw(client string) {
	p.surfaces = slices.DeleteFunc(p.surfaces, func(s surface) bool { return s.client == client })
	if p.summary != nil && p.summary.client == client {
		p.forgetAll()
	}
	for at, n := range p.notes {
		if n.shown != nil && n.shown.client == client {
			delete(p.notes, at)
		}
	}
}

// forgetAll forgets everything that a summary stands for.
func (p *plan) forgetAll() {
	p.summary = nil
	for at, n := range p.notes {
		if !n.fresh {
			delete(p.notes, at)
		}
	}
}

// best returns where a notification is to be shown now; nil: nowhere.
func (p *plan) best() *surface {
	var best *surface
	for i := range p.surfaces {
		s := &p.surfaces[i]
		if best == nil || s.kind < best.kind || s.kind == best.kind && s.looked.After(best.looked) {
			best = s
		}
	}
	return best
}
