//go:build lab && linux

package lab

import (
	"testing"
	"time"
)

const decade = 10 * 365 * 24 * time.Hour

// TestClocks has no host agree with another on the decade.
func TestClocks(t *testing.T) {
	l := newLab(t)
	odd := oddBinary(t)
	hosts, _ := l.hosts(l.bridge(), 3)
	var nodes []*node
	for i, off := range []time.Duration{-decade, 0, decade} {
		n := hosts[i].node([]string{"Ann", "Bob", "Cleo"}[i])
		n.binary = odd
		n.setClock(off)
		nodes = append(nodes, n)
		n.start()
	}
	ann, bob, cleo := nodes[0], nodes[1], nodes[2]
	everyone := func(about string) {
		t.Helper()
		meet(promised, nodes...)
		for _, pair := range [][2]*node{{ann, bob}, {ann, cleo}, {bob, cleo}} {
			talk(promised, pair[0], pair[1])
		}
		for _, n := range nodes {
			if queue := n.must("outbox"); len(queue) > 0 {
				t.Errorf("%s: at %s waits %v", about, n.name, queue)
			}
		}
	}
	everyone("clocks a decade apart")

	for _, m := range bob.must("history", ann.person) {
		if m.in("from").text("person") != ann.person {
			continue
		}
		if at, err := time.Parse(time.RFC3339, m.text("time")); err != nil || time.Since(at) < decade/2 {
			t.Errorf("Ann's clock was to be a decade behind, and wrote %q (%v)", m.text("time"), err)
		}
	}
	bob.must("recv")
	ann.until(promised, "the read receipt is back", func() bool {
		for _, m := range ann.must("history", bob.person) {
			if s := m.text("state"); s != "" && s != "read" {
				return false
			}
		}
		return true
	})

	// A reply comes after what it replies to, whatever the clocks say, on both sides.
	question := cleo.send(promised, ann, "Do you know the time?")
	ann.got("Do you know the time?")
	ann.must("send", cleo.person, "No", "--reply-to", question.text("id"), "--wait", "delivered", "--timeout", promised.String())
	cleo.got("No")
	for _, n := range []*node{ann, cleo} {
		other := map[*node]*node{ann: cleo, cleo: ann}[n]
		rows := n.must("history", other.person, "--limit", "2")
		if len(rows) != 2 || rows[0].text("text") != "Do you know the time?" || rows[1].text("text") != "No" {
			t.Errorf("%s shows %v", n.name, rows)
		}
	}

	// Someone sets the clocks right, and wrong the other way round.
	for i, off := range []time.Duration{0, decade, -decade} {
		nodes[i].down()
		nodes[i].setClock(off)
		nodes[i].start()
	}
	everyone("clocks set anew")
}
