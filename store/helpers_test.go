package store

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/book"
	"github.com/earshot-im/earshot/store/disk"
	"github.com/earshot-im/earshot/store/event"
	"github.com/earshot-im/earshot/store/layout"
	"github.com/earshot-im/earshot/store/tx"
)

var ctx = context.Background()

// node is a store that runs, on a clock of its own.
type node struct {
	*Store
	t       *testing.T
	dir     string
	mu      sync.Mutex
	at      time.Time
	changes []Change
	council council
	file    disk.Identity // of the database, as the system says
	stop    func()

	journal int64                            // the size of its files when they are made; 0: as usual in tests
	disk    Disk                             // nil: the real one
	commit  func(string, func() error) error // of the database; nil: as it is

	follower *follower // see newFollower
}

var epoch = time.UnixMilli(1_700_000_000_000)

func newNode(t *testing.T) *node {
	t.Helper()
	n := &node{t: t, dir: t.TempDir(), at: epoch, file: disk.Identity("file")}
	n.open()
	t.Cleanup(func() { n.stop() })
	return n
}

func (n *node) open() {
	n.t.Helper()
	s, err := Open(Config{Dir: n.dir, JournalBytes: cmp.Or(n.journal, 256<<10), Disk: n.disk, Commit: n.commit, Now: n.now, Authority: &n.council, Identify: n.identify, Changed: func(c Change) {
		n.mu.Lock()
		n.changes = append(n.changes, c)
		n.mu.Unlock()
	}})
	if err != nil {
		n.t.Fatal(err)
	}
	n.Store = s
	s.searching.rows = rowsOfBlock
	running, cancel := context.WithCancel(ctx)
	done := make(chan error)
	go func() { done <- s.Run(running) }()
	n.follower = n.newFollower()
	n.stop = func() {
		n.follower.end(n)
		n.summed()
		n.filed()
		n.searchable(n.t)
		cancel()
		if err := <-done; err != nil {
			n.t.Error(err)
		}
		if err := s.Close(); err != nil {
			n.t.Error(err)
		}
		n.stop = func() {}
	}
}

// identify says which file a path is of: it is another one when n.file is, or when it was compacted.
func (n *node) identify(path string) (disk.Identity, error) {
	if n.file == nil {
		return nil, nil
	}
	i, err := disk.IdentityOf(path)
	return append(bytes.Clone(n.file), i...), err
}

func (n *node) reopen() {
	n.t.Helper()
	n.stop()
	n.open()
}

// backup copies the directory as it is between two transactions.
func (n *node) backup() string {
	n.t.Helper()
	to := n.t.TempDir()
	check(n.t, n.db.Checkpoint(ctx))
	copyDir(n.t, n.dir, to)
	return to
}

// restore puts a backup in place and opens it.
func (n *node) restore(from string) {
	n.t.Helper()
	n.stop()
	copyDir(n.t, from, n.dir)
	n.open()
}

func copyDir(t *testing.T, from, to string) {
	t.Helper()
	for _, name := range []string{"keyring", "store.db", "journal.0", "journal.1"} {
		in, err := os.Open(filepath.Join(from, name))
		if err != nil {
			t.Fatal(err)
		}
		out, err := os.OpenFile(filepath.Join(to, name), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(out, in); err != nil {
			t.Fatal(err)
		}
		in.Close()
		out.Close()
	}
}

func (n *node) now() time.Time {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.at
}

func (n *node) wait(d time.Duration) {
	n.mu.Lock()
	n.at = n.at.Add(d)
	n.mu.Unlock()
}

// know makes o a contact of n.
func (n *node) know(o *node) {
	n.t.Helper()
	check(n.t, n.book.UpdatePerson(ctx, o.own.Person, func(p *book.Person) error {
		p.Card = o.own.Card.Bytes()
		p.Contact = true
		p.Devices[o.own.Device.ID()] = book.DeviceInfo{}
		return nil
	}))
}

// pair returns two who know each other, and their conversation.
func pair(t *testing.T) (a, b *node, c event.Conversation) {
	t.Helper()
	a, b = newNode(t), newNode(t)
	a.know(b)
	b.know(a)
	return a, b, event.Direct(a.own.Person, b.own.Person)
}

// goneBack returns a pair of which one has lost messages: b has "1", "2" and "3" of a, and a's disk
// went back to where there was only "1".
func goneBack(t *testing.T) (a, b *node, c event.Conversation) {
	t.Helper()
	a, b, c = pair(t)
	a.say(c, "1")
	meet(a, b, c)
	old := a.backup()
	a.say(c, "2")
	a.say(c, "3")
	meet(a, b, c)
	a.restore(old)
	return a, b, c
}

func text(s string) []byte {
	b, err := event.Text{Text: s}.Marshal()
	if err != nil {
		panic(err)
	}
	return b
}

func (n *node) say(c event.Conversation, words string) Entry {
	n.t.Helper()
	e, err := n.Append(ctx, Draft{Conversation: c, Kind: event.KindText, Content: text(words)})
	check(n.t, err)
	return e
}

// hold keeps the writer from writing until release is called: what is submitted meanwhile is one
// group.
func (n *node) hold() (release func()) {
	n.t.Helper()
	held, released := make(chan struct{}), make(chan struct{})
	go n.do(ctx, func(*batch) error { close(held); <-released; return nil })
	<-held
	return func() { close(released) }
}

// submitSay has the writer write a message in its turn.
func (n *node) submitSay(c event.Conversation, words string) (wait func() error) {
	n.t.Helper()
	letter, err := newLetter(&n.cfg, &Draft{Conversation: c, Kind: event.KindText, Content: text(words)})
	check(n.t, err)
	return n.submit(ctx, func(b *batch) error { _, err := b.append(&letter); return err })
}

func (n *node) sayKey(c event.Conversation, words, key string) Entry {
	n.t.Helper()
	k := event.KeyFor(key)
	e, err := n.Append(ctx, Draft{Conversation: c, Kind: event.KindText, Content: text(words), Key: &k})
	check(n.t, err)
	return e
}

// log returns the log that n writes now.
func (n *node) log(c event.Conversation) event.Log {
	n.t.Helper()
	var log event.Log
	check(n.t, n.view(func(r *reader) error {
		k, err := r.conversation(c)
		if err != nil || k.Own == 0 {
			return err
		}
		l, err := r.log(k.Own)
		if err == nil {
			log = l.Name
		}
		return err
	}))
	return log
}

func (n *node) logs(c event.Conversation) map[event.Log]event.Segments {
	n.t.Helper()
	logs, err := n.Logs(c)
	check(n.t, err)
	return logs
}

// author returns who wrote a log, as an honest caller of BeginIngest finds out.
func (n *node) author(log event.Log, of ...*node) Origin {
	for _, o := range append(of, n) {
		if o.own.Device.ID() == log.Device {
			return Origin{Author: o.own.Person}
		}
	}
	n.t.Fatal("log of nobody")
	return Origin{}
}

// ingest takes a run into its log, at once.
func (s *Store) ingest(ctx context.Context, run event.Run, from Origin) (IngestResult, error) {
	return s.BeginIngest(ctx, run, from)()
}

// take gives n a run as it would come over a wire.
func (n *node) take(run event.Run, from Origin) (IngestResult, error) {
	n.t.Helper()
	n.follower.goOn(n)
	run, err := event.ParseRun(run.Marshal())
	check(n.t, err)
	check(n.t, run.Prove())
	return n.ingest(ctx, run, from)
}

// meet gives one node what it lacks of another's logs, and has it acknowledge that.
func meet(from, to *node, c event.Conversation, all ...*node) {
	from.t.Helper()
	held := to.logs(c)
	logs := from.logs(c)
	for _, log := range sorted(logs) {
		for _, missing := range logs[log].Missing(held[log]) {
			for seq := missing.First; seq <= missing.Last; {
				run, err := from.LoadRun(log, seq, event.MaxRunEvents, event.MaxRunSent)
				check(from.t, err)
				if _, err := to.take(run, to.author(log, append(all, from)...)); err != nil && !errors.Is(err, ErrForked) && !errors.Is(err, ErrCut) {
					from.t.Fatal(err)
				}
				seq = run.Segment().Last + 1
			}
		}
	}
	acknowledge(to, from, c)
}

// acknowledge tells one node what another one holds.
func acknowledge(from, to *node, c event.Conversation) {
	from.t.Helper()
	logs := from.logs(c)
	for _, log := range sorted(logs) {
		check(from.t, to.NoteDelivered(ctx, []Delivery{{Person: from.own.Person, Log: log, Segments: logs[log]}}))
	}
}

func sorted(logs map[event.Log]event.Segments) []event.Log {
	var out []event.Log
	for log := range logs {
		out = append(out, log)
	}
	slices.SortFunc(out, event.Log.Compare)
	return out
}

func (n *node) rows(c event.Conversation) []Row {
	n.t.Helper()
	n.follower.goOn(n)
	rows, err := n.Rows(c, Page{Limit: 1 << 20})
	check(n.t, err)
	return rows
}

func words(rows []Row) []string {
	out := []string{}
	for _, r := range rows {
		out = append(out, r.Text)
	}
	return out
}

func (n *node) state(id event.ID) State {
	n.t.Helper()
	row, err := n.Row(id)
	check(n.t, err)
	return row.State
}

// pendingLines returns all that EachPending tells.
func (s *Store) pendingLines() (all []Pending, err error) {
	err = s.EachPending(nil, func(some []Pending) error {
		all = append(all, some...)
		return nil
	})
	return all, err
}

// outbox returns what is pending, which is also how much the count says.
func (n *node) outbox() []Pending {
	n.t.Helper()
	out, err := n.pendingLines()
	check(n.t, err)
	count, err := n.CountOutbox()
	check(n.t, err)
	n.listings()
	if count != len(out) {
		n.t.Fatalf("%d lines are counted in the outbox, which has %d", count, len(out))
	}
	return out
}

func (n *node) pending() int {
	n.t.Helper()
	return len(n.outbox())
}

func (n *node) unread() []string {
	n.t.Helper()
	rows, _, err := n.Unread(0, 1<<20, nil)
	check(n.t, err)
	count, err := n.CountUnread(nil)
	check(n.t, err)
	if count != len(rows) {
		n.t.Fatalf("%d messages are counted as unread, of %d", count, len(rows))
	}
	return words(rows)
}

// pen writes events outside any store, as a stranger's program might.
type pen struct {
	t    *testing.T
	key  crypto.DeviceKey
	card crypto.Card
	log  event.Log
	last event.Event
}

func newPen(t *testing.T) *pen {
	t.Helper()
	key, err := crypto.NewDeviceKey(random{})
	check(t, err)
	card, _, err := crypto.NewPerson(random{}, key)
	check(t, err)
	return &pen{t: t, key: key, card: card}
}

// meets makes the pen's person known to n, and begins a log in their conversation.
func (p *pen) meets(n *node, contact bool) event.Conversation {
	p.t.Helper()
	check(p.t, n.book.UpdatePerson(ctx, p.card.Person(), func(q *book.Person) error {
		q.Card, q.Contact = p.card.Bytes(), contact
		q.Devices[p.key.ID()] = book.DeviceInfo{}
		return nil
	}))
	c := event.Direct(n.own.Person, p.card.Person())
	p.restart(c)
	return c
}

// twoPens returns two pens that write in one direct conversation of a node: that of p.
func twoPens(t *testing.T) (n *node, p, q *pen, c event.Conversation) {
	t.Helper()
	n, p, q = newNode(t), newPen(t), newPen(t)
	c = p.meets(n, true)
	q.meets(n, true)
	q.restart(c)
	return n, p, q, c
}

// newcomer returns a node that has come into a group, two pens of others in it, and the first event
// that is for the node. Its two causes, one in each log, are not.
func newcomer(t *testing.T) (n *node, p, q *pen, c event.Conversation, first event.Event) {
	t.Helper()
	n = newNode(t)
	c = group(n)
	p, q = penIn(t, c), penIn(t, c)
	p.say("before")
	old := q.say("before")
	first = p.say("first", func(h *event.Header) { h.Seen = []event.Position{old.Position()} })
	return n, p, q, c, first
}

// restart has the pen go on in a new log.
func (p *pen) restart(c event.Conversation) {
	p.log = event.Log{Conversation: c, Device: p.key.ID()}
	random{}.Read(p.log.Instance[:])
	p.last = event.Event{}
}

// write makes the next event of the log, signed.
func (p *pen) write(kind event.Kind, content []byte, clock time.Time, change ...func(*event.Header)) event.Event {
	p.t.Helper()
	h := event.Header{
		Conversation: p.log.Conversation,
		Device:       p.log.Device,
		Instance:     p.log.Instance,
		Sequence:     p.last.Header.Sequence + 1,
		Previous:     p.last.ID,
		Card:         p.card.Head(),
		Clock:        clock.UnixMilli(),
		Kind:         kind,
	}
	random{}.Read(h.Key[:])
	for _, f := range change {
		f(&h)
	}
	e, err := event.New(h, event.Body{Content: content})
	check(p.t, err)
	e.Sign(p.key)
	p.last = e
	return e
}

func (p *pen) say(words string, change ...func(*event.Header)) event.Event {
	at := epoch.Add(time.Duration(p.last.Header.Sequence) * time.Millisecond)
	return p.write(event.KindText, text(words), at, change...)
}

func (p *pen) origin() Origin { return Origin{Author: p.card.Person()} }

func (p *pen) give(n *node, events ...event.Event) (IngestResult, error) {
	p.t.Helper()
	return n.take(event.Run{Events: events}, p.origin())
}

// random is seeded by nothing, but never fails.
type random struct{}

func (random) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = byte(counter()>>3) ^ byte(i*31)
	}
	copy(b, layout.U64(counter()))
	return len(b), nil
}

var counterState = struct {
	sync.Mutex
	n uint64
}{}

func counter() uint64 {
	counterState.Lock()
	defer counterState.Unlock()
	counterState.n += 0x9e3779b97f4a7c15
	return counterState.n
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func equal[T any](t *testing.T, what string, got, want []T, same func(a, b T) bool) {
	t.Helper()
	if !slices.EqualFunc(got, want, same) {
		t.Fatalf("%s: %v, want %v", what, got, want)
	}
}

func equalWords(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	equal(t, what, got, want, func(a, b string) bool { return a == b })
}

// ReceiptState returns what a receipt would say now.
func (s *Store) ReceiptState(conv event.Conversation, author crypto.PersonID) (out event.Receipt, err error) {
	err = s.view(func(r *reader) error {
		out, err = r.delivery.receiptState(Subject{conv, author})
		return err
	})
	return out, err
}

// looks counts how often f looks into the database.
func (n *node) looks(f func(r *reader) error) (count int) {
	n.t.Helper()
	check(n.t, n.view(func(r *reader) error {
		before := r.Looks()
		err := f(r)
		count = r.Looks() - before
		return err
	}))
	return count
}

// each calls f for the keys that begin with prefix until it fails.
func each(r *reader, bucket tx.Bucket, prefix []byte, f func(k, v []byte) error) error {
	for k, v := range r.Prefix(bucket, prefix) {
		if err := f(k, v); err != nil {
			return err
		}
	}
	return nil
}

// long leaves a test out in short mode, as with the race detector: it takes long because of how much
// there is in it, and not because of what happens at once.
func long(t *testing.T) {
	if testing.Short() {
		t.Skip("long")
	}
}
