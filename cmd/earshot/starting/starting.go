// Package starting starts the node of a directory for the commands, and ends it: in the background
// (package detach), or by the service of the directory's owner (package service) where one is
// installed. Where it is, nothing here starts a node in another way; nor does anything start that of a
// bot, which has a unit of the system.
//
// It owns the order of the steps: that a node which runs is stopped before the service starts it, that
// what is started is ready before anything else is said or done, and what the user is told meanwhile.
// All that is said goes to standard error, apart from what `up --detach` and `service` print as their
// results. It asks the user only at a terminal.
//
// Nothing here runs on. The errors are problems, or those of the client of the local API, which
// package problem explains.
package starting

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/earshot-im/earshot/cmd/earshot/detach"
	"github.com/earshot-im/earshot/cmd/earshot/problem"
	"github.com/earshot-im/earshot/cmd/earshot/program"
	"github.com/earshot-im/earshot/cmd/earshot/service"
	"github.com/earshot-im/earshot/cmd/earshot/show"
	"github.com/earshot-im/earshot/cmd/earshot/terminal"
	"github.com/earshot-im/earshot/node/localapi"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

const (
	// readyTimeout is how long a node that a service has started may take to answer. systemd says
	// itself when it is ready, and then it answers at once.
	readyTimeout = 15 * time.Second

	// askTimeout is how long a service may take to say whether it runs the node, where a hint hangs on it.
	askTimeout = 2 * time.Second

	// readyPoll is how often it is asked meanwhile.
	readyPoll = 50 * time.Millisecond
)

// Starter starts and ends the node of one directory, and is used by one command.
type Starter struct {
	Dir            string // absolute
	PassphraseFile string // "": none
	Home           string // of the user; "": not known
	Version        string // of this program

	Out            show.Printer
	Stdin          io.Reader
	Stdout, Stderr *os.File
}

// service is the service of the directory, as this system has it.
func (s *Starter) service() (service.Service, error) {
	path, err := program.Path()
	if err != nil {
		return nil, err
	}
	c := service.Config{Program: path, Dir: s.Dir, Home: s.Home}
	if s.PassphraseFile != "" {
		if c.PassphraseFile, err = filepath.Abs(s.PassphraseFile); err != nil {
			return nil, err
		}
	}
	return service.Of(c), nil
}

// starts reports whether a service is installed that starts the node, and then nothing else does.
func starts(svc service.Service) bool { return svc.Supervises() && svc.State().Installed }

// Warn tells somebody who runs a node in the foreground that a service is installed.
func (s *Starter) Warn() {
	svc, err := s.service()
	if err != nil || s.Out.JSON || !starts(svc) {
		return
	}
	fmt.Fprintf(s.Stderr, "earshot: a service is installed that starts the node of this directory (%s): "+
		"it can't do so while this one runs\n", terminal.Line(svc.State().Path))
}

// Detach starts a node, and prints on standard output that it is ready. The flags are those of `up`;
// alone is one of them that a service can't pass on, "" if there is none.
func (s *Starter) Detach(ctx context.Context, name string, flags []string, alone string) error {
	svc, err := s.service()
	if err != nil {
		return err
	}
	switch {
	case service.OfSystem(s.Dir) != "":
		return ofSystem(s.Dir)
	case !starts(svc):
		return s.background(ctx, flags, s.Stdout)
	case alone != "":
		p := problem.Failed(problem.CodeService, "--%s can't be given: a service is installed, which starts the node of this directory without it", alone)
		p.Hint = "leave it out, or `earshot service remove` first"
		return p
	}
	return s.byService(ctx, svc, name, s.Stdout)
}

// ofSystem says who starts a node that only the administrator's unit may start.
func ofSystem(dir string) error {
	unit := service.OfSystem(dir)
	p := problem.Failed(problem.CodeService, "the node of this directory is started by %s, a unit of the system", unit)
	p.Hint = "`sudo systemctl start " + unit + "` starts it now, and with `enable` in place of `start` at every start of the machine"
	return p
}

// start starts the node for a command that needs it. What it says is no result of the command.
func (s *Starter) start(ctx context.Context, name string) error {
	svc, err := s.service()
	if err != nil {
		return err
	}
	if starts(svc) {
		return s.byService(ctx, svc, name, s.Stderr)
	}
	var flags []string
	if s.PassphraseFile != "" {
		flags = append(flags, "--passphrase-file="+s.PassphraseFile)
	}
	if name != "" {
		flags = append(flags, "--name="+name)
	}
	return s.background(ctx, flags, s.Stderr)
}

// background starts a node in the background, and passes on what it says until it is ready.
func (s *Starter) background(ctx context.Context, flags []string, stdout io.Writer) error {
	path, err := program.Path()
	if err != nil {
		return err
	}
	exit, err := detach.Start(ctx, path, append([]string{"--dir=" + s.Dir, "up", "--log"}, flags...), stdout, s.Stderr)
	if err == nil && exit != 0 {
		return problem.Told(exit)
	}
	return err
}

// byService has the service start the node, waits until that is ready, and says so.
func (s *Starter) byService(ctx context.Context, svc service.Service, name string, stdout io.Writer) error {
	if s.PassphraseFile != "" && !svc.State().Opens {
		p := problem.Failed(problem.CodeService, "--passphrase-file can't be given: a service is installed, which starts the node of this directory without it, or with another")
		p.Hint = "leave it out, or have the service use it by the same flag and `earshot service install`"
		return p
	}
	client := localapi.Dial(s.Dir)
	defer client.Close()
	if err := client.Alive(ctx); err == nil {
		return problem.Failed(problem.CodeLocked, "another process runs the node of this directory")
	} else if !errors.Is(err, localapi.ErrNotRunning) {
		return err
	}
	if err := svc.Start(ctx); err != nil {
		return notStarted(svc, err)
	}
	return s.started(ctx, svc, name, stdout)
}

// started waits until the service's node is ready, gives the owner a name if there is one, and says
// that it is ready, as a node does itself in the foreground.
func (s *Starter) started(ctx context.Context, svc service.Service, name string, stdout io.Writer) error {
	client := localapi.Dial(s.Dir)
	defer client.Close()
	status, err := untilReady(ctx, client)
	if err != nil {
		return notStarted(svc, err)
	}
	if name != "" {
		if _, err := client.UpdateMe(ctx, &earshotv1.UpdateMeRequest{Name: &name}); err != nil {
			return err
		}
		if status, err = client.Status(ctx, &earshotv1.StatusRequest{}); err != nil {
			return err
		}
	}
	if err := s.Out.Ready(stdout, status); err != nil || s.Out.JSON {
		return err
	}
	return show.Started(s.Stderr, status.Finding)
}

// untilReady waits for a node that is being started, and returns its status.
func untilReady(ctx context.Context, client *localapi.Client) (*earshotv1.StatusResponse, error) {
	late := time.NewTimer(readyTimeout)
	defer late.Stop()
	poll := time.NewTicker(readyPoll)
	defer poll.Stop()
	for {
		status, err := client.Status(ctx, &earshotv1.StatusRequest{})
		if err == nil || !errors.Is(err, localapi.ErrNotRunning) {
			return status, err
		}
		select {
		case <-poll.C:
		case <-late.C:
			return nil, fmt.Errorf("it does not answer after %v", readyTimeout)
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// notStarted explains that the service is there and its node is not.
func notStarted(svc service.Service, err error) error {
	if errors.Is(err, context.Canceled) {
		return err
	}
	p := problem.Failed(problem.CodeService, "the service has not started the node: %v", err)
	p.Hint = "see why with `" + svc.LogCommand() + "`"
	if errors.Is(err, service.ErrUnavailable) {
		p.Hint = "log in as this user, not by su or sudo; `earshot up` runs the node in this terminal meanwhile"
	}
	return p
}

// Stop ends the node, and returns when it has ended.
func (s *Starter) Stop(ctx context.Context) error {
	client := localapi.Dial(s.Dir)
	defer client.Close()
	if _, err := client.Down(ctx, &earshotv1.DownRequest{}); err != nil {
		return err
	}
	if err := localapi.Ended(ctx, s.Dir); err != nil {
		return err
	}
	if svc, err := s.service(); err == nil && starts(svc) {
		_ = svc.Settle(ctx) // the node has ended, whether the service can be asked or not
	}
	return nil
}

// byNow reports whether the service runs the node now. One that was started in another way would be in the way of
// the service's.
func (s *Starter) byNow(svc service.Service) bool {
	ctx, cancel := context.WithTimeout(context.Background(), askTimeout)
	defer cancel()
	return svc.Active(ctx)
}

// Compare tells a user that an older program, or a newer one, runs the node.
func (s *Starter) Compare(running string) {
	if running == s.Version {
		return
	}
	restart := "`earshot down`, then `earshot up --detach`"
	if unit := service.OfSystem(s.Dir); unit != "" {
		restart = "`sudo systemctl restart " + unit + "`"
	} else if svc, err := s.service(); err == nil && starts(svc) && s.byNow(svc) {
		restart = "`" + svc.RestartCommand() + "`"
	}
	fmt.Fprintf(s.Stderr, "earshot: the node that runs is %s, this program is %s: restart to update, with %s\n",
		terminal.Line(running), s.Version, restart)
}
