package node

import (
	"slices"
	"testing"
	"time"

	"github.com/earshot-im/earshot/node/chat"
	"github.com/earshot-im/earshot/node/conversations"
	"github.com/earshot-im/earshot/node/journal"
	"github.com/earshot-im/earshot/store/desk"
	"github.com/earshot-im/earshot/store/event"
)

// conversation returns a conversation as the owner of a machine sees it.
func (m *machine) conversation(who string) conversations.Conversation {
	m.w.t.Helper()
	c, err := m.Conversations().Get(m.w.t.Context(), who)
	if err != nil {
		m.w.t.Fatal(err)
	}
	return c
}

// listed returns the conversations that a machine lists, by the name of whom they are with.
func (m *machine) listed(page conversations.Page) (out []string) {
	m.w.t.Helper()
	if page.Limit == 0 {
		page.Limit = 100
	}
	all, _, err := m.Conversations().List(m.w.t.Context(), page)
	if err != nil {
		m.w.t.Fatal(err)
	}
	for _, c := range all {
		out = append(out, c.With.Name)
	}
	return out
}

// What is unread, what was said last and what is set, between two people and in a group; nobody who is
// blocked counts.
func TestConversations(t *testing.T) {
	t.Parallel()
	inWorld(t, 71, func(t *testing.T, w *world) {
		all := w.people("Ann", "Bob", "Cleo")
		ann, bob, cleo := all[0], all[1], all[2]
		w.acquaint(all...)
		if got := ann.listed(conversations.Page{}); len(got) > 0 {
			t.Errorf("before anything was said: %q", got)
		}
		g := ann.makes("lunch", bob, cleo)
		bob.say(ann, "hello")
		ann.got(soon, bob, "hello")
		bob.tell(g, "mine")
		cleo.hears(g, "mine")
		w.within(soon, "Ann hears Bob", func() bool { return slices.Contains(ann.heard(g), "mine") })
		cleo.tell(g, "@Ann Cleo's")
		w.within(soon, "Ann hears Cleo", func() bool { return slices.Contains(ann.heard(g), "@Ann Cleo's") })
		lunch, direct := ann.conversation("#lunch"), ann.conversation("Bob")
		if lunch.Unread != 2 || lunch.Mentions != 1 || lunch.Last.Text != "@Ann Cleo's" || lunch.Notify != conversations.NotifyMentions || lunch.Group == nil {
			t.Errorf("%+v", lunch)
		}
		if direct.Unread != 1 || direct.Last.Text != "hello" || *direct.FirstUnread != direct.Last.ID || direct.Notify != conversations.NotifyAll ||
			direct.Person == nil || direct.Person.ID != bob.who.person {
			t.Errorf("%+v", direct)
		}
		if got := ann.listed(conversations.Page{}); !slices.Equal(got, []string{"lunch", "Bob"}) {
			t.Errorf("listed: %q", got)
		}
		yes := true
		if _, err := ann.Conversations().Set(t.Context(), "Bob", conversations.Choice{Pinned: &yes}); err != nil {
			t.Fatal(err)
		}
		if got := ann.listed(conversations.Page{Limit: 1}); !slices.Equal(got, []string{"Bob"}) {
			t.Errorf("pinned: %q", got)
		}
		after := direct.ID
		if got := ann.listed(conversations.Page{After: &after}); !slices.Equal(got, []string{"lunch"}) {
			t.Errorf("after it: %q", got)
		}

		if _, err := ann.Contacts().Block(t.Context(), cleo.who.person.String()); err != nil {
			t.Fatal(err)
		}
		if lunch = ann.conversation("#lunch"); lunch.Unread != 1 || lunch.Mentions != 0 || lunch.Last.Text != "mine" {
			t.Errorf("with Cleo blocked: %+v", lunch)
		}
		if lunch, err := ann.Conversations().MarkReadTo(t.Context(), "#lunch", &lunch.Last.ID); err != nil || lunch.Unread != 0 || lunch.FirstUnread != nil {
			t.Errorf("%+v, %v", lunch, err)
		}
		w.within(soon, "Bob is told that Ann has read it", func() bool {
			history, err := bob.Messages().History(t.Context(), "#lunch", chat.HistoryRange{Limit: 10})
			return err == nil && slices.ContainsFunc(history, func(m chat.Message) bool {
				reached, _ := bob.Messages().Receipts(t.Context(), m.ID)
				return m.Text == "mine" && slices.ContainsFunc(reached, func(r chat.Reached) bool { return r.Person.ID == ann.who.person && r.State == chat.StateRead })
			})
		})
		if n, err := ann.Conversations().MarkAllRead(t.Context()); n != 1 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
		if _, err := ann.Contacts().Unblock(t.Context(), cleo.who.person.String()); err != nil {
			t.Fatal(err)
		}
		if lunch = ann.conversation("#lunch"); lunch.Unread != 1 || lunch.Mentions != 1 {
			t.Errorf("what Cleo wrote was read while she was blocked: %+v", lunch)
		}
		if got := ann.listed(conversations.Page{UnreadOnly: true}); !slices.Equal(got, []string{"lunch"}) {
			t.Errorf("unread: %q", got)
		}
		if c, err := ann.Conversations().MarkUnread(t.Context(), "Bob", *direct.FirstUnread); err != nil || c.Unread != 1 {
			t.Errorf("%+v, %v", c, err)
		}

		if c, err := ann.Conversations().Set(t.Context(), "Bob", conversations.Choice{Archived: &yes}); err != nil || !c.Archived {
			t.Errorf("%+v, %v", c, err)
		}
		if got := ann.listed(conversations.Page{}); !slices.Equal(got, []string{"lunch"}) {
			t.Errorf("with Bob archived: %q", got)
		}
		if got := ann.listed(conversations.Page{Archived: true}); !slices.Equal(got, []string{"Bob", "lunch"}) {
			t.Errorf("archived too: %q", got)
		}
		bob.say(ann, "again")
		ann.got(soon, bob, "hello", "again")
		if got := ann.listed(conversations.Page{}); !slices.Equal(got, []string{"Bob", "lunch"}) {
			t.Errorf("after Bob has written: %q", got)
		}
		none := "none"
		until := ann.now().Add(time.Hour)
		c, err := ann.Conversations().Set(t.Context(), "#lunch", conversations.Choice{Notify: &none, MutedUntil: &until})
		if err != nil || c.Notify != "none" || c.MutedUntil.UnixMilli() != until.UnixMilli() {
			t.Errorf("%+v, %v", c, err)
		}
		time.Sleep(2 * time.Hour) // of the world
		if c := ann.conversation("#lunch"); !c.MutedUntil.IsZero() {
			t.Errorf("still muted until %v", c.MutedUntil)
		}
	})
}

// Strangers can be any number, and write last: they come behind those whom the owner knows, also where a
// page ends.
func TestStrangersAreListedLast(t *testing.T) {
	t.Parallel()
	inWorld(t, 72, func(t *testing.T, w *world) {
		all := w.people("Ann", "Bob", "Cleo", "Dan")
		ann, bob, strangers := all[0], all[1], all[2:]
		w.acquaint(all...)
		ann.trusts(bob)
		bob.say(ann, "hello")
		ann.got(soon, bob, "hello")
		g := ann.makes("lunch", bob)
		ann.tell(g, "mine")
		for _, m := range strangers {
			time.Sleep(time.Minute)
			m.say(ann, "it is me")
			ann.got(soon, m, "it is me")
		}
		if got, want := ann.listed(conversations.Page{Limit: 2}), []string{"lunch", "Bob"}; !slices.Equal(got, want) {
			t.Errorf("first %q, want %q", got, want)
		}
		if got, want := ann.listed(conversations.Page{}), []string{"lunch", "Bob", "Dan", "Cleo"}; !slices.Equal(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
		pinned := true
		if _, err := ann.Conversations().Set(t.Context(), strangers[0].who.person.String(), conversations.Choice{Pinned: &pinned}); err != nil {
			t.Fatal(err)
		}
		if got, want := ann.listed(conversations.Page{}), []string{"Cleo", "lunch", "Bob", "Dan"}; !slices.Equal(got, want) {
			t.Errorf("with one pinned %q, want %q", got, want)
		}
	})
}

// A draft to somebody to whom nothing was said is listed, and goes when it is sent.
func TestDraftIsSent(t *testing.T) {
	t.Parallel()
	inWorld(t, 72, func(t *testing.T, w *world) {
		all := w.people("Ann", "Bob")
		ann := all[0]
		w.acquaint(all...)
		w.within(soon, "Ann knows Bob's name", func() bool {
			_, err := ann.Contacts().Resolve(t.Context(), "Bob")
			return err == nil
		})
		n, more := ann.drafted.Now()
		stream, err := ann.Journal().Read("", []string{journal.Draft}, chat.Filter{})
		if err != nil {
			t.Fatal(err)
		}
		told := func(want string) {
			t.Helper()
			for {
				b, err := stream.Next(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if len(b.Changes) == 0 { // live
					continue
				}
				if d := b.Changes[0].Draft; len(b.Changes) != 1 || d.Draft.Text != want || d.With.Name != "Bob" {
					t.Errorf("told: %+v", b.Changes)
				}
				return
			}
		}
		d, err := ann.Conversations().SetDraft(t.Context(), "Bob", desk.Draft{Text: "Hi"})
		if err != nil {
			t.Fatal(err)
		}
		<-more
		changes, upTo, err := ann.Conversations().Drafted(n, 9)
		if err != nil || len(changes) != 1 || changes[0].Draft.Text != "Hi" || changes[0].With.Name != "Bob" {
			t.Fatalf("%+v, %v", changes, err)
		}
		told("Hi")
		if got := ann.listed(conversations.Page{}); !slices.Equal(got, []string{"Bob"}) {
			t.Errorf("listed: %q", got)
		}
		if _, err := ann.Messages().Send(t.Context(), chat.Outgoing{To: "Bob", Text: "Hi", Draft: d.Revision}); err != nil {
			t.Fatal(err)
		}
		if c := ann.conversation("Bob"); c.Draft != nil || c.Last.Text != "Hi" {
			t.Errorf("%+v", c)
		}
		told("")
		if changes, _, err = ann.Conversations().Drafted(upTo, 9); err != nil || len(changes) != 1 || changes[0].Draft.Text != "" {
			t.Errorf("%+v, %v", changes, err)
		}
		for _, bad := range []desk.Draft{{Text: "x", ReplyTo: &event.ID{1}}, {Text: "x", Edits: &event.ID{1}}} {
			if _, err := ann.Conversations().SetDraft(t.Context(), "Bob", bad); err != chat.ErrNoMessage {
				t.Errorf("%+v: %v", bad, err)
			}
		}
		ann.reaches(soon, *ann.conversation("Bob").Last, chat.StateDelivered)
		if ann.conversation("Bob").Waiting {
			t.Error("Bob has all, and somebody waits")
		}
	})
}
