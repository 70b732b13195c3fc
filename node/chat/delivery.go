package chat

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/contacts"
	"github.com/earshot-im/earshot/node/dial"
	"github.com/earshot-im/earshot/node/people"
	"github.com/earshot-im/earshot/node/wire"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/event"
)

// progress returns how far a message has come, in the words of the local API.
func progress(p store.Progress) Progress {
	if p.State == store.NoState {
		return Progress{State: StateDelivered} // nobody else is in the group, so nobody is still to get it
	}
	return Progress{p.State.String(), p.Reason.String()}
}

// states lists the states of an own message, in the order in which it passes through them. The last
// two are final.
var states = []string{StateQueued, StateCarried, StateDelivered, StateRead, StateCancelled, StateUndelivered}

// WaitLeading waits until the first of some own messages has reached a state, or can't reach it any
// more. It returns how far that message has come, and the same for the messages after it that have
// reached the state as well, up to the first that has not. If ctx ends first, it returns how far
// the first message has come, and the context's error.
func (m *Messages) WaitLeading(ctx context.Context, ids []event.ID, state string) ([]Progress, error) {
	want := slices.Index(states, state)
	if want < 0 {
		return nil, fmt.Errorf("%w: state %q", people.ErrSetting, state)
	}
	for {
		_, more := m.cfg.Shown.Now()
		reached, first, err := m.reached(ids, want)
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

// reached returns how far messages have come that have reached the state want, from the first
// message up to one that has not. first is how far the first message has come in any case.
func (m *Messages) reached(ids []event.ID, want int) (reached []Progress, first Progress, err error) {
	const chunk = 64 // messages read at once; those after one that has not reached the state are read for nothing
	for part := range slices.Chunk(ids, chunk) {
		got, err := m.cfg.Store.States(part)
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

// Wait returns once an own message has reached a state, or can't reach it any more. If ctx ends
// first, it returns the message as it is then, and the context's error.
func (m *Messages) Wait(ctx context.Context, id event.ID, state string) (Message, error) {
	_, ended := m.WaitLeading(ctx, []event.ID{id}, state)
	if ended != nil && ctx.Err() == nil {
		return Message{}, ended
	}
	row, err := m.cfg.Store.Row(id)
	if err != nil {
		return Message{}, asOurs(err)
	}
	return m.message(&row), ended
}

// Outbox lists the messages that have not been acknowledged, a line for each message and reader,
// and says why each still waits.
func (m *Messages) Outbox(context.Context) ([]Pending, error) {
	waiting, err := m.cfg.Store.Outbox()
	if err != nil || len(waiting) == 0 {
		return nil, err
	}
	states, refusal, network := m.cfg.Mesh.States(), m.cfg.Mesh.Refusals(), m.cfg.Mesh.Networked()
	everyone := m.cfg.Owner.Accepts() == people.AcceptEveryone
	taken := make(map[crypto.PersonID]bool)
	out := make([]Pending, len(waiting))
	for i, w := range waiting {
		them := m.cfg.Contacts.Person(w.To)
		if _, known := taken[w.To]; !known {
			if taken[w.To], err = m.hasTaken(&them); err != nil {
				return nil, err
			}
		}
		out[i] = Pending{ID: w.ID, To: contacts.TargetPerson(&them), Person: them, Queued: w.Queued, LastSeen: m.lastSeen(w.To)}
		r := reader{them: &them, states: states, refused: refusal(w.To, w.Conversation), inGroup: m.cfg.Groups.Known(w.Conversation),
			served: them.Contact || everyone, taken: taken[w.To], network: network}
		r.why(&out[i])
	}
	return out, nil
}

// lastSeen returns when a device of a person was last connected; zero: never.
func (m *Messages) lastSeen(person crypto.PersonID) (last time.Time) {
	them, _ := m.cfg.People.Get(person)
	for _, device := range them.Parsed.Devices() {
		if at := m.cfg.People.LastSeen(&them, device); at.After(last) {
			last = at
		}
	}
	return last
}

// hasTaken says whether a person has ever acknowledged a message that the owner wrote to them alone:
// then they have accepted the owner, or need not.
func (m *Messages) hasTaken(them *contacts.Person) (bool, error) {
	own := m.cfg.Store.Own()
	logs, err := m.cfg.Store.Logs(event.Direct(own.Person, them.ID))
	if err != nil && !errors.Is(err, store.ErrNoConversation) {
		return false, err
	}
	for log := range logs {
		if log.Device != own.Device.ID() {
			continue
		}
		if taken, _, err := m.cfg.Store.Acknowledged(log, them.ID); err != nil || len(taken) > 0 {
			return err == nil, err
		}
	}
	return false, nil
}

// Cancel takes back a message that nobody has acknowledged.
func (m *Messages) Cancel(ctx context.Context, id event.ID) (Message, error) {
	entry, err := m.cfg.Store.Cancel(ctx, id)
	if err != nil {
		return Message{}, asOurs(err)
	}
	return m.message(&entry.Row), nil
}

// reader is what is known of somebody for whom a message waits.
type reader struct {
	them    *contacts.Person
	states  map[crypto.DeviceID]dial.State // of devices
	refused wire.Reason                    // why they take nothing more in its conversation
	inGroup bool                           // the message is for a group
	served  bool                           // they may write to the owner, unless they are blocked
	taken   bool                           // see hasTaken
	network bool                           // this machine is on one
}

// why says in p why a message to somebody still waits.
func (r *reader) why(p *Pending) {
	switch {
	case r.them.Blocked && !r.inGroup:
		p.WaitingFor, p.Reason = WaitUnanswered, WaitBlocked
	case !r.served && !r.inGroup:
		p.WaitingFor, p.Reason = WaitUnanswered, WaitNotContact
	case r.refused != 0:
		p.WaitingFor, p.Reason = whyRefused(r.refused, r.inGroup)
	case r.them.Online && !r.inGroup && !r.taken:
		p.WaitingFor, p.Reason = WaitUnanswered, WaitAcceptance
	case r.them.Online:
		p.WaitingFor = WaitUnanswered
	case !r.network:
		p.WaitingFor = WaitNoNetwork
	default:
		r.whyAway(p)
	}
}

// whyAway says in p why a message waits for somebody who is not connected.
func (r *reader) whyAway(p *Pending) {
	p.WaitingFor = WaitOffline
	for _, device := range r.them.Devices {
		state := r.states[device]
		switch {
		case state.Ended == dial.Incompatible && !state.Connected:
			p.WaitingFor, p.Dials, p.Error = WaitIncompatible, 0, ""
			return
		case state.Unreachable(time.Now()):
			p.WaitingFor, p.Dials, p.Error = WaitUnreachable, state.Fails, state.Err.Error()
		}
	}
}

// whyRefused says why a message waits that the peer's node refuses. In a group nobody has to be
// accepted: members take from each other what they may.
func whyRefused(why wire.Reason, inGroup bool) (waitingFor, reason string) {
	switch {
	case why == wire.NoRoom:
		return WaitNoRoom, ""
	case why == wire.OverBudget && inGroup:
		return WaitRefused, WaitLimit
	case why == wire.OverBudget:
		return WaitRefused, WaitAcceptance
	}
	return WaitRefused, WaitLogs
}

// Receipts lists the persons whom an own message is for, and how far it has come to each.
func (m *Messages) Receipts(_ context.Context, id event.ID) ([]Reached, error) {
	row, err := m.cfg.Store.Row(id)
	if err != nil {
		return nil, asOurs(err)
	}
	if !row.Own {
		return nil, ErrNotYours
	}
	reached, err := m.cfg.Store.ProgressTo(row.ID)
	if err != nil {
		return nil, asOurs(err)
	}
	out := make([]Reached, len(reached))
	for i, r := range reached {
		out[i] = Reached{Person: m.cfg.Contacts.Person(r.Person), Progress: progress(r.Progress)}
	}
	return out, nil
}
