package files

import (
	"maps"
	"time"

	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/event"
)

// refKey names an attachment: the message, and which of its attachments, from 0.
type refKey struct {
	message event.ID
	n       int
}

func keyOf(f *store.FileRef) refKey { return refKey{f.Message, f.N} }

// note is a state that is to be written down, and who is to be told that it was.
type note struct {
	status store.FileStatus
	done   []func(error)
}

// maxFlying is how many notes that nobody waits for are written at once. What others have brought meanwhile
// waits for one commit with so many.
const maxFlying = 128

// noteAgain is how long after a failed commit the notes are tried again.
const noteAgain = time.Second

// notes are the states that are not on the disk yet. Those for which somebody waits are written first. Of one
// attachment the last one counts.
type notes struct {
	next    map[refKey]note
	flying  map[refKey]note // being written; nil: none are
	waiting bool            // until noteAgain has passed

	judged map[refKey]bool // of next and flying: attachments that were new
}

// status returns what has become of an attachment, if that is not on the disk yet.
func (n *notes) status(k refKey) (store.FileStatus, bool) {
	if now, ok := n.next[k]; ok {
		return now.status, true
	}
	now, ok := n.flying[k]
	return now.status, ok
}

// note has a state written down. done, if it isn't nil, is called by the loop when it is, or could not
// be; then it is not tried again.
func (r *Room) note(k refKey, to store.FileStatus, done func(error)) {
	was := r.notes.next[k]
	was.status = to
	if done != nil {
		was.done = append(was.done, done)
	}
	r.notes.next[k] = was
	r.moved.Bump()
}

// flush begins to write the notes down, if none are being written.
func (r *Room) flush() {
	n := &r.notes
	if n.flying != nil || n.waiting || len(n.next) == 0 {
		return
	}
	var awaited bool
	n.flying, awaited = n.take()
	sets := make([]store.FileSet, 0, len(n.flying))
	for k, to := range n.flying {
		sets = append(sets, store.FileSet{Message: k.message, N: k.n, FileStatus: to.status})
	}
	write := r.cfg.Store.NoteFiles
	if awaited {
		write = r.cfg.Store.SetFiles
	}
	r.do(func() func(time.Time) {
		err := write(r.ctx, sets...)
		return func(now time.Time) { r.noted(err, now) }
	})
}

// take takes out what is written next: that for which somebody waits, if there is any.
func (n *notes) take() (some map[refKey]note, awaited bool) {
	some = make(map[refKey]note)
	for k, one := range n.next {
		if len(one.done) > 0 {
			some[k] = one
		}
	}
	awaited = len(some) > 0
	for k, one := range n.next {
		if awaited || len(some) == maxFlying {
			break
		}
		some[k] = one
	}
	for k := range some {
		delete(n.next, k)
	}
	return some, awaited
}

// noted takes in that notes were written, or could not be.
func (r *Room) noted(err error, now time.Time) {
	n := &r.notes
	was := n.flying
	n.flying = nil
	judged := len(n.judged) > 0
	for k, one := range was {
		for _, done := range one.done {
			done(err)
		}
		if err == nil || len(one.done) > 0 {
			delete(n.judged, k)
		}
		if _, later := n.next[k]; err == nil || later || len(one.done) > 0 {
			delete(was, k)
		}
	}
	if err == nil {
		if judged {
			r.judgeNew(now)
		}
		return
	}
	r.cfg.Log.Warn("write down what has become of files", "err", err)
	maps.Copy(n.next, was)
	n.waiting = true
	r.after(noteAgain, func(now time.Time) {
		n.waiting = false
		r.judgeNew(now)
	})
}

// after has the loop call a function later.
func (r *Room) after(d time.Duration, f func(now time.Time)) {
	r.do(func() func(time.Time) {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
			return f
		case <-r.ctx.Done():
			return nil
		}
	})
}
