package node

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	gosync "sync"
	"sync/atomic"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"golang.org/x/sync/semaphore"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/sync"
	"github.com/earshot-im/earshot/store/event"
)

const (
	// frameTimeout is how long a frame may take from its first byte to its last: the largest at 1 Mbit/s.
	frameTimeout = 12 * time.Second

	// helloTimeout is how long a peer may take to say who it is.
	helloTimeout = 10 * time.Second

	// greetingFrames are those that say who the peer is; until then none may be larger than maxGreeting, which is a card
	// and a profile at their largest.
	greetingFrames = 3
	maxGreeting    = 36 << 10

	// smallFrame may be read without asking the node's budget, so that who fills the budget stops no conversation.
	smallFrame = 16 << 10

	// unprovenBudget bounds the larger frames that are read and not yet dealt with: of all contacts, and again of everybody
	// else, since strangers are any number and could hold all of it for as long as they like.
	unprovenBudget = 16 << 20
)

// session is the I/O around one sync.Session: it reads and writes frames, and does what the machine asks for.
type session struct {
	node   *Node
	self   crypto.DeviceID
	peer   crypto.DeviceID
	stream network.Stream
	opened bool // by this node
	since  time.Time
	log    *slog.Logger
	cancel context.CancelCauseFunc // set before run, by who serves

	news news            // from the rest of the node
	jobs jobs            // for the worker
	done chan sync.Input // the worker's answers
	out  outgoing        // for the writer

	// These belong to the goroutine of run.
	machine *sync.Session
	wake    *time.Timer
	budget  share           // of the frame in hand, until a job takes it over
	person  crypto.PersonID // once known
	known   bool

	heard atomic.Int64 // how long after since bytes of a frame came last, in ns; written by the reader

	nonce, peerNonce [32]byte // of this node and, once known, of the peer

	ownAddrs []netip.AddrPort // where the peer says that it is itself; the hub's

	welcomed welcome // the worker's

	floorsMu gosync.Mutex
	floors   map[event.Log]found // of logs in groups: where the history begins that the peer was given
}

func (n *Node) newSession(stream network.Stream, opened bool) *session {
	remote, _ := crypto.DeviceFromPeer(stream.Conn().RemotePeer()) // an Ed25519 key, as the link has proven
	s := &session{
		node:   n,
		self:   n.me.device,
		peer:   remote,
		stream: stream,
		opened: opened,
		since:  time.Now(),
		log:    n.log.With("peer", remote.String()),
		done:   make(chan sync.Input),
		nonce:  randomNonce(),
		floors: make(map[event.Log]found),
	}
	s.news.init()
	s.jobs.init()
	s.out.init()
	s.machine = sync.New(sync.Config{Self: s.self, Peer: remote, Nonce: s.nonce, Store: n.store.Own().Store})
	return s
}

func peerID(d crypto.DeviceID) peer.ID { return peer.ID(d.PeerID()) }

// openedByLower says that the stream was opened by the device with the lower peer ID.
func (s *session) openedByLower() bool { return s.opened == (peerID(s.self) < peerID(s.peer)) }

// frame is one frame read, with what it holds of the node's budget.
type frame struct {
	sync.Frame
	budget share
}

// share is what a frame holds of a budget.
type share struct {
	of    *semaphore.Weighted // nil: nothing
	bytes int64
}

func (b *share) release() {
	if b.of != nil {
		b.of.Release(b.bytes)
	}
	*b = share{}
}

// run speaks the protocol until ctx ends, the peer goes or something breaks, and returns why. When it returns, so have
// all its goroutines.
func (s *session) run(parent context.Context) (err error) {
	ctx, cancel := context.WithCancelCause(parent)
	frames := make(chan frame)
	var running gosync.WaitGroup
	running.Go(func() { cancel(s.read(ctx, frames)) })
	running.Go(func() { cancel(s.out.write(ctx, s.stream)) })
	stored := make(chan storing, maxStoring)
	running.Go(func() { s.work(ctx, stored) })
	running.Go(func() { s.settle(ctx, stored) })
	// A read or write that hangs ends with the connection, which has no use without the session.
	stop := context.AfterFunc(ctx, func() { _ = s.stream.Reset() })
	defer func() {
		cancel(err)
		stop()
		_ = s.stream.Reset()
		closeUnused(s.stream.Conn())
		running.Wait()
		for _, j := range s.jobs.take() { // put when the worker had gone
			j.budget.release()
		}
		s.node.left(s)
	}()
	s.node.entered(s)

	s.wake = time.NewTimer(time.Hour)
	defer s.wake.Stop()
	hello := time.NewTimer(helloTimeout)
	defer hello.Stop()

	if err := s.step(ctx, s.node.introduction()); err != nil {
		return err
	}
	for {
		in := frames
		if s.machine.Busy() || s.out.much() {
			in = nil // the reader waits, and with it the peer
		}
		var err error
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case f := <-in:
			s.budget = f.budget
			err = s.step(ctx, sync.Received{Frame: f.Frame})
			s.budget.release()
		case <-hello.C:
			if !s.known {
				err = fmt.Errorf("%w: it does not say who it is", sync.ErrProtocol)
			}
		case answer := <-s.done:
			err = s.step(ctx, answer)
		case <-s.news.wake:
			err = s.hearNews(ctx)
		case <-s.out.room:
		case <-s.out.drained:
			err = s.step(ctx, sync.Drained{})
		case <-s.wake.C:
			err = s.step(ctx, sync.Tick{})
		}
		if err != nil {
			return err
		}
	}
}

// step gives the machine an input and does what it wants, answers included.
func (s *session) step(ctx context.Context, in sync.Input) error {
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
	return nil
}

// perform does one effect. What takes no commit is answered at once; the rest goes to the worker.
func (s *session) perform(ctx context.Context, e sync.Effect) (sync.Input, error) {
	switch e := e.(type) {
	case sync.Send:
		return nil, s.out.add(e.Frame.Marshal())
	case sync.Load:
		run, err := s.node.runs.load(e)
		if err != nil {
			s.log.Warn("load run", "conv", e.Log.Conversation, "err", err)
		}
		loaded := sync.Loaded{Log: e.Log, Run: run, Err: err}
		if err == nil {
			loaded.Apart = !s.served(&run)
			s.withhold(&loaded.Run)
		}
		return loaded, nil
	case sync.LoadControl:
		return s.loadControl(e), nil
	case sync.Identify:
		return s.identify(ctx, e)
	case sync.FetchCard:
		return s.node.fetchCard(e, s.person), nil
	case sync.Ingest:
		s.jobs.put(job{effect: e, budget: s.budget})
		s.budget = share{}
	case sync.IngestRecord, sync.IngestControl, sync.LearnCard, sync.Rollback, sync.Request:
		s.jobs.put(job{effect: e})
	case sync.RoundBegan:
		s.node.rounds.begin(e.Conversation, s)
	case sync.RoundDropped:
		s.node.rounds.end(e.Conversation, s)
	case sync.RoundEnded:
		if began, ok := s.node.rounds.end(e.Conversation, s); ok {
			s.jobs.put(job{effect: roundEnded{e.Conversation, began}})
		}
	case sync.Acked:
		s.node.acks.put(s.person, e.Log, e.Segments)
	case sync.EpochShared:
		return nil, s.learnEpoch(e)
	case sync.Sighted:
		s.node.told(s, e.Sightings)
	case sync.Drain:
		if s.out.drain() {
			return sync.Drained{}, nil
		}
	case sync.Wake:
		if e.At.IsZero() {
			s.wake.Stop()
		} else {
			s.wake.Reset(time.Until(e.At))
		}
	case sync.Close:
		return nil, e.Reason
	default:
		return nil, fmt.Errorf("unknown effect %T", e)
	}
	return nil, nil
}

// timed is the stream of a session as its reader reads it: it notes when something came.
type timed struct{ *session }

func (s timed) Read(b []byte) (int, error) {
	n, err := s.stream.Read(b)
	if n > 0 {
		s.heard.Store(int64(time.Since(s.since)))
	}
	return n, err
}

// silence is how long nothing has come from the peer.
func (s *session) silence() time.Duration {
	return time.Since(s.since) - time.Duration(s.heard.Load())
}

// read hands over frames until the stream ends.
func (s *session) read(ctx context.Context, frames chan<- frame) error {
	r := bufio.NewReaderSize(timed{s}, 64<<10)
	for n := 0; ; n++ {
		limit := uint64(sync.MaxFrame)
		if n < greetingFrames {
			limit = maxGreeting
		}
		f, err := s.readFrame(ctx, r, limit)
		if err != nil {
			return err
		}
		select {
		case frames <- f:
		case <-ctx.Done():
			f.budget.release()
			return nil
		}
	}
}

func (s *session) readFrame(ctx context.Context, r *bufio.Reader, limit uint64) (f frame, err error) {
	if _, err := r.Peek(1); err != nil { // a peer may be silent for as long as it likes, between frames
		return f, err
	}
	if err := s.stream.SetReadDeadline(time.Now().Add(frameTimeout)); err != nil {
		return f, err
	}
	size, err := binary.ReadUvarint(r)
	if err != nil {
		return f, err
	}
	if size > limit {
		return f, fmt.Errorf("%w: frame of %d bytes", sync.ErrProtocol, size)
	}
	if size > smallFrame {
		budget := s.node.budgetOf(s.peer)
		if err := budget.Acquire(ctx, int64(size)); err != nil {
			return f, err
		}
		f.budget = share{budget, int64(size)}
		// The wait was not the peer's fault.
		if err := s.stream.SetReadDeadline(time.Now().Add(frameTimeout)); err != nil {
			return f, err
		}
	}
	defer func() {
		if err != nil {
			f.budget.release()
		}
	}()
	b := make([]byte, size)
	if _, err := io.ReadFull(r, b); err != nil {
		return f, fmt.Errorf("frame of %d bytes not finished: %w", size, err)
	}
	if f.Frame, err = sync.ParseFrame(b); err != nil {
		return f, err
	}
	return f, s.stream.SetReadDeadline(time.Time{})
}

func newUnproven() *semaphore.Weighted { return semaphore.NewWeighted(unprovenBudget) }

// budgetOf is the budget from which a device's frames are read.
func (n *Node) budgetOf(device crypto.DeviceID) *semaphore.Weighted {
	if them, ok := n.people.of(device); ok && them.Contact {
		return n.unproven
	}
	return n.strange
}
