// Package server answers for a running node on the Unix socket of its local API.
//
// It has a service for each area of the schema in node/localapi/v1. Beside each stands the interface
// by which the service asks the node: Node and Owner, People and Replacing, Writing, Delivery and
// Reading, Conversations, Groups, Journal, Doctor, Files; the contents of files go over plain HTTP too, see
// content.go. A further area brings its own: a file with the interface and the
// service, a field in Rooms, and a line in handler.
//
// The server holds no state of its own. It turns requests into calls of the rooms, bounds them by the
// limits of package localapi, and turns errors into Problems, by the one table in errors.go. It
// decides nothing about messages or people. Watch tells only how far things have changed, so a slow
// reader costs nothing and holds nobody up.
//
// `earshot up` makes the one Server of a process and runs it for longer than the node: while the
// node ends, callers are answered, and the socket goes last.
package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strconv"
	"syscall"
	"time"

	"connectrpc.com/connect"

	"github.com/earshot-im/earshot/node"
	"github.com/earshot-im/earshot/node/localapi"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

const (
	// maxHeader is far over what any client sends.
	maxHeader = 16 << 10

	// patience is how long answers on their way out may take when the server ends. The node has
	// ended before, so no further answer is being made.
	patience = 250 * time.Millisecond

	// headerTimeout is when the connection of a caller that says nothing is closed.
	headerTimeout = 10 * time.Second
)

// Config is what a Server is made of. Log, Web and Startup may be left out.
type Config struct {
	Dir     string // private to its owner, and locked by this process's node
	Version string // of the program, which each answer tells
	Rooms   Rooms
	Web     earshotv1.WebHandler     // whoever serves the page in a browser
	Startup earshotv1.StartupHandler // whoever can have the system start the node
	Log     *slog.Logger
}

// Rooms are what the services ask. Every method may be called from many goroutines, also after the
// node has ended: then it returns an error.
type Rooms struct {
	Node      Node
	Owner     Owner
	People    People
	Replacing Replacing
	Writing   Writing
	Delivery  Delivery
	Reading   Reading
	Groups    Groups
	Journal   Journal
	Doctor    Doctor
	Named     Named
	Typing    Typing
	Attention Attention

	Conversations Conversations
	Files         Files
}

// RoomsOf returns the rooms of a node.
func RoomsOf(n *node.Node) Rooms {
	return Rooms{Node: n, Owner: n.Owner(), People: n.Contacts(), Replacing: n.Messages(),
		Writing: n.Messages(), Delivery: n.Messages(), Reading: n.Messages(), Groups: n.Groups(), Journal: n.Journal(),
		Doctor: n.Doctor(), Named: n.Contacts(), Typing: n.Presence(), Attention: n.Attention(), Conversations: n.Conversations(), Files: n.Files()}
}

// Server answers on DIR/control.sock.
type Server struct {
	cfg   Config
	calls *answers
	ready chan struct{}
}

// New returns a server that Run starts.
func New(cfg Config) *Server {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Server{cfg: cfg, calls: &answers{delivery: cfg.Rooms.Delivery}, ready: make(chan struct{})}
}

// Ready is closed when the socket answers.
func (s *Server) Ready() <-chan struct{} { return s.ready }

// Run answers until ctx ends, then ends what is still being answered and removes the socket. It
// must be called once, by the process that holds the directory's lock: it replaces a socket that
// was left behind. The error matches ErrNotPrivate or ErrPathTooLong where these are the reason.
func (s *Server) Run(ctx context.Context) error {
	listener, err := localapi.Listen(s.cfg.Dir)
	if err != nil {
		return fmt.Errorf("listen for the local API: %w", err)
	}
	defer listener.Close()

	calls, stop := context.WithCancelCause(context.WithoutCancel(ctx))
	defer stop(nil)
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true) // which two-way streams need
	server := &http.Server{
		Handler:           s.Handler(),
		BaseContext:       func(net.Listener) context.Context { return calls },
		Protocols:         &protocols,
		ReadHeaderTimeout: headerTimeout,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(s.cfg.Log.Handler(), slog.LevelDebug),
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(accepting{listener, s.cfg.Rooms.Node}) }() // ended by Shutdown or Close below
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

// accepting takes connections, and tells the node when it can't for want of file descriptors. Such
// an error does not end an http.Server: it tries again for as long as it takes.
type accepting struct {
	net.Listener
	node Node
}

func (l accepting) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) {
		l.node.Starved(err)
	}
	return conn, err
}

// Handler serves the API to local programs, and refuses web pages. What it is asked and answers goes through
// the interceptors, of which the first sees it as its caller does.
func (s *Server) Handler(through ...connect.Interceptor) http.Handler {
	r, version, calls := s.cfg.Rooms, s.cfg.Version, s.calls
	options := connect.WithHandlerOptions(
		connect.WithInterceptors(append(slices.Clone(through), calls)...),
		connect.WithReadMaxBytes(localapi.MaxRequest),
		connect.WithCompression("gzip", nil, nil), // costs more than a socket does
	)
	api := http.NewServeMux()
	api.Handle(earshotv1.NewNodeHandler(nodeService{r.Node, r.Owner}, options))
	api.Handle(earshotv1.NewPeopleHandler(peopleService{r.People, r.Replacing, r.Node}, options))
	api.Handle(earshotv1.NewMessagesHandler(messagesService{r.Writing, r.Delivery, r.Reading, r.Files}, options))
	api.Handle(earshotv1.NewGroupsHandler(groupsService{r.Groups}, options))
	api.Handle(earshotv1.NewJournalHandler(journalService{r.Journal}, options))
	api.Handle(earshotv1.NewConversationsHandler(conversationsService{r.Conversations}, options))
	api.Handle(earshotv1.NewAttentionHandler(attentionService{r.Attention, r.Typing}, options))
	api.Handle(earshotv1.NewDoctorHandler(doctorService{r.Doctor, r.Named}, options))
	api.Handle(earshotv1.NewFilesHandler(filesService{r.Files}, options))
	if s.cfg.Web != nil {
		api.Handle(earshotv1.NewWebHandler(s.cfg.Web, options))
	}
	if s.cfg.Startup != nil {
		api.Handle(earshotv1.NewStartupHandler(s.cfg.Startup, options))
	}
	contents{r.Files, calls}.handle(api)
	failed := connect.NewErrorWriter()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Host != localapi.Host || len(r.Header.Values("Origin")) > 0 {
			http.Error(w, "only local programs may ask, with the host "+localapi.Host, http.StatusForbidden)
			return
		}
		w.Header().Set(localapi.VersionHeader, version)
		if r.URL.Path == localapi.AlivePath {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		if late(r) {
			_ = failed.Write(w, r, connect.NewError(connect.CodeDeadlineExceeded, errLate)) // the caller has gone if that fails
			return
		}
		api.ServeHTTP(w, r)
	})
}

var errLate = errors.New("the caller waits no more")

// late reports whether the caller has given the call up, by what localapi.BeforeHeader says.
func late(r *http.Request) bool {
	before, err := strconv.ParseInt(r.Header.Get(localapi.BeforeHeader), 10, 64)
	return err == nil && time.Now().UnixMilli() > before
}
