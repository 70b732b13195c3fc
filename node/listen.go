package node

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	ma "github.com/multiformats/go-multiaddr"

	"github.com/earshot-im/earshot/discovery"
	"github.com/earshot-im/earshot/node/link"
	"github.com/earshot-im/earshot/store"
)

const (
	// settingPort is the setting that holds the port on which this node listened last.
	settingPort = "port"
	// settingListen is the setting that holds Config.Listen of the last start that had one, separated
	// by spaces.
	settingListen = "listen"

	// listenAnywhere, as the only address to listen on, goes back to what a node does that was never
	// told where to listen.
	listenAnywhere = "0"
)

var (
	// ErrAddress: a listen or peer address can't be used.
	ErrAddress = errors.New("address can't be used")
	// ErrListen: the node can't listen where it should.
	ErrListen = errors.New("can't listen")
)

// parseAddresses reads Config.Listen and Config.Peers, and checks Config.Interfaces.
func (n *Node) parseAddresses() (err error) {
	if n.listen, err = parseListen(n.cfg.Listen); err != nil {
		return err
	}
	for _, text := range n.cfg.Peers {
		named, err := discovery.ParseNamed(text)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrAddress, err)
		}
		n.peers = append(n.peers, named)
	}
	if slices.Contains(n.cfg.Interfaces, "") { // as of a variable that is not set
		return fmt.Errorf("%w: \"\" is not the name of a network interface", ErrAddress)
	}
	return nil
}

// parseListen reads where to listen: multiaddrs, or ports of all addresses.
func parseListen(texts []string) (addrs []ma.Multiaddr, err error) {
	if len(texts) == 1 && texts[0] == listenAnywhere {
		return nil, nil
	}
	for _, text := range texts {
		if port, err := strconv.ParseUint(text, 10, 16); err == nil && port > 0 {
			addrs = append(addrs, link.ListenAddrs(uint16(port))...)
			continue
		}
		addr, err := ma.NewMultiaddr(text)
		if err != nil || !listenable(addr) {
			return nil, fmt.Errorf("%w: listen on %q: want a port from 1 to 65535, /ip4/ADDRESS/tcp/PORT or /ip6/ADDRESS/tcp/PORT", ErrAddress, text)
		}
		addrs = append(addrs, addr)
	}
	return addrs, nil
}

func listenable(addr ma.Multiaddr) bool {
	protocols := addr.Protocols()
	return len(protocols) == 2 && protocols[1].Code == ma.P_TCP &&
		(protocols[0].Code == ma.P_IP4 || protocols[0].Code == ma.P_IP6)
}

// startListening listens where the configuration says, or where it said last, or else on every
// address and one of usualPorts.
func (n *Node) startListening(ctx context.Context) error {
	kept, err := n.store.Book().Setting(settingListen)
	if err != nil {
		return fmt.Errorf("read setting %q: %w", settingListen, err)
	}
	wanted := strings.Join(n.cfg.Listen, " ")
	if wanted == "" {
		wanted = kept
		if n.listen, err = parseListen(strings.Fields(kept)); err != nil {
			return err
		}
	}
	if len(n.listen) == 0 {
		err = n.listenAnywhere(ctx)
	} else if err = n.listenAgain(ctx, n.listen); err != nil && len(n.cfg.Listen) == 0 {
		err = fmt.Errorf("as --listen said last: %w", err)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrListen, err)
	}
	if wanted != kept {
		return n.noteWhere(ctx, settingListen, wanted)
	}
	return nil
}

// noteWhere keeps where this node listens for the next start. A full disk doesn't stop this one: it
// listens, and peers find it there.
func (n *Node) noteWhere(ctx context.Context, setting, value string) error {
	err := n.store.Book().SetSetting(ctx, setting, value)
	if errors.Is(err, store.ErrFull) {
		n.log.Warn("write down where this node listens", "setting", setting, "err", err)
		return nil
	}
	return err
}

// listenAnywhere listens on all addresses of this machine, on the first of usualPorts that is free.
func (n *Node) listenAnywhere(ctx context.Context) error {
	last, err := n.lastPort()
	if err != nil {
		return err
	}
	for _, port := range usualPorts(last) {
		listen := n.host.Listen
		if port == last {
			listen = func(addrs []ma.Multiaddr) error { return n.listenAgain(ctx, addrs) }
		}
		// A port may also be one that the system keeps for itself, as Windows does by the hundred.
		if err = listen(link.ListenAddrs(port)); err == nil {
			break
		}
		if port == last && last != 0 {
			n.portTaken.Store(uint32(last))
			n.log.Warn("the port of last time is another's", "port", last, "err", err)
		}
	}
	if err != nil {
		return err
	}
	if port := n.host.Port(); port != last {
		return n.noteWhere(ctx, settingPort, strconv.Itoa(int(port)))
	}
	return nil
}

// listenAgain listens where nothing else will do as well. If another has the port it may be for a
// moment only: a process that is ending, or one that examines this directory and tries whether the
// port is free.
func (n *Node) listenAgain(ctx context.Context, addrs []ma.Multiaddr) error {
	const pause = 200 * time.Millisecond
	err := n.host.Listen(addrs)
	if !errors.Is(err, link.ErrPortTaken) {
		return err
	}
	select {
	case <-ctx.Done():
		return err
	case <-time.After(pause):
		return n.host.Listen(addrs)
	}
}

// usualPorts returns the ports on which a node listens that was not told where, in the order in
// which they are tried: that of last time, which peers have saved, then the range, which firewalls
// let through, and any at last. A port from beyond the range was a makeshift, so it comes after it.
func usualPorts(last uint16) (ports []uint16) {
	for port := uint16(discovery.FirstPort); port <= discovery.LastPort; port++ {
		ports = append(ports, port)
	}
	if at := slices.Index(ports, last); at >= 0 {
		return append(slices.Insert(slices.Delete(ports, at, at+1), 0, last), 0)
	}
	if last != 0 {
		ports = append(ports, last)
	}
	return append(ports, 0)
}

// Port says where a node listens, for whoever looks for what is wrong.
type Port struct {
	Now   uint16 // 0 if it does not listen
	Taken uint16 // that of last time, if another program had it when the node started; else 0
}

// Port returns on which TCP port this node listens.
func (n *Node) Port() Port { return Port{n.host.Port(), uint16(n.portTaken.Load())} }

// PortSettings are the settings by which WantedPort says what it does.
var PortSettings = []string{settingListen, settingPort}

// WantedPort returns on which TCP port a node that does not run is to listen when it starts, by its
// settings: that which it was told, or that of last time; 0 if any will do.
func WantedPort(settings map[string]string) uint16 {
	told, err := parseListen(strings.Fields(settings[settingListen]))
	if err == nil && len(told) > 0 {
		settings = map[string]string{}
		if text, err := told[0].ValueForProtocol(ma.P_TCP); err == nil {
			settings[settingPort] = text
		}
	}
	port, _ := strconv.ParseUint(settings[settingPort], 10, 16) // 0 if none was saved
	return uint16(port)
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
