package engine

import (
	"fmt"
	"testing"
	"testing/synctest"
)

// TestPowerCut cuts the power at every moment of some random work. What was acknowledged is there after it, no
// batch is there in part, nothing is called damaged, and work goes on.
func TestPowerCut(t *testing.T) {
	seeds := uint64(4)
	if testing.Short() {
		seeds = 1
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			var r *rig
			synctest.Test(t, func(t *testing.T) {
				var err error
				r, err = newRig(t, seed, 6<<10)
				fatal(t, err)
				fatal(t, r.open())
				for range 90 {
					if err := r.step(); err != nil {
						t.Fatal(err)
					}
				}
				fatal(t, r.end(false))
			})
			n := r.states(t, seed, 15)
			t.Logf("%d states of %d batches", n, len(r.tries)-1)
		})
	}
}

// TestPowerCutInLongCheckpoint cuts the power in checkpoints that take several transactions.
func TestPowerCutInLongCheckpoint(t *testing.T) {
	var r *rig
	synctest.Test(t, func(t *testing.T) {
		var err error
		r, err = newRig(t, 1, 96<<10)
		fatal(t, err)
		fatal(t, r.open())
		for _, k := range []kind{many, ordinary, many, ordinary} {
			fatal(t, r.batch(k))
		}
		fatal(t, r.end(false))
	})
	t.Logf("%d states", r.states(t, 1, 3))
}
