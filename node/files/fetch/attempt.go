package fetch

import (
	"cmp"
	"slices"
	"time"

	"github.com/earshot-im/earshot/store/blob"
)

// attempt is a part from one source.
type attempt struct {
	Part
	source  *source
	since   time.Time // when it was begun, or given to be checked
	need    []run     // bytes that have not come and are not asked for
	asked   int       // requests that have not ended
	got     int       // bytes
	checked bool      // it has come whole
}

// wet has all sources looked at again.
func (f *Fetch) wet() {
	for _, s := range f.sources {
		s.dry = false
	}
}

// occupy makes a free part open.
func (f *Fetch) occupy(part Part) {
	switch part.Kind {
	case Page:
		f.freePages.remove(part.Index)
	case Chunk:
		f.free.remove(part.Index)
		f.count(part.Index, -1)
	}
}

// liberate makes an open part free.
func (f *Fetch) liberate(part Part) {
	delete(f.open, part)
	switch part.Kind {
	case Page:
		f.freePages.add(part.Index)
	case Chunk:
		f.free.add(part.Index)
		f.count(part.Index, 1)
	}
	f.wet()
}

// count counts a chunk that was or is free.
func (f *Fetch) count(chunk, by int) {
	page := chunk / blob.PageLeaves
	f.frees += by
	f.freeIn[page] += by
	if f.pages.has(page) {
		if f.readies += by; f.freeIn[page] > 0 {
			f.ready.add(page)
		} else {
			f.ready.remove(page)
		}
	}
}

// detach takes an attempt from its source and its part.
func (f *Fetch) detach(a *attempt) {
	is := func(o *attempt) bool { return o == a }
	a.source.attempts = slices.DeleteFunc(a.source.attempts, is)
	if open, ok := f.open[a.Part]; ok {
		f.open[a.Part] = slices.DeleteFunc(open, is)
	}
}

// abandon ends an attempt that is not checked.
func (f *Fetch) abandon(a *attempt) {
	for _, r := range a.source.requests {
		if r.attempt == a {
			r.attempt, r.off = nil, true
			f.do(CallOff{a.source.id, r.ticket})
		}
	}
	f.detach(a)
	f.forget(a)
	if open, ok := f.open[a.Part]; ok && len(open) == 0 {
		f.liberate(a.Part)
	}
}

func (f *Fetch) forget(a *attempt) {
	if a.got > 0 {
		f.do(Forget{a.source.id, a.Part})
	}
}

// park ends an attempt none of whose requests is left, and keeps what has come for its source.
func (f *Fetch) park(a *attempt, now time.Time) {
	alone := len(f.open[a.Part]) == 1
	if len(a.need) == 0 && a.source.bad < maxBad {
		f.check(a, now) // only the end of the last answer has not come
		return
	}
	if a.Kind != Chunk || a.got == 0 || !alone || a.source.bad >= maxBad {
		f.abandon(a)
		return
	}
	f.detach(a)
	f.liberate(a.Part)
	f.parked = append(f.parked, a)
	if len(f.parked) > maxParked {
		least := slices.MinFunc(f.parked, func(a, b *attempt) int { return cmp.Compare(a.got, b.got) })
		f.unpark(least)
		f.forget(least)
	}
}

func (f *Fetch) unpark(a *attempt) {
	f.parked = slices.DeleteFunc(f.parked, func(o *attempt) bool { return o == a })
}
