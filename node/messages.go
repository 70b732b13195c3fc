package node

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/earshot-im/earshot/node/authority"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/event"
)

// Send writes a message and returns when it is on this disk.
func (n *Node) Send(ctx context.Context, out Outgoing) (Message, error) {
	sent, err := n.SendAll(ctx, []Outgoing{out})
	if err != nil {
		return Message{}, err
	}
	return sent[0], nil
}

// SendAll sends in order, in as few commits as it can. It stops at the first that can't be sent and returns those
// before it, with the error.
func (n *Node) SendAll(ctx context.Context, out []Outgoing) ([]Message, error) {
	var drafts []store.Draft
	var failed error
	destinations := make(map[string]destination, 1)
	for _, o := range out {
		to, known := destinations[o.To]
		if !known {
			if to, failed = n.destination(o.To); failed != nil {
				break
			}
		}
		var d store.Draft
		if d, failed = n.draft(to, o); failed != nil {
			break
		}
		if failed = n.writesTo(ctx, &to); failed != nil {
			break
		}
		destinations[o.To] = to
		drafts = append(drafts, d)
	}
	entries, err := n.store.AppendAll(ctx, drafts)
	messages := make([]Message, len(entries))
	for i := range entries {
		messages[i] = n.message(&entries[i].Row)
	}
	if err == nil {
		err = failed
	}
	return messages, asOurs(err)
}

// asOurs gives an error of the store the name that it has here.
func asOurs(err error) error {
	switch {
	case errors.Is(err, store.ErrKeyUsed):
		return ErrKeyUsed
	case errors.Is(err, store.ErrNoEvent), errors.Is(err, store.ErrNoConversation):
		return ErrNoMessage
	case errors.Is(err, store.ErrAcknowledged):
		return ErrAcknowledged
	case errors.Is(err, store.ErrUndelivered):
		return ErrUndelivered
	case errors.Is(err, store.ErrTooLate):
		return ErrTooLate
	case errors.Is(err, authority.ErrNotPermitted):
		return ErrNotPermitted
	case errors.Is(err, authority.ErrFull):
		return ErrGroupFull
	case errors.Is(err, event.ErrTooLarge):
		return ErrTooLong
	}
	return err
}

// message is a row as the local API names it.
func (n *Node) message(r *store.Row) Message {
	kind := "text"
	switch {
	case r.Recalled:
		kind = "recalled"
	case r.Kind != event.KindText:
		kind = "unknown"
	}
	m := Message{ID: r.ID, Conversation: r.Conversation, Kind: kind, Text: r.Text, Time: r.Clock,
		Received: r.Received, ReplyTo: r.ReplyTo, Edited: r.Edited, Mentions: r.Mentions,
		Mentioned: slices.Contains(r.Mentions, n.me.person), Own: r.Own, Gap: r.Gap, Forked: r.Forked, Cursor: r.Arrival}
	switch {
	case n.groups.Known(r.Conversation):
		m.To = n.groupTarget(r.Conversation)
	case r.Own:
		with, _ := n.people.with(r.Conversation)
		m.To = target(&with)
	default:
		m.To = Target{Kind: "person", ID: n.me.person.String(), Name: profileName(n.ownProfile())}
	}
	if r.Own {
		m.Progress = progress(r.Progress)
	}
	for _, reaction := range r.Reactions {
		by := n.person(reaction.Person)
		m.Reactions = append(m.Reactions, Reaction{Person: by.ID, Name: shown(&by), Emoji: reaction.Emoji})
	}
	author, _ := n.people.get(r.Author)
	m.From = Author{Person: r.Author, Name: author.Claimed, Petname: author.Petname, Device: r.Device,
		Contact: author.Contact, Verified: author.Verified}
	if r.Own {
		m.From.Name = profileName(n.ownProfile())
	}
	return m
}

// progress is how far a message has come as the local API says it.
func progress(p store.Progress) Progress {
	if p.State == store.NoState {
		return Progress{State: StateDelivered} // to all of nobody: a group that nobody else is in
	}
	return Progress{p.State.String(), p.Reason.String()}
}

// target is a person as somebody that one writes to.
func target(a *acquaintance) Target {
	name := a.Petname
	if name == "" {
		name = a.Pinned
	}
	if name == "" {
		name = a.Claimed
	}
	return Target{Kind: "person", ID: a.ID.String(), Name: name}
}

// states are those that a message passes through, in order. One that has ended in one of the last two will not be in any
// other.
var states = []string{StateQueued, StateCarried, StateDelivered, StateRead, StateCancelled, StateUndelivered}

// Settled returns how far own messages have come, as many from the first one on as have reached a state or can't any more, as
// soon as there is one. When ctx ends before, it returns that of the first as it is then, and the context's error.
func (n *Node) Settled(ctx context.Context, ids []event.ID, state string) ([]Progress, error) {
	want := slices.Index(states, state)
	if want < 0 {
		return nil, fmt.Errorf("%w: state %q", ErrSetting, state)
	}
	for {
		_, more := n.events.Now()
		reached, first, err := n.reached(ids, want)
		if err != nil || len(reached) > 0 {
			return reached, asOurs(err)
		}
		select {
		case <-more:
		case <-ctx.Done():
			return []Progress{first}, ctx.Err()
		}
	}
}

// reached returns how far the leading messages have come that have reached a state, and the first in any case.
func (n *Node) reached(ids []event.ID, want int) (reached []Progress, first Progress, err error) {
	const chunk = 64 // of those asked for at once, little is read in vain
	for part := range slices.Chunk(ids, chunk) {
		got, err := n.store.States(part)
		if err != nil {
			return nil, first, err
		}
		for i := range got {
			now := progress(got[i])
			if first.State == "" {
				first = now
			}
			if slices.Index(states, now.State) < want {
				return reached, first, nil
			}
			reached = append(reached, now)
		}
	}
	return reached, first, nil
}

// Wait returns once an own message has reached a state, or can't any more. When ctx ends first it returns the message
// as it is then, and the context's error.
func (n *Node) Wait(ctx context.Context, id event.ID, state string) (Message, error) {
	_, ended := n.Settled(ctx, []event.ID{id}, state)
	if ended != nil && ctx.Err() == nil {
		return Message{}, ended
	}
	row, err := n.store.Row(id)
	if err != nil {
		return Message{}, asOurs(err)
	}
	return n.message(&row), ended
}

// Outbox lists what has not been acknowledged, a line for each message and person, and why.
func (n *Node) Outbox(ctx context.Context) ([]Pending, error) {
	waiting, err := n.store.Outbox()
	if err != nil || len(waiting) == 0 {
		return nil, err
	}
	states, err := n.hub.states(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]Pending, len(waiting))
	for i, w := range waiting {
		them, _ := n.people.get(w.To)
		out[i] = Pending{ID: w.ID, To: target(&them), Queued: w.Queued}
		out[i].WaitingFor, out[i].Detail = why(&them, states)
	}
	return out, nil
}

// Cancel takes back what has not been acknowledged.
func (n *Node) Cancel(ctx context.Context, id event.ID) (Message, error) {
	entry, err := n.store.Cancel(ctx, id)
	if err != nil {
		return Message{}, asOurs(err)
	}
	return n.message(&entry.Row), nil
}

// Changed returns the count of what people could see, as soon as it is past after.
func (n *Node) Changed(ctx context.Context, after uint64) (uint64, error) {
	return n.events.Past(ctx, after)
}

// PeersChanged returns the count of changes in who is here, as soon as it is past after.
func (n *Node) PeersChanged(ctx context.Context, after uint64) (uint64, error) {
	return n.presence.Past(ctx, after)
}
