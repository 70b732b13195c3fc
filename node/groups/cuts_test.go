package groups

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/authority"
	"github.com/earshot-im/earshot/store/event"
)

func position(log int, sequence uint64) event.Position {
	p := event.Position{Device: crypto.DeviceID{1}, Sequence: sequence}
	binary.BigEndian.PutUint64(p.Instance[:], uint64(log))
	return p
}

func listOf(id byte, positions ...event.Position) authority.CutList {
	return authority.CutList{ID: crypto.Hash{id}, Cuts: positions}
}

// TestEveryLogEndsWhereItIsHeld takes somebody with any number of logs out after any lists, and
// plays what comes of it. Some have logs of more devices than one event can list, as where their card
// had two branches.
func TestEveryLogEndsWhereItIsHeld(t *testing.T) {
	group := event.Conversation{7}
	for seed := range uint64(60) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(seed, 5))
			position := func(log int, sequence uint64) event.Position {
				p := position(log, sequence)
				if seed%3 == 0 {
					p.Device[1] = byte(log % 150)
				}
				return p
			}
			held := make(map[event.Log]event.Position)
			for i := range rnd.IntN(3000) {
				p := position(i, 1+uint64(rnd.IntN(9)))
				held[p.Log(group)] = p
			}
			var lists []authority.CutList
			for i := range rnd.IntN(8) { // right, out of date or made up, of logs that are here and others
				var cuts []event.Position
				liar, from := rnd.IntN(3) == 0, rnd.IntN(3500)
				for k := range rnd.IntN(event.MaxCuts + 1) {
					p := position(from+k, uint64(1+rnd.IntN(9)))
					if here, ok := held[p.Log(group)]; ok && !liar && rnd.IntN(20) > 0 {
						p = here
					}
					cuts = append(cuts, p)
				}
				lists = append(lists, listOf(byte(i+1), cuts...))
			}
			given := slices.Clone(lists)
			c := choose(group, held, lists)
			for n := 0; len(c.rest) > 0; n++ {
				if n > 8 || len(c.rest) > event.MaxCuts {
					t.Fatalf("%d lists so far, the next of %d", n, len(c.rest))
				}
				list := event.CutList{Cuts: c.rest}
				if _, err := list.Marshal(); err != nil {
					t.Fatal(err)
				}
				lists = append(lists, listOf(byte(100+n), c.rest...))
				c = choose(group, held, lists)
			}
			if !slices.EqualFunc(given, lists[:len(given)], func(a, b authority.CutList) bool { return a.ID == b.ID }) {
				t.Error("the lists were sorted in their place")
			}
			removal := event.Remove{Cuts: c.own, Lists: c.lists}
			if _, err := removal.Marshal(); err != nil {
				t.Fatal(err)
			}
			said := make(map[event.Log]uint64)
			for _, l := range lists {
				if !slices.Contains(c.lists, l.ID) {
					continue
				}
				for _, p := range l.Cuts {
					if end, ok := said[p.Log(group)]; !ok || end > p.Sequence {
						said[p.Log(group)] = p.Sequence
					}
				}
			}
			for _, p := range c.own {
				said[p.Log(group)] = p.Sequence
			}
			for log, p := range held {
				if said[log] != p.Sequence {
					t.Fatalf("a log that is held to %d ends at %d", p.Sequence, said[log])
				}
			}
		})
	}
}

// A log that isn't held here, as by who has come later, ends where an earlier list says.
func TestLogsThatAreNotHeldKeepTheirEnd(t *testing.T) {
	group := event.Conversation{7}
	held := map[event.Log]event.Position{position(1, 5).Log(group): position(1, 5)}
	lists := []authority.CutList{listOf(2, position(1, 4), position(2, 9)), listOf(1, position(3, 1))}
	c := choose(group, held, lists)
	if !slices.Equal(c.lists, []crypto.Hash{{1}, {2}}) || !slices.Equal(c.own, []event.Position{position(1, 5)}) || c.rest != nil {
		t.Errorf("%+v", c)
	}
}

// Past all room the longest logs stay.
func TestMoreLogsThanThereIsRoomFor(t *testing.T) {
	group := event.Conversation{7}
	held := make(map[event.Log]event.Position)
	var lists []authority.CutList
	for i := range event.MaxLists + 3 {
		lists = append(lists, listOf(byte(i), position(100_000+i, 1)))
	}
	for i := range 2 * event.MaxCuts {
		p := position(i, uint64(i+1))
		held[p.Log(group)] = p
	}
	c := choose(group, held, lists)
	if len(c.own) != event.MaxCuts || len(c.lists) != event.MaxLists || c.rest != nil {
		t.Fatalf("%d cuts, %d lists, %d to come", len(c.own), len(c.lists), len(c.rest))
	}
	for i, p := range c.own {
		if p != position(event.MaxCuts+i, uint64(event.MaxCuts+i+1)) {
			t.Fatal(p)
		}
	}
}
