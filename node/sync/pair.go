package sync

import (
	"encoding/binary"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/event"
)

// pair is who speaks with whom: this device and the peer, as the link, Joined and the peer's offers
// say.
type pair struct {
	self, peer crypto.DeviceID
	store      event.Instance  // of this node
	peerStore  *event.Instance // nil until the peer has offered something

	// What Joined gave.
	serve bool
	owner map[crypto.DeviceID]bool // the devices of this node's person

	// spread lies between 0 and relaySpread and is different in each session. It delays what many
	// sessions would otherwise do at the same time.
	spread time.Duration
}

func newPair(cfg Config) pair {
	part := time.Duration(binary.BigEndian.Uint16(cfg.Nonce[30:]))
	return pair{self: cfg.Self, peer: cfg.Peer, store: cfg.Store, spread: relaySpread * part >> 16}
}

// meet takes what the shell says of the two.
func (p *pair) meet(in *Joined) {
	p.serve = in.Serve
	p.owner = map[crypto.DeviceID]bool{}
	for _, d := range in.Own {
		p.owner[d] = true
	}
}

// wrote reports whether this device writes the log.
func (p *pair) wrote(log event.Log) bool { return log.Device == p.self }

// ownerWrote reports whether a device of this node's person writes the log.
func (p *pair) ownerWrote(log event.Log) bool { return p.owner[log.Device] }

// oneOwner reports whether both are devices of one person.
func (p *pair) oneOwner() bool { return p.owner[p.peer] }

// keepsStore reports whether the peer names the same store as before: it has one for the whole
// session.
func (p *pair) keepsStore(store event.Instance) bool {
	if p.peerStore == nil {
		p.peerStore = &store
	}
	return *p.peerStore == store
}
