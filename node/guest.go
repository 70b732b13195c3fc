package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/budget"
	"github.com/earshot-im/earshot/node/ingest"
	"github.com/earshot-im/earshot/node/people"
	"github.com/earshot-im/earshot/node/session"
	"github.com/earshot-im/earshot/node/sharing"
	"github.com/earshot-im/earshot/node/sync"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/event"
)

// guest stands for the peer of one session. It gives each effect of the session's machine to the
// room that does it. It is the session's Host, and tells package sharing what the mesh knows of the
// session.
type guest struct {
	node    *Node
	session *session.Session
	budget  *budget.Account
	nonce   [32]byte // this node's

	// From when the peer is known. Set by the loop of the session.
	person  crypto.PersonID
	portion *sharing.Portion
	from    *ingest.From
}

// Open returns what this node says of itself to every peer.
func (g *guest) Open() sync.Open { return g.node.sharing.Open() }

// Visible returns the segments of a log that the peer may know about.
func (g *guest) Visible(log event.Log, segments event.Segments) event.Segments {
	return g.portion.Visible(log, segments)
}

// Direct says whether what comes to a log comes from its device itself.
func (g *guest) Direct(log event.Log) bool { return g.node.mesh.Direct(log) }

// Left takes in that the session has ended.
func (g *guest) Left() {
	if g.from != nil {
		g.from.Left()
		g.node.moment.Left(signed{g.session})
	}
}

// Perform does an effect of the machine.
func (g *guest) Perform(ctx context.Context, e sync.Effect) (answer sync.Input, task session.Task, err error) {
	if e, ok := e.(sync.Identify); ok {
		return g.identify(ctx, e)
	}
	if g.from == nil {
		return nil, task, fmt.Errorf("effect %T before the peer is known", e)
	}
	switch e := e.(type) {
	// Read at once.
	case sync.Load:
		answer = g.portion.Load(e)
	case sync.LoadControl:
		answer = g.portion.LoadControl(e)
	case sync.Recognize:
		answer = g.portion.Recognize(e)
	case sync.LoadWelcome:
		answer = g.portion.LoadWelcome(e)
	case sync.FetchCard:
		answer = g.portion.FetchCard(e)

	// Proven and stored by the worker.
	case sync.Ingest:
		task = session.Run(e.Run, func(ctx context.Context) func() sync.Input { return g.from.Run(ctx, e) })
	case sync.IngestRecord:
		task = session.Errand(func(ctx context.Context) sync.Input { return g.from.Record(ctx, e) })
	case sync.IngestControl:
		task = session.Errand(func(ctx context.Context) sync.Input { return g.from.Control(ctx, e) })
	case sync.IngestWelcome:
		task = session.Errand(func(ctx context.Context) sync.Input { return g.from.Welcome(ctx, e) })
	case sync.LearnCard:
		task = session.Errand(func(ctx context.Context) sync.Input { return g.from.Card(ctx, e) })
	case sync.Rollback:
		task = session.Errand(func(ctx context.Context) sync.Input { return g.from.Rollback(ctx, e) })
	case sync.Void:
		task = session.Errand(func(ctx context.Context) sync.Input { return g.from.Void(ctx, e) })
	case sync.Request:
		task = session.Errand(func(ctx context.Context) sync.Input { return g.from.Request(ctx, e.Run) })

	// Noted.
	case sync.RoundBegan:
		g.from.RoundBegan(e.Conversation)
	case sync.RoundDropped:
		g.from.RoundDropped(e.Conversation)
		g.node.mesh.Brought(g.session, e.Conversation)
	case sync.RoundEnded:
		show, more := g.from.RoundEnded(e.Conversation), g.node.mesh.Brought(g.session, e.Conversation)
		if show != nil && !more { // else what waits goes on waiting for what the others bring
			task = session.Errand(show)
		}
	case sync.Acked:
		g.node.acks.Put(g.person, e.Log, e.Segments)
	case sync.Refusal:
		g.node.mesh.Refused(g.session, e.Conversation, e.Reason)
	case sync.Brings:
		g.node.mesh.Brings(g.session, e.Log, e.On)
	case sync.EpochShared:
		err = g.node.crowd.Learn(g.session, e)
	case sync.Sighted:
		err = g.node.mesh.Told(g.session, e.Sightings)
	case sync.TypingShared:
		g.node.moment.Typed(signed{g.session}, g.person, e.Conversation, e.On)
	case sync.PresenceShared:
		g.node.moment.Went(signed{g.session}, e.Away)
	default:
		err = fmt.Errorf("unknown effect %T", e)
	}
	return answer, task, err
}

// identify proves whose device the peer is, takes them in, and says what they may have.
func (g *guest) identify(ctx context.Context, e sync.Identify) (answer sync.Input, task session.Task, err error) {
	n, device := g.node, g.session.Peer()
	card, profile, err := n.people.Prove(device, e.Card, e.Profile)
	if err == nil {
		err = n.people.Meet(ctx, device, card, people.NameIn(profile))
	}
	if errors.Is(err, store.ErrFull) { // they are known all the same, and written down another time
		g.session.Log().Warn("write down what a peer says of itself", "err", err)
		err = nil
	}
	switch {
	case ctx.Err() != nil:
		return nil, task, context.Cause(ctx)
	case err != nil:
		return sync.Joined{Err: fmt.Errorf("%w: %w", sync.ErrPeerProof, err)}, task, nil
	}
	if err := n.mesh.Identify(g.session, card.Person()); err != nil {
		return nil, task, err
	}
	n.standMember(card.Person())
	g.person = card.Person()
	g.portion = n.sharing.With(g, sharing.Peer{Device: device, Person: g.person, Nonce: e.Nonce, Ours: g.nonce})
	n.people.Came(g.person, n.door.Address(g.session))
	g.from = n.door.From(g.session, g.person, g.portion.Visible)
	n.moment.Met(signed{g.session}, g.person)
	if profile != nil {
		task = session.Errand(func(ctx context.Context) sync.Input { return g.from.Profile(ctx, *profile) })
	}
	n.people.LookForFellows(g.person)
	g.session.Log().Debug("session", "opened", g.session.Opened())
	n.mesh.Introduce(g.session)
	return g.Rejoin(), task, nil
}

// Rejoin says what the peer may have now. With that, what they are to the owner may have changed.
func (g *guest) Rejoin() sync.Joined {
	g.budget.Identify(g.person, g.node.standing(g.session.Peer(), g.person))
	return g.portion.Join()
}

// standing returns what a peer may cost: a device that the owner named costs what a contact's does.
func (n *Node) standing(device crypto.DeviceID, person crypto.PersonID) budget.Standing {
	if n.mesh.Named(device) {
		return budget.Contact
	}
	return n.people.Standing(person)
}

// What package sharing needs of the session.

func (g *guest) Log() *slog.Logger                   { return g.session.Log() }
func (g *guest) Join(c event.Conversation, all bool) { g.node.mesh.Join(g.session, c, all) }
func (g *guest) Follow(c event.Conversation) bool    { return g.node.mesh.Follow(g.session, c) }
func (g *guest) Unfollow(c event.Conversation)       { g.node.mesh.Unfollow(g.session, c) }
func (g *guest) Want(persons ...crypto.PersonID)     { g.session.Inbox.Want(persons...) }
func (g *guest) ShareEpoch(c event.Conversation)     { g.node.crowd.Share(c, g.session) }

// signed is a session as package presence knows it.
type signed struct{ *session.Session }

func (s signed) ShareTyping(c event.Conversation, on bool) { s.Inbox.Typing(c, on) }
func (s signed) SharePresence(away bool)                   { s.Inbox.Presence(away) }
