package localapi

import (
	"context"
	"net"
	"net/http"
	"strings"
	"sync"

	"connectrpc.com/connect"

	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// Host is the only name that a node answers to. No name service resolves it, so no web page can make
// a browser send it.
const Host = "earshot"

// VersionHeader says in each answer which version of the program runs the node.
const VersionHeader = "Earshot-Version"

// Client speaks to the node of one directory. Each method is one of the schema.
type Client struct {
	earshotv1.NodeClient
	earshotv1.PeopleClient
	earshotv1.MessagesClient
	earshotv1.GroupsClient
	earshotv1.JournalClient
	earshotv1.DoctorClient
	earshotv1.ConversationsClient
	earshotv1.AttentionClient
	earshotv1.FilesClient
	earshotv1.WebClient
	earshotv1.StartupClient

	calls *caller
}

// Dial returns a client of the node in dir and connects as calls are made. Without a node, calls
// fail with an error that matches ErrNotRunning. If the node is frozen or can take no connection,
// they fail within half a minute with one that matches ErrNotAnswering.
func Dial(dir string) *Client { return dialPatient(dir, usual, false) }

// DialResting is Dial for a screen, which has streams of changes and alerts for hours and is to sleep while
// nothing happens: nobody asks meanwhile whether the node is frozen. A call that finds that it is ends these
// streams too.
func DialResting(dir string) *Client { return dialPatient(dir, usual, true) }

func dialPatient(dir string, p patience, rests bool) *Client {
	calls := newCaller(dir, p, rests)
	const url = "http://" + Host
	options := connect.WithClientOptions(
		connect.WithAcceptCompression("gzip", nil, nil),
		connect.WithInterceptors(lost{dir, p}),
	)
	return &Client{
		NodeClient:          earshotv1.NewNodeClient(calls, url, options),
		PeopleClient:        earshotv1.NewPeopleClient(calls, url, options),
		MessagesClient:      earshotv1.NewMessagesClient(calls, url, options),
		GroupsClient:        earshotv1.NewGroupsClient(calls, url, options),
		JournalClient:       earshotv1.NewJournalClient(calls, url, options),
		DoctorClient:        earshotv1.NewDoctorClient(calls, url, options),
		ConversationsClient: earshotv1.NewConversationsClient(calls, url, options),
		AttentionClient:     earshotv1.NewAttentionClient(calls, url, options),
		FilesClient:         earshotv1.NewFilesClient(calls, url, options),
		WebClient:           earshotv1.NewWebClient(calls, url, options),
		StartupClient:       earshotv1.NewStartupClient(calls, url, options),
		calls:               calls,
	}
}

// OnVersion has told called once, with the version of the program that runs the node, when that has
// first answered; by any goroutine. It must be called before all calls.
func (c *Client) OnVersion(told func(version string)) { c.calls.told = told }

// Close ends idle connections.
func (c *Client) Close() {
	c.calls.quick.CloseIdleConnections()
	c.calls.long.CloseIdleConnections()
}

// caller makes the calls of a client.
type caller struct {
	dir string
	patience
	quick *http.Transport // by HTTP/1.1, which costs a call less
	long  *http.Transport // by HTTP/2, which streams need
	rests bool            // see DialResting

	mu      sync.Mutex
	lasting map[*vigil]bool // of streams that rest

	told    func(version string) // nil: nobody wants to know
	telling sync.Once
}

func newCaller(dir string, p patience, rests bool) *caller {
	c := &caller{dir: dir, patience: p, quick: transport(dir), long: transport(dir), rests: rests, lasting: make(map[*vigil]bool)}
	c.quick.Protocols.SetHTTP1(true)
	c.long.Protocols.SetUnencryptedHTTP2(true)
	if rests {
		return c
	}
	c.long.HTTP2 = &http.HTTP2Config{SendPingTimeout: p.quiet, PingTimeout: p.answer}
	return c
}

// transport connects to the socket in dir.
func transport(dir string) *http.Transport {
	return &http.Transport{
		Protocols:          new(http.Protocols),
		DisableCompression: true,
		// As many calls as a program of the owner's is expected to have under way at once.
		MaxIdleConnsPerHost: 64,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dial(ctx, dir)
		},
	}
}

// Do makes a call. Streams, and calls that wait for peers, go over a connection on which pings tell
// whether the node is alive; over any other, and over all of a client that rests, a vigil is kept.
func (c *caller) Do(r *http.Request) (*http.Response, error) {
	r.Header.Set(BeforeHeader, c.before(r.Context()))
	by := c.quick
	stream := strings.HasPrefix(r.Header.Get("Content-Type"), "application/connect+") // so Connect tells them apart
	if stream || r.URL.Path == earshotv1.MessagesWaitProcedure {
		by = c.long
		if !c.rests {
			w, err := by.RoundTrip(r)
			c.note(w)
			return w, err
		}
	}
	lasts := c.rests && (r.URL.Path == earshotv1.JournalChangesProcedure || r.URL.Path == earshotv1.AttentionAlertsProcedure)
	v, ctx := c.keep(r.Context(), lasts)
	if lasts {
		c.mu.Lock()
		c.lasting[v] = true
		c.mu.Unlock()
		context.AfterFunc(ctx, func() { // each vigil ends, with its call at the latest
			c.mu.Lock()
			defer c.mu.Unlock()
			delete(c.lasting, v)
		})
	}
	w, err := by.RoundTrip(r.WithContext(ctx))
	if err != nil {
		return nil, v.end(err)
	}
	c.note(w)
	w.Body = watched{w.Body, v}
	return w, nil
}

// frozen ends the streams that rest, since the node does not answer.
func (c *caller) frozen(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for v := range c.lasting {
		v.cancel(err)
	}
}

// note tells the version that the first answer has; w may be nil.
func (c *caller) note(w *http.Response) {
	if w == nil || c.told == nil {
		return
	}
	if version := w.Header.Get(VersionHeader); version != "" {
		c.telling.Do(func() { c.told(version) })
	}
}
