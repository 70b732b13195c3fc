package sync

import (
	"net/netip"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/event"
)

// Frame is one message between two nodes: exactly one field is set. Tags name
// conversations and have 32 bytes, or none for the direct conversation.
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

// Offers says what the sender holds, by ascending tags.
type Offers struct {
	Offers []Offer
}

// Offer says what the sender holds of one conversation.
type Offer struct {
	Tag     []byte
	Store   event.Instance
	Logs    []LogSegments // by ascending device and instance
	Records []RecordHead  // by ascending device, kind and subject
}

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
	Tag   []byte
	Store event.Instance
	Logs  []LogSegments // by ascending device and instance, at least one
}

// Settled says that everything has been sent which the receiver lacked when its
// offer came.
type Settled struct {
	Tag []byte
}

// Reason is why a log is refused.
type Reason uint64

const (
	TooManySegments Reason = 1
	OverBudget      Reason = 2
	NotPermitted    Reason = 3
	Forked          Reason = 4
)

// Refused says that the sender takes no more of a log in this session.
type Refused struct {
	Tag      []byte
	Device   crypto.DeviceID
	Instance event.Instance
	Reason   Reason
}

// CardRequest asks for the card of a person. It is answered before another is sent.
type CardRequest struct {
	Person crypto.PersonID
}

// Card answers a CardRequest.
type Card struct {
	Card []byte // empty: the sender has none
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
