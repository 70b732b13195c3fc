package presence

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/authority"
	"github.com/earshot-im/earshot/node/budget"
	"github.com/earshot-im/earshot/node/contacts"
	"github.com/earshot-im/earshot/node/notify"
	"github.com/earshot-im/earshot/node/people"
	"github.com/earshot-im/earshot/store/book"
	"github.com/earshot-im/earshot/store/event"
)

var (
	me, bob, eve = crypto.PersonID{1}, crypto.PersonID{2}, crypto.PersonID{3} // Eve is blocked
	lunch        = event.Conversation{0xc}
)

// office is the node as package presence sees it: everybody is a contact.
type office struct {
	*Presence
	peers   map[Peer]crypto.PersonID
	members []authority.Member
	off     bool // both settings
	moved   int
}

// link is a session. What it was told is counted.
type link struct {
	device  crypto.DeviceID
	on, off int
	away    atomic.Bool
}

func (l *link) Peer() crypto.DeviceID { return l.device }
func (l *link) ShareTyping(_ event.Conversation, on bool) {
	if on {
		l.on++
	} else {
		l.off++
	}
}
func (l *link) SharePresence(away bool) { l.away.Store(away) }

func (o *office) Conversation(string) (event.Conversation, *contacts.Person, error) {
	return lunch, nil, nil
}
func (o *office) Get(id crypto.PersonID) (people.Person, bool) {
	return people.Person{Person: book.Person{ID: id, Contact: true, Blocked: id == eve}}, true
}
func (o *office) Standing(crypto.PersonID) budget.Standing { return budget.Contact }
func (o *office) State(c event.Conversation) (*authority.State, error) {
	if c[0] != lunch[0] {
		return nil, errors.New("no group")
	}
	return &authority.State{Members: o.members}, nil
}

func newOffice(members int) *office {
	o := &office{peers: make(map[Peer]crypto.PersonID)}
	for n := range members {
		o.members = append(o.members, authority.Member{Person: crypto.PersonID{byte(n + 1)}})
	}
	o.Presence = New(Config{Self: me, Names: o, People: o, Groups: o, Typing: notify.NewCounter(0), Moved: func() { o.moved++ },
		Hearing: func(event.Conversation) map[Peer]crypto.PersonID { return o.peers },
		Tells:   func() (bool, bool) { return !o.off, !o.off }})
	return o
}

// link adds a session with a device of somebody's.
func (o *office) link(device byte, of crypto.PersonID) *link {
	l := &link{device: crypto.DeviceID{device}}
	o.peers[l] = of
	o.Met(l, of)
	return l
}

func (o *office) writers() (n int) {
	for _, t := range o.Typing() {
		n += len(t.Persons)
	}
	return n
}

// However often a program says that the owner writes, others are told once in 4 s, and once that they
// have stopped.
func TestTypingIsToldSeldom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(3)
		theirs, blocked := o.link(2, bob), o.link(3, eve)
		say := func(on bool) {
			if err := o.SetTyping(t.Context(), "#lunch", on); err != nil {
				t.Fatal(err)
			}
		}
		say(false)
		for range 80 { // 8 s
			say(true)
			time.Sleep(100 * time.Millisecond)
		}
		say(false)
		say(false)
		if theirs.on != 2 || theirs.off != 1 {
			t.Errorf("told %d times, and %d times that they have stopped", theirs.on, theirs.off)
		}
		for range 40 { // 4 s, on and off
			say(true)
			say(false)
			time.Sleep(100 * time.Millisecond)
		}
		if theirs.on > 3 || theirs.off > 2 {
			t.Errorf("told %d times, and %d times that they have stopped", theirs.on, theirs.off)
		}
		if blocked.on+blocked.off > 0 {
			t.Error("told to somebody blocked")
		}
		time.Sleep(hold)
		o.off = true
		before := theirs.on
		if say(true); theirs.on != before {
			t.Error("told though it is off")
		}
	})
}

// In a group of more than 50 nobody is told and nothing is shown.
func TestTypingInALargeGroup(t *testing.T) {
	for members, want := range map[int]int{MaxMembers: 1, MaxMembers + 1: 0} {
		o := newOffice(members)
		theirs := o.link(2, bob)
		o.Typed(theirs, bob, lunch, true)
		if err := o.SetTyping(t.Context(), "#lunch", true); err != nil || theirs.on != want || o.writers() != want {
			t.Errorf("of %d: %d are told, %d write: %v", members, theirs.on, o.writers(), err)
		}
	}
}

// Who was removed meanwhile is not shown, and nobody is where the owner has gone.
func TestTypingOfWhoIsOut(t *testing.T) {
	o := newOffice(3)
	theirs := o.link(2, bob)
	o.Typed(theirs, bob, lunch, true)
	if n := o.writers(); n != 1 {
		t.Errorf("%d write", n)
	}
	all := o.members
	for who, left := range map[string][]authority.Member{"Bob": {all[0], all[2]}, "the owner": all[1:]} {
		o.members = left
		if n := o.writers(); n != 0 {
			t.Errorf("without %s %d write", who, n)
		}
		on := theirs.on
		if err := o.SetTyping(t.Context(), "#lunch", true); err != nil || theirs.on != on {
			t.Errorf("without %s: told, %v", who, err)
		}
	}
}

// What peers say takes bounded room, whoever they are.
func TestTypingIsBounded(t *testing.T) {
	o := newOffice(50)
	for device := range byte(200) {
		of := crypto.PersonID{device%40 + 4}
		l := o.link(device, of)
		o.Typed(l, of, lunch, true)
		for range 20 {
			o.Typed(l, of, event.Direct(me, of), true)
			o.Typed(l, of, event.Conversation{0xff, device}, true) // no group
			o.Typed(l, of, event.Direct(me, bob), true)            // somebody else's
		}
	}
	for _, l := range o.Typing() {
		if len(l.Persons) > MaxShown || l.Conversation != lunch && len(l.Persons) != 1 {
			t.Errorf("%d write in %s", len(l.Persons), l.Conversation)
		}
	}
	if n := len(o.writing); n > maxTyping || n != 400 {
		t.Errorf("%d are kept", n)
	}
	device := crypto.DeviceID{7}
	for n := range byte(20) {
		for l, of := range o.peers {
			if l.Peer() == device {
				o.Typed(l, of, event.Conversation{lunch[0], n}, true)
			}
		}
	}
	for n := range byte(100) { // other devices, in as many conversations each as they may
		of := crypto.PersonID{n%40 + 4}
		l := o.link(200+n%50, of)
		for c := range byte(maxPlaces) {
			o.Typed(l, of, event.Conversation{lunch[0], c + 1}, true)
		}
	}
	if n := len(o.writing); n != maxTyping {
		t.Errorf("%d are kept of all devices", n)
	}
	n := 0
	for at := range o.writing {
		if at.device == device {
			n++
		}
	}
	if n != maxPlaces {
		t.Errorf("one device writes in %d conversations", n)
	}
	for l := range o.peers {
		o.Left(l)
	}
	if len(o.writing)+len(o.Presence.peers)+len(o.persons) != 0 {
		t.Errorf("%d, %d and %d are left", len(o.writing), len(o.Presence.peers), len(o.persons))
	}
}

// Somebody is away if all of their devices say so.
func TestAwayOnAllDevices(t *testing.T) {
	o := newOffice(0)
	one, two := o.link(1, bob), o.link(2, bob)
	for n, step := range []struct {
		do   func()
		want bool
	}{
		{func() {}, false},
		{func() { o.Went(one, true) }, false},
		{func() { o.Went(two, true) }, true},
		{func() { o.Went(two, true) }, true},
		{func() { o.Went(one, false) }, false},
		{func() { o.Left(one) }, true},
		{func() { o.Went(one, false); o.Left(one) }, true},
		{func() { o.off = true }, false},
		{func() { o.off = false; o.Left(two) }, false},
	} {
		if step.do(); o.Away(bob) != step.want {
			t.Errorf("after step %d: %t", n, o.Away(bob))
		}
	}
	if o.moved != 4 {
		t.Errorf("told %d times", o.moved)
	}
	spy := o.link(9, eve)
	if o.Went(spy, true); o.Away(eve) {
		t.Error("somebody blocked is away")
	}
}

// The owner is away 5 minutes after they looked last, and here at once when they look again; peers are
// told at most once a second, and nothing runs meanwhile.
func TestOwnerIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(0)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { o.Run(ctx); close(ended) }()
		theirs := o.link(1, bob)
		is := func(after time.Duration, want bool) {
			t.Helper()
			time.Sleep(after)
			synctest.Wait()
			if got := theirs.away.Load(); got != want {
				t.Errorf("away: %t", got)
			}
		}
		is(time.Hour, false)
		o.Look(false)
		is(time.Hour, false)
		o.Look(true)
		is(time.Hour, false)
		o.Look(false)
		is(awayAfter-time.Millisecond, false)
		is(time.Millisecond, true)
		o.Look(true)
		is(time.Millisecond, true) // they were told something just now
		is(pause, false)
		o.Look(false)
		is(awayAfter, true)
		late := o.link(2, bob)
		is(time.Second, true)
		if !late.away.Load() {
			t.Error("a new session is not told")
		}
		cancel()
		<-ended
	})
}
