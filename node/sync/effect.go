package sync

import (
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/wire"
	"github.com/earshot-im/earshot/store/event"
)

// Effect is something to be done.
type Effect interface{ effect() }

// Ticket names one Ingest, IngestRecord or IngestControl of a session.
type Ticket uint64

type (
	// Send writes a frame to the peer, after those before it.
	Send struct{ Frame wire.Frame }

	// Identify asks whether the card proves, names the peer's device and fits what is
	// known, and whether the profile is signed by a device of it. Store both, and answer
	// with Joined. Nonce is the peer's, for tags.
	Identify struct {
		Nonce   [32]byte
		Card    []byte
		Profile *event.Record // nil if the peer has none
	}

	// Load reads a run of a log that begins at First, or where what the peer may have begins
	// after it. It has at most Events events and Bytes of headers and bodies, or is the shortest
	// that can be proven if even that is larger. Answer with Loaded.
	Load struct {
		Log    event.Log
		First  uint64
		Events int
		Bytes  int
	}

	// Ingest proves a run of Conversation, checks that its author may write there, and
	// stores it. Answer with Stored or NeedCard. Several may be under way and be
	// answered in any order.
	Ingest struct {
		Ticket       Ticket
		Conversation event.Conversation
		Run          event.Run
	}

	// IngestRecord does the same for a record.
	IngestRecord struct {
		Ticket       Ticket
		Conversation event.Conversation
		Record       event.Record
	}

	// LoadControl reads at most Events control events, of at most Bytes of headers and
	// bodies, that are not in the past of the known ones among Known and that the peer may
	// have, each after its parents. Known is empty for who may know none: then all are read,
	// from the create event on. Answer with LoadedControl.
	LoadControl struct {
		Conversation event.Conversation
		Known        []crypto.Hash
		Events       int
		Bytes        int
	}

	// IngestControl proves control events, each after its parents as far as the peer could
	// know, and stores them. Answer with Stored, NeedCard or NeedControl. Conversation need
	// not be one that Joined has given: then the peer welcomes this node to a group, and if
	// that is right, Joined follows. What is not permitted is left out.
	IngestControl struct {
		Ticket       Ticket
		Conversation event.Conversation
		Events       []event.Event
	}

	// EpochShared hands over a key of a group. Nothing about it is proven but who sent it.
	EpochShared struct {
		Conversation event.Conversation
		Epoch        wire.Epoch
	}

	// Acked says that the peer has these segments of a log of this node's person on its
	// disk. Given where that grew, and never for one's own person's devices.
	Acked struct {
		Log      event.Log
		Store    event.Instance // the peer's
		Segments event.Segments
	}

	// Rollback says that the peer claims to hold more or other of this device's log than
	// is held here. The claim is unproven and may be old by now: compare it with the
	// store, and do nothing if the log covers it or is closed already. Given at most once
	// a conversation.
	Rollback struct {
		Log     event.Log
		Claimed event.Segments
	}

	// RoundBegan says that the peer is asked for everything that it holds and this node lacks. It may come again before
	// RoundEnded or RoundDropped.
	RoundBegan struct{ Conversation event.Conversation }

	// RoundDropped says that the peer will not bring what it was asked for.
	RoundDropped struct{ Conversation event.Conversation }

	// RoundEnded says that all the peer had to bring when it got this node's offer, with
	// the Joined, Follow or Compare before, is stored here. What waited for a cause then
	// need not wait for this peer; what came since may have causes on their way. Groups have
	// rounds only with peers that are followed or compared with.
	RoundEnded struct{ Conversation event.Conversation }

	// Request hands over the opening run of a peer that is not served. It is not
	// answered and was not proven.
	Request struct{ Run event.Run }

	// FetchCard reads a card, for the peer. Answer with CardFetched.
	FetchCard struct{ wire.CardOf }

	// LearnCard proves a card that was asked for, and the profile, and stores what is of
	// use. Answer with CardLearned. Card is empty if the peer had none.
	LearnCard struct {
		wire.CardOf
		Card    []byte
		Profile *event.Record // nil if the peer gave none
	}

	// Sighted hands over sightings. The peer may have made them up.
	Sighted struct{ Sightings []wire.Sighting }

	// Drain wants Drained when what was sent before it has left this node, and no sooner.
	Drain struct{}

	// Wake wants a Tick at At. It replaces the Wake before; the zero At wants none.
	Wake struct{ At time.Time }

	// Close ends the session. No effect follows, whatever is given.
	Close struct{ Reason error }
)

func (Send) effect()          {}
func (Identify) effect()      {}
func (Load) effect()          {}
func (Ingest) effect()        {}
func (IngestRecord) effect()  {}
func (LoadControl) effect()   {}
func (IngestControl) effect() {}
func (EpochShared) effect()   {}
func (Acked) effect()         {}
func (Rollback) effect()      {}
func (RoundBegan) effect()    {}
func (RoundDropped) effect()  {}
func (RoundEnded) effect()    {}
func (Request) effect()       {}
func (FetchCard) effect()     {}
func (LearnCard) effect()     {}
func (Sighted) effect()       {}
func (Drain) effect()         {}
func (Wake) effect()          {}
func (Close) effect()         {}
