// Package session speaks the sync protocol with one peer. A [Session] is the goroutines, queues and
// time-outs around one sync machine. The machine says what is to be done; what needs more than the
// stream is done by a [Host], which the node gives each session.
//
// Run starts five goroutines and returns when all have ended. A frame passes through them like
// this, where each arrow is a channel or a queue:
//
//	reader → loop (owns the machine) → worker → the store's writer → confirmer → loop → writer
//
// The reader reads one frame ahead. The loop gives frames, answers, timers and the inbox to the
// machine, and does at once what takes no commit. The worker does the rest in order. It does not
// wait for the commits of runs, so that the next run is proven while the one before it is being
// written; the confirmer waits for them. The writer writes what the loop has added.
//
// Everything from the peer is bounded: a frame in bytes and in time, the tasks by the machine's
// windows, and what waits to be written by maxUnsent. What a session holds in memory for the peer, it
// holds of its account with package budget: the frames in hand, what the machine remembers, and what
// waits to be written (see weigh). Whatever takes time on account of the peer, it does in a turn of
// that account. No turn waits for memory. A session that fails ends. Runs that were handed to the store by then may still be
// committed; the next session begins with what is on the disk, so nothing is taken twice. The
// package knows no persons and reads no conversation. Run is called once.
// The other methods and the inbox may be used by any goroutine.
package session

import (
	"context"
	"log/slog"
	"net/netip"
	gosync "sync"
	"sync/atomic"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/budget"
	"github.com/earshot-im/earshot/node/notify"
	"github.com/earshot-im/earshot/node/sync"
	"github.com/earshot-im/earshot/store/event"
)

// Protocol names the sync protocol in the negotiation of streams.
const Protocol = protocol.ID("/earshot/sync/1")

// Host is the node as a session sees it, with all that it knows about the session's peer. Open,
// Perform and Rejoin are called by the loop alone.
type Host interface {
	// Open returns what this node says of itself to every peer.
	Open() sync.Open
	// Perform does an effect of the machine that needs more than the stream. It returns an answer
	// if it has one at once, and a task if the effect takes a proof or a commit. An error ends the
	// session.
	Perform(ctx context.Context, e sync.Effect) (answer sync.Input, task Task, err error)
	// Rejoin says anew what the peer may have. It is called when that has changed since the peer
	// was identified.
	Rejoin() sync.Joined
	// Visible returns the segments of a log that the peer may know about. The loop calls it.
	Visible(log event.Log, segments event.Segments) event.Segments
	// Direct says whether what comes to a log of a group comes from its device itself. The loop calls it.
	Direct(log event.Log) bool
	// Left is called once, when the session has ended.
	Left()
}

// Config is what a Session is made of.
type Config struct {
	Self   crypto.DeviceID
	Store  event.Instance // of this node's store
	Nonce  [32]byte       // random
	Stream network.Stream
	Opened bool            // this node has opened the stream
	Budget *budget.Account // of this session, which closes it
	Log    *slog.Logger
}

// Session is one session with one peer.
type Session struct {
	// These do not change after New.
	host   Host
	self   crypto.DeviceID
	peer   crypto.DeviceID
	stream network.Stream
	opened bool
	since  time.Time
	budget *budget.Account
	log    *slog.Logger

	// Each of these guards itself.
	Inbox  Inbox    // from the rest of the node to the loop
	tasks  tasks    // from the loop to the worker
	out    outgoing // from the loop to the writer
	heard  atomic.Int64
	awaits atomic.Bool // an answer of the peer's to what was sent
	end    ending
	short  notify.Signal // others need memory of which this session holds most

	answers chan sync.Input // from the worker and the confirmer to the loop

	// These belong to the loop.
	machine *sync.Session
	wake    *time.Timer
	inHand  reserved // for the frame in hand, until a task takes it over
	weighed int64    // what is held for the machine and for what is unsent, see weigh
	known   bool     // the peer was identified
}

// New returns a session over a stream. It starts nothing. The peer's device was proven by the link.
func New(cfg Config, host func(*Session) Host) *Session {
	remote, _ := crypto.DeviceFromPeer(cfg.Stream.Conn().RemotePeer()) // always an Ed25519 key, by the link
	s := &Session{
		self:    cfg.Self,
		peer:    remote,
		stream:  cfg.Stream,
		opened:  cfg.Opened,
		since:   time.Now(),
		budget:  cfg.Budget,
		log:     cfg.Log.With("peer", remote.String()),
		short:   notify.NewSignal(),
		answers: make(chan sync.Input),
	}
	s.Inbox.init(cfg.Self)
	s.tasks.init()
	s.out.init()
	s.machine = sync.New(sync.Config{Self: cfg.Self, Peer: remote, Nonce: cfg.Nonce, Store: cfg.Store})
	s.budget.WhenShort(s.short.Give)
	s.host = host(s)
	return s
}

// Peer returns the peer's device.
func (s *Session) Peer() crypto.DeviceID { return s.peer }

// Opened says whether this node has opened the stream.
func (s *Session) Opened() bool { return s.opened }

// Since returns when the session was made.
func (s *Session) Since() time.Time { return s.since }

// OpenedByLower says that the device with the lower peer ID has opened the stream.
func (s *Session) OpenedByLower() bool {
	return s.opened == (peer.ID(s.self.PeerID()) < peer.ID(s.peer.PeerID()))
}

// Log returns the logger of the session, which names the peer.
func (s *Session) Log() *slog.Logger { return s.log }

// Talks says whether there is something to send, or an answer to come: then words wait.
func (s *Session) Talks() bool { return s.awaits.Load() || s.Unsent() > 0 }

// Silence returns for how long no byte has come from the peer.
func (s *Session) Silence() time.Duration {
	return time.Since(s.since) - time.Duration(s.heard.Load())
}

// Remote returns the peer's end of the connection, and whether this node has dialled it: then the
// peer listens there.
func (s *Session) Remote() (at netip.AddrPort, dialled, ok bool) {
	conn := s.stream.Conn()
	tcp, err := manet.ToNetAddr(conn.RemoteMultiaddr())
	if err != nil {
		return at, false, false
	}
	at, err = netip.ParseAddrPort(tcp.String())
	return at, conn.Stat().Direction == network.DirOutbound, err == nil
}

// Local returns the address of this machine's end of the connection; not valid if it has no IP.
func (s *Session) Local() netip.Addr { return Addr(s.stream.Conn().LocalMultiaddr()) }

// Addr returns the IP of one end of a connection; not valid if it has none.
func Addr(end ma.Multiaddr) netip.Addr {
	ip, err := manet.ToIP(end)
	if err != nil {
		return netip.Addr{}
	}
	at, _ := netip.AddrFromSlice(ip)
	return at.Unmap()
}

// Run speaks the protocol until ctx ends, End is called, the peer goes or something breaks, and
// returns why. When it returns, all its goroutines have ended.
func (s *Session) Run(parent context.Context) (err error) {
	ctx, cancel := context.WithCancelCause(parent)
	s.end.by(cancel)
	frames := make(chan frame)
	stored := make(chan storing, maxStoring)
	var running gosync.WaitGroup
	running.Go(func() { cancel(s.read(ctx, frames)) })
	running.Go(func() { cancel(s.out.write(ctx, patient{s})) })
	running.Go(func() { s.work(ctx, stored) })
	running.Go(func() { s.confirm(ctx, stored) })
	// A read or write that hangs ends with the connection, which has no use without the session.
	stop := context.AfterFunc(ctx, func() { _ = s.stream.Reset() })
	defer func() {
		cancel(err)
		stop()
		s.hangUp()
		running.Wait()
		s.tasks.discard()
		s.budget.Close()
		s.host.Left()
	}()
	return s.loop(ctx, frames)
}

// loop owns the machine, and gives it everything that happens.
func (s *Session) loop(ctx context.Context, frames <-chan frame) error {
	s.wake = time.NewTimer(time.Hour)
	defer s.wake.Stop()
	if err := s.begin(ctx); err != nil {
		return err
	}
	for {
		in := frames
		if s.machine.Busy() || s.out.unsent() > muchUnsent {
			in = nil // the reader waits, and the peer with it
		}
		var err error
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case f := <-in:
			s.inHand = f.held
			err = s.inTurn(ctx, sync.Received{Frame: f.Frame})
			s.inHand.release()
		case answer := <-s.answers:
			err = s.inTurn(ctx, answer)
		case <-s.Inbox.given:
			err = s.turn(ctx, func() error { return s.hear(ctx) })
		case <-s.out.room:
		case <-s.out.drained:
			err = s.inTurn(ctx, sync.Drained{})
		case <-s.wake.C:
			err = s.inTurn(ctx, sync.Tick{})
		case <-s.short:
			err = s.shed()
		}
		if err == nil {
			err = s.weigh(ctx)
		}
		if err != nil {
			return err
		}
	}
}

// begin holds what a session takes, and says who this node is.
func (s *Session) begin(ctx context.Context) error {
	if err := s.hold(ctx, sessionBytes); err != nil {
		return err
	}
	if err := s.step(ctx, s.host.Open()); err != nil {
		return err
	}
	return s.weigh(ctx)
}

// turn does something that takes time on account of the peer.
func (s *Session) turn(ctx context.Context, do func() error) error {
	done, err := s.budget.Turn(ctx)
	if err != nil {
		return err
	}
	defer done()
	return do()
}

// inTurn is step in a turn, after what is in the inbox: what the session was not woken for comes before anything
// else.
func (s *Session) inTurn(ctx context.Context, in sync.Input) error {
	return s.turn(ctx, func() error {
		if s.Inbox.any() {
			frame := s.inHand // is not for what the inbox gives rise to
			s.inHand = reserved{}
			err := s.hear(ctx)
			if s.inHand = frame; err != nil {
				return err
			}
		}
		return s.step(ctx, in)
	})
}

// hear gives the machine what is in the inbox.
func (s *Session) hear(ctx context.Context) error {
	rejoin, told := s.Inbox.take()
	var inputs []sync.Input
	if rejoin && s.known {
		inputs = append(inputs, s.host.Rejoin())
	}
	for _, in := range told {
		switch word := in.(type) {
		case sync.Held:
			if word.Segments = s.host.Visible(word.Log, word.Segments); len(word.Segments) == 0 {
				continue
			}
			in = word
		case sync.Direct:
			word.On = s.host.Direct(word.Log)
			in = word
		}
		inputs = append(inputs, in)
	}
	for _, in := range inputs {
		if err := s.step(ctx, in); err != nil {
			return err
		}
	}
	return nil
}

// step gives the machine an input, and does what it wants until there is no answer left to give.
func (s *Session) step(ctx context.Context, in sync.Input) error {
	queue := []sync.Input{in}
	for len(queue) > 0 {
		in, queue = queue[0], queue[1:]
		for _, e := range s.machine.Step(time.Now(), in) {
			answer, err := s.perform(ctx, e)
			if err != nil {
				return err
			}
			if answer != nil {
				queue = append(queue, answer)
			}
		}
	}
	s.awaits.Store(s.machine.Awaits())
	return nil
}

// perform does one effect: what concerns the stream itself, the rest by the host.
func (s *Session) perform(ctx context.Context, e sync.Effect) (sync.Input, error) {
	switch e := e.(type) {
	case sync.Send:
		return nil, s.out.add(e.Frame.Marshal())
	case sync.Drain:
		if s.out.drain() {
			return sync.Drained{}, nil
		}
		return nil, nil
	case sync.Wake:
		if e.At.IsZero() {
			s.wake.Stop()
		} else {
			s.wake.Reset(time.Until(e.At))
		}
		return nil, nil
	case sync.Heeds:
		s.Inbox.heed(e.Conversation, e.On)
		return nil, nil
	case sync.Close:
		return nil, e.Reason
	}
	answer, task, err := s.host.Perform(ctx, e)
	if err != nil {
		return nil, err
	}
	if joined, ok := answer.(sync.Joined); ok && joined.Err == nil {
		s.known = true
	}
	if task.begin != nil || task.errand != nil {
		s.tasks.put(task, s.inHand)
		s.inHand = reserved{}
	}
	return answer, nil
}
