package gossip

import (
	"time"

	"github.com/earshot-im/earshot/node/wire"
	"github.com/earshot-im/earshot/store/event"
)

const (
	// MaxPayload is the longest run that is gossiped, in bytes: it has room for many typed
	// messages. The mesh sends each payload to a member about six times, so a larger one is better
	// fetched once, by sync. Padded it has at most 16 KiB.
	MaxPayload = 16<<10 - 1
	// padding is what lengths are rounded up to, in bytes, so that they tell less.
	padding = wire.Padding
	// maxSealed bounds an envelope: 16 KiB, and the cipher's tag, the epoch, the nonce and what
	// protobuf adds.
	maxSealed = 16<<10 + 64
	// maxRPC bounds one frame from a peer, gossipsub's own messages included: one envelope with its
	// topic fits. The library splits what it sends by the same number.
	maxRPC = maxSealed + 256

	// dontWantFrom is the length in bytes from which on a message's arrival is told to neighbours,
	// so that they don't send it too. For a shorter message that would cost a frame to each
	// neighbour to save one copy.
	dontWantFrom = 4 << 10
	// outboundQueue is how many frames may wait for one peer. Further ones are dropped and
	// reported. The library's own 32 are too few for a burst. The bytes of a frame that waits for
	// several peers are held once.
	outboundQueue = 1024
	// proveQueue is how many messages may wait to be proven, 32 MiB at worst. Further ones are
	// dropped and reported.
	proveQueue = 2048

	// A peer may send burstMessages and burstBytes at once, and then rateMessages and rateBytes a
	// second. That is enough for five hundred members who answer at once through one neighbour.
	// Copies of messages that others have brought count as well. Anything more is dropped unread
	// and reported.
	burstMessages = 2048
	rateMessages  = 512
	burstBytes    = 8 << 20
	rateBytes     = 2 << 20

	// maxTopics bounds the topics that a peer may say it listens to: one for each epoch that it may
	// hold, and as many that it is about to leave.
	maxTopics = 2 * maxEpochs
	topicSize = 64 // hex of a hash

	// reportPause is how long drops are gathered before they are reported, since a full queue drops
	// thousands a second.
	reportPause = time.Second
	// retryPause is how often a stream is tried again to members who are connected and have none.
	// They may have begun to gossip since, or have refused because they didn't yet know this device
	// as a member.
	retryPause = time.Minute
)

const (
	// maxEpochs bounds the epochs that are held at once.
	maxEpochs = wire.MaxEpochs
	// maxAges bounds the epochs whose age is remembered after they are gone: more than a year of
	// weekly ones.
	maxAges = 64
	// maxControl bounds the control heads of an epoch, as those of an event.
	maxControl = event.MaxControl

	// rotateAfter is how old an epoch gets before another is made. Even with mintPause and
	// mintSpread added to it, no running node seals under one epoch for a whole week.
	rotateAfter = 6 * 24 * time.Hour
	// grace is how long an epoch is kept after the last message was sealed under it here, to open
	// those still on their way. The slowest queue takes 30 s to be emptied or given up.
	grace = 2 * time.Minute
	// mintPause is how long a fresh epoch is not replaced, however old somebody says it is. So
	// nobody can make the group mint more than once an hour.
	mintPause = time.Hour
	// ageSlack is how much too low an age may be before the member who told it is corrected, since
	// the message took some time.
	ageSlack = time.Minute
	// mintSpread is how long at most a node without an epoch waits for somebody else's before it
	// makes its own. The delay is chosen such that, of up to e^mintSkew nodes, only a few make one
	// within a second of the first.
	mintSpread = 10 * time.Second
	mintSkew   = 8
	// A device may hand over epochBurst new epochs at once, as many as may come when a divided
	// network is joined again, and then one every epochEvery.
	epochBurst = 8
	epochEvery = 5 * time.Minute
)
