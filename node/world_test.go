package node

import (
	"bytes"
	"context"
	cryptorand "crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	gosync "sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/discovery"
	"github.com/earshot-im/earshot/node/chat"
	"github.com/earshot-im/earshot/node/link/memnet"
	"github.com/earshot-im/earshot/node/waiting"
	"github.com/earshot-im/earshot/node/warnings"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/book"
	"github.com/earshot-im/earshot/store/event"
	"github.com/earshot-im/earshot/store/slow"
)

// What the rooms promise, in times and sizes that tests count on.
const (
	helloTimeout  = 10 * time.Second // to say who one is
	frameTimeout  = 12 * time.Second // to finish a frame
	saveEvery     = time.Hour        // where devices are is written down
	savePause     = 10 * time.Second // between two commits because devices have moved
	strangerStays = time.Hour        // known after they have gone
	releaseEvery  = 2 * time.Second  // rows that wait for a cause are looked at
	releaseAtLast = time.Minute      // a row waits at most
	rollbackPause = time.Hour        // between two claims of rollback that are believed
	idPrefix      = 8                // characters that stand for a whole ID
)

// worldPort is where every machine of a world listens.
const worldPort = 4001

// world is machines on a network in memory, in one bubble of testing/synctest: its time is virtual,
// and the test ends only when every goroutine of every node has. What a seed repeats are the faults
// and their times; in what order goroutines run at one instant is the scheduler's, so a failure
// that hangs on that may take several runs.
type world struct {
	t        *testing.T
	net      *memnet.Network
	random   *rand.Rand
	log      *slog.Logger
	lines    *logLines // what log has got
	machines []*machine
	cuts     map[[2]netip.Addr]bool // partitions in force
	addrs    int                    // given away so far
	closers  []io.Closer
	gossip   int // Config.GossipAbove
	talks    int // counts talk
}

// inWorld runs a test with machines in a bubble, and shows what the nodes logged if it fails.
func inWorld(t *testing.T, seed uint64, test func(t *testing.T, w *world)) {
	t.Helper()
	var lines logLines
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, net: memnet.New(), random: rand.New(rand.NewPCG(seed, 0)), cuts: map[[2]netip.Addr]bool{}, lines: &lines,
			log: slog.New(slog.NewTextHandler(&lines, &slog.HandlerOptions{Level: slog.LevelDebug}))}
		defer func() {
			for _, m := range w.machines {
				m.stop()
			}
			for _, c := range w.closers {
				_ = c.Close()
			}
			if t.Failed() {
				t.Logf("log:\n%s", lines.tail(100))
			}
		}()
		test(t, w)
	})
}

// logLines is a log that is only read when a test fails.
type logLines struct {
	mu  gosync.Mutex
	all bytes.Buffer
}

func (l *logLines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if os.Getenv("EARSHOT_TEST_LOG") != "" {
		os.Stderr.Write(b)
	}
	return l.all.Write(b)
}

func (l *logLines) tail(n int) []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	lines := bytes.SplitAfter(l.all.Bytes(), []byte("\n"))
	return bytes.Join(lines[max(0, len(lines)-n):], nil)
}

// has reports whether a line has all of these parts.
func (l *logLines) has(parts ...string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(l.all.String()) {
		if !slices.ContainsFunc(parts, func(p string) bool { return !strings.Contains(line, p) }) {
			return true
		}
	}
	return false
}

// freshAddr is an address that nobody had before.
func (w *world) freshAddr() netip.Addr {
	w.addrs++
	return numbered(w.addrs)
}

func numbered(n int) netip.Addr { return netip.AddrFrom4([4]byte{10, 0, byte(n >> 8), byte(n)}) }

// upTo is a random time.
func (w *world) upTo(d time.Duration) time.Duration { return time.Duration(w.random.Int64N(int64(d))) }

// machine has a data directory and an address, and runs a node while it is on.
type machine struct {
	w         *world
	name      string
	dir       string
	host      *memnet.Host
	skew      atomic.Int64           // of its clock, in ns
	full      atomic.Bool            // its disk
	free      atomic.Uint64          // what is left for others on its disk, in bytes; 0: as much as anybody wants
	otherDisk atomic.Pointer[string] // a folder on a disk that has room for 10 MiB of files
	file      string                 // which file the database is: as long as nobody says otherwise always the same
	disk      *slow.Disk             // on which its database is; nil: that of the test
	warn      func(warnings.Warning)
	who       self // once it has been on
	*Node          // nil while it is off
	cancel    context.CancelFunc
	ended     chan error
}

// machine adds one that is off.
func (w *world) machine(name string) *machine {
	m := &machine{w: w, name: name, dir: w.t.TempDir(), host: w.net.Host(w.freshAddr())}
	w.machines = append(w.machines, m)
	return m
}

// people adds machines and turns them on. Each knows where the ones before it are, as if somebody
// had typed it.
func (w *world) people(names ...string) []*machine {
	w.t.Helper()
	var out []*machine
	for _, name := range names {
		m := w.machine(name)
		m.start(w.addresses()...)
		out = append(out, m)
	}
	return out
}

// addresses are where the machines that are on can be dialled.
func (w *world) addresses() (out []string) {
	for _, m := range w.machines {
		if m.on() {
			out = append(out, m.address())
		}
	}
	return out
}

func (m *machine) addr() netip.Addr { return m.host.Addrs()[0] }

func (m *machine) address() string {
	return fmt.Sprintf("/ip4/%s/tcp/%d/p2p/%s", m.addr(), worldPort, m.me.device)
}

func (m *machine) on() bool { return m.Node != nil }

// now is the machine's wall clock.
func (m *machine) now() time.Time { return time.Now().Add(time.Duration(m.skew.Load())) }

// start turns the machine on.
func (m *machine) start(peers ...string) {
	m.w.t.Helper()
	host := m.host
	cfg := Config{
		Dir: m.dir, Name: m.name, NoMDNS: true, Peers: peers,
		Listen:    []string{fmt.Sprintf("/ip4/0.0.0.0/tcp/%d", worldPort)},
		Log:       m.w.log.With("node", m.name),
		Transport: host.Transport,
		Networks: func() (discovery.Network, error) {
			return discovery.Network{Links: []discovery.Link{{Name: "eth0", Index: 1, Addrs: host.Addrs(),
				Prefixes: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}}}, nil
		},
		Now: m.now, GossipAbove: m.w.gossip, Warn: m.warn,
		Space: func(dir string) (store.Space, bool) {
			if other := m.otherDisk.Load(); other != nil && dir == *other {
				return store.Space{Free: 1<<30 + 10<<20, Disk: 2}, true
			}
			if m.full.Load() {
				return store.Space{}, true
			}
			if free := m.free.Load(); free > 0 {
				return store.Space{Free: 64<<20 + free, Disk: 1}, true
			}
			return store.Space{Free: 1 << 40, Disk: 1}, true
		},
		Identify: func(string) (store.FileIdentity, error) { return store.FileIdentity("file " + m.file), nil },
	}
	if m.disk != nil {
		cfg.Disk, cfg.Commit = m.disk, m.disk.Commit
	}
	n, err := Open(cfg)
	if err != nil {
		m.w.t.Fatalf("start %s: %v", m.name, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	m.Node, m.cancel, m.ended = n, cancel, make(chan error, 1)
	if m.who.person != n.me.person { // others read it while the machine is off and on again
		m.who = n.me
	}
	go func() { m.ended <- n.Run(ctx) }()
	select {
	case <-n.Ready():
	case err := <-m.ended:
		m.Node = nil
		m.w.t.Fatalf("%s ended: %v", m.name, err)
	}
}

// stop turns the machine off in an orderly way.
func (m *machine) stop() {
	m.w.t.Helper()
	if !m.on() {
		return
	}
	m.cancel()
	if err := <-m.ended; err != nil {
		m.w.t.Errorf("run of %s: %v", m.name, err)
	}
	m.Node = nil
}

// kill turns the machine off as kill -9 would, and leaves the directory as it was in that moment:
// from when kill is called nothing goes out, then the files are read as they are, whatever is half
// done. What the node still does until it has ended is lost. When kill returns, everybody who was
// connected has noticed: else a dial that follows at once would find the dead connection and use
// it.
func (m *machine) kill() {
	m.w.t.Helper()
	addrs := m.host.Addrs()
	m.host.Move()
	m.dir = snapshot(m.w.t, m.dir)
	for i := range m.w.addrs { // as the system does for a dead process
		m.w.net.Reset(addrs[0], numbered(i+1))
	}
	m.stop()
	synctest.Wait()
	m.host = m.w.net.Host(addrs...)
}

// snapshot copies a data directory to a new one. The database may be written to meanwhile: as long
// as its two meta pages stay the same, all that they lead to does, and what a transaction under way
// has written elsewhere is what a kill leaves.
func snapshot(t *testing.T, dir string) string {
	t.Helper()
	const metas = 2 * 4096
	to := t.TempDir()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	read := func(name string) []byte {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for _, e := range entries {
		if e.IsDir() { // what is kept of files
			if err := os.CopyFS(filepath.Join(to, e.Name()), os.DirFS(filepath.Join(dir, e.Name()))); err != nil {
				t.Fatal(err)
			}
			continue
		}
		b := read(e.Name())
		for len(b) > metas {
			again := read(e.Name())
			if bytes.Equal(b[:metas], again[:metas]) {
				break
			}
			b = again
		}
		if err := os.WriteFile(filepath.Join(to, e.Name()), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(to, 0o700); err != nil {
		t.Fatal(err)
	}
	return to
}

// cut and heal begin and end a partition.
func (w *world) cut(a, b netip.Addr) {
	w.cuts[[2]netip.Addr{a, b}] = true
	w.net.Partition(a, b)
}

func (w *world) heal(a, b netip.Addr) {
	delete(w.cuts, [2]netip.Addr{a, b})
	w.net.Heal(a, b)
}

// announce does what mDNS does: everyone on the network hears where the machine is, unless a
// partition is between.
func (m *machine) announce() {
	if !m.on() {
		return
	}
	at := m.addr()
	for _, o := range m.w.machines {
		if o == m || !o.on() || m.w.cuts[[2]netip.Addr{at, o.addr()}] || m.w.cuts[[2]netip.Addr{o.addr(), at}] {
			continue
		}
		o.mesh.Sighted(discovery.Sighting{Device: peerID(m.who.device),
			Addrs: []netip.AddrPort{netip.AddrPortFrom(at, worldPort)}, Source: discovery.FromMDNS})
	}
}

// within waits until something is so, looking every 100 ms.
func (w *world) within(d time.Duration, what string, ok func() bool) {
	w.t.Helper()
	for end := time.Now().Add(d); !ok(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			w.t.Fatalf("did not happen within %s: %s", d, what)
		}
	}
}

// meets waits until the machine is connected with all the others, and they know it: a session begins at one
// end before it does at the other.
func (m *machine) meets(d time.Duration, others ...*machine) {
	m.w.t.Helper()
	for _, o := range others {
		m.w.within(d, m.name+" meets "+o.name, func() bool {
			return m.mesh.Here(o.who.person) && o.mesh.Here(m.who.person)
		})
	}
}

// acquaint waits until all of some machines have met each other.
func (w *world) acquaint(all ...*machine) {
	w.t.Helper()
	for _, m := range all {
		for _, o := range all {
			if o != m {
				m.meets(10*time.Second, o)
			}
		}
	}
}

// keeps says that the machine's store has a person.
func (m *machine) keeps(id crypto.PersonID) bool {
	m.w.t.Helper()
	persons, err := m.store.Book().Persons()
	if err != nil {
		m.w.t.Fatal(err)
	}
	return slices.ContainsFunc(persons, func(p book.Person) bool { return p.ID == id })
}

// say sends words to somebody, by the person's ID.
func (m *machine) say(to *machine, text string) chat.Message {
	m.w.t.Helper()
	sent, err := m.Messages().Send(m.w.t.Context(), chat.Outgoing{To: to.who.person.String(), Text: text})
	if err != nil {
		m.w.t.Fatalf("%s sends to %s: %v", m.name, to.name, err)
	}
	return sent
}

// reaches waits until an own message has a state.
func (m *machine) reaches(d time.Duration, sent chat.Message, state string) {
	m.w.t.Helper()
	ctx, cancel := context.WithTimeout(m.w.t.Context(), d)
	defer cancel()
	if _, err := m.Messages().Wait(ctx, sent.ID, state); err != nil {
		m.w.t.Fatalf("%s: message is not %s within %s: %v", m.name, state, d, err)
	}
	m.Messages().Settle(ctx) // as before every look through the local API
}

// rows is the conversation with somebody as it is shown.
func (m *machine) rows(with *machine) []store.Row {
	m.w.t.Helper()
	rows, err := m.store.Rows(event.Direct(m.who.person, with.who.person), store.Page{Limit: 100_000})
	if err != nil && !errors.Is(err, store.ErrNoConversation) {
		m.w.t.Fatal(err)
	}
	return rows
}

// words are the texts that one of two has written to the other, in the order in which m shows them.
func (m *machine) words(with, by *machine) (out []string) {
	m.w.t.Helper()
	for _, r := range m.rows(with) {
		if r.Author == by.who.person {
			out = append(out, r.Text)
		}
	}
	return out
}

// got waits until m has exactly these words of somebody, in this order.
func (m *machine) got(d time.Duration, from *machine, want ...string) {
	m.w.t.Helper()
	var have []string
	for end := time.Now().Add(d); ; time.Sleep(100 * time.Millisecond) {
		if have = m.words(from, from); slices.Equal(have, want) {
			return
		}
		if time.Now().After(end) {
			m.w.t.Fatalf("%s has %q of %s, want %q", m.name, have, from.name, want)
		}
	}
}

// outboxOf is all that waits at a node.
func outboxOf(n interface{ Messages() *chat.Messages }) (all []waiting.Pending, err error) {
	err = n.Messages().Outbox(context.Background(), 0, func(some []waiting.Pending) error {
		all = append(all, some...)
		return nil
	})
	return all, err
}

// pending is how many lines the outbox has.
func (m *machine) pending() int {
	m.w.t.Helper()
	waiting, err := outboxOf(m)
	if err != nil {
		m.w.t.Fatal(err)
	}
	return len(waiting)
}

// unread is all that is unread at a node and passes a filter.
func unread(n *Node, f chat.Filter) ([]chat.Message, error) {
	page, err := n.Messages().Unread(context.Background(), "", f, 10_000)
	return page.Messages, err
}

// randomNonce is that of a Hello.
func randomNonce() (b [32]byte) {
	_, _ = cryptorand.Read(b[:])
	return b
}

// peerID is a device as libp2p calls it.
func peerID(d crypto.DeviceID) peer.ID { return peer.ID(d.PeerID()) }

// long leaves a test out in short mode, as with the race detector: it takes long because of how much
// there is in it, and others do the same at once.
func long(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("long")
	}
}
