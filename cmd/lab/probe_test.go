//go:build lab && linux

package lab

import (
	"fmt"
	"os"
	"reflect"
	"sync"
	"testing"
	"time"
)

// TestBlockedAndNotAcceptedLookAlike has somebody who is blocked and somebody who was never accepted
// try everything that might tell them which of the two they are. Both had written before, and then
// the owner took messages of contacts only.
func TestBlockedAndNotAcceptedLookAlike(t *testing.T) {
	if os.Getenv(hostileVar) == "" {
		t.Fatal(hostileVar + " names no program; make lab builds it")
	}
	const (
		blocked, other = 1, 2 // of the persons of the seed
		// probing allows for eleven probes of three seconds.
		probing = time.Minute
	)
	l := newLab(t)
	hosts, _ := l.hosts(l.bridge(), 2)
	bob, from := hosts[0].up("Bob"), hosts[1]
	persons, err := from.people(bob, 0, fmt.Sprint(seed, "-n 3"), 3, promised)
	if err != nil {
		t.Fatal(err)
	}
	bob.must("block", persons[blocked])
	bob.must("me", "accept", "contacts")
	var seen [3][]object
	var probes sync.WaitGroup
	for _, who := range []int{blocked, other} {
		probes.Go(func() {
			r, err := from.hostile(nil, aimed(bob, 0, "-seed", "9", "-n", fmt.Sprint(who), "-for", probing.String(), "probe")...)
			if err != nil {
				t.Error(err)
				return
			}
			r.ended.Wait()
			r.stop()
			seen[who] = r.lines
		})
	}
	probes.Wait()
	if len(seen[blocked]) < 2 || len(seen[blocked]) != len(seen[other]) {
		t.Fatalf("%d and %d answers", len(seen[blocked]), len(seen[other]))
	}
	for i, one := range seen[blocked][:len(seen[blocked])-1] { // the last is the summary
		if !reflect.DeepEqual(one, seen[other][i]) {
			t.Errorf("who is blocked sees %v, who is not accepted sees %v", one, seen[other][i])
		}
	}
}
