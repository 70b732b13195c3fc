package node

import (
	"context"
	"crypto/rand"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/conversations"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/book"
	"github.com/earshot-im/earshot/store/event"
)

// What it costs to list 200 conversations in 1,000,000 messages: 100 contacts who have written 5,000
// messages each, none of which was read, and 100 groups in which the owner has written as many. Then the
// same with half of the contacts blocked.
func BenchmarkConversations(b *testing.B) {
	const persons, groups, each = 100, 100, 5000
	if testing.Short() {
		b.Skip("fills a store with a million messages")
	}
	check := func(err error) {
		b.Helper()
		if err != nil {
			b.Fatal(err)
		}
	}
	dir := b.TempDir()
	s, err := store.Open(store.Config{Dir: dir})
	check(err)
	running, stop := context.WithCancel(b.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(running) }()
	var contacts []crypto.PersonID
	for i := range persons {
		key, err := crypto.NewDeviceKey(rand.Reader)
		check(err)
		card, _, err := crypto.NewPerson(rand.Reader, key)
		check(err)
		contacts = append(contacts, card.Person())
		check(s.Book().UpdatePerson(b.Context(), card.Person(), func(p *book.Person) error {
			p.Card, p.Contact, p.Pinned, p.Claimed = card.Bytes(), true, fmt.Sprint("Person ", i), fmt.Sprint("Person ", i)
			p.Devices[key.ID()] = book.DeviceInfo{}
			return nil
		}))
		writes(b, s, key, card, each)
		_, err = s.Append(b.Context(), store.Draft{Conversation: event.Direct(s.Own().Person, card.Person()), Kind: event.KindText, Content: words(b, "mine")})
		check(err)
	}
	stop()
	check(<-ended)
	check(s.Close())

	n, err := Open(Config{Dir: dir, NoMDNS: true})
	check(err)
	running, stop = context.WithCancel(b.Context())
	go func() { ended <- n.store.Run(running) }()
	defer func() {
		stop()
		check(<-ended)
		check(n.Close())
	}()
	for i := range groups {
		g, err := n.membership.CreateGroup(b.Context(), fmt.Sprint("group ", i), true)
		check(err)
		drafts := make([]store.Draft, 500)
		for j := range drafts {
			drafts[j] = store.Draft{Conversation: g.ID, Kind: event.KindText, Content: words(b, "mine")}
		}
		for range each / len(drafts) {
			_, err := n.store.AppendAll(b.Context(), drafts)
			check(err)
		}
	}
	list := func(b *testing.B) {
		for b.Loop() {
			all, _, err := n.overviews.List(b.Context(), conversations.Page{Limit: 1000})
			check(err)
			if len(all) != persons+groups {
				b.Fatalf("%d conversations", len(all))
			}
		}
	}
	b.Run("unread", list)
	for _, id := range contacts[:persons/2] {
		check(n.people.Update(b.Context(), id, func(p *book.Person) error { p.Blocked = true; return nil }))
	}
	b.Run("blocked", list)
}

func words(b *testing.B, text string) []byte {
	b.Helper()
	content, err := event.Text{Text: text}.Marshal()
	if err != nil {
		b.Fatal(err)
	}
	return content
}

// writes has somebody write so many messages to the owner of a store.
func writes(b *testing.B, s *store.Store, key crypto.DeviceKey, card crypto.Card, count int) {
	b.Helper()
	content := words(b, fmt.Sprintf("%100d", 1))
	h := event.Header{Conversation: event.Direct(s.Own().Person, card.Person()), Device: key.ID(), Instance: event.Instance{1}, Card: card.Head(), Kind: event.KindText}
	var all sync.WaitGroup
	for h.Sequence < uint64(count) {
		var run event.Run
		for range 250 {
			h.Sequence++
			h.Clock = time.Now().UnixMilli()
			_, _ = rand.Read(h.Key[:]) // never fails
			e, err := event.New(h, event.Body{Content: content})
			if err != nil {
				b.Fatal(err)
			}
			h.Previous = e.ID
			run.Events = append(run.Events, e)
		}
		run.Events[len(run.Events)-1].Sign(key)
		wait := s.BeginIngest(b.Context(), run, store.Origin{Author: card.Person()})
		all.Go(func() {
			if _, err := wait(); err != nil {
				b.Error(err)
			}
		})
	}
	all.Wait()
}
