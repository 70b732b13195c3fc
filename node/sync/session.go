package sync

import (
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/event"
)

// Config is what a Session begins with.
type Config struct {
	Self, Peer crypto.DeviceID // Peer is proven by the link
	Nonce      [32]byte        // random, fresh for each session
	Store      event.Instance  // of this node's store
}

// Session speaks the sync protocol with one peer over one stream. It belongs to one
// goroutine.
type Session struct {
	cfg Config
}

// New returns a Session that waits for Open.
func New(cfg Config) *Session { return &Session{cfg: cfg} }

// Busy reports that the shell has as much in hand as the peer may cause: read no
// more frames until answers to Ingest and IngestRecord have been given.
func (s *Session) Busy() bool { return false }

// Step takes an input at time now and returns what is to be done, in order.
func (s *Session) Step(now time.Time, in Input) []Effect { return nil }
