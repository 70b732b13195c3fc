package attention

import (
	"bytes"
	"slices"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/contacts"
	"github.com/earshot-im/earshot/node/people"
	"github.com/earshot-im/earshot/node/quiet"
	"github.com/earshot-im/earshot/store/event"
)

const (
	// gather is how long something new waits for more, so that what comes together is shown together.
	// gatherLate and gatherMost are the same where it was written a while ago: then the node is catching
	// up, and more of it is on its way.
	gather     = 300 * time.Millisecond
	gatherLate = 2 * time.Second
	gatherMost = 15 * time.Second

	// again is the least time between two times that the owner is told of one conversation.
	again = 3 * time.Second

	// strangersAgain is the least time between two times that the owner is told of strangers. Anybody can
	// be any number of them.
	strangersAgain = 10 * time.Minute

	// together is of how many conversations there is a notification each. Where there would be more, one
	// stands for all.
	together = 3

	// maxNotes bounds the conversations of which something is kept, maxKept the messages of each. Of more
	// only the number is known.
	maxNotes = 256
	maxKept  = 16
)

// about is what a notification is about: a conversation, all strangers or, if it is zero, several of
// these.
type about struct {
	conversation event.Conversation
	strangers    bool
}

// message is one that has come, or is another one now.
type message struct {
	id           event.ID
	conversation event.Conversation
	with         contacts.Target // the group, or the other person
	author       crypto.PersonID
	by           string // what a notification calls the author
	stranger     bool   // in the direct conversation: somebody who is no contact
	text         string
	mentioned    bool
	unread       bool // by the owner, and somebody else's
	gone         bool // recalled, or not shown any more
	late         bool // written a while ago
	wanted       wanted
}

// wanted is what the owner has set for a conversation.
type wanted struct {
	notify string    // All, Mentions or None
	muted  time.Time // until then nothing
}

// settings are what the owner has set for all conversations.
type settings struct {
	alerts string // as in people.Me
	hours  []quiet.Hours
	until  time.Time
}

// quiet reports whether the owner wants to hear of nothing now.
func (s *settings) quiet(wall time.Time) bool { return wall.Before(s.until) || quiet.At(s.hours, wall) }

// note is what the owner has not read of a conversation and was told of, or is about to be.
type note struct {
	about
	with  contacts.Target
	kept  []message // the oldest first
	more  int       // of which only the number is known
	fresh bool      // something has come that was not shown
	shown *surface  // nil: nowhere
	at    time.Time // when it was shown last
	muted time.Time // as in wanted, of the last message
}

// instant is a time by two clocks: one that never jumps, for durations, and the one on the wall.
type instant struct{ now, wall time.Time }

func (n *note) count() int { return len(n.kept) + n.more }

// plan decides of what the owner is notified, where and when. It is pure: it takes what happens and the
// time, by the clock on the wall, and returns what to do. Each thing costs it no more than a look, but
// when something is shown.
type plan struct {
	settings settings
	looking  map[string]event.Conversation // at which conversation the owner looks, by client
	surfaces []surface

	notes    map[about]*note
	requests int       // how many wait to be accepted
	strange  time.Time // when the owner was told of strangers last
	summary  *surface  // where one stands for all
	summed   time.Time // when it was shown last

	due   time.Time // when to show what is fresh; zero: nothing is
	soon  bool      // that is so for something that was just written, which nothing puts off
	first time.Time // since when something has been
}

func newPlan() *plan {
	return &plan{settings: settings{alerts: people.AlertsFull}, looking: make(map[string]event.Conversation), notes: make(map[about]*note)}
}

// act is something to do at a client: show an alert in place of the one of the same about, or close it.
type act struct {
	client string
	about  about
	alert  Alert
}

// came takes in a message that is new here.
func (p *plan) came(m message, t instant) {
	if !m.unread || m.gone || p.attended(m.conversation) || !wants(&m, t.wall) {
		return
	}
	n := p.note(m.about(), t.now)
	if n == nil {
		return
	}
	n.with, n.muted = m.with, m.wanted.muted
	if n.kept = append(n.kept, m); len(n.kept) > maxKept {
		n.kept = slices.Delete(n.kept, 0, 1)
		n.more++
	}
	if n.shown == nil || !n.strangers {
		p.freshen(n, m.late, t.now)
	}
}

// about returns which notification a message belongs to.
func (m *message) about() about {
	if m.stranger {
		return about{strangers: true}
	}
	return about{conversation: m.conversation}
}

// note returns a note, a new one if there is none; nil if there can't be.
func (p *plan) note(at about, now time.Time) *note {
	n := p.notes[at]
	if n != nil || len(p.notes) >= maxNotes || at.strangers && !p.strange.IsZero() && now.Before(p.strange.Add(strangersAgain)) {
		return n
	}
	n = &note{about: at}
	p.notes[at] = n
	return n
}

// wants reports whether the owner wants to hear of such a message at all.
func wants(m *message, now time.Time) bool {
	switch {
	case now.Before(m.wanted.muted), m.wanted.notify == None:
		return false
	case m.wanted.notify == Mentions:
		return m.mentioned
	}
	return true
}

// asked takes in how many wait to be accepted. At first the owner is not told: they have waited before.
func (p *plan) asked(requests int, first bool, now time.Time) (acts []act) {
	more := requests > p.requests && !first
	p.requests = requests
	at := about{strangers: true}
	switch n := p.notes[at]; {
	case n == nil && more:
		if n = p.note(at, now); n != nil {
			p.freshen(n, false, now)
		}
	case n != nil && requests == 0 && n.count() == 0: // else it is of what some who needn't wait have written
		return p.drop(n)
	}
	return nil
}

// changed takes in that a message is another one now: read, recalled, or with another text.
func (p *plan) changed(m message) (acts []act) {
	n, i := p.keeping(&m)
	if n == nil {
		return nil
	}
	newest := i == len(n.kept)-1
	if m.unread && !m.gone {
		same := n.kept[i].text == m.text
		n.kept[i].text = m.text
		if same || !newest {
			return nil
		}
		return p.correct(n)
	}
	if n.kept = slices.Delete(n.kept, i, i+1); n.count() == 0 || len(n.kept) == 0 && !m.gone {
		return p.drop(n)
	}
	return p.correct(n)
}

// keeping returns the note that has a message, and where; nil: none has it. The owner may have made its
// author a contact since, or removed them.
func (p *plan) keeping(m *message) (*note, int) {
	for _, at := range []about{{conversation: m.conversation}, {strangers: true}} {
		if n := p.notes[at]; n != nil {
			if i := slices.IndexFunc(n.kept, func(k message) bool { return k.id == m.id }); i >= 0 {
				return n, i
			}
		}
	}
	return nil, 0
}

// read takes in that nothing of a conversation is unread.
func (p *plan) read(c event.Conversation) (acts []act) {
	if n := p.notes[about{conversation: c}]; n != nil {
		acts = p.drop(n)
	}
	if n := p.notes[about{strangers: true}]; n != nil {
		before := len(n.kept)
		n.kept = slices.DeleteFunc(n.kept, func(m message) bool { return m.conversation == c })
		if len(n.kept) < before && len(n.kept) == 0 && p.requests == 0 {
			acts = append(acts, p.drop(n)...)
		}
	}
	return acts
}

// blocked takes in that the owner has blocked somebody, of whom they hear nothing any more.
func (p *plan) blocked(who crypto.PersonID) (acts []act) {
	for _, n := range p.notes {
		before := len(n.kept)
		n.kept = slices.DeleteFunc(n.kept, func(m message) bool { return m.author == who })
		switch {
		case len(n.kept) == before:
		case len(n.kept) > 0:
			acts = append(acts, p.correct(n)...)
		case !n.strangers || p.requests == 0:
			acts = append(acts, p.drop(n)...)
		}
	}
	return acts
}

// drop forgets a note, and closes what was shown of it.
func (p *plan) drop(n *note) (acts []act) {
	delete(p.notes, n.about)
	if n.shown != nil {
		acts = append(acts, n.close())
	}
	if p.summary == nil {
		return acts
	}
	if len(p.notes) == 0 {
		acts = append(acts, act{p.summary.client, about{}, Alert{Close: true}})
		p.summary = nil
		return acts
	}
	return append(acts, p.sum(*p.summary, true))
}

func (n *note) close() act {
	a := act{n.shown.client, n.about, Alert{Close: true, Conversation: n.conversation, With: n.with, Strangers: n.strangers}}
	n.shown = nil
	return a
}

// correct shows a note anew that is shown and has changed, without telling the owner of it.
func (p *plan) correct(n *note) []act {
	switch {
	case n.shown != nil:
		alert := p.words(n)
		alert.Silent = true
		return []act{{n.shown.client, n.about, alert}}
	case p.summary != nil:
		return []act{p.sum(*p.summary, true)}
	}
	return nil
}

// forget forgets all that was to be shown, and closes what was.
func (p *plan) forget() (acts []act) {
	for _, n := range p.notes {
		if n.shown != nil {
			acts = append(acts, n.close())
		}
	}
	if p.summary != nil {
		acts = append(acts, act{p.summary.client, about{}, Alert{Close: true}})
	}
	clear(p.notes)
	p.summary, p.due, p.soon, p.first, p.requests = nil, time.Time{}, false, time.Time{}, 0
	return acts
}

// dismissed takes in that the owner, or the desktop, has taken a notification away.
func (p *plan) dismissed(client string, at about) {
	switch n := p.notes[at]; {
	case at == (about{}) && p.summary != nil && p.summary.client == client:
		p.forgetAll()
	case n != nil && n.shown != nil && n.shown.client == client:
		n.shown = nil
		if delete(p.notes, at); n.fresh {
			n.kept, n.more = n.kept[len(n.kept)-min(1, len(n.kept)):], 0 // what has come since
			p.notes[at] = n
		}
	}
}

// wakes returns when tick has something to do; zero: never.
func (p *plan) wakes() time.Time { return p.due }

// tick shows what is fresh, if its time has come.
func (p *plan) tick(t instant) (acts []act) {
	now := t.now
	if p.due.IsZero() || now.Before(p.due) {
		return nil
	}
	p.due, p.soon, p.first = time.Time{}, false, time.Time{}
	to := p.best()
	var fresh []*note
	for at, n := range p.notes {
		if !n.fresh {
			continue
		}
		switch {
		case to == nil, p.settings.quiet(t.wall), t.wall.Before(n.muted), p.attended(at.conversation) && !at.strangers:
			// Nobody wants to know, and nobody is told later either.
			if n.fresh = false; n.shown == nil && p.summary == nil {
				delete(p.notes, at)
			}
		default:
			fresh = append(fresh, n)
		}
	}
	if len(fresh) == 0 {
		return nil
	}
	slices.SortFunc(fresh, func(a, b *note) int { return bytes.Compare(a.conversation[:], b.conversation[:]) })
	if p.summary != nil || len(p.notes) > together {
		return p.showAll(*to, now)
	}
	for _, n := range fresh {
		if n.strangers {
			p.strange = now
		}
		if next := n.at.Add(again); n.shown != nil && now.Before(next) {
			p.wait(next)
			continue
		}
		if n.shown != nil && n.shown.client != to.client {
			acts = append(acts, n.close())
		}
		at := *to
		n.fresh, n.shown, n.at = false, &at, now
		acts = append(acts, act{to.client, n.about, p.words(n)})
	}
	return acts
}

// showAll shows one notification that stands for all.
func (p *plan) showAll(to surface, now time.Time) (acts []act) {
	if next := p.summed.Add(again); p.summary != nil && now.Before(next) {
		p.wait(next)
		return nil
	}
	for _, n := range p.notes {
		if n.strangers && n.fresh {
			p.strange = now
		}
		n.fresh = false
		if n.shown != nil {
			acts = append(acts, n.close())
		}
	}
	slices.SortFunc(acts, func(a, b act) int { return bytes.Compare(a.about.conversation[:], b.about.conversation[:]) })
	if p.summary != nil && p.summary.client != to.client {
		acts = append(acts, act{p.summary.client, about{}, Alert{Close: true}})
	}
	p.summary, p.summed = &to, now
	return append(acts, p.sum(to, false))
}
