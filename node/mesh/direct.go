package mesh

import (
	"maps"
	"slices"

	"github.com/earshot-im/earshot/node/session"
	"github.com/earshot-im/earshot/store/event"
)

// word is what a session is to hear: a log has begun to come directly, or ceased to.
type word struct {
	session *session.Session
	log     event.Log
	on      bool
}

// say passes words on. The lock of the register is not held. Each session asks Direct what is so when it
// hears the word, so words may overtake each other.
func say(words []word) {
	for _, w := range words {
		w.session.Inbox.Direct(w.on, w.log)
	}
}

// comesTo returns the logs of a conversation that come directly, in no order.
func (r *Register) comesTo(c event.Conversation) []event.Log {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Collect(maps.Keys(r.direct[c]))
}

// Direct says whether what comes to a log of a group comes from the device that writes it, as far as can be
// seen.
func (r *Register) Direct(log event.Log) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.direct[log.Conversation][log] != nil
}

// Brings notes that the peer of a session brings a log that it writes itself, for as long as the session
// lasts; or that it does not, or was late with something. The sessions whose peers are followed there are
// told if that is news.
func (r *Register) Brings(s *session.Session, log event.Log, on bool) { say(r.brings(s, log, on)) }

func (r *Register) brings(s *session.Session, log event.Log, on bool) []word {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e := r.sessions[s]; e == nil {
		return nil
	} else if _, in := e.in[log.Conversation]; !in {
		return nil
	}
	if on {
		return r.setDirect(log, s)
	}
	return r.setDirect(log, nil)
}

// setDirect sets by whose session a log comes directly, nil for none, and returns what is to be said. The
// caller holds the lock.
func (r *Register) setDirect(log event.Log, by *session.Session) (words []word) {
	logs := r.direct[log.Conversation]
	before := logs[log]
	switch {
	case by == before:
		return nil
	case by == nil:
		if delete(logs, log); len(logs) == 0 {
			delete(r.direct, log.Conversation)
		}
	case logs == nil:
		r.direct[log.Conversation] = map[event.Log]*session.Session{log: by}
	default:
		logs[log] = by
	}
	if f := r.followed[log.Conversation]; f != nil && (by == nil || before == nil) {
		for s := range f.peers {
			if s.Peer() != log.Device {
				words = append(words, word{s, log, by != nil})
			}
		}
	}
	return words
}
