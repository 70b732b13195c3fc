package book

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/crypto/canon"
	"github.com/earshot-im/earshot/store/disk"
	"github.com/earshot-im/earshot/store/event"
	"github.com/earshot-im/earshot/store/tx"
)

const (
	// These bound what is kept of one person. A card names the device of its genesis and one more
	// in each link. A sighting has at most 10 addresses.
	maxName      = event.MaxName
	maxAddress   = 256
	maxAddresses = 32
	maxDevices   = crypto.MaxLinks + 1

	personContact  = 1
	personVerified = 2
	personBlocked  = 4
	personMember   = 8
)

// Person is what is known of somebody.
type Person struct {
	ID       crypto.PersonID
	Card     []byte
	Petname  string // given by the owner of this store
	Pinned   string // what they called themselves when they became known
	Claimed  string // what they call themselves now
	Contact  bool
	Verified bool
	Blocked  bool
	Member   bool                           // in a group of people whom the owner knows
	Met      time.Time                      // when the owner's node first knew of them; zero: not known
	Devices  map[crypto.DeviceID]DeviceInfo // that the card names

	// Via is the address of the link by which they came whom a change makes somebody who is kept. It
	// says where a stranger counts, and is not kept itself.
	Via string
}

// DeviceInfo is what is known of a device.
type DeviceInfo struct {
	Addrs    []string  // where it proved itself, or that a contact tells of their own; the best first
	Heard    []string  // where else it is said to be, which anybody may have made up
	LastSeen time.Time // zero: never
}

func (p *Person) marshal() []byte {
	var w canon.Writer
	w.Bytes(1, p.Card)
	w.String(2, p.Petname)
	w.String(3, p.Pinned)
	w.String(4, p.Claimed)
	var flags uint64
	for flag, set := range map[uint64]bool{personContact: p.Contact, personVerified: p.Verified, personBlocked: p.Blocked, personMember: p.Member} {
		if set {
			flags |= flag
		}
	}
	w.Uint(5, flags)
	for _, id := range p.devices() {
		d := p.Devices[id]
		var e canon.Writer
		e.Bytes(1, id[:])
		for _, a := range d.Addrs {
			e.Element(2, []byte(a))
		}
		if !d.LastSeen.IsZero() {
			e.Uint(3, uint64(max(d.LastSeen.UnixMilli(), 0)))
		}
		for _, a := range d.Heard {
			e.Element(4, []byte(a))
		}
		w.Element(6, e.Out())
	}
	if !p.Met.IsZero() {
		w.Uint(7, uint64(max(p.Met.UnixMilli(), 0)))
	}
	return w.Out()
}

// devices returns the IDs of a person's devices in ascending order.
func (p *Person) devices() []crypto.DeviceID {
	return slices.SortedFunc(maps.Keys(p.Devices), func(a, b crypto.DeviceID) int { return bytes.Compare(a[:], b[:]) })
}

func parsePerson(id crypto.PersonID, b []byte) (*Person, error) {
	r := canon.NewReader(b)
	p := &Person{ID: id, Card: bytes.Clone(r.Bytes(1, crypto.MaxCard))}
	p.Petname = r.String(2, maxName)
	p.Pinned = r.String(3, maxName)
	p.Claimed = r.String(4, maxName)
	flags := r.Uint(5)
	p.Contact, p.Verified, p.Blocked = flags&personContact != 0, flags&personVerified != 0, flags&personBlocked != 0
	p.Member = flags&personMember != 0
	devices := r.Repeated(6, maxDevices, 64+2*maxAddresses*(maxAddress+4))
	if ms := r.Uint(7); ms != 0 {
		p.Met = time.UnixMilli(int64(ms))
	}
	if err := r.End(); err != nil {
		return nil, disk.Damaged("person: %w", err)
	}
	p.Devices = make(map[crypto.DeviceID]DeviceInfo, len(devices))
	for _, b := range devices {
		r := canon.NewReader(b)
		id := crypto.DeviceID(r.Fixed(1, 32))
		var d DeviceInfo
		for _, a := range r.Repeated(2, maxAddresses, maxAddress) {
			d.Addrs = append(d.Addrs, string(a))
		}
		if ms := r.Uint(3); ms != 0 {
			d.LastSeen = time.UnixMilli(int64(ms))
		}
		for _, a := range r.Repeated(4, maxAddresses, maxAddress) {
			d.Heard = append(d.Heard, string(a))
		}
		if err := r.End(); err != nil {
			return nil, disk.Damaged("device of a person: %w", err)
		}
		p.Devices[id] = d
	}
	return p, nil
}

// check refuses what could not be read again.
func (p *Person) check() error {
	for _, name := range []string{p.Petname, p.Pinned, p.Claimed} {
		if len(name) > maxName {
			return fmt.Errorf("name of %d bytes: %w", len(name), event.ErrTooLarge)
		}
	}
	if len(p.Card) > crypto.MaxCard || len(p.Devices) > maxDevices {
		return fmt.Errorf("card of %d bytes, %d devices: %w", len(p.Card), len(p.Devices), event.ErrTooLarge)
	}
	for _, d := range p.Devices {
		for _, addrs := range [][]string{d.Addrs, d.Heard} {
			if len(addrs) > maxAddresses || slices.ContainsFunc(addrs, func(a string) bool { return len(a) > maxAddress }) {
				return fmt.Errorf("addresses of a device: %w", event.ErrTooLarge)
			}
		}
	}
	return nil
}

// personAAD is what a sealed person is bound to.
func personAAD(id crypto.PersonID) []byte { return append([]byte("person"), id[:]...) }

// person returns what is kept of somebody, nil if that is nothing.
func (k *Book) person(r *tx.Reader, id crypto.PersonID) (*Person, error) {
	b := r.Get(bucketPersons, id[:])
	if b == nil {
		return nil, nil
	}
	plain, err := k.cfg.Keyring.Open(b, personAAD(id))
	if err != nil {
		return nil, disk.Damaged("person: %w", err)
	}
	return parsePerson(id, plain)
}

// Persons returns everybody, the owner included, in the order of their IDs.
func (k *Book) Persons() (out []Person, err error) {
	err = k.cfg.DB.View(func(r *tx.Reader) error {
		for id := range r.Prefix(bucketPersons, nil) {
			if len(id) != len(crypto.PersonID{}) {
				return disk.Damaged("person ID of %d bytes", len(id))
			}
			p, err := k.person(r, crypto.PersonID(id))
			if err != nil {
				return err
			}
			out = append(out, *p)
		}
		return nil
	})
	return out, err
}

// PersonOf returns the person whose card names a device, zero if no card does.
func (k *Book) PersonOf(r *tx.Reader, d crypto.DeviceID) crypto.PersonID {
	if b := r.Get(bucketDevices, d[:]); len(b) == len(crypto.PersonID{}) {
		return crypto.PersonID(b)
	}
	return crypto.PersonID{}
}

// UpdatePerson changes what is kept of a person, as UpdatePersons does.
func (k *Book) UpdatePerson(ctx context.Context, id crypto.PersonID, f func(*Person) error, then ...func()) error {
	return k.UpdatePersons(ctx, []crypto.PersonID{id}, func(p []*Person) error { return f(p[0]) }, then...)
}

// UpdatePersons changes what is kept of persons, all in one transaction, and makes the direct
// conversations with those who are new. f gets what is kept of each, in the order of the IDs, which
// is only the ID for somebody new. Where f fails, its error is returned and nothing changes. f may
// run more than once. then are called as tx.Batch.Then says. Other errors: ErrDeviceTaken, ErrBudget
// (too many strangers), event.ErrTooLarge.
func (k *Book) UpdatePersons(ctx context.Context, ids []crypto.PersonID, f func([]*Person) error, then ...func()) error {
	return k.do(ctx, func(b *tx.Batch) error {
		olds, news := make([]*Person, len(ids)), make([]*Person, len(ids))
		for i, id := range ids {
			var err error
			if olds[i], err = k.person(&b.Reader, id); err != nil {
				return err
			}
			news[i] = &Person{ID: id}
			if olds[i] != nil {
				if news[i], err = k.person(&b.Reader, id); err != nil { // another copy
					return err
				}
			}
			if news[i].Devices == nil {
				news[i].Devices = map[crypto.DeviceID]DeviceInfo{}
			}
		}
		if err := f(news); err != nil {
			return err
		}
		for i, id := range ids {
			news[i].ID = id
			if err := k.put(b, news[i], olds[i]); err != nil {
				return err
			}
		}
		thenAll(b, then)
		return nil
	})
}

// UpdateDevices notes where devices of persons are and when they were last seen, all in one
// transaction. Everything else that is kept of the persons stays as it is. Persons who are not kept
// are skipped, and so are devices that another person's card names.
func (k *Book) UpdateDevices(ctx context.Context, found map[crypto.PersonID]map[crypto.DeviceID]DeviceInfo) error {
	return k.do(ctx, func(b *tx.Batch) error {
		for _, id := range slices.SortedFunc(maps.Keys(found), func(x, y crypto.PersonID) int { return bytes.Compare(x[:], y[:]) }) {
			old, err := k.person(&b.Reader, id)
			if err != nil {
				return err
			}
			if old == nil {
				continue
			}
			p := *old
			p.Devices = maps.Clone(old.Devices)
			for d, info := range found[id] {
				_, has := p.Devices[d]
				if has || k.PersonOf(&b.Reader, d) == (crypto.PersonID{}) && len(p.Devices) < maxDevices {
					p.Devices[d] = info
				}
			}
			if err := k.put(b, &p, old); err != nil {
				return err
			}
		}
		return nil
	})
}

// Add keeps a person of whom nothing was kept before.
func (k *Book) Add(b *tx.Batch, p *Person) error { return k.put(b, p, nil) }

// put replaces what is kept of somebody, nil if that is nothing.
func (k *Book) put(b *tx.Batch, p, old *Person) error {
	if err := p.check(); err != nil {
		return err
	}
	plain, fresh := p.marshal(), old == nil
	if !fresh && bytes.Equal(plain, old.marshal()) {
		return nil
	}
	if err := k.chargePerson(b, p, old); err != nil {
		return err
	}
	if fresh {
		old = &Person{}
	}
	if err := k.putDevices(b, p, old); err != nil {
		return err
	}
	if err := k.cfg.Ledger.Meet(b, p.ID); err != nil {
		return err
	}
	b.Put(bucketPersons, p.ID[:], k.cfg.Keyring.Seal(plain, personAAD(p.ID)))
	moved := *old
	if moved.Devices = p.Devices; fresh || !bytes.Equal(plain, moved.marshal()) { // else only devices were seen
		k.cfg.Ledger.NotePerson(b, p.ID)
	}
	if p.Blocked != old.Blocked {
		return k.cfg.Ledger.NoteMessages(b, p.ID)
	}
	return nil
}

// chargePerson counts what is kept of somebody, who had something counted before unless old is nil.
// What the owner decides of them, and whom they group with, is never refused.
func (k *Book) chargePerson(b *tx.Batch, p, old *Person) error {
	if p.ID == k.owner {
		return nil
	}
	by := Payer{Person: p.ID, Address: p.Via}
	had := uint64(0)
	if old != nil {
		if err := k.promote(b, old, p); err != nil {
			return err
		}
		had = sizeOfPerson(old)
	}
	now, s := sizeOfPerson(p), p.standing(0)
	if now < had {
		return k.refund(b, s, by, had-now)
	}
	return k.charge(b, s, by, now-had, s != ofContacts)
}

func sizeOfPerson(p *Person) uint64 { return costPerson + uint64(len(p.Card)) }

// putDevices notes whose the devices of a person are.
func (k *Book) putDevices(b *tx.Batch, p, old *Person) error {
	for _, d := range p.devices() {
		switch k.PersonOf(&b.Reader, d) {
		case p.ID:
		case crypto.PersonID{}:
			b.Put(bucketDevices, d[:], p.ID[:])
		default:
			return ErrDeviceTaken
		}
	}
	for _, d := range old.devices() {
		if _, still := p.Devices[d]; !still {
			b.Delete(bucketDevices, d[:])
		}
	}
	return nil
}
