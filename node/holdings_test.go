package node

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/chat"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/event"
)

// attaches sends a message that has only attachments, of which nothing is kept.
func (m *machine) attaches(to string, names ...string) chat.Message {
	m.w.t.Helper()
	out := chat.Outgoing{To: to}
	for _, name := range names {
		out.Attachments = append(out.Attachments, event.Attachment{Name: name, Manifest: crypto.Digest("manifest", []byte(name)), Size: 1})
	}
	sent, err := m.Messages().Send(m.w.t.Context(), out)
	if err != nil {
		m.w.t.Fatal(err)
	}
	return sent
}

// becomes says what has become of an attachment at its reader, once the node there has written what it decided
// about a new one.
func (m *machine) becomes(id event.ID, n int, state store.FileState) {
	m.w.t.Helper()
	m.w.within(soon, m.name+" decides about a file", func() bool {
		refs, err := m.store.Files(id)
		return err == nil && len(refs) > n && refs[n].State != store.FileNew
	})
	if err := m.store.SetFiles(m.w.t.Context(), store.FileSet{Message: id, N: n, FileStatus: store.FileStatus{State: state}}); err != nil {
		m.w.t.Fatal(err)
	}
}

// comesTo returns whether a message reaches a state within a time.
func (m *machine) comesTo(id event.ID, state string, d time.Duration) bool {
	m.w.t.Helper()
	ctx, cancel := context.WithTimeout(m.w.t.Context(), d)
	defer cancel()
	_, err := m.Messages().Wait(ctx, id, state)
	if err != nil && ctx.Err() == nil {
		m.w.t.Fatal(err)
	}
	return err == nil
}

// What becomes of attachments at each reader is told to their author, also of those who tell nobody what they
// read, and what a reader could not say before it ended is said after the next start.
func TestHoldingsTravel(t *testing.T) {
	t.Parallel()
	inWorld(t, 516, func(t *testing.T, w *world) {
		all := w.people("Ann", "Bob", "Cleo")
		ann, bob, cleo := all[0], all[1], all[2]
		ann.meets(soon, bob, cleo)
		g := ann.makes("lunch", bob, cleo)
		if err := bob.owner.SetReadReceipts(t.Context(), false); err != nil {
			t.Fatal(err)
		}
		sent := ann.attaches("#"+g.String(), "menu.pdf", "plan.png")
		if sent.Text != "" || len(sent.Files) != 2 {
			t.Errorf("%+v", sent)
		}
		if !ann.comesTo(sent.ID, chat.StateDelivered, time.Minute) {
			t.Fatal("it does not come")
		}
		got, err := bob.Messages().Get(t.Context(), []event.ID{sent.ID}, false)
		if err != nil || len(got) != 1 || got[0].Kind != "text" || len(got[0].Files) != 2 || got[0].Files[1].Name != "plan.png" {
			t.Errorf("%+v, %v", got, err)
		}
		bob.becomes(sent.ID, 0, store.FileHeld)
		bob.becomes(sent.ID, 1, store.FileDeclined)
		cleo.becomes(sent.ID, 0, store.FileHeld)
		if ann.comesTo(sent.ID, chat.StateHeld, time.Minute) {
			t.Error("Cleo does not have all")
		}
		cleo.becomes(sent.ID, 1, store.FileHeld)
		cleo.stop() // before it was told
		cleo.start(ann.address())
		if !ann.comesTo(sent.ID, chat.StateHeld, time.Minute) {
			t.Error("it is not told")
		}
		holders, err := ann.store.Holders(sent.ID)
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range holders {
			want := []event.FileState{event.FileHeld, event.FileHeld}
			if h.Person == bob.who.person {
				want[1] = event.FileDeclined
			}
			if !slices.Equal(h.States, want) {
				t.Errorf("%v, want %v", h.States, want)
			}
		}
		// What others have written is nobody else's business.
		for _, m := range []*machine{bob, cleo} {
			records, err := m.store.Book().Records(event.KindHoldings, nil)
			if err != nil || len(records) != 1 || records[0].Device != m.who.device {
				t.Errorf("%d holdings, %v", len(records), err)
			}
		}
		// What has nothing attached is held when it is there.
		if words := ann.tell(g, "at one?"); !ann.comesTo(words.ID, chat.StateHeld, time.Minute) {
			t.Error("words are not held")
		}
	})
}

// What is forwarded goes with what is attached, and so does what waits for somebody who comes back as
// another person.
func TestForwardTakesAttachments(t *testing.T) {
	t.Parallel()
	inWorld(t, 517, func(t *testing.T, w *world) {
		all := w.people("Ann", "Bob", "Cleo")
		ann, bob, cleo := all[0], all[1], all[2]
		ann.meets(soon, bob, cleo)
		bob.meets(soon, cleo)
		sent := ann.attaches("Bob", "menu.pdf")
		if !ann.comesTo(sent.ID, chat.StateDelivered, time.Minute) {
			t.Fatal("it does not come")
		}
		bob.becomes(sent.ID, 0, store.FileHeld)
		on, err := bob.Messages().Forward(t.Context(), sent.ID, []string{"Cleo"})
		if err != nil || len(on) != 1 || on[0].Err != nil || len(on[0].Files) != 1 {
			t.Fatalf("%+v, %v", on, err)
		}
		if f := on[0].Files[0]; f.State != store.FileKept || f.Manifest != sent.Files[0].Manifest || f.Key != sent.Files[0].Key {
			t.Errorf("%+v", f)
		}
		if !bob.comesTo(on[0].ID, chat.StateDelivered, time.Minute) {
			t.Fatal("it does not come")
		}
		if refs, err := cleo.store.Files(on[0].ID); err != nil || len(refs) != 1 || refs[0].Name != "menu.pdf" {
			t.Errorf("%+v, %v", refs, err)
		}
		edited, err := ann.Messages().Edit(t.Context(), sent.ID, "for lunch")
		if err != nil || edited.Text != "for lunch" || len(edited.Files) != 1 {
			t.Errorf("%+v, %v", edited, err)
		}
		if _, err := ann.Messages().Edit(t.Context(), sent.ID, ""); err != nil {
			t.Error(err)
		}
	})
}

// What somebody unknown attaches is decided about in parts, with pauses: thousands of attachments would keep a core
// busy. Those of a contact are decided about at once.
func TestManyAttachmentsOfSomebodyUnknown(t *testing.T) {
	const (
		messages = 32
		pauses   = time.Second // for 1,024 attachments, with a pause after each 128
	)
	t.Parallel()
	for name, contact := range map[string]bool{"somebody unknown": false, "a contact": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, 519, func(t *testing.T, w *world) {
				all := w.people("Ann", "Bob")
				ann, bob := all[0], all[1]
				ann.meets(soon, bob)
				if contact {
					if _, err := ann.Contacts().Accept(t.Context(), bob.who.person.String(), ""); err != nil {
						t.Fatal(err)
					}
				}
				var names []string
				for i := range event.MaxAttachments {
					names = append(names, fmt.Sprint("plan ", i))
				}
				begun := time.Now()
				for range messages {
					bob.attaches("Ann", names...)
				}
				undecided := func() int {
					refs, _, err := ann.store.FilesIn(store.FileNew, nil, 1000)
					if err != nil {
						t.Fatal(err)
					}
					return len(refs)
				}
				came := func() int {
					rows, err := ann.store.Attached(nil, nil, messages, nil)
					if err != nil {
						t.Fatal(err)
					}
					return len(rows)
				}
				for came() < messages || undecided() > 0 {
					if time.Since(begun) > time.Minute {
						t.Fatalf("of %d messages %d attachments are not decided about", came(), undecided())
					}
					time.Sleep(10 * time.Millisecond)
				}
				if took := time.Since(begun); took >= pauses == contact {
					t.Errorf("it took %s", took)
				}
			})
		})
	}
}

// However many strangers have attached something, it is decided about what a contact attaches before it is decided about
// all of that.
func TestContactsBeforeStrangers(t *testing.T) {
	t.Parallel()
	const strangers, messages = 8, 8
	inWorld(t, 641, func(t *testing.T, w *world) {
		all := w.people("Ann", "Bob")
		ann, bob := all[0], all[1]
		ann.meets(soon, bob)
		if _, err := ann.Contacts().Accept(t.Context(), bob.who.person.String(), ""); err != nil {
			t.Fatal(err)
		}
		undecided := func() int {
			refs, _, err := ann.store.FilesIn(store.FileNew, nil, 10_000)
			if err != nil {
				t.Fatal(err)
			}
			return len(refs)
		}
		for i := range strangers {
			m := w.mallory(fmt.Sprint("Mallory ", i))
			m.greet(ann)
			m.offer()
			var events []event.Event
			for range messages {
				events = append(events, m.attaches(event.MaxAttachments))
			}
			m.send(m.run(events...))
		}
		w.within(soon, "strangers wait", func() bool { return undecided() > strangers*messages*event.MaxAttachments/2 })
		before := undecided()
		plan := bob.attaches("Ann", "plan")
		decided := func() bool {
			refs, err := ann.store.Files(plan.ID)
			return err == nil && len(refs) == 1 && refs[0].State != store.FileNew
		}
		for end := time.Now().Add(soon); !decided(); time.Sleep(10 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatal("it is not decided")
			}
		}
		if still := undecided(); before-still > 3*64 { // three turns of strangers
			t.Errorf("of %d attachments of strangers only %d still wait", before, still)
		}
		w.within(2*soon, "all is decided", func() bool { return undecided() == 0 })
	})
}

// A contact who sends attachments without end leaves the processor to others: about a thousand are decided each second.
func TestManyAttachmentsOfAContact(t *testing.T) {
	t.Parallel()
	inWorld(t, 642, func(t *testing.T, w *world) {
		ann := w.people("Ann")[0]
		m := w.mallory("Mallory")
		m.greet(ann)
		if _, err := ann.Contacts().Accept(t.Context(), m.person.String(), ""); err != nil {
			t.Fatal(err)
		}
		m.offer()
		undecided := func() int {
			refs, _, err := ann.store.FilesIn(store.FileNew, nil, 100_000)
			if err != nil {
				t.Fatal(err)
			}
			return len(refs)
		}
		const runs, messages = 50, 8
		began := time.Now()
		for range runs {
			var events []event.Event
			for range messages {
				events = append(events, m.attaches(event.MaxAttachments))
			}
			m.send(m.run(events...))
		}
		w.within(20*time.Second, "all has come", func() bool {
			n, err := ann.Messages().CountUnread()
			return err == nil && n == runs*messages
		})
		w.within(20*time.Second, "all is decided", func() bool { return undecided() == 0 })
		const all, turn, pause = runs * messages * event.MaxAttachments, 64, 50 * time.Millisecond
		const least = (all/turn - 1) * pause
		if took := time.Since(began); took < least || took > least*3/2 {
			t.Errorf("%d were decided within %v, want %v", all, took, least)
		}
	})
}
