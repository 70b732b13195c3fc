package people

import (
	"context"
	"slices"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/book"
	"github.com/earshot-im/earshot/store/event"
)

// Anybody may take another name as often as they like. What contacts and fellow members of groups
// call themselves is written down at once, but only so often; all the rest waits for Run, which
// writes it down for many persons together.
const (
	// namePause is the least time between two times that the name of one person is written down by
	// Run, and namesAtOnce is how often it may be written down at once in as long a time.
	namePause   = time.Minute
	namesAtOnce = 4

	// namesTogether bounds the persons whose names are written down in one commit.
	namesTogether = 256
)

// naming is how often the name of a person was written down lately.
type naming struct {
	since time.Time
	times int
}

// now says whether a name may be written down now, and counts it if so.
func (n *naming) now(most int) bool {
	if now := time.Now(); now.Sub(n.since) >= namePause {
		*n = naming{since: now}
	}
	if n.times >= most {
		return false
	}
	n.times++
	return true
}

// saveName writes down what somebody who is in the store calls themselves, with their profile, or
// has Run do it.
func (p *People) saveName(ctx context.Context, id crypto.PersonID) error {
	p.mu.Lock()
	now := false
	if a := p.known[id]; a != nil && (a.Contact || a.Member) {
		p.edit(id, func(a *Person) { now = a.naming.now(namesAtOnce) })
	}
	if !now {
		p.renamed[id] = struct{}{}
	}
	p.mu.Unlock()
	if !now {
		p.moved.Give()
		return nil
	}
	return p.writeNames(ctx, []crypto.PersonID{id})
}

// saveNames writes down the names that are due, or all. If some are not due yet, Run is to come back.
func (p *People) saveNames(ctx context.Context, all bool) error {
	p.mu.Lock()
	var due []crypto.PersonID
	for id := range p.renamed {
		a := p.known[id]
		if a != nil && a.saved && !all {
			ready := false
			p.edit(id, func(a *Person) { ready = a.naming.now(1) })
			if !ready {
				continue
			}
		}
		if delete(p.renamed, id); a != nil && a.saved {
			due = append(due, id)
		}
	}
	left := len(p.renamed)
	p.mu.Unlock()
	if left > 0 {
		p.moved.Give()
	}
	for some := range slices.Chunk(due, namesTogether) {
		if err := p.writeNames(ctx, some); err != nil {
			p.mu.Lock()
			for _, id := range due {
				p.renamed[id] = struct{}{}
			}
			p.mu.Unlock()
			return err
		}
	}
	return nil
}

// writeNames writes down what persons call themselves, and their profiles.
func (p *People) writeNames(ctx context.Context, ids []crypto.PersonID) error {
	if _, err := p.commit(ctx, ids, func([]*book.Person) error { return nil }); err != nil {
		return err
	}
	return p.writeProfiles(ctx, ids)
}

// writeProfiles writes down the profiles of persons that have come since the node runs.
func (p *People) writeProfiles(ctx context.Context, ids []crypto.PersonID) error {
	var profiles []event.Record
	for _, id := range ids {
		if a, _ := p.Get(id); a.profile != nil {
			profiles = append(profiles, *a.profile)
		}
	}
	if len(profiles) == 0 {
		return nil
	}
	return p.store.Book().PutRecords(ctx, profiles)
}
