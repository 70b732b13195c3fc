//go:build lab && linux

package lab

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	// gathering allows for the handshakes of ten nodes on two slow processors, which other tests
	// use as well.
	gathering = time.Minute
	// caughtUp is how soon members who meet again show the same: they have to see each other, and
	// then send what was missed.
	caughtUp = 2 * promised
)

// A room is a group, and what should be seen in it.
type room struct {
	*lab
	id      string
	members []*node
	said    []string      // texts that every member is to show, each once; by one author in this order
	missed  map[*node]int // how many of the first of them a newcomer may not see
}

// start runs many nodes at once.
func (l *lab) start(nodes ...*node) {
	l.Helper()
	var starting sync.WaitGroup
	for _, n := range nodes {
		starting.Go(n.start)
	}
	starting.Wait()
	if l.Failed() {
		l.FailNow()
	}
}

// founds makes a group with others.
func (n *node) founds(name string, others ...*node) *room {
	n.Helper()
	g := n.one("group", "create", name)
	r := &room{lab: n.lab, id: g.text("id"), members: []*node{n}, missed: make(map[*node]int)}
	r.invite(n, others...)
	return r
}

// invite has an admin, whom the others accept as a contact, make these members, and waits until
// everybody knows.
func (r *room) invite(admin *node, others ...*node) {
	r.Helper()
	args := []string{"group", "invite", r.id}
	for _, o := range others {
		r.await(promised, o.name+" has accepted "+admin.name, func() bool {
			_, _, code := o.exec("", "accept", admin.person)
			return code == 0
		})
		args = append(args, o.person)
	}
	admin.must(args...)
	r.members = append(r.members, others...)
	r.await(promised, "everybody knows who is in the group", func() bool {
		return !slices.ContainsFunc(r.members, func(n *node) bool { return !slices.Equal(n.fellows(r.id), r.persons()) })
	})
}

// leaves takes a node off the list of those who are to show what is said.
func (r *room) leaves(gone *node) {
	r.members = slices.DeleteFunc(r.members, func(n *node) bool { return n == gone })
}

func (r *room) persons() (ids []string) {
	for _, n := range r.members {
		ids = append(ids, n.person)
	}
	slices.Sort(ids)
	return ids
}

// group is what the node says about a group, nil if it does not know it.
func (n *node) group(id string) object {
	n.Helper()
	for _, g := range n.must("group", "list") {
		if g.text("id") == id {
			return g
		}
	}
	return nil
}

// fellows are the persons in a group, sorted; none where the node knows no such group.
func (n *node) fellows(id string) (persons []string) {
	n.Helper()
	if n.group(id) == nil {
		return nil
	}
	for _, m := range n.must("group", "members", id) {
		persons = append(persons, m.text("person"))
	}
	slices.Sort(persons)
	return persons
}

// shows are the messages of a group as the node shows them, oldest first.
func (n *node) shows(id string) []object {
	n.Helper()
	return slices.DeleteFunc(n.must("history", id, "--limit", "10000"), func(m object) bool { return m.text("kind") != "text" })
}

func texts(messages []object) (texts []string) {
	for _, m := range messages {
		texts = append(texts, m.text("text"))
	}
	return texts
}

// says has a node write to the group; everybody is to see it.
func (r *room) says(n *node, text string) object {
	r.Helper()
	m := n.one("send", r.id, text)
	if to := m.in("to"); to.text("kind") != "group" || to.text("id") != r.id {
		r.Errorf("%s wrote to the group, but %q went to %v", n.name, text, to)
	}
	r.said = append(r.said, text)
	return m
}

// chat has nodes write in turns.
func (r *room) chat(about string, times int, nodes ...*node) {
	r.Helper()
	for i := range times {
		for _, n := range nodes {
			r.says(n, fmt.Sprintf("%s, %s %d", n.name, about, i+1))
		}
	}
}

func (r *room) await(within time.Duration, what string, ask func() bool) {
	r.Helper()
	r.members[0].until(within, what, ask)
}

// agree waits until all members show what was said, and expects that they do so in one order.
func (r *room) agree(within time.Duration) {
	r.Helper()
	began := time.Now()
	var order []string // IDs, of who may see everything
	for _, n := range r.members {
		want := r.said[r.missed[n]:]
		var shown []object
		if !poll(time.Until(began.Add(within)), func() bool { shown = n.shows(r.id); return len(shown) == len(want) }) {
			r.Fatalf("%s shows %d messages after %v, want %d:\n%s", n.name, len(shown), within, len(want), strings.Join(texts(shown), "\n"))
		}
		if got := texts(shown); !slices.Equal(slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(want))) {
			r.Fatalf("%s shows\n%s\nwant\n%s", n.name, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		var ids []string
		at := make(map[string]int) // how far an author has come
		for i, m := range shown {
			ids = append(ids, m.text("id"))
			author := m.in("from").text("person")
			place := slices.Index(want, m.text("text"))
			if place < at[author] {
				r.Errorf("%s shows %q as number %d, after what its author wrote later", n.name, m.text("text"), i+1)
			}
			at[author] = place
			if m.yes("gap") {
				r.Errorf("%s shows a gap before %q", n.name, m.text("text"))
			}
		}
		if order == nil {
			order = ids
		} else if !slices.Equal(ids, order[r.missed[n]:]) {
			r.Errorf("%s and %s show the same messages in different orders:\n%s", r.members[0].name, n.name, strings.Join(texts(shown), "\n"))
		}
	}
	r.Logf("%d members show %d messages in one order after %v", len(r.members), len(r.said), since(began))
}

// online waits until an observer sees so many members here.
func (r *room) online(within time.Duration, observer *node, count int) {
	r.Helper()
	observer.until(within, fmt.Sprintf("%s sees %d members online", observer.name, count), func() bool {
		online, _ := observer.group(r.id)["online"].(float64)
		return int(online) == count
	})
}

// TestTenMembers pulls cables while others talk, removes a member and lets others in late.
func TestTenMembers(t *testing.T) {
	l := newLab(t)
	hosts, cables := l.hosts(l.bridge(), 10)
	var all []*node
	for i, name := range []string{"Ann", "Bob", "Cleo", "Dora", "Emil", "Fay", "Mallory", "Gus", "Hal", "Ida"} {
		all = append(all, hosts[i].node(name))
	}
	l.start(all...)
	meet(gathering, all...)
	ann, bob, cleo, mallory, late := all[0], all[1], all[2], all[6], all[7:]
	r := ann.founds("lunch", all[1:7]...)
	r.chat("good morning", 1, r.members...)
	r.agree(promised)

	// Bob's host sees that its cable is out, Cleo's sees nothing.
	cables[1].out()
	cables[2].cut()
	r.chat("while cables are out", 5, r.members...)
	r.online(noticed, ann, 5)
	r.chat("with two offline", 2, r.members...)
	for _, n := range []*node{bob, cleo} {
		n.until(noticed, n.name+" shows the others offline", func() bool { count, _ := n.online(); return count == 0 })
	}
	cables[1].in()
	cables[2].mend()
	r.agree(caughtUp)

	cables[6].out()
	r.online(noticed, ann, 6)
	ann.must("group", "remove", r.id, mallory.person)
	seen := texts(mallory.shows(r.id))
	var lost []string
	for i := range 3 { // before Mallory's node knows of the removal
		lost = append(lost, fmt.Sprintf("Mallory, removed %d", i+1))
		mallory.must("send", r.id, lost[i])
	}
	r.leaves(mallory)
	r.chat("without Mallory", 2, r.members...)
	cables[6].in()
	mallory.until(caughtUp, "Mallory knows of the removal", func() bool { return mallory.group(r.id).text("role") == "" })
	mallory.sees(promised, ann, bob)
	r.chat("beside Mallory", 2, r.members...)
	r.agree(caughtUp)
	if _, stderr, code := mallory.exec("", "send", r.id, "to whom?"); code != 1 {
		t.Errorf("who was removed may send: exit %d %s", code, stderr)
	}

	if policy := ann.one("group", "history", r.id).text("history"); policy != "joined" {
		t.Errorf("newcomers may read %q by default, want joined", policy)
	}
	for i, policy := range []string{"joined", "2d", "all"} {
		if policy != "joined" {
			ann.must("group", "history", r.id, policy)
		} else {
			r.missed[late[i]] = len(r.said)
		}
		r.invite(ann, late[i])
		r.agree(caughtUp)
		r.chat("with who may read "+policy, 1, r.members...)
		r.agree(promised)
	}
	// By now Mallory had all the time that the others took to tell ten members.
	if got := texts(mallory.shows(r.id)); slices.ContainsFunc(got, func(text string) bool { return !slices.Contains(seen, text) && !slices.Contains(lost, text) }) {
		t.Errorf("after the removal Mallory received some of\n%s", strings.Join(got, "\n"))
	}
	for _, n := range r.members {
		if !slices.Equal(n.fellows(r.id), r.persons()) {
			t.Errorf("%s shows as members %v, want %v", n.name, n.fellows(r.id), r.persons())
		}
	}
}

// TestGroupSplit has two halves of a group talk, each by itself, and change it.
func TestGroupSplit(t *testing.T) {
	l := newLab(t)
	bridge, other := l.bridge(), l.bridge()
	hosts, cables := l.hosts(bridge, 6)
	var all []*node
	for i, name := range []string{"Ann", "Bob", "Cleo", "Dora", "Emil", "Fay"} {
		all = append(all, hosts[i].node(name))
	}
	l.start(all...)
	meet(gathering, all...)
	ann, dora := all[0], all[3]
	r := ann.founds("lunch", all[1:]...)
	ann.must("group", "role", r.id, dora.person, "admin")
	r.chat("together", 1, all...)
	r.agree(promised)
	dora.until(promised, "Dora is an admin", func() bool { return dora.group(r.id).text("role") == "admin" })

	for _, c := range cables[3:] {
		c.move(other)
	}
	r.chat("as the network parts", 2, all...)
	r.online(noticed, ann, 3)
	r.online(noticed, dora, 3)
	r.chat("parted", 5, all...)
	ann.must("group", "rename", r.id, "dinner")
	dora.must("group", "topic", r.id, "Pizza on Fridays")
	for _, c := range cables[3:] {
		c.move(bridge)
	}
	r.agree(noticed + caughtUp)
	for _, n := range all {
		n.until(promised, n.name+" has what both halves have set", func() bool {
			g := n.group(r.id)
			return g.text("name") == "dinner" && g.text("topic") == "Pizza on Fridays"
		})
	}
}

// TestRemovedElsewhere removes somebody whom only the other half of a split group hears.
func TestRemovedElsewhere(t *testing.T) {
	l := newLab(t)
	bridge, other := l.bridge(), l.bridge()
	hosts, cables := l.hosts(bridge, 4)
	ann, bob, cleo, mallory := hosts[0].node("Ann"), hosts[1].node("Bob"), hosts[2].node("Cleo"), hosts[3].node("Mallory")
	l.start(ann, bob, cleo, mallory)
	meet(gathering, ann, bob, cleo, mallory)
	r := ann.founds("lunch", bob, cleo, mallory)
	r.chat("together", 1, r.members...)
	r.agree(promised)

	cables[2].move(other)
	cables[3].move(other)
	r.online(noticed, ann, 2)
	ann.must("group", "remove", r.id, mallory.person)
	mallory.must("send", r.id, "Mallory, to Cleo only")
	cleo.until(promised, "Cleo has heard Mallory", func() bool { return slices.Contains(texts(cleo.shows(r.id)), "Mallory, to Cleo only") })
	r.leaves(mallory)
	r.chat("parted", 2, ann, bob)
	r.chat("unknowing", 2, cleo) // to Mallory as well
	cables[2].move(bridge)
	cables[3].move(bridge)
	r.agree(noticed + caughtUp) // of what Mallory wrote, nobody shows what the remover had not seen
	mallory.until(promised, "Mallory knows of the removal", func() bool { return mallory.group(r.id).text("role") == "" })
	r.chat("without Mallory", 2, r.members...)
	r.agree(promised)
	if got := texts(mallory.shows(r.id)); slices.ContainsFunc(got, func(text string) bool {
		return strings.Contains(text, "parted") || strings.Contains(text, "without Mallory")
	}) {
		t.Errorf("Mallory received what was written by who knew of the removal:\n%s", strings.Join(got, "\n"))
	}
}

// TestCatchUpFromThird has a member miss everything, and its author be gone when it comes back.
func TestCatchUpFromThird(t *testing.T) {
	l := newLab(t)
	hosts, _ := l.hosts(l.bridge(), 3)
	ann, bob, cleo := hosts[0].up("Ann"), hosts[1].up("Bob"), hosts[2].up("Cleo")
	meet(promised, ann, bob, cleo)
	r := ann.founds("lunch", bob, cleo)
	r.chat("together", 1, r.members...)
	r.agree(promised)
	cleo.got(r.said[:2]...)

	cleo.down()
	r.chat("without Cleo", 20, ann, bob)
	last := r.says(ann, "Ann's last")
	r.leaves(cleo)
	r.agree(promised)
	ann.down()
	cleo.start()
	r.members = []*node{bob, cleo}
	r.agree(promised)
	cleo.got(r.said[3:]...)

	ann.start()
	ann.until(promised, "Ann knows that both have it", func() bool {
		reached := ann.must("receipts", last.text("id"))
		return len(reached) == 2 && !slices.ContainsFunc(reached, func(p object) bool {
			return p.text("state") != "delivered" && p.text("state") != "read"
		})
	})
}
