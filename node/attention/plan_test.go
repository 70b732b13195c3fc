package attention

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/chat"
	"github.com/earshot-im/earshot/node/people"
	"github.com/earshot-im/earshot/node/quiet"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/event"
)

func TestOneForEachConversation(t *testing.T) {
	d := newDesk(t, "desktop")
	one := d.comes(d.from("Bob", "one"))
	d.shows("desktop")
	d.pass(time.Second)
	d.shows("desktop", "Bob: one (1)")
	two := d.comes(d.from("Bob", "two"))
	d.comes(d.from("Eve", "hi"))
	d.pass(10 * time.Second)
	d.shows("desktop", "Bob: two (2)", "Eve: hi (1)")
	told := d.told
	d.reads(two)
	d.shows("desktop", "Bob: one (1)", "Eve: hi (1)")
	d.reads(one)
	d.shows("desktop", "Eve: hi (1)")
	d.pass(time.Minute)
	if d.told != told || told != 3 {
		t.Errorf("told %d times, %d for what was read", told, d.told-told)
	}
}

func TestEditsAndRecalls(t *testing.T) {
	d := newDesk(t, "desktop")
	m := d.comes(d.from("Bob", "helo"))
	d.pass(time.Second)
	told := d.told
	m.text = "hello"
	d.do(d.changed(m))
	d.shows("desktop", "Bob: hello (1)")
	m.gone, m.text = true, ""
	d.do(d.changed(m))
	d.shows("desktop")
	if d.told != told {
		t.Error("told of an edit")
	}

	// What was recalled or read before it was shown is never shown.
	for _, change := range []func(*message){func(m *message) { m.gone = true }, func(m *message) { m.unread = false }} {
		m := d.comes(d.from("Bob", "secret"))
		change(&m)
		d.do(d.changed(m))
		d.pass(time.Minute)
		d.shows("desktop")
	}
}

func TestMoreThanThreeAreOne(t *testing.T) {
	d := newDesk(t, "desktop")
	var all []message
	for _, who := range []string{"Bob", "Cleo", "Dan"} {
		all = append(all, d.comes(d.from(who, "hi")))
	}
	d.pass(time.Second)
	d.shows("desktop", "Bob: hi", "Cleo: hi", "Dan: hi")
	all = append(all, d.comes(d.from("Eve", "hi")))
	d.pass(time.Second)
	d.shows("desktop", "4 new messages: Bob, Cleo, Dan, Eve (4)")
	for n, m := range all {
		d.reads(m)
		if n == 0 {
			d.shows("desktop", "3 new messages: Cleo, Dan, Eve (3)")
		}
	}
	d.shows("desktop")
	d.comes(d.from("Bob", "again"))
	d.pass(10 * time.Second)
	d.shows("desktop", "Bob: again")
}

// What comes while the node is catching up is told once.
func TestCatchingUp(t *testing.T) {
	d := newDesk(t, "desktop")
	for n := range 200 {
		m := d.from(fmt.Sprint("Person ", n%50), "while you were away")
		m.late = true
		d.comes(m)
		d.pass(50 * time.Millisecond)
	}
	d.pass(time.Minute)
	d.shows("desktop", "200 new messages: Person 0, ")
	if d.told > 1 {
		t.Errorf("told %d times", d.told)
	}
}

// One whose clock is slow, so that all that they write seems to be old, holds up nothing of others.
func TestSlowClockHoldsUpNobody(t *testing.T) {
	for _, first := range []string{"Slow", "Bob"} {
		d := newDesk(t, "desktop")
		for n := range 20 {
			if n == 0 && first == "Bob" || n == 10 && first == "Slow" {
				d.comes(d.from("Bob", "now"))
			}
			m := d.from("Slow", "old")
			m.late = true
			d.comes(m)
			d.pass(gather / 10)
		}
		d.pass(gather)
		d.shows("desktop", "Bob: now", "Slow: old")
	}
}

// Nobody is told of groups but of what mentions them, or as they have set; of nothing while it is muted,
// quiet, attended or their own; and not later either.
func TestWhatIsNotTold(t *testing.T) {
	base := func(d *desk) message { return d.from("Bob", "hi") }
	for name, c := range map[string]struct {
		before func(d *desk)
		m      func(d *desk) message
		after  func(d *desk)
		told   bool
	}{
		"a person":       {m: base, told: true},
		"a group":        {m: func(d *desk) message { return d.from("#lunch", "hi") }},
		"a mention":      {m: func(d *desk) message { m := d.from("#lunch", "@me"); m.mentioned = true; return m }, told: true},
		"a group, all":   {m: func(d *desk) message { m := d.from("#lunch", "hi"); m.wanted.notify = All; return m }, told: true},
		"a person, none": {m: func(d *desk) message { m := base(d); m.wanted.notify = None; return m }},
		"none, mentioned": {m: func(d *desk) message {
			m := d.from("#lunch", "@me")
			m.mentioned, m.wanted.notify = true, None
			return m
		}},
		"muted":            {m: func(d *desk) message { m := base(d); m.wanted.muted = d.now.Add(time.Second); return m }},
		"was muted":        {m: func(d *desk) message { m := base(d); m.wanted.muted = d.now; return m }, told: true},
		"own, or read":     {m: func(d *desk) message { m := base(d); m.unread = false; return m }},
		"recalled":         {m: func(d *desk) message { m := base(d); m.gone = true; return m }},
		"attended":         {before: func(d *desk) { d.look("terminal", base(d).conversation, d.now) }, m: base},
		"attended since":   {m: base, after: func(d *desk) { d.look("terminal", base(d).conversation, d.now) }},
		"attended before":  {before: func(d *desk) { d.look("terminal", base(d).conversation, d.now); d.away("terminal") }, m: base, told: true},
		"another attended": {before: func(d *desk) { d.look("terminal", event.Conversation{1}, d.now) }, m: base, told: true},
		"looking at none":  {before: func(d *desk) { d.look("terminal", event.Conversation{}, d.now) }, m: base, told: true},
		"quiet until":      {before: func(d *desk) { d.settings.until = d.now.Add(time.Minute) }, m: base},
		"was quiet":        {before: func(d *desk) { d.settings.until = d.now }, m: base, told: true},
		"quiet hours":      {before: func(d *desk) { d.settings.hours = []quiet.Hours{{From: 720, To: 780}} }, m: base},
		"other hours":      {before: func(d *desk) { d.settings.hours = []quiet.Hours{{From: 780, To: 720}} }, m: base, told: true},
		"no client":        {before: func(d *desk) { d.withdraw("desktop") }, m: base},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, "desktop")
			if c.before != nil {
				c.before(d)
			}
			d.comes(c.m(d))
			if c.after != nil {
				c.after(d)
			}
			d.pass(time.Second)
			d.away("terminal")
			d.settings = settings{alerts: people.AlertsFull}
			d.pass(time.Hour)
			if d.told > 0 != c.told || len(d.seen["desktop"]) > 0 != c.told {
				t.Errorf("told %d times", d.told)
			}
		})
	}
}

// Of strangers the owner is told that there is one, without a name or a text, and seldom.
func TestStrangers(t *testing.T) {
	d := newDesk(t, "desktop")
	d.asked(3, true, d.now)
	d.pass(time.Minute)
	d.shows("desktop")
	stranger := func(who string) message {
		m := d.from(who, "BUY NOW")
		m.stranger, m.by = true, `"Bank"`
		return m
	}
	first := d.comes(stranger("Mallory"))
	d.pass(time.Second)
	d.do(d.asked(4, false, d.now)) // the same one
	d.pass(time.Second)
	d.shows("desktop", "earshot: Somebody whom you don't know has written to you. (1)")
	for n := range 500 {
		d.comes(stranger(fmt.Sprint("Mallory ", n)))
		d.do(d.asked(5+n, false, d.now))
		d.pass(time.Second)
	}
	if d.told != 1 {
		t.Errorf("told %d times", d.told)
	}
	if strings.Contains(strings.Join(d.history, ""), "BUY") || strings.Contains(strings.Join(d.history, ""), "Bank") {
		t.Errorf("%q", d.history)
	}
	d.dismissed("desktop", about{strangers: true})
	delete(d.seen["desktop"], about{strangers: true})
	d.comes(stranger("Mallory"))
	d.pass(time.Second)
	if d.told != 1 {
		t.Error("told again so soon")
	}
	d.pass(strangersAgain)
	d.do(d.asked(0, false, d.now))
	d.do(d.asked(1, false, d.now))
	d.pass(time.Second)
	if d.told != 2 {
		t.Error("not told of a request later")
	}
	d.do(d.asked(0, false, d.now))
	d.shows("desktop")
	d.reads(first) // of which nothing is shown any more
}

// A stranger who need not wait has written: that nobody waits says nothing about it.
func TestStrangerWhoNeedNotWait(t *testing.T) {
	d := newDesk(t, "desktop")
	m := d.from("Mallory", "hi")
	m.stranger = true
	d.comes(m)
	d.do(d.asked(0, false, d.now)) // before it is shown
	d.pass(time.Second)
	d.do(d.asked(0, false, d.now))
	d.shows("desktop", "earshot: ")
	d.reads(m)
	d.shows("desktop")
}

// What is read of somebody whom the owner has made a contact since, or has removed, is closed too.
func TestReadOfWhoWasAccepted(t *testing.T) {
	for _, stranger := range []bool{true, false} {
		d := newDesk(t, "desktop")
		m := d.from("Mallory", "hi")
		m.stranger = stranger
		d.comes(m)
		d.pass(time.Second)
		if len(d.seen["desktop"]) != 1 {
			t.Errorf("shown: %v", d.seen)
		}
		m.stranger = !stranger
		d.reads(m)
		d.shows("desktop")
	}
}

// Nothing of whom the owner has blocked stays: not among what others wrote, nor among strangers.
func TestBlocked(t *testing.T) {
	d := newDesk(t, "desktop")
	by := func(author byte, m message) message { m.author = crypto.PersonID{author}; return m }
	said := func(where string) message {
		m := d.from(where, where+"!")
		m.mentioned = true
		return m
	}
	d.comes(by(1, said("#lunch")))
	d.comes(by(2, said("#lunch")))
	d.comes(by(2, said("Bob")))
	stranger := by(2, said("Bob"))
	stranger.stranger = true
	d.comes(stranger)
	d.pass(time.Second)
	d.shows("desktop", "Ann in #lunch: #lunch! (2)", "Bob: Bob! (1)", "earshot: ")
	told := d.told
	d.do(d.blocked(crypto.PersonID{2}))
	d.shows("desktop", "Ann in #lunch: #lunch! (1)")
	d.do(d.blocked(crypto.PersonID{3}))
	d.shows("desktop", "Ann in #lunch: #lunch! (1)")
	d.do(d.blocked(crypto.PersonID{1}))
	d.shows("desktop")
	if d.told != told {
		t.Error("told of it aloud")
	}
}

// Wherever something was read on another screen, it is closed; also where only the whole is told.
func TestReadOfConversation(t *testing.T) {
	d := newDesk(t, "desktop")
	for range 3 * maxKept {
		d.comes(d.from("Bob", "hi"))
	}
	m := d.from("Mallory", "hi")
	m.stranger = true
	d.comes(m)
	d.pass(time.Second)
	d.shows("desktop", fmt.Sprintf("Bob: hi (%d)", 3*maxKept), "earshot: ")
	d.do(d.read(d.from("Bob", "").conversation))
	d.do(d.read(m.conversation))
	d.shows("desktop")
}

func TestHowMuchIsShown(t *testing.T) {
	for alerts, want := range map[string]string{
		people.AlertsFull:    "Ann in #lunch: @me noon? (1)",
		people.AlertsName:    "Ann in #lunch:  (1)",
		people.AlertsNothing: "earshot: 1 new message (1)",
	} {
		d := newDesk(t, "desktop")
		d.settings.alerts = alerts
		m := d.from("#lunch", "@me noon?")
		m.mentioned = true
		d.comes(m)
		d.pass(time.Second)
		d.shows("desktop", want)
		for _, who := range []string{"Bob", "Cleo", "Dan"} {
			d.comes(d.from(who, "hi"))
		}
		d.pass(5 * time.Second)
		if sum := d.seen["desktop"][about{}]; sum.Count != 4 || (sum.Text == "") != (alerts == people.AlertsNothing) {
			t.Errorf("%s: %+v", alerts, sum)
		}
	}
}

// The desktop comes first, then the page that the owner has looked at last, then a terminal. What goes
// takes with it what it showed.
func TestWhere(t *testing.T) {
	d := newDesk(t, "terminal")
	d.comes(d.from("Bob", "1"))
	d.pass(time.Second)
	d.shows("terminal", "Bob: 1")
	d.offers("page")
	d.offers("page 2")
	d.look("page", event.Conversation{}, d.now)
	d.comes(d.from("Bob", "2"))
	d.pass(5 * time.Second)
	d.shows("terminal")
	d.shows("page", "Bob: 2 (2)")
	d.look("page 2", event.Conversation{}, d.now)
	d.comes(d.from("Eve", "3"))
	d.pass(5 * time.Second)
	d.shows("page 2", "Eve: 3")
	d.offers("desktop")
	d.comes(d.from("Dan", "4"))
	d.pass(5 * time.Second)
	d.shows("desktop", "Dan: 4")
	d.withdraw("desktop")
	delete(d.seen, "desktop")
	d.pass(time.Minute)
	d.shows("page", "Bob: 2")
	d.shows("page 2", "Eve: 3")
	d.comes(d.from("Dan", "5"))
	d.pass(5 * time.Second)
	d.shows("page 2", "Eve: 3", "Dan: 5 (1)")
}

// What the owner has taken away comes back only with something new.
func TestDismissed(t *testing.T) {
	d := newDesk(t, "desktop")
	m := d.comes(d.from("Bob", "1"))
	d.pass(time.Second)
	d.dismissed("desktop", about{conversation: m.conversation})
	delete(d.seen["desktop"], about{conversation: m.conversation})
	d.pass(time.Hour)
	d.reads(m)
	d.comes(d.from("Bob", "2"))
	d.pass(time.Second)
	d.shows("desktop", "Bob: 2 (1)")
	for _, who := range []string{"Cleo", "Dan", "Eve"} {
		d.comes(d.from(who, "hi"))
	}
	d.pass(5 * time.Second)
	d.dismissed("desktop", about{})
	delete(d.seen["desktop"], about{})
	d.comes(d.from("Cleo", "there?"))
	d.pass(5 * time.Second)
	d.shows("desktop", "Cleo: there? (1)")
}

// What has only attachments is told by their names.
func TestNamesOfAttachments(t *testing.T) {
	files := []store.File{{Attachment: event.Attachment{Name: "menu.pdf"}}, {Attachment: event.Attachment{Name: "plan.png"}}}
	for want, v := range map[string]chat.Message{
		"":                   {},
		"here":               {Text: "here", Files: files},
		"menu.pdf, plan.png": {Files: files},
	} {
		if got := said(&v); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
