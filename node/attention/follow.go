package attention

import (
	"context"
	"time"

	"github.com/earshot-im/earshot/node/chat"
	"github.com/earshot-im/earshot/node/contacts"
	"github.com/earshot-im/earshot/node/journal"
	"github.com/earshot-im/earshot/node/people"
)

// lateAfter is how long before it came a message was written that came late: the node is catching up, or
// its author's clock is wrong.
const lateAfter = 2 * time.Minute

// kinds are what the plan needs to know of.
var kinds = []string{journal.Arrived, journal.Changed, journal.Gone, journal.Person, journal.Settings, journal.Requests}

// follow follows the journal while there is a client, until ctx ends. What came before the first one was
// there is no news.
func (a *Attention) follow(ctx context.Context) {
	for ctx.Err() == nil {
		if offered, more := a.Offered(); !offered {
			select {
			case <-more:
			case <-ctx.Done():
			}
			continue
		}
		followed, stop := context.WithCancel(ctx)
		watching := make(chan struct{})
		go func() { // ends with followed
			defer close(watching)
			defer stop()
			for offered, more := a.Offered(); offered; offered, more = a.Offered() {
				select {
				case <-more:
				case <-followed.Done():
					return
				}
			}
		}()
		err := a.read(followed)
		failed := followed.Err() == nil
		stop()
		<-watching
		a.forget()
		if failed {
			a.cfg.Log.Warn("follow what is to be notified of", "err", err)
			select {
			case <-time.After(retry):
			case <-ctx.Done():
			}
		}
	}
}

// Offered reports whether there is anything that shows notifications. more is closed when that has
// changed.
func (a *Attention) Offered() (yes bool, more <-chan struct{}) {
	a.mu.Lock()
	defer a.mu.Unlock()
	_, more = a.offers.Now()
	return len(a.clients) > 0, more
}

// forget forgets what was shown and what was to be, since nobody follows what becomes of it.
func (a *Attention) forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.give(a.plan.forget())
}

// read takes in what the journal tells from now on, until ctx ends or it fails.
func (a *Attention) read(ctx context.Context) error {
	a.mu.Lock()
	r, err := a.reader, error(nil)
	a.reader = nil
	a.mu.Unlock()
	if r == nil { // the one before has failed
		if r, err = a.cfg.Journal.Read("", kinds, chat.Filter{}); err != nil {
			return err
		}
	}
	me, err := a.cfg.Me(ctx)
	if err != nil {
		return err
	}
	a.set(&me)
	for first := true; ; {
		b, err := r.Next(ctx)
		if err != nil {
			return err
		}
		for i := range b.Changes {
			if a.takeIn(&b.Changes[i], first); b.Changes[i].Kind == journal.Requests {
				first = false
			}
		}
		a.wake.Give()
	}
}

func (a *Attention) set(me *people.Me) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.plan.settings = settings{alerts: me.Alerts, hours: me.QuietHours, until: me.QuietUntil}
}

// takeIn takes in one change. first says that how many wait to be accepted was not told before.
func (a *Attention) takeIn(c *journal.Change, first bool) {
	if c.Kind == journal.Settings {
		a.set(c.Settings)
		return
	}
	var m message
	if c.Message != nil {
		m = a.message(c.Message)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	t := a.instant(time.Now())
	switch c.Kind {
	case journal.Arrived:
		a.plan.came(m, t)
	case journal.Changed:
		a.give(a.plan.changed(m))
	case journal.Gone:
		if c.Message == nil {
			a.give(a.plan.read(c.Cleared))
			return
		}
		m.gone = true
		a.give(a.plan.changed(m))
	case journal.Person:
		if c.Person.Blocked {
			a.give(a.plan.blocked(c.Person.ID))
		}
	case journal.Requests:
		a.give(a.plan.asked(c.Requests, first, t.now))
	}
}

// message makes of a message what the plan needs to know.
func (a *Attention) message(v *chat.Message) message {
	m := message{id: v.ID, conversation: v.Conversation, with: v.With, author: v.From.Person, by: by(&v.From), text: shortened(said(v)),
		stranger:  v.With.Kind == "person" && !v.From.Contact,
		mentioned: v.Mentioned,
		unread:    v.Unread && !v.Own,
		gone:      v.Kind == "recalled",
		late:      v.Received.Sub(v.Time) > lateAfter,
	}
	if m.unread && a.cfg.Wanted != nil {
		var err error
		if m.wanted.notify, m.wanted.muted, err = a.cfg.Wanted(v.Conversation); err != nil { // better one too many than none
			a.cfg.Log.Warn("read of what the owner is notified", "conv", v.Conversation, "err", err)
		}
	}
	if m.wanted.notify == "" {
		if m.wanted.notify = All; v.With.Kind == "group" {
			m.wanted.notify = Mentions
		}
	}
	return m
}

// by returns what a notification calls an author. What stands in quotation marks somebody has chosen for
// themselves.
func by(from *chat.Author) string {
	switch known := contacts.KnownAs(from.Petname, from.Pinned); {
	case from.Contact && known != "":
		return known
	case from.Name != "":
		return `"` + from.Name + `"`
	}
	return "somebody"
}
