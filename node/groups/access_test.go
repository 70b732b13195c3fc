package groups

import (
	"bytes"
	"slices"
	"testing"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/authority"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/event"
)

// People hear of the groups that both are in, quietly of those that one has left, and of no other.
func TestShared(t *testing.T) {
	all, lunch := newMembers(t, 4)
	ann, bob, cleo, eve := all[0], all[1], all[2], all[3]
	dinner, err := ann.Create(t.Context(), "dinner")
	check(t, err)
	for _, id := range []event.Conversation{lunch, dinner} {
		ann.invites(id, bob)
		ann.invites(id, cleo)
		ann.tells(id, bob)
	}
	shared := func(with *member) map[event.Conversation]Shared {
		t.Helper()
		list := ann.Shared(with.person)
		out := make(map[event.Conversation]Shared)
		for i, s := range list {
			out[s.ID] = s
			if i > 0 && bytes.Compare(list[i-1].ID[:], s.ID[:]) >= 0 {
				t.Error("not in order")
			}
			if secret, err := ann.Secret(s.ID); err != nil || s.Secret != secret {
				t.Errorf("%+v", s)
			}
		}
		return out
	}
	if got := shared(bob); len(got) != 2 || got[lunch].Quiet || !got[lunch].Welcome || got[dinner].Quiet {
		t.Errorf("with a member: %+v", got)
	}
	if got := bob.Shared(cleo.person); len(got) != 2 || got[0].Welcome || got[1].Welcome {
		t.Errorf("with whom another has brought in: %+v", got)
	}
	if got := shared(eve); len(got) > 0 {
		t.Errorf("with who was never in: %+v", got)
	}
	ann.removes(lunch, bob)
	if got := shared(bob); len(got) != 2 || !got[lunch].Quiet || got[dinner].Quiet {
		t.Errorf("with who was removed: %+v", got)
	}
	ann.removes(dinner, ann)
	if got := shared(bob); len(got) != 2 || !got[lunch].Quiet || !got[dinner].Quiet {
		t.Errorf("with a member of what the owner has left: %+v", got)
	}
	if !ann.Fellows(cleo.person, bob.person) || ann.Fellows(eve.person, bob.person) || !ann.Fellows(bob.person, ann.person) {
		t.Error("fellows are not those who are or were in one group, one of them still")
	}
	ann.removes(lunch, ann)
	if got := shared(bob); len(got) != 1 || !got[dinner].Quiet {
		t.Errorf("where both are out: %+v", got)
	}
	if ann.Fellows(ann.person, bob.person) {
		t.Error("fellow of who is out of every group")
	}
}

// Who was removed is served what was written before and the removal itself, and nothing by who knew
// of it.
func TestServesAndAccepts(t *testing.T) {
	all, id := newMembers(t, 4)
	ann, bob, cleo, eve := all[0], all[1], all[2], all[3]
	ann.invites(id, bob, cleo)
	before := ann.Heads(id)
	ann.removes(id, bob)
	after := ann.Heads(id)
	for _, test := range []struct {
		what    string
		to      *member
		control []crypto.Hash
		want    bool
	}{
		{"a member, what was", cleo, before, true},
		{"a member, what is", cleo, after, true},
		{"who was removed, what was", bob, before, true},
		{"who was removed, what is", bob, after, false},
		{"a stranger, what was", eve, before, false},
		{"a member, what is not known", cleo, []crypto.Hash{{1}}, false},
	} {
		if got := ann.Serves(id, test.to.person, test.control); got != test.want {
			t.Errorf("serves %s: %v", test.what, got)
		}
	}
	if !ann.Ever(id, bob.person) || ann.Ever(id, eve.person) {
		t.Error("ever in is not who is or was")
	}
	if !ann.Covers(id, after, before) || ann.Covers(id, before, after) {
		t.Error("what is covered is not what is in the past")
	}
	for _, test := range []struct {
		control []crypto.Hash
		want    bool
		err     error
	}{{before, false, nil}, {after, true, nil}, {[]crypto.Hash{{1}}, false, authority.ErrParent}} {
		if current, err := ann.Current(id, test.control); current != test.want || err != test.err {
			t.Errorf("under %x: current %v, %v", test.control, current, err)
		}
	}

	// A log that the removal doesn't list has no entry that counts, unless its author did not know
	// of it: see authority.
	for _, test := range []struct {
		what string
		by   *member
		run  event.Event
		want error
	}{
		{"a member's message", cleo, cleo.says(id, after, 1), nil},
		{"a stranger's message", eve, eve.says(id, after, 1), authority.ErrNotPermitted},
		{"a message of who was removed", bob, bob.says(id, before, 1), authority.ErrCut},
		{"a message of who knew of it", bob, bob.says(id, after, 1), authority.ErrNotPermitted},
		{"a message under what is not known", cleo, cleo.says(id, []crypto.Hash{{1}}, 1), authority.ErrParent},
		{"a control event that is not known", ann, ann.writes(id, after, event.Topic{Topic: "Pizza"}), authority.ErrParent},
		{"a create event that is not known", ann, ann.writes(event.Conversation{}, nil, event.Create{Person: ann.person, Name: "x",
			History: event.History{Policy: event.HistoryAll}}), ErrUnknown},
	} {
		wants(t, ann.Accepts(test.by.person, &event.Run{Events: []event.Event{test.run}}), test.want)
	}
	stored, err := ann.store.Controls(id)
	check(t, err)
	for _, e := range stored {
		check(t, ann.Accepts(ann.person, &event.Run{Events: []event.Event{e}}))
	}
}

// What somebody lacks comes parents first, in bounded parts, and ends for who was removed with the
// removal.
func TestMissing(t *testing.T) {
	all, id := newMembers(t, 2)
	ann, bob := all[0], all[1]
	ann.invites(id, bob)
	for _, topic := range []string{"Pizza", "Soup", "Salad"} {
		ann.does(id, event.Topic{Topic: topic})
	}
	part := func(maxEvents, maxBytes int) (events []event.Event, more bool) {
		t.Helper()
		events, more, err := ann.Missing(id, bob.person, bob.Locator(id), maxEvents, maxBytes)
		check(t, err)
		return events, more
	}
	if events, more := part(10, 1<<20); len(events) != 3 || more {
		t.Errorf("%d events, more: %v", len(events), more)
	}
	if events, more := part(2, 1<<20); len(events) != 2 || !more {
		t.Errorf("of two at most: %d events, more: %v", len(events), more)
	}
	for more := true; more; {
		var events []event.Event
		if events, more = part(10, 1); len(events) != 1 {
			t.Fatalf("of one byte at most: %d events", len(events))
		}
		check(t, bob.admits(id, events...))
	}
	if bob.state(id).Topic != "Salad" {
		t.Errorf("the topic is %q", bob.state(id).Topic)
	}
	ann.removes(id, bob)
	ann.does(id, event.Topic{Topic: "Secret"})
	ann.tells(id, bob)
	if s := bob.state(id); s.Topic != "Salad" || bob.in(id, bob) {
		t.Errorf("who was removed knows of %q", s.Topic)
	}
	if events, more := part(10, 1<<20); len(events) > 0 || more {
		t.Errorf("%d events go on to who was removed", len(events))
	}
}

// A message is for who was a member when it was written and still is, but for oneself.
func TestReaders(t *testing.T) {
	all, id := newMembers(t, 3)
	ann, bob, cleo := all[0], all[1], all[2]
	ann.invites(id, bob)
	early := ann.Heads(id)
	ann.invites(id, cleo)
	late := ann.Heads(id)
	readers := func(control []crypto.Hash, want ...*member) {
		t.Helper()
		got := ann.Readers(id, control)
		if len(got) != len(want) || slices.ContainsFunc(want, func(m *member) bool { return !slices.Contains(got, m.person) }) {
			t.Errorf("%d readers, want %d", len(got), len(want))
		}
	}
	readers(early, bob)
	readers(late, bob, cleo)
	readers([]crypto.Hash{{1}}, bob, cleo) // unknown: who is in now
	ann.removes(id, bob)
	readers(early)
	readers(late, cleo)
	if ann.Readers(event.Conversation{1}, late) != nil {
		t.Error("readers in no group")
	}
}

// Newcomers get what the policy says that was in force when they came.
func TestReadable(t *testing.T) {
	const day = 24 * 60 * 60 * 1000
	all, id := newMembers(t, 5)
	ann := all[0]
	first := ann.Heads(id)
	writer := all[1]
	ann.invites(id, writer)
	policies := []event.History{{Policy: event.HistoryJoined}, {Policy: event.HistoryDays, Days: 2}, {Policy: event.HistoryAll}}
	came := make([]int64, len(policies))
	for i, policy := range policies {
		if i > 0 { // the first is that of a new group
			ann.does(id, policy)
		}
		ann.invites(id, all[i+2])
		m, _ := ann.state(id).Member(all[i+2].person)
		came[i] = m.JoinedClock
	}
	last := ann.Heads(id)
	for i, test := range []struct{ from, recalls int }{{3, 1}, {1, 2}, {0, 3}} {
		run := event.Run{
			Events: []event.Event{ // as the one log of a writer who first knows of nobody
				writer.says(id, first, came[i]-3*day),
				writer.says(id, first, came[i]-day),
				writer.says(id, first, came[i]-1),
				writer.says(id, last, came[i]-3*day), // the clock is wrong, but its author knew of them
			},
			Recalls: []event.Event{writer.says(id, first, came[i]-3*day), writer.says(id, first, came[i]-day), writer.says(id, last, came[i])},
		}
		whole := slices.Clone(run.Recalls)
		got, err := ann.Readable(run, all[i+2].person)
		check(t, err)
		if len(got.Events) != 4-test.from || got.Events[0].ID != run.Events[test.from].ID || len(got.Recalls) != test.recalls {
			t.Errorf("%v: %d events and %d recalls", policies[i].Policy, len(got.Events), len(got.Recalls))
		}
		if !slices.EqualFunc(run.Recalls, whole, func(a, b event.Event) bool { return a.ID == b.ID }) {
			t.Error("the run was changed in its place")
		}
	}
	nothing, err := ann.Readable(event.Run{Events: []event.Event{writer.says(id, first, came[0]-1)}}, all[2].person)
	if check(t, err); len(nothing.Events) > 0 {
		t.Error("something of what was before they came")
	}
	if _, err := ann.Readable(event.Run{Events: []event.Event{writer.says(id, first, 1)}}, crypto.PersonID{1}); err != ErrNotMember {
		t.Errorf("a stranger: %v", err)
	}
}

// What stands past a cut is refused and hidden: also what was let in before the removal and stored
// after it, once Limit looks.
func TestLimitHidesWhatIsCut(t *testing.T) {
	o := newOffice(t)
	heard, late := o.hire(), o.hire()
	o.say(heard, 3, true)
	o.say(heard, 2, false) // on its way
	o.say(late, 2, false)
	shown := func(want int) {
		t.Helper()
		rows, err := o.store.Rows(o.id, store.Page{Limit: 100})
		check(t, err)
		if len(rows) != want {
			t.Errorf("%d messages are shown, want %d", len(rows), want)
		}
	}
	for _, p := range []crypto.PersonID{heard, late} {
		check(t, o.TakeOut(t.Context(), o.id, func(*authority.State) (crypto.PersonID, error) { return p, nil }))
	}
	shown(3)
	_, err := o.store.BeginIngest(t.Context(), event.Run{Events: o.said[heard][3:]}, store.Origin{Author: heard})()
	wants(t, err, store.ErrCut)
	o.keep(late, event.Run{Events: o.said[late]}) // the removal knew no log of theirs, so nothing in it counts
	shown(5)
	check(t, o.Limit(t.Context(), o.id))
	shown(3)
	wants(t, o.Limit(t.Context(), event.Conversation{1}), ErrUnknown)
}

// Somebody is a fellow as long as they and the owner are in a group.
func TestFellow(t *testing.T) {
	all, id := newMembers(t, 3)
	ann, bob, cleo := all[0], all[1], all[2]
	if ann.Fellow(bob.person) {
		t.Error("a fellow before any invitation")
	}
	ann.invites(id, bob)
	if !ann.Fellow(bob.person) || !bob.Fellow(ann.person) || ann.Fellow(cleo.person) {
		t.Error("not a fellow in the group of both, or a fellow without")
	}
	ann.removes(id, bob)
	ann.tells(id, bob)
	if ann.Fellow(bob.person) || bob.Fellow(ann.person) {
		t.Error("a fellow after the removal")
	}
}
