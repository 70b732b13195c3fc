package localapi

import (
	"context"
	"errors"

	"connectrpc.com/connect"

	"github.com/earshot-im/earshot/crypto/names"
	"github.com/earshot-im/earshot/node/chat"
	"github.com/earshot-im/earshot/node/contacts"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
	"github.com/earshot-im/earshot/node/people"
	"github.com/earshot-im/earshot/store"
)

var (
	// ErrNotRunning: no node answers in the directory. Start one.
	ErrNotRunning = errors.New("no node is running")
	// ErrNotPrivate: other users can enter the directory, so the socket is neither made nor trusted
	// there. Take their rights away.
	ErrNotPrivate = errors.New("directory is not private")
	// ErrPathTooLong: the system can't name a socket in this directory. Use another.
	ErrPathTooLong = errors.New("path is too long for a socket")

	errInvalid  = errors.New("invalid request")
	errStopping = errors.New("the node is stopping")
)

// Codes of a Problem. They are part of the schema.
const (
	CodeUnknown      = "unknown"
	CodeAmbiguous    = "ambiguous"
	CodeNameTaken    = "name_taken"
	CodeName         = "name"
	CodeKeyUsed      = "key_used"
	CodeText         = "text"
	CodeEmpty        = "empty"
	CodeTooLong      = "too_long"
	CodeAcknowledged = "acknowledged"
	CodeUndelivered  = "undelivered"
	CodeNoMessage    = "no_message"
	CodeBlocked      = "blocked"
	CodeWords        = "words"
	CodeSelf         = "self"
	CodeSetting      = "setting"
	CodeNotMember    = "not_member"
	CodeNotPermitted = "not_permitted"
	CodeRecalled     = "recalled"
	CodeMember       = "member"
	CodeGroupFull    = "group_full"
	CodeNotYours     = "not_yours"
	CodeTooLate      = "too_late"
	CodeEmoji        = "emoji"
	CodeInvalid      = "invalid"
	CodeStopping     = "stopping"
	CodeInternal     = "internal"
)

// known are the errors that callers can do something about.
var known = []struct {
	err     error
	problem string
	code    connect.Code
}{
	{chat.ErrKeyUsed, CodeKeyUsed, connect.CodeAlreadyExists},
	{chat.ErrText, CodeText, connect.CodeInvalidArgument},
	{chat.ErrEmpty, CodeEmpty, connect.CodeInvalidArgument},
	{chat.ErrTooLong, CodeTooLong, connect.CodeInvalidArgument},
	{chat.ErrAcknowledged, CodeAcknowledged, connect.CodeFailedPrecondition},
	{chat.ErrUndelivered, CodeUndelivered, connect.CodeFailedPrecondition},
	{chat.ErrNoMessage, CodeNoMessage, connect.CodeNotFound},
	{contacts.ErrBlocked, CodeBlocked, connect.CodeFailedPrecondition},
	{contacts.ErrWords, CodeWords, connect.CodeFailedPrecondition},
	{contacts.ErrSelf, CodeSelf, connect.CodeInvalidArgument},
	{people.ErrSetting, CodeSetting, connect.CodeInvalidArgument},
	{contacts.ErrNotMember, CodeNotMember, connect.CodeFailedPrecondition},
	{chat.ErrRecalled, CodeRecalled, connect.CodeFailedPrecondition},
	{chat.ErrNotPermitted, CodeNotPermitted, connect.CodePermissionDenied},
	{chat.ErrMember, CodeMember, connect.CodeAlreadyExists},
	{chat.ErrGroupFull, CodeGroupFull, connect.CodeResourceExhausted},
	{chat.ErrNotYours, CodeNotYours, connect.CodePermissionDenied},
	{chat.ErrTooLate, CodeTooLate, connect.CodeFailedPrecondition},
	{chat.ErrEmoji, CodeEmoji, connect.CodeInvalidArgument},
	{names.ErrName, CodeName, connect.CodeInvalidArgument},
	{errInvalid, CodeInvalid, connect.CodeInvalidArgument},
	{errStopping, CodeStopping, connect.CodeUnavailable},
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
	var ambiguous *contacts.AmbiguousError
	var taken *contacts.NameTakenError
	switch {
	case errors.As(err, &unknown):
		return problem(connect.CodeNotFound, err, &earshotv1.Problem{Code: CodeUnknown})
	case errors.As(err, &ambiguous):
		return problem(connect.CodeFailedPrecondition, err, &earshotv1.Problem{
			Code:    CodeAmbiguous,
			Persons: convert(ambiguous.Candidates, person),
			Groups:  convert(ambiguous.Groups, group),
		})
	case errors.As(err, &taken):
		p := &earshotv1.Problem{Code: CodeNameTaken}
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
	return problem(connect.CodeInternal, err, &earshotv1.Problem{Code: CodeInternal})
}

func problem(code connect.Code, err error, p *earshotv1.Problem) error {
	e := connect.NewError(code, err)
	if d, err := connect.NewErrorDetail(p); err == nil {
		e.AddDetail(d)
	}
	return e
}

// ProblemOf returns what the node said was wrong, or nil if err is not its answer.
func ProblemOf(err error) *earshotv1.Problem {
	var e *connect.Error
	if !errors.As(err, &e) {
		return nil
	}
	for _, d := range e.Details() {
		if v, err := d.Value(); err == nil {
			if p, ok := v.(*earshotv1.Problem); ok {
				return p
			}
		}
	}
	return nil
}
