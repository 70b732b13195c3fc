package fetch

import (
	"iter"
	"time"

	"github.com/earshot-im/earshot/store/blob"
)

const (
	// MaxSources is how many sources are asked for parts at once.
	MaxSources = 8
	// MaxOpen is how many chunks are open at once, about: all sources together have as many, but each
	// two. It bounds the buffers, and what is not checked.
	MaxOpen = 8
	// maxParked is how many chunks are kept for a source that gives nothing for now.
	maxParked = 2
	// ahead is how many free chunks are to be in pages that are written: about a second of the fastest
	// link.
	ahead = 512
	// aheadPages is how many pages are asked for at once because of that.
	aheadPages = 2
	// samples is how many chunks are looked at to find one that few sources have, if more than few are left.
	samples = 16
	few     = 64

	// late is when a part may be asked of a second source that has nothing else to give, at the end;
	// before the end it is veryLate. Each time that this has passed, it may be asked of one more.
	late     = time.Second
	veryLate = 10 * time.Second
)

// ask asks sources for what may be asked of them.
func (f *Fetch) ask(now time.Time, wake *alarm) {
	here, active, able := 0, 0, 0
	for _, s := range f.sources {
		if s.here && s.bad < maxBad {
			here++
		}
		if len(s.attempts) > 0 {
			active++
		}
		if len(s.attempts) > 0 || s.usable(now) && !s.dry {
			able++
		}
	}
	share := max(2, MaxOpen/min(max(able, 1), MaxSources))
	f.overdue(now, wake)
	for _, s := range f.sources {
		if !s.here || s.bad >= maxBad {
			continue
		}
		if now.Before(s.rest) {
			wake.at(s.rest)
			s.pace.content(f)
			continue
		}
		f.inquire(s, now, wake)
		was := len(s.attempts)
		if was == 0 && active >= MaxSources {
			s.pace.content(f)
			continue
		}
		f.feed(s, share, here == 1, now)
		if was == 0 && len(s.attempts) > 0 {
			active++
		}
	}
}

// inquire asks a source what it has, when it is time.
func (f *Fetch) inquire(s *source, now time.Time, wake *alarm) {
	if s.poll.IsZero() {
		return
	}
	if now.Before(s.poll) {
		wake.at(s.poll)
		return
	}
	if s.pace.spare() {
		s.poll = time.Time{}
		f.request(s, &request{kind: Have}, now)
	}
}

// feed asks a source for parts until there is nothing left that may be asked of it.
func (f *Fetch) feed(s *source, share int, inOrder bool, now time.Time) {
	for {
		a := s.unasked()
		if a == nil && (len(s.attempts) >= share || s.dry && !f.hasSecond(s)) {
			break
		}
		if !s.pace.fits(f, s.pace.piece(now), now) {
			return // it waits for room
		}
		begun := a != nil
		if !begun {
			if a = f.pick(s, inOrder, now); a == nil {
				break
			}
		}
		n := a.need[0].end - a.need[0].first
		if a.Kind == Chunk {
			n = min(n, s.pace.piece(now))
		}
		if !s.pace.fits(f, n, now) {
			return
		}
		if !begun {
			f.begin(a, now)
		}
		r := &request{kind: a.Kind, attempt: a, offset: a.need[0].first, count: n}
		if a.need[0].first += n; a.need[0].first == a.need[0].end {
			a.need = a.need[1:]
		}
		a.asked++
		f.request(s, r, now)
	}
	s.pace.content(f)
}

func (f *Fetch) request(s *source, r *request, now time.Time) {
	f.tickets++
	r.ticket, r.source, r.at = f.tickets, s, now
	s.pace.take(f, r.count)
	if len(s.requests) == 0 {
		s.heard = now
	}
	s.requests = append(s.requests, r)
	f.requests[r.ticket] = r
	ask := Ask{Source: s.id, Ticket: r.ticket, Part: Part{Kind: r.kind}, Offset: r.offset, Count: r.count}
	if r.attempt != nil {
		ask.Part = r.attempt.Part
	}
	f.do(ask)
}

// unasked returns the first attempt that has something to be asked for.
func (s *source) unasked() *attempt {
	for _, a := range s.attempts {
		if !a.checked && len(a.need) > 0 {
			return a
		}
	}
	return nil
}

// begin makes an attempt that pick has chosen.
func (f *Fetch) begin(a *attempt, now time.Time) {
	if len(f.open[a.Part]) == 0 {
		f.occupy(a.Part)
	}
	for _, p := range f.parked {
		if p.Part == a.Part {
			f.unpark(p)
			if p != a {
				f.forget(p)
			}
			break // there is one of a chunk at most
		}
	}
	a.since = now
	a.source.attempts = append(a.source.attempts, a)
	f.open[a.Part] = append(f.open[a.Part], a)
}

// pick chooses what a source is asked for next, or nothing.
func (f *Fetch) pick(s *source, inOrder bool, now time.Time) *attempt {
	for _, a := range f.parked {
		if a.source == s {
			return a
		}
	}
	if !s.dry {
		if part, ok := f.freePart(s, inOrder); ok {
			return f.attempt(s, part)
		}
		s.dry = true
	}
	if part, ok := f.second(s); ok {
		return f.attempt(s, part)
	}
	return nil
}

func (f *Fetch) attempt(s *source, part Part) *attempt {
	return &attempt{Part: part, source: s, need: []run{{0, f.size(part)}}}
}

// freePart returns a free part that a source has.
func (f *Fetch) freePart(s *source, inOrder bool) (Part, bool) {
	if !f.manifest {
		return Part{Kind: Manifest}, len(f.open[Part{Kind: Manifest}]) == 0 && s.hasManifest()
	}
	if f.readies < ahead && f.opened(Page) < aheadPages {
		if i := f.freePage(s); i >= 0 {
			return Part{Page, i}, true
		}
	}
	if i := f.freeChunk(s, inOrder); i >= 0 {
		return Part{Chunk, i}, true
	}
	if i := f.freePage(s); i >= 0 {
		return Part{Page, i}, true
	}
	return Part{}, false
}

// opened counts the open parts of a kind.
func (f *Fetch) opened(k Kind) (n int) {
	for part := range f.open {
		if part.Kind == k {
			n++
		}
	}
	return n
}

// hasManifest reports whether a source may have the manifest: who has a chunk has it.
func (s *source) hasManifest() bool { return !s.known || s.all || len(s.had) > 0 }

// hasPage reports whether a source has a page: who has one of its chunks has it.
func (s *source) hasPage(i int) bool {
	if s.all {
		return true
	}
	k := s.had.from(i * blob.PageLeaves)
	return k < len(s.had) && s.had[k].first < (i+1)*blob.PageLeaves
}

// freePage returns the first free page that a source has, or -1.
func (f *Fetch) freePage(s *source) int {
	if s.all {
		return f.freePages.next(0)
	}
	for _, r := range s.had {
		if i := f.freePages.next(r.first / blob.PageLeaves); i < 0 {
			break
		} else if i*blob.PageLeaves < r.end {
			return i
		}
	}
	return -1
}

// freeChunk returns a free chunk of a written page that a source has, or -1: the first, or one of those
// that fewest sources have.
func (f *Fetch) freeChunk(s *source, inOrder bool) int {
	if f.readies == 0 {
		return -1
	}
	if i := f.within(0, f.lead); i >= 0 && s.has(i) {
		return i
	}
	had := s.had
	if s.all {
		had = runs{{0, f.chunks()}}
	}
	if inOrder {
		return f.firstOf(had)
	}
	best, fewest, equals := -1, 0, 0
	for i := range f.candidates(s, had) {
		holders := 0
		for _, o := range f.sources {
			if o.here && o.had.has(i) { // who has all doesn't make a difference
				holders++
			}
		}
		if best < 0 || holders < fewest {
			best, fewest, equals = i, holders, 0
		}
		if holders == fewest {
			if equals++; f.random.IntN(equals) == 0 {
				best = i
			}
		}
	}
	return best
}

// candidates gives chunks of which the rarest is chosen: all that a source can give, or if they may be
// many some by chance.
func (f *Fetch) candidates(s *source, had runs) iter.Seq[int] {
	return func(yield func(int) bool) {
		if f.readies <= few {
			for i := f.within(0, f.chunks()); i >= 0; i = f.within(i+1, f.chunks()) {
				if s.has(i) && !yield(i) {
					return
				}
			}
			return
		}
		found := false
		for range samples {
			if i := f.anyOf(s, had); i >= 0 {
				if found = true; !yield(i) {
					return
				}
			}
		}
		if i := f.firstOf(had); !found && i >= 0 {
			yield(i)
		}
	}
}

func (f *Fetch) firstOf(had runs) int {
	for _, r := range had {
		if i := f.within(r.first, r.end); i >= 0 {
			return i
		}
	}
	return -1
}

// anyOf returns a chunk by chance.
func (f *Fetch) anyOf(s *source, had runs) int {
	if len(had) == 0 {
		return -1
	}
	r := had[f.random.IntN(len(had))]
	if s.all { // most of a large stream is not ready
		page := f.ready.next(f.random.IntN(f.shape.Pages()))
		if page < 0 {
			page = f.ready.next(0)
		}
		first, count := f.shape.Page(page)
		r = run{first, first + count}
	}
	from := r.first + f.random.IntN(r.end-r.first)
	if i := f.within(from, r.end); i >= 0 {
		return i
	}
	return f.within(r.first, from)
}

// within returns the first chunk that is free and in a written page, of those from first to before end.
func (f *Fetch) within(first, end int) int {
	for first < end {
		page := f.ready.next(first / blob.PageLeaves)
		if page < 0 {
			break
		}
		i := f.free.next(max(first, page*blob.PageLeaves))
		if i < 0 || i >= end {
			break
		}
		if i/blob.PageLeaves == page {
			return i
		}
		first = i // the free chunks of the page were before first
	}
	return -1
}
