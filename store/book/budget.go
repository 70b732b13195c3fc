package book

import (
	"bytes"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/tx"
)

// Limits on what is kept for persons who are no contacts. Anyone in earshot can make any number of
// persons, so all strangers have one budget together.
const (
	StrangerBudget  = 1 << 20  // bytes of each
	StrangersBudget = 16 << 20 // bytes of all together
	recordsBudget   = 1 << 20  // bytes of records of unknown kinds

	// MemberBudget is for a fellow member of a group who is no contact, in bytes: enough for years
	// of what people write. It is also what a flood may cost until its author is removed.
	MemberBudget = 64 << 20

	// costPerson and costRecord are what a person or a record takes beside the bytes that were
	// sent: indexes, and pages that are not full.
	costPerson = 512
	costRecord = 256
)

// Keys of bucketBudgets that are of no person.
var (
	budgetAll     = crypto.PersonID{}
	budgetRecords = crypto.PersonID(bytes.Repeat([]byte{0xff}, len(crypto.PersonID{})))
)

// Spend counts bytes towards the budget of a stranger and that of all strangers. It fails with
// ErrBudget, and counts nothing, where one of them doesn't suffice.
func (k *Book) Spend(b *tx.Batch, p crypto.PersonID, n uint64) error {
	each, all := number(b.Get(bucketBudgets, p[:]))+n, number(b.Get(bucketBudgets, budgetAll[:]))+n
	if each > StrangerBudget || all > StrangersBudget {
		return ErrBudget
	}
	b.Put(bucketBudgets, p[:], u64(each))
	b.Put(bucketBudgets, budgetAll[:], u64(all))
	return nil
}

// SpendAsMember counts bytes that somebody who is no contact spends in groups. They don't count as
// a stranger's. It fails with ErrBudget, and counts nothing, where MemberBudget doesn't suffice.
func (k *Book) SpendAsMember(b *tx.Batch, p crypto.PersonID, n uint64) error {
	if n += number(b.Get(bucketBudgets, memberKey(p))); n > MemberBudget {
		return ErrBudget
	}
	b.Put(bucketBudgets, memberKey(p), u64(n))
	return nil
}

func memberKey(p crypto.PersonID) []byte { return append([]byte("member"), p[:]...) }

// refund forgets what somebody has spent.
func refund(b *tx.Batch, p crypto.PersonID) {
	b.Delete(bucketBudgets, memberKey(p))
	n := number(b.Get(bucketBudgets, p[:]))
	if n == 0 {
		return
	}
	all := number(b.Get(bucketBudgets, budgetAll[:]))
	b.Delete(bucketBudgets, p[:])
	b.Put(bucketBudgets, budgetAll[:], u64(all-min(all, n)))
}

// spendRecord counts how a record of an unknown kind has grown, in bytes. One that shrinks is never
// refused.
func spendRecord(b *tx.Batch, old, now int) error {
	n := number(b.Get(bucketBudgets, budgetRecords[:])) + uint64(now) - uint64(old)
	if now > old && n > recordsBudget {
		return ErrBudget
	}
	b.Put(bucketBudgets, budgetRecords[:], u64(n))
	return nil
}
