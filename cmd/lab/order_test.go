//go:build lab && linux

package lab

import (
	"strings"
	"testing"
	"time"
)

const (
	slowLink = "12mbit" // to the one who catches up
	// slowly is how long the backlog may take. The link alone needs 32 s for it, since both bring
	// it.
	slowly = 90 * time.Second
)

// slow limits what gets through to the host to the rate of a link.
func (c *cable) slow(rate string) {
	c.Helper()
	c.command("tc", "qdisc", "add", "dev", c.far, "root", "tbf", "rate", rate, "burst", "64kbit", "latency", "400ms")
}

// TestSlowCatchUpKeepsTheOrder has someone catch up with 24 MB over a slow link, from two whose
// clocks are 2 s apart: at no moment is the answer shown without its question.
func TestSlowCatchUpKeepsTheOrder(t *testing.T) {
	l := newLab(t)
	odd := oddBinary(t)
	hosts, cables := l.hosts(l.bridge(), 3)
	ann, bob, cleo := hosts[0].node("Ann"), hosts[1].node("Bob"), hosts[2].node("Cleo")
	bob.binary = odd
	bob.setClock(-2 * time.Second)
	l.start(ann, bob, cleo)
	meet(promised, ann, bob, cleo)
	r := ann.founds("lunch", bob, cleo)
	for _, n := range r.members {
		n.must("send", r.id, "hello from "+n.name, "--wait", "delivered", "--timeout", promised.String())
	}
	cleo.down()

	const messages, each = 400, 8 // 8 of them are what one batch takes
	line := strings.Repeat("x", 60_000) + "\n"
	for range messages / each {
		if out, stderr, code := ann.exec(strings.Repeat(line, each), "send", r.id, "--lines"); code != 0 {
			t.Fatalf("exit %d\n%s%s", code, out, stderr)
		}
	}
	ann.must("send", r.id, "the question")
	bob.until(slowly, "Bob has it all", func() bool { return len(bob.shows(r.id)) == messages+4 })
	bob.must("send", r.id, "the answer")

	cables[2].slow(slowLink)
	cleo.start()
	last := func() (asked, answered bool) {
		for _, m := range cleo.must("history", r.id, "--limit", "3") {
			switch {
			case m.text("text") == "the question":
				asked = true
			case m.text("text") == "the answer":
				answered = true
				if m.yes("gap") {
					t.Error("something is missing before the answer")
				}
			}
		}
		return asked, answered
	}
	took := cleo.until(slowly, "Cleo has the answer", func() bool {
		asked, answered := last()
		if answered && !asked {
			t.Fatal("the answer is shown without the question")
		}
		return answered
	})
	if took < 15*time.Second {
		t.Errorf("the link was not slow: %v", took)
	}
	shown := cleo.shows(r.id)
	if n := len(shown); n != messages+5 || shown[n-1].text("text") != "the answer" {
		t.Errorf("Cleo shows %d messages, the last of them %.30q", n, shown[n-1].text("text"))
	}
}
