package people

import (
	"context"

	"github.com/earshot-im/earshot/crypto"
)

// LookForFellows has KeepFellows look again.
func (p *People) LookForFellows() { p.fellows.Give() }

// KeepFellows has the store know whoever is in a group with the owner and was met as a stranger,
// until ctx ends. As a stranger they would be forgotten, and the name of a member with them. kept
// is told each of them.
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
