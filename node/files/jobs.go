package files

import (
	"errors"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/files/place"
	"github.com/earshot-im/earshot/node/files/queue"
	"github.com/earshot-im/earshot/node/files/space"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/event"
	"github.com/earshot-im/earshot/store/shelf"
)

// job is something that is wanted and not here: what one or several attachments stand for.
type job struct {
	id    store.BlobID
	of    shelf.Of
	refs  map[refKey]store.FileRef // that want it
	first refKey                   // of these, the one by which it is told
	run   *run                     // nil: it waits for its turn

	// looked says that it was looked at what is here already. It may be all.
	looked bool
}

// asked reports whether the owner has asked for it.
func (j *job) asked() bool {
	for _, f := range j.refs {
		if f.Asked {
			return true
		}
	}
	return false
}

// lacking reports whether it is said that nobody has it.
func (j *job) lacking() bool {
	for _, f := range j.refs {
		if f.State == store.FilePaused && (f.Reason == store.FileNoSource || f.Reason == store.FileLost) {
			return true
		}
	}
	return false
}

// pageOfRefs is how many attachments are read from the store at once.
const pageOfRefs = 256

// start goes on with what was being fetched when the node ended.
func (r *Room) start(now time.Time) {
	for _, state := range []store.FileState{store.FileFetching, store.FilePaused} {
		r.each(state, func(f *store.FileRef) {
			if wanted(f) {
				r.want(f, now)
			}
		})
	}
	r.look(now)
	r.saveAgain()
	r.tidy(now)
	r.dropDue(now)
	r.dropSettled(now)
}

// each goes over the attachments that are in a state.
func (r *Room) each(state store.FileState, f func(*store.FileRef)) {
	var from store.FilePlace
	for {
		refs, next, err := r.cfg.Store.FilesIn(state, from, pageOfRefs)
		if err != nil {
			r.cfg.Log.Warn("read which files are to be fetched", "err", err)
			return
		}
		for i := range refs {
			f(&refs[i])
		}
		if from = next; len(from) == 0 {
			return
		}
	}
}

// look takes in that peers, or messages with attachments, have come or gone.
func (r *Room) look(now time.Time) {
	r.peersChanged(now)
	r.dropSettled(now)
	r.noteAltered(now)
	if r.dropped.Swap(false) {
		r.tidy(now)
		r.endLost()
	}
	r.judgeNew(now)
}

// ownState is the state of an attachment of the owner's that is here in this way.
func ownState(p place.Presence) store.FileState {
	switch {
	case p.Sealed:
		return store.FileKept
	case p.Saved:
		return store.FileInPlace
	case p.Original:
		return store.FileChanged
	}
	return store.FileGone
}

// here looks where an attachment is on this disk.
func (r *Room) here(a *event.Attachment) (place.Presence, error) {
	b, err := r.cfg.Store.Shelf().Open(store.OfFile(a))
	if errors.Is(err, shelf.ErrNoBlob) {
		return place.Presence{}, nil
	}
	if err != nil {
		return place.Presence{}, err
	}
	defer b.Close()
	info := b.Info()
	return place.PresenceOf(&info), nil
}

// set decides what becomes of an attachment, and has that written down.
func (r *Room) set(f *store.FileRef, to store.FileStatus, now time.Time, done func(error)) {
	r.note(keyOf(f), to, done)
	f.FileStatus = to
	if wanted(f) {
		r.want(f, now)
	} else {
		r.unwant(f.Blob, keyOf(f))
	}
}

// want has an attachment fetched.
func (r *Room) want(f *store.FileRef, now time.Time) {
	j := r.jobs[f.Blob]
	if j == nil {
		j = &job{id: f.Blob, of: f.Of(), refs: make(map[refKey]store.FileRef), first: keyOf(f)}
		r.jobs[f.Blob] = j
		r.queue.Add(j.id, f.Author, f.Size)
		r.measured = time.Time{}
	}
	_, wanted := j.refs[keyOf(f)]
	kept := *f
	kept.Preview, kept.Wave = nil, nil // there may be very many
	j.refs[keyOf(f)] = kept
	if j.run == nil && (!wanted || f.Asked) {
		r.reckon(j)
	}
	if wanted {
		return
	}
	r.queue.Wake(j.id)
	if j.run != nil {
		j.run.addSources(r, now) // members of another group may have it, too
	}
}

// reckon says how much room a job needs, and on which disk, by what is here of it and where it is to be.
func (r *Room) reckon(j *job) {
	var info shelf.Info
	if b, err := r.cfg.Store.Shelf().Open(j.of); err == nil { // else nothing is here
		info = b.Info()
		b.Close()
	}
	r.queue.Need(j.id, j.of.Size-min(j.of.Size, place.BytesHeld(&info)))
	folder := folderOf(&info, j.asked() && direct(j.of.Size), r.cfg.Filing().Dir)
	r.queue.Apart(j.id, folder != "" && !r.space.Same(r.cfg.Dir, folder))
}

// unwant has an attachment not fetched any more, if no other one stands for the same.
func (r *Room) unwant(id store.BlobID, k refKey) {
	j := r.jobs[id]
	if j == nil {
		return
	}
	delete(j.refs, k)
	if len(j.refs) > 0 {
		for other := range j.refs {
			j.first = other
			break
		}
		return
	}
	r.endJob(j)
}

// endJob forgets a job.
func (r *Room) endJob(j *job) {
	r.queue.Remove(j.id)
	delete(r.jobs, j.id)
	if j.run != nil {
		r.stop(j.run)
	}
	r.moved.Bump()
}

// wantAgain has fetched anew what messages still want of a job that has ended.
func (r *Room) wantAgain(j *job, now time.Time) {
	for k := range j.refs {
		refs, err := r.refs(k.message, k.n+1)
		if err != nil || refs[0].Blob != j.id {
			continue // its words have gone
		}
		f := &refs[0]
		if status, noted := r.notes.status(k); noted {
			f.FileStatus = status
		}
		if wanted(f) {
			r.want(f, now)
		}
	}
}

// wanted reports whether an attachment is being fetched, or waits for that.
func wanted(f *store.FileRef) bool {
	return !f.Own && (f.State == store.FileFetching || f.State == store.FilePaused && f.Reason != store.FileByOwner)
}

// endLost ends the jobs whose messages have no words any more.
func (r *Room) endLost() {
	for _, j := range r.jobs {
		for k := range j.refs {
			if refs, err := r.refs(k.message, k.n+1); errors.Is(err, ErrNoFile) || errors.Is(err, ErrNoMessage) || err == nil && refs[0].Blob != j.id {
				r.unwant(j.id, k)
			}
		}
	}
}

// settle says of all attachments that wanted a job what has become of them.
func (r *Room) settle(j *job, to store.FileStatus, now time.Time) {
	for _, f := range j.refs {
		status := to
		status.Asked = f.Asked
		if f.FileStatus != status {
			r.set(&f, status, now, nil)
		}
	}
}

// listenEvery is how often it is looked whether words wait.
const listenEvery = 10 * time.Millisecond

// step does what is to be done now, and returns when to look again; zero: when something happens.
func (r *Room) step(now time.Time) (next time.Time) {
	if len(r.jobs) > 0 && now.Sub(r.measured) >= roomEvery {
		r.measured = now
		var turns []*space.Promise
		for x := range r.runs { // what has come since is not in the room any more
			r.queue.Need(x.job.id, x.job.of.Size-x.had)
			turns = append(turns, x.promised)
		}
		r.queue.Room(r.space.Free(r.cfg.Dir, turns...))
	}
	stop, start, wake := r.queue.Next(now)
	for _, id := range stop {
		if j := r.jobs[id]; j != nil && j.run != nil {
			r.stop(j.run)
		}
	}
	for _, id := range start {
		if j := r.jobs[id]; j != nil {
			r.begin(j, now)
		}
	}
	next = sooner(next, wake)
	if r.measured == now { // room is only had or lacked where it was measured
		for _, j := range r.jobs {
			if r.queue.State(j.id) != queue.NoRoom {
				continue
			}
			r.settle(j, store.FileStatus{State: store.FilePaused, Reason: store.FileNoRoom}, now)
			if j.run != nil {
				r.stop(j.run)
			}
		}
	}
	if len(r.jobs) > 0 {
		next = sooner(next, r.measured.Add(roomEvery))
	}
	if now.Sub(r.listened) >= listenEvery {
		r.listened = now
		for _, source := range r.sources {
			source.pace.Words(r.cfg.Words(source.device))
		}
	}
	for x := range r.runs {
		next = sooner(next, x.step(r, now))
	}
	r.flush()
	return sooner(next, r.places.Tidy(now))
}

// sooner returns the first of two times. The zero time never comes.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// mayHave returns by which message a device may be asked for a job, if there is one.
func (r *Room) mayHave(j *job, person crypto.PersonID) (by refKey, author, ok bool) {
	for k, f := range j.refs {
		switch {
		case f.Author == person:
			return k, true, true
		case person == r.self || r.cfg.Groups.Member(f.Conversation, person):
			by, ok = k, true
		}
	}
	return by, false, ok
}
