package discovery

import (
	"crypto/rand"
	"fmt"
	"net/netip"
	"strings"

	"github.com/libp2p/go-libp2p/core/peer"
)

const (
	// service is what earshot registers under in DNS-SD.
	service = "_earshot._tcp"

	// maxString is how long DNS lets a TXT string be, in bytes. The library does not check: a
	// longer one makes the whole announcement vanish and its shutdown leave sockets behind.
	maxString = 255

	// maxStrings is how many TXT strings an announcement may have. Two have a meaning; the rest is
	// room for later versions.
	maxStrings = 16

	versionKey, version = "v=", "1"
	deviceKey           = "id="
)

// An announcement is what this device tells the network about itself.
type announcement struct {
	instance string // random, since listeners never report a name a second time
	host     string // random, since cloned machines have the same real one
	port     uint16
	ips      []netip.Addr
	text     []string
}

// announce makes a new announcement, with names that were never used before.
func announce(device peer.ID, port uint16, links []Link) (announcement, error) {
	if len(links) == 0 {
		return announcement{}, ErrNoInterface
	}
	a := announcement{
		instance: strings.ToLower(rand.Text()),
		host:     strings.ToLower(rand.Text()),
		port:     port,
		text:     text(device),
	}
	for _, addr := range SelfAddrs(links, port) {
		a.ips = append(a.ips, addr.Addr())
	}
	if len(a.ips) == 0 {
		// Left to itself the library would announce link-local addresses.
		return announcement{}, ErrNoAddress
	}
	return a, nil
}

func text(device peer.ID) []string {
	return []string{versionKey + version, deviceKey + device.String()}
}

// An entry is what was heard, and not checked yet.
type entry struct {
	text []string
	port int
	ips  []netip.Addr
}

// parse makes a sighting of an entry, or refuses it with errEntry. Single addresses that cannot be
// dialled are left out, since a later version may announce kinds that this one does not know.
func (e entry) parse() (Sighting, error) {
	fail := func(why string, args ...any) (Sighting, error) {
		return Sighting{}, fmt.Errorf("%w: %s", errEntry, fmt.Sprintf(why, args...))
	}
	if e.port < 1 || e.port > 65535 {
		return fail("port %d", e.port)
	}
	if len(e.text) > maxStrings {
		return fail("%d strings", len(e.text))
	}
	if len(e.ips) > MaxAddrs {
		return fail("%d addresses", len(e.ips))
	}
	v, err := value(e.text, versionKey)
	if err != nil {
		return Sighting{}, err
	}
	if v != version {
		return fail("version %q", v)
	}
	id, err := value(e.text, deviceKey)
	if err != nil {
		return Sighting{}, err
	}
	s := Sighting{Source: FromMDNS}
	if s.Device, err = parseDevice(id); err != nil {
		return fail("%v", err)
	}
	for _, ip := range e.ips {
		if a := netip.AddrPortFrom(ip.Unmap(), uint16(e.port)); believable(a, s.Source) {
			s.Addrs = append(s.Addrs, a)
		}
	}
	if len(s.Addrs) == 0 {
		return fail("no address to dial")
	}
	return s, nil
}

// value returns what follows key in the one string that begins with it.
func value(text []string, key string) (string, error) {
	found, value := 0, ""
	for _, t := range text {
		if len(t) > maxString {
			return "", fmt.Errorf("%w: string of %d bytes", errEntry, len(t))
		}
		if v, ok := strings.CutPrefix(t, key); ok {
			found, value = found+1, v
		}
	}
	if found != 1 {
		return "", fmt.Errorf("%w: %d strings with %s", errEntry, found, key)
	}
	return value, nil
}
