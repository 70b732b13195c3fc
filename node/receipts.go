package node

import (
	"context"
	"log/slog"
	"slices"
	gosync "sync"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/groups"
	"github.com/earshot-im/earshot/node/notify"
	"github.com/earshot-im/earshot/node/sync"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/event"
)

const (
	// receiptPause is the least time between two receipts of one subject.
	receiptPause = time.Second

	// receiptDelay gathers what happens at once before the first receipt of a burst.
	receiptDelay = 100 * time.Millisecond

	// ackRetry is when acknowledgements that could not be written are tried again: the disk may be full.
	ackRetry = time.Second
)

// receipts signs what this node has received and its owner has read, at most once a receiptPause for each subject.
type receipts struct {
	store  *store.Store
	log    *slog.Logger
	commit func(ctx context.Context, of store.Subject, worth func(event.Receipt) bool) (event.Record, bool, error)
	signed func(event.Conversation, event.Record) // after the commit
	reach  func(context.Context, []store.Reach) error
	self   crypto.PersonID
	groups *groups.Groups

	mu   gosync.Mutex
	due  map[store.Subject]time.Time // when to sign; bounded by the persons one talks with
	last map[store.Subject]time.Time // of the last receipt, forgotten after receiptPause
	wake notify.Signal
}

func newReceipts(s *store.Store, self crypto.PersonID, groups *groups.Groups, log *slog.Logger, signed func(event.Conversation, event.Record)) *receipts {
	return &receipts{store: s, log: log, commit: s.SignReceipt, reach: s.Reach, signed: signed, self: self, groups: groups,
		due: make(map[store.Subject]time.Time), last: make(map[store.Subject]time.Time), wake: notify.NewSignal()}
}

// mark says that something of an author's was received or read.
func (r *receipts) mark(c event.Conversation, author crypto.PersonID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := store.Subject{Conversation: c, Author: author}
	if _, waits := r.due[s]; waits {
		return
	}
	at := time.Now().Add(receiptDelay)
	if next := r.last[s].Add(receiptPause); next.After(at) {
		at = next
	}
	r.due[s] = at
	r.wake.Give()
}

// next takes out what is due and says when the rest is.
func (r *receipts) next(now time.Time) (due []store.Subject, at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for s, last := range r.last {
		if now.Sub(last) > receiptPause {
			delete(r.last, s)
		}
	}
	for s, when := range r.due {
		switch {
		case !when.After(now):
			due = append(due, s)
			delete(r.due, s)
			r.last[s] = now
		case at.IsZero() || when.Before(at):
			at = when
		}
	}
	return due, at
}

// run signs until ctx ends. What is marked and not signed then is signed after the next start, by what the store says.
func (r *receipts) run(ctx context.Context) {
	r.markUnsigned()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		due, at := r.next(time.Now())
		for _, s := range due {
			if err := r.sign(ctx, s); err != nil && ctx.Err() == nil {
				r.log.Warn("sign receipt", "conv", s.Conversation, "err", err)
				r.mark(s.Conversation, s.Author) // to be tried again
			}
		}
		if !at.IsZero() {
			timer.Reset(time.Until(at))
		}
		select {
		case <-ctx.Done():
			return
		case <-r.wake:
		case <-timer.C:
		}
	}
}

// markUnsigned marks what the last run has left: it may have ended between what happened and its receipt.
func (r *receipts) markUnsigned() {
	left, err := r.store.Unsigned()
	if err != nil {
		r.log.Warn("look for receipts to sign", "err", err)
	}
	for _, s := range left {
		r.mark(s.Conversation, s.Author)
	}
}

// sign signs, commits and then tells a receipt that says what is so now.
func (r *receipts) sign(ctx context.Context, s store.Subject) error {
	inGroup := r.groups.Known(s.Conversation)
	record, signed, err := r.commit(ctx, s, func(state event.Receipt) bool {
		// In a group only what was read is worth a signature, and of a forked log what an acknowledgement can't say.
		forked := slices.ContainsFunc(state.Delivered, func(g event.LogSegment) bool { return g.Other })
		return len(state.Delivered) > 0 && (len(state.Read) > 0 || forked || !inGroup)
	})
	if signed && err == nil {
		r.signed(s.Conversation, record)
	}
	return err
}

// take lets in a proven receipt of a person's device.
func (r *receipts) take(ctx context.Context, from crypto.PersonID, in event.Conversation, record event.Record) error {
	c, author, _, err := event.ParseReceiptSubject(record.Subject)
	if err != nil || author != r.self || from == r.self || c != in || c != event.Direct(r.self, from) && !r.groups.Ever(c, from) {
		return nil // about nothing of ours: not kept, and no fault either
	}
	receipt, err := event.ParseReceipt(record.Value)
	if err != nil {
		return nil
	}
	// In this order: what is held is not sent again, and a crash may come in between.
	if err := r.reach(ctx, reaches(c, from, receipt)); err != nil {
		return err
	}
	_, err = r.store.PutRecord(ctx, record)
	return err
}

func reaches(c event.Conversation, from crypto.PersonID, receipt event.Receipt) (out []store.Reach) {
	add := func(segments []event.LogSegment, read bool) {
		for _, s := range segments {
			out = append(out, store.Reach{Person: from, Log: s.Log(c), Read: read, Segments: []event.Segment{s.Segment}})
		}
	}
	add(receipt.Delivered, false)
	add(receipt.Read, true)
	return out
}

// acks writes down what peers have on their disks. What comes while one commit is under way goes into the next, and
// only the newest of each log counts.
type acks struct {
	commit func(context.Context, []store.Reach) error
	log    *slog.Logger

	mu    gosync.Mutex
	queue map[ackKey]event.Segments
	wake  notify.Signal
}

type ackKey struct {
	log    event.Log
	person crypto.PersonID
}

func newAcks(s *store.Store, log *slog.Logger) *acks {
	return &acks{commit: s.Reach, log: log, queue: make(map[ackKey]event.Segments), wake: notify.NewSignal()}
}

func (a *acks) put(person crypto.PersonID, log event.Log, segments event.Segments) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.queue[ackKey{log, person}] = segments
	a.wake.Give()
}

// run writes until ctx ends. What is lost then is said again by the peer when it is next met; what can't be written
// now is tried again.
func (a *acks) run(ctx context.Context) {
	again := time.NewTimer(time.Hour)
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-a.wake:
		case <-again.C:
		}
		if err := a.write(ctx); err != nil && ctx.Err() == nil {
			a.log.Warn("write acknowledgements", "err", err)
			again.Reset(ackRetry)
		}
	}
}

// write commits the queue. If that fails, what was not replaced meanwhile waits again.
func (a *acks) write(ctx context.Context) error {
	a.mu.Lock()
	queue := a.queue
	a.queue = make(map[ackKey]event.Segments)
	a.mu.Unlock()
	var batch []store.Reach
	for key, segments := range queue {
		batch = append(batch, store.Reach{Log: key.log, Person: key.person, Segments: segments})
	}
	err := a.commit(ctx, batch)
	if err == nil {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for key, segments := range queue {
		if _, newer := a.queue[key]; !newer {
			a.queue[key] = segments
		}
	}
	return err
}

// tellRecord gives a newer record to the sessions that should have it.
func (n *Node) tellRecord(c event.Conversation, r event.Record) {
	author := crypto.PersonID{}
	if n.groups.Known(c) { // only whom it is about
		_, author, _, _ = event.ParseReceiptSubject(r.Subject)
	}
	n.eachSession(func(s *session) {
		if them, _ := n.people.of(s.peer); author == (crypto.PersonID{}) || them.ID == author || them.ID == n.me.person {
			s.news.record(sync.HeldRecord{Conversation: c, Record: r})
		}
	})
}
