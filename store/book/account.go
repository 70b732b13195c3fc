package book

import (
	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/disk"
	"github.com/earshot-im/earshot/store/tx"
)

// account is what counts of a stranger.
type account struct {
	person crypto.PersonID
	last   uint64 // when something was counted last, in ms since 1970
	parts  []part
}

// part is what of it has come by one address.
type part struct {
	address address
	bytes   uint64
}

const partSize = len(address{}) + 8

func readAccount(r *tx.Reader, id crypto.PersonID) (a account, err error) {
	a.person = id
	v := r.Get(bucketBudgets, strangerKey(id))
	if v == nil {
		return a, nil
	}
	return parseAccount(id, v)
}

func parseAccount(id crypto.PersonID, v []byte) (a account, err error) {
	a.person = id
	if len(v) < 8 || (len(v)-8)%partSize != 0 {
		return a, disk.Damaged("account of %d bytes", len(v))
	}
	a.last = number(v[:8])
	for v = v[8:]; len(v) > 0; v = v[partSize:] {
		a.parts = append(a.parts, part{address(v), number(v[len(address{}):partSize])})
	}
	return a, nil
}

func (a *account) write(b *tx.Batch) {
	v := u64(a.last)
	for _, p := range a.parts {
		v = append(append(v, p.address[:]...), u64(p.bytes)...)
		if key := holderKey(p.address, a.person); b.Get(bucketBudgets, key) == nil {
			b.Put(bucketBudgets, key, []byte{})
		}
	}
	if len(a.parts) > 0 {
		b.Put(bucketBudgets, strangerKey(a.person), v)
	} else {
		b.Delete(bucketBudgets, strangerKey(a.person))
	}
}

// held returns how much it is in all.
func (a *account) held() (n uint64) {
	for _, p := range a.parts {
		n += p.bytes
	}
	return n
}

// at returns the part of an address, which is made if there is room for it. What came by no address
// counts where something counts already.
func (a *account) at(at address, nowhere bool) *part {
	for i := range a.parts {
		if a.parts[i].address == at {
			return &a.parts[i]
		}
	}
	if len(a.parts) == maxPlaces || nowhere && len(a.parts) > 0 {
		return &a.parts[0]
	}
	a.parts = append(a.parts, part{address: at})
	return &a.parts[len(a.parts)-1]
}

// take takes bytes back, first those of one address.
func (a *account) take(b *tx.Batch, first address, n uint64) {
	taken := uint64(0)
	less := func(p *part) {
		m := min(p.bytes, n-taken)
		p.bytes -= m
		taken += m
		lessen(b, addressKey(p.address), m)
	}
	for i := range a.parts {
		if a.parts[i].address == first {
			less(&a.parts[i])
		}
	}
	var left []part
	for i := range a.parts {
		p := &a.parts[i]
		if less(p); p.bytes > 0 {
			left = append(left, *p)
		} else {
			b.Delete(bucketBudgets, holderKey(p.address, a.person))
		}
	}
	lessen(b, []byte{budgetStrangers}, taken)
	a.parts = left
	a.write(b)
}
