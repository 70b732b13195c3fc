package sync

import (
	"fmt"
	"reflect"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/wire"
	"github.com/earshot-im/earshot/store/event"
)

// Config is what a Session begins with.
type Config struct {
	Self, Peer crypto.DeviceID // Peer is proven by the link
	Nonce      [32]byte        // random, fresh for each session
	Store      event.Instance  // of this node's store
}

// Session speaks the sync protocol with one peer over one stream. It belongs to one goroutine.
//
// It hands each input to the parts that it concerns, in the order that they need, and collects
// their effects. Each part has its own state, which no other part changes:
//
//	greeting        Hello, Admission and Identity, until the shell says Joined
//	offers, rounds  what this node offers, and whether the peer has brought all that was asked for
//	push            runs that the peer lacks, and Settled
//	control         control events, before what was written under them, and keys
//	welcomes        groups into which this node's person has brought the peer's
//	records, cards  records that are newer here, and cards that either of the two needs
//	take            what the peer brings: with the shell, waiting, answered or refused
//	signs           what the two owners do at the moment
//	tell            Have for what others brought, so that the peer does not push it
//
// All parts read what is shared: the Step under way (turn), the two devices (pair), how much may be
// said (pace), and the conversations with the pictures of their logs. Only the methods of these and
// the Session itself change that.
type Session struct {
	turn
	pair
	conversations
	claims   claims
	pace     pace
	pictures pictures

	greeting greeting
	offers   offers
	rounds   rounds
	push     push
	tell     tell
	take     take
	control  control
	welcomes welcomes
	records  records
	cards    cards
	signs    signs

	wakeAt time.Time // of the last Wake
}

// New returns a Session that waits for Open.
func New(cfg Config) *Session {
	s := &Session{pair: newPair(cfg)}
	s.greeting = greeting{turn: &s.turn, nonce: cfg.Nonce}
	s.conversations = conversations{
		turn: &s.turn, byID: map[event.Conversation]*conversation{}, byTag: map[string]*conversation{},
	}
	s.pictures = pictures{turn: &s.turn, pair: &s.pair, claims: &s.claims}
	s.pace = pace{turn: &s.turn, limit: PaceBytes}
	s.push = push{
		turn: &s.turn, pair: &s.pair, control: &s.control, rolledBack: map[event.Conversation]bool{},
	}
	s.tell = tell{turn: &s.turn, pair: &s.pair, pace: &s.pace}
	s.records = records{turn: &s.turn, pace: &s.pace, claims: &s.claims}
	s.take = take{turn: &s.turn, pair: &s.pair, tell: &s.tell}
	s.rounds = rounds{turn: &s.turn, take: &s.take}
	s.offers = offers{
		pair: &s.pair, pace: &s.pace, records: &s.records, rounds: &s.rounds, take: &s.take, control: &s.control,
		kept: map[string]wire.Offer{},
	}
	s.control = control{turn: &s.turn, pair: &s.pair, pace: &s.pace}
	s.welcomes = welcomes{turn: &s.turn, pair: &s.pair, pace: &s.pace}
	s.signs = signs{turn: &s.turn, pace: &s.pace}
	s.cards = cards{turn: &s.turn, pair: &s.pair}
	return s
}

// Step takes an input at time now, which never goes back, and returns what is to be done, in order.
// After Close, it does nothing.
func (s *Session) Step(now time.Time, in Input) []Effect {
	if s.ended {
		return nil
	}
	s.turn.begin(now)
	s.input(in)
	s.goOn()
	return s.out
}

// Awaits says whether a run was sent that the peer has not answered.
func (s *Session) Awaits() bool { return len(s.push.window.flights) > 0 }

// input hands an input to the parts that it concerns.
func (s *Session) input(in Input) {
	switch in := in.(type) {
	case Open:
		s.greeting.open(in)
	case Received:
		s.received(in.Frame)
	case Joined:
		s.join(in)
	case Held:
		s.held(in)
	case HeldRecord:
		if c := s.byID[in.Conversation]; c != nil {
			s.records.push(c, s.records.hold(c, &in.Record))
		}
	case HeldControl:
		s.heldControl(in)
	case Loaded:
		s.push.loaded(s.byID[in.Log.Conversation], in)
	case LoadedControl:
		s.loadedControl(in)
	case LoadedWelcome:
		s.welcomes.loaded(s.byID[in.Conversation], in)
	case Stored:
		s.stored(in)
	case Room:
		s.take.mayFit()
		s.roomAgain()
	case NeedCard:
		s.needCard(in)
	case NeedControl:
		s.needControl(in)
	case CardFetched:
		s.cards.fetched(in)
	case CardLearned:
		if card, ok := s.cards.learned(); ok {
			s.take.learned(card)
		}
	case WantCard:
		s.cards.want(in.Person)
	case Follow:
		s.follow(in)
	case Direct:
		s.near(in)
	case Compare:
		s.compare(in)
	case ShareEpoch:
		if c := s.byID[in.Conversation]; c != nil && c.group && !c.quiet && !c.left {
			s.control.share(c, in.Epoch)
		}
	case Share:
		if s.greeting.joined() && s.serve && len(in.Sightings) > 0 {
			sightings := in.Sightings[:min(len(in.Sightings), wire.MaxSightings)]
			s.send(wire.Frame{Sightings: &wire.Sightings{Sightings: sightings}})
		}
	case ShareTyping:
		s.signs.shareTyping(s.byID[in.Conversation], in.On)
	case SharePresence:
		if s.greeting.joined() && s.serve {
			s.signs.sharePresence(in.Away)
		}
	case Drained:
		s.pace.drained()
	case Tick:
		// goOn does what has become due.
	default:
		// With %T, the compiler would put every input on the heap.
		s.close(fmt.Errorf("unknown input %v", reflect.TypeOf(in)))
	}
}

// heed says of conversations of which anything has changed that bears on it whether others' logs are heeded,
// and whether the peer brings its own.
func (s *Session) heed(conversations ...*conversation) {
	for _, c := range conversations {
		if on := c.heedsOthers(); on != c.heeds {
			c.heeds = on
			s.emit(Heeds{c.id, on})
		}
		if !c.live() || c.want == wire.WantNothing {
			s.bringsNoMore(c)
		}
	}
}

// received hands a frame to the parts that it concerns.
func (s *Session) received(f wire.Frame) {
	switch {
	case s.greeting.take(f):
	case f.Offers != nil:
		for _, o := range f.Offers.Offers {
			s.offered(o)
		}
		s.recognize()
	case f.Run != nil:
		s.takeRun(*f.Run)
	case f.Record != nil:
		if c := s.at(f.Record.Tag); c != nil && c.live() {
			s.records.see(c, summaryOf(&f.Record.Record))
			s.take.record(c, &f.Record.Record)
		}
	case f.Have != nil:
		s.have(f.Have)
	case f.Settled != nil:
		if c := s.at(f.Settled.Tag); c != nil {
			s.rounds.settled(c, f.Settled)
		}
	case f.Refused != nil:
		s.refused(f.Refused)
	case f.CardRequest != nil:
		if len(s.byTag) > 0 { // a peer that is served nothing has nothing to need a card for
			s.cards.request(f.CardRequest)
		}
	case f.Card != nil:
		s.cards.came(f.Card)
	case f.Sightings != nil:
		if s.greeting.joined() && s.serve && len(f.Sightings.Sightings) > 0 {
			s.emit(Sighted{f.Sightings.Sightings})
		}
	case f.Control != nil:
		s.takeControl(f.Control)
	case f.Welcome != nil:
		s.takeWelcome(f.Welcome)
	case f.Epoch != nil:
		if c := s.at(f.Epoch.Tag); c != nil && c.group && c.live() {
			s.emit(EpochShared{c.id, *f.Epoch})
		}
	case f.Typing != nil:
		s.signs.typed(s.at(f.Typing.Tag), f.Typing.On)
	case f.Presence != nil:
		if s.greeting.joined() && s.serve {
			s.signs.went(f.Presence.Away)
		}
	default:
		s.close(broken("empty frame"))
	}
}

// goOn does what has become due, and what has waited for room that there is now.
func (s *Session) goOn() {
	s.tell.fire()
	s.push.fire()
	if s.direct != nil {
		s.push.open(s.direct)
	}
	if s.take.missedRoom() {
		s.roomAgain()
	}
	for _, c := range s.take.freed() {
		s.offer(everything, c)
	}
	s.push.load()
	s.cards.ask()
	s.tell.goOn()
	s.makeOffers()
	s.control.goOn()
	s.welcomes.goOn()
	s.records.goOn()
	s.pace.drain()
	if at := earliest(s.tell.wakes(), s.push.wakes(s.direct), s.welcomes.wakes()); !at.Equal(s.wakeAt) {
		s.wakeAt = at
		s.emit(Wake{at})
	}
}
