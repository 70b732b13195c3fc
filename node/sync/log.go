package sync

import (
	"slices"

	"github.com/earshot-im/earshot/node/wire"
	"github.com/earshot-im/earshot/store/event"
)

// log holds the two pictures of a log, ours and the peer's, and what follows from them: what the
// peer lacks of it, and what it has not been told.
//
// Package-wide, "given" says that a run was pushed, and "told" that an Offer, a Have or a run has
// said that something is here.
type log struct {
	name event.Log
	conv *conversation

	ours  event.Segments // on this node's disk
	doubt bool           // of an own log: the peer has contradicted ours, so it is told
	known event.Segments // this and no more
	peers event.Segments // on the peer's disk, as it said or by what it brought
	given event.Ranges   // pushed since the peer's last offer, whatever became of it
	apart event.Ranges   // found not to be for the peer since its last offer, between what is
	sent  event.Ranges   // peers, given and apart together: not to be pushed again
	told  event.Ranges   // of ours
	acked event.Ranges   // reported as Acked

	floor  uint64 // what is before it is not for the peer
	proof  uint64 // of others' logs: the peer has another event there; ours is to be pushed
	proven uint64 // the first proof of the session; one is enough

	push    pushedLog
	calm    bool // the peer says that the log comes to it from its device itself
	said    bool // and so has this node said
	listed  bool // to be told, see tell
	refused bool // no more of it is taken from the peer, see take
}

// tellable returns what the peer may be told of the log: what is here, or less where the peer has
// contradicted that.
func (l *log) tellable() event.Segments {
	if l.doubt {
		return l.known
	}
	return l.ours
}

// tells returns what an Offer or a Have says of the log.
func (l *log) tells() event.Segments { return l.tellable().Told() }

// listing is tells as it stands in a frame.
func (l *log) listing() wire.LogSegments {
	return wire.LogSegments{Device: l.name.Device, Instance: l.name.Instance, Segments: l.tells(), Direct: l.conv.near[l.name]}
}

// tell notes that the peer learns what listing says.
func (l *log) tell() { l.told, l.said = l.tells().Ranges(), l.conv.near[l.name] }

// takesBack reports whether the peer was told that the log comes to this node from its device, which is
// not so any more.
func (l *log) takesBack() bool { return l.said && !l.conv.near[l.name] }

// forgetTold notes that there was no room to tell the peer anything of the log.
func (l *log) forgetTold() { l.told, l.said = nil, false }

// untold returns what could be told and has not been.
func (l *log) untold() event.Ranges { return l.tells().Ranges().Subtract(l.told) }

// distrust has the peer told no more of the log than is known.
func (l *log) distrust(known event.Segments) { l.doubt, l.known = true, known }

// vouch notes that a run of a doubted log came from the peer, which therefore knows that it exists.
func (l *log) vouch(run *event.Run) {
	if known, err := l.known.Union(run.Given()); l.doubt && err == nil {
		l.known = known
	}
}

// above returns what is here of the log and for the peer.
func (l *log) above() event.Segments {
	above := slices.Clone(l.tellable())
	for len(above) > 0 && above[0].Last < l.floor {
		above = above[1:]
	}
	if len(above) > 0 {
		above[0].First = max(above[0].First, l.floor)
	}
	return above
}

// lacks returns what is here and for the peer, and neither there nor on its way.
func (l *log) lacks() event.Ranges {
	lacks := l.ours.Ranges().Subtract(l.sent)
	if l.proof != 0 {
		lacks = lacks.Add(event.Range{First: l.proof, Last: l.proof})
	}
	if l.floor > 1 {
		lacks = lacks.Subtract(event.Ranges{{First: 1, Last: l.floor - 1}})
	}
	return lacks
}

// grow adds to what is here, which never shrinks: inputs of two commits may change places on their
// way. It reports whether anything was new.
func (l *log) grow(segments event.Segments) bool {
	if slices.Equal(l.ours, segments) {
		return false
	}
	merged, err := l.ours.Union(segments)
	if err != nil {
		merged = segments
	}
	if slices.Equal(merged, l.ours) {
		return false
	}
	// What was pushed without its words can be pushed with them now.
	l.given = l.given.Subtract(merged.Missing(l.ours))
	l.ours = merged
	l.renew()
	return true
}

// see sets the peer's picture.
func (l *log) see(peers event.Segments) {
	l.peers = peers
	l.renew()
}

// acknowledge notes what is reported as Acked, and reports whether that is new.
func (l *log) acknowledge(peers event.Segments) bool {
	acked := l.acked.Union(peers.Ranges())
	if len(acked) > 2*event.MaxSegments { // a peer that keeps changing its mind
		acked = peers.Ranges()
	}
	changed := !slices.Equal(acked, l.acked)
	l.acked = acked
	return changed
}

// give notes that a run was pushed. The peer learns by it that the run is here.
func (l *log) give(run *event.Run) {
	part := rangeOf(run)
	l.given = l.given.Add(part)
	l.renew()
	l.told = l.told.Union(run.Given().Ranges())
	l.prove(part)
}

// passOver notes that a run is not for the peer.
func (l *log) passOver(run *event.Run) {
	part := rangeOf(run)
	l.apart = l.apart.Add(part)
	l.renew()
	l.prove(part)
}

// forgetGiven notes that what was pushed will not be answered.
func (l *log) forgetGiven() {
	l.given = nil
	l.renew()
}

// takeBack notes that a run which was pushed was not taken, and is to be pushed again.
func (l *log) takeBack(part event.Range) {
	l.given = l.given.Subtract(event.Ranges{part})
	l.renew()
	if part.First <= l.proven && l.proven <= part.Last {
		l.proof = l.proven
	}
}

// startAt notes that what is before a sequence is not for the peer.
func (l *log) startAt(floor uint64) { l.floor = floor }

// giveAgain has everything pushed again that the peer does not show to have, except what is on its
// way.
func (l *log) giveAgain(onTheWay event.Ranges) {
	l.given, l.apart = onTheWay, nil
	l.renew()
}

// renew computes sent after a change of what it consists of.
func (l *log) renew() { l.sent = l.peers.Ranges().Union(l.given).Union(l.apart) }

// disprove looks whether the log, which somebody else writes, ends here and at the peer with two
// different events. If so, its writer has forked it, and the peer is to get our event as the proof,
// though it lacks nothing.
func (l *log) disprove() {
	if l.proven != 0 {
		return
	}
	for _, here := range l.ours {
		if here.Last >= l.floor && slices.ContainsFunc(l.peers, func(g event.Segment) bool { return contradicts(here, g) }) {
			l.proof, l.proven = here.Last, here.Last
			return
		}
	}
}

// prove notes that a stretch was dealt with, which may be the one that proves a fork.
func (l *log) prove(part event.Range) {
	if part.First <= l.proof && l.proof <= part.Last {
		l.proof = 0
	}
}

// rangeOf returns the stretch of the log that a run covers.
func rangeOf(run *event.Run) event.Range {
	part := run.Segment()
	return event.Range{First: part.First, Last: part.Last}
}

func compareLogs(a, b *log) int { return a.name.Compare(b.name) }

// contradicts reports whether two segments of a log end at the same sequence with different events.
func contradicts(a, b event.Segment) bool { return a.Last == b.Last && a.ID != b.ID }
