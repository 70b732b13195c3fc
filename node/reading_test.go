package node

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/chat"
	"github.com/earshot-im/earshot/node/contacts"
	"github.com/earshot-im/earshot/node/people"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/event"
)

// said are the texts of messages.
func said(messages []chat.Message) (out []string) {
	for _, m := range messages {
		out = append(out, m.Text)
	}
	return out
}

// Whoever is blocked filled the newest page of a group, and the next one after each message:
// history seemed empty.
func TestHistoryReadsPastTheBlocked(t *testing.T) {
	t.Parallel()
	inWorld(t, 21, func(t *testing.T, w *world) {
		all := w.people("Ann", "Bob", "Cleo")
		ann, bob, cleo := all[0], all[1], all[2]
		ann.meets(soon, bob, cleo)
		bob.meets(soon, cleo)
		g := ann.makes("lunch", bob, cleo)
		ann.tell(g, "mine")
		bob.hears(g, "mine")
		cleo.hears(g, "mine")
		want := []string{}
		for i := range 3 {
			want = append(want, fmt.Sprint("Cleo ", i))
			cleo.tell(g, want[i])
			w.within(soon, "Bob hears her", func() bool { return slices.Contains(bob.heard(g), want[i]) })
			for j := range 4 {
				bob.tell(g, fmt.Sprint("Bob ", i, j))
			}
			w.within(soon, "Ann hears both", func() bool { return len(ann.heard(g)) == 1+5*(i+1) })
		}
		if _, err := ann.Contacts().Block(t.Context(), bob.who.person.String()); err != nil {
			t.Fatal(err)
		}
		page := func(r chat.HistoryRange) []chat.Message {
			t.Helper()
			messages, err := ann.Messages().History(t.Context(), "#lunch", r)
			if err != nil {
				t.Fatal(err)
			}
			return messages
		}
		newest := page(chat.HistoryRange{Limit: 2})
		if got := said(newest); !slices.Equal(got, want[1:]) {
			t.Fatalf("the newest two are %q", got)
		}
		if got := said(page(chat.HistoryRange{Limit: 2, Before: &newest[0].ID})); !slices.Equal(got, []string{"mine", want[0]}) {
			t.Errorf("before them are %q", got)
		}
		first := page(chat.HistoryRange{Limit: 9})[1].ID
		if got := said(page(chat.HistoryRange{Limit: 1, After: &first})); !slices.Equal(got, want[1:2]) {
			t.Errorf("after the first is %q", got)
		}
		if got := said(page(chat.HistoryRange{Limit: 9, After: &newest[1].ID})); len(got) != 0 {
			t.Errorf("after the last are %q", got)
		}
		for _, read := range []func(after string) (chat.Page, error){
			func(after string) (chat.Page, error) {
				return ann.Messages().Unread(t.Context(), after, chat.Filter{In: "#lunch"}, 1)
			},
			func(after string) (chat.Page, error) {
				return ann.Messages().Arrivals(t.Context(), after, chat.Filter{In: "#lunch"}, 1)
			},
		} {
			var got []string
			for at, end := "", false; !end; {
				p, err := read(at)
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, said(p.Messages)...)
				at, end = p.Cursor, len(p.Messages) == 0
				if n, err := ann.store.At(p.Cursor); end && (err != nil || n < lastArrival(t, ann, g)) {
					t.Errorf("the end is at %s (%v), before the last message", p.Cursor, err)
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("one by one are read %q, want %q", got, want)
			}
		}
		if _, err := ann.Contacts().Unblock(t.Context(), bob.who.person.String()); err != nil {
			t.Fatal(err)
		}
		if got := page(chat.HistoryRange{Limit: 100}); len(got) != 16 {
			t.Errorf("with nobody blocked, history has %d messages", len(got))
		}
	})
}

// lastArrival is the cursor of the last message of a group.
func lastArrival(t *testing.T, m *machine, g event.Conversation) (last uint64) {
	for _, r := range m.groupRows(g) {
		last = max(last, r.Arrival)
	}
	return last
}

// A filter by ID goes on when the stranger that it means is forgotten, and when a name has changed
// hands.
func TestFilterByIDNeedsNobody(t *testing.T) {
	t.Parallel()
	inWorld(t, 25, func(t *testing.T, w *world) {
		all := w.people("Ann", "Bob", "Cleo")
		ann, bob, cleo := all[0], all[1], all[2]
		ann.meets(soon, bob, cleo)
		g := ann.makes("lunch", bob, cleo)
		id := bob.who.person.String()
		filters := map[string]chat.Filter{"from": {From: id}, "in": {In: id}, "group": {In: "#" + g.String()}, "bare group": {In: g.String()}, "both": {From: id, In: g.String()}}
		nobody := crypto.PersonID{1}.String()
		for name, f := range map[string]chat.Filter{"from": {From: nobody}, "in": {In: nobody}, "group": {In: "#" + nobody}} {
			if page, err := ann.Messages().Arrivals(t.Context(), "", f, 9); err != nil || len(page.Messages) > 0 {
				t.Errorf("%s nobody: %v, %v", name, page, err)
			}
		}
		bob.say(ann, "direct")
		bob.tell(g, "in the group")
		ann.hears(g, "in the group")
		w.within(soon, "both are here", func() bool { return len(ann.words(bob, bob)) == 1 })
		cleo.say(ann, "Cleo's")
		w.within(soon, "so is another's", func() bool { return len(ann.words(cleo, cleo)) == 1 })
		for name, want := range map[string][]string{"from": {"direct", "in the group"}, "in": {"direct"}, "group": {"in the group"},
			"bare group": {"in the group"}, "both": {"in the group"}} {
			page, err := ann.Messages().Unread(t.Context(), "", filters[name], 9)
			got := said(page.Messages)
			slices.Sort(got)
			if err != nil || !slices.Equal(got, want) {
				t.Errorf("%s: %q, %v, want %q", name, got, err, want)
			}
		}
		for _, f := range []chat.Filter{{From: "Carol"}, {In: "Carol"}, {From: "#lunch"}} {
			if _, err := ann.Messages().Arrivals(t.Context(), "", f, 9); !errors.As(err, new(*people.UnknownError)) {
				t.Errorf("%v: %v", f, err)
			}
		}
	})
}

// What one filter passes over is there for another under the same name, and a name and an ID are
// one filter.
func TestCursorBelongsToItsFilter(t *testing.T) {
	t.Parallel()
	inWorld(t, 26, func(t *testing.T, w *world) {
		all := w.people("Ann", "Bob")
		ann, bob := all[0], all[1]
		ann.meets(soon, bob)
		g := ann.makes("lunch")
		id := bob.who.person.String()
		filters := []chat.Filter{{}, {From: id}, {In: id}, {In: "#lunch"}, {From: id, In: "#lunch"}}
		for range filters {
			ann.tell(g, "there are as many places to be at")
		}
		for i, f := range filters {
			if err := ann.Messages().SetCursor(t.Context(), "bot", f, ann.store.Cursor(uint64(i+1))); err != nil {
				t.Fatal(err)
			}
		}
		for i, f := range append(filters, chat.Filter{}, chat.Filter{From: "Bob"}, chat.Filter{In: "Bob"}, chat.Filter{In: g.String()}, chat.Filter{From: "Bob", In: "lunch"}) {
			if at, err := ann.Messages().Cursor(t.Context(), "bot", f); err != nil || at != ann.store.Cursor(uint64(i%len(filters)+1)) {
				t.Errorf("%v: at %s, %v", f, at, err)
			}
		}
		if at, err := ann.Messages().Cursor(t.Context(), "other", chat.Filter{}); at != ann.store.Cursor(0) || err != nil {
			t.Errorf("another name: at %s, %v", at, err)
		}
		for _, cursor := range []string{ann.store.Cursor(1000), bob.store.Cursor(1), "1", ":1", "x:1", ann.store.Cursor(1) + "x"} {
			want := store.ErrCursor
			if cursor == ann.store.Cursor(1000) || cursor == bob.store.Cursor(1) {
				want = store.ErrOtherCursor
			}
			if err := ann.Messages().SetCursor(t.Context(), "bot", chat.Filter{}, cursor); !errors.Is(err, want) {
				t.Errorf("to %q: %v", cursor, err)
			}
			if _, err := ann.Messages().Unread(t.Context(), cursor, chat.Filter{}, 1); !errors.Is(err, want) {
				t.Errorf("from %q: %v", cursor, err)
			}
		}
		for _, f := range []chat.Filter{{From: "Carol"}, {In: "Carol"}} {
			if _, err := ann.Messages().Cursor(t.Context(), "bot", f); err == nil {
				t.Error("a cursor for nobody")
			}
			if err := ann.Messages().SetCursor(t.Context(), "bot", f, ann.store.Cursor(1)); err == nil {
				t.Error("a cursor is set for nobody")
			}
		}
	})
}

// Who reads on learns when something older may have come into view, before they are told that
// something has changed.
func TestReadersLearnOfWhatIsRevealed(t *testing.T) {
	t.Parallel()
	inWorld(t, 27, func(t *testing.T, w *world) {
		all := w.people("Ann", "Bob")
		ann, bob := all[0], all[1]
		ann.meets(soon, bob)
		ann.makes("lunch", bob)
		revealed := func() uint64 {
			page, err := ann.Messages().Unread(t.Context(), "", chat.Filter{}, 1)
			if err != nil {
				t.Fatal(err)
			}
			return page.Revealed
		}
		for _, c := range []struct {
			what    string
			do      func() error
			reveals bool
		}{
			{"block", func() error { _, err := ann.Contacts().Block(t.Context(), "Bob"); return err }, false},
			{"unblock", func() error { _, err := ann.Contacts().Unblock(t.Context(), "Bob"); return err }, true},
			{"unblock who is not blocked", func() error { _, err := ann.Contacts().Unblock(t.Context(), "Bob"); return err }, false},
			{"message", func() error { ann.say(bob, "hello"); return nil }, false},
			{"removal", func() error { _, err := ann.Groups().RemoveMember(t.Context(), "lunch", "Bob"); return err }, true},
		} {
			before := revealed()
			if err := c.do(); err != nil {
				t.Fatalf("%s: %v", c.what, err)
			}
			if got := revealed() != before; got != c.reveals {
				t.Errorf("%s reveals: %t", c.what, got)
			}
		}
	})
}

// A stream of lines is opened for a stranger who then goes home for the day: the first line comes
// hours later.
func TestAddressStaysKnown(t *testing.T) {
	t.Parallel()
	inWorld(t, 28, func(t *testing.T, w *world) {
		all := w.people("Ann", "Bob")
		ann, bob := all[0], all[1]
		ann.meets(soon, bob)
		g := ann.makes("lunch")
		to, err := ann.Messages().Address(t.Context(), "Bob")
		if err != nil || to != (contacts.Target{Kind: "person", ID: bob.who.person.String(), Name: "Bob"}) {
			t.Fatalf("to %v, %v", to, err)
		}
		bob.stop()
		time.Sleep(2 * strangerStays)
		w.forgetStrangers(ann)
		if _, err := ann.Messages().Send(t.Context(), chat.Outgoing{To: to.ID, Text: "hello"}); err != nil {
			t.Errorf("sent hours later: %v", err)
		}
		if to, err := ann.Messages().Address(t.Context(), "lunch"); err != nil || to.ID != g.String() || to.Kind != "group" {
			t.Errorf("to %v, %v", to, err)
		}
		if _, err := ann.Contacts().Block(t.Context(), bob.who.person.String()); err != nil {
			t.Fatal(err)
		}
		if _, err := ann.Messages().Address(t.Context(), bob.who.person.String()); !errors.Is(err, contacts.ErrBlocked) {
			t.Errorf("who is blocked: %v", err)
		}
		if _, err := ann.Groups().Leave(t.Context(), "lunch"); err != nil {
			t.Fatal(err)
		}
		if _, err := ann.Messages().Address(t.Context(), "lunch"); !errors.Is(err, contacts.ErrNotMember) {
			t.Errorf("a group that she has left: %v", err)
		}
		if _, err := ann.Contacts().Target(t.Context(), "Bob", "team"); !errors.Is(err, people.ErrSetting) {
			t.Errorf("no such kind: %v", err)
		}
		if _, err := ann.Contacts().Target(t.Context(), "lunch", "person"); !errors.As(err, new(*people.UnknownError)) {
			t.Errorf("a person of that name: %v", err)
		}
	})
}
