package journal

import (
	"context"
	"errors"
	"maps"
	"time"

	"github.com/earshot-im/earshot/node/groups"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/event"
)

const (
	// pause is the least time between two changes of one message that a reader is told.
	pause = time.Second

	// maxBatch bounds the changes of one batch; the store bounds their text.
	maxBatch = 256

	// maxHeld bounds the messages that have changed and are held back. A reader who has so many reads
	// on when some of them were told, which is in a second.
	maxHeld = 4096

	// stride is how far the cursor moves before a reader is told of that alone, where nothing of what
	// has changed is wanted. So a reader who is killed does not pass over all of it again.
	stride = 1024
)

// Reader tells one caller what has changed. Its methods are called by one goroutine at a time.
type Reader struct {
	journal *Journal
	want    store.Wanted
	reset   bool // the first batch is to say so
	live    bool // a batch has said so

	round *store.Round
	read  uint64 // up to here everything was read; it was told unless it is held
	given uint64 // the cursor of the last batch

	persons  bool // changes of persons are told
	requests requests
	moment   moment
	drafts   drafts

	first  uint64                // the end of the first round, once it is known
	told   map[subject]time.Time // when they were told as changed last, within pause or a little more
	pruned time.Time             // when older ones were taken out of told last
	held   map[subject]holding   // those that have changed again since
}

// subject is a message, or a conversation, whose changes are not told too often.
type subject struct {
	message      event.ID
	conversation event.Conversation
}

// requests is what a reader knows of who waits to be accepted.
type requests struct {
	wanted bool
	dirty  bool      // it may have changed since it was told
	at     time.Time // when it was told last
	seen   uint64    // the count of Config.Waiting then
}

// due returns when it is to be told, if it has to be.
func (q *requests) due() time.Time { return q.at.Add(pause) }

// holding is of something that has changed and was not told yet.
type holding struct {
	n   uint64 // of the change counter, when it first had
	due time.Time
}

func newReader(j *Journal, want store.Wanted, after uint64, reset bool) *Reader {
	return &Reader{journal: j, want: want, reset: reset, read: after, given: after,
		round: j.cfg.Store.Round(after, want), told: make(map[subject]time.Time), held: make(map[subject]holding)}
}

// Next returns what is to be told next, as soon as there is something. It ends with ctx, or with an
// error of the store.
func (r *Reader) Next(ctx context.Context) (Batch, error) {
	if r.reset {
		r.reset = false
		return Batch{Reset: true, Cursor: r.journal.cfg.Store.Cursor(r.given)}, ctx.Err()
	}
	for ctx.Err() == nil {
		// Before it looks, so that nothing that comes then is missed.
		_, more := r.journal.cfg.Shown.Now()
		_, waiting := r.journal.cfg.Waiting.Now()
		r.moment.watch(&r.journal.cfg)
		r.drafts.watch(&r.journal.cfg)
		batch, err := r.look(time.Now())
		if err != nil {
			return Batch{}, err
		}
		if r.tell(&batch) {
			return batch, nil
		}
		if r.behind() && len(r.held) < maxHeld {
			continue
		}
		if err := r.wait(ctx, more, waiting); err != nil {
			return Batch{}, err
		}
	}
	return Batch{}, ctx.Err()
}

// behind reports whether there is something that was not read.
func (r *Reader) behind() bool { return !r.round.Done() || r.read < r.journal.cfg.Store.Last() }

// tell completes a batch, and reports whether it is worth telling.
func (r *Reader) tell(b *Batch) bool {
	told := r.read
	for _, h := range r.held {
		told = min(told, h.n-1)
	}
	if r.first == 0 && r.round.Done() {
		r.first = max(r.read, 1)
	}
	b.Live = !r.live && r.first > 0 && told >= min(r.first, r.read)
	if len(b.Changes) == 0 && !b.Live && told < r.given+stride {
		return false
	}
	r.live = r.live || b.Live
	r.given = told
	b.Cursor = r.journal.cfg.Store.Cursor(told)
	return true
}

// wait waits until there may be more to tell.
func (r *Reader) wait(ctx context.Context, more, waiting <-chan struct{}) error {
	timer := time.NewTimer(r.nextDue())
	defer timer.Stop()
	if len(r.held) >= maxHeld {
		more = nil
	}
	select {
	case <-more:
	case <-waiting:
	case <-r.moment.moreTyping:
	case <-r.moment.moreMoved:
	case <-r.drafts.more:
	case <-timer.C:
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

// nextDue returns how long it is until a message that is held is due; an hour if none is held.
func (r *Reader) nextDue() time.Duration {
	next := time.Hour
	for _, h := range r.held {
		next = min(next, time.Until(h.due))
	}
	if r.requests.dirty {
		next = min(next, time.Until(r.requests.due()))
	}
	if r.moment.dirty() {
		next = min(next, time.Until(r.moment.due()))
	}
	return max(next, 0)
}

// look reads on: first what was held and is due, then a part of what has changed.
func (r *Reader) look(now time.Time) (b Batch, err error) {
	r.prune(now)
	if err := r.count(&b, now); err != nil {
		return b, err
	}
	r.moment.look(&r.journal.cfg, &b, now)
	if err := r.drafts.look(&r.journal.cfg, &b); err != nil {
		return b, err
	}
	if err := r.release(&b, now); err != nil || len(b.Changes) > 0 || len(r.held) >= maxHeld {
		return b, err
	}
	if r.round.Done() {
		if r.read == r.journal.cfg.Store.Last() {
			return b, nil
		}
		r.round = r.journal.cfg.Store.Round(r.read, r.want)
	}
	changes, err := r.round.Next(maxBatch)
	if err != nil {
		return b, err
	}
	r.read = r.round.Told()
	for i := range changes {
		if err := r.add(&b, &changes[i], now); err != nil {
			return b, err
		}
	}
	return b, nil
}

// count adds how many wait to be accepted, if that may have changed.
func (r *Reader) count(b *Batch, now time.Time) error {
	q := &r.requests
	seen, _ := r.journal.cfg.Waiting.Now()
	q.dirty = q.dirty || q.wanted && seen != q.seen
	if !q.dirty || now.Before(q.due()) {
		return nil
	}
	q.dirty, q.at, q.seen = false, now, seen
	all, err := r.journal.cfg.Contacts.Requests(context.Background()) // a short look into the store
	if err == nil {
		b.Changes = append(b.Changes, Change{Kind: Requests, Requests: len(all)})
	}
	return err
}

// prune forgets what was told long enough ago.
func (r *Reader) prune(now time.Time) {
	if now.Sub(r.pruned) < pause {
		return
	}
	r.pruned = now
	maps.DeleteFunc(r.told, func(_ subject, at time.Time) bool { return now.Sub(at) >= pause })
}

// release adds what is due.
func (r *Reader) release(b *Batch, now time.Time) error {
	for of, h := range r.held {
		if now.Before(h.due) {
			continue
		}
		if len(b.Changes) >= maxReleased {
			break
		}
		delete(r.held, of)
		tell := r.releaseMessage
		if of.conversation != (event.Conversation{}) {
			tell = r.tellConversation
		}
		if err := tell(b, of, now); err != nil {
			return err
		}
	}
	return nil
}

// maxReleased bounds what was held and is told at once, and the conversations that are told at once: a
// message has up to 64 KiB, and a conversation up to three such texts.
const maxReleased = 16

// releaseMessage adds a message that was held.
func (r *Reader) releaseMessage(b *Batch, of subject, now time.Time) error {
	row, err := r.journal.cfg.Store.Row(of.message)
	switch {
	case errors.Is(err, store.ErrNoEvent): // the store says that it has gone, in its turn
		return nil
	case err != nil:
		return err
	case !r.want.Keep(store.Source{Conversation: row.Conversation, Author: row.Author}): // blocked since
		return nil
	}
	r.told[of] = now
	b.Changes = append(b.Changes, r.journal.message(Changed, &row))
	return nil
}

// tellConversation adds a conversation as it is now.
func (r *Reader) tellConversation(b *Batch, of subject, now time.Time) error {
	c, ok, err := r.journal.cfg.Conversations.Of(of.conversation)
	if err != nil || !ok {
		return err
	}
	r.told[of] = now
	b.Changes = append(b.Changes, Change{Kind: Conversation, Conversation: &c})
	return nil
}

// holds holds something back that was told just now, and reports whether it does.
func (r *Reader) holds(of subject, n uint64, now time.Time) bool {
	if _, held := r.held[of]; held {
		return true
	}
	if at, ok := r.told[of]; ok && now.Sub(at) < pause {
		r.held[of] = holding{n: n, due: at.Add(pause)}
		return true
	}
	return false
}

// add adds a change to a batch, or holds it back.
func (r *Reader) add(b *Batch, c *store.Changed, now time.Time) error {
	switch of := (subject{message: c.Row.ID}); c.Kind {
	case store.RowChanged:
		if r.holds(of, c.N, now) {
			return nil
		}
		r.told[of] = now
	case store.RowGone:
		delete(r.held, of)
	case store.ConversationMoved:
		of = subject{conversation: c.Conversation}
		if r.holds(of, c.N, now) {
			return nil
		}
		if len(b.Changes) >= maxReleased {
			r.held[of] = holding{n: c.N, due: now}
			return nil
		}
		return r.tellConversation(b, of, now)
	case store.PersonChanged:
		r.requests.dirty = r.requests.wanted
		if !r.persons {
			return nil
		}
	}
	change, ok, err := r.journal.view(c)
	if ok && err == nil {
		b.Changes = append(b.Changes, change)
	}
	return err
}

// view makes of a change what the owner sees; ok is false if that is nothing.
func (j *Journal) view(c *store.Changed) (v Change, ok bool, err error) {
	switch c.Kind {
	case store.RowArrived:
		return j.message(Arrived, &c.Row), true, nil
	case store.RowChanged:
		return j.message(Changed, &c.Row), true, nil
	case store.RowGone:
		return j.message(Gone, &c.Row), true, nil
	case store.RowsGone:
		return Change{Kind: Gone, Cleared: c.Conversation}, true, nil
	case store.NoticeArrived:
		notice := j.cfg.Contacts.Notice(&c.Notice)
		return Change{Kind: Noticed, Notice: &notice}, true, nil
	case store.ConversationChanged:
		group, err := j.cfg.Contacts.Group(c.Conversation)
		if errors.Is(err, groups.ErrUnknown) {
			return v, false, nil
		}
		return Change{Kind: Group, Group: &group}, true, err
	case store.PersonChanged:
		person := j.cfg.Contacts.Person(c.Person)
		return Change{Kind: Person, Person: &person}, true, nil
	case store.SettingsChanged:
		me, err := j.cfg.Owner.Me(context.Background()) // from memory
		return Change{Kind: Settings, Settings: &me}, true, err
	}
	return v, false, nil
}

func (j *Journal) message(kind string, row *store.Row) Change {
	m := j.cfg.Messages.View(row)
	return Change{Kind: kind, Message: &m}
}
