package wire

import "github.com/earshot-im/earshot/store/event"

// Version is the version of the protocol, which a Hello names.
const Version = 1

const (
	// MaxFrame bounds a frame in bytes, without its length: the largest run with room for tags and
	// lengths.
	MaxFrame = 1_310_720

	// MaxOffers bounds the conversations of one Offers frame, MaxLogs the logs of one Offer or
	// Have, and MaxRecords the records of one Offer. Large groups need less.
	MaxOffers  = 1024
	MaxLogs    = 4096
	MaxRecords = 4096

	// MaxVoid bounds the invitations of one person that an Offer says not to count. Nobody has accepted
	// more than one, and that is likely to be among the latest.
	MaxVoid = 8

	// MaxControl bounds the control events of one Control frame, and event.MaxRunSent their bytes.
	// More events follow in further frames.
	MaxControl = event.MaxRunEvents

	// MaxWelcome bounds a Welcome in bytes. Its two events have at most half of that where an honest
	// program wrote them, so there is room for a card of a person with dozens of devices.
	MaxWelcome = 16 << 10

	// MaxMembers bounds how many a Welcome says are in the group: as many as all control events of a
	// group can bring in.
	MaxMembers = event.MaxControls * event.MaxInvited

	// MaxEpochs bounds the gossip keys of a group that are in use at once: the one to seal under,
	// those that a handful of members made at the same time, and those that are kept for their last
	// messages.
	MaxEpochs = 8

	// Padding divides the number of bytes of an Offers frame, and of what is gossiped, so that
	// their length tells less.
	Padding = 512

	// MaxSightings bounds the devices of a Sightings frame, and MaxAddresses the addresses of each:
	// as many as are worth dialling.
	MaxSightings = 64
	MaxAddresses = 10
)

// What elements may take in bytes. A comment says how large one really gets.
const (
	tagSize     = 32
	maxProof    = 4 << 10
	maxSegment  = 64       // 52
	maxLog      = 2 << 10  // 1,774
	maxSummary  = 256      // 219
	maxRecord   = 17 << 10 // with its signature
	maxSighting = 256      // 234
	maxAddress  = 18
)
