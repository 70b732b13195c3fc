package sync

import (
	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/wire"
	"github.com/earshot-im/earshot/store/event"
)

// Input is something that happened. The types in this file are all there are; anything else ends
// the session with an error.
type Input interface{ input() }

type (
	// Open is the first input: the stream is there.
	Open struct {
		Card    []byte
		Profile *event.Record // nil if there is none
	}

	// Received is a frame that the peer sent. While the session is Busy, read no more of them.
	Received struct{ Frame wire.Frame }

	// Joined answers Identify. Give it again whenever one of its fields would be another. Read the
	// store for it in the goroutine that calls Step, and give what is committed after that as Held:
	// then nothing is missed between the two.
	Joined struct {
		// Err ends the session. Wrap ErrPeerProof if the peer is not who it says.
		Err error

		// Serve says that the peer has a part in the direct conversation. Without it, that is
		// ignored in Conversations, and the peer's opening run becomes a Request. When a peer is
		// served no more, end the session: what it has sent stays unanswered.
		Serve bool

		// Own are the devices of this node's person, including this one.
		Own []crypto.DeviceID

		// Conversations are those that both are in and that the peer is served. What is known of
		// one that was given before stays as Held has made it. One that is no longer given is
		// neither pushed nor taken.
		Conversations []Conversation
	}

	// Held says that more of a log is on this node's disk, whoever brought it, this session
	// included. Several may come in another order than their commits.
	Held struct {
		Log      event.Log
		Segments event.Segments
	}

	// HeldRecord says that a newer record is on this node's disk.
	HeldRecord struct {
		Conversation event.Conversation
		Record       event.Record
	}

	// HeldControl says that more of a group's control set is on this node's disk, whoever brought
	// it. Locator is as in Conversation. Give it before the Held of an event that was written under
	// it.
	HeldControl struct {
		Conversation event.Conversation
		Locator      []crypto.Hash
	}

	// Loaded answers Load. Run.Events begins with the event that was asked for, or with a later one
	// if those before it aren't for the peer. If it has no event, then none is for the peer up to
	// the next gap in the log. Apart says that this run is not for the peer, though what comes
	// after it may be. After an Err, the log is not pushed any more in this session.
	Loaded struct {
		Log   event.Log
		Run   event.Run
		Apart bool
		Err   error
	}

	// LoadedControl answers LoadControl. It has no event if there is none that the peer lacks and
	// may have. More says that there are more than these.
	LoadedControl struct {
		Conversation event.Conversation
		Events       []event.Event
		More         bool
	}

	// LoadedWelcome answers LoadWelcome. Welcome is nil if there is none to give.
	LoadedWelcome struct {
		Conversation event.Conversation
		Welcome      *wire.Welcome
	}

	// Stored answers Ingest, IngestRecord, IngestControl and IngestWelcome after the commit.
	Stored struct {
		Ticket   Ticket
		Segments event.Segments // of the run's log: all that is held now

		// Refused, if not 0, says why no more of the log is taken or, with Once, why this run is
		// not. If a run reaches past where its log ends for good, Segments has the part before that
		// end. With wire.NoRoom nothing was stored. A run with it must come again, and the peer is
		// told so; anything else is kept, within bounds, until Room.
		Refused wire.Reason
		Once    bool

		// Err ends the session. Wrap ErrProtocol if the peer is to blame.
		Err error
	}

	// Room says that what was answered with wire.NoRoom or wire.OverBudget can be tried again. So can what is
	// answered so later, if the shell had it by then: it may have looked before.
	Room struct{}

	// NeedCard answers Ingest, IngestRecord and IngestControl if the head of an author's card is
	// not known here. Nothing was stored. The effect comes again under the same ticket when the
	// card has been learnt. If it then needs the same card once more, what came is refused.
	NeedCard struct {
		Ticket Ticket
		Head   crypto.Hash
	}

	// NeedControl answers Ingest and IngestControl if a control head, or a parent, is not known
	// here. Nothing was stored. The effect comes again under the same ticket after each HeldControl
	// of the group, until it is answered otherwise.
	NeedControl struct{ Ticket Ticket }

	// CardFetched answers FetchCard. Card is nil if the peer can't have it.
	CardFetched struct {
		Card    []byte
		Profile *event.Record // nil if there is none
	}

	// CardLearned answers LearnCard, whether the card was of use or not.
	CardLearned struct{}

	// WantCard asks the peer for the card of a person, which comes as LearnCard. It is ignored if
	// too many cards are being asked for.
	WantCard struct{ Person crypto.PersonID }

	// Follow changes Conversation.Follow. Turning it on begins a round.
	Follow struct {
		Conversation event.Conversation
		On           bool
	}

	// Direct says whether what comes to a log of a group now comes to this node from its device itself, as
	// Brings has said in another session. Give it to the sessions whose peers are followed, after
	// Conversation.Follow or Follow; a peer that is not followed need not know.
	Direct struct {
		Log event.Log
		On  bool
	}

	// Compare begins a round in a group. After it, both hold what either of them had.
	Compare struct{ Conversation event.Conversation }

	// ShareEpoch passes a key on as soon as the peer has offered the group and has the control
	// events that it lacked. Epoch.Tag is filled in.
	ShareEpoch struct {
		Conversation event.Conversation
		Epoch        wire.Epoch
	}

	// Share passes sightings on to the peer.
	Share struct{ Sightings []wire.Sighting }

	// ShareTyping tells the peer that this node's owner writes in a conversation, or has stopped. If
	// it can't be told now, it is not told at all.
	ShareTyping struct {
		Conversation event.Conversation
		On           bool
	}

	// SharePresence tells the peer whether this node's owner is away, if that was told otherwise
	// before. It is ignored before Joined, and where that says that the peer is not served.
	SharePresence struct{ Away bool }

	// Drained answers Drain.
	Drained struct{}

	// Tick says that the time of the last Wake has come.
	Tick struct{}
)

// Conversation is what this node holds of a conversation, and what the two devices call it.
type Conversation struct {
	ID              event.Conversation
	OurTag, PeerTag []byte // in frames that are sent and received; nil for the direct conversation
	Records         []event.Record

	// Logs is only read, and may be shared between sessions.
	Logs map[event.Log]event.Segments

	// Doubted are those logs of this device of which the peer has said to hold more than is here,
	// or something else. The peer is told only the segments given here, which its person is known
	// to have; so it brings the rest.
	Doubted map[event.Log]event.Segments

	// Opening is, in the direct conversation, the first event of this device that the peer's person
	// has not acknowledged. Opening.First is 0 if there is none.
	Opening Opening

	// Locator says what is here of a group's control set: its heads, then some of their ancestors.
	// It is nil in all conversations but groups.
	Locator []crypto.Hash

	// Follow says that everything is wanted from this peer. From other peers of a group come only
	// the events that they write and, in a round that Compare begins, what they hold. Follow a few.
	Follow bool

	// Quiet says that one of the two is no member any more, or that the group is only arriving here:
	// then only control events are exchanged.
	Quiet bool

	// Void are the joins of the peer's person that are here and don't count. They are told where the
	// person is none of the group and never was.
	Void []crypto.Hash

	// Join is, of a group that is arriving here, the event that brings this node's person in; else it is
	// zero. A peer in the group may not know it, and is given it then.
	Join crypto.Hash

	// Welcome says that this node's person has brought the peer's into the group. If the peer does
	// not offer the group, it is welcomed, also if this node's person has gone since.
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
func (LoadedWelcome) input() {}
func (Stored) input()        {}
func (Room) input()          {}
func (NeedCard) input()      {}
func (NeedControl) input()   {}
func (CardFetched) input()   {}
func (CardLearned) input()   {}
func (WantCard) input()      {}
func (Follow) input()        {}
func (Direct) input()        {}
func (Compare) input()       {}
func (ShareEpoch) input()    {}
func (Share) input()         {}
func (ShareTyping) input()   {}
func (SharePresence) input() {}
func (Drained) input()       {}
func (Tick) input()          {}
