package sync

import (
	"time"

	"github.com/earshot-im/earshot/store/event"
)

const (
	// WindowRuns and WindowBytes bound the runs that a session has sent and that are
	// not answered, and their headers and bodies in bytes: enough to keep a fast link
	// busy over a commit, little enough to be held in memory for each peer.
	WindowRuns  = 32
	WindowBytes = 4 << 20

	// PaceBytes is how much may be said of what is held, in bytes, while it has not left this
	// node: then no more is said. One frame at its largest and one of control events may come on
	// top of it. Together with the window it bounds what waits to be written to a peer.
	PaceBytes = 512 << 10

	// OpeningEvents and OpeningBytes bound the one run that is pushed to a peer that
	// has offered nothing: enough to say who one is and what one wants.
	OpeningEvents = 16
	OpeningBytes  = 64 << 10
)

const (
	// openingPause is how long a peer that has been offered the direct conversation
	// may take to offer it as well before it counts as not serving.
	openingPause = 2 * time.Second

	// othersPause is how long others' logs wait for somebody else to bring them.
	othersPause = time.Second

	// relayPause is the same in a group, where many wait and a message may have to go from
	// one to the next: enough to hear that the peer has it. To it comes up to relaySpread,
	// another time in each session, lest all bring it at once.
	relayPause  = 2 * havePause
	relaySpread = time.Second

	// havePause gathers what is told to peers that did not bring it.
	havePause = 250 * time.Millisecond

	// shortOffer is how many logs of a group are offered without more ado. Of more, only a
	// digest is offered at first, since both mostly hold the same.
	shortOffer = 4

	// maxClaims bounds the segments that are remembered of logs that only the peer
	// holds, and its record heads, together: the logs of 500 persons' devices with room for
	// gaps, about 8 MiB. Beyond it they are forgotten, and something may be pushed in vain.
	maxClaims = 1 << 14

	// maxKept bounds the same in offers of what isn't joined (yet), which anybody may make.
	maxKept = 1 << 12

	// maxPendingRecords is how many records may be with the shell before Busy.
	maxPendingRecords = 64

	// maxHeld bounds what waits for somebody's card or for control events. Runs beyond it
	// are refused, the rest is forgotten until the next session.
	maxHeld      = 64
	maxHeldBytes = runWeight

	// maxWanted bounds the cards that are to be asked for: those of a large group.
	maxWanted = 1024

	// maxKnown bounds the control events by which is remembered what the peer has of a
	// group: as many as a group may have. If something that was sent were forgotten, it would be
	// sent again, and then that which it displaced, for ever.
	maxKnown = 4096

	// maxWelcomes bounds the Welcome frames of a session: more groups than anybody is in.
	maxWelcomes = 256

	// maxEpochs bounds the keys of a group that wait to be passed on: those in use at once.
	maxEpochs = 8

	// eventWeight is what goes around an event or record in a frame, in bytes, at most.
	eventWeight = 128

	// controlBytes is about where a frame of control events is ended and another begun.
	controlBytes = 256 << 10

	// haveBytes is about where a frame of Offers or a Have is ended and another begun.
	haveBytes = 1 << 20

	// runWeight is the most that one run counts towards WindowBytes.
	runWeight = event.MaxRunSent
)
