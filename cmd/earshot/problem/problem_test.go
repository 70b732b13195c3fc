package problem

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"connectrpc.com/connect"

	"github.com/earshot-im/earshot/node/control"
	controlv1 "github.com/earshot-im/earshot/node/control/v1"
)

func answerOf(code connect.Code, word string) error {
	e := connect.NewError(code, errors.New("the node's words"))
	if d, err := connect.NewErrorDetail(&controlv1.Problem{Code: word}); err == nil {
		e.AddDetail(d)
	}
	return e
}

func TestExplain(t *testing.T) {
	for _, test := range []struct {
		err  error
		exit int
		code string
	}{
		{fmt.Errorf("dial: %w", control.ErrNotRunning), ExitNotRunning, codeNotRunning},
		{connect.NewError(connect.CodeUnavailable, control.ErrNotRunning), ExitNotRunning, codeNotRunning},
		{fmt.Errorf("%w: %w", control.ErrNotRunning, answerOf(connect.CodeUnavailable, control.CodeStopping)), ExitNotRunning, codeNotRunning},
		{answerOf(connect.CodeNotFound, control.CodeUnknown), ExitWho, control.CodeUnknown},
		{answerOf(connect.CodeFailedPrecondition, control.CodeAmbiguous), ExitWho, control.CodeAmbiguous},
		{answerOf(connect.CodeAlreadyExists, control.CodeKeyUsed), ExitFailed, control.CodeKeyUsed},
		{answerOf(connect.CodeInternal, control.CodeInternal), ExitFailed, control.CodeInternal},
		{answerOf(connect.CodeFailedPrecondition, control.CodeNotMember), ExitFailed, control.CodeNotMember},
		{answerOf(connect.CodePermissionDenied, control.CodeNotPermitted), ExitFailed, control.CodeNotPermitted},
		{answerOf(connect.CodeAlreadyExists, control.CodeMember), ExitFailed, control.CodeMember},
		{answerOf(connect.CodeResourceExhausted, control.CodeGroupFull), ExitFailed, control.CodeGroupFull},
		{answerOf(connect.CodePermissionDenied, control.CodeNotYours), ExitFailed, control.CodeNotYours},
		{answerOf(connect.CodeFailedPrecondition, control.CodeTooLate), ExitFailed, control.CodeTooLate},
		{answerOf(connect.CodeInvalidArgument, control.CodeEmoji), ExitFailed, control.CodeEmoji},
		{connect.NewError(connect.CodeUnimplemented, errors.New("no such method")), ExitFailed, codeVersion},
		{&os.PathError{Op: "write", Path: "/dev/stdout", Err: syscall.EPIPE}, ExitFailed, codeOutput},
		{control.ErrNotPrivate, ExitFailed, CodeNotPrivate},
		{TimedOut("late"), ExitTimeout, codeTimeout},
		{errors.New("anything"), ExitFailed, codeFailed},
	} {
		p := Explain(test.err)
		if p.Exit != test.exit || p.Code != test.code || p.Text == "" || p.Hint == "" {
			t.Errorf("%v: %+v", test.err, p)
		}
		if strings.HasPrefix(p.Text, "unavailable:") || strings.HasPrefix(p.Text, "internal:") {
			t.Errorf("%v: status in the text: %q", test.err, p.Text)
		}
	}
}
