// Package attention is where the owner is looking, and how they are told of what they don't see. It
// follows the journal, and decides of what the owner is notified, where, and when that is taken back:
// nothing else does, so nothing is shown twice.
//
// What can show notifications offers that by Alerts for as long as it can: the desktop's own service,
// pages and terminals. Each notification goes to the first of these that is there when it is shown. There
// is one for each conversation, which what comes later replaces; where there would be more than a few,
// one stands for all. It is closed when what it is about was read, on whatever screen, or recalled. The
// owner is not told of what they look at (Attend), of what they have said they don't want to hear, and in
// quiet hours; that is not told later either. Of strangers they are told that somebody has written, never
// who or what, and seldom, since anybody can be any number of them.
//
// The plan is pure and in plan.go. Run follows the journal while something is there that can show, and
// wakes the plan. The other methods may be called by any goroutine. A slow client holds nobody up: what
// waits for it is the last state of each notification. Everything is in memory only, within bounds.
package attention

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	gosync "sync"
	"time"

	"github.com/earshot-im/earshot/node/chat"
	"github.com/earshot-im/earshot/node/contacts"
	"github.com/earshot-im/earshot/node/journal"
	"github.com/earshot-im/earshot/node/notify"
	"github.com/earshot-im/earshot/node/people"
	"github.com/earshot-im/earshot/store/event"
)

const (
	// lease is how long the owner looks at a client without its saying so again.
	lease = 30 * time.Second

	// maxName bounds the name of a client in bytes, maxLeases those at which the owner looks at once, and
	// maxOffers those that show notifications.
	maxName   = 64
	maxLeases = 32
	maxOffers = 32

	// retry is when the journal is read again that could not be.
	retry = 10 * time.Second
)

// Errors of Attend and Alerts.
var (
	// ErrClient: the client has no name, a name that is too long, or is of no kind that there is.
	ErrClient = errors.New("no such client")
	// ErrBusy: as many clients as there may be show notifications already.
	ErrBusy = errors.New("too many clients show notifications")
	// ErrReplaced: another client of the same name shows notifications now.
	ErrReplaced = errors.New("another client of this name has come")
)

// Kind is what can show notifications, the best first.
type Kind int

// Kinds.
const (
	Desktop Kind = iota
	Page
	Terminal
)

// Of what of a conversation the owner is notified.
const (
	All      = "all"
	Mentions = "mentions"
	None     = "none"
)

// Journal gives out readers; *journal.Journal does.
type Journal interface {
	Read(after string, of []string, f chat.Filter) (*journal.Reader, error)
}

// Messages writes and marks read; *chat.Messages does.
type Messages interface {
	Send(context.Context, chat.Outgoing) (chat.Message, error)
	MarkRead(context.Context, ...event.ID) error
}

// Config is what an Attention is made of.
type Config struct {
	Journal Journal
	// Me returns what the owner has set.
	Me func(context.Context) (people.Me, error)
	// Messages is what the owner writes and reads by.
	Messages Messages
	// Conversation returns the conversation that WHO means.
	Conversation func(who string) (event.Conversation, *contacts.Person, error)
	// Wanted returns of what of a conversation the owner wants to hear, "" where they have not said so,
	// and until when of nothing. nil: they never have.
	Wanted func(event.Conversation) (notify string, muted time.Time, err error)
	// Look is told whether the owner looks at any client.
	Look func(bool)
	// Now is the owner's clock.
	Now func() time.Time
	Log *slog.Logger
}

// Attention is where the owner is looking. See the package's comment.
type Attention struct {
	cfg    Config
	wake   notify.Signal
	offers *notify.Counter // moves when a client begins or ends to show notifications

	mu      gosync.Mutex // guards what follows
	plan    *plan
	leases  map[string]time.Time // until when the owner looks at clients
	clients map[string]*client
	reader  *journal.Reader // of what comes since the first of clients was there; nil: it is being read, or nobody is there
}

// client shows notifications.
type client struct {
	given notify.Signal
	ended chan struct{} // closed when another one has taken its name
	order []about
	acts  map[about]Alert // what it has to do, the last for each
}

// New returns an Attention of an owner who looks at nothing.
func New(cfg Config) *Attention {
	return &Attention{cfg: cfg, wake: notify.NewSignal(), offers: notify.NewCounter(0), plan: newPlan(),
		leases: make(map[string]time.Time), clients: make(map[string]*client)}
}

// Run follows the journal and wakes the plan until ctx ends.
func (a *Attention) Run(ctx context.Context) {
	var following gosync.WaitGroup
	following.Go(func() { a.follow(ctx) })
	defer following.Wait()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		if next := a.tick(time.Now()); next.IsZero() {
			timer.Stop()
		} else {
			timer.Reset(time.Until(next))
		}
		select {
		case <-ctx.Done():
			return
		case <-a.wake:
		case <-timer.C:
		}
	}
}

// instant returns the time by both clocks.
func (a *Attention) instant(now time.Time) instant { return instant{now, a.cfg.Now().Local()} }

// tick does what has become due, and returns when there is more.
func (a *Attention) tick(now time.Time) (next time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for name, until := range a.leases {
		if !now.Before(until) {
			a.leave(name)
		} else if next.IsZero() || until.Before(next) {
			next = until
		}
	}
	a.give(a.plan.tick(a.instant(now)))
	if due := a.plan.wakes(); next.IsZero() || !due.IsZero() && due.Before(next) {
		next = due
	}
	return next
}

// give hands clients what they have to do. The caller holds the lock.
func (a *Attention) give(acts []act) {
	for _, d := range acts {
		c := a.clients[d.client]
		if c == nil {
			continue
		}
		if _, waits := c.acts[d.about]; !waits {
			c.order = append(c.order, d.about)
		}
		c.acts[d.about] = d.alert
		c.given.Give()
	}
}

// take empties what a client has to do.
func (a *Attention) take(c *client) (alerts []Alert) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, at := range c.order {
		alerts = append(alerts, c.acts[at])
	}
	c.order = nil
	clear(c.acts)
	return alerts
}

// Attend says that the owner looks at a client now, and at the conversation that WHO means there, if it
// is not empty; or, if it has not the focus, that they don't. It holds for 30 s. Of more clients than can
// be kept the one goes whose time is over first. The errors are ErrClient and those of package contacts.
func (a *Attention) Attend(_ context.Context, name, who string, focused bool) error {
	if name == "" || len(name) > maxName {
		return fmt.Errorf("%w: a name of %d bytes, 1 to %d are allowed", ErrClient, len(name), maxName)
	}
	var c event.Conversation
	if who != "" && focused {
		var err error
		if c, _, err = a.cfg.Conversation(who); err != nil {
			return err
		}
	}
	now := time.Now()
	a.mu.Lock()
	defer a.mu.Unlock()
	if !focused {
		a.leave(name)
		return nil
	}
	if _, again := a.leases[name]; !again && len(a.leases) >= maxLeases {
		first := name
		for other, until := range a.leases {
			if first == name || until.Before(a.leases[first]) {
				first = other
			}
		}
		a.leave(first)
	}
	a.leases[name] = now.Add(lease)
	a.plan.look(name, c, now)
	a.cfg.Look(true)
	a.wake.Give()
	return nil
}

// leave takes in that the owner looks at a client no more. The caller holds the lock.
func (a *Attention) leave(name string) {
	if _, there := a.leases[name]; !there {
		return
	}
	delete(a.leases, name)
	a.plan.away(name)
	if len(a.leases) == 0 {
		a.cfg.Look(false)
	}
}

// Alerts gives a client what it has to show, until ctx ends or tell fails: by then nothing of it counts as
// shown any more. The errors are ErrClient, ErrBusy, ErrReplaced, and those of ctx and tell.
func (a *Attention) Alerts(ctx context.Context, name string, kind Kind, tell func(Alert) error) error {
	if name == "" || len(name) > maxName || kind < Desktop || kind > Terminal {
		return fmt.Errorf("%w: %d bytes, kind %d", ErrClient, len(name), kind)
	}
	c := &client{given: notify.NewSignal(), ended: make(chan struct{}), acts: make(map[about]Alert)}
	if err := a.enter(name, kind, c); err != nil {
		return err
	}
	defer a.withdraw(name, c)
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-c.ended:
			return ErrReplaced
		case <-c.given:
		}
		for _, alert := range a.take(c) {
			if err := tell(alert); err != nil {
				return err
			}
		}
	}
}

func (a *Attention) enter(name string, kind Kind, c *client) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if old := a.clients[name]; old != nil {
		close(old.ended)
	} else if len(a.clients) >= maxOffers {
		return ErrBusy
	}
	if len(a.clients) == 0 {
		var err error
		if a.reader, err = a.cfg.Journal.Read("", kinds, chat.Filter{}); err != nil {
			return err
		}
	}
	a.clients[name] = c
	a.plan.offer(name, kind, time.Now())
	a.offers.Bump()
	return nil
}

func (a *Attention) withdraw(name string, c *client) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.clients[name] == c {
		delete(a.clients, name)
		a.plan.withdraw(name)
		if len(a.clients) == 0 {
			a.reader = nil
		}
		a.offers.Bump()
	}
}

// Dismissed takes in that the notification that an alert was about is not there any more at a client, and
// not because the client was told so.
func (a *Attention) Dismissed(name string, alert Alert) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.plan.dismissed(name, about{alert.Conversation, alert.Strangers})
}

// Read marks read the messages that the notification of a conversation stands for, as far as they are
// kept.
func (a *Attention) Read(ctx context.Context, c event.Conversation) error {
	a.mu.Lock()
	var ids []event.ID
	if n := a.plan.notes[about{conversation: c}]; n != nil {
		for i := range n.kept {
			ids = append(ids, n.kept[i].id)
		}
	}
	a.mu.Unlock()
	if len(ids) == 0 {
		return nil
	}
	return a.cfg.Messages.MarkRead(ctx, ids...)
}

// Answer sends a text to whom WHO means, and marks read what the notification of the conversation stands
// for. The errors are those of package chat.
func (a *Attention) Answer(ctx context.Context, c event.Conversation, who, text string) error {
	if _, err := a.cfg.Messages.Send(ctx, chat.Outgoing{To: who, Text: text}); err != nil {
		return err
	}
	return a.Read(ctx, c)
}
