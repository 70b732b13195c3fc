package ingest

import (
	"log/slog"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/earshot-im/earshot/store/event"
)

// waiting is rounds with a row that was first seen when it was made.
type waiting struct {
	*rounds
	t     *testing.T
	skew  time.Duration // of the store's clock
	since time.Time
	cause event.Log
}

func newWaiting(t *testing.T) *waiting {
	w := &waiting{t: t, since: time.Now(), cause: event.Log{Conversation: event.Conversation{1}, Instance: event.Instance{1}}}
	w.rounds = newRounds(func() time.Time { return time.Now().Add(w.skew) })
	return w
}

// peer is a session whose peer has said something last.
type peer struct{ heard time.Time }

func (p *peer) Silence() time.Duration                        { return time.Since(p.heard) }
func (p *peer) End(error)                                     {}
func (p *peer) Remote() (at netip.AddrPort, dialled, ok bool) { return at, false, false }
func (p *peer) Log() *slog.Logger                             { return slog.New(slog.DiscardHandler) }

// talking is a session whose peer has just said something.
func (w *waiting) talking() *peer { return &peer{heard: time.Now()} }

func (w *waiting) want(what string, ended Session, want bool) {
	w.t.Helper()
	if got := w.waits(w.cause, w.since, ended); got != want {
		w.t.Errorf("%s: the row waits: %t, want %t", what, got, want)
	}
}

// passes lets time pass, and looks shortly before and at the end of it.
func (w *waiting) passes(what string, d time.Duration) {
	w.t.Helper()
	time.Sleep(d - 1)
	w.want(what+", before the end", nil, true)
	time.Sleep(time.Nanosecond)
	w.want(what+", at the end", nil, false)
}

func TestRowWaitsWhileTheLogOfItsCauseComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWaiting(t)
		by, other := w.talking(), w.talking()
		w.want("nothing comes", nil, false)
		w.stored(by, event.Log{Conversation: w.cause.Conversation})
		w.want("another log comes", nil, false)
		w.stored(by, w.cause)
		w.want("from who has ended the round", by, false)
		w.want("from another than who has ended the round", other, true)
		w.passes("a run came", releaseAfter)
		w.stored(nil, w.cause)
		w.want("by gossip, and somebody has ended the round", other, true)
		w.passes("a run came by gossip", releaseAfter)
	})
}

func TestRowWaitsWhileSomebodyBringsEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWaiting(t)
		s, other := w.talking(), w.talking()
		w.begin(event.Conversation{2}, s)
		w.want("asked for another conversation", nil, false)
		w.begin(w.cause.Conversation, s)
		w.begin(w.cause.Conversation, other)
		w.passes("both are silent since", releaseAfter)
		s.heard = time.Now()
		w.want("one goes on", nil, true)
		w.end(w.cause.Conversation, s)
		w.want("it ends", nil, false)
		s.heard = time.Now()
		w.begin(w.cause.Conversation, s)
		w.want("it is asked again", nil, true)
		w.left(s)
		w.left(other)
		w.want("it has left", nil, false)
		if _, ok := w.end(w.cause.Conversation, s); ok {
			t.Error("a round ends whose session has ended")
		}
		if len(w.open) != 0 {
			t.Errorf("%d conversations are remembered", len(w.open))
		}
	})
}

// Who is asked a second time before the first round has ended still brings what was asked for
// first.
func TestRoundBeganWhenFirstAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWaiting(t)
		w.skew = time.Hour
		s, first := w.talking(), w.now()
		w.begin(w.cause.Conversation, s)
		time.Sleep(time.Second)
		w.begin(w.cause.Conversation, s)
		if began, ok := w.end(w.cause.Conversation, s); !ok || !began.Equal(first) {
			t.Errorf("began at %v, %t; want %v", began, ok, first)
		}
		if _, ok := w.end(w.cause.Conversation, s); ok || len(w.open) != 0 {
			t.Error("the round ends twice")
		}
	})
}

// A row waits for a minute at most, whoever goes on, and not at all once the clock was set back.
func TestRowWaitsForAMinuteAtMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWaiting(t)
		s := w.talking()
		w.begin(w.cause.Conversation, s)
		w.skew = -1
		w.want("first seen in the future", nil, false)
		w.skew = 0
		w.want("first seen now", nil, true)
		time.Sleep(releaseAtLast - 1)
		s.heard = time.Now()
		w.passes("the peer goes on", 1)
	})
}

// What has come of logs is forgotten when it has no effect any more.
func TestStoredIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWaiting(t)
		w.stored(nil, w.cause)
		time.Sleep(releaseAfter - 1)
		if w.prune(); len(w.logs) != 1 {
			t.Error("forgotten too early")
		}
		time.Sleep(time.Nanosecond)
		if w.prune(); len(w.logs) != 0 {
			t.Error("never forgotten")
		}
	})
}
