package doctor

import (
	"bufio"
	"context"
	"errors"
	"net/netip"
	"slices"
	gosync "sync"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	manet "github.com/multiformats/go-multiaddr/net"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/discovery"
	"github.com/earshot-im/earshot/node/checks"
)

// askPatience is how long a contact may take for all answers. Dialling back takes most of it.
const askPatience = 12 * time.Second

// lately is how long before it is asked to a device may have announced itself, so that it need not do
// so again: in mDNS nobody may say the same twice within a second.
const lately = 1500 * time.Millisecond

// round is when this node has announced itself, and by which ways.
type round struct {
	began time.Time
	ways  []string
}

// asking is a connected device of a contact.
type asking struct {
	person crypto.PersonID
	device peer.ID
}

// whoToAsk returns connected devices of contacts: all of the one whom the owner asks about, and one of
// each other.
func (d *Doctor) whoToAsk(known []Known, whom crypto.PersonID) (out []asking) {
	add := func(k Known, most int) {
		for _, device := range k.Devices {
			if device.Connected && most > 0 && len(out) < maxAsked {
				out = append(out, asking{k.ID, device.ID})
				most--
			}
		}
	}
	for _, k := range known {
		if k.ID == whom {
			add(k, maxAsked)
		}
	}
	for _, k := range known {
		if k.ID != whom {
			add(k, 1)
		}
	}
	return out
}

// askAll asks devices all at once, and returns what those say that answer, and how many do not. Those
// on this machine are not counted: they see nothing of it that it does not see itself.
func (d *Doctor) askAll(ctx context.Context, whom []asking, r round) (out []checks.Asked, silent int) {
	ctx, cancel := context.WithTimeout(ctx, askPatience)
	defer cancel()
	answers, errs := make([]checks.Asked, len(whom)), make([]error, len(whom))
	var asking gosync.WaitGroup
	for i, w := range whom {
		asking.Go(func() { answers[i], errs[i] = d.ask(ctx, w, r) }) // ends with ctx
	}
	asking.Wait()
	for i, a := range answers {
		switch {
		case a.Device != "":
			out = append(out, a)
		case !errors.Is(errs[i], errHere):
			d.cfg.Log.Debug("examine: a contact does not answer", "peer", whom[i].device, "err", errs[i])
			silent++
		}
	}
	return out, silent
}

// errHere: a device is on this machine.
var errHere = errors.New("on this machine")

// ask asks one device. If it says less than all, the error says why, and what it has said counts.
func (d *Doctor) ask(ctx context.Context, w asking, r round) (out checks.Asked, err error) {
	s, err := d.cfg.Host.NewStream(ctx, w.device, Protocol)
	if err != nil {
		return out, err
	}
	defer context.AfterFunc(ctx, func() { _ = s.Reset() })()
	defer s.Reset()
	at := remote(s.Conn())
	if here(d.cfg.Network(), at.Addr()) {
		return out, errHere
	}
	in := bufio.NewReaderSize(s, maxAnswer)
	asked := time.Now()
	first, err := exchange(s, in, question{announce: true})
	if err != nil {
		return out, err
	}
	out = checks.Asked{Person: w.person, Device: w.device.String(), Address: at.String(), Version: first.version,
		OnLink: onUsable(d.cfg.Network(), at.Addr()),
		// The peer has answered in the middle, as far as is known.
		Offset: d.cfg.Now().Add(-time.Since(asked) / 2).Sub(first.time),
	}
	if port := d.cfg.Port(); port >= minPort {
		back, err := exchange(s, in, question{port: port})
		if err != nil {
			return out, err
		}
		out.Outcome = back.outcome
	}
	if !pause(ctx, asked.Add(settle)) {
		return out, context.Cause(ctx)
	}
	last, err := exchange(s, in, question{})
	if err != nil {
		return out, err
	}
	out.OnLink = out.OnLink && onUsable(d.cfg.Network(), at.Addr()) // else they could not hear each other all the while
	out.WeAnnounce, out.TheyAnnounce = len(r.ways) > 0, len(first.ways) > 0
	for _, h := range last.heard {
		if h.ago <= time.Since(r.began)+lately {
			out.HeardUs = append(out.HeardUs, checks.Heard{Way: h.way, Last: d.cfg.Now().Add(-h.ago)})
		}
	}
	for way, at := range d.cfg.Heard(w.device) {
		if !at.Before(r.began.Add(-lately)) {
			out.HeardThem = append(out.HeardThem, checks.Heard{Way: way, Last: d.wall(at)})
		}
	}
	return out, nil
}

// exchange asks one question and waits for the answer.
func exchange(s network.Stream, in *bufio.Reader, q question) (answer, error) {
	if err := write(s, q.marshal()); err != nil {
		return answer{}, err
	}
	b, err := read(in, maxAnswer)
	if err != nil {
		return answer{}, err
	}
	return parseAnswer(b)
}

// remote is the other end of a connection; not valid if that has no IP.
func remote(c network.Conn) netip.AddrPort {
	tcp, err := manet.ToNetAddr(c.RemoteMultiaddr())
	if err != nil {
		return netip.AddrPort{}
	}
	at, _ := netip.ParseAddrPort(tcp.String())
	return netip.AddrPortFrom(at.Addr().Unmap(), at.Port())
}

// here says that an address is one of this machine's own.
func here(n discovery.Network, at netip.Addr) bool {
	return at.IsLoopback() || slices.ContainsFunc(n.Links, func(l discovery.Link) bool { return slices.Contains(l.Addrs, at.WithZone("")) })
}

// onUsable says that an address is on a network over which others are looked for.
func onUsable(n discovery.Network, at netip.Addr) bool {
	return slices.ContainsFunc(checks.Usable(n), func(l discovery.Link) bool { return l.OnLink(at) })
}
