package fetch

import (
	"slices"
	"time"
)

// request is an Ask that has not ended.
type request struct {
	ticket        Ticket
	kind          Kind
	source        *source
	attempt       *attempt // nil of Have, and if it was called off
	off           bool     // it was called off
	offset, count int
	got           int
	at            time.Time
}

// check has a part checked that has come whole.
func (f *Fetch) check(a *attempt, now time.Time) {
	a.checked, a.since = true, now
	f.checks = append(f.checks, a)
	f.do(Check{a.source.id, a.Part})
}

// end takes back a request that has ended.
func (f *Fetch) end(t Ticket, now time.Time) *request {
	r := f.requests[t]
	if r == nil {
		return nil
	}
	r.source.heard = now
	f.release(r)
	r.source.requests = slices.DeleteFunc(r.source.requests, func(o *request) bool { return o == r })
	return r
}

// release forgets a request; what has not come of it is needed again.
func (f *Fetch) release(r *request) {
	delete(f.requests, r.ticket)
	r.source.pace.end(f, r.count-r.got)
	a := r.attempt
	if a == nil {
		return
	}
	a.asked--
	if r.kind == Manifest {
		a.need = []run{{0, r.count}}
	} else if r.got < r.count {
		(*runs)(&a.need).add(run{r.offset + r.got, r.offset + r.count})
	}
}
