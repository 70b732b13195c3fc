package sync

import (
	"time"

	"github.com/earshot-im/earshot/store/event"
)

const (
	// MaxFrame bounds a frame in bytes, without its length: the largest run with
	// room for tags and lengths.
	MaxFrame = 1_310_720

	// Version is the version of the protocol.
	Version = 1

	// WindowRuns and WindowBytes bound the runs that a session has sent and that are
	// not answered, and their headers and bodies in bytes: enough to keep a fast link
	// busy over a commit, little enough to be held in memory for each peer.
	WindowRuns  = 32
	WindowBytes = 4 << 20

	// OpeningEvents and OpeningBytes bound the one run that is pushed to a peer that
	// has offered nothing: enough to say who one is and what one wants.
	OpeningEvents = 16
	OpeningBytes  = 64 << 10

	// MaxOffers bounds the conversations of one Offers frame, MaxLogs the logs of one
	// Offer or Have, MaxRecords the records of one Offer: a large group with room.
	MaxOffers  = 1024
	MaxLogs    = 4096
	MaxRecords = 4096

	// MaxCard bounds a card in bytes, as in crypto.
	MaxCard = 16 << 10

	// MaxSightings bounds the devices of a Sightings frame, MaxAddresses the addresses
	// of each: what is worth dialling.
	MaxSightings = 64
	MaxAddresses = 10
)

const (
	// openingPause is how long a peer that has been offered the direct conversation
	// may take to offer it as well before it counts as not serving.
	openingPause = 2 * time.Second

	// othersPause is how long others' logs wait for somebody else to bring them.
	othersPause = time.Second

	// havePause gathers what is told to peers that did not bring it.
	havePause = 250 * time.Millisecond

	// maxClaims bounds the segments that are remembered of logs that only the peer
	// holds, and its record heads, together: about 4 MiB. Beyond it they are
	// forgotten, and something may be pushed in vain.
	maxClaims = 1 << 13

	// maxPendingRecords is how many records may be with the shell before Busy.
	maxPendingRecords = 64

	// maxHeld bounds what waits for somebody's card. Runs beyond it are refused,
	// records forgotten until the next session.
	maxHeld      = 64
	maxHeldBytes = runWeight

	// haveBytes is about where a frame of Offers or a Have is ended and another begun.
	haveBytes = 1 << 20

	// runWeight is the most that one run counts towards WindowBytes.
	runWeight = event.MaxRunSent
)
