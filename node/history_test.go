package node

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/earshot-im/earshot/node/chat"
	"github.com/earshot-im/earshot/node/contacts"
	"github.com/earshot-im/earshot/node/people"
	"github.com/earshot-im/earshot/node/waiting"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/event"
)

// history returns a page.
func (m *machine) history(who string, r chat.HistoryRange) []chat.Message {
	m.w.t.Helper()
	page, err := m.Messages().History(m.w.t.Context(), who, r)
	if err != nil {
		m.w.t.Fatal(err)
	}
	return page
}

// Pages say whether there are others before and behind them, and notices have their place in them. All
// of a conversation is read by pages of any size, once, from either end.
func TestPagesWithNotices(t *testing.T) {
	t.Parallel()
	inWorld(t, 73, func(t *testing.T, w *world) {
		all := w.people("Ann", "Bob")
		ann, bob := all[0], all[1]
		ann.meets(soon, bob)
		g := ann.makes("lunch", bob)
		ann.tell(g, "one")
		time.Sleep(time.Second)
		if _, err := ann.Groups().RenameGroup(t.Context(), "#lunch", "dinner", false); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		ann.tell(g, "two")
		bob.hears(g, "one", "two")
		bob.tell(g, "three")
		ann.hears(g, "one", "two", "three")
		kinds := func(page []chat.Message) (out []string) {
			for _, m := range page {
				out = append(out, m.Text)
				if m.Notice != nil {
					out[len(out)-1] = m.Notice.What
				}
			}
			return out
		}
		whole := ann.history("#dinner", chat.HistoryRange{Limit: 100, Notices: true})
		want := []string{"created", "joined", "one", "renamed", "two", "three"}
		if got := kinds(whole); !slices.Equal(got, want) {
			t.Fatalf("%q", got)
		}
		if got := kinds(ann.history("#dinner", chat.HistoryRange{Limit: 100})); !slices.Equal(got, []string{"one", "two", "three"}) {
			t.Errorf("without notices: %q", got)
		}
		for limit := 1; limit <= len(want)+1; limit++ {
			var back, forward []string
			for r := (chat.HistoryRange{Limit: limit, Notices: true}); ; {
				page := ann.history("#dinner", r)
				back = append(kinds(page), back...)
				if page[len(page)-1].Last != (r.Before == nil) {
					t.Errorf("%d back: the last page says it is not", limit)
				}
				if page[0].First {
					break
				}
				r.Before = &page[0].ID
			}
			for r := (chat.HistoryRange{Limit: limit, Notices: true, After: &whole[0].ID}); ; {
				page := ann.history("#dinner", r)
				forward = append(forward, kinds(page)...)
				if page[len(page)-1].Last {
					break
				}
				r.After = &page[len(page)-1].ID
			}
			if !slices.Equal(back, want) || !slices.Equal(forward, want[1:]) {
				t.Errorf("pages of %d: %q back, %q forward", limit, back, forward)
			}
		}
		around := ann.history("#dinner", chat.HistoryRange{Limit: 3, Notices: true, Around: &whole[3].ID})
		if got := kinds(around); !slices.Equal(got, want[2:5]) || around[0].First || around[2].Last {
			t.Errorf("around the notice: %q", got)
		}
		got, err := ann.Messages().Get(t.Context(), []event.ID{whole[5].ID, {1}, whole[3].ID}, false)
		if err != nil || !slices.Equal(kinds(got), []string{"three", "renamed"}) {
			t.Errorf("%q, %v", kinds(got), err)
		}
		if _, err := ann.Contacts().Block(t.Context(), bob.who.person.String()); err != nil {
			t.Fatal(err)
		}
		if page := ann.history("#dinner", chat.HistoryRange{Limit: 1}); !page[0].Last || page[0].Text != "two" {
			t.Errorf("behind the last that is shown is what a blocked person wrote: %+v", page)
		}
		if got, err := ann.Messages().Get(t.Context(), []event.ID{whole[5].ID, whole[4].ID}, false); err != nil || len(got) != 1 {
			t.Errorf("with Bob blocked: %q, %v", kinds(got), err)
		}
		if c := ann.conversation("#dinner"); c.Last.Text != "two" {
			t.Errorf("%+v", c.Last)
		}
		// For a notice there is nothing to do but to read up to it.
		notice := whole[3].ID
		for what, err := range map[string]error{
			"react":   second(ann.Messages().React(t.Context(), notice, "x")),
			"reply":   second(ann.Messages().Send(t.Context(), chat.Outgoing{To: "#dinner", Text: "x", ReplyTo: &notice})),
			"edit":    second(ann.Messages().Edit(t.Context(), notice, "x")),
			"forward": second(ann.Messages().Forward(t.Context(), notice, []string{"Bob"})),
			"unread":  second(ann.Conversations().MarkUnread(t.Context(), "#dinner", notice)),
		} {
			if err != chat.ErrNoMessage {
				t.Errorf("%s: %v", what, err)
			}
		}
		if _, err := ann.Conversations().MarkReadTo(t.Context(), "#dinner", &notice); err != nil {
			t.Error(err)
		}
	})
}

// An answer has in short what it answers, as it is now; nothing of what is elsewhere, or of somebody who
// is blocked.
func TestQuotes(t *testing.T) {
	t.Parallel()
	inWorld(t, 74, func(t *testing.T, w *world) {
		all := w.people("Ann", "Bob", "Cleo")
		ann, bob, cleo := all[0], all[1], all[2]
		ann.meets(soon, bob, cleo)
		bob.meets(soon, cleo)
		g := ann.makes("lunch", bob, cleo)
		long := strings.Repeat("ä", 200)
		of := cleo.tell(g, long)
		bob.hears(g, long)
		answer, err := bob.Messages().Send(t.Context(), chat.Outgoing{To: "#lunch", Text: "yes", ReplyTo: &of.ID})
		if err != nil {
			t.Fatal(err)
		}
		ann.hears(g, long, "yes")
		quote := func() *chat.Quote {
			got, err := ann.Messages().Get(t.Context(), []event.ID{answer.ID}, false)
			if err != nil || len(got) != 1 {
				t.Fatal(got, err)
			}
			return got[0].Quote
		}
		if q := quote(); q == nil || q.Text != strings.Repeat("ä", 128) || q.ID != of.ID || q.From.Person != cleo.who.person || q.Own || q.Kind != "text" {
			t.Errorf("%+v", q)
		}
		if _, err := ann.Contacts().Block(t.Context(), cleo.who.person.String()); err != nil {
			t.Fatal(err)
		}
		if q := quote(); q != nil {
			t.Errorf("of somebody blocked: %+v", q)
		}
		if _, err := ann.Contacts().Unblock(t.Context(), cleo.who.person.String()); err != nil {
			t.Fatal(err)
		}
		if _, err := cleo.Messages().Recall(t.Context(), of.ID); err != nil {
			t.Fatal(err)
		}
		w.within(soon, "it is recalled", func() bool { q := quote(); return q != nil && q.Kind == "recalled" && q.Text == "" })
		// Bob names a message of another conversation, as only a program can.
		secret := ann.say(cleo, "secret")
		text, err := event.Text{Text: "look", ReplyTo: &secret.ID}.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := bob.store.Append(t.Context(), store.Draft{Conversation: g, Kind: event.KindText, Content: text}); err != nil {
			t.Fatal(err)
		}
		w.within(soon, "Ann has it", func() bool { return slices.Contains(ann.heard(g), "look") })
		page := ann.history("#lunch", chat.HistoryRange{Limit: 1})
		if page[0].Text != "look" || page[0].Quote != nil {
			t.Errorf("%+v", page[0])
		}
	})
}

// Where a message stands it is said for whom it waits, and why, in the words of the outbox.
func TestWaitingWhereItStands(t *testing.T) {
	t.Parallel()
	inWorld(t, 75, func(t *testing.T, w *world) {
		all := w.people("Ann", "Bob", "Cleo")
		ann, bob, cleo := all[0], all[1], all[2]
		ann.meets(soon, bob, cleo)
		g := ann.makes("lunch", bob, cleo)
		ann.tell(g, "all")
		bob.hears(g, "all")
		cleo.hears(g, "all")
		w.within(soon, "all have it", func() bool { return ann.pending() == 0 })
		bob.stop()
		cleo.stop()
		time.Sleep(time.Minute)
		sent := ann.tell(g, "none")
		page := ann.history("#lunch", chat.HistoryRange{Limit: 9, Waiting: true})
		if len(page) != 2 || page[0].Waiting != nil || page[1].Waiting == nil {
			t.Fatalf("%+v", page)
		}
		outbox, err := outboxOf(ann)
		if err != nil {
			t.Fatal(err)
		}
		same := func(p waiting.Pending) bool {
			return p.ID == sent.ID && p.WaitingFor == waiting.WaitUnreachable && !p.LastSeen.IsZero()
		}
		if got := page[1].Waiting; got.Others != 1 || !same(got.First) || !slices.ContainsFunc(outbox, func(p waiting.Pending) bool { return p.To == got.First.To && same(p) }) {
			t.Errorf("%+v, outbox %+v", got, outbox)
		}
		reached, err := ann.Messages().Receipts(t.Context(), sent.ID)
		if err != nil || len(reached) != 2 || reached[0].Waiting == nil || !same(*reached[0].Waiting) || reached[0].Waiting.Person.ID != reached[0].Person.ID {
			t.Errorf("%+v, %v", reached, err)
		}
		if got, err := ann.Messages().Get(t.Context(), []event.ID{sent.ID}, true); err != nil || got[0].Waiting == nil {
			t.Errorf("%+v, %v", got, err)
		}
		if c := ann.conversation("#lunch"); !c.Waiting {
			t.Error("nobody waits")
		}
		if p := ann.Contacts().Person(bob.who.person); p.Online || p.LastSeen.IsZero() || ann.now().Sub(p.LastSeen) < time.Minute {
			t.Errorf("%+v", p)
		}
		bob.start(ann.address())
		w.within(soon, "Bob has it", func() bool {
			page := ann.history("#lunch", chat.HistoryRange{Limit: 1, Waiting: true})
			return page[0].Waiting != nil && page[0].Waiting.Others == 0 && page[0].Waiting.First.Person.ID == cleo.who.person
		})
		if p := ann.Contacts().Person(bob.who.person); !p.Online || !p.LastSeen.IsZero() {
			t.Errorf("%+v", p)
		}
	})
}

// What is forwarded comes as a new message to each. Who can't be written to keeps nobody from getting
// it.
func TestForward(t *testing.T) {
	t.Parallel()
	inWorld(t, 76, func(t *testing.T, w *world) {
		all := w.people("Ann", "Bob", "Cleo")
		ann, bob, cleo := all[0], all[1], all[2]
		ann.meets(soon, bob, cleo)
		g := ann.makes("lunch", cleo)
		bob.say(ann, "news")
		ann.got(soon, bob, "news")
		id := ann.conversation("Bob").Last.ID
		before := ann.store.Last()
		sent, err := ann.Messages().Forward(t.Context(), id, []string{"nobody", cleo.who.person.String(), "Ann", "#lunch"})
		if err != nil || len(sent) != 4 {
			t.Fatal(sent, err)
		}
		var unknown *people.UnknownError
		if !errors.As(sent[0].Err, &unknown) || !errors.Is(sent[2].Err, contacts.ErrSelf) || sent[1].Err != nil || sent[3].Err != nil || sent[3].Conversation != g {
			t.Errorf("%+v", sent)
		}
		if ann.store.Last() == before {
			t.Error("nothing was written")
		}
		cleo.got(soon, ann, "news")
		cleo.hears(g, "news")
		if _, err := ann.Messages().Forward(t.Context(), event.ID{1}, []string{"Bob"}); err != chat.ErrNoMessage {
			t.Error(err)
		}
		if _, err := ann.Messages().Recall(t.Context(), sent[1].ID); err != nil {
			t.Fatal(err)
		}
		if _, err := ann.Messages().Forward(t.Context(), sent[1].ID, []string{"Bob"}); err != chat.ErrRecalled {
			t.Error(err)
		}
	})
}
