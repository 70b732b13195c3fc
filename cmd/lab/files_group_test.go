//go:build lab && linux

package lab

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"
)

// holders are the states of a file at each person whom it was for, as its sender knows them.
func (n *node) holders(id string) map[string]string {
	n.Helper()
	states := make(map[string]string)
	holders, _ := n.attached(id)["holders"].([]any)
	for _, h := range holders {
		h, _ := h.(map[string]any)
		states[object(h).text("person")] = object(h).text("state")
	}
	return states
}

// hears waits until a sender knows what has become of its file at somebody.
func (n *node) hears(within time.Duration, id string, whom *node, state string) {
	n.Helper()
	n.until(within, fmt.Sprintf("%s knows that the file is %s at %s", n.name, state, whom.name), func() bool { return n.holders(id)[whom.person] == state })
}

// gets has a node save a file, and expects that it is what was sent.
func (n *node) gets(id, sent string) {
	n.Helper()
	folder := n.T.TempDir()
	n.must("get", id, "--to-dir", folder, "--timeout", fetchWithin.String())
	if err := sameTree(sent, filepath.Join(folder, filepath.Base(sent))); err != nil {
		n.Errorf("%s has saved another one: %v", n.name, err)
	}
}

// each has many nodes do something, some of them at once.
func each(nodes []*node, do func(*node)) {
	nodes[0].Helper()
	var doing sync.WaitGroup
	places := make(chan struct{}, 4)
	for _, n := range nodes {
		places <- struct{}{}
		doing.Go(func() {
			defer func() { <-places }()
			do(n)
		})
	}
	doing.Wait()
	if nodes[0].Failed() {
		nodes[0].FailNow()
	}
}

// TestFileToFifty sends a file to a group of fifty, where one is off and one declines. When who sent it is off, the
// one that was comes back, and one more comes into the group. It does not run beside others: so many nodes share the
// processors.
func TestFileToFifty(t *testing.T) {
	const size = 1<<20 + 7
	c := gather(&lab{T: t}, pacing{size: 51, whole: gathering}, []subnet{six})
	began := time.Now()
	each(c.nodes, (*node).start)
	t.Logf("all are connected after %v", c.connected(began))
	members, late := c.nodes[:50], c.nodes[50]
	ann, bob, cleo, dora, others := members[0], members[1], members[2], members[3], members[4:]

	// Bob makes the group, so that somebody can let the last one in when Ann is off.
	group := bob.one("group", "create", "lunch").text("id")
	bob.must("group", "history", group, "all")
	invitation := []string{"group", "invite", group}
	for _, n := range members {
		if n != bob {
			invitation = append(invitation, n.person)
		}
	}
	knowsAll := func(n *node, count int) {
		n.until(gathering, fmt.Sprintf("%s knows %d members", n.name, count), func() bool { return len(n.fellows(group)) == count })
	}
	each(slices.Concat([]*node{ann, cleo, dora, late}, others), func(n *node) {
		n.until(gathering, n.name+" accepts "+bob.name, func() bool { // whom it knows when they have greeted
			_, _, code := n.exec("", "accept", bob.person)
			return code == 0
		})
	})
	bob.must(invitation...)
	each(members, func(n *node) { knowsAll(n, len(members)) })
	for _, n := range []*node{cleo, late} {
		n.must("me", "files", "auto", "on")
	}
	t.Logf("all are in the group after %v", since(began))

	cleo.down()
	sent := ann.file("menu.pdf", size)
	id := ann.hands(group, "--file", sent)
	dora.is(gathering, id, "offered", "by_hand")
	dora.must("files", "decline", id)
	each(slices.Concat([]*node{bob}, others), func(n *node) {
		n.is(gathering, id, "offered", "by_hand")
		n.gets(id, sent)
	})
	want := map[string]string{cleo.person: "offered", dora.person: "declined", bob.person: "held"}
	for _, n := range others {
		want[n.person] = "held"
	}
	ann.until(promised, "Ann knows what has become of it at each", func() bool { return maps.Equal(ann.holders(id), want) })
	ann.is(promised, id, "kept", "")
	t.Logf("all have it who are here, but one who declined, after %v", since(began))

	ann.down()
	cleo.start()
	bob.must("group", "invite", group, late.person)
	knowsAll(late, len(c.nodes))
	for _, n := range []*node{cleo, late} {
		n.is(gathering, id, "held", "")
		n.gets(id, sent)
	}
	if state := dora.attached(id).text("state"); state != "declined" {
		t.Errorf("at Dora it is %s", state)
	}
	ann.start()
	ann.hears(gathering, id, cleo, "held")
	ann.is(promised, id, "gone", "") // everybody has it who was to, or does not want it
	t.Logf("all have it after %v", since(began))
}

// TestFileADayLater has a reader come back a day after a file was sent; the sender's machine was off meanwhile too.
func TestFileADayLater(t *testing.T) {
	const day = 25 * time.Hour
	l := newLab(t)
	odd := oddBinary(t)
	hosts, _ := l.hosts(l.bridge(), 2)
	ann, bob := hosts[0].node("Ann"), hosts[1].node("Bob")
	for _, n := range []*node{ann, bob} {
		n.onFastDisk()
		n.binary = odd
	}
	l.start(ann, bob)
	meet(promised, ann, bob)
	bob.must("accept", ann.person)
	bob.must("me", "files", "auto", "on")
	bob.down()

	sent := ann.file("menu.pdf", 10<<20+7)
	id := ann.hands(bob.person, "--file", sent)
	ann.is(promised, id, "kept", "")
	ann.hears(promised, id, bob, "offered")
	ann.down()
	if err := os.Remove(sent); err != nil { // it is the copy that is to be given
		t.Fatal(err)
	}
	for _, n := range []*node{ann, bob} {
		n.setClock(day)
		n.start()
	}
	bob.is(caughtUp, id, "held", "")
	ann.hears(promised, id, bob, "held")
	ann.is(promised, id, "gone", "")
	bob.gets(id, bob.file("menu.pdf", 10<<20+7)) // the same bytes as Ann's
}

// TestFileToTen has nine members fetch what one sends over a slow link, and compares how long the last one
// takes with what one alone does. It does not run beside others: it measures.
func TestFileToTen(t *testing.T) {
	const size = 64 << 20
	l := &lab{T: t}
	hosts, cables := l.hosts(l.bridge(), 10)
	var all []*node
	for i, name := range []string{"Ann", "Bob", "Cleo", "Dora", "Emil", "Fay", "Gus", "Hal", "Ida", "Jan"} {
		all = append(all, hosts[i].node(name).onFastDisk())
	}
	l.start(all...)
	meet(gathering, all...)
	ann, others := all[0], all[1:]
	r := ann.founds("lunch", others...)
	cables[0].limit(linkRate)

	alone := ann.file("alone.bin", size)
	f := others[0].fetches(cables[1], ann.offers(others[0], "--file", alone), alone)
	f.ends(0)
	single := time.Since(f.began)

	sent := ann.file("all.bin", size)
	id := ann.hands(r.id, "--file", sent)
	for _, n := range others {
		n.is(promised, id, "offered", "")
	}
	var fetching sync.WaitGroup
	took := make([]time.Duration, len(others))
	began := time.Now()
	for i, n := range others {
		fetching.Go(func() {
			// One command that waits: ten that ask again and again would take the time of a processor.
			if out, stderr, code := n.exec("", "get", id, "--timeout", fetchWithin.String()); code != 0 {
				t.Errorf("%s: exit %d: %s%s", n.name, code, out, stderr)
			}
			took[i] = time.Since(began)
		})
	}
	fetching.Wait()
	last := took[0]
	for i, n := range others {
		last = max(last, took[i])
		if err := sameTree(sent, filepath.Join(n.dir, "files", filepath.Base(sent))); err != nil {
			t.Errorf("at %s: %v", n.name, err)
		}
	}
	t.Logf("alone in %v, the last of %d after %v, %.2f times as long: %v", since(f.began), len(others), last, last.Seconds()/single.Seconds(), took)
	if last > single*5/2 {
		t.Errorf("the last one took %v, one alone %v", last, single)
	}
}
