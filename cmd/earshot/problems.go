package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"syscall"

	"connectrpc.com/connect"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/earshot-im/earshot/cmd/earshot/show"
	"github.com/earshot-im/earshot/cmd/earshot/terminal"
	"github.com/earshot-im/earshot/node/control"
	controlv1 "github.com/earshot-im/earshot/node/control/v1"
)

// Exit statuses; scripts depend on them.
const (
	exitFailed     = 1
	exitUsage      = 2
	exitNotRunning = 3
	exitWho        = 4
	exitTimeout    = 5
)

// problem is what the user is told when a command fails.
type problem struct {
	exit       int
	code       string // a word for programs
	text       string
	hint       string // what to do
	candidates []*controlv1.Person
	groups     []*controlv1.Group
}

func (p *problem) Error() string { return p.text }

// Codes beside those of control.
const (
	codeUsage      = "usage"
	codeNotRunning = "not_running"
	codeTimeout    = "timeout"
	codeCancelled  = "cancelled"
	codeOutput     = "output"
	codeInput      = "input"
	codeLocked     = "locked"
	codePassphrase = "passphrase"
	codeNotPrivate = "not_private"
	codePath       = "path"
	codeVersion    = "version"
	codeStopped    = "interrupted"
	codeAddress    = "address"
	codeDamaged    = "damaged"
	codeFailed     = "failed"
	codeUnverified = "not_verified"
)

// hints say what to do, by code.
var hints = map[string]string{
	control.CodeUnknown:      "see who is there with `earshot peers`, whom you know with `earshot contacts`, and your groups with `earshot group list`",
	control.CodeAmbiguous:    "use one of the IDs",
	control.CodeNameTaken:    "give a name of your own with --petname NAME",
	control.CodeName:         "a name has 1 to 64 visible characters and doesn't look like an ID",
	control.CodeKeyUsed:      "use a new key for a new text",
	control.CodeText:         "convert it to UTF-8 first, for example with iconv",
	control.CodeEmpty:        "give a text as an argument or on stdin",
	control.CodeTooLong:      "a message holds up to 64 KiB; split it",
	control.CodeAcknowledged: "somebody has it; for two minutes `earshot recall ID` takes the words back",
	control.CodeUndelivered:  "`earshot receipts ID` shows who has it; who is brought into the group again may write there again",
	control.CodeNoMessage:    "`earshot history WHO --json` shows the IDs of messages",
	control.CodeBlocked:      "`earshot unblock WHO` first",
	control.CodeWords:        "compare them again, face to face or by phone; if they differ, somebody may be between you",
	control.CodeSelf:         "name somebody else",
	control.CodeSetting:      "see `earshot me --help`",
	control.CodeNotMember:    "see your groups with `earshot group list`, and who is in one with `earshot group members GROUP`",
	control.CodeNotPermitted: "ask an owner or an admin who is senior: `earshot group members GROUP` shows who they are; only owners give roles",
	control.CodeRecalled:     "its author took its words back",
	control.CodeMember:       "see who is in it with `earshot group members GROUP`",
	control.CodeGroupFull:    "make a new one with `earshot group create NAME`",
	control.CodeNotYours:     "only who wrote it can do that; answer it with `earshot send WHO TEXT --reply-to ID`",
	control.CodeTooLate:      "put it right with `earshot edit ID TEXT`, which may be done at any time",
	control.CodeEmoji:        "give one emoji, or a word of up to 64 bytes; '' takes yours back",
	control.CodeInvalid:      "see --help",
	control.CodeInternal:     "the node's own output says more",
	codeNotRunning:           "start one with `earshot up` and the same --dir, or name the directory of one that runs",
	codeTimeout:              "try a longer --timeout",
	codeCancelled:            "it was taken back with `earshot outbox cancel` or `earshot recall`",
	codeOutput:               "what was not written has not been marked read",
	codeInput:                "check that it exists and can be read",
	codeLocked:               "stop it with `earshot down`, or use another --dir",
	codePassphrase:           "give it with --passphrase-file FILE or EARSHOT_PASSPHRASE",
	codeNotPrivate:           "take the rights of others away: chmod 700 the directory, or use another --dir",
	codePath:                 "use a --dir with a shorter path",
	codeVersion:              "the node is of another version: `earshot down`, then `earshot up` with this one",
	codeAddress:              "write it as /ip4/192.0.2.7/tcp/4001, for --peer with /p2p/ and the device's ID behind it",
	codeDamaged:              "nothing was changed; restore the directory from a backup",
	codeFailed:               "`earshot status` shows whether the node is well",
	codeUnverified:           "compare the words with the other person and answer yes if all are the same",
}

// badFlag says what is wrong with a flag, in words that are not the standard library's.
func badFlag(err error) string {
	var invalid *pflag.InvalidValueError
	if !errors.As(err, &invalid) {
		return err.Error()
	}
	want := map[string]string{
		"uint32":   "a number",
		"duration": "a duration, such as 10s or 5m",
		"bool":     "true or false",
	}[invalid.GetFlag().Value.Type()]
	if want == "" {
		return err.Error()
	}
	return fmt.Sprintf("--%s %q: want %s", invalid.GetFlag().Name, invalid.GetValue(), want)
}

func usage(c *cobra.Command, text string) *problem {
	return &problem{exit: exitUsage, code: codeUsage, text: text, hint: "see `" + c.CommandPath() + " --help`"}
}

func failed(code, format string, args ...any) *problem {
	return &problem{exit: exitFailed, code: code, text: fmt.Sprintf(format, args...), hint: hints[code]}
}

func timedOut(text string) *problem {
	return &problem{exit: exitTimeout, code: codeTimeout, text: text, hint: hints[codeTimeout]}
}

// explain finds what to tell about any error that a command returns.
func explain(err error) *problem {
	var p *problem
	if errors.As(err, &p) {
		return p
	}
	if answer := control.ProblemOf(err); answer != nil && !errors.Is(err, control.ErrNotRunning) {
		return explainAnswer(answer, err)
	}
	var path *fs.PathError
	switch {
	case errors.Is(err, control.ErrNotRunning):
		p = failed(codeNotRunning, "%s", message(err))
		p.exit = exitNotRunning
		return p
	case errors.Is(err, context.Canceled) || connect.CodeOf(err) == connect.CodeCanceled:
		return &problem{exit: exitFailed, code: codeStopped, text: "interrupted"}
	case errors.Is(err, control.ErrNotPrivate):
		return failed(codeNotPrivate, "%s", message(err))
	case errors.Is(err, control.ErrPathTooLong):
		return failed(codePath, "%s", message(err))
	case errors.Is(err, syscall.EPIPE):
		return failed(codeOutput, "nobody reads the output any more")
	case connect.CodeOf(err) == connect.CodeUnimplemented:
		return failed(codeVersion, "the node doesn't know this command")
	case errors.As(err, &path):
		return failed(codeFailed, "%v", err)
	}
	if p := explainUp(err); p != nil {
		return p
	}
	var answered *connect.Error
	if errors.As(err, &answered) {
		return failed(codeFailed, "%s", answered.Message())
	}
	return failed(codeFailed, "%v", err)
}

// explainAnswer tells what the node answered.
func explainAnswer(answer *controlv1.Problem, err error) *problem {
	p := failed(answer.Code, "%s", message(err))
	switch answer.Code {
	case control.CodeUnknown, control.CodeAmbiguous:
		p.exit = exitWho
		p.candidates, p.groups = answer.Persons, answer.Groups
	case control.CodeNameTaken:
		p.candidates, p.groups = answer.Persons, answer.Groups
	case control.CodeName:
		p.hint = nameHint(answer.Character)
	}
	return p
}

// nameHint says what to do about a name that can't be one, because of a character if
// that is named.
func nameHint(character string) string {
	if character == "" {
		return hints[control.CodeName]
	}
	return "leave out " + character + ": a name has only what people can see, and joiners and selectors where they change how it looks"
}

// message is the node's text without the status that Connect puts before it.
func message(err error) string {
	var answered *connect.Error
	if errors.As(err, &answered) {
		return answered.Message()
	}
	return err.Error()
}

// fail prints a problem and returns the exit status.
func (a *app) fail(p *problem) int {
	if a.out.JSON {
		_ = show.JSON(a.stderr, struct {
			Error      string        `json:"error"`
			Code       string        `json:"code"`
			Hint       string        `json:"hint,omitempty"`
			Candidates []show.Person `json:"candidates,omitempty"`
			Groups     []show.Group  `json:"groups,omitempty"`
		}{p.text, p.code, p.hint, show.Persons(p.candidates), show.Groups(p.groups)})
		return p.exit
	}
	var b strings.Builder
	fmt.Fprintf(&b, "earshot: %s\n", terminal.Text(p.text))
	for _, c := range p.candidates {
		fmt.Fprintf(&b, "  %s  %s\n", c.Person, terminal.Line(show.Title(c)))
	}
	for _, g := range p.groups {
		fmt.Fprintf(&b, "  %s  %s\n", g.Id, show.GroupTitle(g))
	}
	if p.hint != "" {
		fmt.Fprintf(&b, "  %s\n", terminal.Text(p.hint))
	}
	fmt.Fprint(a.stderr, b.String())
	return p.exit
}

// quote is for what the user typed, in a message.
func quote(s string) string { return strconv.Quote(s) }
