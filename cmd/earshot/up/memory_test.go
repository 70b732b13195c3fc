package up

import "testing"

// A small heap may leave much garbage for its size, one that is used for much as much as that, and none more than is
// bounded.
func TestGarbageIsBounded(t *testing.T) {
	for live, want := range map[uint64]int{0: 400, 2 << 20: 400, 3 << 20: 400, 6 << 20: 400, 12 << 20: 200, 20 << 20: 120, 24 << 20: 100, 48 << 20: 50, 96 << 20: 25} {
		if got := garbagePercent(live); got != want {
			t.Errorf("%d MiB are used: %d, want %d", live>>20, got, want)
		}
	}
}

// Memory is given back once a burst is over, and once more when the store has let go of what came with it.
func TestGivesBackAfterABurst(t *testing.T) {
	const mib = 1 << 20
	begun := taken{now: 20 * mib, ever: 100 * mib}
	g := giver{last: begun, gave: begun}
	for i, step := range []struct {
		taken
		gives bool
		after uint64 // what is taken once it was given back
	}{
		{taken: taken{20 * mib, 101 * mib, 0}},
		{taken: taken{50 * mib, 200 * mib, 5 * mib}},                               // the burst
		{taken: taken{50 * mib, 201 * mib, 5 * mib}, gives: true, after: 26 * mib}, // is over
		{taken: taken{27 * mib, 202 * mib, 5 * mib}},                               // nothing more is free
		{taken: taken{28 * mib, 203 * mib, 0}, gives: true, after: 21 * mib},       // the store has written
		{taken: taken{21 * mib, 203 * mib, 0}},                                     // once
		{taken: taken{22 * mib, 204 * mib, mib / 8}},                               // a few messages
		{taken: taken{22 * mib, 205 * mib, 0}},                                     // are not worth it
		{taken: taken{22 * mib, 204*mib + 4*mib, 0}, gives: true, after: 21 * mib}, // many of them are
		{taken: taken{30 * mib, 219 * mib, 0}},                                     // while more come all the time
		{taken: taken{30 * mib, 229 * mib, 0}},                                     // what they take is not given back
		{taken: taken{30 * mib, 239 * mib, 0}},                                     // each time
		{taken: taken{30 * mib, 249 * mib, 0}, gives: true, after: 22 * mib},
		{taken: taken{30 * mib, 259 * mib, 0}},
		{taken: taken{30 * mib, 260 * mib, 0}, gives: true, after: 22 * mib}, // unless they end
	} {
		if got := g.look(step.taken); got != step.gives {
			t.Fatalf("look %d: gives back: %v", i, got)
		}
		if step.gives {
			g.gave, g.looks = step.taken, 0
			g.gave.now = step.after
		}
	}
}
