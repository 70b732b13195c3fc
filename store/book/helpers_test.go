package book

import (
	"context"
	"crypto/rand"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/directory"
	"github.com/earshot-im/earshot/store/event"
	"github.com/earshot-im/earshot/store/tx"
)

var epoch = time.UnixMilli(1_700_000_000_000)

// library is a book whose writer runs, in a directory of its own, with a ledger that only notes
// what it is told.
type library struct {
	*Book
	t     *testing.T
	dir   string
	at    time.Time // what the clock of the book says
	close func()

	met     []crypto.PersonID
	changes int // how often the ledger was told of a change
	noted   []crypto.PersonID
	wrote   map[crypto.PersonID]bool // who has said something
	hidden  []crypto.PersonID        // whose messages were noted as hidden or shown again
	commits int
}

func newLibrary(t *testing.T) *library {
	t.Helper()
	l := &library{t: t, dir: t.TempDir(), at: epoch}
	l.open(func(b *tx.Batch) {})
	t.Cleanup(func() { l.close() })
	return l
}

func (l *library) open(fill func(*tx.Batch)) {
	l.t.Helper()
	d, err := directory.Open(directory.Config{Dir: l.dir, Rand: rand.Reader})
	check(l.t, err)
	db := tx.New(d.Engine)
	check(l.t, db.Update(func(b *tx.Batch) error { fill(b); return nil }))
	w := tx.NewWriter(db, l, slog.New(slog.DiscardHandler))
	l.Book = New(Config{
		DB: db, Writer: w, Ledger: l, Keyring: &d.Keyring, Mask: [32]byte{1}, Now: func() time.Time { return l.at },
	})
	running, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- w.Run(running) }()
	l.close = func() {
		cancel()
		check(l.t, <-ended)
		check(l.t, d.Close())
		l.close = func() {}
	}
}

func (l *library) reopen() {
	l.t.Helper()
	l.close()
	l.open(func(*tx.Batch) {})
}

func (l *library) Meet(_ *tx.Batch, p crypto.PersonID) error {
	if !slices.Contains(l.met, p) {
		l.met = append(l.met, p)
	}
	return nil
}

// Unmeet belongs to Ledger. Nobody has said anything to a library, unless the test says so.
func (l *library) Unmeet(_ *tx.Batch, p crypto.PersonID) (bool, error) {
	l.met = slices.DeleteFunc(l.met, func(m crypto.PersonID) bool { return m == p })
	return !l.wrote[p], nil
}

func (l *library) NotePerson(_ *tx.Batch, p crypto.PersonID) {
	l.changes++
	l.noted = append(l.noted, p)
}

func (l *library) NoteSettings(*tx.Batch) { l.changes++ }

func (l *library) NoteMessages(_ *tx.Batch, p crypto.PersonID) error {
	l.hidden = append(l.hidden, p)
	return nil
}

func (l *library) Idle() func(*tx.Batch) error { return nil }
func (l *library) Finish(*tx.Batch) error      { l.commits++; return nil }
func (l *library) Committed(*tx.Batch)         {}
func (l *library) Answered(*tx.Batch)          {}
func (l *library) Undone(bool)                 {}

// kept returns what is kept of somebody, nil if that is nothing.
func (l *library) kept(id crypto.PersonID) (p *Person) {
	l.t.Helper()
	check(l.t, l.cfg.DB.View(func(r *tx.Reader) (err error) {
		p, err = l.person(r, id)
		return err
	}))
	return p
}

// owner returns whose card names a device.
func (l *library) ownerOf(d crypto.DeviceID) (p crypto.PersonID) {
	l.t.Helper()
	check(l.t, l.cfg.DB.View(func(r *tx.Reader) error {
		p = l.PersonOf(r, d)
		return nil
	}))
	return p
}

// spent returns what counts of somebody.
func (l *library) spent(id crypto.PersonID) (n uint64) {
	l.t.Helper()
	check(l.t, l.cfg.DB.View(func(r *tx.Reader) (err error) {
		n, err = l.Held(r, id)
		return err
	}))
	return n
}

// strangers returns what counts of all strangers.
func (l *library) strangers() (n uint64) {
	l.t.Helper()
	check(l.t, l.cfg.DB.View(func(r *tx.Reader) error {
		n = l.StrangersHold(r)
		return nil
	}))
	return n
}

// somebody is a person with one device.
type somebody struct {
	key  crypto.DeviceKey
	card crypto.Card
}

func newSomebody(t *testing.T) somebody {
	t.Helper()
	key, err := crypto.NewDeviceKey(rand.Reader)
	check(t, err)
	card, _, err := crypto.NewPerson(rand.Reader, key)
	check(t, err)
	return somebody{key, card}
}

func (p somebody) id() crypto.PersonID { return p.card.Person() }

// meets keeps a person and their device.
func (l *library) meets(p somebody, contact bool) {
	l.t.Helper()
	check(l.t, l.UpdatePerson(l.t.Context(), p.id(), func(x *Person) error {
		x.Card, x.Contact = p.card.Bytes(), contact
		x.Devices[p.key.ID()] = DeviceInfo{}
		return nil
	}))
}

// record returns a record signed by a person's device.
func (p somebody) record(t *testing.T, r event.Record) event.Record {
	t.Helper()
	r, err := event.NewRecord(p.key, r)
	check(t, err)
	return r
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
