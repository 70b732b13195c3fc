package ingest

import (
	gosync "sync"
	"time"

	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/event"
)

const (
	// releaseEvery is how often rows that wait for a cause are looked at: it is one of the few things for which an
	// idle node wakes.
	releaseEvery = 2 * time.Second

	// releaseAfter is how long a row waits for a cause that nobody is bringing, and for how long a
	// peer that is bringing something may pause. On a slow link the largest run takes longer, so
	// bytes of a frame that is not whole yet count too.
	releaseAfter = 3 * time.Second

	// releaseAtLast is how long a row waits at most, even while peers go on bringing something.
	releaseAtLast = store.MaxWait
)

// rounds knows which peers are bringing what was missed. From that follows which rows still wait
// for an earlier message that they refer to, their cause. A row waits while its cause may be on its
// way: while runs of the cause's log are being stored, or while a peer that was asked for
// everything in the conversation goes on sending.
type rounds struct {
	now func() time.Time // the store's clock; pauses are measured by the machine's

	mu   gosync.Mutex
	open map[event.Conversation]map[Session]time.Time // when the peer was asked, by the store's clock; it has not finished
	logs map[event.Log]brought                        // those of the last releaseAfter
}

// brought is when a run with something new in a log was last stored, and who brought it; nil:
// gossip.
type brought struct {
	by Session
	at time.Time
}

func newRounds(now func() time.Time) *rounds {
	return &rounds{now: now, open: make(map[event.Conversation]map[Session]time.Time), logs: make(map[event.Log]brought)}
}

// begin notes that a peer was asked for everything in a conversation.
func (r *rounds) begin(c event.Conversation, s Session) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.open[c] == nil {
		r.open[c] = make(map[Session]time.Time)
	}
	if _, ok := r.open[c][s]; !ok { // a peer that is asked again still brings what it was first asked for
		r.open[c][s] = r.now()
	}
}

// end notes that a peer has brought all it can, and returns when it was asked; false if it was not.
func (r *rounds) end(c event.Conversation, s Session) (began time.Time, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	began, ok = r.open[c][s]
	r.close(c, s)
	return began, ok
}

func (r *rounds) close(c event.Conversation, s Session) {
	if delete(r.open[c], s); len(r.open[c]) == 0 {
		delete(r.open, c)
	}
}

// left forgets the rounds of a session that has ended.
func (r *rounds) left(s Session) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for c := range r.open {
		r.close(c, s)
	}
}

// stored notes that a run with something new was stored. by is nil if it came by gossip.
func (r *rounds) stored(by Session, log event.Log) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.logs[log] = brought{by, time.Now()}
}

// waits says whether a row that was first seen at a time still waits for a cause in a log. ended is
// a session whose peer has just brought all it can, so that nothing waits for it; nil: none.
func (r *rounds) waits(cause event.Log, since time.Time, ended Session) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if waited := r.now().Sub(since); waited < 0 || waited >= releaseAtLast { // below 0: the clock was set back
		return false
	}
	if b := r.logs[cause]; time.Since(b.at) < releaseAfter && (b.by != ended || ended == nil) {
		return true
	}
	for s := range r.open[cause.Conversation] {
		if s.Silence() < releaseAfter {
			return true
		}
	}
	return false
}

// prune forgets what has no effect any more.
func (r *rounds) prune() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for log, b := range r.logs {
		if time.Since(b.at) >= releaseAfter {
			delete(r.logs, log)
		}
	}
}
