//go:build lab && linux

package lab

import (
	"strings"
	"testing"
)

// TestNames has strangers and a contact take a contact's name.
func TestNames(t *testing.T) {
	l := newLab(t)
	hosts, _ := l.hosts(l.bridge(), 4)
	ann, bob, mallory := hosts[0].up("Ann"), hosts[1].up("Bob"), hosts[2].up("Bob")
	meet(promised, ann, bob, mallory)

	_, stderr, code := ann.exec("", "send", "Bob", "to whom?")
	if code != 4 || !strings.Contains(stderr, bob.person) || !strings.Contains(stderr, mallory.person) {
		t.Errorf("with two strangers called Bob, send exits %d, want 4 and both listed:\n%s", code, stderr)
	}
	if queue := ann.must("outbox"); len(queue) != 0 {
		t.Errorf("it queued %v", queue)
	}

	ann.send(promised, bob, "You are Bob")
	toBob := func(text string) {
		t.Helper()
		if m := ann.one("send", "Bob", text, "--wait", "delivered", "--timeout", promised.String()); m.in("to").text("id") != bob.person {
			t.Errorf("%q went to %v", text, m.in("to"))
		}
		bob.got(text)
	}
	toBob("Bob is a contact, the other a stranger")

	late := hosts[3].up("BОB") // with a Cyrillic О
	meet(promised, ann, late)
	toBob("another stranger looks alike")

	ann.send(promised, late, "and who are you?") // a contact by this
	late.must("me", "name", "Bob")
	ann.until(promised, "a contact has renamed themselves Bob", func() bool {
		for _, p := range ann.must("peers") {
			if p.text("person") == late.person {
				return p.text("name") == "Bob"
			}
		}
		return false
	})
	toBob("a contact has taken the name")

	bob.down()
	if m := ann.one("send", "Bob", "you are off"); m.in("to").text("id") != bob.person {
		t.Errorf("with Bob off, a message to Bob went to %v", m.in("to"))
	}
	bob.start()
	meet(promised, ann, bob)
	bob.until(promised, "it has arrived", func() bool { return len(ann.must("outbox")) == 0 })
	bob.got("you are off")

	ann.must("contacts", "name", mallory.person, "Mal")
	if m := ann.one("send", "Mal", "I know you"); m.in("to").text("id") != mallory.person {
		t.Errorf("a message to Mal went to %v", m.in("to"))
	}
	toBob("with a petname for the impostor")
	for _, n := range []*node{mallory, late} {
		n.got()
		for text := range n.texts {
			if text != "and who are you?" && text != "I know you" {
				t.Errorf("an impostor received %q", text)
			}
		}
	}
}
