package sync_test

import (
	"testing"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/event"
)

// calmOffice is the nodes of simulateRooms, where nothing breaks by chance.
func calmOffice(t *testing.T) *world {
	w := newWorld(1, office)
	w.log, w.calm, w.served = t.Logf, true, true
	w.convs = w.convs[:1]
	for _, n := range w.nodes {
		n.dial()
	}
	return w
}

// passes lets time pass.
func (w *world) passes(d time.Duration) { w.run(w.now.Add(d)) }

// comesToRest lets all time pass, and holds the nodes to what the house promises.
func (w *world) comesToRest(t *testing.T) {
	for _, n := range w.nodes {
		w.after(10*time.Second, func() { n.sweep(time.Second) })
	}
	w.run(time.Time{})
	w.check()
	for _, f := range w.failures {
		t.Error(f)
	}
}

// invite brings persons into a room.
func (n *node) invite(r *room, persons ...int) {
	var x event.Invite
	for _, p := range persons {
		x.Persons = append(x.Persons, crypto.PersonID{byte(p + 1)})
	}
	n.control(r.id, func(*disk) event.Control { return x }, nil)
}

// A founder whose only disk went back to before the room is told of it by nobody. That is no fault of the
// others.
func TestFounderBeforeTheRoom(t *testing.T) {
	w := calmOffice(t)
	founder := w.nodes[4]
	founder.backup = founder.disk.clone()
	founder.found(false)
	w.passes(time.Second)
	founder.invite(w.rooms[0], personA)
	w.passes(10 * time.Second)
	founder.restoreBackup(true)
	w.passes(10 * time.Second)
	w.nodes[0].invite(w.rooms[0], personD)
	w.comesToRest(t)
	if !w.untold(founder, w.rooms[0]) {
		t.Error("the founder is told")
	}
}

// What was written on a branch of a log, and once more in a new log when that turned out, is lost to who has
// the other branch where the author was removed meanwhile: the new log is cut off.
func TestReissuedAfterRemoval(t *testing.T) {
	w := calmOffice(t)
	a, author := w.nodes[0], w.nodes[5]
	a.found(false)
	w.passes(time.Second)
	r := w.rooms[0]
	a.invite(r, personD)
	w.passes(10 * time.Second)
	author.write(r.conv, 1)
	w.passes(time.Second)
	author.backup = author.disk.clone()
	author.write(r.conv, 1)
	w.passes(time.Second)
	author.restoreBackup(false)
	a.control(r.id, func(d *disk) event.Control {
		return event.Remove{Person: crypto.PersonID{personD + 1}, Cuts: a.cuts(d, r, personD)}
	}, nil)
	w.passes(50 * time.Millisecond)
	a.invite(r, personD)
	w.comesToRest(t)
	if w.count.rollbacks != 1 {
		t.Errorf("%d rollbacks", w.count.rollbacks)
	}
}
