package localapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"connectrpc.com/connect"

	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

const (
	// socketName is where a node answers, in its directory.
	socketName = "control.sock"

	// host is the only name the server answers to. No name service resolves it, so no web page can
	// make a browser send it.
	host = "earshot"

	// maxRequest holds 64 KiB of text as JSON, where a byte may take six.
	maxRequest = 512 << 10

	// maxHeader is far over what any client sends.
	maxHeader = 16 << 10

	// patience is how long answers on their way out may take when the server ends. The node has
	// ended before, so no further answer is being made.
	patience = 250 * time.Millisecond

	// headerTimeout is when the connection of a caller that says nothing is closed.
	headerTimeout = 10 * time.Second
)

// Config is what a Server is made of. Only Log may be left out.
type Config struct {
	Dir  string // private to its owner, and locked by this process's node
	Node Node
	Log  *slog.Logger
}

// Server answers on DIR/control.sock.
type Server struct {
	cfg   Config
	ready chan struct{}
}

// New returns a server that Run starts.
func New(cfg Config) *Server {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Server{cfg: cfg, ready: make(chan struct{})}
}

// Ready is closed when the socket answers.
func (s *Server) Ready() <-chan struct{} { return s.ready }

// Run answers until ctx ends, then ends what is still being answered and removes the socket. It
// must be called once, by the process that holds the directory's lock: it replaces a socket that
// was left behind. The error matches ErrNotPrivate or ErrPathTooLong where these are the reason.
func (s *Server) Run(ctx context.Context) error {
	listener, err := listen(s.cfg.Dir)
	if err != nil {
		return fmt.Errorf("listen for the local API: %w", err)
	}
	defer listener.Close()

	calls, stop := context.WithCancelCause(context.WithoutCancel(ctx))
	defer stop(nil)
	server := &http.Server{
		Handler:           handler(s.cfg.Node),
		BaseContext:       func(net.Listener) context.Context { return calls },
		Protocols:         protocols(true, true),
		ReadHeaderTimeout: headerTimeout,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(s.cfg.Log.Handler(), slog.LevelDebug),
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }() // ended by Shutdown or Close below
	close(s.ready)

	select {
	case err := <-served:
		return fmt.Errorf("serve the local API: %w", err)
	case <-ctx.Done():
	}
	stop(errStopping)
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	if err := server.Shutdown(grace); err != nil {
		server.Close()
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve the local API: %w", err)
	}
	return nil
}

// handler serves the API to local programs, and refuses web pages.
func handler(n Node) http.Handler {
	options := connect.WithHandlerOptions(
		connect.WithInterceptors(answers{}),
		connect.WithReadMaxBytes(maxRequest),
		connect.WithCompression("gzip", nil, nil), // costs more than a socket does
	)
	api := http.NewServeMux()
	api.Handle(earshotv1.NewNodeHandler(service{n}, options))
	api.Handle(earshotv1.NewPeopleHandler(service{n}, options))
	api.Handle(earshotv1.NewMessagesHandler(service{n}, options))
	api.Handle(earshotv1.NewGroupsHandler(service{n}, options))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Host != host || len(r.Header.Values("Origin")) > 0 {
			http.Error(w, "only local programs may ask, with the host "+host, http.StatusForbidden)
			return
		}
		api.ServeHTTP(w, r)
	})
}

// protocols allows HTTP/1.1 or HTTP/2 without TLS, which two-way streams need.
func protocols(one, two bool) *http.Protocols {
	var p http.Protocols
	p.SetHTTP1(one)
	p.SetUnencryptedHTTP2(two)
	return &p
}

// listener removes the socket when it is closed.
type listener struct {
	net.Listener
	path string
}

func (l listener) Close() error {
	err := l.Listener.Close()
	os.Remove(l.path)
	return err
}

func listen(dir string) (net.Listener, error) {
	if err := private(dir); err != nil {
		return nil, err
	}
	path := filepath.Join(dir, socketName)
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	address, release, err := socketAddress(dir)
	if err != nil {
		return nil, err
	}
	defer release()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: address, Net: "unix"})
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false) // it would remove the short address, which is gone by then; listener.Close removes the path
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(err, l.Close(), os.Remove(path))
	}
	return listener{l, path}, nil
}
