package warnings

import (
	"slices"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/people"
	"github.com/earshot-im/earshot/store/event"
)

// limits are those of whom no more is taken, who was seen last at the end. The lock of Warnings guards
// it.
type limits []limit

type limit struct {
	Warning
	freed time.Time // when there was room again; zero: there is none
}

// Limited takes in that what is kept of a person in a conversation has reached its limit. Of a group, its
// members call it so.
func (w *Warnings) Limited(p people.Person, c event.Conversation, inGroup bool, group string) {
	now := w.cfg.Now()
	next := limit{Warning: Warning{Code: Limit, Detail: group, Since: now, Person: &p, Conversation: c, InGroup: inGroup}}
	w.mu.Lock()
	news := w.limits.add(next)
	w.mu.Unlock()
	if news {
		w.cfg.Tell(next.Warning)
	}
}

// Freed takes in that a person has room again.
func (w *Warnings) Freed(p people.Person, c event.Conversation) {
	now := w.cfg.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	if i := w.limits.index(p.ID, c); i >= 0 && w.limits[i].freed.IsZero() {
		w.limits[i].freed = now
	}
}

func (l limits) index(p crypto.PersonID, c event.Conversation) int {
	return slices.IndexFunc(l, func(x limit) bool { return x.Person.ID == p && x.Conversation == c })
}

// add takes in one more, and reports whether the owner is to be told: not where they were told already,
// or there was room for some minutes only, nor of one more than are remembered. Whoever goes for them
// would be news again, and so on without end.
func (l *limits) add(next limit) (news bool) {
	news = true
	if i := l.index(next.Person.ID, next.Conversation); i >= 0 {
		freed := (*l)[i].freed
		news = !freed.IsZero() && next.Since.Sub(freed) >= fullAgain
		*l = slices.Delete(*l, i, i+1)
	} else if len(*l) == maxLimits {
		goes := max(0, slices.IndexFunc(*l, func(x limit) bool { return !x.freed.IsZero() }))
		news = !(*l)[goes].freed.IsZero()
		*l = slices.Delete(*l, goes, goes+1)
	}
	*l = append(*l, next)
	return news
}

// now returns the warnings that hold.
func (l limits) now() (out []Warning) {
	for _, x := range l {
		if x.freed.IsZero() {
			out = append(out, x.Warning)
		}
	}
	return out
}
