package book

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"math"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/tx"
)

// Limits on what is kept for others, in bytes. Anyone in earshot can make any number of persons, so
// all strangers have one pool together. Within a pool nobody may hold more than they leave free: of
// k that take what they can get, each ends with 1/(k+1) of it, and there is room for one more. Of
// strangers "nobody" is a link address, of others it is a person.
const (
	// StrangersBudget is what all strangers have together, for all that is kept of them.
	StrangersBudget = 16 << 20
	// StrangersReserve is the part of it that is only for the first NewcomerBudget bytes of each
	// person, so that those who come late find room for a first message.
	StrangersReserve = StrangersBudget / 4
	// NewcomerBudget has room for a card, a log and a message of some pages. With more of it, a flood
	// of few long messages would take the reserve from everybody behind its address.
	NewcomerBudget = 16 << 10
	// StrangerBudget is for one stranger.
	StrangerBudget = 1 << 20

	// GroupBudget is what all members of a group who are no contacts have there together: enough for
	// two thousand of them, each of whom writes a thousand messages.
	GroupBudget = 1 << 30
	// FellowBudget is for one of them: enough for years of what people write. It is also what a flood
	// may cost until its author is removed.
	FellowBudget = 64 << 20
	// FellowsBudget is for the cards of all such members, and what they write to the owner alone.
	FellowsBudget = 256 << 20
	// LoneFellowBudget is for one of them.
	LoneFellowBudget = 16 << 20

	// ContactBudget is for one contact, who may not hold more than is free on the disk either. A
	// program that writes a line each second takes about two months for it.
	ContactBudget = 4 << 30

	recordsBudget = 1 << 20 // records of unknown kinds, of everybody

	// costPerson, costRecord and costRequest are what each takes beside the bytes that were sent:
	// indexes, and pages that are not full.
	costPerson  = 1024
	costRecord  = 256
	costRequest = 256

	// maxPlaces bounds by how many addresses the part of one stranger is counted. What comes by
	// further ones counts towards the first of these.
	maxPlaces = 8
)

// The keys of bucketBudgets begin with one of these.
const (
	budgetRecords   = 'r' // nothing follows: records of unknown kinds
	budgetStrangers = 's' // nothing follows: all strangers
	budgetAddress   = 'a' // an address: what strangers hold who came by it
	budgetHolder    = 'h' // an address and a stranger who has a part there
	budgetStranger  = 'p' // a stranger: a stranger's account
	budgetFellow    = 'f' // a person and a group: what a member holds there, with group 0 elsewhere
	budgetGroup     = 'g' // a group: what all such members hold there, with group 0 elsewhere
	budgetContact   = 'c' // a person: what a contact holds, or somebody who is blocked
)

// address is the address of a link, hidden: who was where is nobody's business who finds the disk.
type address [8]byte

// address hides the name of a link address, which may be empty.
func (k *Book) address(name string) (a address) {
	h := hmac.New(sha256.New, k.cfg.Mask[:])
	h.Write([]byte("address\x00" + name))
	copy(a[:], h.Sum(nil))
	return a
}

// Payer says whose budget something counts towards.
type Payer struct {
	Person  crypto.PersonID
	Address string // of the link by which it came; empty: not known. Only for strangers
	Group   uint32 // number of the group's conversation in which it is; 0: it is in none
}

// standing says which of the pools somebody has a part of.
type standing byte

const (
	ofStrangers standing = iota
	ofFellows
	ofContacts
)

// standing returns in which pool something counts of somebody, nil if nothing is kept of them. What
// is left of somebody blocked is what the owner has decided, so strangers have no use of it.
func (p *Person) standing(group uint32) standing {
	switch {
	case p == nil && group == 0:
		return ofStrangers
	case p != nil && (p.Contact || p.Blocked && group == 0):
		return ofContacts
	case group != 0 || p.Member:
		return ofFellows
	}
	return ofStrangers
}

// Charge counts bytes that are stored for somebody. It fails with ErrBudget, and counts nothing,
// where their budget does not suffice.
func (k *Book) Charge(b *tx.Batch, by Payer, n uint64) error {
	if by.Person == k.owner || n == 0 {
		return nil
	}
	p, err := k.person(&b.Reader, by.Person)
	if err != nil {
		return err
	}
	return k.charge(b, p.standing(by.Group), by, n, true)
}

// Refund takes back what Charge has counted, wherever it counts now.
func (k *Book) Refund(b *tx.Batch, by Payer, n uint64) error {
	if by.Person == k.owner || n == 0 {
		return nil
	}
	p, err := k.person(&b.Reader, by.Person)
	if err != nil {
		return err
	}
	return k.refund(b, p.standing(by.Group), by, n)
}

// refund is Refund for somebody who has a standing. It looks in the other pools for what is not in
// theirs: who was a contact, or blocked, keeps counting there.
func (k *Book) refund(b *tx.Batch, s standing, by Payer, n uint64) error {
	for _, s := range []standing{s, ofContacts, ofFellows, ofStrangers} {
		taken, err := k.take(b, s, by, n)
		if err != nil {
			return err
		}
		n -= taken
	}
	return nil
}

// Held returns how many bytes count of somebody, wherever.
func (k *Book) Held(r *tx.Reader, id crypto.PersonID) (uint64, error) {
	a, err := readAccount(r, id)
	n := a.held() + number(r.Get(bucketBudgets, contactKey(id)))
	for _, v := range r.Prefix(bucketBudgets, append([]byte{budgetFellow}, id[:]...)) {
		n += number(v)
	}
	return n, err
}

// charge is Charge for somebody who has a standing. What must be kept, since the owner wants it or
// it was kept before, is not checked.
func (k *Book) charge(b *tx.Batch, s standing, by Payer, n uint64, check bool) error {
	if n == 0 {
		return nil
	}
	if check && s != ofStrangers && !k.fits(&b.Reader, s, by, n) {
		return ErrBudget
	}
	switch s {
	case ofContacts:
		raise(b, contactKey(by.Person), n)
	case ofFellows:
		raise(b, fellowKey(by.Person, by.Group), n)
		raise(b, groupKey(by.Group), n)
	default:
		return k.chargeStranger(b, by, n, check)
	}
	return nil
}

// fits says whether somebody who is no stranger may have so many bytes more.
func (k *Book) fits(r *tx.Reader, s standing, by Payer, n uint64) bool {
	if s == ofContacts {
		held := number(r.Get(bucketBudgets, contactKey(by.Person))) + n
		free, known := k.cfg.Free()
		return held <= ContactBudget && (!known || held <= free-min(free, n))
	}
	all, each := uint64(GroupBudget), uint64(FellowBudget)
	if by.Group == 0 {
		all, each = FellowsBudget, LoneFellowBudget
	}
	held := number(r.Get(bucketBudgets, fellowKey(by.Person, by.Group))) + n
	total := number(r.Get(bucketBudgets, groupKey(by.Group))) + n
	return held <= each && total <= all && held <= all-total
}

// Fits says whether Charge would count so many bytes of somebody, and whether they are a stranger: of
// strangers it is not said.
func (k *Book) Fits(r *tx.Reader, by Payer, n uint64) (fits, stranger bool, err error) {
	p, err := k.person(r, by.Person)
	if err != nil {
		return false, false, err
	}
	if s := p.standing(by.Group); s != ofStrangers {
		return k.fits(r, s, by, n), false, nil
	}
	return false, true, nil
}

// take takes back up to n bytes of what counts of somebody in a pool, and returns how many.
func (k *Book) take(b *tx.Batch, s standing, by Payer, n uint64) (uint64, error) {
	switch s {
	case ofContacts:
		return lessen(b, contactKey(by.Person), n), nil
	case ofFellows:
		n = lessen(b, fellowKey(by.Person, by.Group), n)
		return lessen(b, groupKey(by.Group), n), nil
	}
	a, err := readAccount(&b.Reader, by.Person)
	if n = min(n, a.held()); err != nil || n == 0 {
		return 0, err
	}
	a.take(b, k.address(by.Address), n)
	return n, nil
}

// chargeStranger is charge for a stranger.
func (k *Book) chargeStranger(b *tx.Batch, by Payer, n uint64, check bool) error {
	a, err := readAccount(&b.Reader, by.Person)
	if err != nil {
		return err
	}
	part := a.at(k.address(by.Address), by.Address == "")
	held, total := a.held()+n, number(b.Get(bucketBudgets, []byte{budgetStrangers}))+n
	there := number(b.Get(bucketBudgets, addressKey(part.address))) + n
	pool := uint64(StrangersBudget)
	if held > NewcomerBudget {
		pool -= StrangersReserve
	}
	if check && (held > StrangerBudget || total > pool || there > pool-total) {
		return ErrBudget
	}
	part.bytes += n
	a.last = uint64(k.cfg.Now().UnixMilli())
	a.write(b)
	putNumber(b, addressKey(part.address), there)
	putNumber(b, []byte{budgetStrangers}, total)
	return nil
}

// promote has all that counts of somebody count towards the pool that they belong to now, if that is
// a better one. What once counted as a contact's goes on to: strangers have not chosen it.
func (k *Book) promote(b *tx.Batch, old, p *Person) error {
	was, is := old.standing(0), p.standing(0)
	for s := was; s < is; s++ {
		if err := k.move(b, s, is, Payer{Person: p.ID}); err != nil {
			return err
		}
	}
	if !p.Contact || old.Contact {
		return nil
	}
	keys, _ := b.Copy(bucketBudgets, append([]byte{budgetFellow}, p.ID[:]...))
	for _, key := range keys {
		group := binary.BigEndian.Uint32(key[1+len(p.ID):])
		if err := k.move(b, ofFellows, ofContacts, Payer{Person: p.ID, Group: group}); err != nil {
			return err
		}
	}
	return nil
}

// move moves all that counts of somebody from one pool to another.
func (k *Book) move(b *tx.Batch, from, to standing, by Payer) error {
	n, err := k.take(b, from, by, math.MaxUint64)
	if err != nil || n == 0 {
		return err
	}
	return k.charge(b, to, by, n, false)
}

// spendRecord counts how a record of an unknown kind has grown, in bytes. One that shrinks is never
// refused.
func spendRecord(b *tx.Batch, old, now int) error {
	key := []byte{budgetRecords}
	n := number(b.Get(bucketBudgets, key)) + uint64(now) - uint64(old)
	if now > old && n > recordsBudget {
		return ErrBudget
	}
	putNumber(b, key, n)
	return nil
}

func contactKey(p crypto.PersonID) []byte { return append([]byte{budgetContact}, p[:]...) }

func fellowKey(p crypto.PersonID, group uint32) []byte {
	return binary.BigEndian.AppendUint32(append([]byte{budgetFellow}, p[:]...), group)
}

func groupKey(group uint32) []byte { return binary.BigEndian.AppendUint32([]byte{budgetGroup}, group) }

func addressKey(a address) []byte { return append([]byte{budgetAddress}, a[:]...) }

func strangerKey(p crypto.PersonID) []byte { return append([]byte{budgetStranger}, p[:]...) }

func holderKey(a address, p crypto.PersonID) []byte {
	return append(append([]byte{budgetHolder}, a[:]...), p[:]...)
}

// putNumber keeps a number. There is no row for 0, so that nothing is left of whoever gives back.
func putNumber(b *tx.Batch, key []byte, n uint64) {
	if n > 0 {
		b.Put(bucketBudgets, key, u64(n))
	} else if b.Get(bucketBudgets, key) != nil {
		b.Delete(bucketBudgets, key)
	}
}

// raise adds n to a number.
func raise(b *tx.Batch, key []byte, n uint64) { putNumber(b, key, number(b.Get(bucketBudgets, key))+n) }

// lessen takes up to n from a number, and returns how much that is.
func lessen(b *tx.Batch, key []byte, n uint64) uint64 {
	held := number(b.Get(bucketBudgets, key))
	n = min(n, held)
	putNumber(b, key, held-n)
	return n
}
