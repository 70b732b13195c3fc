package engine

import (
	"errors"
	"fmt"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/earshot-im/earshot/store/crash"
)

// TestFaultAtEveryCall has each call fail once that writes, syncs, renames or removes, in each way. What was
// acknowledged stays, what was refused is not there, and what nobody knows of is there whole or not at all: at
// once, after the next start, and after a power cut later on.
func TestFaultAtEveryCall(t *testing.T) {
	step := 1
	if testing.Short() {
		step = 11
	}
	calls, states := 0, 0
	synctest.Test(t, func(t *testing.T) { calls = faultAt(t, 0, crash.All, nil).calls })
	for n := 1; n <= calls; n += step {
		for _, how := range []crash.Fault{crash.Nothing, crash.Half, crash.All} {
			for _, fault := range []error{syscall.ENOSPC, syscall.EIO} {
				t.Run(fmt.Sprintf("%d/%d/%v", n, how, fault), func(t *testing.T) {
					var r *rig
					synctest.Test(t, func(t *testing.T) { r = faultAt(t, n, how, fault) })
					every := 300
					if how == crash.Nothing && fault == syscall.EIO { // what was not synced is in doubt for good
						every = 40
					}
					if r.files.NamesInDoubt() {
						return // what a power cut leaves after it is in nobody's hands
					}
					states += r.states(t, uint64(n), every)
				})
			}
		}
	}
	t.Logf("%d calls, %d states", calls, states)
}

// faultAt does some work, in which the n-th call after the database was made fails.
func faultAt(t *testing.T, n int, how crash.Fault, fault error) *rig {
	r, err := newRig(t, 1, 4<<10)
	fatal(t, err)
	before := r.files.Calls()
	r.files.FailAt(n, how, fault)
	open := func() {
		err := r.open()
		if err != nil && errors.Is(err, fault) {
			err = r.open()
		}
		fatal(t, err)
	}
	check := func() {
		if _, err := r.known(r.e, r.acknowledged()); err != nil && !errors.Is(err, ErrClosed) {
			t.Fatal(err)
		}
	}
	batches := func(kinds ...kind) {
		for _, k := range kinds {
			_ = r.batch(k)
			check()
		}
	}
	open()
	batches(ordinary, ordinary)
	_ = r.e.Checkpoint(t.Context())
	batches(ordinary, large, ordinary)
	_ = r.e.Erase(t.Context())
	batches(ordinary)
	_ = r.end(true)
	open()
	batches(ordinary, ordinary, ordinary, ordinary, ordinary)
	_ = r.e.Compact(t.Context())
	batches(ordinary)
	_ = r.end(false)
	open()
	batches(large, ordinary) // after what was written before
	r.calls = r.files.Calls() - before
	_ = r.end(false)
	open()
	if r.acknowledged() < len(r.tries)-1 && fault == nil {
		t.Fatal("a batch was refused")
	}
	_ = r.end(true)
	return r
}
