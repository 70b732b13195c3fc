package node

import (
	"context"
	"errors"
	"fmt"
	gosync "sync"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/sync"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/event"
)

// Road is how events came. It decides nothing about whether they are believed.
type Road struct {
	From crypto.PersonID // who brought them
}

// rollbackPause is the least time between two closings of a log in one conversation because of what a peer claims. A
// disk goes back once in a blue moon.
const rollbackPause = time.Hour

// Why events are not let in.
var (
	errUnproven  = errors.New("not proven")
	errStranger  = errors.New("its author has no place in the conversation")
	errNeedsCard = errors.New("head of the author's card is not known")
)

// errRolledBack ends a session whose peer knew more of this device's log than this device.
var errRolledBack = errors.New("own log was rolled back")

// job is an effect for a session's worker, or remember, with what it holds of the node's budget.
type job struct {
	effect any
	budget int64
}

// jobs is what waits for the worker, in order. The machine bounds how much that is.
type jobs struct {
	mu    gosync.Mutex
	queue []job
	wake  chan struct{}
}

func (j *jobs) init() { j.wake = make(chan struct{}, 1) }

func (j *jobs) put(job job) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.queue = append(j.queue, job)
	signal(j.wake)
}

func (j *jobs) take() []job {
	j.mu.Lock()
	defer j.mu.Unlock()
	q := j.queue
	j.queue = nil
	return q
}

// work does what takes a proof or a commit, until ctx ends. Runs that wait together are proven side by side and
// stored in one transaction.
func (s *session) work(ctx context.Context) {
	defer func() {
		for _, j := range s.jobs.take() {
			s.node.unproven.Release(j.budget)
		}
	}()
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.jobs.wake:
		}
		queue := s.jobs.take()
		for len(queue) > 0 {
			runs := 0
			for runs < len(queue) {
				if _, ok := queue[runs].effect.(sync.Ingest); !ok {
					break
				}
				runs++
			}
			var answers []sync.Input
			if runs > 0 {
				answers = s.ingest(ctx, queue[:runs])
			} else {
				runs = 1
				answers = s.errand(ctx, queue[0].effect)
			}
			for _, j := range queue[:runs] {
				s.node.unproven.Release(j.budget)
			}
			queue = queue[runs:]
			for _, a := range answers {
				select {
				case s.done <- a:
				case <-ctx.Done():
				}
			}
		}
	}
}

// ingest lets runs in and answers each.
func (s *session) ingest(ctx context.Context, queue []job) []sync.Input {
	runs := make([]event.Run, len(queue))
	for i, j := range queue {
		runs[i] = j.effect.(sync.Ingest).Run
	}
	results := s.node.Ingest(ctx, runs, Road{From: s.person})
	answers := make([]sync.Input, len(queue))
	for i, j := range queue {
		ticket := j.effect.(sync.Ingest).Ticket
		answers[i] = s.answer(ticket, runs[i].Log(), results[i])
	}
	return answers
}

func (s *session) answer(ticket sync.Ticket, log event.Log, r Ingested) sync.Input {
	stored := sync.Stored{Ticket: ticket, Segments: r.Segments}
	switch {
	case r.Err == nil:
		return stored
	case errors.Is(r.Err, errNeedsCard):
		return sync.NeedCard{Ticket: ticket, Person: r.Author}
	case errors.Is(r.Err, store.ErrTooManySegments):
		stored.Refused = sync.TooManySegments
	case errors.Is(r.Err, store.ErrBudget):
		stored.Refused = sync.OverBudget
	case errors.Is(r.Err, store.ErrForked):
		stored.Refused = sync.Forked
	case errors.Is(r.Err, errStranger):
		stored.Refused = sync.NotPermitted
	case errors.Is(r.Err, errUnproven):
		stored.Err = fmt.Errorf("%w: %w", sync.ErrProtocol, r.Err)
	default:
		stored.Err = fmt.Errorf("%w: %w", sync.ErrStore, r.Err)
	}
	s.log.Warn("run not taken", "conv", log.Conversation, "err", r.Err)
	return stored
}

// Ingested is what became of one run.
type Ingested struct {
	Segments event.Segments  // of its log, as held after the commit
	Author   crypto.PersonID // once known
	Err      error
}

// Ingest is the one door for events, whatever road they come by: runs are proven, their author's place is checked, and
// what is good is stored in order. It returns after the commit, with a result for each run.
func (n *Node) Ingest(ctx context.Context, runs []event.Run, road Road) []Ingested {
	results := make([]Ingested, len(runs))
	prove := func(i int) {
		if err := runs[i].Prove(); err != nil {
			results[i].Err = fmt.Errorf("%w: %w", errUnproven, err)
			return
		}
		results[i].Author, results[i].Err = n.mayWrite(&runs[i], road)
	}
	var proving gosync.WaitGroup
	for i := range runs[1:] {
		proving.Go(func() { prove(i + 1) })
	}
	prove(0) // one alone is worth no goroutine
	proving.Wait()
	var batch []store.Incoming
	var places []int
	for i := range runs {
		if results[i].Err != nil {
			continue
		}
		if results[i].Err = n.keep(ctx, road.From); results[i].Err != nil {
			continue
		}
		them, _ := n.people.get(road.From)
		batch = append(batch, store.Incoming{Run: runs[i], From: store.Origin{Author: results[i].Author, Stranger: !them.Contact}})
		places = append(places, i)
	}
	for k, r := range n.store.IngestAll(ctx, batch) {
		results[places[k]].Segments, results[places[k]].Err = r.Segments, r.Err
		if r.Err == nil && results[places[k]].Author != n.me.person {
			n.receipts.mark(batch[k].Run.Log().Conversation, results[places[k]].Author)
		}
	}
	return results
}

// keep has the store know a person, and where their devices are.
func (n *Node) keep(ctx context.Context, id crypto.PersonID) error {
	fresh, err := n.people.keep(ctx, id)
	if err == nil && fresh {
		n.rememberDevices(id)
	}
	return err
}

// mayWrite finds the author of a proven run in a direct conversation: one of its two persons, by a device that their
// card names at the head that the run was written under.
func (n *Node) mayWrite(run *event.Run, road Road) (crypto.PersonID, error) {
	h := &run.Events[0].Header
	if h.Conversation != event.Direct(n.me.person, road.From) {
		return crypto.PersonID{}, errStranger
	}
	author, ok := n.people.of(h.Device)
	if !ok || author.ID != road.From && author.ID != n.me.person {
		// Perhaps a device that the peer's person has added since.
		return road.From, errNeedsCard
	}
	if !author.card.Includes(h.Card) {
		return author.ID, errNeedsCard
	}
	if !author.card.SpeaksAt(h.Card, h.Device) {
		return author.ID, errStranger
	}
	for i := range run.Recalls {
		recall := &run.Recalls[i].Header
		by, ok := n.people.of(recall.Device)
		if !ok || by.ID != author.ID || !by.card.SpeaksAt(recall.Card, recall.Device) {
			return author.ID, errStranger
		}
	}
	return author.ID, nil
}

// errand does what is neither a run nor answered at once.
func (s *session) errand(ctx context.Context, e any) []sync.Input {
	n := s.node
	var err error
	switch e := e.(type) {
	case sync.IngestRecord:
		return []sync.Input{s.ingestRecord(ctx, e)}
	case sync.LearnCard:
		card, bad := crypto.ParseCard(e.Card)
		if bad == nil && card.Person() == e.Person {
			err = n.people.learnt(ctx, card)
		}
		defer s.logErrand("learn card", err)
		return []sync.Input{sync.CardLearned{}}
	case sync.Rollback:
		err = s.rollBack(ctx, e)
	case sync.RoundEnded:
		err = n.store.Release(ctx, &e.Conversation, s.joinedAt)
	case sync.Request:
		err = n.request(ctx, s.person, e.Run)
	case remember:
		err = n.remember(ctx, s.peer, e.state)
	}
	s.logErrand(fmt.Sprintf("%T", e), err)
	return nil
}

// rollBack believes a peer that says to hold more of this device's log than this device, but not often: the claim is
// unproven, and each one closes a log for good. What is true is proven by the events when they come.
func (s *session) rollBack(ctx context.Context, e sync.Rollback) error {
	if !s.node.believesRollback(e.Log.Conversation, time.Now()) {
		return nil
	}
	back, err := s.node.store.Rollback(ctx, e.Log, e.Theirs)
	if back {
		// The machine holds that a log never shrinks; a new session begins with what is here now.
		s.cancel(errRolledBack)
	}
	return err
}

// believesRollback allows one claim a conversation in rollbackPause.
func (n *Node) believesRollback(c event.Conversation, now time.Time) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if last, ok := n.rollbacks[c]; ok && now.Sub(last) < rollbackPause {
		return false
	}
	n.rollbacks[c] = now
	return true
}

func (s *session) logErrand(what string, err error) {
	if err != nil && !errors.Is(err, context.Canceled) {
		s.log.Warn(what, "err", err)
	}
}

// ingestRecord lets a record in.
func (s *session) ingestRecord(ctx context.Context, e sync.IngestRecord) sync.Input {
	n, r := s.node, e.Record
	stored := sync.Stored{Ticket: e.Ticket}
	signer, ok := n.people.of(r.Device)
	switch {
	case !ok || signer.ID != s.person && signer.ID != n.me.person:
		stored.Refused = sync.NotPermitted
		return stored
	case !signer.card.Includes(r.Card):
		return sync.NeedCard{Ticket: e.Ticket, Person: signer.ID}
	case !signer.card.SpeaksAt(r.Card, r.Device) || !r.Verify():
		stored.Err = fmt.Errorf("%w: record not proven", sync.ErrProtocol)
		return stored
	}
	var err error
	switch r.Kind {
	case event.KindProfile:
		if profileOf(&r, signer.card) {
			err = n.people.renamed(ctx, signer.ID, profileName(&r))
			n.presence.bump()
		}
	case event.KindReceipt:
		err = n.receipts.take(ctx, signer.ID, r)
	}
	if err != nil {
		stored.Err = fmt.Errorf("%w: %w", sync.ErrStore, err)
	}
	return stored
}
