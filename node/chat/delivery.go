package chat

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/earshot-im/earshot/node/people"
	"github.com/earshot-im/earshot/node/waiting"
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
//
// What readers have acknowledged counts before it is written here: it is their disks that matter. See Settle.
func (m *Messages) WaitLeading(ctx context.Context, messages []*Message, state string) ([]Progress, error) {
	held := state == StateHeld
	if held {
		state = StateDelivered
	}
	want := slices.Index(states, state)
	if want < 0 {
		return nil, fmt.Errorf("%w: state %q", people.ErrSetting, state)
	}
	for {
		_, more := m.cfg.Shown.Now()
		ahead, acknowledged := m.cfg.Acks.Ahead()
		reached, first, err := m.reached(messages, ahead, want, held)
		if err != nil || len(reached) > 0 {
			return reached, asOurs(err)
		}
		select {
		case <-more:
		case <-acknowledged:
		case <-ctx.Done():
			return []Progress{first}, ctx.Err()
		}
	}
}

// reached returns how far messages have come that have reached the state want, from the first
// message up to one that has not. first is how far the first message has come in any case. With held they
// have also come as far as StateHeld says.
func (m *Messages) reached(messages []*Message, ahead []store.Delivery, want int, held bool) (reached []Progress, first Progress, err error) {
	const chunk = 64 // messages read at once; those after one that has not reached the state are read for nothing
	for part := range slices.Chunk(messages, chunk) {
		places := make([]store.Place, len(part))
		for i := range part {
			places[i] = part[i].place
		}
		got, err := m.cfg.Store.States(places, ahead)
		if err != nil {
			return nil, first, err
		}
		var settled []bool
		if held {
			ids := make([]event.ID, len(part))
			for i := range part {
				ids[i] = part[i].ID
			}
			if settled, err = m.cfg.Store.Settled(ids); err != nil {
				return nil, first, err
			}
		}
		for i := range got {
			now := progress(got[i])
			if first.State == "" {
				first = now
			}
			at := slices.Index(states, now.State)
			waits := held && !settled[i] && got[i].State != store.NoState && at < slices.Index(states, StateCancelled)
			if at < want || waits {
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
	row, err := m.cfg.Store.Row(id)
	if err != nil {
		return Message{}, asOurs(err)
	}
	now, ended := m.WaitLeading(ctx, []*Message{{ID: row.ID, place: row.Place}}, state)
	if ended != nil && ctx.Err() == nil {
		return Message{}, ended
	}
	if row, err = m.cfg.Store.Row(id); err != nil {
		return Message{}, asOurs(err)
	}
	message := m.message(&row)
	message.Progress = now[0]
	return message, ended
}

// Settle returns when what WaitLeading has told of is written, or can't be. What other methods return is so then.
func (m *Messages) Settle(ctx context.Context) { m.cfg.Acks.Settle(ctx) }

// Cancel takes back a message that nobody has acknowledged.
func (m *Messages) Cancel(ctx context.Context, id event.ID) (Message, error) {
	entry, err := m.cfg.Store.Cancel(ctx, id)
	if err != nil {
		return Message{}, asOurs(err)
	}
	return m.message(&entry.Row), nil
}

// Outbox tells of the messages that have not been acknowledged, a line for each message and reader, and says
// why each still waits: the oldest first, many at once, up to limit; 0: all. What is delivered meanwhile may be
// told or not. It ends with an error of tell, or when ctx does.
func (m *Messages) Outbox(ctx context.Context, limit int, tell func([]waiting.Pending) error) error {
	told := 0
	err := m.cfg.Store.EachPending(nil, func(kept []store.Pending) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if limit > 0 {
			kept = kept[:min(len(kept), limit-told)]
		}
		look := m.cfg.Waiting.Look()
		out := make([]waiting.Pending, len(kept))
		for i, w := range kept {
			var err error
			if out[i], err = look.Why(w); err != nil {
				return err
			}
		}
		if err := tell(out); err != nil {
			return err
		}
		if told += len(out); told == limit {
			return errEnough
		}
		return nil
	})
	if err == errEnough {
		err = nil
	}
	return err
}

// errEnough ends a walk early.
var errEnough = errors.New("enough")

// addWaiting says of own messages for whom they wait.
func (m *Messages) addWaiting(messages []Message) error {
	var ids []event.ID
	var of []int
	for i := range messages {
		if state := messages[i].State; state == StateQueued || state == StateCarried {
			ids, of = append(ids, messages[i].ID), append(of, i)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	lacking, err := m.cfg.Store.Lacking(ids)
	if err != nil {
		return asOurs(err)
	}
	look := m.cfg.Waiting.Look()
	for k, all := range lacking {
		if len(all) == 0 {
			continue
		}
		first, err := look.Why(all[0])
		if err != nil {
			return err
		}
		messages[of[k]].Waiting = &Waiting{First: first, Others: len(all) - 1}
	}
	return nil
}

// Receipts lists the persons whom an own message is for, how far it has come to each, and why it waits
// for those who don't have it.
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
	look := m.cfg.Waiting.Look()
	out := make([]Reached, len(reached))
	for i, r := range reached {
		out[i] = Reached{Person: m.cfg.Contacts.Person(r.Person), Progress: progress(r.Progress)}
		if r.State != store.Queued && r.State != store.Carried {
			continue
		}
		why, err := look.Why(store.Pending{ID: row.ID, Conversation: row.Conversation, To: r.Person, Queued: row.Clock})
		if err != nil {
			return nil, err
		}
		out[i].Waiting = &why
	}
	return out, nil
}
