package node

import (
	"context"
	"errors"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/files/exchange"
	"github.com/earshot-im/earshot/node/files/give"
	"github.com/earshot-im/earshot/node/link"
	"github.com/earshot-im/earshot/node/session"
)

// acceptBlobs has the streams served by which peers fetch what is attached to messages, until ctx ends.
func (n *Node) acceptBlobs(ctx context.Context) {
	n.host.SetStreamHandler(exchange.Protocol, func(s network.Stream) {
		device, err := crypto.DeviceFromPeer(s.Conn().RemotePeer())
		if err != nil {
			_ = s.Reset()
			return
		}
		them, _ := n.people.Of(device)
		at := session.Addr(s.Conn().RemoteMultiaddr())
		account := n.budgets.Open(at)
		standing := n.standing(device, them.ID)
		account.Identify(them.ID, standing)
		peer := give.Peer{Device: device, Person: them.ID, Standing: standing, At: at, Account: account,
			Unsent: func() int { return link.Unsent(s.Conn()) }}
		err = n.giver.Serve(ctx, s, peer)
		if errors.Is(err, give.ErrTooOften) {
			_ = s.Conn().Close()
		}
		if err != nil {
			n.log.Debug("a peer that fetches files", "peer", device, "err", err)
		}
	})
}

// blobStream opens a stream by which something is fetched from a device.
func (n *Node) blobStream(ctx context.Context, device crypto.DeviceID) (exchange.Stream, error) {
	return n.host.NewStream(ctx, peer.ID(device.PeerID()), exchange.Protocol)
}

// identified returns the devices with which there is a session, and whose they are.
func (n *Node) identified() map[crypto.DeviceID]crypto.PersonID {
	out := make(map[crypto.DeviceID]crypto.PersonID)
	for s, person := range n.mesh.Identified() {
		out[s.Peer()] = person
	}
	return out
}

// talks says whether the session with a device has something to send or waits for an answer.
func (n *Node) talks(device crypto.DeviceID) bool {
	for s := range n.mesh.Identified() {
		if s.Peer() == device {
			return s.Talks()
		}
	}
	return false
}
