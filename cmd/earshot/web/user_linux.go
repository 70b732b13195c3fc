package web

import (
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"

	"github.com/vishvananda/netlink/nl"
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
	s, err := socketOf(remote, local) // the other end, for which it is local
	if err != nil {
		return fmt.Errorf("%w: %w", errUser, err)
	}
	// Where there is no such connection, the kernel answers with the socket that would take one, if there is any.
	if !s.joins(remote, local) {
		return fmt.Errorf("%w: it is not known whose connection it is", errUser)
	}
	if s.state != established {
		return fmt.Errorf("%w: the connection has no program any more", errUser)
	}
	return sameUser(s.user, uint32(os.Geteuid()), nobody())
}

// socket is what the kernel says of one.
type socket struct {
	state         byte
	local, remote net.TCPAddr
	user          uint32
}

// joins reports whether a socket is the end of a connection that is at local, of which the other end is at remote.
func (s socket) joins(local, remote *net.TCPAddr) bool {
	return s.local.IP.Equal(local.IP) && s.local.Port == local.Port && s.remote.IP.Equal(remote.IP) && s.remote.Port == remote.Port
}

// How many bytes inet_diag_req_v2 and inet_diag_msg of linux/inet_diag.h have.
const asksBytes, saysBytes = 56, 72

// socketOf asks the kernel for one socket. netlink.SocketGet has it go through all sockets of the machine, which takes
// milliseconds: whoever connects again and again would keep the node from its owner.
func socketOf(local, remote *net.TCPAddr) (s socket, err error) {
	family, source, destination := byte(syscall.AF_INET), local.IP.To4(), remote.IP.To4()
	if source == nil || destination == nil {
		family, source, destination = syscall.AF_INET6, local.IP.To16(), remote.IP.To16()
	}
	b := make([]byte, asksBytes)
	b[0], b[1] = family, syscall.IPPROTO_TCP
	binary.NativeEndian.PutUint32(b[4:], ^uint32(0)) // in any state
	binary.BigEndian.PutUint16(b[8:], uint16(local.Port))
	binary.BigEndian.PutUint16(b[10:], uint16(remote.Port))
	copy(b[12:28], source)
	copy(b[28:44], destination)
	binary.NativeEndian.PutUint64(b[48:], ^uint64(0)) // the kernel's own number for it, which is not known here
	r := nl.NewNetlinkRequest(nl.SOCK_DIAG_BY_FAMILY, 0)
	r.AddRawData(b)
	says, err := r.Execute(syscall.NETLINK_INET_DIAG, 0)
	if err != nil {
		return s, err
	}
	if len(says) != 1 || len(says[0]) < saysBytes {
		return s, fmt.Errorf("the kernel says %d things", len(says))
	}
	b = says[0]
	length := net.IPv4len
	if b[0] == syscall.AF_INET6 { // as programs may speak IPv4 too
		length = net.IPv6len
	}
	return socket{
		state:  b[1],
		local:  net.TCPAddr{IP: b[8 : 8+length], Port: int(binary.BigEndian.Uint16(b[4:]))},
		remote: net.TCPAddr{IP: b[24 : 24+length], Port: int(binary.BigEndian.Uint16(b[6:]))},
		user:   binary.NativeEndian.Uint32(b[64:]),
	}, nil
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
