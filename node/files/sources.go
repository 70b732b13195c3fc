package files

import (
	"context"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/files/exchange"
	"github.com/earshot-im/earshot/node/files/fetch"
	"github.com/earshot-im/earshot/node/files/queue"
	"github.com/earshot-im/earshot/store"
)

// malformedFor is how long a device is left alone that has sent what can't be valid.
const malformedFor = 10 * time.Minute

// source is a device that something may be fetched from.
type source struct {
	device crypto.DeviceID
	person crypto.PersonID
	conn   *exchange.Conn
	pace   *fetch.Pace
	stop   context.CancelFunc
	runs   map[*run]struct{} // that know it
}

// peersChanged takes in who is connected now.
func (r *Room) peersChanged(now time.Time) {
	here := r.cfg.Here()
	for device, s := range r.sources {
		if person, still := here[device]; !still || person != s.person {
			for x := range s.runs {
				x.lose(device, now)
			}
			delete(r.sources, device)
			s.close()
		}
	}
	came := make(map[crypto.PersonID]bool)
	for device, person := range here {
		if before, known := r.present[device]; !known || before != person {
			came[person] = true
		}
	}
	r.present = here
	for _, j := range r.jobs {
		if j.run != nil {
			j.run.addSources(r, now)
			continue
		}
		if len(came) == 0 || r.queue.State(j.id) != queue.Resting {
			continue
		}
		for person := range came {
			if _, _, ok := r.mayHave(j, person); ok {
				r.queue.Wake(j.id)
				break
			}
		}
	}
}

// anybody reports whether somebody is connected who may have a job's attachment.
func (r *Room) anybody(j *job) bool {
	for _, person := range r.cfg.Here() {
		if _, _, ok := r.mayHave(j, person); ok {
			return true
		}
	}
	return false
}

// addSources tells a run of the devices that are connected and may have what it fetches.
func (x *run) addSources(r *Room, now time.Time) {
	if x.fetch == nil || x.stopping {
		return
	}
	for device, person := range r.cfg.Here() {
		by, author, ok := r.mayHave(x.job, person)
		if _, known := x.via[device]; known || !ok || r.liars[lie{x.job.id, device}] || x.asks(device) || now.Before(r.alone[device]) {
			continue
		}
		s := r.source(device, person)
		x.via[device] = exchange.Attachment{Event: by.message, Index: by.n}
		s.runs[x] = struct{}{}
		x.fetch.Came(device, s.pace, author, now)
	}
}

// lose takes in that a device is a source no more.
func (x *run) lose(device crypto.DeviceID, now time.Time) {
	if !x.stopping {
		x.fetch.Went(device, now)
	}
	delete(x.via, device)
}

// asks reports whether requests to a device have not ended: of a stream that has, if it isn't a source now.
// Until then its reader may still write to the buffers.
func (x *run) asks(device crypto.DeviceID) bool {
	for _, q := range x.asked {
		if q.source == device {
			return true
		}
	}
	return false
}

// lie is a device that gave something else than an attachment twice: it is asked no more for that.
type lie struct {
	of     store.BlobID
	device crypto.DeviceID
}

// maxLiars bounds what is remembered of such devices.
const maxLiars = 4096

// leaveSources ends that sources know a run.
func (x *run) leaveSources(r *Room) {
	for device := range x.via {
		if s := r.sources[device]; s != nil {
			if delete(s.runs, x); len(s.runs) == 0 {
				delete(r.sources, device)
				s.close()
			}
		}
	}
}

// source returns a device as a source.
func (r *Room) source(device crypto.DeviceID, person crypto.PersonID) *source {
	if s := r.sources[device]; s != nil {
		return s
	}
	s := &source{device: device, person: person, pace: fetch.NewPace(), stop: func() {}, runs: make(map[*run]struct{})}
	s.reset(r)
	r.sources[device] = s
	return s
}

// reset ends the stream with a source, if there is one: what is asked for next goes over another.
func (s *source) reset(r *Room) {
	s.stop()
	ctx, stop := context.WithCancel(r.ctx)
	conn := exchange.NewConn(func(ctx context.Context) (exchange.Stream, error) { return r.cfg.Stream(ctx, s.device) })
	s.conn, s.stop = conn, stop
	r.workers.Go(func() { _ = conn.Run(ctx) })
}

// close ends the stream with a source.
func (s *source) close() { s.stop() }

// sourceMalformed takes in that a source has sent what can't be valid: it is left alone for a while, also if it
// comes back before.
func (r *Room) sourceMalformed(device crypto.DeviceID, now time.Time) {
	s := r.sources[device]
	if s == nil {
		return
	}
	r.cfg.Log.Info("a source of files has sent what can't be valid", "peer", device)
	if len(r.alone) >= maxLiars {
		clear(r.alone)
	}
	r.alone[device] = now.Add(malformedFor)
	for x := range s.runs {
		x.lose(device, now)
	}
	delete(r.sources, device)
	s.close()
}
