package server

import (
	"context"
	"errors"
	"fmt"

	"connectrpc.com/connect"

	"github.com/earshot-im/earshot/crypto/names"
	"github.com/earshot-im/earshot/node/attention"
	"github.com/earshot-im/earshot/node/chat"
	"github.com/earshot-im/earshot/node/contacts"
	"github.com/earshot-im/earshot/node/files"
	"github.com/earshot-im/earshot/node/journal"
	"github.com/earshot-im/earshot/node/localapi"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
	"github.com/earshot-im/earshot/node/localapi/view"
	"github.com/earshot-im/earshot/node/membership"
	"github.com/earshot-im/earshot/node/people"
	"github.com/earshot-im/earshot/store"
)

var (
	errInvalid  = errors.New("invalid request")
	errStopping = errors.New("the node is stopping")
	errBusy     = fmt.Errorf("%d programs follow or wait already", localapi.MaxLong)
)

// told says what a caller is told of the errors of the rooms, and nothing else does: the first line
// that fits counts, and what none fits is CodeInternal. Hints for people are made of the code in cmd.
var told = []struct {
	fits   fits
	code   string
	status connect.Code
}{
	{as(unknown), localapi.CodeUnknown, connect.CodeNotFound},
	{as(renamed), localapi.CodeRenamed, connect.CodeNotFound},
	{as(ambiguous), localapi.CodeAmbiguous, connect.CodeFailedPrecondition},
	{as(nameTaken), localapi.CodeNameTaken, connect.CodeAlreadyExists},
	{as(badCharacter), localapi.CodeName, connect.CodeInvalidArgument},
	{is(chat.ErrKeyUsed), localapi.CodeKeyUsed, connect.CodeAlreadyExists},
	{is(chat.ErrText), localapi.CodeText, connect.CodeInvalidArgument},
	{is(chat.ErrEmpty), localapi.CodeEmpty, connect.CodeInvalidArgument},
	{is(chat.ErrTooLong), localapi.CodeTooLong, connect.CodeInvalidArgument},
	{is(chat.ErrAcknowledged), localapi.CodeAcknowledged, connect.CodeFailedPrecondition},
	{is(chat.ErrUndelivered), localapi.CodeUndelivered, connect.CodeFailedPrecondition},
	{is(chat.ErrNoMessage), localapi.CodeNoMessage, connect.CodeNotFound},
	{is(contacts.ErrBlocked), localapi.CodeBlocked, connect.CodeFailedPrecondition},
	{is(contacts.ErrWords), localapi.CodeWords, connect.CodeFailedPrecondition},
	{is(contacts.ErrSelf), localapi.CodeSelf, connect.CodeInvalidArgument},
	{is(contacts.ErrSamePerson), localapi.CodeSelf, connect.CodeInvalidArgument},
	{is(contacts.ErrNotContact), localapi.CodeNotContact, connect.CodeFailedPrecondition},
	{is(contacts.ErrContact), localapi.CodeContact, connect.CodeFailedPrecondition},
	{is(people.ErrSetting), localapi.CodeSetting, connect.CodeInvalidArgument},
	{is(people.ErrNoRecovery), localapi.CodeNoRecovery, connect.CodeFailedPrecondition},
	{is(contacts.ErrNotMember), localapi.CodeNotMember, connect.CodeFailedPrecondition},
	{is(chat.ErrRecalled), localapi.CodeRecalled, connect.CodeFailedPrecondition},
	{is(membership.ErrNotPermitted), localapi.CodeNotPermitted, connect.CodePermissionDenied},
	{is(membership.ErrGroupFull), localapi.CodeGroupFull, connect.CodeResourceExhausted},
	{is(chat.ErrNotYours), localapi.CodeNotYours, connect.CodePermissionDenied},
	{is(chat.ErrTooLate), localapi.CodeTooLate, connect.CodeFailedPrecondition},
	{is(chat.ErrEmoji), localapi.CodeEmoji, connect.CodeInvalidArgument},
	{is(chat.ErrNoWords), localapi.CodeQuery, connect.CodeInvalidArgument},
	{is(chat.ErrTooManyWords), localapi.CodeQuery, connect.CodeInvalidArgument},
	{is(files.ErrNoMessage), localapi.CodeNoMessage, connect.CodeNotFound},
	{is(files.ErrNotYours), localapi.CodeNotYours, connect.CodePermissionDenied},
	{is(files.ErrNoFile), localapi.CodeNoFile, connect.CodeNotFound},
	{is(files.ErrTooLarge), localapi.CodeTooLarge, connect.CodeInvalidArgument},
	{is(files.ErrPicture), localapi.CodePicture, connect.CodeInvalidArgument},
	{is(files.ErrVoice), localapi.CodeVoice, connect.CodeInvalidArgument},
	{is(files.ErrArchive), localapi.CodeInvalid, connect.CodeInvalidArgument},
	{is(files.ErrChanged), localapi.CodeChanged, connect.CodeFailedPrecondition},
	{is(files.ErrNoFolder), localapi.CodeNoFolder, connect.CodeFailedPrecondition},
	{is(files.ErrGone), localapi.CodeGone, connect.CodeUnavailable},
	{is(files.ErrNotHeld), localapi.CodeNotHeld, connect.CodeFailedPrecondition},
	{is(files.ErrNoRoom), localapi.CodeNoRoom, connect.CodeResourceExhausted},
	{is(store.ErrFull), localapi.CodeNoRoom, connect.CodeResourceExhausted},
	{is(store.ErrUnknown), localapi.CodeUncertain, connect.CodeUnknown},
	{is(names.ErrName), localapi.CodeName, connect.CodeInvalidArgument},
	{is(store.ErrCursor), localapi.CodeInvalid, connect.CodeInvalidArgument},
	{is(store.ErrOtherCursor), localapi.CodeOtherStore, connect.CodeFailedPrecondition},
	{is(journal.ErrKind), localapi.CodeInvalid, connect.CodeInvalidArgument},
	{is(errInvalid), localapi.CodeInvalid, connect.CodeInvalidArgument},
	{is(attention.ErrClient), localapi.CodeInvalid, connect.CodeInvalidArgument},
	{is(attention.ErrReplaced), localapi.CodeBusy, connect.CodeResourceExhausted},
	{is(attention.ErrBusy), localapi.CodeBusy, connect.CodeResourceExhausted},
	{is(localapi.ErrNoPage), localapi.CodeNoPage, connect.CodeUnavailable},
	{is(localapi.ErrWebUser), localapi.CodeWebUser, connect.CodeFailedPrecondition},
	{is(localapi.ErrWebFile), localapi.CodeWebFile, connect.CodeFailedPrecondition},
	{is(localapi.ErrNoSession), localapi.CodeNoSession, connect.CodeNotFound},
	{is(errBusy), localapi.CodeBusy, connect.CodeResourceExhausted},
	{is(errStopping), localapi.CodeStopping, connect.CodeUnavailable},
}

// fits reports whether an error is the one that a line is about. It puts what the error says besides
// into the Problem.
type fits func(error, *earshotv1.Problem) bool

func is(target error) fits {
	return func(err error, _ *earshotv1.Problem) bool { return errors.Is(err, target) }
}

func as[E error](detail func(E, *earshotv1.Problem)) fits {
	return func(err error, p *earshotv1.Problem) bool {
		var e E
		if !errors.As(err, &e) {
			return false
		}
		detail(e, p)
		return true
	}
}

func unknown(e *people.UnknownError, p *earshotv1.Problem) {
	p.Near, p.NearClaims = view.Each(e.Near, view.Valid), uint32(e.Claims)
}

func renamed(e *contacts.RenamedError, p *earshotv1.Problem) {
	p.Persons = view.Each(e.Persons, view.Person)
}

func ambiguous(e *contacts.AmbiguousError, p *earshotv1.Problem) {
	p.Persons, p.Groups = view.Each(e.Candidates, view.Person), view.Each(e.Groups, view.Group)
}

func nameTaken(e *contacts.NameTakenError, p *earshotv1.Problem) {
	if e.By != nil {
		p.Persons = []*earshotv1.Person{view.Person(*e.By)}
	} else if e.Group != nil {
		p.Groups = []*earshotv1.Group{view.Group(*e.Group)}
	}
}

func badCharacter(e *names.CharacterError, p *earshotv1.Problem) { p.Character = e.Character() }

// problem is what a caller is told of one of several things, where the others were done.
func problem(ctx context.Context, err error) *earshotv1.Problem {
	p := localapi.ProblemOf(answer(ctx, err))
	p.Text = err.Error()
	return p
}

// answer turns the error of a call into what the caller gets.
func answer(ctx context.Context, err error) error {
	var answered *connect.Error
	switch {
	case err == nil:
		return nil
	case errors.Is(err, store.ErrUnknown): // the node stops because of it; below
	case errors.Is(context.Cause(ctx), errStopping), errors.Is(err, store.ErrClosed):
		err = errStopping
	case errors.As(err, &answered): // an answer of Connect itself, which could not read the request
		return err
	case errors.Is(err, context.Canceled):
		return connect.NewError(connect.CodeCanceled, err)
	case errors.Is(err, context.DeadlineExceeded): // the deadline that the caller has sent with the call
		return connect.NewError(connect.CodeDeadlineExceeded, err)
	}
	p := &earshotv1.Problem{Code: localapi.CodeInternal}
	status := connect.CodeInternal
	for _, line := range told {
		if line.fits(err, p) {
			p.Code, status = line.code, line.status
			break
		}
	}
	answer := connect.NewError(status, err)
	if d, err := connect.NewErrorDetail(p); err == nil {
		answer.AddDetail(d)
	}
	return answer
}
