package attention

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// A flood by a contact is told a few times a minute, and takes bounded room.
func TestFlood(t *testing.T) {
	d := newDesk(t, "desktop")
	for range 6000 {
		d.comes(d.from("Bob", strings.Repeat("x", maxText)))
		d.pass(10 * time.Millisecond)
	}
	if d.told > 21 {
		t.Errorf("told %d times in a minute", d.told)
	}
	for n := range 10_000 {
		d.comes(d.from(fmt.Sprint("P", n), "hi"))
	}
	d.pass(time.Minute)
	if len(d.notes) > maxNotes {
		t.Errorf("%d notes", len(d.notes))
	}
	for _, n := range d.notes {
		if len(n.kept) > maxKept {
			t.Errorf("%d messages of %s", len(n.kept), n.with.Name)
		}
	}
}

// TestRandom does anything in any order. desk.do holds that there is never too much; here: nothing is
// told of what is attended, quiet or read, and when all was read nothing is shown.
func TestRandom(t *testing.T) {
	for seed := range uint64(500) {
		r := rand.New(rand.NewPCG(seed, 0))
		d := newDesk(t, "desktop")
		var unread []message
		clients := []string{"desktop", "page", "page 2", "terminal"}
		for range 300 {
			before := d.told
			quietNow := d.settings.quiet(d.now)
			switch r.IntN(12) {
			case 0, 1, 2, 3:
				where := []string{"Bob", "Cleo", "Dan", "Eve", "Fay", "#lunch", "#team"}[r.IntN(7)]
				m := d.from(where, fmt.Sprint("text ", d.last))
				m.mentioned, m.late, m.stranger = r.IntN(3) == 0, r.IntN(4) == 0, where == "Fay"
				d.comes(m)
				unread = append(unread, m)
			case 4, 5:
				if len(unread) > 0 {
					i := r.IntN(len(unread))
					m := unread[i]
					m.stranger = r.IntN(2) == 0 // as it is now
					d.reads(m)
					unread = append(unread[:i:i], unread[i+1:]...)
				}
			case 6:
				d.look("page", d.from([]string{"Bob", "Cleo"}[r.IntN(2)], "").conversation, d.now)
			case 7:
				d.away("page")
			case 8:
				d.settings.until = d.now.Add(time.Duration(r.IntN(2)) * 10 * time.Second)
			case 9:
				if c := clients[r.IntN(4)]; d.seen[c] == nil {
					d.offers(c)
				} else if len(d.seen) > 1 {
					d.withdraw(c)
					delete(d.seen, c)
				}
			case 10:
				for c, at := range d.seen {
					for a := range at {
						d.dismissed(c, a)
						delete(at, a)
					}
				}
			case 11:
				d.do(d.asked(r.IntN(4), false, d.now))
			}
			told := d.told
			d.pass(time.Duration(r.IntN(1500)) * time.Millisecond)
			if quietNow && d.settings.quiet(d.now) && d.told > told {
				t.Fatalf("seed %d: told in quiet hours", seed)
			}
			if told > before {
				t.Fatalf("seed %d: told at once", seed)
			}
			for _, at := range d.seen {
				for a, alert := range at {
					if a.strangers && strings.Contains(alert.Title+alert.Text, "text") {
						t.Fatalf("seed %d: %+v", seed, alert)
					}
				}
			}
		}
		for _, m := range unread {
			d.reads(m)
		}
		d.do(d.asked(0, false, d.now))
		d.pass(time.Minute)
		for c, at := range d.seen {
			if len(at) > 0 {
				t.Fatalf("seed %d: %s still shows %v", seed, c, at)
			}
		}
	}
}
