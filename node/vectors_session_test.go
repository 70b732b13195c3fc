package node_test

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/authority"
	"github.com/earshot-im/earshot/node/groups"
	"github.com/earshot-im/earshot/node/sync"
	"github.com/earshot-im/earshot/node/wire"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/book"
	"github.com/earshot-im/earshot/store/event"
)

// talk is the session of VECTORS.md. Two nodes with real stores and real machines speak without a
// network between them: keys, nonces and the clock are fixed, so every frame is the same each time.
type talk struct {
	t      *testing.T
	now    time.Time
	ann    *party
	bob    *party
	onWire []sent
	queue  []sent // not delivered yet
}

type sent struct {
	from  *party
	bytes []byte
}

// party is one of the two nodes. It does for its machine what a session of the node does.
type party struct {
	talk      *talk
	name      string
	address   netip.AddrPort
	store     *store.Store
	groups    *groups.Groups
	own       store.Own
	profile   event.Record
	nonce     [32]byte
	peerNonce [32]byte
	peer      *party
	machine   *sync.Session
	wake      time.Time
	known     bool // the peer has shown who it is

	recovery, salt []byte // what the person was made from
	words          string // the recovery bytes, as words

	held    map[event.Log]event.Segments
	changed []event.Conversation // groups whose control set has grown
	rejoin  bool
	shared  bool // its address was told
}

// counting gives bytes that count up, in place of random ones.
type counting byte

func (c *counting) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = byte(*c)
		*c++
	}
	return len(b), nil
}

func newTalk(t *testing.T) *talk {
	w := &talk{t: t, now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	w.ann = w.newParty("Ann", 0x01, 0x11, netip.MustParseAddrPort("192.0.2.1:4001"))
	w.bob = w.newParty("Bob", 0x81, 0x22, netip.MustParseAddrPort("[2001:db8::2]:4001"))
	w.ann.peer, w.bob.peer = w.bob, w.ann
	for _, p := range []*party{w.ann, w.bob} {
		p.begin()
	}
	return w
}

// newParty makes a node for which bytes that count up from first take the place of random ones: the
// seed of the device, the recovery bytes, the salt of the genesis, and so on.
func (w *talk) newParty(name string, first, nonce byte, address netip.AddrPort) *party {
	p := &party{talk: w, name: name, address: address, held: make(map[event.Log]event.Segments)}
	random := counting(first)
	for i := range p.nonce {
		p.nonce[i] = nonce
	}
	p.groups = groups.New(groups.Config{Authors: p, Changed: p.groupChanged, Arriving: p.groupArriving})
	var err error
	dir := w.t.TempDir()
	p.store, err = store.Open(store.Config{Dir: dir, Rand: &random, Now: func() time.Time { return w.now }, Authority: p.groups})
	w.check(err)
	file, err := os.ReadFile(filepath.Join(dir, "keyring"))
	w.check(err)
	keys, err := crypto.ParseKeyring(file, nil)
	w.check(err)
	p.words = strings.Join(keys.Recovery.Words(), " ")
	again := counting(first + 32)
	p.recovery, p.salt = make([]byte, 32), make([]byte, 16)
	again.Read(p.recovery)
	again.Read(p.salt)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- p.store.Run(ctx) }() // ends with the test
	w.t.Cleanup(func() {
		cancel()
		w.check(errors.Join(<-ended, p.store.Close()))
	})
	p.own = p.store.Own()
	w.check(p.groups.Load(p.store))
	return p
}

// begin makes the peer a contact, gives this node its name, and readies its machine.
func (p *party) begin() {
	ctx, person := p.talk.t.Context(), p.own.Person
	p.talk.check(p.store.Book().UpdatePerson(ctx, p.peer.own.Person, func(s *book.Person) error {
		s.Card, s.Contact = p.peer.own.Card.Bytes(), true
		return nil
	}))
	var err error
	p.profile, err = p.store.Book().SignRecord(ctx, event.KindProfile, event.ProfileSubject(person), event.Profile{Name: p.name}.Marshal())
	p.talk.check(err)
	p.machine = sync.New(sync.Config{Self: p.own.Device.ID(), Peer: p.peer.own.Device.ID(), Nonce: p.nonce, Store: p.own.Store})
}

func (w *talk) check(err error) {
	if err != nil {
		w.t.Helper()
		w.t.Fatal(err)
	}
}

// speak has the two say everything that VECTORS.md tells of.
func (w *talk) speak() {
	w.ann.write(w.direct(), "Are you there?")
	w.pass(time.Hour)
	w.ann.step(sync.Open{Card: w.ann.own.Card.Bytes(), Profile: &w.ann.profile})
	w.bob.step(sync.Open{Card: w.bob.own.Card.Bytes(), Profile: &w.bob.profile})
	w.deliver()
	w.pass(100 * time.Millisecond)
	w.bob.signReceipt()

	w.pass(10 * time.Second)
	w.bob.step(sync.ShareTyping{Conversation: w.direct(), On: true})
	w.pass(3 * time.Second)
	w.bob.write(w.direct(), "Hi Ann, I am now.")
	w.pass(100 * time.Millisecond)
	w.ann.signReceipt()

	w.ann.step(sync.SharePresence{Away: true})
	w.pass(10 * time.Second)
	w.ann.step(sync.SharePresence{})
	group := w.ann.found("lunch")
	w.pass(time.Second)
	w.check(w.ann.groups.Do(w.t.Context(), group, func(*authority.State) (event.Control, error) {
		return event.Invite{Persons: []crypto.PersonID{w.bob.own.Person}}, nil
	}))
	w.ann.hear()
	w.pass(time.Second)
	noon := w.ann.write(group, "Noon?")
	w.pass(30 * time.Second)
	_, err := w.ann.store.Recall(w.t.Context(), noon)
	w.check(err)
	w.ann.hear()
	w.pass(time.Second)
}

func (w *talk) direct() event.Conversation { return event.Direct(w.ann.own.Person, w.bob.own.Person) }

// pass lets time pass, and wakes the machines that want to be woken.
func (w *talk) pass(d time.Duration) {
	w.deliver()
	for end := w.now.Add(d); ; {
		next, at := (*party)(nil), end
		for _, p := range []*party{w.ann, w.bob} {
			if !p.wake.IsZero() && p.wake.Before(at) {
				next, at = p, p.wake
			}
		}
		w.now = at
		if next == nil {
			return
		}
		next.wake = time.Time{}
		next.step(sync.Tick{})
		w.deliver()
	}
}

// deliver hands over what was sent, and what is sent because of it, in order.
func (w *talk) deliver() {
	for len(w.queue) > 0 {
		s := w.queue[0]
		w.queue = w.queue[1:]
		w.onWire = append(w.onWire, s)
		f, err := wire.ParseFrame(s.bytes)
		w.check(err)
		s.from.peer.step(sync.Received{Frame: f})
	}
}

// write has the owner say something.
func (p *party) write(c event.Conversation, words string) event.ID {
	content, err := event.Text{Text: words}.Marshal()
	p.talk.check(err)
	written, err := p.store.Append(p.talk.t.Context(), store.Draft{Conversation: c, Kind: event.KindText, Content: content})
	p.talk.check(err)
	p.hear()
	return written.ID
}

// found begins a group whose secret is fixed.
func (p *party) found(name string) event.Conversation {
	act := event.Create{Person: p.own.Person, Name: name, History: event.History{Policy: event.HistoryJoined}}
	for i := range act.Secret {
		act.Secret[i] = 0x33
	}
	e, err := p.store.AppendControl(p.talk.t.Context(), store.ControlDraft{Act: act})
	p.talk.check(err)
	p.talk.check(p.groups.Load(p.store))
	return e.Header.Conversation
}

// signReceipt says what has come of what the peer's person wrote in the direct conversation.
func (p *party) signReceipt() {
	c := p.talk.direct()
	record, signed, err := p.store.SignReceipt(p.talk.t.Context(), store.Subject{Conversation: c, Author: p.peer.own.Person},
		func(event.Receipt) bool { return true })
	p.talk.check(err)
	if signed {
		p.step(sync.HeldRecord{Conversation: c, Record: record})
	}
}

// step gives the machine an input and does what it wants, then tells it what has changed on the
// disk.
func (p *party) step(in sync.Input) {
	p.feed(in)
	p.hear()
}

func (p *party) feed(in sync.Input) {
	for queue := []sync.Input{in}; len(queue) > 0; queue = queue[1:] {
		for _, e := range p.machine.Step(p.talk.now, queue[0]) {
			if answer := p.perform(e); answer != nil {
				queue = append(queue, answer)
			}
		}
	}
}

// hear tells the machine what the rest of a node would: first what the peer may have, then what
// there is.
func (p *party) hear() {
	if !p.known {
		return
	}
	if p.rejoin {
		p.rejoin = false
		p.feed(p.joined())
	}
	if !p.shared {
		p.shared = true
		p.feed(sync.Share{Sightings: []wire.Sighting{{Device: p.own.Device.ID(), Addresses: []netip.AddrPort{p.address}}}})
	}
	changed := p.changed
	p.changed = nil
	for _, c := range changed {
		p.feed(sync.HeldControl{Conversation: c, Locator: p.groups.Locator(c)})
	}
	for _, c := range append(p.groups.All(), p.talk.direct()) {
		logs, err := p.store.Logs(c)
		p.talk.check(err)
		for _, log := range sortedLogs(logs) {
			if segments := p.visible(log, logs[log]); len(segments) > 0 && !slices.Equal(segments, p.held[log]) {
				p.held[log] = segments
				p.feed(sync.Held{Log: log, Segments: segments})
			}
		}
	}
}

func sortedLogs(logs map[event.Log]event.Segments) (out []event.Log) {
	for log := range logs {
		out = append(out, log)
	}
	slices.SortFunc(out, event.Log.Compare)
	return out
}

func (p *party) groupArriving(id event.Conversation, more bool) {
	p.rejoin = p.rejoin || !more
}

func (p *party) groupChanged(c groups.Change) {
	p.changed = append(p.changed, c.ID)
	p.rejoin = true
}
