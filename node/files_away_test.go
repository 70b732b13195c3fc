package node

import (
	"testing"
	"time"

	"github.com/earshot-im/earshot/node/chat"
	"github.com/earshot-im/earshot/node/files"
	"github.com/earshot-im/earshot/node/people"
)

const day = 24 * time.Hour

// knowsOf is what the sender of a file with one person to read it, or more, knows of it at one of them.
func (m *machine) knowsOf(sent chat.Message, reader *machine) string {
	m.w.t.Helper()
	all, _, err := m.Files().List(m.w.t.Context(), files.Page{ID: &sent.ID, Limit: 1})
	if err != nil || len(all) != 1 {
		m.w.t.Fatalf("%s lists %v, %v", m.name, all, err)
	}
	for _, h := range all[0].Holders {
		if h.Person.ID == reader.who.person {
			return h.States[0]
		}
	}
	return ""
}

// TestReaderIsAwayForADay has one of three members be off for a day, and come back when the sender is off: the
// sender keeps the copy until then, and knows who has it.
func TestReaderIsAwayForADay(t *testing.T) {
	t.Parallel()
	inWorld(t, 630, func(t *testing.T, w *world) {
		ms := w.people("Ann", "Bob", "Cleo")
		w.acquaint(ms...)
		ann, bob, cleo := ms[0], ms[1], ms[2]
		group := ann.makes("lunch", bob, cleo)
		for _, m := range []*machine{bob, cleo} {
			m.fetches(people.FetchOn)
		}
		cleo.stop()
		path, content := w.file("menu.pdf", 3<<20+7)
		sent := ann.handsTo(group.String(), files.Adding{Path: path})
		bob.holds(10*time.Second, sent.ID, files.StateHeld)
		time.Sleep(day)
		for reader, want := range map[*machine]string{bob: files.StateHeld, cleo: files.StateOffered} {
			if got := ann.knowsOf(sent, reader); got != want {
				t.Errorf("after a day Ann knows that it is %s at %s, want %s", got, reader.name, want)
			}
		}
		if a := ann.attached(sent.ID); a.State != files.StateKept {
			t.Errorf("after a day at Ann it is %s", a.State)
		}

		ann.stop()
		cleo.start(bob.address())
		cleo.holds(10*time.Second, sent.ID, files.StateHeld) // from Bob
		cleo.saves(10*time.Second, sent.ID, content)
		ann.start()
		ann.meets(time.Minute, cleo)
		ann.holds(10*time.Second, sent.ID, files.StateGone) // everybody has it
		if got := ann.knowsOf(sent, cleo); got != files.StateHeld {
			t.Errorf("Ann knows that it is %s at Cleo", got)
		}
	})
}

// TestReaderIsAwayForAMonth has a reader be off for longer than a copy is kept. Who was the only one to have it
// can't get it any more, until it is sent again; a member of a group gets it from another.
func TestReaderIsAwayForAMonth(t *testing.T) {
	t.Parallel()
	inWorld(t, 631, func(t *testing.T, w *world) {
		ms := w.people("Ann", "Bob", "Cleo")
		w.acquaint(ms...)
		ann, bob, cleo := ms[0], ms[1], ms[2]
		group := ann.makes("lunch", bob, cleo)
		cleo.trusts(ann)
		for _, m := range []*machine{bob, cleo} {
			m.fetches(people.FetchOn)
		}
		cleo.stop()
		path, content := w.file("menu.pdf", 3<<20+7)
		inGroup := ann.handsTo(group.String(), files.Adding{Path: path})
		other, _ := w.file("bill.pdf", 2<<20)
		alone := ann.hands(cleo, files.Adding{Path: other})
		bob.holds(10*time.Second, inGroup.ID, files.StateHeld)

		pass := func(d time.Duration) { // the clock of the wall
			for _, m := range ms {
				m.skew.Add(int64(d))
			}
			time.Sleep(2 * time.Minute)
		}
		pass(29 * day)
		for _, sent := range []chat.Message{inGroup, alone} {
			if a := ann.attached(sent.ID); a.State != files.StateKept {
				t.Errorf("after 29 days it is %s", a.State)
			}
		}
		pass(day)
		for _, sent := range []chat.Message{inGroup, alone} {
			if a := ann.attached(sent.ID); a.State != files.StateGone {
				t.Errorf("after 30 days it is %s", a.State)
			}
		}
		cleo.start(ann.address(), bob.address())
		cleo.holds(time.Minute, inGroup.ID, files.StateHeld)
		cleo.saves(10*time.Second, inGroup.ID, content)
		w.within(time.Minute, "Cleo is told that it is gone", func() bool {
			a := cleo.attached(alone.ID)
			return a.State == files.StateGone && a.Had == 0
		})
		w.within(time.Minute, "Ann knows that Cleo still wants it", func() bool { return ann.knowsOf(alone, cleo) == files.StatePaused })
		again := ann.hands(cleo, files.Adding{Path: other})
		cleo.holds(time.Minute, again.ID, files.StateHeld)
	})
}
