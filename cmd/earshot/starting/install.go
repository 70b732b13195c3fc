package starting

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"

	"github.com/earshot-im/earshot/cmd/earshot/object"
	"github.com/earshot-im/earshot/cmd/earshot/passphrase"
	"github.com/earshot-im/earshot/cmd/earshot/problem"
	"github.com/earshot-im/earshot/cmd/earshot/service"
	"github.com/earshot-im/earshot/cmd/earshot/terminal"
	"github.com/earshot-im/earshot/node/localapi"
)

// Install has the node started at each login, and now, and prints the service.
func (s *Starter) Install(ctx context.Context, name string) error {
	if s.PassphraseFile == "" && os.Getenv("EARSHOT_PASSPHRASE") != "" {
		p := problem.Failed(problem.CodePassphrase, "a service does not see EARSHOT_PASSPHRASE")
		p.Hint = "give the passphrase with --passphrase-file FILE, which only you can read, and unset EARSHOT_PASSPHRASE"
		return p
	}
	if service.OfSystem(s.Dir) != "" {
		return ofSystem(s.Dir)
	}
	if err := passphrase.Check(s.Dir, s.PassphraseFile); err != nil {
		return err
	}
	svc, err := s.service()
	if err != nil {
		return err
	}
	if err := svc.Check(ctx); err != nil {
		return ofService(err)
	}
	client := localapi.Dial(s.Dir)
	defer client.Close()
	alive := client.Alive(ctx)
	switch {
	case alive != nil && !errors.Is(alive, localapi.ErrNotRunning):
		return alive
	case alive == nil && svc.Supervises() && !svc.Active(ctx):
		if !s.Out.JSON {
			fmt.Fprintln(s.Stderr, "earshot: a node runs in this directory: it is stopped, and the service starts it again")
		}
		if err := s.Stop(ctx); err != nil {
			return err
		}
	}
	if err := svc.Install(ctx); err != nil {
		if svc.State().Installed {
			return notStarted(svc, err)
		}
		return ofService(err)
	}
	if !svc.Supervises() && alive != nil {
		if err := s.background(ctx, nil, s.Stderr); err != nil {
			return err
		}
	}
	if err := s.started(ctx, svc, name, s.Stderr); err != nil {
		return err
	}
	if !s.Out.JSON && svc.State().Kind == service.Systemd && !lingers() {
		fmt.Fprintln(s.Stderr, "It runs from now on while you are logged in. Where nobody logs in, `loginctl enable-linger` has it run all the time.")
	}
	return s.print(ctx, svc)
}

// lingers reports whether the user's units run without a login.
func lingers() bool {
	u, err := user.Current()
	if err != nil {
		return false
	}
	_, err = os.Stat(filepath.Join("/var/lib/systemd/linger", u.Username))
	return err == nil
}

// Remove ends the service and its node, and prints what is left.
func (s *Starter) Remove(ctx context.Context) error {
	svc, err := s.service()
	if err != nil {
		return err
	}
	was := svc.State().Installed
	if err := svc.Remove(ctx); err != nil {
		return ofService(err)
	}
	if was && !svc.Supervises() { // else its node has ended
		if err := s.Stop(ctx); err != nil && !errors.Is(err, localapi.ErrNotRunning) {
			return err
		}
	}
	if !s.Out.JSON {
		fmt.Fprintf(s.Stderr, "The messages and the identity stay in %s.\n", terminal.Line(s.Dir))
	}
	return s.print(ctx, svc)
}

// Show prints the service.
func (s *Starter) Show(ctx context.Context) error {
	svc, err := s.service()
	if err != nil {
		return err
	}
	return s.print(ctx, svc)
}

func (s *Starter) print(ctx context.Context, svc service.Service) error {
	client := localapi.Dial(s.Dir)
	defer client.Close()
	now, alive := svc.State(), client.Alive(ctx) == nil
	running := now.Installed && (svc.Active(ctx) || alive && !svc.Supervises())
	return s.Out.Service(s.Stdout, object.Service{Kind: now.Kind, Dir: s.Dir, Installed: now.Installed, Enabled: now.Enabled, Running: running, Elsewhere: now.Elsewhere, Path: now.Path}, alive)
}

// ofService explains an error of a service.
func ofService(err error) error {
	hint := ""
	switch {
	case err == nil || errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, service.ErrUnavailable):
		hint = "log in as this user, not by su or sudo; where there is nothing that starts programs at login, `earshot up --detach` " +
			"starts the node in the background, as from a crontab: @reboot earshot up --detach"
	case errors.Is(err, service.ErrPath):
		hint = "use other paths for --dir, --passphrase-file and the program itself; without a service, `earshot up --detach` starts the node in the background"
	case errors.Is(err, service.ErrElsewhere):
		hint = "a user has one service: `earshot service remove` with the --dir of that node ends it"
	case errors.Is(err, service.ErrForeign):
		hint = "nothing was changed; move it away first if it is not needed"
	case errors.Is(err, service.ErrEveryones):
		hint = "`systemctl --user mask --now earshot` has it not start yours"
	}
	p := problem.Failed(problem.CodeService, "%v", err)
	if hint != "" {
		p.Hint = hint
	}
	return p
}
