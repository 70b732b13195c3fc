package node

import (
	"context"
	"errors"
	gosync "sync"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/sync"
	"github.com/earshot-im/earshot/store/event"
)

// rollbackPause is the least time between two closings of a log in one conversation because of what a peer claims:
// disks rarely go back.
const rollbackPause = time.Hour

// errRolledBack ends a session whose peer knew more of this device's log than this device.
var errRolledBack = errors.New("own log was rolled back")

// rollBack believes a peer that says to hold more of this device's log than this device, but not often: the claim is
// unproven, and each one closes a log for good. What is true is proven by the events when they come.
func (s *session) rollBack(ctx context.Context, e sync.Rollback) error {
	n := s.node
	if yes, err := n.store.Contradicts(e.Log, e.Theirs); err != nil || !yes {
		return err
	}
	again := n.contested.add(e.Log, s.person)
	var err error
	if n.believesRollback(e.Log.Conversation, time.Now()) {
		var back bool
		if back, err = n.store.Rollback(ctx, e.Log, e.Theirs); back {
			n.rolledBack(e.Log.Conversation, time.Now())
			again = true
		}
	}
	if again { // the machine holds that a log never shrinks; a new session begins with what the peer is told now
		s.cancel(errRolledBack)
	}
	return err
}

// maxContested bounds the claims that are remembered. Each is a session's.
const maxContested = 1024

// contested are the logs of this device of which persons say to have more or other than is here, until the node ends. They
// are told only what they have acknowledged of those, so that they bring the rest, and with it the proof.
type contested struct {
	mu   gosync.Mutex
	logs map[contest]bool
}

type contest struct {
	log    event.Log
	person crypto.PersonID
}

// add reports whether that was new.
func (c *contested) add(log event.Log, by crypto.PersonID) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := contest{log, by}
	if c.logs[key] {
		return false
	}
	if c.logs == nil {
		c.logs = make(map[contest]bool)
	}
	if len(c.logs) >= maxContested {
		clear(c.logs) // who is honest says it again
	}
	c.logs[key] = true
	return true
}

func (c *contested) by(log event.Log, person crypto.PersonID) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.logs[contest{log, person}]
}

// believesRollback allows one claim a conversation in rollbackPause.
func (n *Node) believesRollback(c event.Conversation, now time.Time) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	last, ok := n.rollbacks[c]
	return !ok || now.Sub(last) >= rollbackPause
}

func (n *Node) rolledBack(c event.Conversation, now time.Time) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.rollbacks[c] = now
}
