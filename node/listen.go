package node

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	ma "github.com/multiformats/go-multiaddr"

	"github.com/earshot-im/earshot/discovery"
	"github.com/earshot-im/earshot/node/link"
	"github.com/earshot-im/earshot/store"
)

// settingPort is the setting that holds the port on which this node listened last.
const settingPort = "port"

// ErrAddress: a listen or peer address can't be used.
var ErrAddress = errors.New("address can't be used")

// parseAddresses reads Config.Listen and Config.Peers.
func (n *Node) parseAddresses() error {
	for _, text := range n.cfg.Listen {
		addr, err := ma.NewMultiaddr(text)
		if err != nil || !listenable(addr) {
			return fmt.Errorf("%w: listen on %q: want /ip4/ADDRESS/tcp/PORT or /ip6/ADDRESS/tcp/PORT", ErrAddress, text)
		}
		n.listen = append(n.listen, addr)
	}
	for _, text := range n.cfg.Peers {
		s, err := discovery.ParsePeer(text)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrAddress, err)
		}
		n.peers = append(n.peers, s)
	}
	return nil
}

func listenable(addr ma.Multiaddr) bool {
	protocols := addr.Protocols()
	return len(protocols) == 2 && protocols[1].Code == ma.P_TCP &&
		(protocols[0].Code == ma.P_IP4 || protocols[0].Code == ma.P_IP6)
}

// startListening listens where the configuration says, or on the port of last time, which peers
// have saved.
func (n *Node) startListening(ctx context.Context) error {
	if len(n.listen) > 0 {
		if err := n.host.Listen(n.listen); err != nil {
			return fmt.Errorf("listen: %w", err)
		}
		return nil
	}
	last, err := n.lastPort()
	if err != nil {
		return err
	}
	err = n.host.Listen(link.ListenAddrs(last))
	if errors.Is(err, link.ErrPortTaken) && last != 0 {
		err = n.host.Listen(link.ListenAddrs(0))
	}
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	if port := n.host.Port(); port != last {
		err = n.store.Book().SetSetting(ctx, settingPort, strconv.Itoa(int(port)))
	}
	if errors.Is(err, store.ErrFull) { // peers find this node at another port as well
		n.log.Warn("write down the port", "err", err)
		return nil
	}
	return err
}

// lastPort returns the port on which this node listened last, or 0.
func (n *Node) lastPort() (uint16, error) {
	value, err := n.store.Book().Setting(settingPort)
	if err != nil {
		return 0, fmt.Errorf("read setting %q: %w", settingPort, err)
	}
	port, err := strconv.ParseUint(value, 10, 16)
	if err != nil {
		return 0, nil // none was saved
	}
	return uint16(port), nil
}
