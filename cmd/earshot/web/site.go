package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/earshot-im/earshot/cmd/earshot/web/session"
)

const (
	// A port is taken at random from here to session.MaxPort. No system gives these to outgoing connections, so it
	// is free again after a restart.
	firstPort = 20000

	// portTries is how many ports are tried.
	portTries = 32

	// maxHeader is far over what a browser sends.
	maxHeader = 16 << 10

	// headerTime is how long the header of a request may take, idleTime how long a connection may do nothing.
	headerTime = 10 * time.Second
	idleTime   = 2 * time.Minute

	// maxConnections bounds the connections of the owner's browsers: each holds six at most. maxForeign is
	// for those that are refused, which can't take the others' room.
	maxConnections = 64
	maxForeign     = 4
)

// site is the page as it is served at an address.
type site struct {
	listeners []net.Listener // on 127.0.0.1 and ::1
	port      int
	label     string
	host      string // what requests must name
	origin    string // what the page has as its origin

	server *http.Server
	stop   context.CancelFunc
	fails  chan error
	under  sync.WaitGroup // goroutines of run, and connections
}

// listen takes a port on both loopback addresses, or none; 0: any. If another program had the port on one of
// them, browsers would come to it now and then, with all they send to this one.
func listen(port int) (*site, error) {
	if port != 0 {
		return listenAt(port)
	}
	var err error
	for range portTries {
		var s *site
		if s, err = listenAt(firstPort + rand.IntN(session.MaxPort-firstPort+1)); err == nil || !errors.Is(err, syscall.EADDRINUSE) {
			return s, err
		}
	}
	return nil, fmt.Errorf("no port is free on 127.0.0.1 and ::1: %w", err)
}

func listenAt(port int) (*site, error) {
	s := &site{port: port, fails: make(chan error, 2)}
	for _, at := range []struct{ network, host string }{{"tcp4", "127.0.0.1"}, {"tcp6", "::1"}} {
		l, err := net.Listen(at.network, net.JoinHostPort(at.host, strconv.Itoa(port)))
		if err != nil && at.network == "tcp6" && absent(err) {
			continue // there is no such address here, so nobody else can be there
		}
		if err != nil {
			for _, l := range s.listeners {
				err = errors.Join(err, l.Close())
			}
			return nil, err
		}
		s.listeners = append(s.listeners, l)
	}
	return s, nil
}

// absent reports whether an address can't be listened on since this system has none like it.
func absent(err error) bool {
	return errors.Is(err, syscall.EADDRNOTAVAIL) || errors.Is(err, syscall.EAFNOSUPPORT)
}

// name gives the site its address.
func (s *site) name(label string) {
	s.label, s.host = label, label+".localhost:"+strconv.Itoa(s.port)
	if runtime.GOOS == "darwin" { // Safari finds no names below localhost
		s.host = "localhost:" + strconv.Itoa(s.port)
	}
	s.origin = "http://" + s.host
}

// cookie is the name of the cookie: cookies of one host go to all its ports.
func (s *site) cookie() string { return "earshot-" + strconv.Itoa(s.port) }

// failed tells when the site can't be served any more. It tells nothing of a site that is nil.
func (s *site) failed() <-chan error {
	if s == nil {
		return nil
	}
	return s.fails
}

// run serves the site until close is called.
func (s *site) run(g *Gateway) {
	calls, stop := context.WithCancel(context.Background())
	s.stop = stop
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	s.server = &http.Server{
		Handler:           newDoor(g, s),
		BaseContext:       func(net.Listener) context.Context { return calls },
		ConnState:         s.counted,
		ConnContext:       func(ctx context.Context, c net.Conn) context.Context { return context.WithValue(ctx, peerKey{}, c) },
		Protocols:         &protocols,
		ReadHeaderTimeout: headerTime,
		IdleTimeout:       idleTime,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(g.log.Handler(), slog.LevelDebug),

		DisableGeneralOptionsHandler: true, // or it would answer "OPTIONS *" before the door is asked
	}
	own, foreign := make(chan struct{}, maxConnections), make(chan struct{}, maxForeign)
	for _, l := range s.listeners {
		l := accepting{Listener: l, table: g.table, own: own, foreign: foreign}
		s.under.Go(func() { // ended by close
			if err := s.server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
				s.fails <- err
			}
		})
	}
}

// counted counts connections. The server begins one while a goroutine of run is counted still, and ends one when
// its requests have ended.
func (s *site) counted(_ net.Conn, now http.ConnState) {
	switch now {
	case http.StateNew:
		s.under.Add(1)
	case http.StateClosed:
		s.under.Done()
	}
}

// close ends everything, and returns when it has ended.
func (s *site) close() {
	s.stop()
	s.server.Close()
	s.under.Wait()
}

// peerKey is the key of a request's context for its connection, a *peer.
type peerKey struct{}

// peer is a connection, and whether its other end may have anything from here.
type peer struct {
	net.Conn
	refused error // nil: it may
	gone    func()
}

// Close makes room for another.
func (p *peer) Close() error {
	p.gone()
	return p.Conn.Close()
}

// CloseWrite sends that nothing follows. The server does so before it closes a connection on which there is
// something that it has not read: closed at once, it would take back what it has answered.
func (p *peer) CloseWrite() error {
	if c, ok := p.Conn.(interface{ CloseWrite() error }); ok {
		return c.CloseWrite()
	}
	return nil
}

// accepting takes connections, as many as may be. A further one is closed.
type accepting struct {
	net.Listener
	table        *session.Table
	own, foreign chan struct{} // each holds as much as there are of them
}

func (l accepting) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		p := &peer{Conn: c}
		room := l.own
		if p.refused = checkUser(c); p.refused != nil && l.table.Anybody() {
			p.refused = nil
		}
		if p.refused != nil {
			room = l.foreign
		}
		select {
		case room <- struct{}{}:
			p.gone = sync.OnceFunc(func() { <-room })
			return p, nil
		default:
			c.Close()
		}
	}
}
