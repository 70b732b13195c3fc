package attention

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/earshot-im/earshot/node/contacts"
	"github.com/earshot-im/earshot/store/event"
)

// desk is what the owner sees: the notifications that stand at each client.
type desk struct {
	*plan
	t       *testing.T
	now     time.Time
	last    uint16
	seen    map[string]map[about]Alert
	told    int // how often the owner was told, aloud
	history []string
}

func newDesk(t *testing.T, clients ...string) *desk {
	d := &desk{plan: newPlan(), t: t, now: time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC), seen: make(map[string]map[about]Alert)}
	for _, c := range clients {
		d.offers(c)
	}
	return d
}

var kindOf = map[string]Kind{"desktop": Desktop, "page": Page, "page 2": Page, "terminal": Terminal}

func (d *desk) offers(client string) {
	d.seen[client] = make(map[about]Alert)
	d.offer(client, kindOf[client], d.now)
}

func (d *desk) instant() instant { return instant{d.now, d.now} }

func (d *desk) do(acts []act) {
	for _, a := range acts {
		at := d.seen[a.client]
		if a.alert.Close {
			if _, there := at[a.about]; !there {
				d.t.Errorf("%s closes %v, which is not there", a.client, a.about)
			}
			delete(at, a.about)
			continue
		}
		if _, there := at[a.about]; a.alert.Silent && !there {
			d.t.Errorf("%s puts right %v, which is not there", a.client, a.about)
		}
		if c := a.about.conversation; !a.alert.Silent && c != (event.Conversation{}) && d.attended(c) {
			d.t.Errorf("told of what is attended")
		}
		if at[a.about] = a.alert; !a.alert.Silent {
			d.told++
			d.history = append(d.history, a.alert.Title+": "+a.alert.Text)
		}
	}
	n := 0
	for client, at := range d.seen {
		n += len(at)
		_, sum := at[about{}]
		if len(at) > together || sum && len(at) > 1 {
			d.t.Errorf("%d notifications at %s", len(at), client)
		}
	}
	if n > together {
		d.t.Errorf("%d notifications", n)
	}
}

// pass lets time pass.
func (d *desk) pass(by time.Duration) {
	end := d.now.Add(by)
	for at := d.wakes(); !at.IsZero() && !at.After(end); at = d.wakes() {
		if at.After(d.now) {
			d.now = at
		}
		before := d.wakes()
		d.do(d.tick(d.instant()))
		if next := d.wakes(); next.Equal(before) {
			d.t.Fatal("wakes for nothing")
		}
	}
	d.now = end
}

// from makes a message that somebody writes: the owner's contact, by the first letter of where.
func (d *desk) from(where, text string) message {
	d.last++
	m := message{id: event.ID{byte(d.last), byte(d.last >> 8)}, by: where, text: text, unread: true, with: contacts.Target{Kind: "person", Name: where}, wanted: wanted{notify: All}}
	copy(m.conversation[:], where)
	if strings.HasPrefix(where, "#") {
		m.with, m.by = contacts.Target{Kind: "group", Name: where[1:]}, "Ann"
		m.wanted.notify = Mentions
	}
	return m
}

func (d *desk) comes(m message) message {
	d.came(m, d.instant())
	return m
}

func (d *desk) reads(m message) {
	m.unread = false
	d.do(d.changed(m))
}

// shows fails unless exactly these notifications stand at a client, as "title: text".
func (d *desk) shows(client string, want ...string) {
	d.t.Helper()
	var have []string
	for _, a := range d.seen[client] {
		have = append(have, fmt.Sprintf("%s: %s (%d)", a.Title, a.Text, a.Count))
	}
	if len(have) == len(want) {
		for _, w := range want {
			if !strings.Contains(strings.Join(have, "\n"), w) {
				d.t.Errorf("%s shows %q, want %q", client, have, want)
				return
			}
		}
		return
	}
	d.t.Errorf("%s shows %q, want %q", client, have, want)
}
