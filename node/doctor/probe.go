package doctor

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"net/netip"
	"slices"
	gosync "sync"
	"syscall"
	"time"

	"golang.org/x/time/rate"

	"github.com/earshot-im/earshot/discovery"
	"github.com/earshot-im/earshot/node/checks"
)

const (
	// maxProbed is how many addresses are tried, those nearest to this machine's own first: all of
	// four networks of the usual size.
	maxProbed = 1024
	// probesAtOnce is how many are tried at once, and probesASecond how many are begun in a second.
	// Each makes one question to the whole network who has the address; a switch passes thousands.
	probesAtOnce  = 64
	probesASecond = 200
	// probePatience is how long an address may take to answer. On a local network it takes a
	// few milliseconds.
	probePatience = 800 * time.Millisecond
	// askWhoPatience is how long one that answers may take to say who it is.
	askWhoPatience = 4 * time.Second

	// otherPorts is how many ports are tried after the first, on which most nodes listen. A machine
	// that runs several nodes has further ones; they are tried where something answers there, be it
	// only that nothing listens.
	otherPorts = 3
)

// probe tries the addresses of this machine's own networks, and has the nodes that it finds dialled
// as others that are sighted.
func (d *Doctor) probe(ctx context.Context) checks.Check {
	links := checks.Usable(d.cfg.Network())
	var tried checks.Tried
	for _, l := range links {
		if len(nearest([]discovery.Link{l})) > 0 {
			tried.Networks++
		}
	}
	pace := rate.NewLimiter(probesASecond, 1)
	places := make(chan struct{}, probesAtOnce)
	var mu gosync.Mutex
	var probing gosync.WaitGroup
	for _, at := range nearest(links) {
		if pace.Wait(ctx) != nil {
			break // what was tried until now is told
		}
		tried.Addresses++
		places <- struct{}{}
		probing.Go(func() { // ends within the patience of its dials, or with ctx
			defer func() { <-places }()
			found := d.probeAt(ctx, at)
			mu.Lock()
			defer mu.Unlock()
			tried.Nodes = append(tried.Nodes, found...)
		})
	}
	probing.Wait()
	slices.Sort(tried.Nodes)
	return checks.OfProbe(tried)
}

// probeAt tries one machine, and returns where a node has answered.
func (d *Doctor) probeAt(ctx context.Context, at netip.Addr) (found []string) {
	for i := range uint16(1 + otherPorts) {
		to := netip.AddrPortFrom(at, d.cfg.FirstPort+i)
		switch err := d.knock(ctx, to); {
		case err == nil:
		case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, wsaConnRefused):
			continue
		default:
			return found // nobody is there
		}
		asking, cancel := context.WithTimeout(ctx, askWhoPatience)
		device, err := d.whoIs(asking, to)
		cancel()
		if err == nil && device != d.cfg.Host.ID() {
			found = append(found, to.String())
			d.cfg.Sighted(discovery.Sighting{Device: device, Addrs: []netip.AddrPort{to}, Source: discovery.FromProbe})
		}
	}
	return found
}

func (d *Doctor) knock(ctx context.Context, to netip.AddrPort) error {
	ctx, cancel := context.WithTimeout(ctx, probePatience)
	defer cancel()
	return d.cfg.Knock(ctx, to)
}

// nearest returns the IPv4 addresses of the networks of some links, without those of this machine,
// of the networks and of broadcasts: at most maxProbed, those nearest to an own address first.
func nearest(links []discovery.Link) []netip.Addr {
	distances := make(map[netip.Addr]uint32)
	own := make(map[netip.Addr]bool)
	for _, l := range links {
		for _, a := range l.Addrs {
			own[a] = true
			for _, p := range l.Prefixes {
				if a.Is4() && p.Contains(a) && !a.IsLinkLocalUnicast() {
					around(distances, a, p)
				}
			}
		}
	}
	var out []netip.Addr
	for a := range distances {
		if !own[a] {
			out = append(out, a)
		}
	}
	slices.SortFunc(out, func(a, b netip.Addr) int { return cmp.Or(cmp.Compare(distances[a], distances[b]), a.Compare(b)) })
	return out[:min(len(out), maxProbed)]
}

// around notes how far the addresses of a network are from one of them, of maxProbed on either side.
func around(distances map[netip.Addr]uint32, own netip.Addr, network netip.Prefix) {
	if network.Bits() > 30 { // a network of two or one has no others, or no broadcast to leave out
		return
	}
	center := number(own)
	first := number(network.Masked().Addr())
	last := first | (1<<(32-network.Bits()) - 1)
	for n := uint64(max(first+1, center-min(center, maxProbed))); n < min(uint64(last), uint64(center)+maxProbed+1); n++ {
		distance := uint32(max(n, uint64(center)) - min(n, uint64(center)))
		a := address(uint32(n))
		if before, there := distances[a]; !there || distance < before {
			distances[a] = distance
		}
	}
}

func number(a netip.Addr) uint32 { b := a.As4(); return binary.BigEndian.Uint32(b[:]) }

func address(n uint32) netip.Addr {
	return netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, n)))
}
