package wire

import (
	"net/netip"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/event"
)

// Frame is one message between two nodes: exactly one field is set. Tags name
// conversations and have 32 bytes, or none for the direct conversation.
//
// Welcome and Control have one form; a Welcome has no tag.
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
	Welcome     *Control
	Epoch       *Epoch
}

// Hello opens a session.
type Hello struct {
	Version      uint64
	Capabilities uint64
	Nonce        [32]byte
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
	Profile *event.Record // nil if it has none
}

// Offers says what the sender holds, by ascending tags. On the wire it is padded, so that
// its size does not tell in how many conversations the two are.
type Offers struct {
	Offers []Offer
}

// Offer says what the sender holds of one conversation, and wants of it.
type Offer struct {
	Tag     []byte
	Store   event.Instance
	Logs    []LogSegments // by ascending device and instance; none in a short offer
	Records []RecordHead  // by ascending device, kind and subject
	Locator []crypto.Hash // of a group: heads of its control set and some of their ancestors
	Digest  *crypto.Hash  // of all logs, in a short offer; else nil
	Want    Want
	Number  uint64 // how many offers of the conversation the sender made before it
}

// Want is what the sender of an offer is to get. Control events it gets in any case.
type Want uint64

const (
	WantAll     Want = 0 // what the receiver holds, and whatever comes to it
	WantNow     Want = 1 // what the receiver holds, and what its device writes
	WantOwn     Want = 2 // what the receiver's device writes; Logs are of that device only
	WantNothing Want = 3
)

// LogSegments says how far a log is held. Segments has at least one.
type LogSegments struct {
	Device   crypto.DeviceID
	Instance event.Instance
	Segments event.Segments
}

// RecordHead names the newest record that is held of a device, kind and subject.
type RecordHead struct {
	Device  crypto.DeviceID
	Kind    event.RecordKind
	Subject []byte
	Counter uint64
	Hash    crypto.Hash
}

// Record is a record on its way.
type Record struct {
	Tag    []byte
	Record event.Record
}

// Have says how far the named logs are now on the sender's disk.
type Have struct {
	Tag     []byte
	Store   event.Instance
	Logs    []LogSegments // by ascending device and instance; at least one unless it answers a run
	Answers uint64        // the number of the run that this answers; 0: none
}

// Settled says that everything has been sent which the receiver lacked when its
// offer of that number came.
type Settled struct {
	Tag    []byte
	Number uint64
}

// Reason is why a log is refused.
type Reason uint64

const (
	TooManySegments Reason = 1
	OverBudget      Reason = 2
	NotPermitted    Reason = 3
	Forked          Reason = 4
	TooEarly        Reason = 5 // all of the run came before what the sender may read
)

// Refused says that the sender takes no more of a log in this session, or does not take one
// run of it.
type Refused struct {
	Tag      []byte
	Device   crypto.DeviceID
	Instance event.Instance
	Reason   Reason
	Run      uint64 // the number of the one run that is refused; 0: whatever is sent of the log
}

// CardRequest asks for a card. It is answered before another is sent.
type CardRequest struct {
	CardOf
}

// CardOf names a card, by one of its fields: the other is zero.
type CardOf struct {
	Head   crypto.Hash // the card that includes this head
	Person crypto.PersonID
}

// Card answers a CardRequest.
type Card struct {
	Card    []byte        // empty: the sender has none
	Profile *event.Record // nil if it has none
}

// Control brings control events of a group, those that others name before them.
type Control struct {
	Tag    []byte // none in a Welcome
	Events []event.Event
}

// Group returns the group that the events say to be of.
func (c *Control) Group() event.Conversation { return c.Events[0].Header.Conversation }

// Epoch brings a key under which a group speaks where others listen.
type Epoch struct {
	Tag     []byte
	ID      [16]byte
	Key     [32]byte
	Control []crypto.Hash // heads under which the key was made, ascending, 1–8
	Age     uint64        // seconds
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
