package files

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/files/queue"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/event"
)

func person(n int) (p crypto.PersonID) {
	binary.BigEndian.PutUint64(p[:], uint64(n))
	return p
}

func TestSmall(t *testing.T) {
	for _, c := range []struct {
		size, flags uint64
		want        bool
	}{
		{32 << 20, 0, true}, {32<<20 + 1, 0, false}, {32 << 20, event.AttachedFolder, true},
		{8 << 20, event.AttachedPicture, true}, {8<<20 + 1, event.AttachedPicture, false},
		{8 << 20, event.AttachedVoice, true}, {8<<20 + 1, event.AttachedVoice, false}, {0, 0, true},
	} {
		if got := small(&event.Attachment{Size: c.size, Flags: c.flags}); got != c.want {
			t.Errorf("%d bytes, flags %d: %t", c.size, c.flags, got)
		}
	}
}

// A person may have 1 GiB in 24 hours, and no more than they leave free of 4 GiB; and what was counted is
// forgotten after that.
func TestAllowance(t *testing.T) {
	var a allowance
	const each = 32 << 20
	fill := func(p int, at time.Duration) (taken int) {
		for a.take(person(p), each, at) {
			taken++
		}
		return taken
	}
	for p, want := range []int{32, 32, 32, 16, 8, 4, 2, 1} {
		if n := fill(p+1, 0); n != want {
			t.Fatalf("person %d has %d", p+1, n)
		}
	}
	if !a.take(person(9), 1, time.Hour) {
		t.Error("a newcomer has nothing")
	}
	if a.take(person(1), 1, 24*time.Hour) {
		t.Error("within 24 hours somebody has more")
	}
	if n := fill(1, 25*time.Hour); n != 32 {
		t.Errorf("a day later a person has %d", n)
	}
	if n := fill(5, 25*time.Hour); n != 32 {
		t.Errorf("a day later another one has %d", n)
	}
	if a.take(person(9), 0, 27*time.Hour); len(a.persons) != 3 || a.all != 2<<30+autoLeast {
		t.Errorf("%d persons are counted, %d bytes", len(a.persons), a.all)
	}
}

// What is empty counts as well: it takes a row and a place in memory.
func TestAllowanceOfTinyOnes(t *testing.T) {
	var a allowance
	taken := 0
	for a.take(person(1), 0, 0) {
		taken++
	}
	if taken != autoOfPerson/autoLeast {
		t.Errorf("%d", taken)
	}
}

// Persons without number are not counted one by one.
func TestAllowanceOfManyPersons(t *testing.T) {
	var a allowance
	for p := range maxAutoCounted {
		if !a.take(person(p), 1, 0) {
			t.Fatalf("person %d has nothing", p)
		}
	}
	if a.take(person(maxAutoCounted), 1, 0) || !a.take(person(0), 1, 0) {
		t.Error("one more person is counted, or one less")
	}
}

// Of what waits to be fetched nobody has more than they leave free: it is held in memory, and persons without
// number may come together.
func TestWaitingIsShared(t *testing.T) {
	r := &Room{queue: queue.New[store.BlobID]()}
	added := 0
	for p, want := range []int{maxWaiting / 2, maxWaiting / 4, maxWaiting / 8} {
		for r.mayWait(person(p)) {
			added++
			r.queue.Add(store.BlobID{byte(added), byte(added >> 8)}, person(p), 1)
		}
		if n := r.queue.Of(person(p)); n != want {
			t.Errorf("person %d has %d", p, n)
		}
	}
	if !r.mayWait(person(9)) {
		t.Error("there is nothing for a newcomer")
	}
}
