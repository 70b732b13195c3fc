package sync

import (
	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/wire"
	"github.com/earshot-im/earshot/store/event"
)

// Input is something that happened.
type Input interface{ input() }

type (
	// Open is the first input, once the stream is there.
	Open struct {
		Card    []byte
		Profile *event.Record // nil if there is none
	}

	// Received is a frame that the peer sent. While Busy, read no more of them.
	Received struct{ Frame wire.Frame }

	// Joined answers Identify. It is given again whenever one of its fields would be
	// another. Read the store for it in the goroutine that calls Step, and give what is
	// committed after that as Held: then nothing falls between the two.
	Joined struct {
		// Err ends the session. Wrap ErrPeerProof where the peer is not who it says.
		Err error

		// Serve says that the peer has a part in the direct conversation; without it that
		// is left out of Conversations if it is there. The peer's opening run then becomes
		// a Request, unless Blocked. After blocking, end the session: what it has sent stays
		// unanswered.
		Serve, Blocked bool

		// Own are the devices of this node's person, its own included.
		Own []crypto.DeviceID

		// Conversations are those that both are in and the peer is served. What is known
		// here of one that was given before stays as Held has made it; one that is no
		// longer given is neither pushed nor taken.
		Conversations []Conversation
	}

	// Held says that more of a log is on this node's disk, whoever brought it, this
	// session included. Several may come in another order than their commits.
	Held struct {
		Log      event.Log
		Segments event.Segments
	}

	// HeldRecord says that a newer record is on this node's disk.
	HeldRecord struct {
		Conversation event.Conversation
		Record       event.Record
	}

	// HeldControl says that more of a group's control set is on this node's disk, whoever
	// brought it. Locator is as in Conversation. Give it before the Held of an event that
	// was written under it.
	HeldControl struct {
		Conversation event.Conversation
		Locator      []crypto.Hash
	}

	// Loaded answers Load. Run.Events begins with the event asked for, or later where those
	// before aren't for the peer; without an event, none up to the next gap is. Apart says that the
	// run is not for the peer, though what comes after it may be. With an Err
	// the log is not pushed any more in this session.
	Loaded struct {
		Log   event.Log
		Run   event.Run
		Apart bool
		Err   error
	}

	// LoadedControl answers LoadControl. Without an event there is nothing the peer lacks
	// and may have. More says that these aren't all.
	LoadedControl struct {
		Conversation event.Conversation
		Events       []event.Event
		More         bool
	}

	// Stored answers Ingest, IngestRecord and IngestControl after the commit.
	Stored struct {
		Ticket   Ticket
		Segments event.Segments // of the run's log, all that is held now

		// Refused, if not 0, is why no more of the log is taken or, with Once, why this run is
		// not. Of a run that reaches past where a log ends for good, Segments has what counts.
		Refused wire.Reason
		Once    bool

		// Err ends the session. Wrap ErrProtocol where the peer is to blame.
		Err error
	}

	// NeedCard answers Ingest, IngestRecord and IngestControl where the head of an author's
	// card is not known here. Nothing was stored; the effect comes again under the same
	// ticket when the card has been learnt. If it needs the same card again, it is refused.
	NeedCard struct {
		Ticket Ticket
		Head   crypto.Hash
	}

	// NeedControl answers Ingest and IngestControl where a control head, or parent, is not
	// known here. Nothing was stored; the effect comes again under the same ticket after
	// each HeldControl until it is answered otherwise.
	NeedControl struct{ Ticket Ticket }

	// CardFetched answers FetchCard. Card is nil if the peer can't have it.
	CardFetched struct {
		Card    []byte
		Profile *event.Record // nil if there is none
	}

	// CardLearned answers LearnCard, whether the card was of use or not.
	CardLearned struct{}

	// WantCard asks the peer for the card of a person, which comes as LearnCard. It is
	// forgotten where too many are being asked for.
	WantCard struct{ Person crypto.PersonID }

	// Follow changes Conversation.Follow. Turning it on begins a round.
	Follow struct {
		Conversation event.Conversation
		On           bool
	}

	// Compare begins a round in a group, after which both hold what either had.
	Compare struct{ Conversation event.Conversation }

	// ShareEpoch passes a key on as soon as the peer has offered the group and has all the
	// control events it lacked. Tag is filled in.
	ShareEpoch struct {
		Conversation event.Conversation
		Epoch        wire.Epoch
	}

	// Share passes sightings on to the peer.
	Share struct{ Sightings []wire.Sighting }

	// Drained answers Drain.
	Drained struct{}

	// Tick says that the time of the last Wake has come.
	Tick struct{}
)

// Conversation is what this node holds of a conversation, and how the peer and it
// call it.
type Conversation struct {
	ID              event.Conversation
	OurTag, PeerTag []byte // tags in frames that are sent and received; nil for the direct conversation
	Records         []event.Record

	// Logs is only read, and may be shared between sessions.
	Logs map[event.Log]event.Segments

	// Doubted are logs of this device of which the peer has said to hold more or other than is here, with what it is told of
	// each: what its person is known to have. So it brings the rest.
	Doubted map[event.Log]event.Segments

	// Opening is the first event of this device that the peer's person has not
	// acknowledged, in the direct conversation; Opening.First is 0 if there is none.
	Opening Opening

	// Locator is not nil exactly in groups: that of the control set, its heads first.
	Locator []crypto.Hash

	// Follow is the wish to hear everything from this peer. The others tell what they write
	// themselves, and in a round that Compare begins what they hold. Follow a few.
	Follow bool

	// Quiet says that either is no member any more: then only control events are exchanged.
	Quiet bool

	// Welcome says that the peer hardly knows of the group yet, as where this node has just
	// invited it: if it does not offer it, it is welcomed at once and not after a while.
	Welcome bool
}

// Opening is where the run begins that is pushed to a peer that offers nothing.
type Opening struct {
	Log   event.Log
	First uint64
}

func (Open) input()          {}
func (Received) input()      {}
func (Joined) input()        {}
func (Held) input()          {}
func (HeldRecord) input()    {}
func (HeldControl) input()   {}
func (Loaded) input()        {}
func (LoadedControl) input() {}
func (Stored) input()        {}
func (NeedCard) input()      {}
func (NeedControl) input()   {}
func (CardFetched) input()   {}
func (CardLearned) input()   {}
func (WantCard) input()      {}
func (Follow) input()        {}
func (Compare) input()       {}
func (ShareEpoch) input()    {}
func (Share) input()         {}
func (Drained) input()       {}
func (Tick) input()          {}
