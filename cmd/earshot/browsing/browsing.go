// Package browsing has the commands about the page in a browser: opening it, and seeing and ending the
// sessions of browsers. The page is served by the node; package web, which `earshot up` runs, does that.
//
// Commands adds them to the root; nothing else calls this package. Its errors are those of the node, or
// problems.
package browsing

import (
	"context"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/earshot-im/earshot/cmd/earshot/command"
	"github.com/earshot-im/earshot/cmd/earshot/desktop"
	"github.com/earshot-im/earshot/cmd/earshot/terminal"
	"github.com/earshot-im/earshot/node/localapi"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// app is what each command here has.
type app struct{ *command.App }

// Commands are the commands about the page in a browser.
func Commands(run *command.App) []*cobra.Command {
	a := app{run}
	return []*cobra.Command{a.webCommand(), a.openCommand()}
}

func (a app) webCommand() *cobra.Command {
	var r earshotv1.OpenWebRequest
	var printed bool
	c := &cobra.Command{
		Use:   "web",
		Short: "Open the page in a browser, on which all can be done",
		Long: `Open a page in your browser, on which all can be done that one does all day. The node serves
it on this machine alone, from now on: closing the page leaves the node running, and messages
arrive. The link works once, within a minute; the browser is remembered until it was not used for
30 days. "earshot web sessions" shows the browsers, "earshot web end ID" shuts one out.

With --print, or where no browser can be opened, it prints the link, and how to use the page from
another machine by ssh: run the second line there, and open the link there. As long as that runs,
the users of that other machine can connect to the page too; without a link they get nothing of yours.`,
		Args: command.Exactly(),
		RunE: a.Ask(func(ctx context.Context, client *localapi.Client, _ []string) error {
			_, err := a.open(ctx, client, &r, printed)
			return err
		}),
	}
	flags := c.Flags()
	flags.BoolVar(&printed, "print", false, "print the link, and open nothing")
	flags.BoolVar(&r.NewAddress, "new-address", false, "serve the page at another address; all sessions end")
	flags.BoolVar(&r.AnyLocalUser, "any-local-user", false, "let programs of other users of this machine connect, until \"earshot web stop\": needed in WSL and some containers, where the node can't tell whose they are; without a link they get nothing")
	c.AddCommand(a.sessionsCommand(), a.endCommand(), a.stopCommand())
	return c
}

func (a app) openCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "open",
		Short: "Start the node if none runs, and open the page in a browser",
		Long: `Start the node if none runs, by the service where one is installed, and open the page in your
browser as "earshot web" does. It asks nothing: it is what the entry in the menu of a desktop does.
Where it has no terminal and that fails, a notification of the desktop says what to type.`,
		Args: command.Exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			opened, err := a.start(c.Context())
			switch {
			case a.Out.JSON || terminal.Is(a.Stderr): // whoever has called it reads what it says
			case err != nil:
				_ = desktop.Tell(c.Context(), "earshot can't be opened", "To see why, type this in a terminal:\nearshot open")
			case !opened:
				_ = desktop.Tell(c.Context(), "earshot can't open a browser", "Type this in a terminal, and open the link that it prints:\nearshot web --print")
			}
			return err
		},
	}
}

// start opens the page, of a node that is started first if none runs.
func (a app) start(ctx context.Context) (opened bool, err error) {
	if err := a.Starter().Ensure(ctx); err != nil {
		return false, err
	}
	client := localapi.Dial(a.Dir)
	defer client.Close()
	return a.open(ctx, client, &earshotv1.OpenWebRequest{}, false)
}

// open opens the page. Where no browser can be opened, the link is printed.
func (a app) open(ctx context.Context, client *localapi.Client, r *earshotv1.OpenWebRequest, printed bool) (opened bool, err error) {
	w, err := client.OpenWeb(ctx, r)
	if err != nil {
		return false, err
	}
	if !printed {
		if err = desktop.Browse(ctx, w.Url, filepath.Join(a.Dir, linkFile), w.AnyLocalUser); err == nil {
			return true, a.Out.Page(a.Stdout, w, "")
		}
		if !a.Out.JSON {
			fmt.Fprintf(a.Stderr, "earshot: no browser could be opened (%v): open the link yourself, within a minute\n", err)
		}
	}
	return false, a.Out.Page(a.Stdout, w, tunnel(w.Port))
}

// linkFile holds the link where a browser is given a file.
const linkFile = "web.html"

// tunnel is what is typed on another machine to use the page there. It has both loopback addresses or none, as the
// node: a browser tries one and the other, and somebody else may listen at the one that is left free.
func tunnel(port uint32) string {
	who, host := "USER", "HOST"
	if u, err := user.Current(); err == nil && plain(u.Username) {
		who = u.Username
	}
	if name, err := os.Hostname(); err == nil && plain(name) {
		host = name
	}
	to := fmt.Sprintf("%d:127.0.0.1:%d", port, port)
	return fmt.Sprintf("ssh -N -o ExitOnForwardFailure=yes -L 127.0.0.1:%s -L '[::1]:%s' %s@%s", to, to, who, host)
}

// plain reports whether a name means itself to a shell and to ssh.
func plain(name string) bool {
	const signs = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-"
	return name != "" && strings.Trim(name, signs) == "" && name[0] != '-'
}

func (a app) sessionsCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "sessions",
		Short: "Show the browsers that may use the page",
		Args:  command.Exactly(),
		RunE: a.Ask(func(ctx context.Context, client *localapi.Client, _ []string) error {
			r, err := client.WebSessions(ctx, &earshotv1.WebSessionsRequest{})
			if err != nil {
				return err
			}
			a.Nothing(len(r.Sessions), "no browser may use the page; `earshot web` opens it in one")
			return a.Out.WebSessions(a.Stdout, r.Sessions)
		}),
	}
	return a.Long(c, "when each was let in, and how much it has under way")
}

func (a app) endCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "end ID",
		Short: "Shut a browser out",
		Long:  "End the session of a browser, at once. IDs are what \"earshot web sessions\" shows.",
		Args:  command.Exactly("ID"),
		RunE: a.Ask(func(ctx context.Context, client *localapi.Client, args []string) error {
			_, err := client.EndWebSession(ctx, &earshotv1.EndWebSessionRequest{Id: args[0]})
			return err
		}),
	}
}

func (a app) stopCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "stop",
		Short: "Shut all browsers out, and serve the page no more",
		Long:  "End all sessions, and serve the page no more until the next \"earshot web\". The node goes on.",
		Args:  command.Exactly(),
		RunE: a.Ask(func(ctx context.Context, client *localapi.Client, _ []string) error {
			_, err := client.StopWeb(ctx, &earshotv1.StopWebRequest{})
			return err
		}),
	}
}
