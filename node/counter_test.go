package node

import "testing"

// What the store counts is told also after the node has counted something of its own.
func TestReachTellsAfterBump(t *testing.T) {
	c := newCounter(5)
	c.bump()
	c.bump()
	for n := range uint64(3) {
		before, more := c.now()
		c.reach(6 + n)
		select {
		case <-more:
		default:
			t.Fatalf("%d was not told", 6+n)
		}
		if now, _ := c.now(); now <= before {
			t.Fatalf("%d after %d", now, before)
		}
	}
	_, more := c.now()
	c.reach(8)
	select {
	case <-more:
		t.Fatal("told twice")
	default:
	}
}
