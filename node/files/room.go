package files

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"log/slog"
	"runtime"
	gosync "sync"
	"sync/atomic"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/contacts"
	"github.com/earshot-im/earshot/node/files/exchange"
	"github.com/earshot-im/earshot/node/files/gifts"
	"github.com/earshot-im/earshot/node/files/give"
	"github.com/earshot-im/earshot/node/files/intake"
	"github.com/earshot-im/earshot/node/files/place"
	"github.com/earshot-im/earshot/node/files/queue"
	"github.com/earshot-im/earshot/node/files/space"
	"github.com/earshot-im/earshot/node/notify"
	"github.com/earshot-im/earshot/node/people"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/event"
)

// Config is what a Room is made of.
type Config struct {
	Dir    string // of the node
	Store  *store.Store
	Names  Names
	People People
	Groups Groups

	// Stream opens a stream of exchange.Protocol to a device that is connected.
	Stream func(context.Context, crypto.DeviceID) (exchange.Stream, error)
	// Here returns the devices that are connected, and whose they are.
	Here func() map[crypto.DeviceID]crypto.PersonID
	// MayRead returns an attachment of a message if the words of that may be given to a person now.
	MayRead func(to crypto.PersonID, message event.ID, n int) (event.Attachment, bool)
	// Words says whether the sync session with a device has something to send, or waits for an answer.
	Words func(crypto.DeviceID) bool

	Filing  func() people.Filing                         // what the owner has set
	Desktop bool                                         // the node runs in a desktop session
	Space   func(dir string) (s store.Space, known bool) // what is free on the file system of a folder
	Now     func() time.Time                             // the owner's clock
	Log     *slog.Logger
}

// Names says whom the owner means, and what they call everybody.
type Names interface {
	Conversation(who string) (event.Conversation, *contacts.Person, error)
	Person(crypto.PersonID) contacts.Person
	TargetGroup(event.Conversation) contacts.Target
	With(event.Conversation) (contacts.Person, bool)
}

// People says what persons are to the owner.
type People interface {
	Get(crypto.PersonID) (people.Person, bool)
}

// Groups says who is in a group.
type Groups interface {
	Known(event.Conversation) bool
	Member(event.Conversation, crypto.PersonID) bool
}

// Room is what the owner has of files and folders. See the package's comment.
type Room struct {
	cfg   Config
	self  crypto.PersonID
	began time.Time
	seed  uint64

	inbox chan func(now time.Time) // for the loop; whoever gives it one waits until it is taken
	wake  notify.Signal            // peers, or messages with attachments, have come
	tick  notify.Signal            // there is something to do later
	moved *notify.Counter          // counts what Transfers tells of
	ended chan struct{}            // closed when the loop has ended
	work  chan struct{}            // a place for each worker that uses the processor

	space   *space.Ledger
	places  *place.Places
	intake  *intake.Intake
	gifts   *gifts.Backend
	settled settled
	dropped atomic.Bool // see Dropped
	unsaved gosync.Map  // store.BlobID to the reason why it could not be written last

	// What follows is the loop's.
	ctx      context.Context
	workers  gosync.WaitGroup // all that the loop has started
	jobs     map[store.BlobID]*job
	runs     map[*run]struct{} // also of jobs that are wanted no more, until they have ended
	queue    *queue.Queue[store.BlobID]
	present  map[crypto.DeviceID]crypto.PersonID // who was connected when it was looked last
	sources  map[crypto.DeviceID]*source
	liars    map[lie]bool
	alone    map[crypto.DeviceID]time.Time // until when, see sourceMalformed
	auto     allowance
	notes    notes
	known    turns                    // of logs of people whom the owner knows, see judgeNew
	unknown  turns                    // of the others
	rests    store.FileRests          // of the logs of both
	keeping  map[refKey]bool          // own attachments whose copies are to stay, which is being written down
	listened time.Time                // to whether words wait
	measured time.Time                // how much room the disk has
	saving   map[store.BlobID]*saving // that are being written to folders of the owner's
}

// New returns a Room. It does nothing before Run.
func New(cfg Config) *Room {
	var seed [8]byte
	_, _ = rand.Read(seed[:]) // never fails
	r := &Room{
		cfg:     cfg,
		self:    cfg.Store.Own().Person,
		seed:    binary.BigEndian.Uint64(seed[:]),
		inbox:   make(chan func(time.Time)),
		wake:    notify.NewSignal(),
		rests:   store.FileRests{},
		tick:    notify.NewSignal(),
		moved:   notify.NewCounter(0),
		ended:   make(chan struct{}),
		work:    make(chan struct{}, max(2, runtime.GOMAXPROCS(0))),
		jobs:    make(map[store.BlobID]*job),
		runs:    make(map[*run]struct{}),
		queue:   queue.New[store.BlobID](),
		sources: make(map[crypto.DeviceID]*source),
		liars:   make(map[lie]bool),
		alone:   make(map[crypto.DeviceID]time.Time),
		keeping: make(map[refKey]bool),
		notes:   notes{next: make(map[refKey]note), judged: make(map[refKey]bool)},
		saving:  make(map[store.BlobID]*saving),
	}
	if cfg.Space == nil {
		r.cfg.Space = store.SpaceOf
	}
	r.places = place.New(cfg.Store.Shelf(), r.tick.Give)
	r.space = space.New(r.cfg.Space)
	r.settled.all = true // whatever was settled as the node ended
	r.intake = intake.New(intake.Config{Dir: cfg.Dir, Shelf: cfg.Store.Shelf(), Space: r.space, Now: cfg.Now,
		Keep: func() uint64 { return r.cfg.Filing().Keep }})
	r.gifts = gifts.New(gifts.Config{Store: cfg.Store, Places: r.places, MayRead: cfg.MayRead, Gave: r.moved.Bump, Wake: r.wake.Give})
	return r
}

// Giver answers what peers ask: see give.New.
func (r *Room) Giver() give.Backend { return r.gifts }

// Wake says that messages with attachments, or peers, have come or gone.
func (r *Room) Wake() { r.wake.Give() }

// roomEvery is how often it is looked whether the disk has room, as long as something is wanted.
const roomEvery = 5 * time.Second

// Run fetches, and keeps and drops copies, until ctx ends, and returns when all that it has started has
// ended.
func (r *Room) Run(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer close(r.ended)
	defer r.places.End()
	defer r.workers.Wait()
	defer cancel()
	r.ctx, r.began = ctx, time.Now()
	r.start(r.began)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		var f func(time.Time)
		select {
		case <-ctx.Done():
			r.stopAll()
			return
		case f = <-r.inbox:
		case <-r.wake:
			f = r.look
		case <-r.tick:
			f = func(time.Time) {}
		case <-timer.C:
			f = func(time.Time) {}
		}
		now := time.Now()
		f(now)
		if next := r.step(now); next.IsZero() {
			timer.Stop()
		} else {
			timer.Reset(time.Until(next))
		}
	}
}

// errEnded: the node has ended.
var errEnded = errors.New("the node has ended")

// post has the loop call a function. It reports false if the loop ends before.
func (r *Room) post(f func(now time.Time)) bool {
	select {
	case r.inbox <- f:
		return true
	case <-r.ended:
		return false
	case <-r.ctx.Done():
		return false
	}
}

// ask has the loop call a function, and returns when that has returned.
func (r *Room) ask(ctx context.Context, f func(now time.Time)) error {
	done := make(chan struct{})
	select {
	case r.inbox <- func(now time.Time) { defer close(done); f(now) }:
	case <-r.ended:
		return errEnded
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-done:
		return nil
	case <-r.ended:
		return errEnded
	}
}

// do has a worker call a function, and then the loop call what that returns. Only the loop calls do.
func (r *Room) do(f func() func(now time.Time)) {
	r.workers.Go(func() {
		if then := f(); then != nil {
			r.post(then)
		}
	})
}

// busy is do for what uses the processor: as many run at once as there are processors.
func (r *Room) busy(f func() func(now time.Time)) {
	r.do(func() func(now time.Time) {
		r.work <- struct{}{}
		then := f()
		<-r.work
		return then
	})
}
