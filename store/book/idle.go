package book

import (
	"bytes"
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/event"
	"github.com/earshot-im/earshot/store/tx"
)

// Stranger is somebody who is kept and whom the owner has not decided about.
type Stranger struct {
	Person crypto.PersonID
	Last   time.Time // when something of theirs was stored last
}

// Place is the strangers who came by one address and hold something.
type Place struct {
	Held    uint64     // what they hold by it, in bytes
	Persons []Stranger // of whom nothing has come for longest first
}

// Strangers returns the strangers who hold something by the address by which they came: addresses
// by which most is held come first. Who has come by several addresses is returned only by the first
// of these.
func (k *Book) Strangers(r *tx.Reader) (out []Place, err error) {
	type place struct {
		address
		bytes uint64
	}
	var places []place
	for key, v := range r.Prefix(bucketBudgets, []byte{budgetAddress}) {
		places = append(places, place{address(key[1:]), number(v)})
	}
	slices.SortFunc(places, func(x, y place) int {
		return cmp.Or(cmp.Compare(y.bytes, x.bytes), bytes.Compare(x.address[:], y.address[:]))
	})
	seen := map[crypto.PersonID]bool{}
	for _, p := range places {
		there := Place{Held: p.bytes}
		for key := range r.Prefix(bucketBudgets, append([]byte{budgetHolder}, p.address[:]...)) {
			id := crypto.PersonID(key[1+len(p.address):])
			if seen[id] {
				continue
			}
			seen[id] = true
			a, err := readAccount(r, id)
			if err != nil {
				return nil, err
			}
			there.Persons = append(there.Persons, Stranger{id, time.UnixMilli(int64(a.last))})
		}
		slices.SortFunc(there.Persons, func(x, y Stranger) int { return x.Last.Compare(y.Last) })
		out = append(out, there)
	}
	return out, nil
}

// Dismiss has a stranger stand as if nothing had come of them for long, until something comes: what is left
// of them may go.
func (k *Book) Dismiss(b *tx.Batch, id crypto.PersonID) error {
	a, err := readAccount(&b.Reader, id)
	if err == nil && len(a.parts) > 0 {
		a.last = 0
		a.write(b)
	}
	return err
}

// StrangersHold returns how many bytes count of all strangers.
func (k *Book) StrangersHold(r *tx.Reader) uint64 {
	return number(r.Get(bucketBudgets, []byte{budgetStrangers}))
}

// RemoveIdle removes somebody of whom nothing else is kept: a stranger who has written nothing, of
// whom no request waits and about whom the owner has decided nothing. It reports whether it has.
func (k *Book) RemoveIdle(b *tx.Batch, id crypto.PersonID) (bool, error) {
	p, err := k.person(&b.Reader, id)
	if err != nil || p == nil || id == k.owner || p.standing(0) != ofStrangers || p.Petname != "" || p.Verified {
		return false, err
	}
	if b.Count(bucketRequests, id[:]) > 0 || number(b.Get(bucketBudgets, contactKey(id))) > 0 ||
		b.Count(bucketBudgets, append([]byte{budgetFellow}, id[:]...)) > 0 {
		return false, nil // something is kept of them, in a group maybe, or the owner has decided once
	}
	if gone, err := k.cfg.Ledger.Unmeet(b, id); err != nil || !gone {
		return false, err
	}
	keys, _ := b.Copy(bucketRecords, recordPrefix(event.KindProfile, event.ProfileSubject(id)))
	for _, key := range keys {
		b.Delete(bucketRecords, key)
	}
	for _, d := range p.devices() {
		if k.PersonOf(&b.Reader, d) == id {
			b.Delete(bucketDevices, d[:])
		}
	}
	b.Delete(bucketPersons, id[:])
	return true, k.refund(b, ofStrangers, Payer{Person: id}, math.MaxUint64)
}
