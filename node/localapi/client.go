package localapi

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"

	"connectrpc.com/connect"

	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// Host is the only name that a node answers to. No name service resolves it, so no web page can make
// a browser send it.
const Host = "earshot"

// Client speaks to the node of one directory. Each method is one of the schema.
type Client struct {
	earshotv1.NodeClient
	earshotv1.PeopleClient
	earshotv1.MessagesClient
	earshotv1.GroupsClient
	transports [2]*http.Transport
}

// Dial returns a client of the node in dir and connects as calls are made. Without a node, calls
// fail with an error that matches ErrNotRunning.
func Dial(dir string) *Client {
	var lost lost = func() error { return knock(context.Background(), dir) }
	// A call by HTTP/1.1 costs less than one by HTTP/2, which only streams need.
	var c Client
	c.transports = [2]*http.Transport{transport(dir, true), transport(dir, false)}
	const url = "http://" + Host
	options := connect.WithClientOptions(
		connect.WithAcceptCompression("gzip", nil, nil),
		connect.WithInterceptors(lost),
	)
	c.NodeClient = earshotv1.NewNodeClient(by(c.transports), url, options)
	c.PeopleClient = earshotv1.NewPeopleClient(by(c.transports), url, options)
	c.MessagesClient = earshotv1.NewMessagesClient(by(c.transports), url, options)
	c.GroupsClient = earshotv1.NewGroupsClient(by(c.transports), url, options)
	return &c
}

// Running reports whether a node answers in dir.
func Running(ctx context.Context, dir string) bool { return !errors.Is(knock(ctx, dir), ErrNotRunning) }

func knock(ctx context.Context, dir string) error {
	conn, err := dial(ctx, dir)
	if err == nil {
		conn.Close()
	}
	return err
}

// Close ends idle connections.
func (c *Client) Close() {
	for _, t := range c.transports {
		t.CloseIdleConnections()
	}
}

// transport speaks HTTP/1.1, or HTTP/2 without TLS, to the socket in dir.
func transport(dir string, one bool) *http.Transport {
	var protocols http.Protocols
	protocols.SetHTTP1(one)
	protocols.SetUnencryptedHTTP2(!one)
	return &http.Transport{
		Protocols:          &protocols,
		DisableCompression: true,
		// As many calls as a program of the owner's is expected to have under way at once.
		MaxIdleConnsPerHost: 64,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dial(ctx, dir)
		},
	}
}

// by sends streams, which Connect tells apart by their content type, over the second transport.
type by [2]*http.Transport

func (t by) Do(r *http.Request) (*http.Response, error) {
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/connect+") {
		return t[1].RoundTrip(r)
	}
	return t[0].RoundTrip(r)
}
