package web

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"

	"github.com/vishvananda/netlink"
)

// established is the state of a TCP connection whose program has not let go of it. What was closed already
// has no user any more, which looks like root.
const established = 1

// checkUser returns nil if the program at the other end of a connection runs as the user of this one. It fails
// where the system does not say so.
func checkUser(c net.Conn) error {
	local, ok := c.LocalAddr().(*net.TCPAddr)
	remote, isTCP := c.RemoteAddr().(*net.TCPAddr)
	if !ok || !isTCP {
		return fmt.Errorf("%w: no TCP", errUser)
	}
	s, err := netlink.SocketGet(remote, local) // of the other end, for which it is local
	if err != nil {
		return fmt.Errorf("%w: %w", errUser, err)
	}
	// The kernel was asked by the ports alone, and may have answered about another connection.
	if !s.ID.Source.Equal(remote.IP) || !s.ID.Destination.Equal(local.IP) || int(s.ID.SourcePort) != remote.Port || int(s.ID.DestinationPort) != local.Port {
		return fmt.Errorf("%w: it is not known whose connection it is", errUser)
	}
	if s.State != established || s.INode == 0 {
		return fmt.Errorf("%w: the connection has no program any more", errUser)
	}
	return sameUser(s.UID, uint32(os.Geteuid()), nobody())
}

// sameUser returns nil if two users are the same, and known. nobody stands for all whom the system does not
// know here, as those of another container.
func sameUser(peer, own, nobody uint32) error {
	switch {
	case peer == nobody:
		return fmt.Errorf("%w: the system does not say which user's program has connected", errUser)
	case peer != own:
		return fmt.Errorf("%w: a program of user %d has connected, and this node is user %d's", errUser, peer, own)
	}
	return nil
}

// checkSelf returns why no user can be told from others here.
func checkSelf() error {
	if own := uint32(os.Geteuid()); own == nobody() {
		return fmt.Errorf("this node runs as user %d, which stands for all users that the system does not know", own)
	}
	return nil
}

// usualNobody is the number of that user where the system does not say otherwise.
const usualNobody = 65534

func nobody() uint32 {
	b, err := os.ReadFile("/proc/sys/kernel/overflowuid")
	if err != nil {
		return usualNobody
	}
	n, err := strconv.ParseUint(strings.TrimSpace(string(b)), 10, 32)
	if err != nil {
		return usualNobody
	}
	return uint32(n)
}
