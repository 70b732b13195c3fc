package files

import (
	"time"

	"github.com/earshot-im/earshot/node/people"
	"github.com/earshot-im/earshot/store"
)

// judgedAtOnce is how many new attachments are judged until their notes are written. Then others of the next log
// have their turn: somebody who sends thousands of them is in nobody's way.
const judgedAtOnce = maxFlying

// judgePause is how long nothing is judged once those that came from somebody unknown are written. To the owner
// they are offered all the time, so nobody waits for that; each takes a page of the database.
const judgePause = 200 * time.Millisecond

// judgeNew decides about new attachments, unless others of them are being written down, or a pause is made: then it
// is called after that.
func (r *Room) judgeNew(now time.Time) {
	if len(r.notes.judged) > 0 || now.Before(r.judgeAt) {
		return
	}
	for beginning := len(r.unjudged) == 0; len(r.notes.judged) < judgedAtOnce; {
		refs, next, err := r.cfg.Store.NewFiles(r.unjudged, judgedAtOnce-len(r.notes.judged), func(f *store.FileRef) bool {
			_, noted := r.notes.status(keyOf(f))
			return !noted && !r.keeping[keyOf(f)]
		})
		if err != nil {
			r.cfg.Log.Warn("read which files are new", "err", err)
			r.after(noteAgain, r.judgeNew)
			return
		}
		for i := range refs {
			r.judgeOne(&refs[i], now)
		}
		if len(refs) > 0 && !r.known(&refs[0]) { // they are of one log
			r.judgeAt = now.Add(judgePause)
			r.after(judgePause, r.judgeNew)
		}
		if r.unjudged = next; len(next) == 0 && beginning {
			return
		}
		beginning = beginning || len(next) == 0
	}
}

// judgeOne decides about a new attachment.
func (r *Room) judgeOne(f *store.FileRef, now time.Time) {
	to, err := r.judge(f, now)
	switch {
	case err != nil:
		r.cfg.Log.Warn("decide about a file", "event", f.Message, "err", err)
	case to.State == store.FileKept || to.State == store.FileInPlace:
		r.keep(*f, to)
	default:
		r.set(f, to, now, nil)
		r.notes.judged[keyOf(f)] = true
	}
}

// judge decides what becomes of an attachment of a message that was just sent, or has just come.
func (r *Room) judge(f *store.FileRef, now time.Time) (store.FileStatus, error) {
	here, err := r.here(&f.Attachment)
	switch {
	case err != nil:
		return store.FileStatus{}, err
	case f.Own:
		return store.FileStatus{State: ownState(here)}, nil
	case here.Sealed || here.Saved: // by another message
		return store.FileStatus{State: store.FileHeld}, nil
	case r.automatic(f, now):
		return store.FileStatus{State: store.FileFetching}, nil
	}
	return store.FileStatus{State: store.FileOffered, ByHand: true}, nil
}

// automatic reports whether an attachment is fetched without asking the owner.
func (r *Room) automatic(f *store.FileRef, now time.Time) bool {
	them, _ := r.cfg.People.Get(f.Author)
	if f.Hidden || them.Blocked || !r.fetches() || !small(&f.Attachment) {
		return false
	}
	if most := r.cfg.Filing().Max; most > 0 && f.Size > most {
		return false
	}
	return r.known(f) && r.mayWait(f.Author) && r.auto.take(f.Author, f.Size, now.Sub(r.began))
}

// known reports whether an attachment is of somebody whom the owner has accepted, or came in a group that they are in.
func (r *Room) known(f *store.FileRef) bool {
	them, _ := r.cfg.People.Get(f.Author)
	return them.Contact || f.Author == r.self || r.cfg.Groups.Known(f.Conversation)
}

// fetches reports whether anything is fetched without asking the owner.
func (r *Room) fetches() bool {
	auto := r.cfg.Filing().Auto
	return auto == people.FetchOn || auto == people.FetchDefault && r.cfg.Desktop
}
