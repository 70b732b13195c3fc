package node

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	gosync "sync"
	"testing"
	"time"

	"github.com/earshot-im/earshot/node/attention"
	"github.com/earshot-im/earshot/node/conversations"
	"github.com/earshot-im/earshot/node/people"
)

// screen shows the notifications of a machine.
type screen struct {
	m     *machine
	leave context.CancelFunc
	ended chan error

	mu    gosync.Mutex
	shown map[string]attention.Alert // by conversation
	told  int
}

func (m *machine) screen(name string, kind attention.Kind) *screen {
	ctx, leave := context.WithCancel(m.w.t.Context())
	s := &screen{m: m, leave: leave, ended: make(chan error, 1), shown: make(map[string]attention.Alert)}
	go func() { s.ended <- m.Attention().Alerts(ctx, name, kind, s.take) }() // ends with leave, at the end of the test at the latest
	time.Sleep(100 * time.Millisecond)
	return s
}

func (s *screen) take(a attention.Alert) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := fmt.Sprint(a.Conversation, a.Strangers)
	if delete(s.shown, key); !a.Close {
		s.shown[key] = a
		if !a.Silent {
			s.told++
		}
	}
	return nil
}

// shows waits until exactly these notifications are shown, by beginnings of "title: text".
func (s *screen) shows(want ...string) {
	s.m.w.t.Helper()
	var have []string
	for range 60 {
		s.mu.Lock()
		have = nil
		for _, a := range s.shown {
			have = append(have, a.Title+": "+a.Text)
		}
		s.mu.Unlock()
		slices.Sort(have)
		if slices.EqualFunc(have, want, strings.HasPrefix) {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	s.m.w.t.Errorf("%s is shown %q, want %q", s.m.name, have, want)
}

// A message is notified of once, at the best place, and no more when it was read or taken back.
func TestNotifications(t *testing.T) {
	t.Parallel()
	inWorld(t, 511, func(t *testing.T, w *world) {
		ms := w.people("Ann", "Bob", "Cleo")
		w.acquaint(ms...)
		ann, bob, cleo := ms[0], ms[1], ms[2]
		ann.trusts(bob)
		bob.say(ann, "before")
		ann.got(5*time.Second, bob, "before")
		terminal := ann.screen("tui", attention.Terminal)
		desktop := ann.screen("desktop", attention.Desktop)

		one := bob.say(ann, "one")
		desktop.shows("Bob: one")
		if err := ann.Messages().MarkRead(t.Context(), one.ID); err != nil {
			t.Fatal(err)
		}
		desktop.shows()

		two := bob.say(ann, "two")
		desktop.shows("Bob: two")
		if _, err := bob.Messages().Recall(t.Context(), two.ID); err != nil {
			t.Fatal(err)
		}
		desktop.shows()

		cleo.say(ann, "it is me")
		ann.got(5*time.Second, cleo, "it is me")
		desktop.shows("earshot: Somebody whom you don't know")
		if len(terminal.shown) > 0 || desktop.told != 3 {
			t.Errorf("the terminal shows %v, told %d times", terminal.shown, desktop.told)
		}

		// What the owner looks at is not notified of, until 30 s after that was said last.
		if err := ann.Attention().Attend(t.Context(), "tui", bob.who.person.String(), true); err != nil {
			t.Fatal(err)
		}
		bob.say(ann, "three")
		ann.got(5*time.Second, bob, "before", "one", "", "three")
		time.Sleep(5 * time.Second)
		desktop.shows("earshot: ")
		time.Sleep(26 * time.Second)
		bob.say(ann, "four")
		desktop.shows("Bob: four", "earshot: ")

		desktop.leave()
		if err := <-desktop.ended; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		bob.say(ann, "five")
		terminal.shows("Bob: five")
		if err := ann.Owner().SetAlerts(t.Context(), people.AlertsNothing); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		bob.say(ann, "six")
		terminal.shows("earshot: 2 new messages")
		terminal.leave()
		<-terminal.ended
	})
}

// What is shown of somebody goes when the owner blocks them, and what a stranger has written also when it
// is read after they were accepted.
func TestNotificationsOfWhoIsBlockedOrAccepted(t *testing.T) {
	t.Parallel()
	inWorld(t, 515, func(t *testing.T, w *world) {
		ms := w.people("Ann", "Bob", "Cleo")
		w.acquaint(ms...)
		ann, bob, cleo := ms[0], ms[1], ms[2]
		ann.trusts(bob)
		s := ann.screen("desktop", attention.Desktop)
		bob.say(ann, "one")
		hello := cleo.say(ann, "it is me")
		s.shows("Bob: one", "earshot: ")
		if _, err := ann.Contacts().Block(t.Context(), bob.who.person.String()); err != nil {
			t.Fatal(err)
		}
		s.shows("earshot: ")
		if _, err := ann.Contacts().Accept(t.Context(), cleo.who.person.String(), ""); err != nil {
			t.Fatal(err)
		}
		if err := ann.Messages().MarkRead(t.Context(), hello.ID); err != nil {
			t.Fatal(err)
		}
		s.shows()
		s.leave()
		<-s.ended
	})
}

// After a night the owner is told once of what has come.
func TestNotificationsAfterANight(t *testing.T) {
	long(t)
	t.Parallel()
	inWorld(t, 512, func(t *testing.T, w *world) {
		ms := w.people("Ann", "Bob", "Cleo", "Dan", "Eve")
		w.acquaint(ms...)
		ann, others := ms[0], ms[1:]
		for _, o := range others {
			ann.trusts(o)
			o.trusts(ann)
		}
		ann.stop()
		for n := range 10 {
			for _, o := range others {
				o.say(ann, fmt.Sprint("number ", n))
			}
		}
		time.Sleep(8 * time.Hour)
		ann.start(w.addresses()...)
		desktop := ann.screen("desktop", attention.Desktop)
		ann.meets(10*time.Second, others...)
		time.Sleep(30 * time.Second)
		desktop.shows("40 new messages: ")
		if desktop.told > 2 {
			t.Errorf("told %d times", desktop.told)
		}
		desktop.leave()
		<-desktop.ended
	})
}

// What the owner has set for a conversation counts.
func TestNotificationsAreAsTheOwnerSays(t *testing.T) {
	t.Parallel()
	inWorld(t, 514, func(t *testing.T, w *world) {
		ms := w.people("Ann", "Bob", "Cleo")
		w.acquaint(ms...)
		ann, bob, cleo := ms[0], ms[1], ms[2]
		ann.trusts(bob)
		ann.trusts(cleo)
		desktop := ann.screen("desktop", attention.Desktop)
		muted, notify := time.Now().Add(time.Hour), conversations.NotifyNone
		for who, to := range map[*machine]conversations.Choice{bob: {MutedUntil: &muted}, cleo: {Notify: &notify}} {
			if _, err := ann.Conversations().Set(t.Context(), who.who.person.String(), to); err != nil {
				t.Fatal(err)
			}
		}
		cleo.say(ann, "not wanted")
		bob.say(ann, "while muted")
		ann.got(5*time.Second, cleo, "not wanted")
		ann.got(5*time.Second, bob, "while muted")
		time.Sleep(10 * time.Second)
		desktop.shows()
		time.Sleep(time.Hour)
		bob.say(ann, "later")
		desktop.shows("Bob: later")
		desktop.leave()
		<-desktop.ended
	})
}

// What was read as a whole is closed, however much it is.
func TestNotificationsOfWhatWasReadAtOnce(t *testing.T) {
	t.Parallel()
	inWorld(t, 515, func(t *testing.T, w *world) {
		ms := w.people("Ann", "Bob", "Cleo")
		w.acquaint(ms...)
		ann, bob, cleo := ms[0], ms[1], ms[2]
		ann.trusts(bob)
		ann.trusts(cleo)
		desktop := ann.screen("desktop", attention.Desktop)
		for range 40 {
			bob.say(ann, "and")
			cleo.say(ann, "so")
		}
		desktop.shows("Bob: and", "Cleo: so")
		if _, err := ann.Conversations().MarkReadTo(t.Context(), bob.who.person.String(), nil); err != nil {
			t.Fatal(err)
		}
		desktop.shows("Cleo: so")
		if _, err := ann.Conversations().MarkAllRead(t.Context()); err != nil {
			t.Fatal(err)
		}
		desktop.shows()
		desktop.leave()
		<-desktop.ended
	})
}

// Clients are bounded, and one that comes back under its name takes its own place.
func TestAlertsAreBounded(t *testing.T) {
	t.Parallel()
	inWorld(t, 513, func(t *testing.T, w *world) {
		ann := w.people("Ann")[0]
		var all []*screen
		for n := range 32 {
			all = append(all, ann.screen(fmt.Sprint("page ", n), attention.Page))
		}
		if err := <-ann.screen("one more", attention.Page).ended; !errors.Is(err, attention.ErrBusy) {
			t.Error(err)
		}
		again := ann.screen("page 0", attention.Page)
		if err := <-all[0].ended; !errors.Is(err, attention.ErrReplaced) {
			t.Error(err)
		}
		for n := range 1000 {
			if err := ann.Attention().Attend(t.Context(), fmt.Sprint("page ", n), "", true); err != nil {
				t.Fatal(err)
			}
		}
		for _, name := range []string{"", strings.Repeat("x", 65)} {
			if err := ann.Attention().Attend(t.Context(), name, "", true); !errors.Is(err, attention.ErrClient) {
				t.Errorf("%q: %v", name, err)
			}
		}
		for _, s := range append(all[1:], again) {
			s.leave()
			<-s.ended
		}
	})
}
