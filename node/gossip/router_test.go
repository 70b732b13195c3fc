package gossip

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/link"
	"github.com/earshot-im/earshot/node/link/memnet"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var secret = [32]byte{1, 2, 3}

// office is some devices in one group, all connected to each other, on a network in memory.
type office struct {
	t       testing.TB
	history *history
	net     *memnet.Network
	devices []*device
}

// device is a link with a router, and what a node would keep for it.
type device struct {
	office  *office
	host    *link.Host
	at      netip.Addr
	id      crypto.DeviceID
	control *replica
	router  *Router
	stop    context.CancelFunc
	ended   chan error

	mu      sync.Mutex
	taken   map[string]int
	asked   int // calls of Prove
	dropped map[crypto.DeviceID]int
	fellows map[crypto.DeviceID]*device
	verdict func(payload []byte) error // instead of Prove's own, if not nil
}

var errHeld = errors.New("held already")

func newOffice(t testing.TB) *office {
	return &office{t: t, history: newHistory(), net: memnet.New()}
}

// open adds a device that is in nobody's group yet and connects it to all others.
func (o *office) open() *device {
	o.t.Helper()
	n := len(o.devices)
	seed := make([]byte, ed25519.SeedSize)
	seed[0], seed[1] = byte(n), byte(n>>8)
	at := netip.AddrFrom4([4]byte{10, 0, byte(n >> 8), byte(n)})
	host, err := link.New(link.Config{Key: ed25519.NewKeyFromSeed(seed), Transport: o.net.Host(at).Transport})
	if err != nil {
		o.t.Fatal(err)
	}
	if err := host.Listen(link.ListenAddrs(0)); err != nil {
		o.t.Fatal(err)
	}
	id, err := crypto.DeviceFromPeer(host.ID())
	if err != nil {
		o.t.Fatal(err)
	}
	d := &device{
		office: o, host: host, at: at, id: id, control: o.history.newReplica(),
		taken: make(map[string]int), dropped: make(map[crypto.DeviceID]int), fellows: make(map[crypto.DeviceID]*device),
	}
	d.router = New(Config{Host: host, Secret: secret, Control: d.control, Prove: d.prove, Share: d.share, Dropped: d.drop})
	for _, other := range o.devices {
		if err := host.Connect(o.t.Context(), other.host.ID(), memnet.Multiaddrs(other.at, other.host.Port())); err != nil {
			o.t.Fatal(err)
		}
	}
	o.devices = append(o.devices, d)
	return d
}

func (d *device) prove(_ context.Context, _ crypto.DeviceID, payload []byte) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked++
	if d.verdict != nil {
		if err := d.verdict(payload); err != nil {
			return err
		}
	}
	d.taken[string(payload)]++
	if d.taken[string(payload)] > 1 {
		return errHeld
	}
	return nil
}

func (d *device) share(e Epoch) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, f := range d.fellows {
		f.told(d, e)
	}
}

// told is what arrives of an epoch over a link.
func (d *device) told(from *device, e Epoch) {
	go func() {
		if answer, err := d.router.Learn(from.id, e); err == nil && answer != nil {
			from.told(d, *answer)
		}
	}()
}

func (d *device) drop(to crypto.DeviceID, n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.dropped[to] += n
}

// lost is what was reported dropped, by device and in all.
func (d *device) lost() (map[crypto.DeviceID]int, int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := 0
	for _, n := range d.dropped {
		all += n
	}
	return maps.Clone(d.dropped), all
}

func (d *device) proofs() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.asked
}

func (d *device) count(payload string) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.taken[payload]
}

// meet makes two devices fellow members in the eyes of both.
func (d *device) meet(o *device) {
	for _, p := range [][2]*device{{d, o}, {o, d}} {
		a, b := p[0], p[1]
		a.mu.Lock()
		a.fellows[b.id] = b
		a.mu.Unlock()
		a.router.Add(b.id)
	}
	for _, p := range [][2]*device{{d, o}, {o, d}} {
		if e, ok := p[0].router.Current(); ok {
			p[1].told(p[0], e)
		}
	}
}

// lose is that a device doesn't see another as a member any more.
func (d *device) lose(o *device) {
	d.mu.Lock()
	delete(d.fellows, o.id)
	d.mu.Unlock()
	d.router.Remove(o.id)
	d.router.Refresh()
}

func (d *device) run() {
	ctx, stop := context.WithCancel(context.Background())
	d.stop, d.ended = stop, make(chan error, 1)
	go func() { d.ended <- d.router.Run(ctx) }()
}

func (o *office) close() {
	for _, d := range o.devices {
		if d.stop != nil {
			d.stop()
			if err := <-d.ended; err != nil {
				o.t.Error(err)
			}
		}
	}
	for _, d := range o.devices {
		if err := d.host.Close(); err != nil {
			o.t.Error(err)
		}
	}
}

// group runs a test in a bubble with n devices that gossip and agree on an epoch.
func group(t *testing.T, n int, test func(t *testing.T, o *office)) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t)
		defer o.close()
		for range n {
			d := o.open()
			for _, other := range o.devices[:len(o.devices)-1] {
				d.meet(other)
			}
			d.run()
		}
		o.agree()
		test(t, o)
	})
}

// agree waits until an epoch has been minted, agreed upon, and the others are gone.
func (o *office) agree() {
	o.t.Helper()
	time.Sleep(mintSpread + grace + 5*time.Second)
	synctest.Wait()
	first, ok := o.devices[0].router.Current()
	if !ok {
		o.t.Fatal("no epoch")
	}
	for _, d := range o.devices {
		if e, _ := d.router.Current(); d.stop != nil && len(d.fellows) > 0 && e.ID != first.ID {
			o.t.Fatal("two epochs")
		}
	}
}

func (d *device) publish(payload string) {
	d.office.t.Helper()
	if err := d.router.Publish(context.Background(), []byte(payload)); err != nil {
		d.office.t.Error(err)
	}
}

func TestBurstReachesAll(t *testing.T) {
	const devices, each = 20, 10
	group(t, devices, func(t *testing.T, o *office) {
		for _, d := range o.devices {
			go func() {
				for i := range each {
					d.publish(fmt.Sprint(d.at, " ", i))
				}
			}()
		}
		time.Sleep(5 * time.Second)
		synctest.Wait()
		for _, d := range o.devices {
			if _, n := d.lost(); n > 0 {
				t.Errorf("%s dropped %d", d.at, n)
			}
			for _, from := range o.devices {
				for i := range each {
					want := 1
					if d == from {
						want = 0
					}
					if got := d.count(fmt.Sprint(from.at, " ", i)); got != want {
						t.Errorf("%s took message %d of %s %d times", d.at, i, from.at, got)
					}
				}
			}
		}
	})
}

// streams counts the gossip streams between two devices, in either direction.
func (d *device) streams(o *device) (n int) {
	for _, c := range d.host.ConnsTo(o.host.ID()) {
		for _, s := range c.GetStreams() {
			if s.Protocol() == d.router.proto {
				n++
			}
		}
	}
	return n
}

// TestStrangerLearnsNothing has a device connected that nobody named as a member. It gets no
// stream, and the names that are asked for at it, of protocols, are none.
func TestStrangerLearnsNothing(t *testing.T) {
	group(t, 3, func(t *testing.T, o *office) {
		stranger := o.open()
		for _, d := range o.devices[:3] {
			d.publish("a secret of " + d.at.String())
		}
		time.Sleep(2 * retryPause)
		synctest.Wait()
		for _, d := range o.devices[:3] {
			if n := d.streams(stranger); n != 0 {
				t.Errorf("%d streams with a stranger", n)
			}
			for _, c := range d.host.ConnsTo(stranger.host.ID()) {
				if n := len(c.GetStreams()); n != 0 {
					t.Errorf("%d other streams with a stranger", n)
				}
			}
		}
		// Whoever doesn't know the secret can only guess the protocol.
		if _, err := stranger.host.NewStream(t.Context(), o.devices[0].host.ID(), "/meshsub/1.2.0"); err == nil {
			t.Error("a stranger got a stream of plain gossipsub")
		}
		// And whoever knows it, as a removed member does, is hung up on before a word is said.
		s, err := stranger.host.NewStream(t.Context(), o.devices[0].host.ID(), stranger.router.proto)
		if err == nil {
			_, err = s.Read(make([]byte, 1))
		}
		if err == nil {
			t.Error("something was said to a stranger")
		}
	})
}

func TestRemovedMemberGetsNothingMore(t *testing.T) {
	group(t, 5, func(t *testing.T, o *office) {
		removed, rest := o.devices[4], o.devices[:4]
		rest[0].publish("before")
		time.Sleep(time.Second)
		synctest.Wait()
		if removed.count("before") != 1 {
			t.Fatal("a member didn't get a message")
		}
		old, _ := removed.router.Current()

		rest[0].control.act("removal", true)
		if err := rest[0].router.Publish(t.Context(), []byte("at once")); !errors.Is(err, ErrNoEpoch) {
			t.Errorf("sealed under an epoch of who was removed: %v", err)
		}
		for _, d := range rest {
			d.control.hear(rest[0].control)
			d.lose(removed)
		}
		synctest.Wait()
		for _, d := range rest {
			if n := d.streams(removed); n != 0 {
				t.Errorf("%d streams with a removed member", n)
			}
		}
		o.devices = rest
		o.agree()
		o.devices = append(rest, removed)
		rest[1].publish("after")
		time.Sleep(2 * retryPause)
		synctest.Wait()
		for _, d := range rest {
			if d != rest[1] && d.count("after") != 1 {
				t.Errorf("%s didn't get a message after a removal", d.at)
			}
			if now, _ := d.router.Current(); now.ID == old.ID {
				t.Errorf("%s seals under the epoch that the removed member has", d.at)
			}
			if d.router.epochs.find(old.ID) != nil {
				t.Errorf("%s has kept the old epoch", d.at)
			}
		}
		if removed.count("after")+removed.count("at once") != 0 {
			t.Error("a removed member got a message")
		}
		if _, err := rest[0].router.Learn(removed.id, old); !errors.Is(err, ErrStranger) {
			t.Errorf("learnt from a removed member: %v", err)
		}
	})
}

// raw has a device publish bytes as they are, as a member with another program might.
func (d *device) raw(epoch EpochID, data []byte) {
	d.router.mu.Lock()
	topic := d.router.joined[epoch].topic
	d.router.mu.Unlock()
	if err := topic.Publish(context.Background(), data); err != nil {
		d.office.t.Error(err)
	}
}

// TestHostileInputGoesNoFurther has the first of three in a row misbehave: the second must not hand
// it to the third.
func TestHostileInputGoesNoFurther(t *testing.T) {
	altered := func(e Epoch, n int) []byte {
		b := seal(e.ID, &e.Key, []byte("words"))
		b[n] ^= 1
		return b
	}
	otherKey := [32]byte{9}
	for name, c := range map[string]struct {
		data func(Epoch) []byte
		cut  bool
	}{
		"garbage":      {func(Epoch) []byte { return []byte("garbage") }, true},
		"altered":      {func(e Epoch) []byte { return altered(e, 200) }, true},
		"other nonce":  {func(e Epoch) []byte { return altered(e, 30) }, true},
		"other key":    {func(e Epoch) []byte { return seal(e.ID, &otherKey, []byte("words")) }, true},
		"other epoch":  {func(e Epoch) []byte { return seal(EpochID{1}, &e.Key, []byte("words")) }, false},
		"unproven":     {func(e Epoch) []byte { return seal(e.ID, &e.Key, []byte("forged")) }, true},
		"unknown yet":  {func(e Epoch) []byte { return seal(e.ID, &e.Key, []byte("early")) }, false},
		"replay":       {func(e Epoch) []byte { return seal(e.ID, &e.Key, []byte("held")) }, false},
		"too long":     {func(e Epoch) []byte { return make([]byte, maxSealed+1) }, true},
		"far too long": {func(e Epoch) []byte { return make([]byte, maxRPC+1) }, false}, // never leaves, see below
	} {
		t.Run(name, func(t *testing.T) {
			row(t, func(t *testing.T, o *office, e Epoch) {
				first, second, third := o.devices[0], o.devices[1], o.devices[2]
				for _, d := range o.devices {
					d.verdict = func(payload []byte) error {
						switch {
						case bytes.Equal(payload, []byte("forged")):
							return fmt.Errorf("%w: signature", ErrForged)
						case bytes.Equal(payload, []byte("early")), bytes.Equal(payload, []byte("held")):
							return errHeld
						}
						return nil
					}
				}
				before := third.proofs()
				first.raw(e.ID, c.data(e))
				time.Sleep(10 * time.Second)
				synctest.Wait()
				if _, dropped := third.lost(); third.proofs() != before || dropped != 0 {
					t.Error("it was forwarded")
				}
				if cut := !second.router.members.has(first.host.ID()); cut != c.cut {
					t.Errorf("the peer was cut off: %v", cut)
				}
				if n := second.streams(first); c.cut && n != 0 {
					t.Errorf("%d streams with who was cut off", n)
				}
				if !third.router.members.has(second.host.ID()) {
					t.Error("who was between was cut off")
				}
			})
		})
	}
}

// row runs a test with three devices of which the first and the last don't see each other.
func row(t *testing.T, test func(t *testing.T, o *office, e Epoch)) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t)
		defer o.close()
		for range 3 {
			d := o.open()
			if n := len(o.devices); n > 1 {
				d.meet(o.devices[n-2])
			}
			d.run()
		}
		o.agree()
		o.devices[0].publish("hello")
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if o.devices[2].count("hello") != 1 {
			t.Fatal("the row doesn't forward")
		}
		e, _ := o.devices[0].router.Current()
		test(t, o, e)
	})
}

// TestRateIsBounded has a member send more than its share: what is beyond is dropped before it
// costs anything, and reported at the end that drops it.
func TestRateIsBounded(t *testing.T) {
	row(t, func(t *testing.T, o *office, e Epoch) {
		first, second := o.devices[0], o.devices[1]
		before := second.proofs()
		const sent = 2 * burstMessages
		for i := range sent {
			first.publish(fmt.Sprint("flood ", i))
			if i%256 == 0 {
				synctest.Wait() // the sender's own queue is not what is tested
			}
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		asked := second.proofs() - before
		_, dropped := second.lost()
		if asked < burstMessages/2 || asked > burstMessages+3*rateMessages {
			t.Errorf("%d of %d were let in", asked, sent)
		}
		if asked+dropped != sent {
			t.Errorf("%d let in, %d reported, of %d", asked, dropped, sent)
		}
		if !second.router.members.has(first.host.ID()) {
			t.Error("cut off for talking much")
		}
	})
}

// TestSlowPeerIsReported cuts the cable between two for less than the link notices: what doesn't
// fit the queue is dropped, and said to be.
func TestSlowPeerIsReported(t *testing.T) {
	row(t, func(t *testing.T, o *office, e Epoch) {
		first, second := o.devices[0], o.devices[1]
		before := second.proofs()
		o.net.Partition(first.at, second.at)
		const sent = 3 * outboundQueue
		for i := range sent {
			first.publish(fmt.Sprint("slow ", i, string(make([]byte, 1000))))
			if i%256 == 0 {
				synctest.Wait()
			}
		}
		time.Sleep(2 * time.Second)
		o.net.Heal(first.at, second.at)
		time.Sleep(3 * time.Second)
		synctest.Wait()
		asked := second.proofs() - before
		_, dropped := first.lost()
		_, more := second.lost()
		dropped += more
		if dropped == 0 || asked == 0 {
			t.Fatalf("%d arrived, %d reported", asked, dropped)
		}
		if asked+dropped < sent {
			t.Errorf("%d arrived, %d reported, of %d", asked, dropped, sent)
		}
	})
}

// TestLostQueueIsReported cuts the cable for good: what was still queued when the link noticed is
// said to be dropped.
func TestLostQueueIsReported(t *testing.T) {
	row(t, func(t *testing.T, o *office, e Epoch) {
		first, second := o.devices[0], o.devices[1]
		o.net.Drop(first.at, second.at)
		for i := range outboundQueue / 2 {
			first.publish(fmt.Sprint("lost ", i, string(make([]byte, 1000))))
			if i%256 == 0 {
				synctest.Wait()
			}
		}
		synctest.Wait()
		if _, n := first.lost(); n != 0 {
			t.Fatal("dropped before the link noticed")
		}
		time.Sleep(20 * time.Second)
		synctest.Wait()
		if by, _ := first.lost(); by[second.id] == 0 || by[second.id] > outboundQueue/2 {
			t.Errorf("%d reported", by[second.id])
		}
	})
}

func TestPublishRefuses(t *testing.T) {
	row(t, func(t *testing.T, o *office, e Epoch) {
		d := o.devices[0]
		if err := d.router.Publish(t.Context(), make([]byte, MaxPayload+1)); !errors.Is(err, ErrTooLarge) {
			t.Errorf("too large: %v", err)
		}
		d.publish(string(bytes.Repeat([]byte("x"), MaxPayload)))
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if o.devices[2].count(string(bytes.Repeat([]byte("x"), MaxPayload))) != 1 {
			t.Error("the largest payload didn't arrive")
		}
		d.stop()
		stopped := time.Now()
		if err := <-d.ended; err != nil {
			t.Error(err)
		}
		if took := time.Since(stopped); took > time.Second {
			t.Errorf("took %s to end", took)
		}
		d.stop = nil
		if err := d.router.Publish(t.Context(), nil); !errors.Is(err, ErrStopped) {
			t.Errorf("stopped: %v", err)
		}
		if len(d.router.epochs.held) != 0 {
			t.Error("keys are left")
		}
		if n := d.streams(o.devices[1]); n != 0 {
			t.Errorf("%d streams are left", n)
		}
	})
}

// TestSeveralPublishOneMessage has all publish what all have: it goes round once.
func TestSeveralPublishOneMessage(t *testing.T) {
	group(t, 5, func(t *testing.T, o *office) {
		o.devices[0].publish("news")
		time.Sleep(time.Second)
		for _, d := range o.devices {
			d.publish("news")
		}
		time.Sleep(time.Second)
		synctest.Wait()
		for _, d := range o.devices[1:] {
			if n := d.proofs(); n != 1 {
				t.Errorf("%s was asked %d times", d.at, n)
			}
		}
	})
}

// TestMemberComesBack loses the connection of two, has one not count as a member for a while, and
// has a router begin after its peers.
func TestMemberComesBack(t *testing.T) {
	row(t, func(t *testing.T, o *office, _ Epoch) {
		second, third := o.devices[1], o.devices[2]
		if err := second.host.Libp2p().Network().ClosePeer(third.host.ID()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if err := second.host.Connect(t.Context(), third.host.ID(), memnet.Multiaddrs(third.at, third.host.Port())); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		o.devices[0].publish("welcome back")
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if third.count("welcome back") != 1 {
			t.Error("no gossip after a reconnect")
		}

		second.lose(third)
		time.Sleep(30 * time.Second) // without a session the link lasts a minute
		second.meet(third)
		time.Sleep(5 * time.Second)
		o.devices[0].publish("member again")
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if third.count("member again") != 1 {
			t.Error("no gossip with a member that was added again")
		}

		late := o.open()
		late.control.hear(second.control)
		second.meet(late) // nobody runs at late yet
		time.Sleep(3 * time.Second)
		late.run()
		time.Sleep(5 * time.Second)
		o.devices[0].publish("welcome")
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if late.count("welcome") != 1 {
			t.Error("no gossip with a router that began late")
		}
	})
}
