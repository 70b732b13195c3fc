package node

import (
	gosync "sync"
	"time"

	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/event"
)

const (
	// releaseEvery is how often rows that wait for a cause are looked at.
	releaseEvery = time.Second

	// releaseAfter is how long a row waits for a cause that nobody is bringing, and how long whoever brings something may
	// pause. On a slow link the largest run takes longer, so bytes of a frame that is not whole yet count too.
	releaseAfter = 3 * time.Second

	// releaseAtLast is how long a row waits at most, whoever goes on bringing something.
	releaseAtLast = store.MaxWait
)

// rounds knows which peers are bringing what was missed, and so which rows still wait for what came before them. A row
// waits while its cause may be on its way: while runs of the cause's log are being stored, or while a peer that was asked
// for everything in the conversation goes on sending.
type rounds struct {
	now func() time.Time // the store's clock; pauses are measured by the machine's

	mu   gosync.Mutex
	open map[event.Conversation]map[*session]time.Time // when the round began that the peer has not ended, by the store's clock
	logs map[event.Log]brought                         // only those of the last releaseAfter
}

// brought is when a run of a log was stored last that had something new, and who had brought it; nil: gossip.
type brought struct {
	by *session
	at time.Time
}

func newRounds(now func() time.Time) *rounds {
	return &rounds{now: now, open: make(map[event.Conversation]map[*session]time.Time), logs: make(map[event.Log]brought)}
}

// begin notes that a peer was asked for everything in a conversation.
func (r *rounds) begin(c event.Conversation, s *session) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.open[c] == nil {
		r.open[c] = make(map[*session]time.Time)
	}
	if _, ok := r.open[c][s]; !ok { // else what waits since the one before began still waits for this peer
		r.open[c][s] = r.now()
	}
}

// end notes that a peer can bring no more than it has, and returns since when; false if it was not asked.
func (r *rounds) end(c event.Conversation, s *session) (began time.Time, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	began, ok = r.open[c][s]
	r.close(c, s)
	return began, ok
}

func (r *rounds) close(c event.Conversation, s *session) {
	if delete(r.open[c], s); len(r.open[c]) == 0 {
		delete(r.open, c)
	}
}

// left forgets the rounds of a session that has ended.
func (r *rounds) left(s *session) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for c := range r.open {
		r.close(c, s)
	}
}

// stored notes that a run with something new was stored. by is nil if no peer of a session has brought it.
func (r *rounds) stored(by *session, log event.Log) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.logs[log] = brought{by, time.Now()}
}

// waits says whether a row that was first seen at a time still waits for a cause in a log. What ended has just ended the
// round of a session, by which nothing is waited for; nil: none has.
func (r *rounds) waits(cause event.Log, since time.Time, ended *session) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if waited := r.now().Sub(since); waited < 0 || waited >= releaseAtLast { // below 0: the clock was set back
		return false
	}
	if b := r.logs[cause]; time.Since(b.at) < releaseAfter && (b.by != ended || ended == nil) {
		return true
	}
	for s := range r.open[cause.Conversation] {
		if s.silence() < releaseAfter {
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
