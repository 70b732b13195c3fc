package gossip

import "time"

const (
	// MaxPayload is the longest run in bytes that is gossiped: many typed messages. The mesh carries each about six
	// times over, so what is larger is better fetched once, by sync. Padded it is at most 16 KiB.
	MaxPayload = 16<<10 - 1
	// padding: lengths are told in steps of so many bytes, as offers' are.
	padding = 512
	// maxSealed bounds an envelope: 16 KiB, the tag of the cipher, epoch, nonce, and what protobuf adds.
	maxSealed = 16<<10 + 64
	// maxRPC bounds what is read at once from a peer, and control messages with it: one envelope with its topic. The
	// library splits what it sends by the same number.
	maxRPC = maxSealed + 256

	// dontWantFrom is the length of a message from which on neighbours are told that it has come. For less it would be
	// one frame more to each, to save a copy from one.
	dontWantFrom = 4 << 10
	// outboundQueue is how many frames wait for one peer before more are dropped, and reported. The library's 32 lose
	// messages of a burst. What waits is shared between the peers it waits for.
	outboundQueue = 1024
	// proveQueue is how many messages wait to be proven before more are dropped, and reported; at worst 32 MiB.
	proveQueue = 2048

	// A peer may send burstMessages and burstBytes at once, and then rateMessages and rateBytes a second, copies of
	// what came from others included: five hundred members who answer at once, through one neighbour. What is beyond
	// is dropped unread, and reported.
	burstMessages = 2048
	rateMessages  = 512
	burstBytes    = 8 << 20
	rateBytes     = 2 << 20

	// maxTopics bounds the topics that a peer may say it listens to: as many as it may hold epochs, and those it is
	// about to leave.
	maxTopics = 2 * maxEpochs
	topicSize = 64 // hex of a hash

	// reportPause gathers drops before they are reported: a full queue drops thousands a second.
	reportPause = time.Second
	// retryPause is how often members are tried that are connected and have no stream: they may have begun to gossip
	// since, or refused while they didn't yet know this device as a member.
	retryPause = time.Minute
)

const (
	// maxEpochs bounds the epochs held at once: one to seal under, and what a handful of members minted at the same
	// time or is on its way out.
	maxEpochs = 8
	// maxAges bounds the epochs whose age is remembered when they are gone: more than a year of weekly ones.
	maxAges = 64
	// maxControl bounds the control heads of an epoch, as those of an event.
	maxControl = 8

	// rotateAfter is how old an epoch gets before another is minted. With epochSettle and mintSpread beyond it, no
	// node that runs seals under one for a week.
	rotateAfter = 6 * 24 * time.Hour
	// grace is how long an epoch that is sealed under no more is kept to open what is still on its way: longer than
	// the slowest queue takes to drain or be given up, 30 s.
	grace = 2 * time.Minute
	// epochSettle is how long a fresh epoch is left alone, whatever age it is said to have since: so nobody can have the
	// group mint more than once an hour.
	epochSettle = time.Hour
	// ageSlack is by how much an age may be told too low before the teller is told better: time on the way.
	ageSlack = time.Minute
	// mintSpread is the longest that a node without an epoch waits for somebody else's before it mints. The delay is
	// chosen so that of any number up to e^mintSkew nodes a few at most mint within a second of the first.
	mintSpread = 10 * time.Second
	mintSkew   = 8
	// A device may tell epochBurst new epochs at once, then one every epochEvery: as many as a healed partition brings.
	epochBurst = 8
	epochEvery = 5 * time.Minute
)
