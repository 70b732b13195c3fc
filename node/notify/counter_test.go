package notify

import "testing"

// What the store counts is told also after the node has counted something of its own.
func TestReachTellsAfterBump(t *testing.T) {
	c := NewCounter(5)
	c.Bump()
	c.Bump()
	for n := range uint64(3) {
		before, more := c.Now()
		c.Reach(6 + n)
		select {
		case <-more:
		default:
			t.Fatalf("%d was not told", 6+n)
		}
		if now, _ := c.Now(); now <= before {
			t.Fatalf("%d after %d", now, before)
		}
	}
	_, more := c.Now()
	c.Reach(8)
	select {
	case <-more:
		t.Fatal("told twice")
	default:
	}
}
