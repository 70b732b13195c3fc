package fetch

import (
	"slices"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/blob"
)

const (
	// maxKnown bounds the sources that are remembered. Others are not asked.
	maxKnown = 256
	// maxBad is how often a source may give wrong bytes.
	maxBad = 2

	// silence is how long a source may give nothing of what it was asked for. It is left alone then, for
	// silence, doubled each time up to maxRest.
	silence = 5 * time.Second
	maxRest = time.Minute
	// slow is how long one answer may take: what is asked for at once should take 100 ms.
	slow = 30 * time.Second
	// behind is how long a check may take until it counts as our disk's fault that nothing is read.
	behind = time.Second

	// busyRest is how long a source is left alone that is busy. When its stream ends, it is doubled each time.
	busyRest = time.Second
	// minPoll and maxPoll are the pause until a source is asked again what it has. It is doubled as long as
	// nothing is new.
	minPoll = 500 * time.Millisecond
	maxPoll = 30 * time.Second
	// smallPoll is when others than the author's devices are asked about a stream of at most so many chunks:
	// most come sooner, and a group has many members.
	smallPoll = time.Second
	small     = 8
	// lostPoll is the same of one at which the original has changed, or is gone.
	lostPoll = time.Minute
)

// source is a device that has the attachment, or may soon have it.
type source struct {
	id     crypto.DeviceID
	pace   *Pace
	author bool
	order  uint64 // among those that are not the author's; by chance

	here   bool
	bad    int       // how often it gave wrong bytes
	rest   time.Time // not asked for anything before
	stalls int       // since a part of it was written
	lost   End       // why it has lost it: Changed or Gone; else Whole

	// What it has, as it said last, and what it said before, unless it was not true. It isn't known until it
	// has said it.
	known bool
	all   bool
	had   runs
	poll  time.Time     // when to ask; zero: not
	pause time.Duration // before the next poll
	dry   bool          // it has nothing that is missing and is asked of nobody

	attempts []*attempt // those that are coming or are checked, the first first
	requests []*request // those that have not ended
	heard    time.Time  // when the last byte came, or before anything was asked for
}

func (s *source) has(chunk int) bool { return s.all || s.had.has(chunk) }

// none forgets what a source said it has.
func (s *source) none() { s.known, s.all, s.had = true, false, nil }

// usable reports whether a source may be asked.
func (s *source) usable(now time.Time) bool {
	return s.here && s.bad < maxBad && !now.Before(s.rest)
}

// again sets when a source is asked next what it has.
func (f *Fetch) again(s *source, news bool, now time.Time) {
	if news || s.pause == 0 {
		s.pause = minPoll
	} else {
		s.pause = min(2*s.pause, maxPoll)
	}
	s.poll = now.Add(f.about(s.pause))
}

// about returns a pause that is a little longer, by chance, so that not all ask at once.
func (f *Fetch) about(d time.Duration) time.Duration {
	return d + time.Duration(f.random.Int64N(int64(d)/4))
}

// Had says how many chunks a source has, and some of them: the answer to Have, which ends it.
func (f *Fetch) Had(t Ticket, had int, chunks []Range, now time.Time) {
	r := f.end(t, now)
	if r == nil || r.kind != Have || r.off {
		return
	}
	s, all := r.source, f.chunks()
	s.known, s.lost = true, Whole
	if had == all {
		s.all, s.had, s.dry, s.poll = true, nil, false, time.Time{}
		return
	}
	s.all = false
	if len(s.had) > maxRuns {
		s.had = nil
	}
	news, lie := false, had < 0 || had > all
	for _, c := range chunks {
		if c.First < 0 || c.First >= all || c.Count < 1 || c.Count > min(all-c.First, had) {
			lie = true
			break
		}
		news = s.had.add(run{c.First, c.First + c.Count}) || news
	}
	if lie {
		s.none()
		f.blame(s)
	} else if news {
		s.dry = false
	}
	f.again(s, news, now)
}

// lacks notes that a source doesn't have what it was asked for: nothing that it said counts until it
// says again.
func (f *Fetch) lacks(s *source, how End, now time.Time) {
	s.none()
	f.again(s, false, now)
	if how == Changed || how == Gone {
		s.lost = how
		s.poll = now.Add(f.about(lostPoll))
	}
}

// blame notes that a source has lied. The second time it is asked no more.
func (f *Fetch) blame(s *source) {
	if s.bad++; s.bad == maxBad {
		for _, a := range slices.Clone(s.attempts) {
			if !a.checked {
				f.abandon(a)
			}
		}
		f.forgetParked(s)
		s.pace.content(f)
		f.do(Drop{s.id})
	}
}

// stalled leaves a source alone for a while, and what it was asked for is asked of others.
func (f *Fetch) stalled(s *source, now time.Time) {
	s.rest = now.Add(min(silence<<min(s.stalls, 10), maxRest))
	s.stalls++
	s.heard = now
	f.do(Reset{s.id})
}

// stall drops the sources that give nothing, and returns when to look again.
func (f *Fetch) stall(now time.Time, wake *alarm) {
	for _, a := range f.checks {
		if now.Sub(a.since) >= behind {
			return // nothing is read as long as our disk is busy; Checked comes before anything else
		}
	}
	for _, s := range f.sources {
		if len(s.requests) == 0 {
			continue
		}
		at := later(s.heard, f.alive).Add(silence)
		if slowest := later(s.requests[0].at, f.alive).Add(slow); slowest.Before(at) {
			at = slowest
		}
		if !now.Before(at) {
			f.stalled(s, now)
		} else {
			wake.at(at)
		}
	}
}

// leave takes back everything that a source was asked for.
func (f *Fetch) leave(s *source) {
	for _, r := range s.requests {
		f.release(r)
	}
	s.requests = nil
	s.pace.content(f)
}

// pages and chunks of the stream.
func (f *Fetch) chunks() int { return f.shape.Chunks() }

func (f *Fetch) size(p Part) int {
	switch p.Kind {
	case Manifest:
		return min(f.shape.Pages()*34+32, blob.MaxManifest)
	case Page:
		_, leaves := f.shape.Page(p.Index)
		return leaves * len(crypto.Hash{})
	}
	_, size := f.shape.Chunk(p.Index)
	return size
}
