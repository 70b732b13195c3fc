package node

import (
	"bufio"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	gosync "sync"
	"time"

	"github.com/libp2p/go-libp2p/core/network"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/link"
	"github.com/earshot-im/earshot/node/link/memnet"
	"github.com/earshot-im/earshot/node/session"
	"github.com/earshot-im/earshot/node/wire"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/event"
)

// mallory speaks the sync protocol by hand, over a link of her own.
type mallory struct {
	w      *world
	name   string
	link   *link.Host
	key    crypto.DeviceKey
	card   crypto.Card
	person crypto.PersonID
	store  event.Instance

	deaf <-chan struct{} // if not nil, she reads nothing before it is closed

	// Of the session that she has now.
	victim *machine
	stream network.Stream
	seen   *seen

	// Of her log in the direct conversation with the victim.
	instance event.Instance
	last     event.Event
}

// seen is what came from the peer of one session.
type seen struct {
	mu      gosync.Mutex
	frames  []wire.Frame
	bytes   int
	ended   bool
	changed chan struct{}
}

// mallory makes one who calls herself by a name. Her machine goes with the world.
func (w *world) mallory(name string) *mallory {
	w.t.Helper()
	return w.malloryAt(name, w.net.Host(w.freshAddr()))
}

// malloryAt makes one whose machine may be that of others too.
func (w *world) malloryAt(name string, at *memnet.Host) *mallory {
	w.t.Helper()
	key, err := crypto.NewDeviceKey(rand.Reader)
	if err != nil {
		w.t.Fatal(err)
	}
	card, _, err := crypto.NewPerson(rand.Reader, key)
	if err != nil {
		w.t.Fatal(err)
	}
	host, err := link.New(link.Config{Key: key.Private(), Transport: at.Transport})
	if err != nil {
		w.t.Fatal(err)
	}
	w.closers = append(w.closers, host)
	m := &mallory{w: w, name: name, link: host, key: key, card: card, person: card.Person()}
	_, _ = rand.Read(m.store[:])
	_, _ = rand.Read(m.instance[:])
	return m
}

// connect opens a session and says nothing.
func (m *mallory) connect(victim *machine) {
	t := m.w.t
	t.Helper()
	m.victim = victim
	id := peerID(victim.who.device)
	if err := m.link.Connect(t.Context(), id, memnet.Multiaddrs(victim.addr(), worldPort)); err != nil {
		t.Fatal(err)
	}
	var err error
	if m.stream, err = m.link.NewStream(t.Context(), id, session.Protocol); err != nil {
		t.Fatal(err)
	}
	m.seen = &seen{changed: make(chan struct{})}
	go m.seen.read(m.stream, m.deaf) // ends with the stream, which ends with the link
}

func (s *seen) read(from io.Reader, deaf <-chan struct{}) {
	if deaf != nil {
		<-deaf
	}
	r := bufio.NewReader(from)
	for {
		f, n, err := readFrom(r)
		s.mu.Lock()
		if err != nil {
			s.ended = true
		} else {
			s.frames = append(s.frames, f)
			s.bytes += n
		}
		close(s.changed)
		s.changed = make(chan struct{})
		s.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func readFrom(r *bufio.Reader) (f wire.Frame, n int, err error) {
	size, err := binary.ReadUvarint(r)
	if err != nil {
		return f, 0, err
	}
	if size > wire.MaxFrame {
		return f, 0, errors.New("too large")
	}
	b := make([]byte, size)
	if _, err := io.ReadFull(r, b); err != nil {
		return f, 0, err
	}
	f, err = wire.ParseFrame(b)
	return f, len(b), err
}

// raw writes bytes as they are. That the victim takes no more is no failure of the test.
func (m *mallory) raw(b []byte) bool {
	_ = m.stream.SetWriteDeadline(time.Now().Add(30 * time.Second))
	_, err := m.stream.Write(b)
	return err == nil
}

func (m *mallory) frame(b []byte) bool {
	return m.raw(append(binary.AppendUvarint(nil, uint64(len(b))), b...))
}

func (m *mallory) send(frames ...wire.Frame) bool {
	for _, f := range frames {
		if !m.frame(f.Marshal()) {
			return false
		}
	}
	return true
}

// greeting is what an honest peer says first.
func (m *mallory) greeting() []wire.Frame {
	profile := m.record(event.KindProfile, event.ProfileSubject(m.person), 1, event.Profile{Name: m.name}.Marshal())
	return []wire.Frame{
		{Hello: &wire.Hello{Version: wire.Version, Nonce: randomNonce()}},
		{Admission: &wire.Admission{Mode: wire.AdmissionOpen}},
		{Identity: &wire.Identity{Card: m.card.Bytes(), Profile: &profile}},
	}
}

// greet opens a session and says who she is.
func (m *mallory) greet(victim *machine) {
	m.w.t.Helper()
	m.connect(victim)
	m.send(m.greeting()...)
	m.until(victim, "the victim knows her", func(*seen) bool {
		return victim.mesh.Here(m.person)
	})
}

// offer offers the direct conversation, with what she claims to hold of it.
func (m *mallory) offer(logs ...wire.LogSegments) bool {
	return m.send(wire.Frame{Offers: &wire.Offers{Offers: []wire.Offer{{Store: m.store, Logs: logs}}}})
}

func (m *mallory) record(kind event.RecordKind, subject []byte, counter uint64, value []byte) event.Record {
	m.w.t.Helper()
	r, err := event.NewRecord(m.key, event.Record{Card: m.card.Head(), Kind: kind, Subject: subject, Counter: counter, Value: value})
	if err != nil {
		m.w.t.Fatal(err)
	}
	return r
}

func (m *mallory) conversation() event.Conversation {
	return event.Direct(m.person, m.victim.who.person)
}

// event writes the next event of her log. It is not signed.
func (m *mallory) event(text string, change ...func(*event.Header)) event.Event {
	m.w.t.Helper()
	content, err := event.Text{Text: text}.Marshal()
	if err != nil {
		m.w.t.Fatal(err)
	}
	h := event.Header{
		Conversation: m.conversation(), Device: m.key.ID(), Instance: m.instance,
		Sequence: m.last.Header.Sequence + 1, Previous: m.last.ID,
		Card: m.card.Head(), Clock: time.Now().UnixMilli(), Kind: event.KindText,
	}
	var body event.Body
	body.Content = content
	_, _ = rand.Read(h.Key[:])
	_, _ = rand.Read(body.Salt[:])
	for _, c := range change {
		c(&h)
	}
	e, err := event.New(h, body)
	if err != nil {
		m.w.t.Fatal(err)
	}
	m.last = e
	return e
}

// run signs the last event and makes a frame of all.
func (m *mallory) run(events ...event.Event) wire.Frame {
	events = slices.Clone(events)
	events[len(events)-1].Sign(m.key)
	return wire.Frame{Run: &event.Run{Events: events}}
}

// rowsAt is what the victim shows of the conversation with her.
func (m *mallory) rowsAt(victim *machine) []store.Row {
	m.w.t.Helper()
	rows, err := victim.store.Rows(event.Direct(m.person, victim.who.person), store.Page{Limit: 100_000})
	if err != nil && !errors.Is(err, store.ErrNoConversation) {
		m.w.t.Fatal(err)
	}
	return rows
}

// until waits for something that the victim does.
func (m *mallory) until(victim *machine, what string, ok func(*seen) bool) {
	m.w.t.Helper()
	m.w.within(20*time.Second, what, func() bool { return ok(m.seen) })
}

// dropped waits until the victim has ended the session.
func (m *mallory) dropped(d time.Duration) {
	m.w.t.Helper()
	m.w.within(d, m.name+" is hung up on", m.seen.over)
}

func (s *seen) over() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ended
}

func (s *seen) count() (n int) {
	s.each(func(*wire.Frame) { n++ })
	return n
}

// each calls f for every frame that came.
func (s *seen) each(f func(*wire.Frame)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.frames {
		f(&s.frames[i])
	}
}

// holds reports whether the victim has said that it holds her log up to a sequence.
func (s *seen) holds(m *mallory, sequence uint64) (ok bool) {
	s.each(func(f *wire.Frame) {
		var logs []wire.LogSegments
		if f.Have != nil {
			logs = f.Have.Logs
		}
		if f.Offers != nil {
			for _, o := range f.Offers.Offers {
				logs = append(logs, o.Logs...)
			}
		}
		for _, l := range logs {
			ok = ok || l.Device == m.key.ID() && l.Instance == m.instance && l.Segments.Covers(sequence)
		}
	})
	return ok
}

// refused is the last reason why the victim takes no more of a log, 0 if it does.
func (s *seen) refused() (why wire.Reason) {
	s.each(func(f *wire.Frame) {
		if f.Refused != nil {
			why = f.Refused.Reason
		}
	})
	return why
}

// runs are the runs that came, in order.
func (s *seen) runs() (out []event.Run) {
	s.each(func(f *wire.Frame) {
		if f.Run != nil {
			out = append(out, *f.Run)
		}
	})
	return out
}
