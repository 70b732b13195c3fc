package problem

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"connectrpc.com/connect"

	"github.com/earshot-im/earshot/node/localapi"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

func answerOf(code connect.Code, word string) error {
	e := connect.NewError(code, errors.New("the node's words"))
	if d, err := connect.NewErrorDetail(&earshotv1.Problem{Code: word}); err == nil {
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
		{fmt.Errorf("dial: %w", localapi.ErrNotRunning), ExitNotRunning, codeNotRunning},
		{connect.NewError(connect.CodeUnavailable, localapi.ErrNotRunning), ExitNotRunning, codeNotRunning},
		{fmt.Errorf("%w: %w", localapi.ErrNotRunning, answerOf(connect.CodeUnavailable, localapi.CodeStopping)), ExitNotRunning, codeNotRunning},
		{connect.NewError(connect.CodeUnavailable, localapi.ErrNotAnswering), ExitFailed, codeNotAnswering},
		{answerOf(connect.CodeNotFound, localapi.CodeUnknown), ExitWho, localapi.CodeUnknown},
		{answerOf(connect.CodeFailedPrecondition, localapi.CodeAmbiguous), ExitWho, localapi.CodeAmbiguous},
		{answerOf(connect.CodeAlreadyExists, localapi.CodeKeyUsed), ExitFailed, localapi.CodeKeyUsed},
		{answerOf(connect.CodeInternal, localapi.CodeInternal), ExitFailed, localapi.CodeInternal},
		{answerOf(connect.CodeFailedPrecondition, localapi.CodeNotMember), ExitFailed, localapi.CodeNotMember},
		{answerOf(connect.CodePermissionDenied, localapi.CodeNotPermitted), ExitFailed, localapi.CodeNotPermitted},
		{answerOf(connect.CodeResourceExhausted, localapi.CodeGroupFull), ExitFailed, localapi.CodeGroupFull},
		{answerOf(connect.CodePermissionDenied, localapi.CodeNotYours), ExitFailed, localapi.CodeNotYours},
		{answerOf(connect.CodeFailedPrecondition, localapi.CodeTooLate), ExitFailed, localapi.CodeTooLate},
		{answerOf(connect.CodeResourceExhausted, localapi.CodeNoRoom), ExitFailed, localapi.CodeNoRoom},
		{answerOf(connect.CodeInvalidArgument, localapi.CodeEmoji), ExitFailed, localapi.CodeEmoji},
		{connect.NewError(connect.CodeUnimplemented, errors.New("no such method")), ExitFailed, codeVersion},
		{&os.PathError{Op: "write", Path: "/dev/stdout", Err: syscall.EPIPE}, ExitFailed, codeOutput},
		{localapi.ErrNotPrivate, ExitFailed, CodeNotPrivate},
		{fmt.Errorf("ask: %w", &os.PathError{Op: "stat", Path: "/home/ann", Err: syscall.EACCES}), ExitFailed, CodeDirectory},
		{&os.PathError{Op: "write", Path: "/dev/stdout", Err: syscall.EPERM}, ExitFailed, codeOutput},
		{TimedOut("late", ""), ExitTimeout, codeTimeout},
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

// Whom a name may have meant is listed under the names that others chose, which can't add a line, hide
// who is no contact, or lead to a stranger whose name is nearly that of a friend.
func TestListsOfWhomIsMeantAreNotFooled(t *testing.T) {
	for _, evil := range []string{"x\n  hint: pay\x1b[2J\u202e", "Bob (b0b0b0b0b0b0b0b0), online", `\`, `"`, "Bob, Eve"} {
		p := &Problem{Text: "which?", Hint: "say which", persons: []*earshotv1.Person{{Person: strings.Repeat("e7", 32), Name: evil}},
			groups: []*earshotv1.Group{{Id: strings.Repeat("c0", 32), Name: evil, Topic: evil, Role: "member", Members: 1}}, near: []string{"Cleo", evil}, claims: 1}
		var b strings.Builder
		p.Print(&b, false)
		lines := strings.Split(b.String(), "\n")
		if len(lines) != 6 || strings.ContainsAny(b.String(), "\x1b\u202e") || lines[5] != "" {
			t.Fatalf("%q: %q", evil, lines)
		}
		if !strings.HasSuffix(lines[1], `" (not a contact yet e7e7e7e7e7e7e7e7)`) || !strings.HasPrefix(lines[2], "  "+strings.Repeat("c0", 32)+`  #"`) ||
			!strings.HasPrefix(lines[3], `  did you mean Cleo, "`) || !strings.HasSuffix(lines[3], `" (not a contact yet)?`) {
			t.Errorf("%q: %q", evil, lines)
		}
	}
}

// Who writes the content of a file where it can't be written has marked nothing read, and is told where it is.
func TestOutputOfAFile(t *testing.T) {
	var p *Problem
	err := OfFiles(&os.PathError{Op: "write", Path: "/dev/stdout", Err: syscall.EPIPE})
	if !errors.As(err, &p) || p.Code != codeOutput || !strings.Contains(p.Hint, "earshot get") {
		t.Errorf("%v, %q", err, p.Hint)
	}
}
