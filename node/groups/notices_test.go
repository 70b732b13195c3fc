package groups

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/authority"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/event"
)

// told returns what a member was told since the last call, a line for each notice.
func (m *member) told(names map[crypto.PersonID]string) string {
	m.t.Helper()
	all, err := m.store.Notices(m.heard, 1000)
	check(m.t, err)
	var out []string
	for _, n := range all {
		m.heard = n.N
		out = append(out, said(n, names))
	}
	return strings.Join(out, "; ")
}

// said puts a notice into words.
func said(n store.Notice, names map[crypto.PersonID]string) string {
	var whom []string
	for _, p := range n.Whom {
		whom = append(whom, names[p])
	}
	by := "somebody"
	if n.By != (crypto.PersonID{}) {
		by = names[n.By]
	}
	out := ""
	switch n.What {
	case store.GroupCreated:
		out = by + " made " + n.Name
	case store.GroupJoined:
		out = by + " added " + strings.Join(whom, "+") + " to " + n.Name
	case store.GroupLeft:
		out = strings.Join(whom, "+") + " left " + n.Name
		if n.By != (crypto.PersonID{}) {
			out += " by " + by
		}
	case store.GroupRemoved:
		out = by + " removed " + strings.Join(whom, "+") + " from " + n.Name
	case store.GroupRenamed:
		out = by + " renamed " + n.Was + " to " + n.Name
	case store.GroupTopic:
		out = by + " set topic " + n.Text
	case store.GroupHistory:
		out = by + " set history " + n.History.Policy.String()
	case store.GroupRole:
		out = by + " made " + strings.Join(whom, "+") + " " + n.Role.String()
	case store.GroupFrozen:
		out = "frozen"
	}
	if n.Others > 0 {
		out += fmt.Sprint(" and ", n.Others, " more")
	}
	return out
}

// trio is a group of three, whose notices so far have been read.
func trio(t *testing.T) (ann, bob, cleo *member, id event.Conversation, names map[crypto.PersonID]string) {
	t.Helper()
	all, id := newMembers(t, 3)
	ann, bob, cleo = all[0], all[1], all[2]
	names = map[crypto.PersonID]string{ann.person: "ann", bob.person: "bob", cleo.person: "cleo"}
	ann.invites(id, bob, cleo)
	ann.tells(id, bob)
	for m, want := range map[*member]string{
		ann:  "ann made lunch; ann added bob to lunch; ann added cleo to lunch",
		bob:  "ann added bob to lunch; ann added cleo to lunch",
		cleo: "ann added cleo to lunch", // and not what the group was before
	} {
		if got := m.told(names); got != want {
			t.Errorf("%s was told %q, want %q", names[m.person], got, want)
		}
	}
	return ann, bob, cleo, id, names
}

// hears checks what a member was told since the last time.
func (m *member) hears(names map[crypto.PersonID]string, want string) {
	m.t.Helper()
	if got := m.told(names); got != want {
		m.t.Errorf("%s was told %q, want %q", names[m.person], got, want)
	}
}

// The owner is told what others do in a group and whom it concerns, once each.
func TestOwnerIsToldWhatHappensInAGroup(t *testing.T) {
	ann, bob, cleo, id, names := trio(t)
	for _, test := range []struct {
		act  event.Control
		want string
	}{
		{event.Rename{Name: "dinner"}, "ann renamed lunch to dinner"},
		{event.Topic{Topic: "soup"}, "ann set topic soup"},
		{event.History{Policy: event.HistoryAll}, "ann set history all"},
		{event.RoleChange{Person: bob.person, Role: event.RoleAdmin}, "ann made bob admin"},
		{event.Rename{Name: "dinner"}, ""},
	} {
		ann.does(id, test.act)
		ann.tells(id, bob)
		ann.hears(names, test.want)
		bob.hears(names, test.want)
		bob.reopen()
		bob.Tell(t.Context(), id)
		bob.hears(names, "")
	}
	cleo.does(id, event.Leave{})
	cleo.hears(names, "cleo left lunch by cleo")
	cleo.tells(id, bob)
	bob.hears(names, "cleo left dinner")
}

// Who is removed is told so, and of nothing after that until they are added again.
func TestOwnerIsToldOfTheirRemoval(t *testing.T) {
	ann, bob, cleo, id, names := trio(t)
	ann.removes(id, bob)
	ann.tells(id, bob)
	bob.hears(names, "ann removed bob from lunch")
	ann.removes(id, cleo)
	ann.does(id, event.Rename{Name: "dinner"})
	ann.tells(id, bob)
	bob.hears(names, "")
	ann.invites(id, bob)
	bob.hears(names, "ann added bob to dinner")
}

// A program that ends after a change is on the disk and before the owner was told tells it at the
// next start, once.
func TestNoticesAreToldAfterACrash(t *testing.T) {
	ann, bob, cleo, id, names := trio(t)
	ann.does(id, event.Rename{Name: "dinner"})
	ann.removes(id, cleo)
	check(t, bob.store.PutControls(t.Context(), id, ann.lacks(id, bob)))
	bob.hears(names, "") // the program ends here
	bob.reopen()
	bob.Tell(t.Context(), id)
	bob.hears(names, "ann renamed lunch to dinner; ann removed cleo from dinner")
	bob.reopen()
	bob.Tell(t.Context(), id)
	bob.hears(names, "")
	ann.does(id, event.Topic{Topic: "soup"})
	ann.tells(id, bob)
	bob.hears(names, "ann set topic soup")
}

// A new group is told of although the program ended right after it was on the disk.
func TestNewGroupIsToldAfterACrash(t *testing.T) {
	all, id := newMembers(t, 2)
	ann, bob := all[0], all[1]
	names := map[crypto.PersonID]string{ann.person: "ann", bob.person: "bob"}
	ann.does(id, event.Invite{Persons: []crypto.PersonID{bob.person}})
	check(t, bob.store.PutControls(t.Context(), id, ann.lacks(id, bob)))
	bob.reopen()
	bob.Tell(t.Context(), id)
	bob.hears(names, "ann added bob to lunch")
}

// What was not told, since nothing could be written, is told with the next change.
func TestNoticesThatWereNotKeptAreToldWithTheNext(t *testing.T) {
	ann, bob, _, id, names := trio(t)
	ann.does(id, event.Rename{Name: "dinner"})
	check(t, bob.store.PutControls(t.Context(), id, ann.lacks(id, bob)))
	bob.reopen()
	bob.hears(names, "")
	ann.does(id, event.Topic{Topic: "soup"})
	check(t, bob.admits(id, ann.lacks(id, bob)...))
	bob.hears(names, "ann renamed lunch to dinner; ann set topic soup")
}

// Of changes that were made without knowing of each other, the owner is told what came of them,
// also where one undoes what they were told before.
func TestNoticesOfConcurrentChanges(t *testing.T) {
	ann, bob, cleo, id, names := trio(t)
	ann.does(id, event.RoleChange{Person: bob.person, Role: event.RoleAdmin})
	ann.tells(id, bob)
	ann.tells(id, cleo)
	cleo.hears(names, "ann made bob admin")
	bob.does(id, event.Rename{Name: "supper"})
	bob.tells(id, cleo)
	cleo.hears(names, "bob renamed lunch to supper")
	ann.removes(id, bob) // she doesn't know of the rename, which therefore doesn't count
	check(t, cleo.store.PutControls(t.Context(), id, ann.lacks(id, cleo)))
	cleo.reopen()
	cleo.Tell(t.Context(), id)
	cleo.hears(names, "somebody renamed supper to lunch; ann removed bob from lunch")
	cleo.reopen()
	cleo.Tell(t.Context(), id)
	cleo.hears(names, "")

	ann.does(id, event.Topic{Topic: "soup"})
	topic := ann.lacks(id, cleo)
	cleo.does(id, event.Leave{})
	check(t, cleo.admits(id, topic...))
	cleo.hears(names, "cleo left lunch by cleo")
}

// Who becomes the owner of a group because no other is left was made that by nobody.
func TestNoticeOfSuccession(t *testing.T) {
	ann, bob, _, id, names := trio(t)
	check(t, ann.TakeOut(t.Context(), id, func(*authority.State) (crypto.PersonID, error) { return ann.person, nil }))
	ann.tells(id, bob)
	bob.hears(names, "somebody made bob owner; ann left lunch")
}

// However many control events come at once, a few notices tell what is so now, and none of them is
// long.
func TestFloodOfControlEventsIsAFewNotices(t *testing.T) {
	ann, bob, _, id, names := trio(t)
	for i := range 100 {
		ann.does(id, event.Rename{Name: fmt.Sprint("room ", i)})
		ann.does(id, event.Topic{Topic: strings.Repeat("x", event.MaxTopic)})
	}
	crowd := make([]crypto.PersonID, 3*store.MaxWhom)
	for i := range crowd {
		crowd[i] = crypto.PersonID{1, byte(i)}
	}
	for some := range slices.Chunk(crowd, event.MaxInvited) {
		ann.does(id, event.Invite{Persons: some})
	}
	check(t, bob.admits(id, ann.lacks(id, bob)...))
	all, err := bob.store.Notices(bob.heard, 1000)
	check(t, err)
	if len(all) != 3 {
		t.Fatalf("%d notices", len(all))
	}
	if got := said(all[0], names); got != "ann renamed lunch to room 99" {
		t.Error(got)
	}
	if joined := all[2]; joined.What != store.GroupJoined || len(joined.Whom) != store.MaxWhom || joined.Others != 2*store.MaxWhom {
		t.Errorf("%d came, and %d others", len(joined.Whom), joined.Others)
	}
}

// Where very many persons have each done something, some are named and the rest are told together;
// and the owner is named wherever they are concerned.
func TestNoticesByManyAreBounded(t *testing.T) {
	owner := crypto.PersonID{0xff}
	before, now := &authority.State{}, &authority.State{}
	join := func(s *authority.State, p, by crypto.PersonID) {
		s.Members = append(s.Members, authority.Member{Person: p, Role: event.RoleMember, InvitedBy: by})
		slices.SortFunc(s.Members, func(a, b authority.Member) int { return bytes.Compare(a.Person[:], b.Person[:]) })
	}
	for i := range 100 {
		join(now, crypto.PersonID{1, byte(i)}, crypto.PersonID{2, byte(i % 50)})
	}
	it := &group{state: now}
	deeds := it.deeds(before, owner)
	count := 0
	for _, d := range deeds {
		count += len(d.whom)
	}
	if len(deeds) != maxBy+1 || count != 100 || deeds[maxBy].by != (crypto.PersonID{}) || deeds[0].by == deeds[1].by || len(deeds[0].whom) != 2 {
		t.Errorf("%d deeds about %d persons: %+v", len(deeds), count, deeds)
	}
	d := deed{what: store.GroupRemoved, whom: append(make([]crypto.PersonID, store.MaxWhom), owner)}
	if n := d.notice(owner); n.Whom[0] != owner || len(n.Whom) != store.MaxWhom || n.Others != 1 {
		t.Errorf("the owner is not named: %v and %d", n.Whom[0], n.Others)
	}
}

// A group that this program can't follow any more is told of.
func TestOwnerIsToldOfAFrozenGroup(t *testing.T) {
	ann, bob, _, id, names := trio(t)
	newer := ann.signs(event.Header{Conversation: id, Control: ann.Heads(id), Kind: event.KindCuts + 9, Flags: event.FlagCritical}, nil)
	check(t, bob.admits(id, newer))
	bob.hears(names, "frozen")
}
