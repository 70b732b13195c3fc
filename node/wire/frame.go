package wire

import (
	"net/netip"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/event"
)

// Frame is one message between two nodes: exactly one field is set. A frame that concerns a
// conversation names it by a tag of 32 bytes, or by none if it is the direct conversation.
type Frame struct {
	Hello       *Hello
	Admission   *Admission
	Identity    *Identity
	Offers      *Offers
	Run         *event.Run
	Record      *Record
	Have        *Have
	Settled     *Settled
	Refused     *Refused
	CardRequest *CardRequest
	Card        *Card
	Sightings   *Sightings
	Control     *Control
	Welcome     *Welcome
	Epoch       *Epoch
	Typing      *Typing
	Presence    *Presence
}

// Hello opens a session.
type Hello struct {
	Version      uint64
	Capabilities uint64
	Nonce        [32]byte // random, fresh for each session
}

// AdmissionOpen is the mode of a node that admits everyone on its network.
const AdmissionOpen = 1

// Admission shows that the sender may take part.
type Admission struct {
	Mode  uint64
	Proof []byte // none in AdmissionOpen
}

// Identity says whose device the sender is.
type Identity struct {
	Card    []byte
	Profile *event.Record // nil if there is none
}

// Offers says what the sender holds, by ascending tags. The bytes of the frame are padded, so that
// their number does not tell in how many conversations the two are.
type Offers struct {
	Offers []Offer
}

// Offer says what the sender holds of one conversation, and what it wants of it. A short offer
// lists no logs and has a digest of them instead.
type Offer struct {
	Tag     []byte
	Store   event.Instance
	Logs    []LogSegments   // by ascending device and instance
	Records []RecordSummary // by ascending device, kind and subject
	Locator []crypto.Hash   // of a group: heads of its control set, then some of their ancestors
	Digest  *crypto.Hash    // of all logs, in a short offer; else nil
	Want    Want
	Number  uint64        // how many offers of the conversation the sender made before this one
	Void    []crypto.Hash // ascending: invitations of the receiver's person that do not count; only with WantNothing
}

// Want says what the sender of an offer is to get. It gets control events in any case.
type Want uint64

const (
	WantAll     Want = 0 // what the receiver holds, and whatever comes to it later
	WantNow     Want = 1 // what the receiver holds, and what its device writes later
	WantOwn     Want = 2 // what the receiver's device writes; Logs are of that device only
	WantNothing Want = 3
)

// LogSegments says how far a log is held. There is at least one segment.
type LogSegments struct {
	Device   crypto.DeviceID
	Instance event.Instance
	Segments event.Segments

	// Direct says that what comes to the log comes to the sender from its device itself, so the receiver
	// may take its time to bring it. In groups only.
	Direct bool
}

// RecordSummary names the newest record of a device, kind and subject that is held.
type RecordSummary struct {
	Device  crypto.DeviceID
	Kind    event.RecordKind
	Subject []byte
	Counter uint64
	Hash    crypto.Hash
}

// Record brings a record.
type Record struct {
	Tag    []byte
	Record event.Record
}

// Have says how much of some logs is on the sender's disk now. It may answer a run that the
// receiver has sent.
type Have struct {
	Tag     []byte
	Store   event.Instance
	Logs    []LogSegments // by ascending device and instance; none only if it answers a run
	Answers uint64        // the number of that run; 0: none
}

// Settled says that the sender has sent everything that the receiver lacked when it made the offer
// of that number.
type Settled struct {
	Tag    []byte
	Number uint64
}

// Reason is why a log or a run is refused.
type Reason uint64

const (
	TooManySegments Reason = 1 // the log is held in too many pieces to take another one
	OverBudget      Reason = 2 // what is kept of an author whom the owner has not accepted is used up
	NotPermitted    Reason = 3 // the author may not write this, or the sender does not take it
	Forked          Reason = 4 // the author has written two different events at one place
	TooEarly        Reason = 5 // all of the run came before what the sender may read
	NoRoom          Reason = 6 // the sender's disk is full
	TooMuchWaits    Reason = 7 // too much waits for cards or control events
	TooManyLogs     Reason = 8 // the author has as many logs as anybody may have
	lastReason             = TooManyLogs
)

// Refused says that the sender takes no more of a log before its next offer, or does not take one
// run of it. With NoRoom it names no conversation and no log, only a run: the sender takes nothing
// in any conversation before its next Have or offer.
type Refused struct {
	Tag      []byte
	Device   crypto.DeviceID
	Instance event.Instance
	Reason   Reason
	Run      uint64 // the number of the one run that is refused; 0: whatever is sent of the log
}

// CardRequest asks for a card. It is answered before another one is sent.
type CardRequest struct {
	CardOf
}

// CardOf names a card by one of its fields: the other one is zero.
type CardOf struct {
	Head   crypto.Hash // the card that includes this head
	Person crypto.PersonID
}

// Card answers a CardRequest.
type Card struct {
	Card    []byte        // empty: the sender has none
	Profile *event.Record // nil if there is none
}

// Control brings control events of one group, each after those that it names.
type Control struct {
	Tag    []byte
	Events []event.Event
}

// Group returns the group to which the events say that they belong.
func (c *Control) Group() event.Conversation { return c.Events[0].Header.Conversation }

// Welcome tells somebody that they were brought into a group, by the one who did it.
type Welcome struct {
	Create  event.Event // the event that began the group
	Join    event.Event // the invitation that names the receiver's person
	Card    []byte      // of the join's author; empty if there was no room for it
	Members uint64      // how many are in the group: a claim
}

// Group returns the group that the welcome is about.
func (m *Welcome) Group() event.Conversation { return m.Create.Header.Conversation }

// Epoch brings a key under which a group speaks where others can listen.
type Epoch struct {
	Tag     []byte
	ID      [16]byte
	Key     [32]byte
	Control []crypto.Hash // the control heads under which the key was made, ascending, 1 to 8
	Age     uint64        // of the key, in seconds
}

// Sightings are hints where devices may be.
type Sightings struct {
	Sightings []Sighting
}

// Sighting is a hint where one device may be.
type Sighting struct {
	Device    crypto.DeviceID
	Addresses []netip.AddrPort // TCP; IPv4, or IPv6 without a zone
}

// Typing says that the sender's owner writes in a conversation now, or that they have stopped.
type Typing struct {
	Tag []byte
	On  bool
}

// Presence says whether the sender's owner is away from their screens.
type Presence struct{ Away bool }
