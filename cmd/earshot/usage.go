package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/earshot-im/earshot/cmd/earshot/problem"
	"github.com/earshot-im/earshot/node/localapi"
)

// usage is the problem of a command line that a command doesn't take.
func usage(c *cobra.Command, text string) *problem.Problem {
	return problem.Usage(c.CommandPath(), text)
}

// container has a command only hold others. For what it doesn't hold it says what was meant.
func container(c *cobra.Command) *cobra.Command {
	c.Args = cobra.ArbitraryArgs // or cobra would not call RunE
	c.RunE = func(c *cobra.Command, args []string) error {
		if len(args) == 0 {
			return usage(c, "no command")
		}
		return unknownCommand(c, args[0])
	}
	return c
}

// unknownCommand says that a command holds no other of this name, and which are called nearly so.
func unknownCommand(c *cobra.Command, name string) *problem.Problem {
	p := usage(c, "unknown command "+quote(name))
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

// badFlag says what is wrong with a flag, in plainer words than the library.
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
	return fmt.Sprintf("--%s %q: use %s", invalid.GetFlag().Name, invalid.GetValue(), want)
}

// checkArgs refuses arguments that are no text.
func checkArgs(args []string) error {
	for _, arg := range args {
		if !utf8.ValidString(arg) {
			return problem.Failed(localapi.CodeText, "an argument is not valid UTF-8")
		}
	}
	return nil
}

// exactly has a command take these arguments, which are named as in its usage line.
func exactly(names ...string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		switch {
		case len(args) < len(names):
			return usage(c, names[len(args)]+" is missing")
		case len(args) > len(names):
			return usage(c, "too many arguments: "+quote(args[len(names)]))
		}
		return nil
	}
}

// checkID refuses what is not the ID of a message.
func checkID(c *cobra.Command, what, id string) error {
	if len(id) != 64 || strings.Trim(id, "0123456789abcdef") != "" {
		return usage(c, what+": a message ID has 64 lower-case hexadecimal digits")
	}
	return nil
}

// quote makes what the user typed stand out in a sentence.
func quote(s string) string { return strconv.Quote(s) }
