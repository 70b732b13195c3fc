// Package up runs a node for `earshot up`. Beside package doctor it is the only part of the command
// line that sees more than the client of the local API.
//
// It owns the order in which a node and the server of its local API start and stop: the directory
// is opened first, then both run, then the line that begins with "ready" is printed, and when one
// of the two ends the other does. It prints that line on standard output, and the node's warnings
// and log on standard error. A node in the background writes these into the log of its directory as
// well, and lets go of its standard files when it is ready: so whoever has started it, as package
// detach does, learns that it is. What a node does is none of its business.
//
// Run may be called once in a process, since it also sets how the whole process collects garbage.
// It returns when all its goroutines have ended. Its errors are problems: locked by another
// process, wrong passphrase, damaged files and so on, each with what to do.
package up

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"log/slog"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/earshot-im/earshot/cmd/earshot/desktop"
	"github.com/earshot-im/earshot/cmd/earshot/passphrase"
	"github.com/earshot-im/earshot/cmd/earshot/problem"
	"github.com/earshot-im/earshot/cmd/earshot/program"
	"github.com/earshot-im/earshot/cmd/earshot/show"
	"github.com/earshot-im/earshot/cmd/earshot/web"
	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/crypto/names"
	"github.com/earshot-im/earshot/node"
	"github.com/earshot-im/earshot/node/budget"
	"github.com/earshot-im/earshot/node/link"
	"github.com/earshot-im/earshot/node/localapi"
	"github.com/earshot-im/earshot/node/localapi/server"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
	"github.com/earshot-im/earshot/node/localapi/view"
	"github.com/earshot-im/earshot/node/warnings"
	"github.com/earshot-im/earshot/store"
)

// maxLines is how many warnings and the like may wait to be printed. There are fewer kinds, and of
// peers that are not reached there is a line for each that was named.
const maxLines = 64

// announceAgain is after how long a node is asked again that has not answered when it was ready.
const announceAgain = time.Second

// Options are what the command line says.
type Options struct {
	Dir            string
	Home           string // of the user; "": not known
	PassphraseFile string // "": the passphrase, if any, is in EARSHOT_PASSPHRASE
	Version        string // of this program
	Program        string // its path

	Log             bool   // the node runs in the background: what is said goes to the log in Dir
	Notify          string // whether the desktop shows notifications: NotifyAuto, NotifyOn or NotifyOff
	RestartOnUpdate bool   // end when Program was replaced, with problem.ExitReplaced
	Headless        bool   // as if there were no desktop session
	Usual           bool   // Dir is where the platform keeps the data of programs

	// As in node.Config.
	Name       string
	Listen     []string
	Peers      []string
	NoMDNS     bool
	Interfaces []string

	Out            show.Printer
	Stdout, Stderr io.Writer
}

// Run runs a node until ctx ends, it is asked to stop, or it fails; its errors are problems.
func Run(ctx context.Context, o Options) error {
	said := &output{to: []io.Writer{o.Stderr}}
	o.Stderr = said
	secret := sync.OnceValues(func() ([]byte, error) { return passphrase.Read(o.PassphraseFile) }) // it may be a pipe
	err := again(ctx, said, func() error { return o.run(ctx, said, secret) })
	if errors.Is(err, errReplaced) {
		fmt.Fprintln(said, "earshot: the program was replaced: this node ends, so that the new one is started")
		return problem.Told(problem.ExitReplaced)
	}
	if err == nil {
		return nil
	}
	p := problem.Explain(err, explain)
	if o.Log && p.Code != problem.CodeLocked { // else the log is that of whoever has locked it
		said.late(o.Dir)
	}
	p.Print(said.log(), false)
	return p
}

// errReplaced: there is a new program, which is to be started.
var errReplaced = errors.New("the program was replaced")

func (o *Options) run(ctx context.Context, said *output, passphrase func() ([]byte, error)) error {
	alerts, err := o.showsAlerts()
	if err != nil {
		return err
	}
	secret, err := passphrase()
	if err != nil {
		return err
	}
	if err := checkFiles(); err != nil {
		return err
	}
	if err := checkHome(o.Home, o.Dir, os.Geteuid()); err != nil {
		return err
	}
	limitMemory()
	logger := slog.New(budget.Logs(o.handler(said.logger())))
	routeLog(logger)
	if err := slackenTimers(); err != nil {
		logger.Debug("slacken timers", "err", err)
	}
	lines := make(chan func() error, maxLines)
	say := func(line func() error) {
		select {
		case lines <- line:
		default: // a node doesn't wait for its lines to be read; `status` shows the same
		}
	}
	cfg := node.Config{
		Dir: o.Dir, Passphrase: secret, Version: o.Version,
		Name: o.Name, Listen: o.Listen, Peers: o.Peers, NoMDNS: o.NoMDNS, Interfaces: o.Interfaces,
		Desktop: o.atDesktop(), Folder: o.folder(ctx),
		Log: logger,
		Warn: func(w warnings.Warning) {
			say(func() error { return o.Out.Warning(o.Stderr, view.Warning(w)) })
		},
		Unreached: func(peer string, err error) {
			say(func() error { return o.Out.Unreached(o.Stderr, peer, err.Error()) })
		},
	}
	n, err := node.Open(cfg)
	if err != nil {
		return err
	}
	if o.Log {
		said.begin(o.Dir, o.Version)
		_ = os.Chdir(o.Dir) // so that it keeps no other directory from being removed
	}
	if n.New() {
		_ = o.Out.NewIdentity(o.Stderr, o.Dir) // that nobody reads it does the node no harm, as with all lines
	}
	if len(secret) > 0 && !o.Out.JSON && unprotected(o.Dir) {
		fmt.Fprintln(o.Stderr, "earshot: a passphrase was given, and this node has none: it was made without, so its files are not protected")
	}
	// From here on the directory, and the socket in it, belong to this process. Callers are
	// answered until the node has ended.
	gateway := web.New(web.Config{Dir: o.Dir, Log: cfg.Log})
	api := server.New(server.Config{Dir: o.Dir, Version: o.Version, Rooms: server.RoomsOf(n), Web: gateway, Startup: o.startup(secret), Log: cfg.Log})
	serving, stopServer := context.WithCancel(context.WithoutCancel(ctx))
	defer stopServer()
	running, stopNode := context.WithCancel(ctx)
	defer stopNode()
	served := make(chan error, 1)
	go func() { // ended by stopServer
		defer stopNode() // a node that can't be asked is of no use
		served <- api.Run(serving)
	}()
	announced := make(chan struct{})
	go func() { // ended by stopNode
		defer close(announced)
		for _, ready := range []<-chan struct{}{api.Ready(), n.Ready()} {
			select {
			case <-ready:
			case <-running.Done():
				return
			}
		}
		if o.announce(running) != nil {
			return
		}
		tellSystemd()
		if o.Log {
			said.alone()
		}
	}()
	replaced := make(chan error, 1)
	go func() { // ended by stopNode
		replaced <- o.untilReplaced(running, logger)
		stopNode()
	}()
	go giveBack(running, n.InMemory) // ended by stopNode
	notified := make(chan struct{})
	go func() { // ended by stopNode
		defer close(notified)
		if alerts {
			desktop.Run(running, Notifications(n, o.screen(), logger))
		}
	}()
	printed := make(chan struct{})
	go func() { // ended by stopNode
		defer close(printed)
		printLines(running, lines)
	}()
	paged := make(chan struct{})
	go func() { // ended by stopNode
		defer close(paged)
		gateway.Run(running, api.Handler(web.Screen()))
	}()
	err = n.Run(running)
	stopNode()
	<-announced
	<-paged
	<-printed
	<-notified
	stopServer()
	return cmp.Or(errors.Join(err, <-served), <-replaced)
}

// unprotected reports whether the keys in a directory can be read without a passphrase.
func unprotected(dir string) bool {
	b, err := os.ReadFile(store.KeyringFile(dir))
	if err == nil {
		_, err = crypto.ParseKeyring(b, nil)
	}
	return err == nil
}

// untilReplaced returns errReplaced when the program was replaced, and nil when ctx ends.
func (o *Options) untilReplaced(ctx context.Context, log *slog.Logger) error {
	if o.RestartOnUpdate && program.Replaced(ctx, o.Program, func(err error) {
		log.Warn("the program was replaced by one that can't be run", "err", err)
	}) == nil {
		return errReplaced
	}
	<-ctx.Done()
	return nil
}

// handler writes what is logged. The log in the directory has the time before each line already.
func (o *Options) handler(to io.Writer) slog.Handler {
	options := &slog.HandlerOptions{Level: slog.LevelWarn}
	if o.Log {
		options.ReplaceAttr = func(groups []string, a slog.Attr) slog.Attr {
			if len(groups) == 0 && a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		}
	}
	return slog.NewTextHandler(to, options)
}

// printLines prints lines as they come until ctx ends, and those that are there by then.
func printLines(ctx context.Context, lines <-chan func() error) {
	for {
		select {
		case line := <-lines:
			_ = line()
			continue
		default:
		}
		select {
		case line := <-lines:
			_ = line()
		case <-ctx.Done():
			return
		}
	}
}

// routeLog has what libraries write with package log, as the one for mDNS does, go to a log instead
// of standard error. They write when something fails that the node notices as well, so it is no
// warning.
func routeLog(to *slog.Logger) {
	log.SetFlags(0)
	log.SetOutput(slog.NewLogLogger(to.Handler(), slog.LevelInfo).Writer())
}

// announce asks the node for its status until it answers, and prints the line that scripts wait for.
// It fails only when ctx has ended.
func (o *Options) announce(ctx context.Context) error {
	client := localapi.Dial(o.Dir)
	defer client.Close()
	s, err := client.Status(ctx, &earshotv1.StatusRequest{})
	for ; err != nil; s, err = client.Status(ctx, &earshotv1.StatusRequest{}) {
		if ctx.Err() == nil {
			problem.Explain(err).Print(o.Stderr, o.Out.JSON)
		}
		select {
		case <-time.After(announceAgain):
		case <-ctx.Done(): // the node has ended, and Run says why
			return ctx.Err()
		}
	}
	_ = o.Out.Ready(o.Stdout, s)
	if !o.Out.JSON { // programs have it in the line above
		s.Finding.Unreached = nil // these are told one by one
		_ = show.Started(o.Stderr, s.Finding)
	}
	return nil
}

// explain tells why a node does not run; nil for anything else.
func explain(err error) *problem.Problem {
	var locked *store.LockedError
	var file *fs.PathError
	switch {
	case errors.As(err, &locked):
		p := problem.Failed(problem.CodeLocked, "another process runs the node of this directory")
		if locked.PID != 0 {
			p.Text = fmt.Sprintf("process %d runs the node of this directory", locked.PID)
		}
		return p
	case errors.Is(err, crypto.ErrPassphraseNeeded):
		return problem.Failed(problem.CodePassphrase, "this node is protected by a passphrase")
	case errors.Is(err, crypto.ErrWrongPassphrase):
		return problem.Failed(problem.CodePassphrase, "wrong passphrase")
	case errors.Is(err, store.ErrNewer), errors.Is(err, crypto.ErrNewer):
		return problem.Failed(problem.CodeNewer, "%v", err)
	case errors.Is(err, store.ErrDamaged), errors.Is(err, store.ErrNoKeyring), errors.Is(err, crypto.ErrDamaged):
		return problem.Failed(problem.CodeDamaged, "%v", err)
	case errors.Is(err, store.ErrFull), errors.Is(err, syscall.ENOSPC): // also where the socket is made
		return problem.Failed(localapi.CodeNoRoom, "%v", err)
	case errors.Is(err, store.ErrNotPrivate):
		return problem.Failed(problem.CodeNotPrivate, "%v", err)
	case errors.Is(err, names.ErrName):
		p := problem.Failed(localapi.CodeName, "%v", err)
		if unseen := new(names.CharacterError); errors.As(err, &unseen) {
			p.Hint = problem.NameHint(unseen.Character())
		}
		return p
	case errors.Is(err, node.ErrAddress):
		return problem.Failed(problem.CodeAddress, "%v", err)
	case errors.Is(err, link.ErrPortTaken):
		return problem.Failed(problem.CodePort, "%s: another program has that port", strings.TrimSuffix(err.Error(), ": "+link.ErrPortTaken.Error()))
	case errors.Is(err, node.ErrListen):
		p := problem.Failed(problem.CodeAddress, "%v", err)
		p.Hint = "give an address that this machine has; `--listen 0` listens on all, on any free port"
		return p
	case errors.As(err, &file):
		return problem.Failed(problem.CodeDirectory, "the directory can't be used: %v", file)
	}
	return nil
}
