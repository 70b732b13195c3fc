package starting

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/earshot-im/earshot/cmd/earshot/service"
	"github.com/earshot-im/earshot/cmd/earshot/terminal"
	"github.com/earshot-im/earshot/node/localapi"
)

// Offer asks the user at a terminal whether the node is to be started, if none runs. In scripts, and
// wherever the question would not be seen or the answer not be the user's, it does nothing: then the
// command itself finds that there is none.
func (s *Starter) Offer(ctx context.Context) error {
	return s.offer(ctx, func(ask asker) error {
		name := ""
		if isNew(s.Dir) {
			var err error
			if name, _, err = ask("What do colleagues call you? (may be left empty, and changed later) "); err != nil {
				return err
			}
		}
		return s.start(ctx, name)
	})
}

// Welcome is Offer for the screen, which asks for the name itself: where no node has ever run, it offers to
// have it started at each login.
func (s *Starter) Welcome(ctx context.Context) error {
	return s.offer(ctx, func(ask asker) error {
		if !isNew(s.Dir) {
			return s.start(ctx, "")
		}
		line, answered, err := ask("Start it at each login too, so that messages arrive? [Y/n] ")
		if err != nil {
			return err
		}
		if answered && (line == "" || terminal.Yes(line)) {
			p := s.Install(ctx, "")
			if p == nil || ctx.Err() != nil {
				return p
			}
			fmt.Fprintf(s.Stderr, "earshot: it can't be started at login: %s. It is started for now.\n", terminal.Line(p.Error()))
		}
		return s.start(ctx, "")
	})
}

// Ensure starts the node if none runs, and asks nobody.
func (s *Starter) Ensure(ctx context.Context) error {
	client := localapi.Dial(s.Dir)
	defer client.Close()
	if err := client.Alive(ctx); !errors.Is(err, localapi.ErrNotRunning) {
		return err
	}
	if service.OfSystem(s.Dir) != "" {
		return ofSystem(s.Dir)
	}
	return s.start(ctx, "")
}

// asker asks a question, and returns the line that answers it, if there is one.
type asker func(question string) (line string, answered bool, err error)

// offer asks whether the node is to be started, and has start do it if it is.
func (s *Starter) offer(ctx context.Context, start func(asker) error) error {
	stdin, file := s.Stdin.(*os.File)
	if s.Out.JSON || !file || !terminal.Is(stdin) || !terminal.Is(s.Stderr) || service.OfSystem(s.Dir) != "" {
		return nil
	}
	client := localapi.Dial(s.Dir)
	defer client.Close()
	none := client.Alive(ctx)
	if !errors.Is(none, localapi.ErrNotRunning) {
		return nil
	}
	ask := func(question string) (string, bool, error) { return terminal.Ask(ctx, question, stdin, s.Stderr) }
	switch line, answered, err := ask(fmt.Sprintf("No node is running in %s. Start it now? [Y/n] ", terminal.Line(s.Dir))); {
	case err != nil:
		return err
	case !answered, line != "" && !terminal.Yes(line):
		return none
	}
	return start(ask)
}

// isNew reports whether no node has ever run in a directory.
func isNew(dir string) bool {
	entries, err := os.ReadDir(dir)
	return len(entries) == 0 && (err == nil || errors.Is(err, os.ErrNotExist))
}
