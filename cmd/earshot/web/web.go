// Package web serves the page in a browser: it is the gateway between the page and the local API of a node.
//
// It owns who may use the page: the address, the links that begin a session, the sessions, and the file in
// which they are kept (store/FORMAT.md). It listens on the loopback addresses alone, and not before its owner
// has asked for a page. WEB.md beside this file says how page and gateway speak to each other, and what
// is checked of a request and in which order. The page itself is in package page, and knows nothing of this
// package but that document.
//
// It refuses what a page has no use for, and whatever takes or gives a path of this machine: api.go has the
// list of all methods. It decides nothing about messages or people, and sees no node: whoever runs one hands
// it the handler of the local API, through which Screen has to stand.
//
// `earshot up` makes the one Gateway of a process, and joins it to the server of the local API as the service
// Web. Run ends with its context, and with it all that pages have under way. A page that can't be served
// costs its owner the page and nothing else: it is logged, and OpenWeb says why.
package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"
	"syscall"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/earshot-im/earshot/cmd/earshot/web/session"
	"github.com/earshot-im/earshot/node/localapi"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// Config is what a Gateway is made of.
type Config struct {
	Dir string // of the node, locked by this process
	Log *slog.Logger
	Now func() time.Time // nil: the system's clock
}

// Gateway serves the page, and answers the calls of service Web.
type Gateway struct {
	dir   string
	log   *slog.Logger
	table *session.Table
	asks  chan func()   // what callers want done by the goroutine of Run
	ended chan struct{} // closed when Run has returned

	// What follows belongs to the goroutine of Run.
	api  http.Handler
	site *site // nil: the page is not served
	torn error // why what was kept can't be used; nil: it can
}

var _ earshotv1.WebHandler = (*Gateway)(nil)

// New returns a gateway that Run starts.
func New(cfg Config) *Gateway {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Gateway{
		dir:   cfg.Dir,
		log:   cfg.Log,
		table: session.New(cfg.Dir, cfg.Now),
		asks:  make(chan func()),
		ended: make(chan struct{}),
	}
}

// Run serves the page, once it was asked for, until ctx ends. It must be called once. api answers what pages
// ask, through Screen.
func (g *Gateway) Run(ctx context.Context, api http.Handler) {
	defer close(g.ended)
	g.api = api
	k, err := session.Load(g.dir)
	if err != nil {
		g.torn = err
		g.log.Warn("the page in a browser is not served", "err", err)
	}
	g.table.Restore(k)
	if g.table.Used() {
		g.resume(k)
	}
	for {
		select {
		case do := <-g.asks:
			do()
		case err := <-g.site.failed():
			g.log.Warn("the page in a browser is not served any more", "err", err)
			g.close()
		case <-ctx.Done():
			g.close()
			if err := g.table.Flush(); err != nil {
				g.log.Warn("write down when sessions were used", "err", err)
			}
			return
		}
	}
}

// resume serves the page again where it was. If another program is there, the address is given up: browsers may
// have sent it what their sessions need.
func (g *Gateway) resume(k session.Kept) {
	err := g.serve(k.Label, k.Port)
	if errors.Is(err, syscall.EADDRINUSE) {
		_, end := g.table.EndAll()
		g.log.Warn("another program has the port of the page in a browser: all sessions have ended", "err", errors.Join(err, end))
	} else if err != nil {
		g.log.Warn("the page in a browser is not served", "err", err)
	}
}

// do has the goroutine of Run do something.
func (g *Gateway) do(ctx context.Context, what func() error) error {
	done := make(chan error, 1)
	select {
	case g.asks <- func() { done <- what() }:
		return <-done
	case <-ctx.Done():
		return ctx.Err()
	case <-g.ended:
		return context.Canceled
	}
}

// serve begins to serve the page, at a port, or at any if that is 0.
func (g *Gateway) serve(label string, port int) error {
	if err := checkSelf(); err != nil {
		return err
	}
	s, err := listen(port)
	if err != nil {
		return err
	}
	s.name(label)
	s.run(g)
	g.site = s
	return nil
}

// close ends serving the page, and all that pages have under way.
func (g *Gateway) close() {
	g.table.Rest()
	if g.site != nil {
		g.site.close()
		g.site = nil
	}
}

// farewell is how long pages have to learn that their sessions have ended: they ask within half a second after a stream
// has, in a tab that is not shown within one and a half.
const farewell = 2 * time.Second

// part ends all sessions, and then serves the page no more: pages that are open can ask meanwhile what has become of
// theirs.
func (g *Gateway) part(ctx context.Context) (ended int, err error) {
	open := slices.ContainsFunc(g.table.List(), func(s session.Shown) bool { return s.Calls > 0 })
	if ended, err = g.table.EndAll(); open {
		select {
		case <-time.After(farewell):
		case <-ctx.Done():
		}
	}
	g.close()
	return ended, err
}

// OpenWeb has the page served, and makes a link to it.
func (g *Gateway) OpenWeb(ctx context.Context, r *earshotv1.OpenWebRequest) (w *earshotv1.OpenWebResponse, err error) {
	return w, g.do(ctx, func() (err error) {
		w, err = g.open(ctx, r)
		return err
	})
}

func (g *Gateway) open(ctx context.Context, r *earshotv1.OpenWebRequest) (*earshotv1.OpenWebResponse, error) {
	if g.torn != nil && !r.NewAddress {
		return nil, fmt.Errorf("%w: %w", localapi.ErrWebFile, g.torn)
	}
	if err := checkSelf(); err != nil {
		return nil, fmt.Errorf("%w: %w", localapi.ErrWebUser, err)
	}
	was := g.table.Stored()
	if r.NewAddress {
		if _, err := g.part(ctx); err != nil {
			return nil, fmt.Errorf("%w: %w", localapi.ErrNoPage, err)
		}
		was, g.torn = session.Kept{}, nil
	}
	if g.site == nil && (was.Label == "" || g.serve(was.Label, was.Port) != nil) {
		if err := g.serve(session.NewLabel(), 0); err != nil {
			return nil, fmt.Errorf("%w: %w", localapi.ErrNoPage, err)
		}
		if _, err := g.table.EndAll(); err != nil { // what browsers keep belongs to the old address
			g.close()
			return nil, fmt.Errorf("%w: %w", localapi.ErrNoPage, err)
		}
		was = session.Kept{}
	}
	anybody := was.Anybody || r.AnyLocalUser
	if err := g.table.Place(g.site.label, g.site.port, anybody); err != nil {
		g.close()
		return nil, fmt.Errorf("%w: %w", localapi.ErrNoPage, err)
	}
	return &earshotv1.OpenWebResponse{
		Url: g.site.origin + "/#" + g.table.Admit(), Port: uint32(g.site.port), Address: g.site.origin + "/", AnyLocalUser: anybody,
	}, nil
}

// WebSessions lists the sessions.
func (g *Gateway) WebSessions(ctx context.Context, _ *earshotv1.WebSessionsRequest) (*earshotv1.WebSessionsResponse, error) {
	w := new(earshotv1.WebSessionsResponse)
	return w, g.do(ctx, func() error {
		if g.site != nil {
			w.Address = g.site.origin + "/"
		}
		for _, s := range g.table.List() {
			w.Sessions = append(w.Sessions, &earshotv1.WebSession{
				Id: s.ID, Browser: s.Browser, Calls: uint32(s.Calls),
				Begun: timestamppb.New(time.Unix(s.Begun, 0)), Used: timestamppb.New(time.Unix(s.Used, 0)),
			})
		}
		return nil
	})
}

// EndWebSession ends a session.
func (g *Gateway) EndWebSession(ctx context.Context, r *earshotv1.EndWebSessionRequest) (*earshotv1.EndWebSessionResponse, error) {
	return &earshotv1.EndWebSessionResponse{}, g.do(ctx, func() error {
		ended, err := g.table.End(r.Id)
		switch {
		case err != nil:
			return fmt.Errorf("%w: %w", localapi.ErrNoPage, err)
		case !ended:
			return localapi.ErrNoSession
		}
		return nil
	})
}

// StopWeb ends all sessions, serves the page no more, and forgets its address.
func (g *Gateway) StopWeb(ctx context.Context, _ *earshotv1.StopWebRequest) (*earshotv1.StopWebResponse, error) {
	w := new(earshotv1.StopWebResponse)
	return w, g.do(ctx, func() error {
		ended, err := g.part(ctx)
		debug.FreeOSMemory() // what pages have taken is not needed any more, and a node that idles collects nothing for minutes
		w.Ended = uint32(ended)
		if err != nil {
			return fmt.Errorf("%w: %w", localapi.ErrNoPage, err)
		}
		return nil
	})
}
