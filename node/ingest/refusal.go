package ingest

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/earshot-im/earshot/node/authority"
	"github.com/earshot-im/earshot/node/groups"
	"github.com/earshot-im/earshot/node/sync"
	"github.com/earshot-im/earshot/node/wire"
	"github.com/earshot-im/earshot/store"
)

type refusal struct {
	err    error
	reason wire.Reason
	once   bool
}

// refusals say what the peer is told where something was not taken and it is not to blame: by which
// reason, and whether that is about the one run or about its log. What else is refused, the machine
// decides by itself (node/sync), since it needs no look at the events.
var refusals = []refusal{
	{store.ErrFull, wire.NoRoom, true},
	{store.ErrTooManySegments, wire.TooManySegments, true},
	{ErrEarly, wire.TooEarly, true},
	{store.ErrBudget, wire.OverBudget, false},
	{store.ErrTooManyLogs, wire.TooManyLogs, false},
	{store.ErrForked, wire.Forked, false},
	{store.ErrCut, wire.NotPermitted, false},
	{authority.ErrCut, wire.NotPermitted, false},
	{authority.ErrNotPermitted, wire.NotPermitted, false},
	{authority.ErrFull, wire.NotPermitted, false},
	{ErrStranger, wire.NotPermitted, false},
	{groups.ErrUnknown, wire.NotPermitted, false},
}

// blame are the errors for which the peer is to blame: they end the session.
var blame = []error{ErrUnproven, groups.ErrUnproven}

// outcome returns what the machine is told of what came under a ticket. It is the only place that
// says what becomes of an error. What is not in its tables ends the session as a failure of this
// node.
func outcome(ticket sync.Ticket, err error) sync.Input {
	stored := sync.Stored{Ticket: ticket}
	var needs *groups.NeedsCardError
	switch {
	case err == nil:
		return stored
	case errors.As(err, &needs):
		return sync.NeedCard{Ticket: ticket, Head: needs.Head}
	case errors.Is(err, authority.ErrParent), errors.Is(err, groups.ErrSuspended):
		return sync.NeedControl{Ticket: ticket}
	}
	for _, fault := range blame {
		if errors.Is(err, fault) {
			stored.Err = fmt.Errorf("%w: %w", sync.ErrProtocol, err)
			return stored
		}
	}
	for _, r := range refusals {
		if errors.Is(err, r.err) {
			stored.Refused, stored.Once = r.reason, r.once
			return stored
		}
	}
	stored.Err = fmt.Errorf("%w: %w", sync.ErrStore, err)
	return stored
}

// outcome returns what the machine is told, and notes what the peer is not told as it is.
func (f *From) outcome(ticket sync.Ticket, what string, err error) sync.Input {
	answer := outcome(ticket, err)
	stored, _ := answer.(sync.Stored)
	switch {
	case stored.Err != nil:
		f.failed(what, err)
	case stored.Refused == wire.NoRoom:
		f.door.noRoom()
		fallthrough
	case stored.Refused != 0:
		f.session.Log().Debug(what, "err", err)
	}
	return answer
}

// caused reports whether an error is one that peers can cause as often as they like.
func caused(err error) bool {
	is := func(target error) bool { return errors.Is(err, target) }
	return slices.ContainsFunc(blame, is) ||
		slices.ContainsFunc(refusals, func(r refusal) bool { return is(r.err) })
}

// failed logs an error that the peer is not told about, or not as it is. What a peer can cause is of
// no use in the log of the owner, who is told by warnings and requests, or by the end of the session.
// A context that was cancelled means only that the session has ended.
func (f *From) failed(what string, err error) {
	switch {
	case err == nil || errors.Is(err, context.Canceled):
	case caused(err):
		f.session.Log().Debug(what, "err", err)
	default:
		f.session.Log().Warn(what, "err", err)
	}
}
