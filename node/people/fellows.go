package people

import (
	"context"

	"github.com/earshot-im/earshot/crypto"
)

// LookForFellows has KeepFellows look again.
func (p *People) LookForFellows() { p.fellows.Give() }

// KeepFellows stores, until ctx ends, everybody who is in a group with the owner and was met as a
// stranger. Strangers are forgotten after a while, and then a member of the group would have no
// name. kept is told each person that was stored.
func (p *People) KeepFellows(ctx context.Context, kept func(crypto.PersonID)) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.fellows:
		}
		for _, id := range p.unstored() {
			if !p.groups.Fellows(p.self, id) {
				continue
			}
			if err := p.Keep(ctx, id); err != nil && ctx.Err() == nil {
				p.cfg.Log.Warn("keep a fellow member", "err", err)
			}
			kept(id)
		}
	}
}
