package sync

import (
	"time"

	"github.com/earshot-im/earshot/store/event"
)

const (
	// WindowBytes bounds the runs that a session has sent and that are not answered, in bytes of
	// headers and bodies. That keeps a fast link busy during a commit, and is little enough to be
	// held in memory for each peer.
	WindowBytes = 4 << 20

	// PaceBytes bounds what is said of what is held here, in bytes, while it has not left this
	// node. One frame of the largest size and one of control events may come on top of it. Together
	// with the window it bounds what waits to be written to a peer.
	PaceBytes = 512 << 10
)

// MaxWanted bounds the cards that are to be asked for. A large group needs fewer.
const MaxWanted = 1024

const (
	// windowRuns bounds the number of the runs that WindowBytes bounds.
	windowRuns = 32

	// openingPause is how long a peer that has been offered the direct conversation may take to
	// offer it as well. After that it counts as not serving this node's person.
	openingPause = 2 * time.Second

	// openingAgain is the least time between two opening runs of a session, and requestPause between
	// two that are taken: less, since they may take more or less time to come.
	openingAgain = time.Minute
	requestPause = 30 * time.Second

	// othersPause is how long another person's log in the direct conversation waits for somebody
	// else to bring it to the peer.
	othersPause = time.Second

	// relayPause is how long another device's log waits in a group, where many wait and a message
	// may have to go from one to the next: enough to hear that the peer has it. Up to relaySpread
	// comes on top, more or less of it in each session, so that not all bring it at once.
	relayPause  = 2 * havePause
	relaySpread = time.Second

	// pauseStep is how much shorter these pauses may be for what comes shortly after something else of
	// the log: so few pauses of a log run at once.
	pauseStep = havePause / 2

	// havePause gathers what a peer is told that it did not bring itself.
	havePause = 250 * time.Millisecond

	// calmHave and calmPause take the place of havePause and relayPause for a log that comes to the one who
	// has to be told from its device itself. What is told then is that of many messages. The second is
	// longer by more than what calmStep, the network and two commits may take.
	calmHave  = 4 * time.Second
	calmPause = 5 * time.Second

	// calmStep is pauseStep where the pause is calmPause.
	calmStep = havePause

	// shortOffer is how many logs of a group are listed at once. Of more, only a digest is offered
	// at first, since both mostly hold the same.
	shortOffer = 4

	// maxClaims bounds what is remembered only because the peer says that it has it: segments of
	// logs and summaries of records together. That is enough for the logs of the devices of 500
	// persons, with room for gaps, and takes about 8 MiB. What is more is not remembered, so it may
	// be pushed in vain.
	maxClaims = 1 << 14

	// maxKept bounds the same in offers of what isn't joined (yet), which anybody may make.
	maxKept = 1 << 12

	// maxPendingRecords is how many records may be with the shell before the session is Busy.
	maxPendingRecords = 64

	// maxHeld and maxHeldBytes bound what waits for cards, control events or room. A run beyond
	// them is refused; anything else is forgotten until the next session.
	maxHeld      = 64
	maxHeldBytes = runWeight

	// maxKnown bounds the control events that the peer is remembered to have of a group. A group
	// may have as many: if an event that was sent were forgotten, it would be sent again, and so
	// would be the one that it displaced, for ever.
	maxKnown = event.MaxControls

	// maxWelcomes bounds the Welcome frames of a session. A program may make more groups than that.
	maxWelcomes = 256

	// typingBurst and typingEvery bound how often the peer says that its owner writes: 16 times at once,
	// and then twice a second. An owner who writes says so every 4 s in each conversation.
	typingBurst = 16
	typingEvery = time.Second / 2

	// presenceBurst and presenceEvery bound how often it says whether its owner is away, which a node
	// says at most once a second.
	presenceBurst = 8
	presenceEvery = time.Second

	// signBytes is about what it takes to say that the owner writes.
	signBytes = 48

	// controlBytes is about where a frame of control events ends and another one begins.
	controlBytes = 256 << 10

	// haveBytes is about where a frame of Offers or a Have ends and another one begins.
	haveBytes = 1 << 20

	// runWeight is the most that one run counts towards WindowBytes.
	runWeight = event.MaxRunSent
)
