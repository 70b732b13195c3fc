package session

import (
	"errors"
	"testing"
	"time"
)

// When the page is served no more, nothing goes on and no link holds, and sessions are there for the next time.
func TestRest(t *testing.T) {
	c := newClocked(t)
	p, code := c.visit(), c.Admit()
	ended := false
	if _, err := c.Begin(p.secret, []string{p.cookie}, true, func() { ended = true }); err != nil {
		t.Fatal(err)
	}
	c.Rest()
	if _, ok := c.Key(NameOf(KeyOf(code))); ok || !ended || !c.knows(p) {
		t.Errorf("the code holds: %t, the call has ended: %t", ok, ended)
	}
}

// What has ended by itself is not proven and lets nobody in, whoever asks first.
func TestNothingIsKnownTooLong(t *testing.T) {
	c := newClocked(t)
	p := c.visit()
	c.at = c.at.Add(sessionRest + time.Second)
	if _, ok := c.Key(p.name); ok {
		t.Error("a session is proven")
	}
	code := c.Admit()
	c.at = c.at.Add(codeLife)
	if _, _, _, err := c.Enter(code, "Firefox", "", nil); !errors.Is(err, ErrUnknown) {
		t.Errorf("a code holds: %v", err)
	}
}

// A code that is used costs no other its place, and a session that is replaced costs no other its own.
func TestOnlyOneMakesRoom(t *testing.T) {
	c := newClocked(t)
	var all []pass
	for range MaxSessions {
		all = append(all, c.visit())
		c.at = c.at.Add(time.Second)
	}
	other, last := c.Admit(), all[MaxSessions-1]
	if _, _, _, err := c.Enter(c.Admit(), "Firefox", last.secret, []string{last.cookie}); err != nil || c.knows(last) || !c.knows(all[0]) {
		t.Errorf("another one than the one before has made room: %v", err)
	}
	if _, ok := c.Key(NameOf(KeyOf(other))); !ok {
		t.Error("the other code holds no more")
	}
}

// Of sessions that are in use, how much one has under way is no matter.
func TestLongestUnusedMakesRoom(t *testing.T) {
	c := newClocked(t)
	var all []pass
	for i := range MaxSessions {
		p := c.visit()
		all = append(all, p)
		for range 1 + (MaxSessions-i)/8 { // the older, the more
			if _, err := c.Begin(p.secret, []string{p.cookie}, true, func() {}); err != nil {
				t.Fatal(err)
			}
		}
		c.at = c.at.Add(time.Second)
	}
	c.visit()
	if c.knows(all[0]) || !c.knows(all[MaxSessions-1]) {
		t.Error("the wrong one has made room")
	}
}
