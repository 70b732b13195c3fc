package mesh

import (
	"cmp"
	"maps"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/session"
	"github.com/earshot-im/earshot/node/wire"
	"github.com/earshot-im/earshot/store/event"
)

// refusals is why a peer takes nothing more of what this device writes, by conversation, and under
// the zero conversation in all of them.
type refusals map[event.Conversation]wire.Reason

// Refused notes why the peer of a session takes nothing more of what this device writes in a
// conversation, or, if why is 0, that it takes it again. A zero conversation stands for all. What is
// noted ends with the session.
func (r *Register) Refused(s *session.Session, c event.Conversation, why wire.Reason) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := r.sessions[s]
	switch {
	case e == nil:
	case why == 0:
		delete(e.refused, c)
	default:
		if e.refused == nil {
			e.refused = make(refusals)
		}
		e.refused[c] = why
	}
}

// Refusals returns what says why a person takes nothing more of what this device writes in a
// conversation. It says 0 if one of their devices takes it, or none is connected.
func (r *Register) Refusals() func(crypto.PersonID, event.Conversation) wire.Reason {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make(map[crypto.PersonID][]refusals)
	for _, e := range r.sessions {
		if e.known {
			out[e.person] = append(out[e.person], maps.Clone(e.refused))
		}
	}
	return func(person crypto.PersonID, c event.Conversation) (why wire.Reason) {
		for _, device := range out[person] {
			if why = cmp.Or(device[event.Conversation{}], device[c]); why == 0 {
				return 0
			}
		}
		return why
	}
}
