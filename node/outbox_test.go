package node

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/earshot-im/earshot/discovery"
	"github.com/earshot-im/earshot/node/chat"
	"github.com/earshot-im/earshot/node/people"
	"github.com/earshot-im/earshot/node/waiting"
	"github.com/earshot-im/earshot/store/event"
)

// TestOutboxBlamesNobodyWhoHasAccepted: of a contact who had taken messages before, and whose network
// was down, the outbox said that they may have to accept the owner first.
func TestOutboxBlamesNobodyWhoHasAccepted(t *testing.T) {
	t.Parallel()
	inWorld(t, 1, func(t *testing.T, w *world) {
		all := w.people("Ann", "Bob", "Cy")
		ann, bob, cy := all[0], all[1], all[2]
		ann.meets(time.Minute, bob, cy)
		if err := cy.Owner().SetAccept(t.Context(), people.AcceptContacts); err != nil {
			t.Fatal(err)
		}
		ann.reaches(time.Minute, ann.say(bob, "hello"), chat.StateDelivered)
		ann.meets(time.Minute, bob, cy)
		why := func() map[string]string {
			pending, err := outboxOf(ann)
			if err != nil {
				t.Fatal(err)
			}
			out := make(map[string]string)
			for _, p := range pending {
				out[p.To.Name] = p.WaitingFor + ": " + p.Reason
				if p.LastSeen.IsZero() {
					t.Errorf("%s was seen and it is not said when", p.To.Name)
				}
			}
			return out
		}
		is := func(what string, got map[string]string, name, want string) {
			t.Helper()
			if got[name] != want {
				t.Errorf("%s: %s %q, want %q", what, name, got[name], want)
			}
		}

		ann.say(cy, "will you have me?")
		w.cut(ann.addr(), bob.addr())
		ann.say(bob, "are you there?")
		time.Sleep(time.Second)
		got := why()
		is("while Bob's silence is not noticed", got, "Bob", "unanswered: ")
		is("while Cy has not accepted", got, "Cy", "unanswered: acceptance")

		ann.mesh.NetworkChanged(discovery.Network{})
		w.within(time.Second, "nobody is here any more", func() bool { return len(ann.mesh.Sessions()) == 0 })
		got = why()
		is("when Ann's network is down", got, "Bob", "no_network: ")
	})
}

// TestDeliveredIsToldAtOnce: whoever waits for a message to be delivered does not wait until that is written here.
// What the node says is the same all the time after Settle, and after a stop.
func TestDeliveredIsToldAtOnce(t *testing.T) {
	t.Parallel()
	inWorld(t, 81, func(t *testing.T, w *world) {
		all := w.people("Ann", "Bob")
		ann, bob := all[0], all[1]
		ann.meets(soon, bob)
		time.Sleep(time.Minute)
		delivered := func() (m chat.Message) {
			t.Helper()
			began := time.Now()
			sent, err := ann.Messages().Send(t.Context(), chat.Outgoing{To: bob.who.person.String(), Text: "hello"})
			if err == nil {
				m, err = ann.Messages().Wait(t.Context(), sent.ID, chat.StateDelivered)
			}
			if err != nil || m.State != chat.StateDelivered {
				t.Fatalf("%v, %v", m.State, err)
			}
			if took := time.Since(began); took > 50*time.Millisecond {
				t.Errorf("told after %v", took)
			}
			if n := ann.pending(); n != 1 {
				t.Errorf("%d lines in the outbox before it is written", n)
			}
			return m
		}
		delivered()
		ann.Messages().Settle(t.Context())
		if n := ann.pending(); n != 0 {
			t.Errorf("%d lines in the outbox afterwards", n)
		}
		time.Sleep(time.Minute)
		delivered()
		time.Sleep(time.Second)
		if n := ann.pending(); n != 0 {
			t.Errorf("%d lines in the outbox a second later", n)
		}
		delivered()
		ann.stop()
		w.cut(ann.addr(), bob.addr())
		w.cut(bob.addr(), ann.addr())
		ann.start()
		if n := ann.pending(); n != 0 {
			t.Errorf("%d lines in the outbox after a stop", n)
		}
	})
}

// Whoever asks for a few lines is given the oldest, and the node looks for no more.
func TestOutboxEndsWhenThereIsEnough(t *testing.T) {
	t.Parallel()
	inWorld(t, 1, func(t *testing.T, w *world) {
		all := w.people("Ann", "Bob")
		ann, bob := all[0], all[1]
		ann.meets(soon, bob)
		bob.stop()
		var sent []event.ID
		for _, text := range []string{"one", "two", "three"} {
			sent = append(sent, ann.say(bob, text).ID)
			time.Sleep(time.Second)
		}
		failed := errors.New("the caller has gone")
		for _, test := range []struct {
			limit, want int
			err         error
		}{{0, 3, nil}, {1, 1, nil}, {2, 2, nil}, {3, 3, nil}, {9, 3, nil}, {0, 3, failed}} {
			var got []event.ID
			err := ann.Messages().Outbox(t.Context(), test.limit, func(some []waiting.Pending) error {
				for _, p := range some {
					got = append(got, p.ID)
				}
				return test.err
			})
			if err != test.err || !slices.Equal(got, sent[:test.want]) {
				t.Errorf("up to %d: %x, %v", test.limit, got, err)
			}
		}
		var more []chat.Outgoing
		for i := range 600 { // which are more than are told at once
			more = append(more, chat.Outgoing{To: bob.who.person.String(), Text: fmt.Sprint(i)})
		}
		if _, err := ann.Messages().SendAll(t.Context(), more); err != nil {
			t.Fatal(err)
		}
		for limit, want := range map[int][]int{0: {500, 103}, 500: {500}, 501: {500, 1}, 9999: {500, 103}} {
			var got []int
			err := ann.Messages().Outbox(t.Context(), limit, func(some []waiting.Pending) error {
				got = append(got, len(some))
				return nil
			})
			if err != nil || !slices.Equal(got, want) {
				t.Errorf("up to %d: %d at once, want %d; %v", limit, got, want, err)
			}
		}
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if err := ann.Messages().Outbox(gone, 0, func([]waiting.Pending) error { return nil }); !errors.Is(err, context.Canceled) {
			t.Errorf("without a caller: %v", err)
		}
	})
}
