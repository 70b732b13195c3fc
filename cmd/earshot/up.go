package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/earshot-im/earshot/cmd/earshot/problem"
	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/crypto/names"
	"github.com/earshot-im/earshot/node"
	"github.com/earshot-im/earshot/node/control"
	controlv1 "github.com/earshot-im/earshot/node/control/v1"
	"github.com/earshot-im/earshot/node/warnings"
	"github.com/earshot-im/earshot/store"
)

// gcPercent lets the heap of a few MiB grow to five times that before it is collected: at Go's default of 100 the
// collector takes a sixth of a busy node's time.
const gcPercent = 400

// maxWarned is how many warnings may wait to be printed: there are fewer kinds.
const maxWarned = 8

// maxPassphrase bounds what is read from the file, in bytes.
const maxPassphrase = 4096

func (a *app) upCommand() *cobra.Command {
	var cfg node.Config
	c := &cobra.Command{
		Use:   "up",
		Short: "Run the node, in the foreground",
		Long: `Run the node in the foreground, until SIGINT, SIGTERM or "earshot down". The first
time it makes your identity. A line that begins with "ready" says that it listens
and answers.`,
		Example: "  earshot up --name Ann\n  earshot up --peer /ip4/192.0.2.7/tcp/4001/p2p/12D3KooW…",
		Args:    exactly(),
		RunE:    func(c *cobra.Command, _ []string) error { return a.up(c.Context(), cfg) },
	}
	flags := c.Flags()
	flags.StringVar(&cfg.Name, "name", "", "what you call yourself (kept; needed once)")
	flags.StringArrayVar(&cfg.Listen, "listen", nil, "`MULTIADDR` to listen on, for example /ip4/0.0.0.0/tcp/4001; may be repeated (default: all)")
	flags.StringArrayVar(&cfg.Peers, "peer", nil, "`MULTIADDR` of a device to connect to, with /p2p/ and its ID; may be repeated")
	flags.BoolVar(&cfg.NoMDNS, "no-mdns", false, "neither announce this node nor look for others by mDNS")
	flags.StringArrayVar(&cfg.Interfaces, "interface", nil, "`NAME` of a network interface to use; may be repeated (default: all of the local network)")
	return c
}

func (a *app) up(ctx context.Context, cfg node.Config) error {
	passphrase, err := a.passphrase()
	if err != nil {
		return err
	}
	cfg.Dir, cfg.Passphrase, cfg.Version = a.dir, passphrase, programVersion()
	cfg.Log = slog.New(slog.NewTextHandler(a.stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	debug.SetGCPercent(gcPercent)
	warned := make(chan warnings.Warning, maxWarned)
	cfg.Warn = func(w warnings.Warning) {
		select {
		case warned <- w:
		default: // the node waits for nobody who reads; status tells it too
		}
	}
	n, err := node.Open(cfg)
	if err != nil {
		return err
	}
	// The directory is this process's now, and so is the socket in it. Callers are
	// answered until the node has ended.
	server := control.New(control.Config{Dir: a.dir, Node: n, Log: cfg.Log})
	serving, stopServer := context.WithCancel(context.WithoutCancel(ctx))
	defer stopServer()
	running, stopNode := context.WithCancel(ctx)
	defer stopNode()
	served := make(chan error, 1)
	go func() { // ended by stopServer
		defer stopNode() // a node that can't be asked is no use
		served <- server.Run(serving)
	}()
	announced := make(chan struct{})
	go func() { // ended by stopNode
		defer close(announced)
		for _, ready := range []<-chan struct{}{server.Ready(), n.Ready()} {
			select {
			case <-ready:
			case <-running.Done():
				return
			}
		}
		a.announce(running)
	}()
	printed := make(chan struct{})
	go func() { // ended by stopNode
		defer close(printed)
		a.printWarnings(running, warned)
	}()
	err = n.Run(running)
	stopNode()
	<-announced
	<-printed
	stopServer()
	return errors.Join(err, <-served)
}

// printWarnings prints what comes until ctx ends, and what is there then.
func (a *app) printWarnings(ctx context.Context, warned <-chan warnings.Warning) {
	for {
		select {
		case w := <-warned:
			_ = a.out.Warning(a.stderr, control.Warning(w)) // the node is no worse for it if nobody reads
			continue
		default:
		}
		select {
		case w := <-warned:
			_ = a.out.Warning(a.stderr, control.Warning(w))
		case <-ctx.Done():
			return
		}
	}
}

// announce prints the line that scripts wait for, once the node has answered.
func (a *app) announce(ctx context.Context) {
	client := control.Dial(a.dir)
	defer client.Close()
	s, err := client.Status(ctx, &controlv1.StatusRequest{})
	if err != nil {
		return // it ended at once; Run says why
	}
	_ = a.out.Ready(a.stdout, s) // the node is no worse for it if nobody listens
}

// passphrase reads it from where the user says, or returns nil.
func (a *app) passphrase() ([]byte, error) {
	if a.passphraseFile == "" {
		return []byte(os.Getenv("EARSHOT_PASSPHRASE")), nil
	}
	f, err := os.Open(a.passphraseFile)
	if err != nil {
		return nil, problem.Failed(problem.CodeInput, "read the passphrase: %v", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxPassphrase+1))
	switch {
	case err != nil:
		return nil, problem.Failed(problem.CodeInput, "read the passphrase: %v", err)
	case len(b) > maxPassphrase:
		return nil, problem.Failed(problem.CodePassphrase, "the passphrase is longer than %d bytes", maxPassphrase)
	}
	return bytes.TrimRight(b, "\r\n"), nil
}

// explainUp tells why a node does not run; nil for anything else.
func explainUp(err error) *problem.Problem {
	var locked *store.LockedError
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
	case errors.Is(err, store.ErrNotPrivate):
		return problem.Failed(problem.CodeNotPrivate, "%v", err)
	case errors.Is(err, names.ErrName):
		p := problem.Failed(control.CodeName, "%v", err)
		if unseen := new(names.CharacterError); errors.As(err, &unseen) {
			p.Hint = problem.NameHint(unseen.Character())
		}
		return p
	case errors.Is(err, node.ErrAddress):
		p := problem.Failed(problem.CodeAddress, "%v", err)
		p.Exit = problem.ExitUsage
		return p
	}
	return nil
}
