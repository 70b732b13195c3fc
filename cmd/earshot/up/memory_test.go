package up

import "testing"

// A small heap may leave much garbage for its size, one that is used for much as much as that, and none more than is
// bounded.
func TestGarbageIsBounded(t *testing.T) {
	for live, want := range map[uint64]int{0: 400, 2 << 20: 400, 3 << 20: 400, 6 << 20: 200, 12 << 20: 100, 20 << 20: 100, 24 << 20: 100, 48 << 20: 50, 96 << 20: 25} {
		if got := garbagePercent(live); got != want {
			t.Errorf("%d MiB are used: %d, want %d", live>>20, got, want)
		}
	}
}
