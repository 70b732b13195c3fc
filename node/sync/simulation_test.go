package sync_test

import (
	"flag"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"
)

var (
	seedFlag  = flag.Uint64("seed", 0, "simulate only this seed, telling what happens")
	seedsFlag = flag.Uint64("seeds", 200, "how many seeds to simulate")
)

// TestSimulation lets five nodes of three persons write to each other while everything breaks that
// may, then heals the network and holds them to what the house promises. To see what a seed does:
// go test -run Simulation -seed N
func TestSimulation(t *testing.T) { simulateAll(t, simulate, false) }

// TestSimulationOfRooms does the same to seven nodes of five persons who found groups, invite and
// remove each other at any node. Some don't believe that they were removed.
func TestSimulationOfRooms(t *testing.T) { simulateAll(t, simulateRooms, true) }

func simulateAll(t *testing.T, simulate func(uint64, func(string, ...any)) *world, rooms bool) {
	if *seedFlag != 0 {
		w := simulate(*seedFlag, t.Logf)
		w.report(t, *seedFlag)
		return
	}
	seeds := *seedsFlag
	if testing.Short() {
		seeds = min(seeds, 32)
	}
	const lanes = 4
	sums := make(chan counts, lanes)
	t.Run("seeds", func(t *testing.T) {
		for lane := range uint64(lanes) {
			t.Run(fmt.Sprint(lane), func(t *testing.T) {
				t.Parallel()
				var sum counts
				for seed := lane + 1; seed <= seeds && !t.Failed(); seed += lanes {
					w := simulate(seed, nil)
					w.report(t, seed)
					sum.add(w.count)
				}
				sums <- sum
			})
		}
	})
	var sum counts
	for range lanes {
		sum.add(<-sums)
	}
	t.Logf("%d seeds: %+v", seeds, sum)
	if seeds >= 200 && !t.Failed() {
		for what, n := range sum.all(rooms) {
			if *n == 0 {
				t.Errorf("no seed had any %s: the simulation does not try it", what)
			}
		}
	}
}

// TestSimulationReplays runs seeds twice.
func TestSimulationReplays(t *testing.T) {
	seeds := uint64(10)
	if testing.Short() {
		seeds = 2
	}
	for seed := uint64(1); seed <= seeds; seed++ {
		if a, b := simulate(seed, nil), simulate(seed, nil); a.trace.Sum64() != b.trace.Sum64() {
			t.Errorf("seed %d takes two courses", seed)
		}
		if a, b := simulateRooms(seed, nil), simulateRooms(seed, nil); a.trace.Sum64() != b.trace.Sum64() {
			t.Errorf("seed %d of rooms takes two courses", seed)
		}
	}
}

func (w *world) report(t *testing.T, seed uint64) {
	for _, f := range w.failures {
		t.Errorf("seed %d: %s", seed, f)
	}
	if len(w.failures) > 0 {
		t.Logf("replay with: go test ./node/sync -run '%s' -seed %d -v", strings.Split(t.Name(), "/")[0]+"$", seed)
	}
}

// all names the counts that a simulation must have raised, with rooms or without.
func (c *counts) all(rooms bool) map[string]*int {
	all := map[string]*int{
		"crashes": &c.crashes, "cuts": &c.cuts, "gaps": &c.gaps, "duplicates": &c.duplicates,
		"cards asked for": &c.needCards, "refusals": &c.refused, "frames": &c.frames, "restores": &c.restores,
		"stripped words": &c.strips, "waits for room": &c.drains,
		"runs without room on the disk": &c.fulls, "claims forgotten": &c.forgets, "runs over budget": &c.overs,
		"typing": &c.typings, "persons away": &c.aways,
	}
	if rooms {
		maps.Copy(all, map[string]*int{
			"logs that are not heeded": &c.unheeded, "changes of what comes directly": &c.directs, "control sets waited for": &c.needControls, "welcomes": &c.welcomes, "invitations": &c.invites,
			"removals": &c.removals, "history withheld": &c.skips,
			"short offers": &c.shorts, "quiet rooms": &c.quiet, "questions of a hostile peer": &c.asks,
		})
	} else {
		maps.Copy(all, map[string]*int{
			"rollbacks": &c.rollbacks, "requests": &c.requests, "openings": &c.openings, "forks": &c.forks,
		})
	}
	return all
}

func (c *counts) add(o counts) {
	for _, rooms := range []bool{false, true} {
		theirs := o.all(rooms)
		for what, n := range c.all(rooms) {
			if _, both := o.all(!rooms)[what]; !both || rooms {
				*n += *theirs[what]
			}
		}
	}
}

// How long things go wrong, and how long they may take to come right.
const trouble = 60 * time.Second

// simulate runs one seed. Every eighth is gentle: nothing breaks, and then nothing may be shown
// with a gap. Of the others some have a disk go back to a backup.
func simulate(seed uint64, log func(string, ...any)) *world {
	w := newWorld(seed, friends)
	w.log = log
	w.served = w.chance(0.5)
	w.begin(seed)
	for range 20 + w.rng.IntN(40) {
		n := w.nodes[w.rng.IntN(len(w.nodes))]
		c := w.convs[w.rng.IntN(len(w.convs))]
		if !has(c.persons, n.person) {
			continue
		}
		w.writeSome(n, c)
		if w.chance(0.2) {
			w.after(w.within(trouble), func() { n.sign(c) })
		}
	}
	if !w.served {
		w.after(w.within(trouble), w.accept)
	}
	w.end(seed)
	return w
}

// simulateRooms runs one seed with groups that come into being in the course of it.
func simulateRooms(seed uint64, log func(string, ...any)) *world {
	w := newWorld(seed, office)
	w.log = log
	w.served = true
	w.convs = w.convs[:1] // A and B know each other anyhow
	w.begin(seed)
	for i := range 1 + w.rng.IntN(2) {
		n := w.nodes[w.rng.IntN(len(w.nodes))]
		w.after(w.within(5*time.Second), func() { n.found(i == 0) })
	}
	inRoom := func(do func(r *room)) {
		w.after(w.within(trouble), func() {
			if len(w.rooms) > 0 {
				do(w.rooms[w.rng.IntN(len(w.rooms))])
			}
		})
	}
	for range 15 + w.rng.IntN(15) {
		n := w.nodes[w.rng.IntN(len(w.nodes))]
		inRoom(n.govern)
	}
	for range 20 + w.rng.IntN(30) {
		n := w.nodes[w.rng.IntN(len(w.nodes))]
		inRoom(func(r *room) { n.write(r.conv, 1+w.rng.IntN(3)) })
	}
	if n := w.nodes[4+w.rng.IntN(3)]; seed%4 == 1 {
		n.hostile = true
		for range 10 {
			w.after(w.within(trouble+time.Minute), n.ask)
		}
	}
	w.end(seed)
	return w
}

func (w *world) writeSome(n *node, c conv) {
	count := 1 + w.rng.IntN(3)
	if w.chance(0.02) {
		count = 100 + w.rng.IntN(100)
	}
	w.after(w.within(trouble), func() { n.write(c, count) })
}

// begin has the nodes meet, and says what may break.
func (w *world) begin(seed uint64) {
	w.gentle = seed%8 == 0
	w.calm = w.gentle
	if seed%3 == 0 {
		w.wall = [2]int{w.rng.IntN(2), 2 + w.rng.IntN(3)} // A's two devices stay together
	}
	w.cutRate = []float64{0, 0.002, 0.01, 0.05}[w.rng.IntN(4)]
	w.crash = []float64{0, 0.002, 0.01, 0.03}[w.rng.IntN(4)]
	for i, n := range w.nodes {
		if !w.gentle && w.chance(0.3) {
			n.up = false
			w.after(w.within(40*time.Second), n.start)
		}
		for _, peer := range w.nodes[:i] {
			w.after(w.within(2*time.Second), func() { w.meet(n, peer) })
		}
	}
}

// sign has a node tell everybody what its owner does, in conversations that they share or not.
func (w *world) sign() {
	n := w.nodes[w.rng.IntN(len(w.nodes))]
	convs := w.convs
	for _, r := range w.rooms {
		convs = append(convs, r.conv)
	}
	c, on, away := convs[w.rng.IntN(len(convs))], w.chance(0.7), w.chance(0.5)
	for _, e := range n.ends {
		if e != nil && e.begun {
			e.sign(c, on, away)
		}
	}
}

// end lets trouble come and go, and time pass until everything is at rest.
func (w *world) end(seed uint64) {
	if !w.gentle {
		w.disturb(seed)
	}
	for range 40 {
		w.after(w.within(trouble), w.sign)
	}
	w.run(w.now.Add(trouble))
	w.heal()
	const sweep = 20 * time.Second
	for i := range 3 {
		for _, n := range w.nodes {
			w.after(time.Duration(i+1)*sweep, func() { n.sweep(sweep / 2) })
		}
	}
	w.run(time.Time{})
	if len(w.failures) == 0 {
		w.check()
	}
}

func (w *world) disturb(seed uint64) {
	for range w.rng.IntN(4) {
		n := w.nodes[w.rng.IntN(len(w.nodes))]
		w.after(w.within(trouble), func() {
			if n.up {
				n.stop("for no reason")
			}
		})
	}
	for range w.rng.IntN(6) {
		a, b := w.rng.IntN(len(w.nodes)), w.rng.IntN(len(w.nodes))
		if a == b {
			continue
		}
		long := w.within(20 * time.Second)
		w.after(w.within(trouble), func() {
			w.partedTo[[2]int{min(a, b), max(a, b)}] = w.now.Add(long)
			if e := w.nodes[a].ends[b]; e != nil {
				w.cut(e)
			}
		})
	}
	if n := w.nodes[w.rng.IntN(len(w.nodes))]; w.chance(0.4) {
		at := w.within(30 * time.Second)
		w.after(at, func() { n.full = true })
		w.after(at+w.within(30*time.Second), n.hasRoom)
	}
	if n := w.nodes[w.rng.IntN(len(w.nodes))]; w.chance(0.2) {
		at := w.within(30 * time.Second)
		w.after(at, func() { n.spent = true })
		w.after(at+w.within(30*time.Second), n.accepts)
	}
	if seed%5 < 2 {
		n := w.nodes[w.rng.IntN(len(w.nodes))]
		at := w.within(40 * time.Second)
		w.after(at, func() { n.backup = n.disk.clone() })
		w.after(at+w.within(20*time.Second), func() { n.restoreBackup(seed%5 == 0) })
	}
}

// accept makes B serve C: the sessions there are go on with another answer.
func (w *world) accept() {
	w.served = true
	for _, n := range w.nodes {
		for _, e := range n.ends {
			if e != nil && e.joined && n.person == personB && e.peer.person == personC {
				e.join()
			}
		}
	}
}

// heal ends all trouble. Sessions that there are stay: they must come to an end alone.
func (w *world) heal() {
	w.note("all is well from now on")
	w.calm = true
	if !w.served {
		w.accept()
	}
	for _, n := range w.nodes {
		if !n.up {
			n.start()
		}
		n.dial()
	}
}
