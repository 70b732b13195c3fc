package link

import (
	"context"
	"crypto/rand"
	"errors"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
)

// WhoIs asks which device answers at an address. It dials as Connect does, for a device that nobody
// is, and is told who is there instead; no connection remains. The answer is a hint like a
// sighting, since it comes before the handshake has proven anything. Connect proves it.
func (h *Host) WhoIs(ctx context.Context, addr ma.Multiaddr) (peer.ID, error) {
	_, key, err := crypto.GenerateEd25519Key(rand.Reader)
	if err != nil {
		return "", err
	}
	nobody, err := peer.IDFromPublicKey(key)
	if err != nil {
		return "", err
	}
	err = h.Connect(ctx, nobody, []ma.Multiaddr{addr})
	var instead *OtherError
	switch {
	case errors.As(err, &instead):
		return instead.Device, nil
	case err == nil:
		return "", ErrNotConnected // nobody has the key that was just thrown away
	}
	return "", err
}
