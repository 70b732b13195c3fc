package node

import (
	"context"
	"errors"
	"fmt"
	gosync "sync"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/authority"
	"github.com/earshot-im/earshot/node/groups"
	"github.com/earshot-im/earshot/node/notify"
	"github.com/earshot-im/earshot/node/sync"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/event"
)

// Road is how events came. It decides nothing about whether they are believed.
type Road struct {
	From crypto.PersonID // who brought them
}

// Why events are not let in.
var (
	errUnproven = errors.New("not proven")
	errStranger = errors.New("its author has no place in the conversation")
	errAbsence  = errors.New("a body is absent for a reason that is not proven here")
	errEarly    = errors.New("all of it was said before what the owner may read")
)

// job is an effect for a session's worker, with what it holds of the node's budget.
type job struct {
	effect any
	budget share
}

// jobs is what waits for the worker, in order: as much as the machine allows.
type jobs struct {
	mu    gosync.Mutex
	queue []job
	wake  notify.Signal
}

func (j *jobs) init() { j.wake = notify.NewSignal() }

func (j *jobs) put(job job) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.queue = append(j.queue, job)
	j.wake.Give()
}

func (j *jobs) take() []job {
	j.mu.Lock()
	defer j.mu.Unlock()
	q := j.queue
	j.queue = nil
	return q
}

// storing is a run that was let in and waits for its commit.
type storing struct {
	ticket sync.Ticket
	log    event.Log
	budget share
	wait   func() Ingested
}

// roundEnded is the job of showing what has waited for a peer since before a time: it can bring no more.
type roundEnded struct {
	conversation event.Conversation
	began        time.Time
}

// maxStoring is how many runs of one session wait for their commits. The worker waits when there are more.
const maxStoring = 64

// work does what takes a proof or a commit, until ctx ends: it lets runs in, while those before them are being
// committed, and runs errands.
func (s *session) work(ctx context.Context, stored chan<- storing) {
	defer close(stored)
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.jobs.wake:
		}
		for _, j := range s.jobs.take() {
			if e, ok := j.effect.(sync.Ingest); ok {
				wait := s.node.beginIngest(ctx, e.Run, Road{From: s.person})
				stored <- storing{e.Ticket, e.Run.Log(), j.budget, wait}
			} else if answer := s.errand(ctx, j.effect); answer != nil {
				s.tell(ctx, answer)
			}
		}
	}
}

// settle answers for runs as they are committed, until stored is closed.
func (s *session) settle(ctx context.Context, stored <-chan storing) {
	for p := range stored {
		result := p.wait()
		p.budget.release()
		if result.New {
			s.node.rounds.stored(s, p.log)
		}
		s.tell(ctx, s.answer(p.ticket, p.log, result))
	}
}

// tell gives an answer to the machine.
func (s *session) tell(ctx context.Context, answer sync.Input) {
	select {
	case s.done <- answer:
	case <-ctx.Done():
	}
}

func (s *session) answer(ticket sync.Ticket, log event.Log, r Ingested) sync.Input {
	stored := sync.Stored{Ticket: ticket, Segments: s.visible(log, r.Segments)}
	var needs *groups.NeedsCardError
	switch {
	case r.Err == nil:
		return stored
	case errors.As(r.Err, &needs):
		return sync.NeedCard{Ticket: ticket, Head: needs.Head}
	case errors.Is(r.Err, authority.ErrParent):
		return sync.NeedControl{Ticket: ticket}
	case errors.Is(r.Err, store.ErrTooManySegments):
		stored.Refused, stored.Once = sync.TooManySegments, true
	case errors.Is(r.Err, errEarly):
		stored.Refused, stored.Once = sync.TooEarly, true
	case errors.Is(r.Err, store.ErrBudget):
		stored.Refused = sync.OverBudget
	case errors.Is(r.Err, store.ErrForked):
		stored.Refused = sync.Forked
	case errors.Is(r.Err, errStranger), errors.Is(r.Err, authority.ErrNotPermitted),
		errors.Is(r.Err, authority.ErrCut), errors.Is(r.Err, store.ErrCut):
		stored.Refused = sync.NotPermitted
	case errors.Is(r.Err, errUnproven):
		stored.Err = fmt.Errorf("%w: %w", sync.ErrProtocol, r.Err)
	default:
		stored.Err = fmt.Errorf("%w: %w", sync.ErrStore, r.Err)
	}
	if !errors.Is(r.Err, context.Canceled) { // else only the session has ended
		s.log.Warn("run not taken", "conv", log.Conversation, "err", r.Err)
	}
	return stored
}

// Ingested is what became of one run.
type Ingested struct {
	Segments event.Segments  // of its log, as held after the commit
	Author   crypto.PersonID // once known
	New      bool            // it brought something that was not had before
	Err      error
}

// Ingest is the one door for events, whatever road they come by: a run is proven, its author's place is checked, and
// what is good is stored. It returns after the commit.
func (n *Node) Ingest(ctx context.Context, run event.Run, road Road) Ingested {
	return n.beginIngest(ctx, run, road)()
}

// beginIngest opens the door, and returns what waits for the commit. Runs are stored in the order in which they began.
func (n *Node) beginIngest(ctx context.Context, run event.Run, road Road) (wait func() Ingested) {
	author, err := n.admitRun(ctx, &run, road)
	if err != nil {
		return func() Ingested { return Ingested{Author: author, Err: err} }
	}
	return n.storeRun(ctx, run, road, author)
}

// storeRun stores a run that was admitted. Its author may have been removed since.
func (n *Node) storeRun(ctx context.Context, run event.Run, road Road, author crypto.PersonID) (wait func() Ingested) {
	c := run.Log().Conversation
	inGroup := n.groups.Known(c)
	them, _ := n.people.get(road.From)
	if inGroup {
		them, _ = n.people.get(author)
	}
	stored := n.store.BeginIngest(ctx, run, store.Origin{Author: author, Stranger: !them.Contact, Member: inGroup})
	return func() Ingested {
		result, err := stored()
		forked := errors.Is(err, store.ErrForked)
		if author != n.me.person && (forked || err == nil && !inGroup) { // else the acknowledgement does, which costs no signature
			n.receipts.mark(c, author)
		}
		if err == nil && inGroup && n.groups.Accepts(author, &run) != nil {
			err = n.groups.Limit(context.WithoutCancel(ctx), c)
		}
		return Ingested{Segments: result.Segments, Author: author, New: err == nil && result.New, Err: err}
	}
}

// admitRun proves a run, leaves out what is not for the owner, and makes sure that the store knows who brought it.
func (n *Node) admitRun(ctx context.Context, run *event.Run, road Road) (author crypto.PersonID, err error) {
	if err := run.Prove(); err != nil {
		return author, fmt.Errorf("%w: %w", errUnproven, err)
	}
	if author, err = n.mayWrite(run, road); err != nil {
		return author, err
	}
	if !n.groups.Known(run.Log().Conversation) {
		return author, n.keep(ctx, road.From)
	}
	if author != n.me.person {
		// What lies before the owner's floor would be held in pieces that nobody goes on with.
		if *run, err = n.groups.Readable(*run, n.me.person); err != nil {
			return author, fmt.Errorf("%w: %w", errStranger, err)
		}
		if len(run.Events) == 0 {
			return author, errEarly
		}
	}
	return author, n.keep(ctx, author)
}

// keep has the store know a person.
func (n *Node) keep(ctx context.Context, id crypto.PersonID) error {
	return n.people.keep(ctx, id, n.amongFriends(id))
}

// amongFriends says whether a person is or was in a group that the owner or a contact has made.
func (n *Node) amongFriends(id crypto.PersonID) bool {
	for _, c := range n.groups.All() {
		founder, _ := n.people.get(n.groups.Founder(c))
		if (founder.ID == n.me.person || founder.Contact) && n.groups.Ever(c, id) {
			return true
		}
	}
	return false
}

// mayWrite finds the author of a proven run: by a device that their card names at the head that the run was written
// under, one of the two persons of a direct conversation, or a member of a group.
func (n *Node) mayWrite(run *event.Run, road Road) (crypto.PersonID, error) {
	h := &run.Events[0].Header
	author, err := n.Author(h.Card, h.Device)
	if err != nil {
		return author, err
	}
	if err := n.mayRecall(run, author); err != nil {
		return author, err
	}
	switch {
	case n.groups.Known(h.Conversation):
		return author, n.groups.Accepts(author, run)
	case h.Conversation != event.Direct(n.me.person, road.From), author != road.From && author != n.me.person:
		return author, errStranger
	}
	return author, nil
}

// mayRecall finds that the enclosed recalls of a run are by its author, and leaves those out that may not stand where they do:
// then nothing explains why their targets are absent.
func (n *Node) mayRecall(run *event.Run, author crypto.PersonID) error {
	if len(run.Recalls) == 0 {
		return nil
	}
	inGroup := n.groups.Known(run.Log().Conversation)
	var kept []event.Event
	for _, recall := range run.Recalls {
		h := &recall.Header
		by, err := n.Author(h.Card, h.Device)
		switch {
		case err != nil:
			return err
		case by != author:
			return errStranger
		case inGroup && n.groups.Accepts(author, &event.Run{Events: []event.Event{recall}}) != nil:
			continue
		}
		kept = append(kept, recall)
	}
	run.Recalls = kept
	return nil
}

// errand does what is neither a run nor answered at once. Where the machine waits for an answer, it returns one.
func (s *session) errand(ctx context.Context, e any) sync.Input {
	n := s.node
	var err error
	switch e := e.(type) {
	case sync.IngestRecord:
		return s.ingestRecord(ctx, e)
	case sync.IngestControl:
		return s.ingestControl(ctx, e)
	case sync.LearnCard:
		s.logErrand("learn card", n.learnCard(ctx, e))
		return sync.CardLearned{}
	case keepProfile:
		err = n.people.introduced(ctx, s.person, e.record)
	case sync.Rollback:
		err = s.rollBack(ctx, e)
	case roundEnded:
		err = n.store.Release(ctx, &e.conversation, e.began, func(cause event.Log, since time.Time) bool {
			return n.rounds.waits(cause, since, s)
		})
	case sync.Request:
		err = n.request(ctx, s.person, e.Run)
	}
	s.logErrand(fmt.Sprintf("%T", e), err)
	return nil
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
		return sync.NeedCard{Ticket: e.Ticket, Head: r.Card}
	case !signer.card.SpeaksAt(r.Card, r.Device) || !r.Verify():
		stored.Err = fmt.Errorf("%w: record not proven", sync.ErrProtocol)
		return stored
	}
	var err error
	switch r.Kind {
	case event.KindProfile:
		if profileOf(&r, signer.card) {
			if err = n.people.renamed(ctx, signer.ID, profileName(&r)); err == nil {
				err = n.people.introduced(ctx, signer.ID, r)
			}
			n.presence.Bump()
		}
	case event.KindReceipt:
		if signer.Contact || n.groups.Known(e.Conversation) { // nothing was ever written to anybody else
			err = n.receipts.take(ctx, signer.ID, e.Conversation, r)
		}
	}
	switch {
	case errors.Is(err, store.ErrBudget):
		stored.Refused = sync.OverBudget
	case err != nil:
		stored.Err = fmt.Errorf("%w: %w", sync.ErrStore, err)
	}
	return stored
}
