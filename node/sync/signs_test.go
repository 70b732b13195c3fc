package sync_test

import (
	"errors"
	"testing"
	"time"

	"github.com/earshot-im/earshot/node/sync"
	"github.com/earshot-im/earshot/node/wire"
)

func typing(tag []byte, on bool) wire.Frame {
	return wire.Frame{Typing: &wire.Typing{Tag: tag, On: on}}
}

func away(on bool) wire.Frame { return wire.Frame{Presence: &wire.Presence{Away: on}} }

// That somebody writes is told in conversations that both have offered, and in no others.
func TestTypingIsTold(t *testing.T) {
	c := crew(t)
	s := joined(t, sync.Conversation{ID: direct}, c)
	for _, where := range []sync.ShareTyping{{Conversation: direct, On: true}, {Conversation: c.ID, On: true}, {Conversation: group, On: true}} {
		s.want(s.step(where))
	}
	s.offer(nil, nil)
	s.offered(wire.Offer{Want: wire.WantOwn, Locator: c.Locator})
	if f := find[sync.Send](t, s.step(sync.ShareTyping{Conversation: direct, On: true})).Frame; !f.Typing.On || f.Typing.Tag != nil {
		t.Errorf("%+v", f.Typing)
	}
	if f := find[sync.Send](t, s.step(sync.ShareTyping{Conversation: c.ID})).Frame; f.Typing.On || string(f.Typing.Tag) != string(mineTag) {
		t.Errorf("%+v", f.Typing)
	}
	if got := find[sync.TypingShared](t, s.got(typing(nil, true))); got != (sync.TypingShared{Conversation: direct, On: true}) {
		t.Errorf("%+v", got)
	}
	if got := find[sync.TypingShared](t, s.got(typing(theirTag, false))); got != (sync.TypingShared{Conversation: c.ID}) {
		t.Errorf("%+v", got)
	}

	// Who has left hears and says nothing more.
	c.Quiet = true
	s.step(sync.Joined{Serve: true, Conversations: []sync.Conversation{{ID: direct}, c}})
	s.want(s.step(sync.ShareTyping{Conversation: c.ID, On: true}))
	s.want(s.got(typing(theirTag, true)))
	if end := find[sync.Close](t, s.got(typing(make32(0x30), true))); !errors.Is(end.Reason, sync.ErrProtocol) {
		t.Error(end.Reason)
	}
}

// Somebody who is not served types to nobody, and is not away: that looks as if they were blocked.
func TestSignsOfWhoIsNotServed(t *testing.T) {
	s := newScript(t)
	s.step(sync.Joined{})
	s.want(s.got(typing(nil, true)))
	s.want(s.got(away(true)))
	s.want(s.step(sync.SharePresence{Away: true}))
	s.want(s.step(sync.ShareTyping{Conversation: direct, On: true}))
}

func TestPresenceIsToldOnce(t *testing.T) {
	s := newScript(t)
	s.want(s.step(sync.SharePresence{Away: true}))
	s.step(sync.Joined{Serve: true, Conversations: []sync.Conversation{{ID: direct}}})
	s.want(s.step(sync.SharePresence{}))
	s.want(s.step(sync.SharePresence{Away: true}), "presence")
	s.want(s.step(sync.SharePresence{Away: true}))
	s.want(s.step(sync.SharePresence{}), "presence")
	for _, on := range []bool{true, false} {
		if got := find[sync.PresenceShared](t, s.got(away(on))); got.Away != on {
			t.Errorf("%+v", got)
		}
	}
}

// A flood of signs is passed over, and costs no effect. After a pause they are heard again.
func TestSignsAreBounded(t *testing.T) {
	s := talking(t, nil, nil)
	heard := func(f wire.Frame, n int) (heard int) {
		for range n {
			heard += len(s.got(f))
		}
		return heard
	}
	for range 2 {
		if n := heard(typing(nil, true), 10_000); n != 16 {
			t.Errorf("%d of 10,000 at once", n)
		}
		if n := heard(away(true), 10_000); n != 8 {
			t.Errorf("%d of 10,000 at once", n)
		}
		s.now = s.now.Add(time.Minute)
	}
	heard(typing(nil, true), 16)
	heard(away(true), 8)
	s.now = s.now.Add(time.Second)
	if n := heard(typing(nil, true), 16); n != 2 {
		t.Errorf("%d after a second", n)
	}
	if n := heard(away(true), 8); n != 1 {
		t.Errorf("%d after a second", n)
	}
}

// What can't be said now is not said later.
func TestTypingDoesNotWait(t *testing.T) {
	s := talking(t, nil, nil)
	s.session.SetPace(1)
	s.want(s.step(sync.ShareTyping{Conversation: direct, On: true}), "Drain")
	s.want(s.step(sync.Drained{}))
	s.want(s.step(sync.ShareTyping{Conversation: direct}), "typing", "Drain")
}
