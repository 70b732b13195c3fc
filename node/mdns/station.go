package mdns

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/earshot-im/earshot/discovery"
	"github.com/earshot-im/earshot/node/multicast"
	"github.com/earshot-im/earshot/node/sightings"
)

// family is one of IPv4 and IPv6.
type family = multicast.Family

const v4, v6, families = multicast.V4, multicast.V6, multicast.Families

// Group is where multicast DNS is spoken.
func Group(f multicast.Family) multicast.Group {
	at := [...]netip.AddrPort{netip.MustParseAddrPort("224.0.0.251:5353"), netip.MustParseAddrPort("[ff02::fb]:5353")}
	return multicast.Group{Family: f, At: at[f], Name: "mDNS", Most: maxPacket}
}

// A socket hears and says packets of one IP version, as a multicast.Socket.
type socket interface {
	Say(b []byte, link discovery.Link) error
	Ended() <-chan struct{}
	Close()
}

// wire is the edge to the network. Tests replace it.
type wire interface {
	// listen is multicast.Listen at group.
	listen(f family, links []discovery.Link, take func(b []byte, from netip.AddrPort, index int)) (socket, error)
	// register has the library announce a device over a link, until hush is called.
	register(n names, at []netip.AddrPort, text []string, link discovery.Link) (hush func(), err error)
}

// network is this machine's.
type network struct{}

func (network) listen(f family, links []discovery.Link, take func([]byte, netip.AddrPort, int)) (socket, error) {
	s, err := multicast.Listen(Group(f), links, take)
	if err != nil {
		return nil, err // and no socket, which would be a nil pointer in the interface
	}
	return s, nil
}

// A station speaks and hears over some links. It belongs to Run's goroutine.
type station struct {
	cfg     Config
	wire    wire
	names   names
	links   []discovery.Link
	ears    [families]ear
	heard   chan heard // unbuffered: what is not taken yet waits in the kernel
	answers answers

	hush   []func() // they end the library on each link; none: it does not run
	hushAt time.Time
}

// An ear is a socket that is listened at. The zero ear is none.
type ear struct {
	socket
	quit chan struct{} // closed: what was heard is wanted no more
}

func newStation(cfg Config, wire wire) station {
	return station{cfg: cfg, wire: wire, names: newNames(), heard: make(chan heard), answers: newAnswers()}
}

// change ends all that ran, and takes other links.
func (s *station) change(links []discovery.Link) {
	s.stop()
	s.links, s.answers = links, newAnswers()
}

// stop ends all that runs.
func (s *station) stop() {
	s.silence()
	for f := range s.ears {
		s.ears[f].stop()
	}
}

func (e *ear) stop() {
	if e.socket != nil {
		close(e.quit)
		e.Close()
	}
	*e = ear{}
}

func (e *ear) open() bool {
	if e.socket == nil {
		return false
	}
	select {
	case <-e.Ended():
		return false
	default:
		return true
	}
}

// listen begins to listen in one IP version, if it does not yet, and asks who is there.
func (s *station) listen(f family) error {
	e := &s.ears[f]
	if e.open() {
		return nil
	}
	e.stop()
	if len(s.links) == 0 {
		return sightings.ErrNoInterface
	}
	in, quit := &intake{s.names, f, s.links, s.cfg.Sightings.Admit}, make(chan struct{})
	socket, err := s.wire.listen(f, s.links, func(b []byte, from netip.AddrPort, index int) {
		if h, ok := in.take(b, from, index, time.Now()); ok {
			select {
			case s.heard <- h:
			case <-quit:
			}
		}
	})
	if err != nil {
		return err
	}
	*e = ear{socket, quit}
	s.askOver(f)
	return nil
}

// ask asks everybody on the network to announce itself.
func (s *station) ask() {
	for f := range families {
		s.askOver(f)
	}
}

func (s *station) askOver(f family) {
	b, err := question()
	for _, l := range s.links {
		if err == nil && s.ears[f].open() && f.Of(l) {
			err = s.ears[f].Say(b, l)
		}
	}
	if err != nil { // the announcement says what is wrong, and others announce themselves
		s.cfg.Log.Debug("nobody was asked by mDNS", "err", err)
	}
}

// at returns where others on some links reach this device. A port that nobody believes is nowhere.
func (s *station) at(links ...discovery.Link) []netip.AddrPort {
	if s.cfg.Port < discovery.LeastPort {
		return nil
	}
	return discovery.SelfAddrs(links, s.cfg.Port)
}

// announce tells everybody of this device. It fails if that did not work over any link.
func (s *station) announce(now time.Time) error {
	switch {
	case len(s.links) == 0:
		return sightings.ErrNoInterface
	case s.cfg.Port < discovery.LeastPort:
		return sightings.ErrLowPort
	case len(s.at(s.links...)) == 0:
		return discovery.ErrNoAddress
	}
	failed, sent := error(nil), false
	for _, w := range s.ways() {
		var err error
		if s.answers.may(w, now) { // else it was just said, as an answer
			err = s.say(w, lifetime, now)
		}
		failed, sent = cmp.Or(failed, err), sent || err == nil
	}
	switch {
	case sent:
		return nil
	case failed == nil:
		failed = errNoSocket
	}
	return fmt.Errorf("announce by mDNS: %w", failed)
}

// goodbye takes back what was announced. Whoever does not hear it learns it in lifetime.
func (s *station) goodbye() {
	s.silence()
	for _, w := range s.ways() {
		_ = s.say(w, 0, time.Time{})
	}
}

// ways returns how this device's records can go out.
func (s *station) ways() (out []way) {
	for f := range families {
		for _, l := range s.links {
			if s.ears[f].open() && f.Of(l) && len(s.at(l)) > 0 {
				out = append(out, way{l.Index, f})
			}
		}
	}
	return out
}

// say sends this device's records.
func (s *station) say(w way, ttl uint32, now time.Time) error {
	link := s.links[slices.IndexFunc(s.links, func(l discovery.Link) bool { return l.Index == w.link })]
	s.answers.gone(w, now)
	b, err := s.names.announcement(s.cfg.Device, s.at(link), ttl)
	if err != nil {
		return err
	}
	return s.ears[w.by].Say(b, link)
}

// answer sends the answers that are due.
func (s *station) answer(now time.Time) {
	can := s.ways()
	for _, w := range s.answers.ready(now) {
		if !slices.Contains(can, w) {
			s.answers.gone(w, now)
		} else if err := s.say(w, lifetime, now); err != nil {
			s.cfg.Log.Debug("mDNS question not answered", "err", err)
		}
	}
}

// register has the library announce this device over each link for as long as announcing. It
// reports false if that does not work; then this station has to do without.
func (s *station) register(now time.Time) bool {
	s.silence()
	for _, l := range s.links {
		at := s.at(l)
		if len(at) == 0 {
			continue
		}
		hush, err := s.wire.register(s.names, at, text(s.cfg.Device), l)
		if err != nil {
			s.cfg.Log.Debug("the library does not announce", "err", err)
			s.silence()
			return false
		}
		s.hush = append(s.hush, hush)
	}
	s.hushAt = now.Add(announcing)
	return len(s.hush) > 0
}

// hushed ends the library when its time is over, and tells whether it was. It has said goodbye then,
// so this device has to be announced at once.
func (s *station) hushed(now time.Time) bool {
	if len(s.hush) == 0 || now.Before(s.hushAt) {
		return false
	}
	s.silence()
	s.answers = newAnswers()
	return true
}

func (s *station) silence() {
	for _, hush := range s.hush {
		hush()
	}
	s.hush = nil
}

// next returns when something is due next, or limit if that is earlier.
func (s *station) next(limit time.Time) time.Time {
	if len(s.hush) > 0 && s.hushAt.Before(limit) {
		limit = s.hushAt
	}
	return s.answers.next(limit)
}
