package mdns

import (
	"log/slog"
	"net/netip"
	"slices"

	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/earshot-im/earshot/node/fair"
)

// maxReports is how many announcements of strangers are reported between two announcements of this
// device, and how many of devices that are known. It is ten times the largest LAN on which mDNS works
// well; if there are more, somebody invents them.
const maxReports = 1024

// reports decides which announcements are worth a report. It holds what was reported between two
// announcements of this device, and nothing longer.
type reports struct {
	own   peer.ID
	known func(peer.ID) bool
	log   *slog.Logger

	last              map[peer.ID]reported
	strangers, knowns *fair.Pool[netip.Addr, int]
	full              bool
}

// reported is what a device was last reported with.
type reported struct {
	instance string
	addrs    []netip.AddrPort
}

func newReports(cfg Config) reports {
	r := reports{own: cfg.Device, known: cfg.Known, log: cfg.Log}
	r.renew()
	return r
}

// renew begins anew, so that every device is reported again.
func (r *reports) renew() {
	r.last, r.full = map[peer.ID]reported{}, false
	r.strangers, r.knowns = fair.New[netip.Addr, int](maxReports), fair.New[netip.Addr, int](maxReports)
}

// worth tells whether an announcement says something new and is not too much. A goodbye only lets
// the device be reported again: anyone can say it in another's name, and only a connection tells
// whether a device is there.
func (r *reports) worth(h heard) bool {
	s := h.said.sighting
	if h.said.goodbye {
		delete(r.last, s.Device)
		return false
	}
	if last, ok := r.last[s.Device]; ok && last.instance == h.said.instance && slices.Equal(last.addrs, s.Addrs) {
		return false
	}
	places := r.strangers
	if s.Device == r.own || r.known != nil && r.known(s.Device) {
		places = r.knowns
	}
	if !take(places, h.from) {
		if !r.full {
			r.log.Warn("more devices announced by mDNS than are believed", "limit", maxReports)
		}
		r.full = true
		return false
	}
	r.last[s.Device] = reported{h.said.instance, s.Addrs}
	return true
}
