package discovery

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/libp2p/go-libp2p/core/peer"
)

// Named is what a user gives to --peer: a place, and perhaps which device is there.
type Named struct {
	Text   string  // as it was typed
	Device peer.ID // empty: whoever answers there

	host string // an IP or a name
	port uint16
}

// ParseNamed reads /ip4/192.168.1.5/tcp/4001/p2p/12D3KooW…, the same with ip6, or HOST:PORT. HOST
// is an IP, in brackets if it is an IPv6 one, or a name. Errors wrap ErrPeerAddress.
func ParseNamed(text string) (Named, error) {
	if strings.HasPrefix(text, "/") {
		s, err := parsePeer(text)
		if err != nil {
			return Named{}, err
		}
		return Named{Text: text, Device: s.Device, host: s.Addrs[0].Addr().String(), port: s.Addrs[0].Port()}, nil
	}
	fail := func(why string, args ...any) (Named, error) {
		return Named{}, fmt.Errorf("%q: %w: %s", text, ErrPeerAddress, fmt.Sprintf(why, args...))
	}
	host, service, err := net.SplitHostPort(text)
	if err != nil {
		return fail("want HOST:PORT or /ip4/ADDRESS/tcp/PORT/p2p/DEVICE")
	}
	port, err := strconv.ParseUint(service, 10, 16)
	if err != nil || port == 0 {
		return fail("%q is not a port from 1 to 65535", service)
	}
	n := Named{Text: text, host: host, port: uint16(port)}
	if ip, err := netip.ParseAddr(host); err == nil {
		if !Believable(netip.AddrPortFrom(ip, n.port), FromManual) {
			return fail("%s cannot be dialled", host)
		}
	} else if !hostName(host) {
		return fail("%q is not the name of a host", host)
	}
	return n, nil
}

// hostName says whether text can be asked for in the DNS.
func hostName(text string) bool {
	const longest = 253
	if text == "" || len(text) > longest {
		return false
	}
	return !strings.ContainsFunc(text, func(c rune) bool {
		plain := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		return !plain && c != '-' && c != '.' && c != '_'
	})
}

// Addrs returns the addresses of the place now, at most MaxAddrs. A name is looked up by the
// system, which may ask a server, and each time anew, since it may have moved.
func (n Named) Addrs(ctx context.Context) (addrs []netip.AddrPort, err error) {
	ips := []netip.Addr{}
	if ip, err := netip.ParseAddr(n.host); err == nil {
		ips = append(ips, ip)
	} else if ips, err = net.DefaultResolver.LookupNetIP(ctx, "ip", n.host); err != nil {
		return nil, err // which says what was looked up
	}
	for _, ip := range ips {
		if a := netip.AddrPortFrom(ip.Unmap(), n.port); Believable(a, FromManual) && len(addrs) < MaxAddrs {
			addrs = append(addrs, a)
		}
	}
	if len(addrs) == 0 {
		return nil, fmt.Errorf("%s: %w", n.host, ErrNoAddress)
	}
	return addrs, nil
}
