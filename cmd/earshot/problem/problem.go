// Package problem makes the errors of a command into what its user is told: a text, a code for
// programs, a hint that says what to do, and an exit status.
//
// It owns the exit statuses, the codes that arise on this side of the local API, and the hint for
// every code, so that nothing of the kind is written anywhere else. Scripts depend on statuses and
// codes: they change only by adding. It refuses to guess: an error that it doesn't know is printed
// as it is, with exit status 1.
//
// Commands return a *Problem for what they find out themselves, made by Failed, Usage or TimedOut,
// and any other error as it came; the root passes that through Explain and prints what comes out.
package problem

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"syscall"

	"connectrpc.com/connect"

	"github.com/earshot-im/earshot/cmd/earshot/label"
	"github.com/earshot-im/earshot/cmd/earshot/object"
	"github.com/earshot-im/earshot/cmd/earshot/phrase"
	"github.com/earshot-im/earshot/cmd/earshot/show"
	"github.com/earshot-im/earshot/cmd/earshot/terminal"
	"github.com/earshot-im/earshot/node/localapi"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// Exit statuses; scripts depend on them.
const (
	ExitFailed     = 1
	ExitUsage      = 2
	ExitNotRunning = 3
	ExitWho        = 4 // no such person or group, or several
	ExitTimeout    = 5

	// ExitReplaced is that of a node that ends to be started again, since its program was replaced.
	// Units start it again for this; it is EX_TEMPFAIL of sysexits(3), which no other program takes
	// for a fault.
	ExitReplaced = 75
)

// Problem is what the user is told when a command fails.
type Problem struct {
	Exit int
	Code string // a word for programs
	Text string
	Hint string // what to do

	// Whom a name may have meant.
	persons []*earshotv1.Person
	groups  []*earshotv1.Group
	near    []string // names that are almost the same
	claims  int      // how many of near, the last ones, only strangers have

	messages []*earshotv1.Message // which the beginning of an ID may have meant
}

func (p *Problem) Error() string { return p.Text }

// Usage is a command line that can't be understood. The hint names the command whose help explains
// it, as "earshot send".
func Usage(command, text string) *Problem {
	p := Failed(CodeUsage, "%s", text)
	p.Hint = "see `" + command + " --help`"
	return p
}

// Failed is a problem with a code, and with the exit status and the hint for that code.
func Failed(code, format string, args ...any) *Problem {
	return &Problem{Exit: exitOf(code), Code: code, Text: fmt.Sprintf(format, args...), Hint: hints[code]}
}

// Told is a problem of which the user has been told already.
func Told(exit int) *Problem { return &Problem{Exit: exit} }

// TimedOut says that a command has waited as long as it was to, and what the user can do, if that
// is more than to wait longer.
func TimedOut(text, hint string) *Problem {
	p := Failed(codeTimeout, "%s", text)
	if hint != "" {
		p.Hint = hint
	}
	return p
}

// SeveralMessages says that several messages have IDs that begin so.
func SeveralMessages(prefix string, messages []*earshotv1.Message) *Problem {
	p := Failed(localapi.CodeAmbiguous, "%d messages have IDs that begin with %s", len(messages), prefix)
	p.Hint = "give more of the ID, or say with --in in which conversation it is"
	p.messages = messages
	return p
}

// Away explains an error to the user of a command that waits for its node to run again.
func Away(err error) *Problem {
	p := *Explain(err)
	p.Text += "; waiting for it"
	return &p
}

// Explain finds what to tell about any error that a command returns. A command whose errors nobody
// else meets gives an explanation of its own as more: it is asked where nothing general fits, and
// returns nil for an error that it doesn't know.
func Explain(err error, more ...func(error) *Problem) *Problem {
	var p *Problem
	if errors.As(err, &p) {
		return p
	}
	answer := localapi.ProblemOf(err)
	if answer != nil && answer.Code != localapi.CodeStopping && !errors.Is(err, localapi.ErrNotRunning) {
		return explainAnswer(answer, err)
	}
	var path *fs.PathError
	switch {
	case answer != nil: // a node that is stopping is as good as gone
		return Failed(codeNotRunning, "%s", message(err))
	case errors.Is(err, localapi.ErrNotRunning):
		return Failed(codeNotRunning, "%s", message(err))
	case errors.Is(err, localapi.ErrNotAnswering):
		return Failed(codeNotAnswering, "%s", message(err))
	case errors.Is(err, context.Canceled) || connect.CodeOf(err) == connect.CodeCanceled:
		return Failed(codeStopped, "interrupted")
	case errors.Is(err, localapi.ErrNotPrivate):
		return Failed(CodeNotPrivate, "%s", message(err))
	case errors.Is(err, localapi.ErrPathTooLong):
		return Failed(codePath, "%s", message(err))
	case errors.Is(err, syscall.EPIPE):
		return Failed(codeOutput, "nobody reads the output any more")
	case connect.CodeOf(err) == connect.CodeUnimplemented:
		return Failed(codeVersion, "the node doesn't know this command")
	}
	for _, explain := range more {
		if p := explain(err); p != nil {
			return p
		}
	}
	if errors.As(err, &path) && path.Op == "write" { // a command writes nothing but its output
		return Failed(codeOutput, "can't write the output: %v", path.Err)
	}
	if errors.Is(err, syscall.ENOTDIR) || errors.Is(err, fs.ErrPermission) {
		return Failed(CodeDirectory, "the directory can't be used: %s", message(err))
	}
	return Failed(codeFailed, "%s", message(err))
}

// Unanswered reports whether an error says that no node can be asked in a directory, whatever the
// reason.
func Unanswered(err error) bool {
	switch Explain(err).Code {
	case codeNotRunning, codeNotAnswering, CodeNotPrivate:
		return true
	}
	return errors.Is(err, fs.ErrPermission)
}

// UnknownTo reports whether an error says that the node, of another version, doesn't know what it was
// asked.
func UnknownTo(err error) bool { return err != nil && Explain(err).Code == codeVersion }

// UnlessStopped forgets an error of a command that stays until its user ends it, and has been
// ended.
func UnlessStopped(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// explainAnswer tells what the node answered.
func explainAnswer(answer *earshotv1.Problem, err error) *Problem {
	return answered(answer, message(err))
}

// Answered tells of a problem that the node has put into its answer, as of one message among several.
func Answered(answer *earshotv1.Problem) *Problem { return answered(answer, answer.Text) }

func answered(answer *earshotv1.Problem, text string) *Problem {
	p := Failed(answer.Code, "%s", text)
	switch answer.Code {
	case localapi.CodeUnknown, localapi.CodeRenamed, localapi.CodeAmbiguous, localapi.CodeNameTaken:
		p.persons, p.groups, p.near, p.claims = answer.Persons, answer.Groups, answer.Near, int(answer.NearClaims)
	case localapi.CodeName:
		p.Hint = NameHint(answer.Character)
	}
	return p
}

// NameHint says what to do about a name that can't be one, because of a character if that is given.
func NameHint(character string) string {
	if character == "" {
		return hints[localapi.CodeName]
	}
	return "leave out " + character + ": a name has only what people can see, joiners and selectors where they change how it looks, and none of the marks that stand around names"
}

// OfGroup explains an error of a command that gives a group a name.
func OfGroup(err error) error {
	if err == nil {
		return nil
	}
	p := Explain(err)
	if p.Code == localapi.CodeNameTaken {
		p.Hint = "choose another name, or add --anyway: then the name alone means neither"
	}
	return p
}

// OfReplacing explains an error of the command that puts a person in the place of a contact.
func OfReplacing(err error) error {
	if err == nil {
		return nil
	}
	p := Explain(err)
	if p.Code == localapi.CodeNotContact {
		p.Hint = "whoever is no contact has no name here, and nothing waits for them, that could go over to another; " +
			"in a group, `earshot group invite GROUP NEW` and then `earshot group remove GROUP OLD`, or ask an admin to"
	}
	return p
}

// OfFiles explains an error of a command about the files of a message.
func OfFiles(err error) error {
	if err == nil {
		return nil
	}
	p := *Explain(err)
	switch {
	case p.Code == codeOutput:
		p.Hint = "the node has the file still, unless it was taken back: `earshot get ID` saves it"
	case localapi.ProblemOf(err) == nil: // it is found out on this side
	case p.Code == localapi.CodeNoFile:
		p.Text, p.Hint = "the message has no such file", "`earshot files` shows which files go with which message"
	case p.Code == localapi.CodeNotYours:
		p.Text, p.Hint = "you have sent that yourself", "`earshot files` shows who has it; `earshot files drop ID` deletes the copy that the node keeps"
	}
	return &p
}

// message is the node's text without the status that Connect puts before it.
func message(err error) string {
	var answered *connect.Error
	if errors.As(err, &answered) {
		return answered.Message()
	}
	return err.Error()
}

// Print writes a problem for people, or as one JSON object.
func (p *Problem) Print(w io.Writer, asJSON bool) {
	if p.Text == "" {
		return // Told
	}
	if asJSON {
		_ = object.Write(w, object.Failure{Error: p.Text, Code: p.Code, Hint: p.Hint, Candidates: object.OfPersons(p.persons), Groups: object.OfGroups(p.groups), Near: p.near, Messages: object.OfCandidates(p.messages)})
		return
	}
	var b strings.Builder
	fmt.Fprintf(&b, "earshot: %s\n", terminal.Text(p.Text))
	for _, c := range p.persons {
		fmt.Fprintf(&b, "  %s  %s\n", c.Person, label.Title(c))
	}
	for _, g := range p.groups {
		fmt.Fprintf(&b, "  %s  %s\n", g.Id, phrase.Group(g))
	}
	for _, m := range p.messages {
		fmt.Fprintf(&b, "  %s\n", show.Candidate(m))
	}
	if len(p.near) > 0 {
		fmt.Fprintf(&b, "  did you mean %s?\n", label.Near(p.near, p.claims))
	}
	if p.Hint != "" {
		fmt.Fprintf(&b, "  %s\n", terminal.Text(p.Hint))
	}
	fmt.Fprint(w, b.String())
}
