package sharing

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/authority"
	"github.com/earshot-im/earshot/node/groups"
	"github.com/earshot-im/earshot/node/people"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/book"
	"github.com/earshot-im/earshot/store/event"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// study is a person with a store, from which others may have something.
type study struct {
	*Sharing
	t       *testing.T
	own     store.Own
	store   *store.Store
	people  *people.People
	owner   *people.Owner
	groups  *groups.Groups
	doubted map[event.Log]crypto.PersonID // who has claimed more of it
}

// newStudy makes somebody who knows nobody. The store ends with the test.
func newStudy(t *testing.T) *study {
	t.Helper()
	s := &study{t: t, doubted: make(map[event.Log]crypto.PersonID)}
	s.people = people.New(people.Config{Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	s.groups = groups.New(groups.Config{Authors: s.people, Changed: func(groups.Change) {}})
	var err error
	s.store, err = store.Open(store.Config{Dir: t.TempDir(), Authority: s.groups})
	s.check(err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.store.Run(ctx) }() // until the cleanup
	t.Cleanup(func() { cancel(); <-ended; _ = s.store.Close() })
	s.own = s.store.Own()
	s.check(s.people.Load(s.store, s.groups, nobodyHere{}))
	s.check(s.groups.Load(s.store))
	s.owner, err = people.NewOwner(s.store, people.OwnerConfig{Renamed: func(event.Record) {}, Accepting: func(string) {}})
	s.check(err)
	s.Sharing = New(Config{Store: s.store, People: s.people, Owner: s.owner, Groups: s.groups, Runs: NewRuns(s.store.LoadRun),
		Doubted: func(log event.Log, by crypto.PersonID) bool { return s.doubted[log] == by }})
	return s
}

// nobodyHere says that nobody is connected.
type nobodyHere struct{}

func (nobodyHere) Here(crypto.PersonID) bool   { return false }
func (nobodyHere) Online(crypto.DeviceID) bool { return false }

// inStudies runs a test with three people who have met each other, in a bubble.
func inStudies(t *testing.T, test func(t *testing.T, ann, bob, dora *study)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		all := []*study{newStudy(t), newStudy(t), newStudy(t)}
		for _, s := range all {
			for _, o := range all {
				if s != o {
					s.check(s.people.Meet(t.Context(), o.own.Device.ID(), o.own.Card, ""))
				}
			}
		}
		test(t, all[0], all[1], all[2])
	})
}

func (s *study) check(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *study) id() crypto.PersonID { return s.own.Person }

// sets changes what the owner has decided about somebody.
func (s *study) sets(who *study, change func(*book.Person)) {
	s.t.Helper()
	s.check(s.people.Update(s.t.Context(), who.id(), func(p *book.Person) error { change(p); return nil }))
}

// makes makes a group, with others in it, who are told.
func (s *study) makes(name string, others ...*study) event.Conversation {
	s.t.Helper()
	c, err := s.groups.Create(s.t.Context(), name)
	s.check(err)
	for _, o := range others {
		s.invites(c, o)
	}
	s.tells(c, others...)
	return c
}

// invites takes another into a group, who is not told. A second passes.
func (s *study) invites(c event.Conversation, other *study) {
	s.t.Helper()
	time.Sleep(time.Second)
	s.check(s.groups.Do(s.t.Context(), c, func(*authority.State) (event.Control, error) {
		return event.Invite{Persons: []crypto.PersonID{other.id()}}, nil
	}))
}

func (s *study) removes(c event.Conversation, other *study) {
	s.t.Helper()
	s.check(s.groups.TakeOut(s.t.Context(), c, func(*authority.State) (crypto.PersonID, error) { return other.id(), nil }))
}

// tells gives others all control events of a group.
func (s *study) tells(c event.Conversation, others ...*study) {
	s.t.Helper()
	for _, o := range others {
		o.accepts(s, c)
		events, _, err := s.groups.Missing(c, o.id(), nil, 1000, 1<<20)
		s.check(err)
		s.check(o.groups.Admit(s.t.Context(), c, events))
	}
}

// accepts takes in that another has brought the owner into a group, and accepts that, if it is news.
func (s *study) accepts(other *study, c event.Conversation) {
	s.t.Helper()
	w, err := other.groups.WelcomeOf(c, s.id())
	if s.groups.Known(c) || w == nil {
		s.check(err)
		return
	}
	before, _ := s.people.Get(other.id())
	contact := func(is bool) {
		s.check(s.people.Update(s.t.Context(), other.id(), func(p *book.Person) error { p.Contact = is; return nil }))
	}
	contact(true)
	_, err = s.groups.Welcome(s.t.Context(), w, "")
	s.check(err)
	contact(before.Contact)
}

// says writes in a conversation, and gives the run to others. A second passes.
func (s *study) says(c event.Conversation, text string, others ...*study) event.Run {
	s.t.Helper()
	time.Sleep(time.Second)
	content, err := event.Text{Text: text}.Marshal()
	s.check(err)
	_, err = s.store.Append(s.t.Context(), store.Draft{Conversation: c, Kind: event.KindText, Content: content})
	s.check(err)
	logs, err := s.store.Logs(c)
	s.check(err)
	var run event.Run
	for log, segments := range logs {
		if log.Device == s.own.Device.ID() {
			run, err = s.store.LoadRun(log, segments.Last(), 1, 1<<20)
			s.check(err)
		}
	}
	s.gives(run, others...)
	return run
}

// gives gives others a run that it has written.
func (s *study) gives(run event.Run, others ...*study) {
	s.t.Helper()
	for _, o := range others {
		_, err := o.store.BeginIngest(s.t.Context(), run, store.Origin{Author: s.id()})()
		o.check(err)
	}
}

// held is how a study holds a log.
func (s *study) held(log event.Log) event.Segments {
	s.t.Helper()
	segments, err := s.store.Held(log)
	s.check(err)
	return segments
}

// talk is the session with a peer. It remembers what was asked of it.
type talk struct {
	joined     map[event.Conversation]bool
	unfollowed []event.Conversation
	wanted     []crypto.PersonID
	epochs     []event.Conversation
}

func (k *talk) Join(c event.Conversation, all bool) { k.joined[c] = all }
func (k *talk) Follow(event.Conversation) bool      { return true }
func (k *talk) Unfollow(c event.Conversation)       { k.unfollowed = append(k.unfollowed, c) }
func (k *talk) Want(persons ...crypto.PersonID)     { k.wanted = append(k.wanted, persons...) }
func (k *talk) ShareEpoch(c event.Conversation)     { k.epochs = append(k.epochs, c) }
func (k *talk) Log() *slog.Logger                   { return slog.New(slog.DiscardHandler) }

// with returns what another may have, in a session.
func (s *study) with(other *study) (*Portion, *talk) {
	k := &talk{joined: make(map[event.Conversation]bool)}
	return s.With(k, Peer{Device: other.own.Device.ID(), Person: other.id(), Nonce: [32]byte{1}, Ours: [32]byte{2}}), k
}
