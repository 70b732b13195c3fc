package command

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/earshot-im/earshot/cmd/earshot/problem"
	"github.com/earshot-im/earshot/cmd/earshot/reading"
	"github.com/earshot-im/earshot/node/localapi"
)

// Usage is the problem of a command line that a command doesn't take.
func Usage(c *cobra.Command, text string) *problem.Problem {
	return problem.Usage(c.CommandPath(), text)
}

// Container has a command only hold others. For what it doesn't hold it says what was meant.
func Container(c *cobra.Command) *cobra.Command {
	c.Args = cobra.ArbitraryArgs // or cobra would not call RunE
	c.RunE = func(c *cobra.Command, args []string) error {
		if len(args) == 0 {
			return Usage(c, "no command")
		}
		return UnknownCommand(c, args[0])
	}
	return c
}

// UnknownCommand says that a command holds no other of this name, and which are called nearly so.
func UnknownCommand(c *cobra.Command, name string) *problem.Problem {
	p := Usage(c, "unknown command "+Quote(name))
	c.SuggestionsMinimumDistance = 2 // letters that differ
	var similar []string
	for _, s := range c.SuggestionsFor(name) {
		similar = append(similar, "`"+c.CommandPath()+" "+s+"`")
	}
	if len(similar) > 0 {
		p.Hint = "did you mean " + strings.Join(similar, " or ") + "? Otherwise " + p.Hint
	}
	return p
}

// BadFlag says what is wrong with a flag, in plainer words than the library.
func BadFlag(err error) string {
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
	return fmt.Sprintf("--%s %q: use %s", invalid.GetFlag().Name, invalid.GetValue(), want)
}

// CheckArgs refuses arguments that are no text.
func CheckArgs(args []string) error {
	for _, arg := range args {
		if !utf8.ValidString(arg) {
			return problem.Failed(localapi.CodeText, "an argument is not valid UTF-8")
		}
	}
	return nil
}

// Exactly has a command take these arguments, which are named as in its usage line.
func Exactly(names ...string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		switch {
		case len(args) < len(names):
			return Usage(c, names[len(args)]+" is missing")
		case len(args) > len(names):
			return Usage(c, "too many arguments: "+Quote(args[len(names)]))
		}
		return nil
	}
}

// CheckMessage refuses what can't say which message is meant: an ID, the beginning of one, or the last of a
// conversation.
func CheckMessage(c *cobra.Command, what, text string) error {
	if who, last := strings.CutPrefix(text, reading.Last); last {
		if who == "" {
			return Usage(c, what+": WHO is missing behind "+reading.Last)
		}
		return nil
	}
	return CheckID(c, what, text, reading.Last+"WHO")
}

// CheckID refuses what is neither the ID of a message nor the beginning of one. What else the command takes
// is named to its user.
func CheckID(c *cobra.Command, what, id string, or ...string) error {
	if len(id) < localapi.MinPrefix || len(id) > 64 || strings.Trim(id, "0123456789abcdef") != "" {
		also := strings.Join(append([]string{""}, or...), ", or ")
		return Usage(c, fmt.Sprintf("%s: use the ID of a message, 64 lower-case hexadecimal digits, or the first %d or more of them%s", what, localapi.MinPrefix, also))
	}
	return nil
}

// maxFor is the longest time for which something is set.
const maxFor = 10 * 365 * 24 * time.Hour

// For reads for how long something is to be: as 90m, 8h or 2d.
func For(c *cobra.Command, text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if days, isDays := strings.CutSuffix(text, "d"); isDays {
		n, bad := strconv.ParseUint(days, 10, 12)
		d, err = time.Duration(n)*24*time.Hour, bad
	}
	if err != nil || d <= 0 || d > maxFor {
		return 0, Usage(c, "FOR "+Quote(text)+": use a duration, such as 90m, 8h or 2d")
	}
	return d, nil
}

// Quote makes what the user typed stand out in a sentence.
func Quote(s string) string { return strconv.Quote(s) }
