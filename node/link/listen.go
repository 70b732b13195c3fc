package link

import (
	"errors"
	"fmt"
	"strconv"
	"syscall"

	ma "github.com/multiformats/go-multiaddr"
)

// sharePortTries is how often Listen looks for a port that is free on both IP versions, where any
// port will do. The system picks one of tens of thousands, so more than one clash in a row is rare.
const sharePortTries = 8

// wsaAddrInUse is the error on Windows for what is EADDRINUSE on Unix.
const wsaAddrInUse = syscall.Errno(10048)

// ListenAddrs returns addresses that stand for all addresses of this machine, of both IP versions,
// on one port.
func ListenAddrs(port uint16) []ma.Multiaddr {
	p := strconv.Itoa(int(port))
	return []ma.Multiaddr{
		ma.StringCast("/ip4/0.0.0.0/tcp/" + p),
		ma.StringCast("/ip6/::/tcp/" + p),
	}
}

// Listen starts to accept connections on all of the addresses where it can, and fails if it can on
// none; so a machine without IPv6 listens on IPv4 alone. Addresses with port 0 share one port that
// the system picks. If a port is taken, the error is ErrPortTaken, nothing listens, and Listen may
// be called again with another port.
func (h *Host) Listen(addrs []ma.Multiaddr) error {
	var err error
	for range sharePortTries {
		var picked bool
		if picked, err = h.listen(addrs); !picked || !errors.Is(err, ErrPortTaken) {
			return err
		}
	}
	return err
}

// listen tries once; picked says that the system chose the port, so that another try may end
// otherwise.
func (h *Host) listen(addrs []ma.Multiaddr) (picked bool, err error) {
	before := h.swarm.ListenAddresses()
	var port string // the one the system picked
	var failed []error
	for _, addr := range addrs {
		if anyPort(addr) && port != "" {
			picked = true
			addr = withPort(addr, port)
		}
		if err := h.swarm.AddListenAddr(addr); err != nil {
			if errors.Is(err, syscall.EADDRINUSE) || errors.Is(err, wsaAddrInUse) {
				h.swarm.ListenClose(newAddrs(h.swarm.ListenAddresses(), before)...)
				return picked, fmt.Errorf("listen on %s: %w", addr, ErrPortTaken)
			}
			h.log.Warn("not listening", "addr", addr, "err", err)
			failed = append(failed, fmt.Errorf("listen on %s: %w", addr, err))
			continue
		}
		if anyPort(addr) {
			port, _ = newAddrs(h.swarm.ListenAddresses(), before)[0].ValueForProtocol(ma.P_TCP)
		}
	}
	if len(failed) == len(addrs) {
		return picked, errors.Join(failed...)
	}
	return picked, nil
}

// ListenAddrs returns the addresses this host listens on, with the ports that were picked. An
// unspecified address stays so, since the link does not know which addresses the machine has.
func (h *Host) ListenAddrs() []ma.Multiaddr { return h.swarm.ListenAddresses() }

// Port is the TCP port this host listens on, 0 if it does not.
func (h *Host) Port() uint16 {
	for _, addr := range h.swarm.ListenAddresses() {
		if p, err := addr.ValueForProtocol(ma.P_TCP); err == nil {
			n, _ := strconv.ParseUint(p, 10, 16)
			return uint16(n)
		}
	}
	return 0
}

func anyPort(addr ma.Multiaddr) bool {
	p, err := addr.ValueForProtocol(ma.P_TCP)
	return err == nil && p == "0"
}

func withPort(addr ma.Multiaddr, port string) ma.Multiaddr {
	tcp, err := ma.NewComponent("tcp", port)
	if err != nil {
		return addr
	}
	return addr.Decapsulate(ma.StringCast("/tcp/0")).Encapsulate(tcp)
}

// newAddrs returns the addresses of now that were not there before.
func newAddrs(now, before []ma.Multiaddr) []ma.Multiaddr {
	return ma.FilterAddrs(now, func(a ma.Multiaddr) bool { return !ma.Contains(before, a) })
}
