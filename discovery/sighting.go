package discovery

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/libp2p/go-libp2p/core/crypto/pb"
	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
)

// MaxAddrs is how many addresses of one device are announced, believed or kept. A machine with
// several interfaces, IPv4 and IPv6, has fewer. With a higher limit a forged sighting would make us
// dial more.
const MaxAddrs = 10

// LeastPort is the lowest port that is believed of a device that was only heard of. Those below belong
// to other services, to which anyone on the network could have us connect.
const LeastPort = 1024

// A node that was not told where to listen takes the first TCP port of this range that is free, and
// keeps it. IANA has given none of them to anybody, they lie below those that systems take for
// connections, and ten are enough for as many nodes on one machine.
const (
	FirstPort = 27830
	LastPort  = 27839
)

// Source says how a device was found. Its text is what users see in found_by.
type Source string

const (
	// FromMDNS is what was heard on the local network. Anyone can forge it.
	FromMDNS Source = "mdns"
	// FromBeacon is the same, by another protocol.
	FromBeacon Source = "beacon"
	// FromSaved is an address at which the device once proved itself, or which a contact's told of itself.
	FromSaved Source = "saved"
	// FromManual is an address that the user typed.
	FromManual Source = "manual"
	// FromPeer is what another device told. Anyone can forge it.
	FromPeer Source = "peer"
	// FromProbe is an address at which a node has answered when the owner had this network probed.
	FromProbe Source = "probe"
)

// sources lists every Source in the order in which they are shown.
var sources = [...]Source{FromMDNS, FromBeacon, FromSaved, FromManual, FromPeer, FromProbe}

// Announced tells the sources by which a device itself says on the local network that it is there.
func (s Source) Announced() bool { return s == FromMDNS || s == FromBeacon }

// trusted tells the sources that a stranger cannot forge.
func (s Source) trusted() bool { return s == FromSaved || s == FromManual }

// A Sighting is a hint that a device may be at some addresses.
type Sighting struct {
	Device peer.ID
	Addrs  []netip.AddrPort // TCP
	Source Source
}

// Multiaddrs returns the addresses in libp2p's form, without the device's ID.
func (s Sighting) Multiaddrs() []ma.Multiaddr {
	out := make([]ma.Multiaddr, 0, len(s.Addrs))
	for _, a := range s.Addrs {
		family := "ip6"
		if a.Addr().Is4() {
			family = "ip4"
		}
		m, err := ma.NewMultiaddr(fmt.Sprintf("/%s/%s/tcp/%d", family, a.Addr(), a.Port()))
		if err == nil { // fails only for an address that Believable refuses
			out = append(out, m)
		}
	}
	return out
}

// parsePeer reads /ip4/192.168.1.5/tcp/4001/p2p/12D3KooW… or the same with ip6. Errors wrap
// ErrPeerAddress.
func parsePeer(text string) (Sighting, error) {
	fail := func(why string, args ...any) (Sighting, error) {
		return Sighting{}, fmt.Errorf("%q: %w: %s", text, ErrPeerAddress, fmt.Sprintf(why, args...))
	}
	parts := strings.Split(text, "/")
	if len(parts) != 7 || parts[0] != "" || parts[3] != "tcp" || parts[5] != "p2p" {
		return fail("want /ip4/ADDRESS/tcp/PORT/p2p/DEVICE or /ip6/…")
	}
	if parts[1] != "ip4" && parts[1] != "ip6" {
		return fail("/%s is not supported, only /ip4 and /ip6", parts[1])
	}
	addr, err := netip.ParseAddr(parts[2])
	if err != nil || addr.Is4() != (parts[1] == "ip4") || addr.Is4In6() {
		return fail("%q is not an %s address", parts[2], parts[1])
	}
	port, err := strconv.ParseUint(parts[4], 10, 16)
	if err != nil || port == 0 {
		return fail("%q is not a port from 1 to 65535", parts[4])
	}
	ap := netip.AddrPortFrom(addr, uint16(port))
	if !Believable(ap, FromManual) {
		return fail("%s cannot be dialled", parts[2])
	}
	device, err := ParseDevice(parts[6])
	if err != nil {
		return fail("%q is not the ID of a device", parts[6])
	}
	return Sighting{Device: device, Addrs: []netip.AddrPort{ap}, Source: FromManual}, nil
}

// ParseDevice reads the text of a device's ID, and refuses any other spelling.
func ParseDevice(text string) (peer.ID, error) {
	const longest = 64 // an Ed25519 peer ID has 52 characters
	if len(text) > longest {
		return "", fmt.Errorf("device ID of %d bytes", len(text))
	}
	id, err := peer.Decode(text)
	if err != nil {
		return "", err
	}
	key, err := id.ExtractPublicKey()
	if err != nil {
		return "", err
	}
	if key.Type() != pb.KeyType_Ed25519 || id.String() != text {
		return "", fmt.Errorf("not the plain form of an Ed25519 ID")
	}
	return id, nil
}

// Believable tells whether an address is worth a dial. Loopback is this machine, so it counts only
// if the user typed it or it was saved here. Otherwise anyone could have us dial our own services.
func Believable(a netip.AddrPort, from Source) bool {
	ip := a.Addr()
	switch {
	case a.Port() == 0, ip.Zone() != "", ip.Is4In6():
		return false
	case ip.IsLoopback():
		return from.trusted()
	default:
		return ofInterface(ip)
	}
}

// ofInterface tells whether others on the network could dial ip. IPv6 link-local addresses need a
// zone, with which libp2p cannot dial.
func ofInterface(ip netip.Addr) bool {
	return ip.IsGlobalUnicast() || ip.Is4() && ip.IsLinkLocalUnicast()
}
