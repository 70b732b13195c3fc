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
	name := ""
	if isNew(s.Dir) {
		var err error
		if name, _, err = ask("What do colleagues call you? (may be left empty, and changed later) "); err != nil {
			return err
		}
	}
	return s.start(ctx, name)
}

// isNew reports whether no node has ever run in a directory.
func isNew(dir string) bool {
	entries, err := os.ReadDir(dir)
	return len(entries) == 0 && (err == nil || errors.Is(err, os.ErrNotExist))
}
