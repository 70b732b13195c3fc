package store

import (
	"sync"

	"github.com/earshot-im/earshot/store/event"
	"github.com/earshot-im/earshot/store/layout"
)

// pendings remembers in which conversations somebody lacks something that the owner has written. To find
// that out costs a look at each stretch of what they have written in a group, and each list of
// conversations asks. Whatever changes it is noted in the journal.
type pendings struct {
	mu      sync.Mutex                       // guards what follows
	changed map[event.Conversation]uint64    // the change counter at the last commit that may have changed it
	known   map[event.Conversation]pendingAt // what was found out
}

// pendingAt is what was found out, and by which snapshot.
type pendingAt struct {
	n     uint64 // of the change counter
	waits bool
}

// committed takes in what a commit may have changed.
func (p *pendings) committed(of map[event.Conversation]struct{}, n uint64) {
	if len(of) == 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.changed == nil {
		p.changed, p.known = map[event.Conversation]uint64{}, map[event.Conversation]pendingAt{}
	}
	for c := range of {
		p.changed[c] = n
		delete(p.known, c)
	}
}

// look returns what is known of a conversation in a snapshot.
func (p *pendings) look(c event.Conversation, n uint64) (waits, known bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	found, known := p.known[c]
	return found.waits, known && found.n <= n && p.changed[c] <= n
}

// found remembers what is so in a snapshot, unless it is an old one by now.
func (p *pendings) found(c event.Conversation, n uint64, waits bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.changed[c] > n {
		return
	}
	if p.known == nil {
		p.changed, p.known = map[event.Conversation]uint64{}, map[event.Conversation]pendingAt{}
	}
	p.known[c] = pendingAt{n, waits}
}

// waits reports whether somebody lacks something that this device has written in a conversation.
func (r *reader) waits(c *layout.Conversation) (waits bool, err error) {
	n := r.Sequence(bucketArrivals)
	if waits, known := r.s.pendings.look(c.ID, n); known {
		return waits, nil
	}
	err = r.eachLogOf(c.Number, r.s.own.Person, func(l *layout.Log) error {
		if waits || l.Name.Device != r.s.own.Device.ID() {
			return nil
		}
		seq, err := r.delivery.firstPending(c, l)
		waits = seq != 0
		return err
	})
	if err == nil {
		r.s.pendings.found(c.ID, n, waits)
	}
	return waits, err
}

// delivering returns the conversations in which the batch may have changed who lacks what.
func (b *batch) delivering() map[event.Conversation]struct{} {
	of := map[event.Conversation]struct{}{}
	log := func(n uint32) {
		if l, err := b.log(n); err == nil && b.isOwn(l.Person) {
			of[l.Name.Conversation] = struct{}{}
		}
	}
	for n := range b.grown {
		log(n)
	}
	b.notes.Each(log, func(c event.Conversation) { of[c] = struct{}{} })
	return of
}
