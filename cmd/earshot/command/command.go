// Package command is what all commands of earshot have in common: where a run of the program reads and
// writes, its flags for all commands, how a command asks the node, and how it says that it was called
// wrongly.
//
// The commands themselves are in packages running, circle and talk, by what they are about. Each has
// Commands, which takes the App of this run and returns what it adds to the root; the root in package
// main puts them together. So a new command is a function in its area and a word in that list.
//
// It keeps nothing, and refuses to decide anything that one command alone needs.
package command

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/earshot-im/earshot/cmd/earshot/advice"
	"github.com/earshot-im/earshot/cmd/earshot/show"
	"github.com/earshot-im/earshot/cmd/earshot/starting"
	"github.com/earshot-im/earshot/cmd/earshot/terminal"
	"github.com/earshot-im/earshot/cmd/earshot/transfer"
	"github.com/earshot-im/earshot/node/localapi"
)

// App is one run of the program: where it reads and writes, and the flags that all commands have.
type App struct {
	Stdin          io.Reader
	Stdout, Stderr *os.File
	Out            show.Printer
	Version        string // of this program

	Dir            string
	Named          string // Dir, if the command line names it
	PassphraseFile string
}

// Ask makes the function of a command that asks the node. Where there is none, a user at a terminal is
// offered to have it started.
func (a *App) Ask(do func(ctx context.Context, client *localapi.Client, args []string) error) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, args []string) error {
		if err := a.Starter().Offer(c.Context()); err != nil {
			return err
		}
		client := localapi.Dial(a.Dir)
		defer client.Close()
		if !a.Out.JSON { // programs have both versions from `status` and `version`
			client.OnVersion(a.Starter().Compare)
		}
		return do(c.Context(), client, args)
	}
}

// Mover moves files for a command. At a terminal it asks whether a picture is to be sent as it is.
func (a *App) Mover(client *localapi.Client) *transfer.Mover {
	m := &transfer.Mover{Client: client, Out: a.Out, Stdout: a.Stdout, Stderr: a.Stderr, Bars: terminal.Redraws(a.Stderr)}
	if stdin, file := a.Stdin.(*os.File); file && !a.Out.JSON && terminal.Is(stdin) && terminal.Is(a.Stderr) {
		m.Ask = func(ctx context.Context, question string) (bool, error) {
			line, _, err := terminal.Ask(ctx, question+" [y/N] ", stdin, a.Stderr)
			return terminal.Yes(line), err
		}
	}
	return m
}

// Starter starts the node of --dir, and ends it.
func (a *App) Starter() *starting.Starter {
	return &starting.Starter{
		Dir: a.Dir, PassphraseFile: a.PassphraseFile, Home: Home(), Version: a.Version,
		Out: a.Out, Stdin: a.Stdin, Stdout: a.Stdout, Stderr: a.Stderr,
	}
}

// AskDoctor tells people on standard error that the doctor can explain something, if there is such a
// thing.
func (a *App) AskDoctor(p show.Puzzle) error {
	if a.Out.JSON {
		return nil
	}
	return p.Write(a.Stderr, advice.Program(a.Named))
}

// Long gives a command that prints a list the flag --long, which adds what is named.
func (a *App) Long(c *cobra.Command, adds string) *cobra.Command {
	c.Flags().BoolVar(&a.Out.Long, "long", false, "also print "+adds+"; cut nothing")
	return c
}

// Nothing tells people on standard error that a list is empty, and what to try.
func (a *App) Nothing(count int, text string) {
	if count == 0 && !a.Out.JSON {
		fmt.Fprintln(a.Stderr, text)
	}
}
