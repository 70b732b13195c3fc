package sync

import (
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/wire"
	"github.com/earshot-im/earshot/store/event"
)

// Effect is something that the shell has to do. The types in this file are all there are.
type Effect interface{ effect() }

// Ticket names one Ingest, IngestRecord, IngestControl or IngestWelcome of a session.
type Ticket uint64

type (
	// Send writes a frame to the peer, after those before it.
	Send struct{ Frame wire.Frame }

	// Identify asks whether the card is proven, names the peer's device and agrees with what is
	// known, and whether the profile is signed by a device of the card. Store both, and answer with
	// Joined. Nonce is the peer's, for tags.
	Identify struct {
		Nonce   [32]byte
		Card    []byte
		Profile *event.Record // nil if the peer has none
	}

	// Load reads a run of a log that begins at First, or at the first event after it that the peer
	// may have. The run has at most Events events, and at most Bytes of headers and bodies, unless
	// even the shortest run that can be proven is larger: then that one. Answer with Loaded.
	Load struct {
		Log    event.Log
		First  uint64
		Events int
		Bytes  int
	}

	// Ingest proves a run of Conversation, checks that its author may write there, and stores it.
	// Answer with Stored, NeedCard or NeedControl. Several may be under way and be answered in any
	// order.
	Ingest struct {
		Ticket       Ticket
		Conversation event.Conversation
		Run          event.Run
	}

	// IngestRecord does the same for a record. Answer with Stored or NeedCard.
	IngestRecord struct {
		Ticket       Ticket
		Conversation event.Conversation
		Record       event.Record
	}

	// LoadControl reads control events of a group that the peer lacks and may have: those that
	// neither are among Known nor lie in the past of the events in Known that are here. Each comes
	// after its parents. It reads at most Events events, and at most Bytes of headers and bodies.
	// If Known is empty, the peer knows nothing: then all events are read, from the create event
	// on. Answer with LoadedControl.
	LoadControl struct {
		Conversation event.Conversation
		Known        []crypto.Hash
		Events       int
		Bytes        int
	}

	// Void says that by the peer's control set, which need not be so, these joins of this node's person
	// don't count.
	Void struct {
		Conversation event.Conversation
		Joins        []crypto.Hash
	}

	// Heeds says whether this session has something to do as soon as somebody else's log of a group grows: the
	// peer is told, or gets what is new. At first it has. While it hasn't, Held of such a log may be given as late
	// as before the next other Input; so late Acked may come, too, if the log is one of the owner's other devices.
	Heeds struct {
		Conversation event.Conversation
		On           bool
	}

	// Brings says that the peer, which writes the log of a group, has brought of it what was not here (On):
	// it is likely to go on, until the session ends. Or it says that this can't be counted on any more: the
	// peer goes on in another log or brings nothing, or it is another device, and had to bring what the
	// writer did not. Tell the sessions whose peers are followed by Direct.
	Brings struct {
		Log event.Log
		On  bool
	}

	// Recognize says by which tags the peer offers what Joined has not given. Where one is of a group
	// that is known here, or arriving, the peer knows the group's secret and may be a member though
	// that is not known here: answer with Joined, which now has that group as well, Quiet. Answer with
	// nothing if that has been done for all that are known.
	Recognize struct{ Tags [][]byte }

	// LoadWelcome reads what tells the peer that this node's person has brought its person into a
	// group. Answer with LoadedWelcome.
	LoadWelcome struct{ Conversation event.Conversation }

	// IngestControl proves control events and stores them. Each comes after its parents, as far as
	// the peer knew which ones are here. What is not permitted is left out. Answer with Stored,
	// NeedCard or NeedControl.
	IngestControl struct {
		Ticket       Ticket
		Conversation event.Conversation
		Events       []event.Event
	}

	// IngestWelcome proves a welcome and keeps it, or drops it. Answer with Stored, which must not
	// tell the peer's fault, or anything else that depends on who the peer is.
	IngestWelcome struct {
		Ticket  Ticket
		Welcome *wire.Welcome
	}

	// EpochShared hands over a key of a group. Nothing about it is proven but who sent it.
	EpochShared struct {
		Conversation event.Conversation
		Epoch        wire.Epoch
	}

	// Acked says that the peer has these segments of a log on its disk, which this node's person
	// wrote. It is given when that has grown, and never for a peer of the same person.
	Acked struct {
		Log      event.Log
		Store    event.Instance // the peer's
		Segments event.Segments
	}

	// Refusal says why the peer takes no more of what this device writes in a conversation
	// (wire.OverBudget or wire.TooManyLogs), or, if Reason is 0, that it takes it again. With a zero
	// Conversation it is about all of them: wire.NoRoom, since the peer's disk is full, or 0. It is
	// given only when that changes.
	Refusal struct {
		Conversation event.Conversation
		Reason       wire.Reason
	}

	// Rollback says that the peer claims to hold more of this device's log than is held here, or
	// something else. The claim is unproven and may be old by now: compare it with the store, and
	// do nothing if the log covers it or is closed already. It is given at most once a
	// conversation.
	Rollback struct {
		Log     event.Log
		Claimed event.Segments
	}

	// RoundBegan says that the peer is asked for everything that it holds and this node lacks. It
	// may come again before RoundEnded or RoundDropped.
	RoundBegan struct{ Conversation event.Conversation }

	// RoundDropped says that the peer will not bring what it was asked for.
	RoundDropped struct{ Conversation event.Conversation }

	// RoundEnded says that everything is stored here that the peer had to bring when it got the
	// offer that began the round. If an event that came before the round still lacks a cause, this
	// peer does not have that cause. The causes of an event that came since may still be on their
	// way. In groups, there are rounds only with peers that are followed or compared with.
	RoundEnded struct{ Conversation event.Conversation }

	// Request hands over the opening run of a peer that is not served. It was not proven, and it is
	// not answered.
	Request struct{ Run event.Run }

	// FetchCard reads a card for the peer. Answer with CardFetched.
	FetchCard struct{ wire.CardOf }

	// LearnCard proves a card that was asked for and its profile, and stores what is of use. Answer
	// with CardLearned. Card is empty if the peer does not have it.
	LearnCard struct {
		wire.CardOf
		Card    []byte
		Profile *event.Record // nil if the peer gave none
	}

	// Sighted hands over sightings. The peer may have made them up.
	Sighted struct{ Sightings []wire.Sighting }

	// TypingShared says that the peer's owner writes in a conversation now, or has stopped. It is to be
	// forgotten after a while.
	TypingShared struct {
		Conversation event.Conversation
		On           bool
	}

	// PresenceShared says whether the peer's owner is away. Until it comes, they are not.
	PresenceShared struct{ Away bool }

	// Drain asks for Drained when everything that was sent before it has left this node, and no
	// sooner.
	Drain struct{}

	// Wake asks for a Tick at At. It replaces the Wake before. A zero At asks for none.
	Wake struct{ At time.Time }

	// Close ends the session. No effect follows, whatever input is given.
	Close struct{ Reason error }
)

func (Send) effect()           {}
func (Identify) effect()       {}
func (Load) effect()           {}
func (Ingest) effect()         {}
func (IngestRecord) effect()   {}
func (LoadControl) effect()    {}
func (Void) effect()           {}
func (Heeds) effect()          {}
func (Brings) effect()         {}
func (Recognize) effect()      {}
func (LoadWelcome) effect()    {}
func (IngestControl) effect()  {}
func (IngestWelcome) effect()  {}
func (EpochShared) effect()    {}
func (Acked) effect()          {}
func (Refusal) effect()        {}
func (Rollback) effect()       {}
func (RoundBegan) effect()     {}
func (RoundDropped) effect()   {}
func (RoundEnded) effect()     {}
func (Request) effect()        {}
func (FetchCard) effect()      {}
func (LearnCard) effect()      {}
func (Sighted) effect()        {}
func (TypingShared) effect()   {}
func (PresenceShared) effect() {}
func (Drain) effect()          {}
func (Wake) effect()           {}
func (Close) effect()          {}
