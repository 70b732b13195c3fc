package gossip

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/earshot-im/earshot/crypto"
)

// epoch0 is when tests begin; no calendar is meant.
var epoch0 = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// always is a group that nothing ever happens in.
type always struct{}

func (always) Heads() []crypto.Hash            { return []crypto.Hash{{1}} }
func (always) Standing([]crypto.Hash) Standing { return Current }
func (always) Covers(_, _ []crypto.Hash) bool  { return true }

// chacha makes tests repeatable.
type chacha struct{ *rand.ChaCha8 }

func seeded(seed byte) chacha { return chacha{rand.NewChaCha8([32]byte{seed})} }

func alone(control Control) *epochs { return newEpochs(crypto.DeviceID{1}, control, seeded(1)) }

// run steps until the time has come, and returns what was shared.
func (e *epochs) run(from time.Time, d time.Duration) (shared []EpochID) {
	for now, end := from, from.Add(d); ; {
		share, wake := e.step(now)
		if share {
			shared = append(shared, e.seal.ID)
		}
		if !wake.After(now) {
			panic("asked to be woken in the past")
		}
		if now = wake; now.After(end) {
			return shared
		}
	}
}

func minted(n byte, control ...crypto.Hash) Epoch {
	e := Epoch{Key: [32]byte{n}, Control: control}
	e.ID = epochID(&e.Key, control)
	return e
}

func TestRotatesWithinAWeek(t *testing.T) {
	e := alone(always{})
	shared := e.run(epoch0, 0)
	if e.current() != nil || len(shared) != 0 {
		t.Fatal("minted at once")
	}
	shared = e.run(epoch0, mintSpread)
	if len(shared) != 1 || e.current() == nil {
		t.Fatal("not minted")
	}
	first := e.current()
	week := epoch0.Add(7 * 24 * time.Hour)
	if shared = e.run(epoch0.Add(mintSpread), rotateAfter-2*mintSpread); len(shared) != 0 {
		t.Fatal("rotated early")
	}
	shared = e.run(epoch0.Add(rotateAfter-mintSpread), 4*mintSpread)
	if len(shared) != 1 || e.current() == first {
		t.Fatal("not rotated in time")
	}
	if e.find(first.ID) == nil {
		t.Error("what is on its way under the old epoch can't be opened")
	}
	e.run(epoch0.Add(rotateAfter+3*mintSpread), grace)
	if e.find(first.ID) != nil || first.Key != [32]byte{} {
		t.Error("the old key was not destroyed")
	}
	if e.step(week); len(e.held) != 1 {
		t.Errorf("%d epochs after a week", len(e.held))
	}
}

func TestRemovalEndsEpochs(t *testing.T) {
	r := newHistory().newReplica()
	e := alone(r)
	e.run(epoch0, mintSpread)
	before := e.current()
	now := epoch0.Add(time.Hour)
	r.act("rename", false)
	if e.step(now); e.current() != before {
		t.Error("a rename changed the epoch")
	}
	r.act("remove", true)
	if e.current() != nil {
		t.Error("sealed under an epoch that somebody removed may have")
	}
	if _, ok := e.step(now); e.find(before.ID) == nil || ok.IsZero() {
		t.Error("what was on its way can't be opened")
	}
	if e.step(now.Add(grace)); e.find(before.ID) != nil || before.Key != [32]byte{} {
		t.Error("the key outlived its grace")
	}
	e.run(now.Add(grace), mintSpread)
	if after := e.current(); after == nil || !slices.Equal(after.Control, r.Heads()) {
		t.Error("no epoch under the new state")
	}
	// Somebody who has not heard of the removal hands the old one over again.
	old := minted(1, before.Control...)
	e.learn(now.Add(time.Hour), old)
	if e.step(now.Add(time.Hour)); e.current() == nil || e.current().ID == old.ID {
		t.Error("the epoch of before came back")
	}
}

func TestPrefersNewestControlThenLowestID(t *testing.T) {
	r := newHistory().newReplica()
	first := r.Heads()
	r.act("rename", false)
	newer := r.Heads()
	var older, newest []Epoch
	for n := range byte(4) {
		older, newest = append(older, minted(n, first...)), append(newest, minted(n, newer...))
	}
	want := slices.MinFunc(newest, func(a, b Epoch) int { return bytes.Compare(a.ID[:], b.ID[:]) })
	all := slices.Concat(older, newest)
	for seed := range byte(20) {
		rng := rand.New(seeded(seed))
		rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		e := alone(r)
		for i, one := range all {
			e.learn(epoch0.Add(time.Duration(i)*time.Second), one)
		}
		if e.current().ID != want.ID {
			t.Fatalf("seed %d: seals under another", seed)
		}
	}
}

// TestUnknownControlWaits: an epoch that came before the control events it was minted under.
func TestUnknownControlWaits(t *testing.T) {
	h := newHistory()
	there, here := h.newReplica(), h.newReplica()
	there.act("remove", true)
	told := minted(1, there.Heads()...)
	e := alone(here)
	e.learn(epoch0, told)
	if e.find(told.ID) != nil || e.current() != nil {
		t.Error("used before its control events are known")
	}
	here.hear(there)
	share, _ := e.step(epoch0.Add(time.Second))
	if !share || e.current() == nil || e.current().ID != told.ID {
		t.Error("not used when they are")
	}
}

// TestSleeperLearnsAge: a machine that slept believes its epoch to be young. Who knows better tells
// it, and it moves on.
func TestSleeperLearnsAge(t *testing.T) {
	old, fresh := minted(1, crypto.Hash{1}), minted(2, crypto.Hash{1})
	if bytes.Compare(old.ID[:], fresh.ID[:]) > 0 {
		old, fresh = fresh, old // so that by ID alone the old one would win
	}
	now := epoch0.Add(rotateAfter + time.Hour)
	awake, sleeper := alone(always{}), alone(always{})
	awake.learn(epoch0, old)
	awake.learn(now, fresh)
	awake.step(now)
	now = now.Add(2 * grace)
	awake.step(now)
	if awake.find(old.ID) != nil || awake.current().ID != fresh.ID {
		t.Fatal("did not rotate")
	}
	sleeper.learn(now.Add(-2*time.Hour), old)
	sleeper.learn(now, fresh)
	if sleeper.current().ID != old.ID {
		t.Fatal("this tests nothing")
	}
	told := copyOf(sleeper.current(), now)
	better, younger := awake.learn(now, told)
	if !younger || awake.current().ID != fresh.ID {
		t.Fatal("an epoch got younger")
	}
	if better.check() != nil || better.ID != old.ID || better.Age < rotateAfter {
		t.Errorf("told that it is %s old", better.Age)
	}
	if _, again := sleeper.learn(now, better); again || sleeper.current().ID != fresh.ID {
		t.Error("the sleeper stays with what it has")
	}
}

// TestAgesDoNotForceMinting: a member says of every epoch that it is old.
func TestAgesDoNotForceMinting(t *testing.T) {
	e := alone(always{})
	e.run(epoch0, mintSpread)
	shared, minted := 0, make(map[EpochID]bool)
	for now := epoch0.Add(time.Minute); now.Before(epoch0.Add(24 * time.Hour)); now = now.Add(mintSpread) {
		lie := copyOf(e.seal, now)
		lie.Age = 1 << 62
		e.learn(now, lie)
		if share, _ := e.step(now); share {
			shared++
			minted[e.seal.ID] = true
		}
	}
	if len(minted) > 24 || len(minted) < 20 || shared > 2*len(minted) {
		t.Errorf("minted %d, shared %d times in a day", len(minted), shared)
	}
}

func TestHoldsFewEpochs(t *testing.T) {
	e := alone(always{})
	var lowest EpochID
	for n := range byte(200) {
		told := minted(n, crypto.Hash{1})
		if n == 0 || bytes.Compare(told.ID[:], lowest[:]) < 0 {
			lowest = told.ID
		}
		e.learn(epoch0, told)
		if len(e.held) > maxEpochs || e.current().ID != lowest {
			t.Fatalf("%d held after %d", len(e.held), n)
		}
	}
	if len(e.births) > maxAges || len(e.order) > maxAges {
		t.Errorf("%d ages remembered", len(e.births))
	}
}

// TestFewMintAtOnce: however many lack an epoch at the same time, about one mints before the others
// have heard of it.
func TestFewMintAtOnce(t *testing.T) {
	for _, n := range []int{2, 20, 100, 1000} {
		total := 0
		const rounds = 20
		for round := range byte(rounds) {
			var delays []time.Duration
			for i := range n {
				e := newEpochs(crypto.DeviceID{round, byte(i), byte(i >> 8)}, always{}, nil)
				delays = append(delays, e.delay())
			}
			first := slices.Min(delays)
			if slices.Max(delays) > mintSpread || first < 0 {
				t.Fatal("a delay out of bounds")
			}
			for _, d := range delays {
				if d < first+time.Second {
					total++
				}
			}
		}
		if mean := float64(total) / rounds; mean > 4 {
			t.Errorf("of %d, %.1f mint within a second", n, mean)
		}
	}
}

// TestSimulation has five members mint, share and change the group over links that come and go. One
// is removed on the way.
func TestSimulation(t *testing.T) {
	for seed := range byte(20) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { newWorld(t, seed).run() })
	}
}

// world is five devices' epochs, and what is on its way between them. Time advances in steps of a
// second or of days.
type world struct {
	t     *testing.T
	rng   *rand.Rand
	now   time.Time
	nodes []*worldNode
	names int
}

type worldNode struct {
	*epochs
	control *replica
	links   [5]bool // to whom there is a session
	inbox   []worldFrame
	asleep  bool
	slept   time.Duration         // its clock stood still so long
	had     map[EpochID]bool      // keys that were ever here
	sealed  map[EpochID]time.Time // since when, by its clock
}

type worldFrame struct {
	from    int
	epoch   *Epoch   // or
	control *replica // all that it knew
}

func newWorld(t *testing.T, seed byte) *world {
	w := &world{t: t, rng: rand.New(seeded(seed)), now: epoch0}
	h := newHistory()
	for i := range 5 {
		r := h.newReplica()
		w.nodes = append(w.nodes, &worldNode{
			epochs:  newEpochs(crypto.DeviceID{seed, byte(i)}, r, seeded(seed+byte(i)*50+1)),
			control: r, had: make(map[EpochID]bool), sealed: make(map[EpochID]time.Time),
		})
	}
	return w
}

// removal is the name of the event that removes the last node.
const removal = "removal of the last"

func (w *world) removed(by *worldNode) bool {
	by.control.history.mu.Lock()
	defer by.control.history.mu.Unlock()
	return by.control.known[crypto.Digest("test", []byte(removal))]
}

// fellow says whether a sees b as a member.
func (w *world) fellow(a, b int) bool {
	return !(b == 4 && w.removed(w.nodes[a])) && !(a == 4 && w.removed(w.nodes[4]))
}

func (w *world) clock(n *worldNode) time.Time { return w.now.Add(-n.slept) }

func (w *world) run() {
	for range 300 {
		w.change()
		w.tick(time.Second)
	}
	// Then all are connected, and nothing more happens to the group.
	for i := range w.nodes {
		for j := range i {
			w.link(i, j, true)
		}
	}
	for range 30 {
		w.tick(time.Second)
	}
	first := w.nodes[0].current()
	if first == nil {
		w.t.Fatal("no epoch")
	}
	for i, n := range w.nodes[:4] {
		if n.current() == nil || n.current().ID != first.ID {
			w.t.Errorf("node %d seals under another epoch", i)
		}
	}
	w.tick(2 * grace)
	for i, n := range w.nodes[:4] {
		if len(n.held) != 1 {
			w.t.Errorf("node %d holds %d epochs when all is quiet", i, len(n.held))
		}
	}
	if w.removed(w.nodes[0]) && w.nodes[4].had[first.ID] {
		w.t.Error("who was removed has the key")
	}
}

// change is what the world does to them in a second.
func (w *world) change() {
	i, j := w.rng.IntN(5), w.rng.IntN(5)
	switch p := w.rng.IntN(100); {
	case p < 20 && i != j:
		w.link(i, j, !w.nodes[i].links[j])
	case p < 22 && w.fellow(i, i):
		w.names++
		w.act(i, fmt.Sprint("rename ", w.names), false)
	case p < 23 && i < 4 && w.now.After(epoch0.Add(100*time.Second)) && !w.anyoneKnows():
		w.act(i, removal, true)
	case p < 24:
		w.sleep(i, time.Duration(w.rng.IntN(8*24))*time.Hour)
	case p < 26:
		w.tick(time.Duration(w.rng.IntN(8*24)) * time.Hour)
	}
}

// sleep has time pass for all but one, whose clock stands still.
func (w *world) sleep(i int, d time.Duration) {
	n := w.nodes[i]
	for j := range w.nodes {
		w.link(i, j, false)
	}
	n.asleep = true
	for range 10 {
		n.slept += d / 10
		w.tick(d / 10)
	}
	n.asleep = false
}

func (w *world) anyoneKnows() bool {
	return slices.ContainsFunc(w.nodes, w.removed)
}

func (w *world) act(i int, name string, removal bool) {
	n := w.nodes[i]
	n.control.act(name, removal)
	for j, on := range n.links {
		if on {
			w.send(i, j, worldFrame{control: n.snapshot()})
		}
	}
}

func (n *worldNode) snapshot() *replica {
	s := n.control.history.newReplica()
	s.hear(n.control)
	return s
}

func (w *world) send(from, to int, f worldFrame) {
	f.from = from
	if f.epoch != nil && !w.fellow(from, to) {
		return
	}
	w.nodes[to].inbox = append(w.nodes[to].inbox, f)
}

func (w *world) link(i, j int, on bool) {
	for _, p := range [][2]int{{i, j}, {j, i}} {
		n := w.nodes[p[0]]
		if n.links[p[1]] == on {
			continue
		}
		n.links[p[1]] = on
		if !on {
			continue
		}
		w.send(p[0], p[1], worldFrame{control: n.snapshot()})
		if h := n.current(); h != nil {
			e := copyOf(h, w.clock(n))
			w.send(p[0], p[1], worldFrame{epoch: &e})
		}
	}
}

// tick passes time, in which every node steps when it asked to, and everything on its way arrives
// or is lost with its link.
func (w *world) tick(d time.Duration) {
	end := w.now.Add(d)
	for {
		for range 20 { // whatever one second brings
			for i := range w.nodes {
				w.deliver(i)
			}
		}
		next := end
		for i, n := range w.nodes {
			if wake := w.step(i); wake.Add(n.slept).Before(next) {
				next = wake.Add(n.slept)
			}
		}
		if !next.After(w.now) || next.Equal(end) {
			w.now = end
			return
		}
		w.now = next
	}
}

func (w *world) step(i int) time.Time {
	n := w.nodes[i]
	if n.asleep {
		return w.now.AddDate(1, 0, 0)
	}
	share, wake := n.step(w.clock(n))
	w.check(i)
	if share {
		for j, on := range n.links {
			if on {
				e := copyOf(n.seal, w.clock(n))
				w.send(i, j, worldFrame{epoch: &e})
			}
		}
	}
	return wake
}

func (w *world) deliver(i int) {
	n := w.nodes[i]
	inbox := n.inbox
	n.inbox = nil
	for _, f := range inbox {
		switch {
		case !n.links[f.from]:
		case f.control != nil:
			if !n.control.hear(f.control) {
				continue
			}
			for j, on := range n.links {
				if on {
					w.send(i, j, worldFrame{control: n.snapshot()})
				}
			}
			w.step(i)
		case w.fellow(i, f.from):
			answer, younger := n.learn(w.clock(n), *f.epoch)
			if younger {
				w.send(i, f.from, worldFrame{epoch: &answer})
			}
			w.step(i)
		}
	}
}

func (w *world) check(i int) {
	n := w.nodes[i]
	for _, h := range n.held {
		n.had[h.ID] = true
		if h.Key == [32]byte{} || h.check() != nil {
			w.t.Fatal("a held epoch is none")
		}
	}
	if len(n.held) > maxEpochs {
		w.t.Fatalf("%d epochs", len(n.held))
	}
	h := n.current()
	if h == nil {
		return
	}
	if i < 4 && w.removed(n) && w.nodes[4].had[h.ID] {
		w.t.Fatalf("node %d seals for who was removed", i)
	}
	first, ok := n.sealed[h.ID]
	if !ok {
		first = w.clock(n)
		n.sealed[h.ID] = first
	}
	if d := w.clock(n).Sub(first); d > rotateAfter+mintPause+mintSpread {
		w.t.Fatalf("node %d has sealed under an epoch for %s", i, d)
	}
}
