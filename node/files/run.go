package files

import (
	"context"
	"errors"
	gosync "sync"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/files/exchange"
	"github.com/earshot-im/earshot/node/files/fetch"
	"github.com/earshot-im/earshot/node/files/place"
	"github.com/earshot-im/earshot/node/files/queue"
	"github.com/earshot-im/earshot/node/files/rate"
	"github.com/earshot-im/earshot/node/files/space"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/blob"
	"github.com/earshot-im/earshot/store/shelf"
)

const (
	// commitBytes and commitEvery are how much is written, and for how long, until it is synced and
	// written down. A crash costs that, what comes while it is done, and what is on its way: not more
	// than 2 s of work.
	commitBytes = 256 << 20
	commitEvery = 1500 * time.Millisecond

	// restFor is how long an attachment that nobody has gives up its turn, unless somebody comes.
	restFor = time.Minute
	// maxListening is how many of those go on asking meanwhile whether anybody has it by now: in a group it
	// comes to one member after the other.
	maxListening = 8
)

// run is a job that has its turn. The loop owns it.
type run struct {
	job   *job
	to    place.Target // nil: being opened
	fetch *fetch.Fetch // nil as long
	via   map[crypto.DeviceID]exchange.Attachment
	parts map[partOf]*part
	asked map[fetch.Ticket]*question
	meter rate.Meter

	chunks blob.Set // that are written
	had    uint64   // their bytes

	promised *space.Promise   // room for what is to come
	waits    bool             // nobody has it, and its room is for others meanwhile
	puts     gosync.WaitGroup // what is being written, or written down
	working  int              // how many workers it has now
	dirty    uint64           // bytes that are written and not committed
	since    time.Time        // when the first of them was written
	rests    time.Time        // when it gave up its turn last, since nobody had it
	stopping bool             // nothing is asked any more; it is committed and closed when the workers are done
	closing  bool
	done     bool          // everything has come
	ended    chan struct{} // closed when nothing is written any more
}

// begin gives a job its turn.
func (r *Room) begin(j *job, now time.Time) {
	for x := range r.runs {
		if x.job.id == j.id { // also one of a job that was wanted before
			return // it ends its last turn, and begins again then
		}
	}
	if j.looked && !r.anybody(j) {
		r.settle(j, store.FileStatus{State: store.FilePaused, Reason: store.FileNoSource}, now)
		r.queue.Rest(j.id, now.Add(restFor)) // or until somebody comes
		return
	}
	x := &run{ended: make(chan struct{}), job: j, via: make(map[crypto.DeviceID]exchange.Attachment), parts: make(map[partOf]*part),
		asked: make(map[fetch.Ticket]*question), working: 1}
	j.run, j.looked = x, true
	r.runs[x] = struct{}{}
	name, direct := j.refs[j.first].Name, j.asked() && direct(j.of.Size)
	r.workers.Go(func() {
		to, promised, err := r.openTarget(j.of, name, direct)
		if !r.post(func(now time.Time) { x.opened(r, to, promised, err, now) }) && err == nil {
			promised.End()
			to.Close() // the node ends
		}
	})
}

// bytesEvery is how often the loop is told at most that bytes of an answer have come, besides at its end: to
// be woken for every piece of it takes more than the piece on a fast link.
const bytesEvery = 20 * time.Millisecond

// opened takes in that there is something to write to.
func (x *run) opened(r *Room, to place.Target, promised *space.Promise, err error, now time.Time) {
	x.working--
	if err != nil {
		x.failed(r, err, now)
		return
	}
	x.to, x.promised = to, promised
	if x.stopping {
		return // before it began
	}
	r.unsaved.Delete(x.job.id)
	held := to.Held()
	x.fetch = fetch.New(fetch.Config{Seed: r.seed, Size: x.job.of.Size, Held: held.ForFetch()})
	x.fetch.Lead(to.Lead())
	x.chunks, x.had = held.Chunks.Clone(), place.BytesIn(x.job.of.Size, &held.Chunks)
	x.addSources(r, now)
	if !x.job.lacking() { // else somebody has to have it first
		r.settle(x.job, store.FileStatus{State: store.FileFetching}, now)
	}
}

// wrote counts chunks that are written. Two sources may have given the same.
func (x *run) wrote(first, count int) {
	for i := first; i < first+count; i++ {
		if !x.chunks.Has(i) {
			x.chunks.Add(i, 1)
			n := place.BytesOf(x.job.of.Size, i, 1)
			x.had += n
			x.promised.Wrote(n)
		}
	}
}

// step does what is to be done now, and returns when to look again.
func (x *run) step(r *Room, now time.Time) (next time.Time) {
	if x.to == nil || x.closing {
		return next // a worker is at it
	}
	if x.stopping {
		if x.working == 0 {
			x.close(r)
		}
		return next
	}
	for {
		effects, wake := x.fetch.Next(now)
		if next = wake; len(effects) == 0 {
			break
		}
		for _, e := range effects {
			x.perform(r, e, now)
		}
	}
	switch state, _ := x.fetch.State(); {
	case state == fetch.Done:
		x.done = true
		r.stop(x)
		if x.working == 0 {
			x.close(r)
		}
		return time.Time{}
	case state == fetch.AllChanged:
		r.settle(x.job, store.FileStatus{State: store.FileChanged}, now) // which stops it
		return time.Time{}
	case state == fetch.NoSource:
		next = sooner(next, x.lacks(r, store.FileNoSource, now))
	case state == fetch.AllGone:
		next = sooner(next, x.lacks(r, store.FileLost, now))
	case state == fetch.Fetching && x.waits:
		if r.queue.State(x.job.id) == queue.Resting {
			r.queue.Wake(x.job.id)
		}
		x.waits = false
		if err := x.promised.Again(x.job.of.Size - x.had); err != nil {
			x.failed(r, err, now)
			return now
		}
	}
	if x.dirty > 0 {
		due := x.since.Add(commitEvery)
		if x.dirty >= commitBytes || !now.Before(due) {
			x.commit(r)
		} else {
			next = sooner(next, due)
		}
	}
	return next
}

// lacks takes in that nobody has anything that is missing: it gives its turn to another, and goes on asking
// if there is anybody to ask; of too many that do, the first is stopped. Its room is for others, too. It returns
// when to look again.
func (x *run) lacks(r *Room, why store.FileReason, now time.Time) (next time.Time) {
	x.waits = true
	x.promised.End()
	r.settle(x.job, store.FileStatus{State: store.FilePaused, Reason: why}, now)
	if r.queue.State(x.job.id) != queue.Running {
		return next
	}
	r.queue.Rest(x.job.id, now.Add(restFor)) // then it is asked again
	if x.rests = now; len(x.via) == 0 {
		r.stop(x) // there is nobody to ask
		return now
	}
	if r.listen() {
		return now
	}
	return next
}

func (x *run) perform(r *Room, e fetch.Effect, now time.Time) {
	switch e := e.(type) {
	case fetch.Ask:
		x.ask(r, e, now)
	case fetch.CallOff:
		if q := x.asked[e.Ticket]; q != nil {
			q.conn.CallOff(q.call)
		}
	case fetch.Check:
		x.check(r, partOf{e.Source, e.Part})
	case fetch.Forget:
		x.over(partOf{e.Source, e.Part})
	case fetch.Reset:
		if source := r.sources[e.Source]; source != nil {
			source.reset(r)
		}
	case fetch.Drop:
		r.cfg.Log.Info("a source of a file is asked no more", "peer", e.Source, "event", x.job.first.message)
		if len(r.liars) >= maxLiars {
			clear(r.liars)
		}
		r.liars[lie{x.job.id, e.Source}] = true
	}
}

// commit has what is written synced and written down.
func (x *run) commit(r *Room) {
	dirty := x.dirty
	x.dirty, x.working = 0, x.working+1
	to := x.to
	x.puts.Add(1)
	r.do(func() func(time.Time) {
		err := to.Commit(r.ctx)
		x.puts.Done()
		return func(now time.Time) {
			x.working--
			if err != nil {
				x.dirty += dirty
				x.failed(r, err, now)
			}
		}
	})
}

// listen has the first stop of too many that have no turn, and reports whether there was one.
func (r *Room) listen() bool {
	var first *run
	many := 0
	for x := range r.runs {
		if x.rests.IsZero() || x.stopping || r.queue.State(x.job.id) == queue.Running {
			continue
		}
		if many++; first == nil || x.rests.Before(first.rests) {
			first = x
		}
	}
	if many <= maxListening {
		return false
	}
	r.stop(first)
	return true
}

// stop ends a turn.
func (r *Room) stop(x *run) {
	if x.stopping {
		return
	}
	x.stopping = true
	if x.fetch == nil {
		return
	}
	for _, e := range x.fetch.Close() {
		x.perform(r, e, time.Time{})
	}
	for k, p := range x.parts {
		x.free(k, p)
	}
}

// close writes down what has come, and ends the turn. If all has come, the job is done.
func (x *run) close(r *Room) {
	x.closing = true
	to, origin, wrote := x.to, r.origin(x.job), x.dirty > 0 || x.done
	r.do(func() func(time.Time) {
		var err error
		if wrote {
			err = to.Commit(r.lasting())
		}
		if err == nil && x.done {
			err = to.Finish(r.ctx, origin)
		}
		to.Close()
		return func(now time.Time) { x.closed(r, err, now) }
	})
}

// closed takes in that a turn has ended.
func (x *run) closed(r *Room, err error, now time.Time) {
	j := x.job
	x.end(r)
	switch {
	case r.jobs[j.id] != j: // wanted no more, or again
		r.tidy(now)
		r.beginAgain(j.id, now)
	case err != nil:
		x.failed(r, err, now)
	case x.done:
		for _, f := range j.refs {
			r.save(f, now) // to where the owner wants it
			break
		}
		r.settle(j, store.FileStatus{State: store.FileHeld}, now)
	default:
		r.beginAgain(j.id, now)
	}
}

// beginAgain begins what has its turn since the last run of it was ending.
func (r *Room) beginAgain(id store.BlobID, now time.Time) {
	if j := r.jobs[id]; j != nil && j.run == nil && r.queue.State(id) == queue.Running {
		r.begin(j, now)
	}
}

// end notes that nothing is written any more.
func (x *run) end(r *Room) {
	x.job.run = nil
	delete(r.runs, x)
	x.leaveSources(r)
	x.promised.End()
	close(x.ended)
}

// failed takes in that something could not be written.
func (x *run) failed(r *Room, err error, now time.Time) {
	switch {
	case r.ctx.Err() != nil:
		return
	case errors.Is(err, shelf.ErrForgotten): // its message was taken back, or it was put away for another one
		if r.jobs[x.job.id] == x.job {
			r.endJob(x.job)
			r.wantAgain(x.job, now)
		}
	case errors.Is(err, place.ErrRefused):
		r.cfg.Log.Warn("a folder is refused", "event", x.job.first.message, "err", err)
		r.unsaved.Store(x.job.id, ReasonRefused)
		r.settle(x.job, store.FileStatus{State: store.FileDeclined}, now)
	case errors.Is(store.AsFull(err), store.ErrFull):
		r.settle(x.job, store.FileStatus{State: store.FilePaused, Reason: store.FileNoRoom}, now)
	default:
		r.cfg.Log.Warn("keep a file", "event", x.job.first.message, "err", err)
		r.unsaved.Store(x.job.id, whyUnsaved(err))
		r.moved.Bump()
	}
	if r.jobs[x.job.id] == x.job {
		r.queue.Rest(x.job.id, now.Add(restFor))
	}
	if x.job.run != x {
		return
	}
	if r.stop(x); x.to == nil {
		x.end(r)
		r.beginAgain(x.job.id, now)
	}
}

// stopAll ends all turns, as the node ends. What has been written is kept.
func (r *Room) stopAll() {
	for x := range r.runs {
		if x.to != nil && !x.closing {
			r.workers.Go(func() {
				x.puts.Wait()
				if err := x.to.Commit(r.lasting()); err != nil && !errors.Is(err, shelf.ErrForgotten) {
					r.cfg.Log.Warn("keep a file as the node ends", "event", x.job.first.message, "err", err)
				}
				x.to.Close()
			})
		}
	}
	for _, s := range r.sources {
		s.close()
	}
}

// lasting is for what is still written down as the node ends.
func (r *Room) lasting() context.Context { return context.WithoutCancel(r.ctx) }
