package files

import (
	"errors"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/files/exchange"
	"github.com/earshot-im/earshot/node/files/fetch"
	"github.com/earshot-im/earshot/node/files/place"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/blob"
)

// partOf is a part that comes from a source.
type partOf struct {
	source crypto.DeviceID
	fetch.Part
}

// part is what has come of it.
type part struct {
	buffer *blob.Buffer
	size   int  // how many bytes the last answer had
	open   int  // requests that still write to the buffer
	came   bool // something of it has
	over   bool // nobody needs it any more but these
}

// question is a request that has not ended.
type question struct {
	partOf
	part *part          // nil of Have. One that is over is not the run's any more
	conn *exchange.Conn // which is the source's no more if its stream was reset, and counts calls from 1
	call uint64
	got  int // bytes
}

// ask sends a request.
func (x *run) ask(r *Room, e fetch.Ask, now time.Time) {
	source, k := r.sources[e.Source], partOf{e.Source, e.Part}
	q := exchange.Request{Of: x.via[e.Source]}
	var into []byte
	var p *part
	if e.Kind != fetch.Have {
		if p = x.parts[k]; p == nil || p.over { // requests that were called off may still write to that one
			p = &part{buffer: blob.NewBuffer()}
			x.parts[k] = p
		}
	}
	switch e.Kind {
	case fetch.Manifest:
		q.What, into = exchange.Manifest, p.buffer[:blob.MaxManifest]
	case fetch.Page:
		_, leaves := blob.Shape{Size: x.job.of.Size}.Page(e.Index)
		q.What, q.First, q.Count, into = exchange.Pages, uint64(e.Index), 1, p.buffer[:leaves*len(crypto.Hash{})]
	case fetch.Chunk:
		q.What, q.First, q.Count = exchange.Bytes, uint64(e.Index)*blob.ChunkSize+uint64(e.Offset), e.Count
		into = p.buffer[e.Offset : e.Offset+e.Count]
	case fetch.Have:
		q.What = exchange.Have
	}
	x.asked[e.Ticket] = &question{partOf: k, part: p, conn: source.conn}
	if p != nil {
		p.open++
	}
	come, told := 0, now // of the Conn's goroutine
	call, err := source.conn.Ask(q, into, func(a exchange.Answer) {
		come += a.Bytes
		at := time.Now()
		if !a.Last && at.Sub(told) < bytesEvery {
			return
		}
		a.Bytes, come, told = come, 0, at
		r.post(func(now time.Time) { x.answered(r, e.Ticket, a, now) })
	})
	if err != nil {
		x.answered(r, e.Ticket, exchange.Answer{Last: true, Status: exchange.Busy}, now)
		return
	}
	x.asked[e.Ticket].call = call
}

// answered takes in what has come of an answer.
func (x *run) answered(r *Room, t fetch.Ticket, a exchange.Answer, now time.Time) {
	q := x.asked[t]
	p := q.part
	if a.Bytes > 0 && !x.stopping {
		if x.job.lacking() {
			r.settle(x.job, store.FileStatus{State: store.FileFetching}, now)
		}
		q.got += a.Bytes
		x.meter.Add(a.Bytes, now)
		x.fetch.Bytes(t, a.Bytes, now)
	}
	if !a.Last {
		return
	}
	delete(x.asked, t)
	if p != nil {
		p.size = q.got
		p.came = p.came || q.got > 0
		p.open--
		x.free(q.partOf, p)
	}
	switch {
	case x.via[q.source] == (exchange.Attachment{}): // it went before, and may be back
		x.addSources(r, now)
	case x.stopping: // nothing is decided any more
	case errors.Is(a.Err, exchange.ErrMalformed):
		r.sourceMalformed(q.source, now)
	case a.Err != nil:
		x.fetch.Ended(t, fetch.Lost, now)
	case q.Kind == fetch.Have && a.Status == exchange.OK:
		chunks := make([]fetch.Range, len(a.Chunks))
		for i, c := range a.Chunks {
			chunks[i] = fetch.Range(c)
		}
		x.fetch.Had(t, a.Had, chunks, now)
	default:
		x.fetch.Ended(t, ends[a.Status], now)
	}
}

var ends = map[exchange.Status]fetch.End{exchange.OK: fetch.Whole, exchange.NotHere: fetch.NotHere, exchange.Changed: fetch.Changed, exchange.Busy: fetch.Busy,
	exchange.Gone: fetch.Gone}

// over says that a part from a source is of no use any more.
func (x *run) over(k partOf) {
	if p := x.parts[k]; p != nil {
		p.over = true
		x.free(k, p)
	}
}

// free lets go of a buffer that nobody needs any more. Of a part of which nothing has come it is not told that
// it is over.
func (x *run) free(k partOf, p *part) {
	if p.open > 0 || p.came && !p.over && !x.stopping {
		return
	}
	p.buffer.Free()
	if x.parts[k] == p {
		delete(x.parts, k)
	}
}

// check proves and writes a part.
func (x *run) check(r *Room, k partOf) {
	p, to := x.parts[k], x.to
	size := p.size // of the manifest nobody else knows it
	switch shape := (blob.Shape{Size: x.job.of.Size}); k.Kind {
	case fetch.Page:
		_, leaves := shape.Page(k.Index)
		size = leaves * len(crypto.Hash{})
	case fetch.Chunk:
		_, size = shape.Chunk(k.Index)
	}
	b := p.buffer[:size]
	p.open++ // the worker reads it
	x.working++
	x.puts.Add(1)
	r.busy(func() func(time.Time) {
		err := to.Put(k.Part, b)
		x.puts.Done()
		return func(now time.Time) { x.checked(r, k, p, len(b), err, now) }
	})
}

// checked takes in what has become of a part.
func (x *run) checked(r *Room, k partOf, p *part, size int, err error, now time.Time) {
	x.working--
	p.open--
	p.over = true
	x.free(k, p)
	verdict := fetch.Written
	switch {
	case errors.Is(err, place.ErrRefused): // by what it has proven to be
		verdict = fetch.Unwritten
	case errors.Is(err, blob.ErrProof), errors.Is(err, blob.ErrMalformed):
		verdict = fetch.Wrong
		r.cfg.Log.Info("a source gave something else", "peer", k.source, "event", x.job.first.message, "err", err)
	case err != nil:
		verdict = fetch.Unwritten
	}
	if err == nil {
		if x.dirty == 0 {
			x.since = now
		}
		x.dirty += uint64(size)
		if k.Kind == fetch.Chunk {
			x.wrote(k.Index, 1)
		}
		r.moved.Bump()
	}
	if verdict == fetch.Unwritten {
		x.failed(r, err, now)
	}
	if !x.stopping {
		x.fetch.Lead(x.to.Lead())
		x.fetch.Checked(k.source, k.Part, verdict, now)
	}
}
