// Package sharing decides what a peer may have, and reads it from the store: which conversations,
// which part of each log, which control events, records and cards. It is the other direction of
// package ingest.
//
// A [Sharing] is for the whole node. [Sharing.With] gives the [Portion] of one session, from when
// its peer's person is known. A portion remembers where in each log of a group the history begins
// that the peer was given. It reads the store and memory, writes nothing and starts no goroutine.
// Visible may be called by any goroutine, the rest only by the session's loop.
//
// A peer gets only what its person may have now: the direct conversation and, of the groups that
// the person is in, everything from their floor on. Where this node lacks control events, as of a
// group that is arriving, a peer may be a member without being known as one. It offers the group then,
// and is answered with what brings these events. Where the store fails, what Join returns ends
// the session. A run or control events that can't be read are left out for now, and the log says
// so.
package sharing

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/groups"
	"github.com/earshot-im/earshot/node/people"
	"github.com/earshot-im/earshot/node/sync"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/event"
)

// Config is what a Sharing is made of.
type Config struct {
	Store  *store.Store
	People *people.People
	Owner  *people.Owner
	Groups *groups.Groups
	Runs   *Runs
	// Doubted says whether a person claims to have events of an own log that are not here, or
	// others in their place.
	Doubted func(event.Log, crypto.PersonID) bool
}

// Sharing decides what peers may have.
type Sharing struct {
	cfg Config
	own store.Own
}

// New returns a Sharing of what is in a store.
func New(cfg Config) *Sharing { return &Sharing{cfg: cfg, own: cfg.Store.Own()} }

// Session is the session with a peer, and what the mesh knows of it.
type Session interface {
	// Join says of which conversation the session hears from now on: of everything, or of control
	// events only.
	Join(c event.Conversation, all bool)
	// Follow says whether the peer is followed in a conversation, and has it followed if too few
	// peers are.
	Follow(event.Conversation) bool
	// Unfollow has the peer followed no more.
	Unfollow(event.Conversation)
	// Want has the peer asked for the cards of persons.
	Want(...crypto.PersonID)
	// ShareEpoch gives the peer the gossip key of a group, if there is one.
	ShareEpoch(event.Conversation)
	Log() *slog.Logger
}

// Peer is who the peer of a session is.
type Peer struct {
	Device crypto.DeviceID
	Person crypto.PersonID
	Nonce  [32]byte // the peer's, of this session
	Ours   [32]byte // this node's
}

// Portion is what the peer of one session may have.
type Portion struct {
	*Sharing
	session Session
	peer    Peer
	floors  floors

	apart map[event.Conversation]bool // groups that the peer is given though its person is none of them by what is known here
}

// With returns what a peer may have.
func (s *Sharing) With(session Session, peer Peer) *Portion {
	return &Portion{Sharing: s, session: session, peer: peer}
}

// Open returns what this node says of itself to every peer.
func (s *Sharing) Open() sync.Open {
	return sync.Open{Card: s.own.Card.Bytes(), Profile: s.cfg.Owner.Profile()}
}

// Join says what the peer may have now. Each conversation is joined before it is read. So what is
// committed between the two is told twice rather than not at all.
func (s *Portion) Join() sync.Joined {
	s.floors.forget()
	them, ok := s.cfg.People.Get(s.peer.Person)
	if !ok {
		return sync.Joined{Err: fmt.Errorf("%w: not known any more", sync.ErrPeerProof)}
	}
	in := sync.Joined{Own: s.own.Card.Devices()}
	in.Serve = !them.Blocked && (them.Contact || s.cfg.Owner.Accepts() == people.AcceptEveryone)
	if in.Serve {
		direct, err := s.direct()
		if err != nil {
			return sync.Joined{Err: fmt.Errorf("%w: %w", sync.ErrStore, err)}
		}
		in.Conversations = append(in.Conversations, direct)
	}
	for _, g := range s.given() {
		shared, err := s.group(g)
		if err != nil {
			return sync.Joined{Err: fmt.Errorf("%w: %w", sync.ErrStore, err)}
		}
		in.Conversations = append(in.Conversations, shared)
	}
	return in
}

// direct returns what this node holds of the direct conversation with the peer.
func (s *Portion) direct() (sync.Conversation, error) {
	c := event.Direct(s.own.Person, s.peer.Person)
	s.session.Join(c, true)
	out := sync.Conversation{ID: c}
	var err error
	if out.Logs, err = s.cfg.Store.Logs(c); errors.Is(err, store.ErrNoConversation) {
		return out, nil
	} else if err != nil {
		return out, err
	}
	if out.Doubted, err = s.doubted(out.Logs); err != nil {
		return out, err
	}
	if out.Records, err = s.receipts(c[:]); err != nil {
		return out, err
	}
	if profile := s.cfg.Owner.Profile(); profile != nil {
		out.Records = append(out.Records, *profile)
	}
	out.Opening.Log, out.Opening.First, err = s.cfg.Store.FirstPending(c)
	return out, err
}

// group returns what this node holds of a group that concerns the peer, as far as the peer may have
// it.
func (s *Portion) group(g groups.Shared) (sync.Conversation, error) {
	s.session.Join(g.ID, !g.Quiet)
	out := sync.Conversation{
		ID:      g.ID,
		OurTag:  groups.Tag(g.Secret, s.peer.Ours, s.peer.Nonce, s.own.Device.ID()),
		PeerTag: groups.Tag(g.Secret, s.peer.Ours, s.peer.Nonce, s.peer.Device),
		Locator: s.cfg.Groups.Locator(g.ID),
		Quiet:   g.Quiet,
		Welcome: g.Welcome,
		Void:    g.Void,
		Join:    g.Join,
	}
	if g.Apart {
		out.Locator = []crypto.Hash{crypto.Hash(g.ID)} // as if nothing else were here
	}
	if g.Quiet {
		s.session.Unfollow(g.ID)
		return out, nil
	}
	out.Follow = s.session.Follow(g.ID)
	s.session.Want(s.CardsMissing(g.ID)...)
	s.session.ShareEpoch(g.ID)
	logs, err := s.cfg.Store.Logs(g.ID)
	if err != nil {
		return out, err
	}
	if out.Doubted, err = s.doubted(logs); err != nil {
		return out, err
	}
	out.Logs = make(map[event.Log]event.Segments, len(logs))
	for log, segments := range logs {
		if segments = s.Visible(log, segments); len(segments) > 0 {
			out.Logs[log] = segments
		}
	}
	about := g.ID[:]
	if s.peer.Person != s.own.Person { // others get the receipts about what they wrote
		about = slices.Concat(about, s.peer.Person[:])
	}
	out.Records, err = s.receipts(about)
	return out, err
}

// receipts returns the receipts and holdings whose subject begins with the given bytes.
func (s *Sharing) receipts(about []byte) ([]event.Record, error) {
	receipts, err := s.cfg.Store.Book().Records(event.KindReceipt, about)
	if err != nil {
		return nil, err
	}
	holdings, err := s.cfg.Store.Book().Records(event.KindHoldings, about)
	return append(receipts, holdings...), err
}

// CardsMissing returns the members of a group whose cards are not known here.
func (s *Sharing) CardsMissing(c event.Conversation) (out []crypto.PersonID) {
	state, err := s.cfg.Groups.State(c)
	if err != nil {
		return nil
	}
	for _, m := range state.Members {
		if them, _ := s.cfg.People.Get(m.Person); them.Parsed.Bytes() == nil {
			out = append(out, m.Person)
		}
	}
	return out
}

// doubted returns the own logs about which the peer's person makes such a claim (see
// Config.Doubted), each with what the peer is told that this node holds of it: only what the person
// has acknowledged.
func (s *Portion) doubted(logs map[event.Log]event.Segments) (map[event.Log]event.Segments, error) {
	var out map[event.Log]event.Segments
	for log := range logs {
		if log.Device != s.own.Device.ID() || !s.cfg.Doubted(log, s.peer.Person) {
			continue
		}
		acked, in, err := s.cfg.Store.Acknowledged(log, s.peer.Person)
		if err != nil {
			return nil, err
		}
		if in {
			if out == nil {
				out = make(map[event.Log]event.Segments)
			}
			out[log] = acked
		}
	}
	return out, nil
}

// Load reads a run for the peer.
func (s *Portion) Load(e sync.Load) sync.Input {
	run, err := s.cfg.Runs.load(e)
	if err != nil {
		s.session.Log().Warn("load run", "conv", e.Log.Conversation, "err", err)
		return sync.Loaded{Log: e.Log, Run: run, Err: err}
	}
	loaded := sync.Loaded{Log: e.Log, Run: run, Apart: !s.serves(&run)}
	s.withhold(&loaded.Run)
	return loaded
}

// serves says that the peer may have a run.
func (s *Portion) serves(run *event.Run) bool {
	c := run.Log().Conversation
	return !s.cfg.Groups.Known(c) || s.cfg.Groups.Serves(c, s.peer.Person, run.Events[0].Header.Control)
}

// LoadControl reads the control events that the peer lacks.
func (s *Portion) LoadControl(e sync.LoadControl) sync.Input {
	events, more, err := s.cfg.Groups.Missing(e.Conversation, s.peer.Person, e.Known, e.Events, e.Bytes)
	if err != nil {
		s.session.Log().Warn("load control events", "conv", e.Conversation, "err", err)
	}
	return sync.LoadedControl{Conversation: e.Conversation, Events: events, More: more}
}

// given returns the groups that the peer may know of: those that its person is or was in and, quietly,
// those that it has shown to know, and those that are arriving and everybody is asked for.
func (s *Portion) given() []groups.Shared {
	out := s.cfg.Groups.Shared(s.peer.Person)
	for _, g := range s.cfg.Groups.Others(s.peer.Person) {
		if g.Seek {
			s.giveApart(g.ID)
		}
		if s.apart[g.ID] {
			out = append(out, g)
		}
	}
	return out
}

// giveApart has a group given to the peer until the session ends.
func (s *Portion) giveApart(c event.Conversation) {
	if s.apart == nil {
		s.apart = make(map[event.Conversation]bool)
	}
	s.apart[c] = true
}

// Recognize looks whether the peer has offered a group that is known here or arriving, though its
// person is no member by what is known here. Only who knows the secret of a group can do that. The
// answer is nil if there is none that was not found before.
func (s *Portion) Recognize(e sync.Recognize) sync.Input {
	offered := make(map[string]bool, len(e.Tags))
	for _, tag := range e.Tags {
		offered[string(tag)] = true
	}
	found := false
	for _, g := range s.cfg.Groups.Others(s.peer.Person) {
		tag := groups.Tag(g.Secret, s.peer.Ours, s.peer.Nonce, s.peer.Device)
		if !s.apart[g.ID] && offered[string(tag)] {
			s.giveApart(g.ID)
			found = true
		}
	}
	if !found {
		return nil
	}
	return s.Join()
}

// LoadWelcome reads what tells the peer that the owner has brought them into a group.
func (s *Portion) LoadWelcome(e sync.LoadWelcome) sync.Input {
	w, err := s.cfg.Groups.WelcomeOf(e.Conversation, s.peer.Person)
	if err != nil {
		s.session.Log().Warn("load welcome", "conv", e.Conversation, "err", err)
	}
	return sync.LoadedWelcome{Conversation: e.Conversation, Welcome: w}
}

// FetchCard returns the card that the peer asks for, with the profile, if the peer may have it: the
// owner's, the peer's own, and those of persons who are or were in a group with the peer's person.
func (s *Portion) FetchCard(e sync.FetchCard) sync.Input {
	a, ok := s.cfg.People.WithHead(e.Head)
	if !ok {
		a, ok = s.cfg.People.Get(e.Person)
	}
	if !ok || a.ID != s.own.Person && a.ID != s.peer.Person && !s.cfg.Groups.Fellows(s.peer.Person, a.ID) {
		return sync.CardFetched{}
	}
	out := sync.CardFetched{Card: a.Card}
	if a.ID == s.own.Person {
		out.Profile = s.cfg.Owner.Profile()
		return out
	}
	out.Profile = a.Heard() // it may not be on the disk yet
	if profiles, err := s.cfg.Store.Book().Records(event.KindProfile, event.ProfileSubject(a.ID)); err == nil {
		for i := range profiles {
			if out.Profile == nil || event.Newer(profiles[i], *out.Profile) {
				out.Profile = &profiles[i]
			}
		}
	}
	return out
}
