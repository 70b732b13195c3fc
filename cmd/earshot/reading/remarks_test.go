package reading

import (
	"fmt"
	"testing"

	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// Of each person it is said once that more waits. The node knows of some dozens at a time, so somebody
// with more identities than that had it said again and again.
func TestMoreWaitsIsSaidOnce(t *testing.T) {
	var k remarks
	round := func(from, to int) (said int) {
		var now []*earshotv1.Request
		for i := from; i < to; i++ {
			now = append(now, &earshotv1.Request{Person: fmt.Sprintf("%064x", i), Name: "Mallory", MoreWaits: true})
		}
		return len(k.news(now))
	}
	for i, c := range []struct{ from, to, want int }{{0, 64, 64}, {1, 65, 1}, {0, 64, 0}, {0, maxMore, maxMore - 65}, {maxMore, maxMore + 64, 0}} {
		if got := round(c.from, c.to); got != c.want {
			t.Errorf("round %d: %d lines, want %d", i, got, c.want)
		}
	}
	for _, c := range []struct {
		waiting int
		want    string
	}{{1, "[1 request waits: earshot requests]"}, {1, "[]"}, {3, "[3 requests wait: earshot requests]"}, {0, "[]"}, {1, "[1 request waits: earshot requests]"}} {
		if got := fmt.Sprint(k.news(make([]*earshotv1.Request, c.waiting))); got != c.want {
			t.Errorf("%d wait: %s, want %s", c.waiting, got, c.want)
		}
	}
}
