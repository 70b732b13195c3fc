package people

import (
	"context"

	"github.com/earshot-im/earshot/crypto"
)

// LookForFellows has KeepFellows look whether some persons are fellow members of a group; without
// any, whether anybody is.
func (p *People) LookForFellows(who ...crypto.PersonID) {
	p.mu.Lock()
	p.anybody = p.anybody || len(who) == 0
	for _, id := range who {
		p.maybe[id] = struct{}{}
	}
	p.mu.Unlock()
	p.fellows.Give()
}

// KeepFellows stores, until ctx ends, everybody who is in a group with the owner and was met as a
// stranger, and has those count as fellow members who were stored as strangers. Strangers are
// forgotten after a while, and then a member of the group would have no name. kept is told each
// person whom that has changed.
func (p *People) KeepFellows(ctx context.Context, kept func(crypto.PersonID)) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.fellows:
		}
		for _, id := range p.strange() {
			if !p.groups.Fellows(p.self, id) {
				continue
			}
			if err := p.keep(ctx, id, true); err != nil && ctx.Err() == nil {
				p.cfg.Log.Warn("keep a fellow member", "err", err)
			}
			kept(id)
		}
	}
}

// strange returns those who are to be looked at and whom the store does not have, or as strangers.
func (p *People) strange() (out []crypto.PersonID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.anybody {
		for id := range p.known {
			p.maybe[id] = struct{}{}
		}
	}
	for id := range p.maybe {
		if a := p.known[id]; a != nil && id != p.self && (!a.saved || !a.Member && !a.Contact) {
			out = append(out, id)
		}
	}
	clear(p.maybe)
	p.anybody = false
	return out
}
