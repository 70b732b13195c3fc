package files

import (
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/people"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/event"
)

// judgedAtOnce is how many new attachments are judged until their notes are written. Then others of the next log
// have their turn: somebody who sends thousands of them is in nobody's way. Whoever sends a message meanwhile waits for
// what these take in the store.
const judgedAtOnce = maxFlying / 2

// judgePause is how long no log of somebody unknown has a turn once attachments of one were judged. To the owner
// they are offered all the time, so nobody waits for that; each takes a page of the database.
const judgePause = 200 * time.Millisecond

// knownPause is how long it isn't looked for new attachments of people who are known once those of others had to be
// passed over: that takes the reading of a row for each log of theirs. So it is after a turn in which there were as
// many as may be: whoever sends thousands leaves the processor to others, and has a thousand judged in a second.
const knownPause = 50 * time.Millisecond

// turns are those that the logs of some people have at being judged.
type turns struct {
	from store.FilePlace // where to go on among new attachments
	at   time.Time       // there is none before
}

// judgeNew decides about new attachments, unless others of them are being written down, or a pause is made: then it
// is called after that. Logs of people who are known and those of others have turns of their own, so that however
// many strangers there are, nobody whom the owner knows waits for them.
func (r *Room) judgeNew(now time.Time) {
	if len(r.notes.judged) > 0 {
		return
	}
	if !now.Before(r.known.at) {
		others := false
		n := r.judgeLogs(&r.known, now, func(author crypto.PersonID, in event.Conversation) bool {
			known := r.knows(author, in)
			others = others || !known
			return known
		})
		if others || n == judgedAtOnce {
			r.pause(&r.known, knownPause, now)
		}
	}
	if !now.Before(r.unknown.at) {
		if r.judgeLogs(&r.unknown, now, func(author crypto.PersonID, in event.Conversation) bool {
			return !r.knows(author, in)
		}) > 0 {
			r.pause(&r.unknown, judgePause, now)
		}
	}
}

// pause has new attachments judged again after a pause of those whose turns they are.
func (r *Room) pause(t *turns, d time.Duration, now time.Time) {
	t.at = now.Add(d)
	r.after(d, r.judgeNew)
}

// judgeLogs decides about up to judgedAtOnce new attachments of logs that are wanted, and returns how many there were.
func (r *Room) judgeLogs(t *turns, now time.Time, of func(crypto.PersonID, event.Conversation) bool) int {
	before := len(r.notes.judged)
	judged := func() int { return len(r.notes.judged) - before } // without those that could not be, and those whose copies are being made
	for beginning := len(t.from) == 0; judged() < judgedAtOnce; {
		refs, next, err := r.cfg.Store.NewFiles(t.from, r.rests, judgedAtOnce-judged(), of, func(f *store.FileRef) bool {
			_, noted := r.notes.status(keyOf(f))
			return !noted && !r.keeping[keyOf(f)]
		})
		if err != nil {
			r.cfg.Log.Warn("read which files are new", "err", err)
			r.after(noteAgain, r.judgeNew)
			break
		}
		for i := range refs {
			r.judgeOne(&refs[i], now)
		}
		if t.from = next; len(next) == 0 && beginning {
			break
		}
		beginning = beginning || len(next) == 0
	}
	return judged()
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
	return r.knows(f.Author, f.Conversation) && r.mayWait(f.Author) && r.auto.take(f.Author, f.Size, now.Sub(r.began))
}

// knows reports whether somebody is the owner or was accepted by them, or writes in a group that the owner is in.
func (r *Room) knows(author crypto.PersonID, in event.Conversation) bool {
	them, _ := r.cfg.People.Get(author)
	return them.Contact || author == r.self || r.cfg.Groups.Known(in)
}

// fetches reports whether anything is fetched without asking the owner.
func (r *Room) fetches() bool {
	auto := r.cfg.Filing().Auto
	return auto == people.FetchOn || auto == people.FetchDefault && r.cfg.Desktop
}
