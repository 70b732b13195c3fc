package fetch

import (
	"cmp"
	"iter"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/blob"
)

// Config is what New needs.
type Config struct {
	Seed uint64 // of the order among equals; should differ between devices
	Size uint64 // of the stream in bytes, up to blob.MaxSize
	Held Held
}

// Held is what is on the disk, proven, when a Fetch begins. Pages and Chunks give the first number of a
// run, and how many are in it; nil is none.
type Held struct {
	Manifest      bool
	Pages, Chunks iter.Seq2[int, int]
}

// Range is some chunks in a row, as a source says: it may be anything.
type Range struct{ First, Count int }

// Fetch fetches one attachment. A part of it is written, open (somebody was asked for it and has not
// given all, or it is checked), or free.
type Fetch struct {
	random *rand.Rand
	shape  blob.Shape
	paused bool
	alive  time.Time // when our disk last made us wait
	lead   int       // chunks that go first, see Lead

	left      int   // parts that are not written
	manifest  bool  // is written
	pages     set   // those that are written
	freePages set   // those that are free
	free      set   // chunks that are free
	freeIn    []int // how many of them are in each page
	ready     set   // pages that are written and have free chunks
	frees     int   // free chunks
	readies   int   // those of them that are in written pages
	open      map[Part][]*attempt

	sources  []*source  // the author's first
	parked   []*attempt // of chunks that are free
	checks   []*attempt // the first first
	requests map[Ticket]*request
	tickets  Ticket
	effects  []Effect   // that Next has not given yet
	overdues []*attempt // see overdue
}

// New returns a Fetch that knows no source.
func New(cfg Config) *Fetch {
	f := &Fetch{
		random:   rand.New(rand.NewPCG(cfg.Seed, cfg.Size)),
		shape:    blob.Shape{Size: cfg.Size},
		manifest: cfg.Held.Manifest,
		open:     make(map[Part][]*attempt),
		requests: make(map[Ticket]*request),
	}
	chunks, pages := f.shape.Chunks(), f.shape.Pages()
	f.pages, f.freePages, f.ready, f.free = newSet(pages), newSet(pages), newSet(pages), newSet(chunks)
	f.freePages.fill(pages)
	f.free.fill(chunks)
	f.left, f.frees = 1+pages+chunks, chunks
	f.freeIn = make([]int, pages)
	for i := range f.freeIn {
		_, f.freeIn[i] = f.shape.Page(i)
	}
	if f.manifest {
		f.left--
	}
	each := func(numbers iter.Seq2[int, int], size int, hold func(i int)) {
		if numbers == nil {
			return
		}
		for first, count := range numbers {
			for i := max(first, 0); i < min(first+count, size); i++ {
				hold(i)
			}
		}
	}
	each(cfg.Held.Chunks, chunks, func(i int) {
		if f.free.has(i) {
			f.free.remove(i)
			f.freeIn[i/blob.PageLeaves]--
			f.frees--
			f.left--
		}
	})
	each(cfg.Held.Pages, pages, func(i int) {
		if f.freePages.has(i) {
			f.freePages.remove(i)
			f.written(Part{Page, i})
		}
	})
	return f
}

// Came says that a device is connected that may have the attachment: in a group that of any member who
// may fetch it, since those who begin together soon have parts for each other. The author's devices are
// asked first. The pace is the device's, the same for all Fetches.
func (f *Fetch) Came(id crypto.DeviceID, pace *Pace, author bool, now time.Time) {
	s := f.source(id)
	if s == nil {
		if !f.makeRoom() {
			return
		}
		s = &source{id: id, author: author, order: f.random.Uint64()}
		at, _ := slices.BinarySearchFunc(f.sources, s, before)
		f.sources = slices.Insert(f.sources, at, s)
	}
	if s.here {
		return
	}
	s.here, s.pace = true, pace
	s.known, s.all, s.had, s.dry = false, false, nil, false
	s.poll, s.pause = now, 0
	if f.chunks() <= small && !author && slices.ContainsFunc(f.sources, func(o *source) bool { return o.author && o.here && o.bad < maxBad }) {
		s.poll = now.Add(f.about(smallPoll))
	}
}

func before(a, b *source) int {
	if a.author != b.author {
		if a.author {
			return -1
		}
		return 1
	}
	return cmp.Compare(a.order, b.order)
}

func (f *Fetch) source(id crypto.DeviceID) *source {
	if i := slices.IndexFunc(f.sources, func(s *source) bool { return s.id == id }); i >= 0 {
		return f.sources[i]
	}
	return nil
}

// makeRoom sees to it that one more source can be remembered.
func (f *Fetch) makeRoom() bool {
	for _, bad := range []int{0, 1, maxBad} { // the worst are forgotten last
		if len(f.sources) < maxKnown {
			return true
		}
		if i := slices.IndexFunc(f.sources, func(s *source) bool { return !s.here && s.bad <= bad && len(s.attempts) == 0 }); i >= 0 {
			f.forgetSource(f.sources[i])
		}
	}
	return len(f.sources) < maxKnown
}

func (f *Fetch) forgetSource(s *source) {
	f.forgetParked(s)
	f.sources = slices.DeleteFunc(f.sources, func(o *source) bool { return o == s })
}

func (f *Fetch) forgetParked(s *source) {
	for _, a := range slices.Clone(f.parked) {
		if a.source == s {
			f.unpark(a)
			f.forget(a)
		}
	}
}

// Lead says that the first chunks go before all others: they say where the rest belongs.
func (f *Fetch) Lead(chunks int) { f.lead = chunks }

// Went says that a device is no longer connected: none of its requests is answered any more.
func (f *Fetch) Went(id crypto.DeviceID, now time.Time) {
	s := f.source(id)
	if s == nil || !s.here {
		return
	}
	s.here = false
	f.leave(s)
	for _, a := range slices.Clone(s.attempts) {
		if !a.checked {
			f.park(a, now)
		}
	}
	parks := func(a *attempt) bool { return a.source == s }
	if s.bad == 0 && s.stalls == 0 && s.lost == Whole && len(s.attempts) == 0 && !slices.ContainsFunc(f.parked, parks) {
		f.forgetSource(s)
	}
}

// Bytes says that so many bytes of an answer have come. It is to be told as they come, and not only when
// all have: so it is known whether the source gives anything.
func (f *Fetch) Bytes(t Ticket, n int, now time.Time) {
	r := f.requests[t]
	if r == nil || n <= 0 {
		return
	}
	n = min(n, r.count-r.got) // the stream ends if a peer sends more
	r.source.heard = now
	r.source.pace.arrived(f, n, now)
	r.got += n
	if r.attempt != nil {
		r.attempt.got += n
	}
}

// Ended says that a request has ended. Every request ends once, unless its source went.
func (f *Fetch) Ended(t Ticket, how End, now time.Time) {
	r := f.end(t, now)
	if r == nil || r.off {
		return
	}
	s, a := r.source, r.attempt
	if how == Busy || how == Lost {
		if how == Busy {
			s.rest = later(s.rest, now.Add(busyRest))
		} else if !now.Before(s.rest) {
			s.rest = now.Add(min(busyRest<<min(s.stalls, 10), maxRest))
			s.stalls++
		}
		if r.kind == Have {
			s.poll = s.rest
			return
		}
		for _, a := range slices.Clone(s.attempts) {
			if !a.checked && a.asked == 0 {
				f.park(a, now)
			}
		}
		return
	}
	if how == Whole && r.kind == Manifest && r.got > 0 {
		a.need = nil
	}
	short := r.kind == Have || r.got == 0 || r.kind != Manifest && r.got < r.count
	switch {
	case how != Whole || short:
		f.lacks(s, how, now)
	case len(a.need) == 0 && a.asked == 0:
		f.check(a, now)
		return
	default:
		return
	}
	if a != nil {
		f.abandon(a)
	}
}

// Checked answers Check.
func (f *Fetch) Checked(id crypto.DeviceID, part Part, v Verdict, now time.Time) {
	i := slices.IndexFunc(f.checks, func(a *attempt) bool { return a.source.id == id && a.Part == part })
	if i < 0 {
		return
	}
	a := f.checks[i]
	f.checks = slices.Delete(f.checks, i, i+1)
	if now.Sub(a.since) >= behind {
		f.alive = now
	}
	f.detach(a)
	if v == Wrong {
		f.blame(a.source)
	}
	others, open := f.open[part]
	switch {
	case !open: // another was sooner
	case v == Written:
		a.source.stalls, a.source.pause = 0, 0
		delete(f.open, part)
		for _, o := range others {
			if !o.checked {
				f.abandon(o)
			}
		}
		f.written(part)
	case len(others) == 0:
		f.liberate(part)
	}
}

// Pause stops asking, or goes on. What was asked for still comes.
func (f *Fetch) Pause(on bool) { f.paused = on }

// Close gives back what the Fetch took of the paces. One that is done or wanted no more needs it. It
// returns what remains to be done; no input follows.
func (f *Fetch) Close() []Effect {
	for _, s := range f.sources {
		for _, r := range s.requests {
			if !r.off {
				f.do(CallOff{s.id, r.ticket})
			}
		}
		f.leave(s)
		for _, a := range s.attempts {
			if !a.checked {
				f.forget(a)
			}
		}
		f.forgetParked(s)
	}
	return f.effects
}

// Next returns what to do now, in this order, and the time at which to call it again at the latest; zero
// is never. Call it after every input, to this Fetch or to another one that has a source in common.
func (f *Fetch) Next(now time.Time) (effects []Effect, wake time.Time) {
	var w alarm
	if f.left > 0 && !f.paused {
		f.stall(now, &w)
		f.ask(now, &w)
	} else {
		for _, s := range f.sources {
			s.pace.content(f)
		}
	}
	effects, f.effects = f.effects, nil
	return effects, w.time
}

// State returns how far the Fetch is, and from how many sources something is on its way.
func (f *Fetch) State() (state State, sources int) {
	if f.left == 0 {
		return Done, 0
	}
	state = NoSource
	for _, s := range f.sources {
		coming := len(s.attempts) > 0
		if coming {
			sources++
		}
		if coming || s.here && s.bad < maxBad && (!s.known || !s.dry && (s.all || len(s.had) > 0)) {
			state = Fetching
		} else if s.lost == Changed && state != Fetching {
			state = AllChanged
		} else if s.lost == Gone && state == NoSource {
			state = AllGone
		}
	}
	return state, sources
}

// written notes that a part is written that was open, or not there yet.
func (f *Fetch) written(part Part) {
	f.left--
	switch part.Kind {
	case Manifest:
		f.manifest = true
	case Page:
		f.pages.add(part.Index)
		if n := f.freeIn[part.Index]; n > 0 {
			f.ready.add(part.Index)
			f.readies += n
		}
	default:
		return
	}
	f.wet()
}

func (f *Fetch) do(e Effect) { f.effects = append(f.effects, e) }

// alarm is the earliest of some times.
type alarm struct{ time time.Time }

func (a *alarm) at(t time.Time) {
	if a.time.IsZero() || t.Before(a.time) {
		a.time = t
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
