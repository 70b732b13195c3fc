package gossip

import (
	"bytes"
	"slices"
	"sync"

	"github.com/earshot-im/earshot/crypto"
)

// history is what there is of a group's control events; each replica knows a part of it that is
// closed to the past.
type history struct {
	mu      sync.Mutex // guards the replicas too
	parents map[crypto.Hash][]crypto.Hash
	removal map[crypto.Hash]bool
}

// root is the create event.
var root = crypto.Digest("test", nil)

func newHistory() *history {
	return &history{parents: map[crypto.Hash][]crypto.Hash{root: nil}, removal: make(map[crypto.Hash]bool)}
}

// replica is one device's control state.
type replica struct {
	history *history
	known   map[crypto.Hash]bool
}

var _ Control = (*replica)(nil)

// newReplica knows the create event.
func (h *history) newReplica() *replica {
	return &replica{history: h, known: map[crypto.Hash]bool{root: true}}
}

// act adds an event under what the replica knows.
func (r *replica) act(name string, removal bool) {
	heads := r.Heads()
	r.history.mu.Lock()
	defer r.history.mu.Unlock()
	id := crypto.Digest("test", []byte(name))
	r.history.parents[id] = heads
	r.history.removal[id] = removal
	r.known[id] = true
}

// hear takes what another replica knows.
func (r *replica) hear(other *replica) (grew bool) {
	r.history.mu.Lock()
	defer r.history.mu.Unlock()
	for id := range other.known {
		grew = grew || !r.known[id]
		r.known[id] = true
	}
	return grew
}

func (r *replica) Heads() []crypto.Hash {
	r.history.mu.Lock()
	defer r.history.mu.Unlock()
	inner := make(map[crypto.Hash]bool)
	for id := range r.known {
		for _, p := range r.history.parents[id] {
			inner[p] = true
		}
	}
	var heads []crypto.Hash
	for id := range r.known {
		if !inner[id] {
			heads = append(heads, id)
		}
	}
	slices.SortFunc(heads, func(a, b crypto.Hash) int { return bytes.Compare(a[:], b[:]) })
	return heads
}

func (r *replica) past(heads []crypto.Hash) map[crypto.Hash]bool {
	past := make(map[crypto.Hash]bool)
	for rest := slices.Clone(heads); len(rest) > 0; {
		id := rest[0]
		rest = rest[1:]
		if !past[id] {
			past[id] = true
			rest = append(rest, r.history.parents[id]...)
		}
	}
	return past
}

func (r *replica) Standing(control []crypto.Hash) Standing {
	r.history.mu.Lock()
	defer r.history.mu.Unlock()
	for _, id := range control {
		if !r.known[id] {
			return Unknown
		}
	}
	past := r.past(control)
	for id := range r.known {
		if r.history.removal[id] && !past[id] {
			return Stale
		}
	}
	return Current
}

func (r *replica) Covers(control, older []crypto.Hash) bool {
	r.history.mu.Lock()
	defer r.history.mu.Unlock()
	past := r.past(control)
	return !slices.ContainsFunc(older, func(id crypto.Hash) bool { return !past[id] })
}
