package server

import (
	"context"
	"errors"

	"connectrpc.com/connect"

	"github.com/earshot-im/earshot/crypto/names"
	"github.com/earshot-im/earshot/node/chat"
	"github.com/earshot-im/earshot/node/contacts"
	"github.com/earshot-im/earshot/node/journal"
	"github.com/earshot-im/earshot/node/localapi"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
	"github.com/earshot-im/earshot/node/people"
	"github.com/earshot-im/earshot/store"
)

var (
	errInvalid  = errors.New("invalid request")
	errStopping = errors.New("the node is stopping")
)

// known are the errors that callers can do something about.
var known = []struct {
	err     error
	problem string
	code    connect.Code
}{
	{chat.ErrKeyUsed, localapi.CodeKeyUsed, connect.CodeAlreadyExists},
	{chat.ErrText, localapi.CodeText, connect.CodeInvalidArgument},
	{chat.ErrEmpty, localapi.CodeEmpty, connect.CodeInvalidArgument},
	{chat.ErrTooLong, localapi.CodeTooLong, connect.CodeInvalidArgument},
	{chat.ErrAcknowledged, localapi.CodeAcknowledged, connect.CodeFailedPrecondition},
	{chat.ErrUndelivered, localapi.CodeUndelivered, connect.CodeFailedPrecondition},
	{chat.ErrNoMessage, localapi.CodeNoMessage, connect.CodeNotFound},
	{contacts.ErrBlocked, localapi.CodeBlocked, connect.CodeFailedPrecondition},
	{contacts.ErrWords, localapi.CodeWords, connect.CodeFailedPrecondition},
	{contacts.ErrSelf, localapi.CodeSelf, connect.CodeInvalidArgument},
	{contacts.ErrSamePerson, localapi.CodeSelf, connect.CodeInvalidArgument},
	{contacts.ErrNotContact, localapi.CodeNotContact, connect.CodeFailedPrecondition},
	{people.ErrSetting, localapi.CodeSetting, connect.CodeInvalidArgument},
	{contacts.ErrNotMember, localapi.CodeNotMember, connect.CodeFailedPrecondition},
	{chat.ErrRecalled, localapi.CodeRecalled, connect.CodeFailedPrecondition},
	{chat.ErrNotPermitted, localapi.CodeNotPermitted, connect.CodePermissionDenied},
	{chat.ErrGroupFull, localapi.CodeGroupFull, connect.CodeResourceExhausted},
	{chat.ErrNotYours, localapi.CodeNotYours, connect.CodePermissionDenied},
	{chat.ErrTooLate, localapi.CodeTooLate, connect.CodeFailedPrecondition},
	{chat.ErrEmoji, localapi.CodeEmoji, connect.CodeInvalidArgument},
	{store.ErrFull, localapi.CodeNoRoom, connect.CodeResourceExhausted},
	{names.ErrName, localapi.CodeName, connect.CodeInvalidArgument},
	{store.ErrCursor, localapi.CodeCursor, connect.CodeInvalidArgument},
	{store.ErrOtherCursor, localapi.CodeCursor, connect.CodeFailedPrecondition},
	{journal.ErrKind, localapi.CodeInvalid, connect.CodeInvalidArgument},
	{errInvalid, localapi.CodeInvalid, connect.CodeInvalidArgument},
	{errStopping, localapi.CodeStopping, connect.CodeUnavailable},
}

// answer turns the error of a call into what the caller gets.
func answer(ctx context.Context, err error) error {
	var answered *connect.Error
	switch {
	case err == nil:
		return nil
	case errors.Is(context.Cause(ctx), errStopping), errors.Is(err, store.ErrClosed):
		err = errStopping
	case errors.As(err, &answered): // an answer of Connect itself, which could not read the request
		return err
	}
	var unknown *people.UnknownError
	var renamed *contacts.RenamedError
	var ambiguous *contacts.AmbiguousError
	var taken *contacts.NameTakenError
	switch {
	case errors.As(err, &unknown):
		return problem(connect.CodeNotFound, err, &earshotv1.Problem{Code: localapi.CodeUnknown, Near: convert(unknown.Near, valid)})
	case errors.As(err, &renamed):
		return problem(connect.CodeNotFound, err, &earshotv1.Problem{Code: localapi.CodeRenamed, Persons: convert(renamed.Persons, person)})
	case errors.As(err, &ambiguous):
		return problem(connect.CodeFailedPrecondition, err, &earshotv1.Problem{
			Code:    localapi.CodeAmbiguous,
			Persons: convert(ambiguous.Candidates, person),
			Groups:  convert(ambiguous.Groups, group),
		})
	case errors.As(err, &taken):
		p := &earshotv1.Problem{Code: localapi.CodeNameTaken}
		if taken.By != nil {
			p.Persons = []*earshotv1.Person{person(*taken.By)}
		} else if taken.Group != nil {
			p.Groups = []*earshotv1.Group{group(*taken.Group)}
		}
		return problem(connect.CodeAlreadyExists, err, p)
	case errors.Is(err, context.Canceled):
		return connect.NewError(connect.CodeCanceled, err)
	case errors.Is(err, context.DeadlineExceeded): // the deadline that the caller has sent with the call
		return connect.NewError(connect.CodeDeadlineExceeded, err)
	}
	p := &earshotv1.Problem{}
	if unseen := new(names.CharacterError); errors.As(err, &unseen) {
		p.Character = unseen.Character()
	}
	for _, k := range known {
		if errors.Is(err, k.err) {
			p.Code = k.problem
			return problem(k.code, err, p)
		}
	}
	return problem(connect.CodeInternal, err, &earshotv1.Problem{Code: localapi.CodeInternal})
}

func problem(code connect.Code, err error, p *earshotv1.Problem) error {
	e := connect.NewError(code, err)
	if d, err := connect.NewErrorDetail(p); err == nil {
		e.AddDetail(d)
	}
	return e
}
