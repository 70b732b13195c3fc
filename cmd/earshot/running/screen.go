package running

import (
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/earshot-im/earshot/cmd/earshot/command"
	"github.com/earshot-im/earshot/cmd/earshot/problem"
	"github.com/earshot-im/earshot/cmd/earshot/terminal"
	"github.com/earshot-im/earshot/cmd/earshot/tui"
	"github.com/earshot-im/earshot/node/localapi"
)

func (a app) tuiCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "tui",
		Short: "Show the screen, on which all can be done",
		Long: `Show a screen with the conversations, what is said and who is here, on which all
can be done that one does all day. F1 or /help shows its keys and commands. On a
terminal, "earshot" alone does the same.

It needs a terminal that shows whole screens. For screen readers, and for others,
there are the other commands.`,
		Args: command.Exactly(),
		RunE: func(c *cobra.Command, _ []string) error { return Screen(a.App, c) },
	}
}

// OnTerminal reports whether a screen can be shown.
func OnTerminal(a *command.App) bool {
	stdin, file := a.Stdin.(*os.File)
	return file && terminal.Is(stdin) && terminal.Is(a.Stdout) && os.Getenv("TERM") != "dumb" && !a.Out.JSON
}

// Screen shows the screen. Where no node runs, it offers to have it started.
func Screen(a *command.App, c *cobra.Command) error {
	if !OnTerminal(a) {
		return problem.Usage("earshot tui", "the screen needs a terminal that shows whole screens, for input and output")
	}
	ctx := c.Context()
	if err := a.Starter().Welcome(ctx); err != nil {
		return err
	}
	client := localapi.DialResting(a.Dir)
	defer client.Close()
	if err := client.Alive(ctx); err != nil {
		return err
	}
	stdin, _ := a.Stdin.(*os.File)
	return tui.Run(ctx, tui.Config{Client: client, In: stdin, Out: a.Stdout, Env: os.Environ(), Colours: os.Getenv("NO_COLOR") == "", Zone: time.Local})
}
