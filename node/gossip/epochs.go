package gossip

import (
	"bytes"
	"encoding/binary"
	"io"
	"math"
	"slices"
	"time"

	"github.com/earshot-im/earshot/crypto"
)

// Standing is what this device knows of the control heads that an epoch was minted under.
type Standing int

const (
	Unknown Standing = iota // some of them have not come yet
	Current                 // nobody who was a member by them is out now
	Stale                   // somebody is, who may hold the key
)

// Control answers what the router asks about the group's control state. Several goroutines call it,
// also while the router is locked: it must not call the router, nor wait for anybody who does.
type Control interface {
	Heads() []crypto.Hash                     // the control heads now, sorted
	Standing(control []crypto.Hash) Standing  // of the heads that an epoch was minted under
	Covers(control, older []crypto.Hash) bool // whether each of older is among control or in its past
}

// epochs decides which epoch to seal under, which may open messages, when to mint one and when to
// destroy one. It is pure: the time comes with each call, and randomness from its reader. It needs
// one owner or a lock.
type epochs struct {
	device  crypto.DeviceID // this one; the delay before minting depends on it
	control Control
	random  io.Reader

	held   []*held
	seal   *held     // of these, the one to seal under; nil: none
	told   EpochID   // the one that was shared last
	mintAt time.Time // zero: nothing to mint
	fresh  time.Time // when an epoch that wasn't old last became the one to seal under

	// When epochs were minted, going by the greatest age that was told: an epoch never gets
	// younger. Epochs that are gone are in it too.
	births map[EpochID]time.Time
	order  []EpochID // of births, the oldest entry first
}

// held is an epoch and what is known of it here.
type held struct {
	Epoch    // its Age is unused
	born     time.Time
	standing Standing
	until    time.Time // when it is destroyed; zero for the one to seal under
}

func newEpochs(device crypto.DeviceID, control Control, random io.Reader) *epochs {
	return &epochs{device: device, control: control, random: random, births: make(map[EpochID]time.Time)}
}

// find returns the epoch with an ID if messages may be opened with it, or nil.
func (e *epochs) find(id EpochID) *held {
	if i := e.index(id); i >= 0 && e.held[i].standing != Unknown {
		return e.held[i]
	}
	return nil
}

func (e *epochs) index(id EpochID) int {
	return slices.IndexFunc(e.held, func(h *held) bool { return h.ID == id })
}

// current returns the epoch to seal under now, or nil. It asks for its standing again, so that a
// removal counts at once.
func (e *epochs) current() *held {
	if e.seal == nil || e.control.Standing(e.seal.Control) != Current {
		return nil
	}
	return e.seal
}

// copyOf returns an epoch as it is handed over, with a copy of the key that the caller clears.
func copyOf(h *held, now time.Time) Epoch {
	out := h.Epoch
	out.Control = slices.Clone(h.Control)
	out.Age = max(0, now.Sub(h.born))
	return out
}

// learn takes an epoch that was checked. If the epoch is known here to be older than the teller
// said, learn returns it with its right age. So a machine that slept learns how old its epoch is.
func (e *epochs) learn(now time.Time, told Epoch) (better Epoch, younger bool) {
	claim := now.Add(-min(told.Age, 2*rotateAfter)) // a greater age makes no difference
	born, known := e.births[told.ID]
	if !known || claim.Before(born) {
		born = claim
	}
	i := e.index(told.ID)
	if i < 0 {
		told.Control = slices.Clone(told.Control)
		i = len(e.held)
		e.held = append(e.held, &held{Epoch: told})
	}
	h := e.held[i]
	h.born = born
	e.remember(told.ID, born)
	if h != e.seal {
		h.until = now.Add(grace) // a member still uses it
	}
	if younger = claim.Sub(born) > ageSlack; younger {
		better = copyOf(h, now)
	}
	e.weigh(now)
	return better, younger
}

func (e *epochs) remember(id EpochID, born time.Time) {
	if _, known := e.births[id]; !known {
		if len(e.order) == maxAges {
			delete(e.births, e.order[0])
			e.order = e.order[1:]
		}
		e.order = append(e.order, id)
	}
	e.births[id] = born
}

// step does everything that is due by now. It is to be called after learn, after the control state
// has changed, and at the time that it returns. share says that the epoch to seal under is another
// one than before, so that it is to be given to every connected member.
func (e *epochs) step(now time.Time) (share bool, wake time.Time) {
	e.weigh(now)
	switch {
	case e.seal != nil && now.Before(e.mintFrom()):
		e.mintAt = time.Time{}
	case e.mintAt.IsZero():
		e.mintAt = now.Add(e.delay())
	case !now.Before(e.mintAt):
		e.mintAt = time.Time{}
		e.mint(now)
	}
	if e.seal != nil && e.seal.ID != e.told {
		e.told, share = e.seal.ID, true
	}
	return share, e.wake(now)
}

// weigh chooses the epoch to seal under, and destroys those whose time is over.
func (e *epochs) weigh(now time.Time) {
	for _, h := range e.held {
		h.standing = e.control.Standing(h.Control)
	}
	before := e.seal
	if e.seal = e.best(now); e.seal != nil && e.seal != before && !e.seal.old(now) {
		e.fresh = now
	}
	for _, h := range e.held {
		switch {
		case h == e.seal:
			h.until = time.Time{}
		case h.until.IsZero():
			h.until = now.Add(grace)
		}
	}
	for len(e.held) > maxEpochs {
		first := slices.MinFunc(e.held, func(a, b *held) int { return e.goesBefore(a, b) })
		first.until = now
		e.expire(now)
	}
	e.expire(now)
}

// goesBefore is the order in which epochs are destroyed where there are too many: the one to seal
// under comes last.
func (e *epochs) goesBefore(a, b *held) int {
	switch {
	case a == b:
		return 0
	case a == e.seal:
		return 1
	case b == e.seal:
		return -1
	}
	if c := a.until.Compare(b.until); c != 0 {
		return c
	}
	return bytes.Compare(b.ID[:], a.ID[:])
}

func (e *epochs) expire(now time.Time) {
	e.held = slices.DeleteFunc(e.held, func(h *held) bool {
		over := !h.until.IsZero() && !now.Before(h.until)
		if over {
			clear(h.Key[:])
		}
		return over
	})
}

// best returns the epoch to seal under, nil if none will do. An epoch will do if nobody has left or
// been removed since the control state that it was minted under. Among these an epoch that isn't
// old goes before one that is, then one under a newer control state, then the one with the lowest
// ID. All members who hold the same epochs and know the same about the group choose the same one.
func (e *epochs) best(now time.Time) *held {
	var able []*held
	for _, h := range e.held {
		if h.standing == Current {
			able = append(able, h)
		}
	}
	if slices.ContainsFunc(able, func(h *held) bool { return !h.old(now) }) {
		able = slices.DeleteFunc(able, func(h *held) bool { return h.old(now) })
	}
	var best *held
	for _, h := range able {
		newer := func(o *held) bool {
			return e.control.Covers(o.Control, h.Control) && !e.control.Covers(h.Control, o.Control)
		}
		if slices.ContainsFunc(able, newer) {
			continue
		}
		if best == nil || bytes.Compare(h.ID[:], best.ID[:]) < 0 {
			best = h
		}
	}
	return best
}

func (h *held) old(now time.Time) bool { return !now.Before(h.oldFrom()) }

func (h *held) oldFrom() time.Time { return h.born.Add(rotateAfter) }

// mintFrom returns when the epoch to seal under needs a successor.
func (e *epochs) mintFrom() time.Time {
	old, pause := e.seal.oldFrom(), e.fresh.Add(mintPause)
	if old.Before(pause) {
		return pause
	}
	return old
}

// mint makes an epoch under the control heads as they are now. If there are none, or more than an
// epoch may name, it has to wait for a control event.
func (e *epochs) mint(now time.Time) {
	heads := slices.Clone(e.control.Heads())
	if len(heads) == 0 || len(heads) > maxControl {
		return
	}
	h := &held{Epoch: Epoch{Control: heads}, born: now}
	if _, err := io.ReadFull(e.random, h.Key[:]); err != nil {
		return // without randomness there is no key; the next step tries again
	}
	h.ID = epochID(&h.Key, heads)
	e.held = append(e.held, h)
	e.remember(h.ID, now)
	e.weigh(now)
}

// delay returns how long this device waits before it mints. The delays of many devices are spread
// exponentially, so that only a few are among the first. Under the same heads a device always gets
// the same delay.
func (e *epochs) delay() time.Duration {
	msg := slices.Clone(e.device[:])
	for _, h := range e.control.Heads() {
		msg = append(msg, h[:]...)
	}
	d := crypto.Digest("gossip-delay", msg)
	x := float64(binary.BigEndian.Uint64(d[:])>>11) / (1 << 53) // 0 to 1
	return time.Duration(float64(mintSpread) / mintSkew * math.Log1p(x*math.Expm1(mintSkew)))
}

// wake is when step is needed again if nothing else happens.
func (e *epochs) wake(now time.Time) time.Time {
	at := now.Add(rotateAfter)
	sooner := func(t time.Time) {
		if !t.IsZero() && t.Before(at) {
			at = t
		}
	}
	sooner(e.mintAt)
	if e.seal != nil && now.Before(e.mintFrom()) {
		sooner(e.mintFrom())
	}
	for _, h := range e.held {
		sooner(h.until)
		if !h.old(now) {
			sooner(h.oldFrom())
		}
	}
	return at
}

// destroy clears every key.
func (e *epochs) destroy() {
	for _, h := range e.held {
		clear(h.Key[:])
	}
	e.held, e.seal = nil, nil
}
