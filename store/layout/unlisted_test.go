package layout

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/earshot-im/earshot/store/disk"
	"github.com/earshot-im/earshot/store/event"
)

// A part of a log says of every range what looking at each event of it says.
func TestUnlistedCountsWhatItHas(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		var u Unlisted
		want := map[uint64]Listing{}
		const first = 3 * UnlistedEvents
		for range rng.IntN(200) {
			seq, l := first+rng.Uint64N(UnlistedEvents), Listing(rng.IntN(3))
			u, want[seq] = u.With(seq, l), l
		}
		for range 50 {
			r := event.Range{First: first + rng.Uint64N(UnlistedEvents)}
			r.Last = r.First + rng.Uint64N(first+UnlistedEvents-r.First)
			listed, behind := 0, []uint64(nil)
			for seq := r.First; seq <= r.Last; seq++ {
				if u.Of(seq) != want[seq] {
					t.Fatalf("%d is %d, want %d", seq, u.Of(seq), want[seq])
				}
				switch want[seq] {
				case Listed:
					listed++
				case Behind:
					behind = append(behind, seq)
				}
			}
			if n, b := u.Count(r); n != listed || !slices.Equal(b, behind) {
				t.Fatalf("%v: %d and %v, want %d and %v", r, n, b, listed, behind)
			}
		}
		for seq := range want {
			u = u.With(seq, Listed)
		}
		if u != nil {
			t.Fatal("something is left where all are listed")
		}
	}
}

func TestUnlistedOfAnotherSizeIsDamaged(t *testing.T) {
	for _, size := range []int{1, unlistedSize, 2*unlistedSize + 1} {
		if _, err := ParseUnlisted(make([]byte, size)); !errors.Is(err, disk.ErrDamaged) {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
}
