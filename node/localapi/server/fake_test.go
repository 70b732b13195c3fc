package server

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node"
	"github.com/earshot-im/earshot/node/chat"
	"github.com/earshot-im/earshot/node/contacts"
	"github.com/earshot-im/earshot/node/people"
	"github.com/earshot-im/earshot/node/waiting"
	"github.com/earshot-im/earshot/store/event"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var bob = contacts.Person{ID: crypto.PersonID{0xb0}, Name: "Bob", Contact: true}

// fakeNode keeps what is sent in memory. Methods that no test needs are those of nil interfaces.
type fakeNode struct {
	Node
	People
	Writing
	Delivery
	Reading

	mu       sync.Mutex
	messages []chat.Message
	batches  []int         // sizes of SendAll
	ready    chan struct{} // SendAll waits until it is closed; nil: it doesn't
	changed  uint64        // counts messages
	state    string        // what Wait finds
	settled  int           // calls of Settle
	more     chan struct{} // closed and replaced when changed moves

	attached  []event.Attachment // of the last message
	addressed string             // last
	cursors   map[string]string  // by name and filter

	search   func(ctx context.Context, s chat.Search, tell func(chat.SearchBatch) error) error
	history  func(who string, r chat.HistoryRange) ([]chat.Message, error)
	matching func(low, high event.ID, who string) []chat.Message
	unread   func(after string, f chat.Filter, limit int) (chat.Page, error)
	outbox   func(ctx context.Context, limit int, tell func([]waiting.Pending) error) error
	down     func()
}

func newFake() *fakeNode {
	return &fakeNode{cursors: map[string]string{}, more: make(chan struct{}), state: chat.StateDelivered}
}

func (f *fakeNode) rooms() Rooms {
	return Rooms{Node: f, People: f, Writing: f, Delivery: f, Reading: f}
}

func (f *fakeNode) Matching(_ context.Context, low, high event.ID, who string) ([]chat.Message, error) {
	return f.matching(low, high, who), nil
}

func (f *fakeNode) Down() { f.down() }

func (f *fakeNode) Finding() node.Finding {
	return node.Finding{LeftOut: []node.LeftOut{{Interface: "tun0", Reason: "tunnel"}}}
}

func (f *fakeNode) Status(context.Context) (node.Status, error) {
	return node.Status{Person: crypto.PersonID{1}, Name: "Ann", Version: "test", Peers: 2}, nil
}

func (f *fakeNode) Address(ctx context.Context, who string) (contacts.Target, error) {
	f.mu.Lock()
	f.addressed = who
	f.mu.Unlock()
	return f.Target(ctx, who, "")
}

func (f *fakeNode) Cursor(_ context.Context, name string, filter chat.Filter) (string, error) {
	return f.cursors[name+filter.From+filter.In], nil
}

func (f *fakeNode) SetCursor(_ context.Context, name string, filter chat.Filter, to string) error {
	f.cursors[name+filter.From+filter.In] = to
	return nil
}

func (f *fakeNode) Target(_ context.Context, who, kind string) (contacts.Target, error) {
	if who == "lunch" && kind == "person" {
		return contacts.Target{}, &people.UnknownError{Who: who}
	}
	switch who {
	case "bob", bob.ID.String():
		return contacts.Target{Kind: "person", ID: bob.ID.String(), Name: "Bob"}, nil
	case "lunch", "#" + lunch.ID.String(): // by the bare ID alone it might be a person
		return contacts.Target{Kind: "group", ID: lunch.ID.String(), Name: "lunch"}, nil
	case "twin":
		return contacts.Target{}, &contacts.AmbiguousError{Who: who,
			Candidates: []contacts.Person{bob, {ID: crypto.PersonID{2}, Name: "Bob"}}, Groups: []contacts.Group{lunch}}
	}
	return contacts.Target{}, &people.UnknownError{Who: who}
}

func (f *fakeNode) Send(ctx context.Context, out chat.Outgoing) (chat.Message, error) {
	to, err := f.Target(ctx, out.To, "")
	if err != nil {
		return chat.Message{}, err
	}
	switch out.Text {
	case "":
		if len(out.Attachments) == 0 {
			return chat.Message{}, fmt.Errorf("send: %w", chat.ErrEmpty)
		}
	case "after leaving":
		return chat.Message{}, contacts.ErrNotMember
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.changed++
	f.attached = out.Attachments
	m := chat.Message{
		ID:       sha256.Sum256([]byte(out.Text)),
		To:       to,
		Text:     out.Text,
		Time:     time.Unix(1700000000, 0),
		Progress: chat.Progress{State: chat.StateQueued},
		Own:      true,
	}
	f.messages = append(f.messages, m)
	close(f.more)
	f.more = make(chan struct{})
	return m, nil
}

func (f *fakeNode) SendAll(ctx context.Context, out []chat.Outgoing) (all []chat.Message, err error) {
	f.mu.Lock()
	f.batches = append(f.batches, len(out))
	f.mu.Unlock()
	if f.ready != nil {
		<-f.ready
	}
	for _, o := range out {
		m, err := f.Send(ctx, o)
		if err != nil {
			return all, err
		}
		all = append(all, m)
	}
	return all, nil
}

func (f *fakeNode) Wait(ctx context.Context, id event.ID, state string) (chat.Message, error) {
	f.mu.Lock()
	at := slices.IndexFunc(f.messages, func(m chat.Message) bool { return m.ID == id })
	if at < 0 {
		f.mu.Unlock()
		return chat.Message{}, chat.ErrNoMessage
	}
	m := f.messages[at]
	cancelled := f.state == chat.StateCancelled
	if f.state == state || cancelled {
		m.State = f.state
	}
	f.mu.Unlock()
	if m.State != state && !cancelled {
		<-ctx.Done()
		return m, ctx.Err()
	}
	return m, nil
}

func (f *fakeNode) WaitLeading(ctx context.Context, messages []*chat.Message, state string) ([]chat.Progress, error) {
	m, err := f.Wait(ctx, messages[0].ID, state)
	return []chat.Progress{m.Progress}, err
}

func (f *fakeNode) Outbox(ctx context.Context, limit int, tell func([]waiting.Pending) error) error {
	return f.outbox(ctx, limit, tell)
}

func (f *fakeNode) Settle(context.Context) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.settled++
}

func (f *fakeNode) Changed(ctx context.Context, after uint64) (uint64, error) {
	for {
		f.mu.Lock()
		n, more := f.changed, f.more
		f.mu.Unlock()
		if n > after {
			return n, nil
		}
		select {
		case <-more:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

func (f *fakeNode) PeersChanged(ctx context.Context, after uint64) (uint64, error) {
	if after < 7 {
		return 7, nil
	}
	<-ctx.Done()
	return 0, ctx.Err()
}

func (f *fakeNode) Unread(_ context.Context, after string, filter chat.Filter, limit int) (chat.Page, error) {
	return f.unread(after, filter, limit)
}

func (f *fakeNode) History(_ context.Context, who string, r chat.HistoryRange) ([]chat.Message, error) {
	return f.history(who, r)
}

func (f *fakeNode) Search(ctx context.Context, s chat.Search, tell func(chat.SearchBatch) error) error {
	return f.search(ctx, s, tell)
}
