package book

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/event"
	"github.com/earshot-im/earshot/store/tx"
)

func TestPersons(t *testing.T) {
	l, p, q := newLibrary(t), newSomebody(t), newSomebody(t)
	l.meets(p, false)
	check(t, l.UpdatePerson(t.Context(), p.id(), func(x *Person) error {
		x.Petname, x.Pinned, x.Claimed, x.Verified, x.Blocked = "Bob", "bob", "Robert", true, true
		x.Met = epoch.Add(-time.Hour)
		x.Devices[p.key.ID()] = DeviceInfo{Addrs: []string{"192.0.2.1:9", "[2001:db8::1]:9"}, Heard: []string{"192.0.2.3:9"}, LastSeen: epoch}
		return nil
	}))
	l.reopen()
	got := l.kept(p.id())
	d := got.Devices[p.key.ID()]
	if got.Petname != "Bob" || got.Pinned != "bob" || got.Claimed != "Robert" || !got.Verified || !got.Blocked || got.Contact || got.Member ||
		!bytes.Equal(got.Card, p.card.Bytes()) || len(d.Addrs) != 2 || len(d.Heard) != 1 || d.Heard[0] != "192.0.2.3:9" || !d.LastSeen.Equal(epoch) || !got.Met.Equal(epoch.Add(-time.Hour)) {
		t.Fatalf("%+v", got)
	}
	if l.ownerOf(p.key.ID()) != p.id() {
		t.Error("the device is not theirs")
	}
	if l.kept(q.id()) != nil || l.ownerOf(q.key.ID()) != (crypto.PersonID{}) {
		t.Error("somebody is kept who never came")
	}
	boom := errors.New("boom")
	if err := l.UpdatePerson(t.Context(), p.id(), func(x *Person) error { x.Petname = "x"; return boom }); err != boom {
		t.Error(err)
	}
	if err := l.UpdatePerson(t.Context(), q.id(), func(x *Person) error {
		x.Devices[p.key.ID()] = DeviceInfo{}
		return nil
	}); err != ErrDeviceTaken {
		t.Error(err)
	}
	all, err := l.Persons()
	if err != nil || len(all) != 1 || all[0].Petname != "Bob" {
		t.Errorf("%+v, %v", all, err)
	}
	if !slices.Equal(l.met, []crypto.PersonID{p.id()}) {
		t.Errorf("the ledger has met %v", l.met)
	}
}

// Several persons change together or not at all.
func TestPersonsChangeTogether(t *testing.T) {
	l, p, q := newLibrary(t), newSomebody(t), newSomebody(t)
	l.meets(p, true)
	ids := []crypto.PersonID{p.id(), q.id()}
	if err := l.UpdatePersons(t.Context(), ids, func(both []*Person) error {
		both[0].Petname, both[1].Petname = "Bob", strings.Repeat("x", maxName+1)
		return nil
	}); !errors.Is(err, event.ErrTooLarge) || l.kept(p.id()).Petname != "" || l.kept(q.id()) != nil {
		t.Errorf("the other was refused: %v, %+v, %+v", err, l.kept(p.id()), l.kept(q.id()))
	}
	check(t, l.UpdatePersons(t.Context(), ids, func(both []*Person) error {
		both[0].Petname, both[1].Petname, both[1].Contact = "Bob", "Cleo", true
		return nil
	}))
	if l.kept(p.id()).Petname != "Bob" || l.kept(q.id()).Petname != "Cleo" {
		t.Errorf("%+v, %+v", l.kept(p.id()), l.kept(q.id()))
	}
}

// A device that a card no longer names is nobody's, and may be somebody else's.
func TestDeviceGoes(t *testing.T) {
	l, p, q := newLibrary(t), newSomebody(t), newSomebody(t)
	l.meets(p, true)
	check(t, l.UpdatePerson(t.Context(), p.id(), func(x *Person) error { delete(x.Devices, p.key.ID()); return nil }))
	if l.ownerOf(p.key.ID()) != (crypto.PersonID{}) {
		t.Error("it is still theirs")
	}
	check(t, l.UpdatePerson(t.Context(), q.id(), func(x *Person) error { x.Devices[p.key.ID()] = DeviceInfo{}; return nil }))
	if l.ownerOf(p.key.ID()) != q.id() {
		t.Error("nobody else can have it")
	}
}

// What could not be read again is refused.
func TestPersonIsBounded(t *testing.T) {
	l, p := newLibrary(t), newSomebody(t)
	for what, f := range map[string]func(*Person){
		"petname": func(x *Person) { x.Petname = strings.Repeat("x", maxName+1) },
		"card":    func(x *Person) { x.Card = make([]byte, crypto.MaxCard+1) },
		"address": func(x *Person) {
			x.Devices[p.key.ID()] = DeviceInfo{Addrs: []string{strings.Repeat("x", maxAddress+1)}}
		},
		"addresses": func(x *Person) { x.Devices[p.key.ID()] = DeviceInfo{Addrs: make([]string, maxAddresses+1)} },
		"hearsay":   func(x *Person) { x.Devices[p.key.ID()] = DeviceInfo{Heard: make([]string, maxAddresses+1)} },
		"devices": func(x *Person) {
			for i := range maxDevices + 1 {
				x.Devices[crypto.DeviceID{byte(i), 1}] = DeviceInfo{}
			}
		},
	} {
		err := l.UpdatePerson(t.Context(), p.id(), func(x *Person) error { x.Contact = true; f(x); return nil })
		if !errors.Is(err, event.ErrTooLarge) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestTooManyStrangers(t *testing.T) {
	l := newLibrary(t)
	card := make([]byte, 12<<10)
	var err error
	i := 0
	for ; err == nil && i < 3000; i++ {
		err = l.UpdatePerson(t.Context(), crypto.PersonID{1, byte(i), byte(i >> 8)}, func(p *Person) error { p.Card = card; return nil })
	}
	if err != ErrBudget || i < 500 {
		t.Fatal(i, err)
	}
	check(t, l.UpdatePerson(t.Context(), crypto.PersonID{2}, func(p *Person) error { p.Contact = true; return nil }))
	check(t, l.UpdatePerson(t.Context(), crypto.PersonID{3}, func(p *Person) error { p.Member = true; return nil }))
}

// Somebody who becomes a contact gives back what they have spent as a stranger and as a member.
func TestContactIsRefunded(t *testing.T) {
	l, p, q := newLibrary(t), newSomebody(t), newSomebody(t)
	l.meets(p, false)
	l.meets(q, false)
	charge := func(group uint32, n uint64) error {
		return l.do(t.Context(), func(b *tx.Batch) error {
			return l.Charge(b, Payer{Person: p.id(), Group: group}, n)
		})
	}
	before := l.strangers()
	check(t, charge(0, 1000))
	check(t, charge(7, FellowBudget))
	if err := charge(7, 1); err != ErrBudget {
		t.Error("more than a member may spend:", err)
	}
	if err := charge(0, StrangerBudget); err != ErrBudget {
		t.Error("more than a stranger may spend:", err)
	}
	if l.strangers() != before+1000 {
		t.Error("members count as strangers, or what was refused was counted")
	}
	check(t, l.UpdatePerson(t.Context(), p.id(), func(x *Person) error { x.Contact = true; return nil }))
	if all := l.strangers(); all != l.spent(q.id()) || all == 0 {
		t.Errorf("%d bytes of all, %d of the other", all, l.spent(q.id()))
	}
	if n := l.spent(p.id()); n != FellowBudget+1000+before-l.spent(q.id()) {
		t.Errorf("%d bytes of the contact", n)
	}
	check(t, charge(0, 2*StrangerBudget))
	check(t, charge(7, 1))
}

// Where devices are is written for all persons at once. It leaves alone whatever else was decided
// about them, and is no change that people see.
func TestDevicesSeenInOneCommit(t *testing.T) {
	l, stranger := newLibrary(t), newSomebody(t)
	var all []somebody
	for range 20 {
		all = append(all, newSomebody(t))
		l.meets(all[len(all)-1], true)
	}
	p, q := all[0], all[1]
	check(t, l.UpdatePerson(t.Context(), p.id(), func(x *Person) error { x.Petname = "Bob"; return nil }))
	info := func(i int) DeviceInfo {
		return DeviceInfo{Addrs: []string{fmt.Sprintf("192.0.2.%d:9", i)}, LastSeen: time.UnixMilli(int64(i + 1))}
	}
	other := newSomebody(t).key.ID()
	found := map[crypto.PersonID]map[crypto.DeviceID]DeviceInfo{stranger.id(): {stranger.key.ID(): info(0)}}
	for i, p := range all {
		found[p.id()] = map[crypto.DeviceID]DeviceInfo{p.key.ID(): info(i)}
	}
	found[p.id()][other] = info(0)
	found[p.id()][q.key.ID()] = info(0) // another's

	changes, commits := l.changes, l.commits
	check(t, l.UpdateDevices(t.Context(), found))
	if l.commits-commits != 1 {
		t.Errorf("%d commits", l.commits-commits)
	}
	if l.changes != changes {
		t.Error("it counts as a change")
	}
	check(t, l.UpdateDevices(t.Context(), found))
	if l.commits-commits != 1 {
		t.Error("the same was written again")
	}
	l.reopen()
	for i, p := range all {
		got := l.kept(p.id())
		d := got.Devices[p.key.ID()]
		if !got.Contact || (i == 0) != (got.Petname == "Bob") || !slices.Equal(d.Addrs, info(i).Addrs) || !d.LastSeen.Equal(info(i).LastSeen) {
			t.Errorf("%d: %+v", i, got)
		}
	}
	got := l.kept(p.id())
	if _, has := got.Devices[q.key.ID()]; has || len(got.Devices) != 2 {
		t.Errorf("took another's device: %+v", got.Devices)
	}
	if l.ownerOf(q.key.ID()) != q.id() {
		t.Error("a device has changed hands")
	}
	if l.kept(stranger.id()) != nil {
		t.Error("somebody was made of nothing")
	}
}

// A card names one device more than it has links, and whoever claims still more harms only
// themselves.
func TestDevicesOfAFullCard(t *testing.T) {
	l, p, q := newLibrary(t), newSomebody(t), newSomebody(t)
	l.meets(p, true)
	l.meets(q, true)
	devices := make(map[crypto.DeviceID]DeviceInfo)
	for i := range 2 * crypto.MaxLinks {
		devices[crypto.DeviceID{byte(i), 1}] = DeviceInfo{}
	}
	seen := map[crypto.DeviceID]DeviceInfo{q.key.ID(): {LastSeen: epoch}}
	check(t, l.UpdateDevices(t.Context(), map[crypto.PersonID]map[crypto.DeviceID]DeviceInfo{p.id(): devices, q.id(): seen}))
	if got := l.kept(p.id()); len(got.Devices) != crypto.MaxLinks+1 {
		t.Errorf("%d devices are kept, want %d", len(got.Devices), crypto.MaxLinks+1)
	}
	if got := l.kept(q.id()); !got.Devices[q.key.ID()].LastSeen.Equal(epoch) {
		t.Errorf("another's device was not noted: %+v", got)
	}
}
