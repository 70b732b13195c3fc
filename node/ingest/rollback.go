package ingest

import (
	"context"
	"errors"
	gosync "sync"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/sync"
	"github.com/earshot-im/earshot/store/event"
)

const (
	// rollbackPause is the least time between two closings of a log in one conversation because of
	// what a peer claims: disks rarely go back.
	rollbackPause = time.Hour

	// maxDoubted bounds the claims that are remembered. Each session can make one a conversation.
	maxDoubted = 1024
)

// errRolledBack ends a session whose peer knew more of this device's log than this device.
var errRolledBack = errors.New("own log was rolled back")

// Rollback believes a peer that claims to hold more of this device's log than this device, but not
// often: the claim is unproven, and each one that is believed closes a log for good. If it is true,
// the events that come prove it.
func (f *From) Rollback(ctx context.Context, e sync.Rollback) sync.Input {
	f.failed("look at a claim of rollback", f.rollback(ctx, e))
	return nil
}

func (f *From) rollback(ctx context.Context, e sync.Rollback) error {
	d := f.door
	if yes, err := d.cfg.Store.Contradicts(e.Log, e.Claimed); err != nil || !yes {
		return err
	}
	again := d.claims.doubt(e.Log, f.person)
	var err error
	if d.claims.believes(e.Log.Conversation, time.Now()) {
		var back bool
		if back, err = d.cfg.Store.Rollback(ctx, e.Log, e.Claimed); back {
			d.claims.rolledBack(e.Log.Conversation, time.Now())
			again = true
		}
	}
	if again { // the machine can't take back what it has told the peer; a new session tells it anew
		f.session.End(errRolledBack)
	}
	return err
}

// Doubted says whether a person has claimed, since the node began, to have events of an own log
// that are not here, or others in their place. Such a person is told that this node holds only what
// they have acknowledged of the log. So they bring the rest, and with it the proof of their claim.
func (d *Door) Doubted(log event.Log, by crypto.PersonID) bool { return d.claims.doubted(log, by) }

// claims are what peers have said about this device's own logs. The zero value has none.
type claims struct {
	mu       gosync.Mutex
	doubts   map[doubt]struct{}
	believed map[event.Conversation]time.Time // when a claim was believed last
}

type doubt struct {
	log event.Log
	by  crypto.PersonID
}

// doubt remembers a claim, and reports whether it is new.
func (c *claims) doubt(log event.Log, by crypto.PersonID) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := doubt{log, by}
	if _, known := c.doubts[key]; known {
		return false
	}
	if c.doubts == nil || len(c.doubts) >= maxDoubted {
		c.doubts = make(map[doubt]struct{}) // an honest peer says it again
	}
	c.doubts[key] = struct{}{}
	return true
}

func (c *claims) doubted(log event.Log, by crypto.PersonID) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, yes := c.doubts[doubt{log, by}]
	return yes
}

// believes says whether a claim about a conversation may be believed now.
func (c *claims) believes(of event.Conversation, now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	last, ok := c.believed[of]
	return !ok || now.Sub(last) >= rollbackPause
}

func (c *claims) rolledBack(of event.Conversation, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.believed == nil {
		c.believed = make(map[event.Conversation]time.Time)
	}
	c.believed[of] = now
}
