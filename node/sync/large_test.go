package sync_test

import (
	"container/heap"
	"encoding/binary"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/sync"
	"github.com/earshot-im/earshot/node/wire"
	"github.com/earshot-im/earshot/store/event"
)

var (
	devicesFlag  = flag.Int("devices", 1000, "how many devices are in the large group")
	sessionsFlag = flag.Int("sessions", 16, "how many sessions each has, on average; 0 is with all others")
	followFlag   = flag.Int("follow", 4, "how many peers each follows")
)

// crowd is one large group of which every device is online: machines under a virtual clock, with a
// shell that knows nothing but how far logs are held. What is sent is counted.
type crowd struct {
	now    time.Time
	rng    *rand.Rand
	queue  things
	number uint64

	members []*member
	base    map[event.Log]event.Segments
	events  map[event.Log][]*event.Event // written in the course of it
	control []event.Event                // each after the one before
	follow  int

	sent   map[string]int // bytes, by the kind of frame
	frames int
	steps  int
}

type member struct {
	crowd    *crowd
	device   crypto.DeviceID
	log      event.Log
	links    []*link
	new      map[event.Log]event.Segments // beyond base
	control  int                          // events held
	follows  int
	direct   map[event.Log]bool // that come directly, as the sessions say
	reached  time.Time          // when the message that is measured came
	offline  bool
	lies     bool // it says of all logs that they come to it directly
	brought  int  // bytes of runs that came
	events   int  // in these
	received int  // bytes
}

// link is one end of a session.
type link struct {
	m       *member
	other   *link
	session *sync.Session
	wake    int
	arrival time.Time

	joined, followed, ended bool
	dead                    bool // nothing goes over it any more, either way, and nobody knows
}

var large = event.Conversation{9}

func newCrowd(devices, sessions, follow int) *crowd {
	c := &crowd{
		now: time.Unix(1_700_000_000, 0), rng: rand.New(rand.NewPCG(7, 7)), base: map[event.Log]event.Segments{},
		events: map[event.Log][]*event.Event{}, sent: map[string]int{}, follow: follow,
	}
	for i := range devices {
		m := &member{crowd: c, new: map[event.Log]event.Segments{}, direct: map[event.Log]bool{}, control: 1}
		m.device = crypto.DeviceID(crypto.Digest("device", binary.BigEndian.AppendUint32(nil, uint32(i))))
		m.log = event.Log{Conversation: large, Device: m.device, Instance: event.Instance{1}}
		c.base[m.log] = event.Segments{{First: 1, Last: 100, ID: event.ID(m.device)}}
		c.members = append(c.members, m)
	}
	c.rule()
	for i, m := range c.members {
		if sessions == 0 {
			for _, o := range c.members[:i] {
				c.connect(m, o, 30*time.Second)
			}
			continue
		}
		for n := 0; n < sessions/2; {
			o := c.members[c.rng.IntN(devices)]
			if o != m && !slices.ContainsFunc(m.links, func(l *link) bool { return l.other.m == o }) {
				c.connect(m, o, 30*time.Second)
				n++
			}
		}
	}
	return c
}

func (c *crowd) after(d time.Duration, do func()) {
	c.number++
	heap.Push(&c.queue, thing{c.now.Add(d), c.number, do})
}

func (c *crowd) within(d time.Duration) time.Duration { return time.Duration(c.rng.Int64N(int64(d))) }

func (c *crowd) run(d time.Duration) {
	end := c.now.Add(d)
	for len(c.queue) > 0 && !c.queue[0].at.After(end) {
		next := heap.Pop(&c.queue).(thing)
		c.now = next.at
		next.do()
	}
	c.now = end
}

func (c *crowd) connect(a, b *member, in time.Duration) {
	ends := []*link{{m: a}, {m: b}}
	ends[0].other, ends[1].other = ends[1], ends[0]
	for _, l := range ends {
		nonce := [32]byte{}
		binary.BigEndian.PutUint64(nonce[24:], c.rng.Uint64())
		l.session = sync.New(sync.Config{Self: l.m.device, Peer: l.other.m.device, Nonce: nonce, Store: event.Instance(l.m.device[:8])})
		l.m.links = append(l.m.links, l)
	}
	c.after(c.within(in), func() {
		for _, l := range ends {
			l.step(sync.Open{Card: make([]byte, 300)})
		}
	})
}

func (l *link) step(in sync.Input) {
	if l.m.offline || l.other.m.offline {
		return
	}
	c := l.m.crowd
	c.steps++
	for _, e := range l.session.Step(c.now, in) {
		l.do(e)
	}
}

func (l *link) soon(d time.Duration, in sync.Input) {
	l.m.crowd.after(d, func() { l.step(in) })
}

// commit is how long a commit takes.
const commit = 5 * time.Millisecond

func (l *link) do(e sync.Effect) {
	c := l.m.crowd
	switch x := e.(type) {
	case sync.Send:
		if l.m.lies {
			lie(x.Frame)
		}
		if l.dead || l.other.dead {
			break
		}
		n := len(x.Frame.Marshal()) + 2
		c.sent[nameOf(e)] += n
		c.frames++
		at := c.now.Add(500*time.Microsecond + c.within(time.Millisecond))
		if at.Before(l.arrival) {
			at = l.arrival
		}
		l.arrival = at
		l.other.m.received += n
		l.other.soon(at.Sub(c.now), sync.Received(x))
	case sync.Identify:
		c.after(commit, func() {
			l.joined = true
			l.step(l.join())
			l.m.choose()
		})
	case sync.Load:
		run := event.Run{}
		for _, ev := range c.events[x.Log] {
			if s := ev.Header.Sequence; s >= x.First && l.m.holds(x.Log).Covers(s) && len(run.Events) < x.Events {
				run.Events = append(run.Events, *ev)
			}
		}
		l.soon(0, sync.Loaded{Log: x.Log, Run: run})
	case sync.LoadControl:
		from := 0
		for i := range c.control {
			if slices.Contains(x.Known, c.control[i].ID) {
				from = i + 1
			}
		}
		l.soon(0, sync.LoadedControl{Conversation: large, Events: c.control[min(from, l.m.control):l.m.control]})
	case sync.IngestControl:
		c.after(commit, func() {
			if last := x.Events[len(x.Events)-1].ID; l.m.control < len(c.control) && c.control[l.m.control].ID == last {
				l.m.rule()
			}
			l.step(sync.Stored{Ticket: x.Ticket})
		})
	case sync.Ingest:
		c.after(commit, func() {
			l.m.brought += len((&event.Run{Tag: l.m.device[:], Events: x.Run.Events}).Marshal())
			l.m.events += len(x.Run.Events)
			l.m.hold(x.Run.Log(), x.Run.Segment())
			l.step(sync.Stored{Ticket: x.Ticket, Segments: l.m.holds(x.Run.Log())})
		})
	case sync.Brings:
		l.m.comes(x.Log, x.On)
	case sync.RoundEnded:
		l.ended = true
		l.m.choose()
	case sync.Acked, sync.RoundBegan, sync.RoundDropped, sync.Heeds: // Held is always given at once
	case sync.Drain:
		l.soon(0, sync.Drained{})
	case sync.Wake:
		l.wake++
		if rings := l.wake; !x.At.IsZero() {
			c.after(x.At.Sub(c.now), func() {
				if l.wake == rings {
					l.step(sync.Tick{})
				}
			})
		}
	default:
		panic(fmt.Sprintf("%T %+v", e, e))
	}
}

// lie says of all logs of a frame that they come directly.
func lie(f wire.Frame) {
	all := func(logs []wire.LogSegments) {
		for i := range logs {
			logs[i].Direct = true
		}
	}
	if f.Have != nil {
		all(f.Have.Logs)
	}
	if f.Offers != nil {
		for i := range f.Offers.Offers {
			all(f.Offers.Offers[i].Logs)
		}
	}
}

// part ends the session at this end.
func (l *link) part() {
	l.dead = true
	l.m.links = slices.DeleteFunc(l.m.links, func(o *link) bool { return o == l })
	if l.followed {
		l.m.follows--
	}
	l.m.comes(event.Log{Conversation: large, Device: l.other.m.device, Instance: event.Instance{1}}, false)
}

// comes notes whether a log comes directly, and tells those that are followed.
func (m *member) comes(log event.Log, on bool) {
	if m.direct[log] == on {
		return
	}
	m.direct[log] = on
	for _, l := range m.links {
		if l.followed {
			l.soon(0, sync.Direct{Log: log, On: on})
		}
	}
}

func (l *link) join() sync.Joined {
	m := l.m
	logs := m.crowd.base
	if len(m.new) > 0 {
		logs = map[event.Log]event.Segments{}
		for log := range m.crowd.base {
			logs[log] = m.holds(log)
		}
	}
	return sync.Joined{Serve: true, Own: []crypto.DeviceID{m.device}, Conversations: []sync.Conversation{{
		ID: large, OurTag: m.device[:], PeerTag: l.other.m.device[:], Logs: logs, Locator: m.locator(), Follow: l.followed,
	}}}
}

func (m *member) locator() []crypto.Hash { return []crypto.Hash{m.crowd.control[m.control-1].ID} }

// choose follows one peer at first, and others when that has brought what it had.
func (m *member) choose() {
	most := 1
	if slices.ContainsFunc(m.links, func(l *link) bool { return l.ended }) {
		most = m.crowd.follow
	}
	order := m.crowd.rng.Perm(len(m.links))
	for _, i := range order {
		if l := m.links[i]; m.follows < most && l.joined && !l.followed {
			l.followed = true
			m.follows++
			l.soon(0, sync.Follow{Conversation: large, On: true})
			for _, log := range slices.SortedFunc(maps.Keys(m.direct), event.Log.Compare) {
				l.soon(0, sync.Direct{Log: log, On: m.direct[log]})
			}
		}
	}
}

func (m *member) holds(log event.Log) event.Segments {
	if s := m.new[log]; s != nil {
		return s
	}
	return m.crowd.base[log]
}

func (m *member) hold(log event.Log, g event.Segment) {
	before := m.holds(log)
	after, err := before.Add(g)
	if err != nil {
		panic(err)
	}
	if slices.Equal(before, after) {
		return
	}
	m.new[log] = after
	m.reached = m.crowd.now
	for _, l := range m.links {
		l.soon(0, sync.Held{Log: log, Segments: after})
	}
}

// say has m write a message of a line.
func (m *member) say() {
	c := m.crowd
	last := m.holds(m.log)[0]
	content, _ := event.Text{Text: "Shall we have lunch together at half past twelve?"}.Marshal()
	var seen []event.Position
	for _, o := range c.members[:min(4, len(c.members))] {
		if o != m {
			seen = append(seen, event.Position{Device: o.device, Instance: event.Instance{1}, Sequence: 100, ID: event.ID(o.device)})
		}
	}
	slices.SortFunc(seen, func(a, b event.Position) int { return a.Log(large).Compare(b.Log(large)) })
	h := event.Header{
		Conversation: large, Device: m.device, Instance: event.Instance{1}, Sequence: last.Last + 1, Previous: last.ID, Seen: seen,
		Card: crypto.Hash{1}, Control: m.locator(), Clock: c.now.UnixMilli(), Kind: event.KindText, Key: [16]byte{1},
	}
	e, err := event.New(h, event.Body{Salt: [16]byte{1}, Content: content})
	if err != nil {
		panic(err)
	}
	e.Signature = make([]byte, crypto.SignatureSize)
	c.events[m.log] = append(c.events[m.log], &e)
	m.hold(m.log, event.Segment{First: h.Sequence, Last: h.Sequence, ID: e.ID})
}

// rule adds a control event to the set.
func (c *crowd) rule() {
	content, _ := event.Rename{Name: "Everybody"}.Marshal()
	h := event.Header{Conversation: large, Device: c.members[0].device, Instance: event.Instance{2}, Sequence: uint64(len(c.control) + 1),
		Card: crypto.Hash{1}, Clock: 1, Kind: event.KindRename, Flags: event.FlagCritical, Control: []crypto.Hash{{1}}}
	if n := len(c.control); n > 0 {
		h.Previous, h.Control = c.control[n-1].ID, []crypto.Hash{c.control[n-1].ID}
	}
	e, err := event.New(h, event.Body{Content: content})
	if err != nil {
		panic(err)
	}
	e.Signature = make([]byte, crypto.SignatureSize)
	c.control = append(c.control, e)
}

func (m *member) rule() {
	m.control++
	m.reached = m.crowd.now
	for _, l := range m.links {
		l.soon(0, sync.HeldControl{Conversation: large, Locator: m.locator()})
	}
}
