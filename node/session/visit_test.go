package session

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"strings"
	gosync "sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/budget"
	"github.com/earshot-im/earshot/node/sync"
	"github.com/earshot-im/earshot/node/wire"
	"github.com/earshot-im/earshot/store/event"
)

// pipeStream is one end of a stream in memory. Nothing is buffered: whoever writes waits until the
// other end reads.
type pipeStream struct {
	network.Stream
	pipe net.Conn
	conn *pipeConn
}

func (s *pipeStream) Read(b []byte) (int, error)        { return s.pipe.Read(b) }
func (s *pipeStream) Write(b []byte) (int, error)       { return s.pipe.Write(b) }
func (s *pipeStream) SetReadDeadline(t time.Time) error { return s.pipe.SetReadDeadline(t) }
func (s *pipeStream) SetWriteDeadline(t time.Time) error {
	return s.pipe.SetWriteDeadline(t)
}
func (s *pipeStream) Reset() error          { return s.pipe.Close() }
func (s *pipeStream) Conn() network.Conn    { return s.conn }
func (s *pipeStream) Protocol() protocol.ID { return Protocol }

// pipeConn is the connection that carries it.
type pipeConn struct {
	network.Conn
	peer    peer.ID
	streams []network.Stream
	closed  bool
}

func (c *pipeConn) RemotePeer() peer.ID          { return c.peer }
func (c *pipeConn) GetStreams() []network.Stream { return c.streams }
func (c *pipeConn) Close() error                 { c.closed = true; return nil }

// house is the host of a session: it does with each effect what the test says, and else believes
// and keeps everything.
type house struct {
	conversation event.Conversation  // the direct one
	groups       []sync.Conversation // that both are in
	budgets      *budget.Budgets
	hidden       event.Log                       // of which the peer may not know
	does         func(sync.Effect) (Task, error) // set before the peer says anything; nil: nothing

	mu       gosync.Mutex
	wondered []event.Log   // of which it was asked whether they come directly
	effects  []sync.Effect // that were performed, but for Identify
	asked    []event.Log   // of which it was asked what the peer may know
	rejoins  int
	left     int
}

func (h *house) Open() sync.Open { return sync.Open{Card: []byte("a card")} }
func (h *house) Left()           { h.note(func() { h.left++ }) }

func (h *house) Visible(log event.Log, all event.Segments) event.Segments {
	h.note(func() { h.asked = append(h.asked, log) })
	if log == h.hidden {
		return nil
	}
	return all
}

func (h *house) Direct(log event.Log) bool {
	h.note(func() { h.wondered = append(h.wondered, log) })
	return true
}

func (h *house) Rejoin() sync.Joined {
	h.note(func() { h.rejoins++ })
	return h.joined()
}

func (h *house) joined() sync.Joined {
	return sync.Joined{Serve: true, Conversations: append([]sync.Conversation{{ID: h.conversation}}, h.groups...)}
}

func (h *house) Perform(_ context.Context, e sync.Effect) (sync.Input, Task, error) {
	if _, ok := e.(sync.Identify); ok {
		return h.joined(), Task{}, nil
	}
	h.note(func() { h.effects = append(h.effects, e) })
	if h.does == nil {
		return nil, Task{}, nil
	}
	task, err := h.does(e)
	return nil, task, err
}

func (h *house) note(change func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	change()
}

// visit is a session that runs in the bubble of a test, and its peer, who speaks by hand.
type visit struct {
	*Session
	t     *testing.T
	house *house
	conn  *pipeConn
	peer  net.Conn
	key   crypto.DeviceKey // of the peer

	account *budget.Account

	ctx    context.Context
	cancel context.CancelFunc
	ended  chan error
	runs   byte
}

// budgetOfTests is the memory that every house has for each standing, in bytes: enough for the
// largest frame, and for all that may wait to be written.
const budgetOfTests = 32 << 20

// turnsOfTests is how many turns of each standing may run at once.
const turnsOfTests = 4

// newVisit makes a session with a contact that does not run yet.
func newVisit(t *testing.T) *visit {
	t.Helper()
	key, err := crypto.NewDeviceKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ours, theirs := net.Pipe()
	var pools budget.Config
	for i := range pools.Pools {
		pools.Pools[i] = budget.Pool{Memory: budgetOfTests, Turns: turnsOfTests}
	}
	v := &visit{t: t, peer: theirs, key: key, conn: &pipeConn{peer: peer.ID(key.ID().PeerID())}, ended: make(chan error, 1),
		house: &house{conversation: event.Conversation{1}, budgets: budget.New(pools)}}
	v.account = v.house.budgets.Open(netip.Addr{})
	v.is(budget.Contact)
	v.Session = New(Config{Self: crypto.DeviceID{1}, Stream: &pipeStream{pipe: ours, conn: v.conn}, Budget: v.account,
		Log: slog.New(slog.DiscardHandler)},
		func(*Session) Host { return v.house })
	v.ctx, v.cancel = context.WithCancel(context.Background())
	return v
}

// is says what the peer's person is to the owner.
func (v *visit) is(s budget.Standing) { v.account.Identify(crypto.PersonID{1}, s) }

// start has the session run. Everything that it says is read and dropped, if reads says so.
func (v *visit) start(reads bool) {
	go func() { v.ended <- v.Run(v.ctx) }() // until ctx ends, or earlier
	if reads {
		go func() { _, _ = io.Copy(io.Discard, v.peer) }() // until the session closes the stream
	}
}

// visited runs a test with a session in a bubble. When the test ends, the session does. No
// goroutine may be left then.
func visited(t *testing.T, test func(t *testing.T, v *visit)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		v := newVisit(t)
		defer v.peer.Close()
		defer v.cancel()
		test(t, v)
	})
}

// ends waits for the end of the session, and finds what every end must leave.
func (v *visit) ends(want error) {
	v.t.Helper()
	synctest.Wait()
	select {
	case err := <-v.ended:
		if !errors.Is(err, want) {
			v.t.Errorf("ended with %v, want %v", err, want)
		}
	default:
		v.t.Fatal("it goes on")
	}
	if v.house.left != 1 {
		v.t.Errorf("the host was told %d times that it has ended", v.house.left)
	}
	for _, used := range v.house.budgets.Used() {
		if used.Memory != 0 || used.Accounts != 0 {
			v.t.Errorf("some of the budget was not given back: %+v", used)
		}
	}
	if _, err := v.peer.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		v.t.Errorf("the stream is still there: %v", err)
	}
	if !v.conn.closed {
		v.t.Error("the connection was left open")
	}
}

// goesOn finds that the session has not ended.
func (v *visit) goesOn() {
	v.t.Helper()
	synctest.Wait()
	select {
	case err := <-v.ended:
		v.t.Fatalf("it has ended: %v", err)
	default:
	}
}

// raw has the peer write bytes. If the session does not read all of them, it is no failure.
func (v *visit) raw(b []byte) {
	_ = v.peer.SetWriteDeadline(time.Now().Add(time.Second))
	_, _ = v.peer.Write(b)
	synctest.Wait()
}

func (v *visit) says(frames ...wire.Frame) {
	for _, f := range frames {
		b := f.Marshal()
		v.raw(append(binary.AppendUvarint(nil, uint64(len(b))), b...))
	}
}

// identifies has the peer say who it is, in the three frames that this takes.
func (v *visit) identifies() {
	v.says(wire.Frame{Hello: &wire.Hello{Version: wire.Version}},
		wire.Frame{Admission: &wire.Admission{Mode: wire.AdmissionOpen}},
		wire.Frame{Identity: &wire.Identity{Card: []byte("another card")}})
}

// greets has the peer say who it is, and that it holds nothing of the direct conversation.
func (v *visit) greets() {
	v.identifies()
	v.says(wire.Frame{Offers: &wire.Offers{Offers: []wire.Offer{{Store: event.Instance{1}}}}})
}

// sighting is a small frame, of which the host learns at once.
func sighting(n byte) wire.Frame {
	return wire.Frame{Sightings: &wire.Sightings{Sightings: []wire.Sighting{{Device: crypto.DeviceID{n}}}}}
}

// run is a frame with a run of a log of its own that has so many bytes of words.
func (v *visit) run(size int) wire.Frame {
	v.t.Helper()
	v.runs++
	words, err := event.Text{Text: strings.Repeat("x", size)}.Marshal()
	if err != nil {
		v.t.Fatal(err)
	}
	e, err := event.New(event.Header{Conversation: v.house.conversation, Device: v.key.ID(), Instance: event.Instance{v.runs}, Sequence: 1, Kind: event.KindText},
		event.Body{Content: words})
	if err != nil {
		v.t.Fatal(err)
	}
	e.Sign(v.key)
	return wire.Frame{Run: &event.Run{Events: []event.Event{e}}}
}

// largeRun is the size of a run of which one sees that memory is held for it.
const largeRun = 32 << 10

// performed returns the devices that were sighted, in the order in which the host heard of them.
func (v *visit) performed() (out []byte) {
	v.house.note(func() {
		for _, e := range v.house.effects {
			if e, ok := e.(sync.Sighted); ok {
				out = append(out, e.Sightings[0].Device[0])
			}
		}
	})
	return out
}

// held says how much memory is held for frames. It must be asked when nothing waits to be written.
func (v *visit) held() int64 { return v.account.Held() - sessionBytes - v.weighed }

// fills takes the memory that other contacts can have but for some bytes, and returns how to give it
// back.
func (v *visit) fills(but int64) (release func()) {
	others := make([]*budget.Account, 40)
	for i := range others {
		others[i] = v.house.budgets.Open(netip.Addr{})
		others[i].Identify(crypto.PersonID{2, byte(i)}, budget.Contact)
		for n := int64(budgetOfTests); n >= 1<<10; n /= 2 {
			for others[i].Hold(n) {
			}
		}
	}
	others[0].Release(but)
	return func() {
		for _, a := range others {
			a.Close()
		}
	}
}
