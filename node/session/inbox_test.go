package session

import (
	"reflect"
	"slices"
	"testing"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/sync"
	"github.com/earshot-im/earshot/node/wire"
	"github.com/earshot-im/earshot/store/event"
)

func newInbox() *Inbox {
	n := &Inbox{}
	n.init(crypto.DeviceID{1})
	return n
}

// given says whether the loop was woken since it was asked last.
func given(n *Inbox) bool {
	select {
	case <-n.given:
		return true
	default:
		return false
	}
}

// The machine gets control events before what was written under them, of each log the newest, and
// logs in the order in which they first grew: a message is not told before an earlier one that it
// refers to.
func TestInboxIsInOrder(t *testing.T) {
	n := newInbox()
	one, other := event.Log{Instance: event.Instance{1}}, event.Log{Instance: event.Instance{2}}
	upTo := func(last uint64) event.Segments { return event.Segments{{First: 1, Last: last}} }
	c := event.Conversation{7}
	n.Share(wire.Sighting{Device: crypto.DeviceID{5}})
	n.Want(crypto.PersonID{4})
	n.Follow(c)
	n.Compare(c)
	n.Epoch(c, wire.Epoch{Age: 3})
	n.Record(c, event.Record{Counter: 2})
	n.Held(other, upTo(1))
	n.Held(one, upTo(1))
	n.Held(other, upTo(2))
	n.Control(c, nil)
	n.Control(c, []crypto.Hash{{1}})
	n.Direct(true, one)
	n.Direct(false, one)
	rejoin, got := n.take()
	want := []sync.Input{
		sync.HeldControl{Conversation: c, Locator: []crypto.Hash{{1}}},
		sync.Held{Log: other, Segments: upTo(2)}, sync.Held{Log: one, Segments: upTo(1)},
		sync.HeldRecord{Conversation: c, Record: event.Record{Counter: 2}},
		sync.Follow{Conversation: c, On: true}, sync.Compare{Conversation: c}, sync.ShareEpoch{Conversation: c, Epoch: wire.Epoch{Age: 3}},
		sync.Direct{Log: one},
		sync.WantCard{Person: crypto.PersonID{4}},
		sync.Share{Sightings: []wire.Sighting{{Device: crypto.DeviceID{5}}}},
	}
	if rejoin || !slices.EqualFunc(got, want, func(a, b sync.Input) bool { return reflect.DeepEqual(a, b) }) {
		t.Errorf("rejoin: %t\n got %+v\nwant %+v", rejoin, got, want)
	}
	if rejoin, got := n.take(); rejoin || len(got) != 0 {
		t.Errorf("given twice: %t, %+v", rejoin, got)
	}
	n.Policy()
	if rejoin, got := n.take(); !rejoin || len(got) != 0 {
		t.Errorf("a change of what the peer may have: %t, %+v", rejoin, got)
	}
	if rejoin, _ := n.take(); rejoin {
		t.Error("what the peer may have is said twice")
	}
}

// Whatever is told, the loop is woken.
func TestInboxWakes(t *testing.T) {
	for i, tell := range []func(*Inbox){
		func(n *Inbox) { n.Held(event.Log{}, nil) },
		func(n *Inbox) { n.Record(event.Conversation{}, event.Record{}) },
		func(n *Inbox) { n.Control(event.Conversation{}, nil) },
		func(n *Inbox) { n.Follow(event.Conversation{}) },
		func(n *Inbox) { n.Direct(false, event.Log{}) },
		func(n *Inbox) { n.Want(crypto.PersonID{}) },
		func(n *Inbox) { n.Policy() },
		func(n *Inbox) { n.Share(wire.Sighting{}) },
	} {
		n := newInbox()
		if given(n) {
			t.Fatal("nothing was told")
		}
		if tell(n); !given(n) {
			t.Errorf("the loop sleeps on after %d", i)
		}
	}
}

// A session sleeps on while a log grows that it doesn't heed. It gets that with the next thing that wakes it, or
// when it heeds the log.
func TestInboxLetsSleep(t *testing.T) {
	n, c := newInbox(), event.Conversation{7}
	own, others := event.Log{Conversation: c, Device: crypto.DeviceID{1}}, event.Log{Conversation: c, Device: crypto.DeviceID{2}}
	n.heed(c, false)
	if n.Direct(true); n.any() {
		t.Error("nothing was told")
	}
	if n.Direct(true, others); given(n) || !n.any() {
		t.Error("woken, or nothing is there")
	}
	if _, got := n.take(); len(got) != 1 || n.any() {
		t.Errorf("%d inputs, more: %t", len(got), n.any())
	}
	n.Held(others, nil)
	if given(n) || !n.any() {
		t.Error("woken, or nothing is there")
	}
	n.Held(event.Log{Conversation: event.Conversation{8}}, nil)
	if !given(n) {
		t.Error("not woken for another conversation")
	}
	n.Held(own, nil)
	if !given(n) {
		t.Error("not woken for an own log")
	}
	if _, got := n.take(); len(got) != 3 || n.any() {
		t.Errorf("%d inputs, more: %t", len(got), n.any())
	}
	if n.heed(c, true); given(n) {
		t.Error("woken for nothing")
	}
	n.heed(c, false)
	n.Held(others, nil)
	if n.heed(c, true); !given(n) {
		t.Error("not woken for what is heeded now")
	}
	if n.Held(others, nil); !given(n) {
		t.Error("not woken for a log that is heeded again")
	}
}

// A session that is slow does not make the inbox grow without end.
func TestInboxIsBounded(t *testing.T) {
	n := newInbox()
	for range 3 {
		n.Want(make([]crypto.PersonID, maxWanted/2+1)...)
		n.Share(make([]wire.Sighting, maxShared/2+1)...)
	}
	_, got := n.take()
	wanted, shared := 0, 0
	for _, in := range got {
		switch in := in.(type) {
		case sync.WantCard:
			wanted++
		case sync.Share:
			shared += len(in.Sightings)
		default:
			t.Errorf("%T", in)
		}
	}
	if wanted != maxWanted || shared != maxShared {
		t.Errorf("%d cards, %d sightings", wanted, shared)
	}
}

// TestNewestSightingsAreTold: past the bound what was told last was dropped, and with it where a
// device has gone.
func TestNewestSightingsAreTold(t *testing.T) {
	var n Inbox
	n.init(crypto.DeviceID{1})
	for i := range 3 * maxShared {
		n.Share(wire.Sighting{Device: crypto.DeviceID{byte(i >> 8), byte(i)}})
	}
	_, inputs := n.take()
	shared := inputs[0].(sync.Share).Sightings
	const last = 3*maxShared - 1
	if d := shared[len(shared)-1].Device; len(inputs) != 1 || len(shared) != maxShared || d != (crypto.DeviceID{last >> 8, last & 255}) {
		t.Errorf("%d are told, the last is %v", len(shared), d)
	}
}
