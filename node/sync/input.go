package sync

import (
	"github.com/earshot-im/earshot/crypto"
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
	Received struct{ Frame Frame }

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

	// Loaded answers Load. Run.Events begins with the event asked for. With an Err
	// the log is not pushed any more in this session.
	Loaded struct {
		Log event.Log
		Run event.Run
		Err error
	}

	// Stored answers Ingest and IngestRecord after the commit.
	Stored struct {
		Ticket   Ticket
		Segments event.Segments // of the run's log, all that is held now

		// Refused, if not 0, is why the log isn't taken.
		Refused Reason

		// Err ends the session. Wrap ErrProtocol where the peer is to blame.
		Err error
	}

	// NeedCard answers Ingest and IngestRecord where the head of the author's card is
	// not known here. Nothing was stored; Ingest or IngestRecord comes again under the
	// same ticket when the card has been learnt. If it needs a card a second time, it
	// is refused.
	NeedCard struct {
		Ticket Ticket
		Person crypto.PersonID // whose card
	}

	// CardFetched answers FetchCard. Card is nil if the peer can't have it.
	CardFetched struct{ Card []byte }

	// CardLearned answers LearnCard, whether the card was of use or not.
	CardLearned struct{}

	// Share passes sightings on to the peer.
	Share struct{ Sightings []Sighting }

	// Tick says that the time of the last Wake has come.
	Tick struct{}
)

// Conversation is what this node holds of a conversation, and how the peer and it
// call it.
type Conversation struct {
	ID           event.Conversation
	Mine, Theirs []byte // tags in frames that are sent and received; nil for the direct conversation
	Logs         map[event.Log]event.Segments
	Records      []event.Record

	// Opening is the first event of this device that the peer's person has not
	// acknowledged, in the direct conversation; Opening.First is 0 if there is none.
	Opening Opening
}

// Opening is where the run begins that is pushed to a peer that offers nothing.
type Opening struct {
	Log   event.Log
	First uint64
}

func (Open) input()        {}
func (Received) input()    {}
func (Joined) input()      {}
func (Held) input()        {}
func (HeldRecord) input()  {}
func (Loaded) input()      {}
func (Stored) input()      {}
func (NeedCard) input()    {}
func (CardFetched) input() {}
func (CardLearned) input() {}
func (Share) input()       {}
func (Tick) input()        {}
