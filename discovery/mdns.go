package discovery

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
)

const (
	// maxStrangers is how many different devices are reported between two announcements, not
	// counting those that Known knows. It is ten times the largest LAN on which mDNS works well; if
	// there are more, somebody invents them.
	maxStrangers = 1024

	// maxEntries is how many entries one query may yield before it is replaced by a fresh one,
	// since the library remembers each for as long as the query lasts. In an office of 50 that
	// happens about once an hour.
	maxEntries = 4096
)

// MDNSConfig is what NewMDNS needs. Only Own and Known may be nil.
type MDNSConfig struct {
	Device   peer.ID        // this device: announced, and left out of what is found
	Port     uint16         // TCP port on which the node listens
	Networks <-chan Network // from Watcher.Subscribe

	// Found is called from Run's goroutine with each sighting: of one device about once a minute,
	// and for IPv4 and IPv6 each. While it runs nothing else is heard, so it should pass the
	// sighting on and return.
	Found func(Sighting)

	// Own, if set, is called like Found with sightings of this device itself. What this MDNS
	// announces comes back; anything else means that another machine announces this device too.
	Own func(Sighting)

	// Known, if set, says which devices are to be reported however many strangers are announced. It
	// is called like Found.
	Known func(peer.ID) bool

	Log *slog.Logger
}

// MDNSStatus says what does not work now. A machine without IPv6 always has an error there.
type MDNSStatus struct {
	Announce error // telling others of this device
	IPv4     error // hearing others over IPv4
	IPv6     error // hearing others over IPv6
}

// MDNS announces a device by multicast DNS and reports the others.
type MDNS struct {
	cfg    MDNSConfig
	wire   multicast
	status atomic.Pointer[MDNSStatus]
}

// NewMDNS returns an MDNS that does nothing until Run. Its error wraps ErrConfig.
func NewMDNS(cfg MDNSConfig) (*MDNS, error) {
	if cfg.Port == 0 {
		return nil, fmt.Errorf("%w: port 0", ErrConfig)
	}
	if _, err := parseDevice(cfg.Device.String()); err != nil {
		return nil, fmt.Errorf("%w: device: %w", ErrConfig, err)
	}
	m := &MDNS{cfg: cfg, wire: zeroconfWire{}}
	m.status.Store(&MDNSStatus{Announce: ErrNoInterface, IPv4: ErrNoInterface, IPv6: ErrNoInterface})
	return m, nil
}

// Status says what does not work now. Anyone may call it.
func (m *MDNS) Status() MDNSStatus { return *m.status.Load() }

// Run announces and listens until ctx ends, then says goodbye and returns nil. The library's
// announcing goroutines end by themselves up to 4 s later; they hold no socket by then.
func (m *MDNS) Run(ctx context.Context) error {
	r := running{MDNS: m, heard: make(chan heard), seen: map[peer.ID]struct{}{}}
	defer r.stop()
	r.schedule.changed(time.Now())
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case r.network = <-m.cfg.Networks:
			r.stop()
			r.schedule.changed(time.Now())
		case h := <-r.heard:
			r.hear(h)
		case <-timer.C:
		}
		r.act(ctx, time.Now())
		timer.Reset(time.Until(r.schedule.next()))
	}
}

// A family is one of IPv4 and IPv6. Each has a query of its own, so that one that fails does not
// stop the other.
type family int

const (
	ipv4 family = iota
	ipv6
	families
)

func (f family) String() string { return [...]string{"IPv4", "IPv6"}[f] }

// heard is an entry with the query that yielded it.
type heard struct {
	entry entry
	by    family
}

// multicast is the edge to the mDNS library. Tests replace it.
type multicast interface {
	// announce tells the network of a until goodbye is called.
	announce(a announcement, links []Link) (goodbye func(), err error)
	// browse queries once and then listens. What it hears goes to out until ctx ends; ended is
	// closed when nothing more comes, which may be earlier. After an error the caller ends ctx.
	browse(ctx context.Context, f family, links []Link, out chan<- heard) (ended <-chan struct{}, err error)
}

// running is the state of Run, and belongs to its goroutine.
type running struct {
	*MDNS
	schedule schedule
	network  Network
	heard    chan heard // unbuffered: what is not taken yet waits in the kernel

	goodbye func() // nil: not announced
	queries [families]query

	seen map[peer.ID]struct{} // strangers that were reported since the last announcement
	full bool                 // there were too many of them
}

// A query is one Browse of one family. The zero query is not running.
type query struct {
	cancel  context.CancelFunc
	ended   <-chan struct{}
	entries int
}

func (q *query) stop() {
	if q.cancel != nil {
		q.cancel()
		<-q.ended
	}
	*q = query{}
}

func (q *query) alive() bool {
	select {
	case <-q.ended:
		return false
	default:
		return q.ended != nil
	}
}

func (r *running) stop() {
	for f := range families {
		r.queries[f].stop()
	}
	r.silence()
}

func (r *running) silence() {
	if r.goodbye != nil {
		r.goodbye()
		r.goodbye = nil
	}
}

// act does what is due.
func (r *running) act(ctx context.Context, now time.Time) {
	status := r.Status()
	if r.schedule.browseDue(now) {
		for f := range families {
			r.queries[f].stop()
		}
		r.schedule.browsed(now)
	} else if !r.schedule.announceDue(now) {
		return
	}
	// The query comes first, so that answers to the announcement are heard. A query that failed, or
	// ended by itself, is tried again with each announcement: the library gives up when it has
	// heard nobody for 15 minutes. A query that was stopped here is tried again when the schedule
	// says so.
	for f, err := range [families]*error{&status.IPv4, &status.IPv6} {
		if r.schedule.browseAt.IsZero() && !r.queries[f].alive() {
			*err = r.browse(ctx, family(f))
		}
	}
	if r.schedule.announceDue(now) {
		status.Announce = r.announce()
		r.schedule.announced(now, rand.Float64())
		clear(r.seen)
		r.full = false
	}
	r.report(status)
}

func (r *running) browse(ctx context.Context, f family) error {
	r.queries[f].stop()
	links := r.network.Multicast()
	if len(links) == 0 {
		return ErrNoInterface // without a list, the library would use all interfaces
	}
	ctx, cancel := context.WithCancel(ctx)
	ended, err := r.wire.browse(ctx, f, links, r.heard)
	if err != nil {
		cancel()
		return err
	}
	r.queries[f] = query{cancel: cancel, ended: ended}
	return nil
}

func (r *running) announce() error {
	r.silence()
	links := r.network.Multicast()
	a, err := announce(r.cfg.Device, r.cfg.Port, links)
	if err != nil {
		return err
	}
	r.goodbye, err = r.wire.announce(a, links)
	return err
}

// hear reports an entry if it is a sighting of another device.
func (r *running) hear(h heard) {
	q := &r.queries[h.by]
	if q.entries++; q.entries >= maxEntries {
		q.stop()
		r.schedule.wantBrowse(time.Now())
		r.cfg.Log.Info("much heard by mDNS, asking anew", "family", h.by)
	}
	s, err := h.entry.parse()
	if err != nil {
		r.cfg.Log.Debug("mDNS entry refused", "err", err)
		return
	}
	if s.Device == r.cfg.Device {
		if r.cfg.Own != nil {
			r.cfg.Own(s)
		}
		return
	}
	if r.cfg.Known == nil || !r.cfg.Known(s.Device) {
		if _, again := r.seen[s.Device]; !again && len(r.seen) >= maxStrangers {
			if !r.full {
				r.cfg.Log.Warn("more devices announced by mDNS than are believed", "limit", maxStrangers)
			}
			r.full = true
			return
		}
		r.seen[s.Device] = struct{}{}
	}
	r.cfg.Found(s)
}

// report publishes a status, and logs what has begun to fail or works again.
func (r *running) report(now MDNSStatus) {
	before := r.Status()
	for _, part := range []struct {
		what        string
		before, now error
	}{
		{"announcing by mDNS", before.Announce, now.Announce},
		{"hearing mDNS over IPv4", before.IPv4, now.IPv4},
		{"hearing mDNS over IPv6", before.IPv6, now.IPv6},
	} {
		switch {
		case part.now == nil && part.before != nil:
			r.cfg.Log.Info(part.what + " works")
		case part.now != nil && (part.before == nil || part.now.Error() != part.before.Error()):
			level := slog.LevelWarn
			if errors.Is(part.now, ErrNoInterface) || errors.Is(part.now, ErrNoAddress) {
				level = slog.LevelInfo
			}
			r.cfg.Log.Log(context.Background(), level, part.what+" does not work", "err", part.now)
		}
	}
	r.status.Store(&now)
}
