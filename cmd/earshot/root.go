package main

import (
	"context"
	"errors"
	"io"
	"os"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/earshot-im/earshot/cmd/earshot/browsing"
	"github.com/earshot-im/earshot/cmd/earshot/circle"
	"github.com/earshot-im/earshot/cmd/earshot/command"
	"github.com/earshot-im/earshot/cmd/earshot/handing"
	"github.com/earshot-im/earshot/cmd/earshot/problem"
	"github.com/earshot-im/earshot/cmd/earshot/running"
	"github.com/earshot-im/earshot/cmd/earshot/show"
	"github.com/earshot-im/earshot/cmd/earshot/suggest"
	"github.com/earshot-im/earshot/cmd/earshot/talk"
	"github.com/earshot-im/earshot/cmd/earshot/terminal"
)

// run runs one command and returns the exit status.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr *os.File) int {
	a := &command.App{
		Stdin: stdin, Stdout: stdout, Stderr: stderr, Version: programVersion(),
		Out: show.Printer{Style: terminal.StyleFor(stdout), Columns: terminal.Columns(stdout), IDs: new(show.IDs)},
	}
	root := rootCommand(a)
	root.SetArgs(args)
	err := command.CheckArgs(args)
	if err == nil {
		err = root.ExecuteContext(ctx)
	}
	if err == nil {
		return 0
	}
	a.Out.JSON = a.Out.JSON || slices.Contains(flagsOf(args), "--json") // it may stand behind what failed
	var p *problem.Problem
	if !errors.As(err, &p) { // from cobra; those of commands are explained already
		p = command.Usage(root, err.Error())
	}
	p.Print(stderr, a.Out.JSON)
	return p.Exit
}

// flagsOf returns the arguments before "--", which ends the flags.
func flagsOf(args []string) []string {
	if at := slices.Index(args, "--"); at >= 0 {
		return args[:at]
	}
	return args
}

// explaining has a command, and all commands below it, return problems and no other errors.
func explaining(c *cobra.Command) {
	if do := c.RunE; do != nil {
		c.RunE = func(c *cobra.Command, args []string) error {
			if err := do(c, args); err != nil {
				return problem.Explain(err)
			}
			return nil
		}
	}
	for _, sub := range c.Commands() {
		explaining(sub)
	}
}

// rootCommand puts the commands together.
func rootCommand(a *command.App) *cobra.Command {
	root := &cobra.Command{
		Use:   "earshot",
		Short: "Messages for people on the same local network, without a server",
		Long: `Messages for people on the same local network, without a server.

Start a node with "earshot up --detach", or have it started at each login with
"earshot service install". See who is there with "earshot peers", write with
"earshot send WHO TEXT", read with "earshot recv".

WHO is a nickname that you gave, a name, a person ID or its first 8 or more characters,
or a GROUP: "#name" (in quotes, for the shell), name, or its ID. What is printed can be
typed as well, such as "Bob (c4b3bf631f00aa22)". A name means whom you have named, verified or
written to, or a group of yours, before whoever else is called so.

Exit status: 0 done; 1 failed; 2 wrong usage; 3 no node is running; 4 no such
person or group, or several; 5 waited the whole --timeout.`,
		SilenceErrors: true,
		SilenceUsage:  true,
		PersistentPreRunE: func(c *cobra.Command, _ []string) error {
			err := a.Prepare()
			if c.Flag("dir").Changed {
				a.Named = a.Dir
			}
			return err
		},
	}
	command.Container(root)
	without := root.RunE
	root.RunE = func(c *cobra.Command, args []string) error { // on a terminal, no command is the screen
		if len(args) == 0 && running.OnTerminal(a) {
			return running.Screen(a, c)
		}
		return without(c, args)
	}
	root.SetOut(a.Stdout)
	root.SetErr(a.Stderr)
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error { return command.Usage(c, command.BadFlag(err)) })
	flags := root.PersistentFlags()
	flags.BoolVar(&a.Out.JSON, "json", false, "print JSON, one object a line")
	flags.StringVar(&a.Dir, "dir", "", "`DIR` of the node (default $EARSHOT_DIR, or "+command.DefaultDirText()+")")
	flags.StringVar(&a.PassphraseFile, "passphrase-file", "", "`FILE` with the passphrase of a protected node (or $EARSHOT_PASSPHRASE)")
	root.AddCommand(running.Commands(a)...)
	root.AddCommand(browsing.Commands(a)...)
	root.AddCommand(talk.Commands(a)...)
	root.AddCommand(handing.Commands(a)...)
	root.AddCommand(circle.Commands(a)...)
	root.SetHelpCommand(helpCommand(root))
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	for _, c := range root.Commands() {
		if c.Name() == "completion" {
			c.RunE = func(c *cobra.Command, _ []string) error { return command.Usage(c, "which shell?") }
		}
	}
	_ = root.MarkPersistentFlagDirname("dir") // the flag is there
	suggest.Complete(root, func() (string, error) {
		err := a.Prepare()
		return a.Dir, err
	})
	explaining(root)
	return root
}

// helpCommand makes the help command. Unlike cobra's own it fails for commands that don't exist.
func helpCommand(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]...",
		Short: "Help about any command",
		ValidArgsFunction: func(_ *cobra.Command, args []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
			var all []cobra.Completion
			if found, rest, err := root.Find(args); err == nil && len(rest) == 0 {
				for _, sub := range found.Commands() {
					if sub.IsAvailableCommand() && strings.HasPrefix(sub.Name(), begun) {
						all = append(all, cobra.CompletionWithDesc(sub.Name(), sub.Short))
					}
				}
			}
			return all, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(c *cobra.Command, args []string) error {
			found, rest, err := root.Find(args)
			if err != nil || len(rest) > 0 {
				return command.UnknownCommand(found, strings.Join(rest, " "))
			}
			found.InitDefaultHelpFlag()
			return found.Help()
		},
	}
}

// version is set by the linker. Without that, `go install` records one in the binary.
var version string

func programVersion() string {
	if info, ok := debug.ReadBuildInfo(); version == "" && ok {
		return info.Main.Version
	}
	return version
}
