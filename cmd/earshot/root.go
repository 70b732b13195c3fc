package main

import (
	"context"
	"errors"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/earshot-im/earshot/cmd/earshot/problem"
	"github.com/earshot-im/earshot/cmd/earshot/show"
	"github.com/earshot-im/earshot/cmd/earshot/suggest"
	"github.com/earshot-im/earshot/cmd/earshot/terminal"
	"github.com/earshot-im/earshot/node/localapi"
)

// app is one run of the program: where it reads and writes, and the flags that all commands have.
type app struct {
	stdin          io.Reader
	stdout, stderr *os.File
	out            show.Printer

	dir            string
	named          string // dir, if the command line names it
	passphraseFile string
}

// run runs one command and returns the exit status.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr *os.File) int {
	a := &app{stdin: stdin, stdout: stdout, stderr: stderr, out: show.Printer{Style: terminal.StyleFor(stdout), Columns: terminal.Columns(stdout)}}
	root := a.root()
	root.SetArgs(args)
	err := checkArgs(args)
	if err == nil {
		err = root.ExecuteContext(ctx)
	}
	if err == nil {
		return 0
	}
	a.out.JSON = a.out.JSON || slices.Contains(flagsOf(args), "--json") // it may stand behind what failed
	var p *problem.Problem
	if !errors.As(err, &p) { // from cobra; those of commands are explained already
		p = usage(root, err.Error())
	}
	p.Print(stderr, a.out.JSON)
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

func (a *app) root() *cobra.Command {
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
			err := a.prepare()
			if c.Flag("dir").Changed {
				a.named = a.dir
			}
			return err
		},
	}
	container(root)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error { return usage(c, badFlag(err)) })
	flags := root.PersistentFlags()
	flags.BoolVar(&a.out.JSON, "json", false, "print JSON, one object a line")
	flags.StringVar(&a.dir, "dir", "", "`DIR` of the node (default $EARSHOT_DIR, or "+defaultDirText()+")")
	flags.StringVar(&a.passphraseFile, "passphrase-file", "", "`FILE` with the passphrase of a protected node (or $EARSHOT_PASSPHRASE)")
	root.AddCommand(
		a.upCommand(), a.downCommand(), a.serviceCommand(), a.statusCommand(), a.peersCommand(), a.doctorCommand(), a.meCommand(),
		a.sendCommand(), a.recvCommand(), a.historyCommand(), a.searchCommand(), a.outboxCommand(),
		a.editCommand(), a.recallCommand(), a.reactCommand(), a.receiptsCommand(), a.groupCommand(),
		a.contactsCommand(), a.verifyCommand(), a.requestsCommand(), a.acceptCommand(), a.blockCommand(), a.unblockCommand(),
		a.versionCommand(),
	)
	root.SetHelpCommand(helpCommand(root))
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	for _, c := range root.Commands() {
		if c.Name() == "completion" {
			c.RunE = func(c *cobra.Command, _ []string) error { return usage(c, "which shell?") }
		}
	}
	_ = root.MarkPersistentFlagDirname("dir") // the flag is there
	suggest.Complete(root, func() (string, error) {
		err := a.prepare()
		return a.dir, err
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
				return unknownCommand(found, strings.Join(rest, " "))
			}
			found.InitDefaultHelpFlag()
			return found.Help()
		},
	}
}

// ask makes the function of a command that asks the node. Where there is none, a user at a terminal is
// offered to have it started.
func (a *app) ask(do func(ctx context.Context, client *localapi.Client, args []string) error) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, args []string) error {
		if err := a.starter().Offer(c.Context()); err != nil {
			return err
		}
		client := localapi.Dial(a.dir)
		defer client.Close()
		if !a.out.JSON { // programs have both versions from `status` and `version`
			client.OnVersion(a.starter().Compare)
		}
		return do(c.Context(), client, args)
	}
}
