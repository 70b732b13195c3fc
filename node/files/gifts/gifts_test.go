package gifts

import (
	"testing"
	"time"

	"github.com/earshot-im/earshot/node/files/exchange"
	"github.com/earshot-im/earshot/store/shelf"
)

// What is given is shown until a while after the last byte, and of too much at once the rest is not.
func TestNow(t *testing.T) {
	g := New(Config{})
	now := time.Now()
	for i := range maxGiven + 1 {
		g.gave.add(giving{blob: shelf.ID{byte(i), byte(i >> 8)}}, exchange.Attachment{Index: i}, 7, now)
	}
	now = now.Add(shownGiven)
	one := giving{blob: shelf.ID{1}}
	g.gave.add(one, exchange.Attachment{Index: 1}, 8, now)
	if all := g.Now(now); len(all) != maxGiven {
		t.Errorf("%d are shown", len(all))
	}
	now = now.Add(time.Second)
	if all := g.Now(now); len(all) != 1 || all[0].Of.Index != 1 || all[0].Bytes != 15 || all[0].Rate == 0 {
		t.Errorf("then %+v", all)
	}
	g.gave.add(giving{blob: shelf.ID{5, 5}}, exchange.Attachment{Index: 500}, 9, now) // in place of what is shown no more
	if all := g.Now(now); len(all) != 2 || len(g.gave.to) != 2 {
		t.Errorf("%d are shown, %d remembered", len(all), len(g.gave.to))
	}
}
