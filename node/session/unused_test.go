package session

import (
	"testing"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/protocol"
)

// carrying is a connection of which only the protocols of its streams are known.
type carrying struct {
	network.Conn
	streams []network.Stream
	closed  bool
}

type named struct {
	network.Stream
	protocol protocol.ID
}

func (c *carrying) GetStreams() []network.Stream { return c.streams }
func (c *carrying) Close() error                 { c.closed = true; return nil }
func (s named) Protocol() protocol.ID            { return s.protocol }

// TestNextSessionKeepsItsLink: a session that ended closed the connection under the next one, if that
// had opened its stream and not named its protocol yet.
func TestNextSessionKeepsItsLink(t *testing.T) {
	for _, c := range []struct {
		what    string
		streams []protocol.ID
		closed  bool
	}{
		{"nothing", nil, true},
		{"something else", []protocol.ID{"/earshot/gossip/1/x"}, true},
		{"another session", []protocol.ID{"/earshot/gossip/1/x", Protocol}, false},
		{"what may be a session", []protocol.ID{"/earshot/gossip/1/x", ""}, false},
	} {
		conn := &carrying{}
		for _, p := range c.streams {
			conn.streams = append(conn.streams, named{protocol: p})
		}
		if CloseUnused(conn); conn.closed != c.closed {
			t.Errorf("one that carries %s: closed is %t", c.what, conn.closed)
		}
	}
}
