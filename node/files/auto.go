package files

import (
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/event"
)

const (
	// maxAuto is the largest attachment that is fetched without asking, in bytes, and maxAutoShown the
	// largest picture or voice note: those are fetched to be shown, and one of that size is none.
	maxAuto      = 32 << 20
	maxAutoShown = 8 << 20

	// autoOfPerson and autoOfAll bound what is fetched without asking in autoPeriod of running, in bytes:
	// a contact's machine may be somebody else's by now. Nobody has more of it than they leave free, so
	// that several such machines leave something for the others.
	autoOfPerson = 1 << 30
	autoOfAll    = 4 << 30
	autoPeriod   = 24 * time.Hour

	// autoLeast is what the smallest one counts: it takes as much in the database and in memory.
	autoLeast = 8 << 10

	// maxWaiting bounds how many attachments wait or are fetched where one more is to be fetched without
	// asking. Of those of one person there are no more than others leave free.
	maxWaiting = 8192

	// autoSlot is how exactly that is counted, and maxAutoCounted bounds how many persons are counted.
	autoSlot       = time.Hour
	maxAutoCounted = 4096
)

// small reports whether an attachment is small enough to be fetched without asking.
func small(a *event.Attachment) bool {
	if a.Flags&(event.AttachedPicture|event.AttachedVoice) != 0 {
		return a.Size <= maxAutoShown
	}
	return a.Size <= maxAuto
}

// mayWait reports whether one more attachment of a person's may wait to be fetched.
func (r *Room) mayWait(p crypto.PersonID) bool { return r.queue.Of(p) < maxWaiting-r.queue.Len() }

// allowance counts what is fetched without asking. It counts in slots of time in which the node runs:
// a clock that is set has no effect.
type allowance struct {
	slots   []spent // the latest last; at most autoPeriod / autoSlot
	persons map[crypto.PersonID]uint64
	all     uint64
}

// spent is what was counted in one slot.
type spent struct {
	since   time.Duration // of running
	persons map[crypto.PersonID]uint64
}

// take counts an attachment of a person's that is fetched, unless that would be too much. It is counted
// whole, also if it never comes.
func (a *allowance) take(p crypto.PersonID, size uint64, running time.Duration) bool {
	a.forget(running)
	size = max(size, autoLeast)
	own, all := a.persons[p]+size, a.all+size
	if own > autoOfPerson || all > autoOfAll || own > autoOfAll-all {
		return false
	}
	if _, counted := a.persons[p]; !counted && len(a.persons) >= maxAutoCounted {
		return false
	}
	if last := len(a.slots) - 1; last < 0 || running-a.slots[last].since >= autoSlot {
		a.slots = append(a.slots, spent{running, make(map[crypto.PersonID]uint64)})
	}
	if a.persons == nil {
		a.persons = make(map[crypto.PersonID]uint64)
	}
	a.slots[len(a.slots)-1].persons[p] += size
	a.persons[p] += size
	a.all += size
	return true
}

// forget leaves out what is too long ago.
func (a *allowance) forget(running time.Duration) {
	for len(a.slots) > 0 && running-a.slots[0].since >= autoPeriod+autoSlot {
		for p, n := range a.slots[0].persons {
			a.all -= n
			if a.persons[p] -= n; a.persons[p] == 0 {
				delete(a.persons, p)
			}
		}
		a.slots = a.slots[1:]
	}
}
