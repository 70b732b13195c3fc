package book

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/disk"
	"github.com/earshot-im/earshot/store/event"
	"github.com/earshot-im/earshot/store/tx"
)

const (
	// MaxRequests is how many requests may wait: still few enough to look through, and more than the
	// addresses that a flood is likely to have. Whoever asks by one more address than these finds a
	// place. Their bytes are charged to what strangers may store.
	MaxRequests = 256
	// maxRequest bounds what a request keeps, in bytes, as it came. Each of the events of a run may
	// have a recall with it.
	maxRequest = event.MaxOpeningSent + 2*event.MaxOpeningEvents*event.Around

	requestFixed = 8 + len(address{}) // when it was received, and by which address
)

// Request is what somebody who is not served wants: to write to the owner or, with a Group, to have
// them in that group.
type Request struct {
	Person   crypto.PersonID
	Group    event.Conversation // zero: none
	Received time.Time          // the first one, by this store's clock
	Run      []byte             // what they have sent, as it came
}

// key is the key of a request.
func (q *Request) key() []byte {
	if q.Group == (event.Conversation{}) {
		return q.Person[:]
	}
	return append(q.Person[:], q.Group[:]...)
}

func requestAAD(key []byte) []byte { return append([]byte("request"), key...) }

// PutRequest keeps a request until it is taken. A later one of the same person, for the same group
// or none, replaces it. via is the address of the link by which it came.
//
// Nobody was promised that a request stays. So where MaxRequests wait, the latest is thrown out of
// those that came by the address with the most, and persons of whom nothing else is kept go with
// it. ErrBudget: the address of the new one has as many as any, or its person may not have so much.
func (k *Book) PutRequest(ctx context.Context, q Request, via string) error {
	if len(q.Run) > maxRequest {
		return ErrBudget
	}
	key := q.key()
	sealed := k.cfg.Keyring.Seal(q.Run, requestAAD(key))
	return k.do(ctx, func(b *tx.Batch) error {
		received, at, had := k.cfg.Now(), k.address(via), uint64(0)
		switch old, err := k.request(&b.Reader, key); {
		case err == nil && bytes.Equal(old.Run, q.Run):
			return nil
		case err == nil:
			received, had = old.Received, sizeOfRequest(&old)
			at = address(b.Get(bucketRequests, key)[8:])
		case err != ErrNoRequest:
			return err
		default:
			if err := k.makeRoom(b, at); err != nil {
				return err
			}
		}
		by, now := Payer{Person: q.Person, Address: via}, sizeOfRequest(&q)
		if err := k.Refund(b, by, had-min(had, now)); err != nil {
			return err
		}
		if err := k.Charge(b, by, now-min(had, now)); err != nil {
			return err
		}
		v := append(append(u64(uint64(received.UnixMilli())), at[:]...), sealed...)
		b.Put(bucketRequests, key, v)
		k.cfg.Ledger.NotePerson(b, q.Person)
		return nil
	})
}

func sizeOfRequest(q *Request) uint64 { return costRequest + uint64(len(q.Run)) }

// waiting is a request that could be thrown out.
type waiting struct {
	key      []byte
	received uint64
	from     address
}

// MayRequest returns ErrBudget if PutRequest would refuse a request because of its address. So
// whoever floods is refused before anything is written.
func (k *Book) MayRequest(p crypto.PersonID, group event.Conversation, via string) error {
	return k.cfg.DB.View(func(r *tx.Reader) error {
		if r.Get(bucketRequests, (&Request{Person: p, Group: group}).key()) != nil {
			return nil
		}
		_, err := k.inTheWay(r, k.address(via))
		return err
	})
}

// inTheWay returns which request is thrown out so that one by an address has room; nil: none.
func (k *Book) inTheWay(r *tx.Reader, from address) ([]byte, error) {
	var all []waiting
	count := map[address]int{}
	for key, v := range r.Prefix(bucketRequests, nil) {
		if len(v) < requestFixed {
			return nil, disk.Damaged("request of %d bytes", len(v))
		}
		w := waiting{bytes.Clone(key), number(v[:8]), address(v[8:])}
		all = append(all, w)
		count[w.from]++
	}
	if len(all) < MaxRequests {
		return nil, nil
	}
	last := slices.MaxFunc(all, func(x, y waiting) int {
		return cmp.Or(cmp.Compare(count[x.from], count[y.from]), cmp.Compare(x.received, y.received), bytes.Compare(x.key, y.key))
	})
	if count[from]+1 >= count[last.from] {
		return nil, ErrBudget
	}
	return last.key, nil
}

// makeRoom throws a request out if as many wait as may, so that one by an address has room.
func (k *Book) makeRoom(b *tx.Batch, from address) error {
	out, err := k.inTheWay(&b.Reader, from)
	if err != nil || out == nil {
		return err
	}
	if _, err := k.takeRequest(b, out); err != nil {
		return err
	}
	_, err = k.RemoveIdle(b, crypto.PersonID(out))
	return err
}

// request returns the request with a key, or ErrNoRequest.
func (k *Book) request(r *tx.Reader, key []byte) (q Request, err error) {
	v := r.Get(bucketRequests, key)
	if v == nil {
		return q, ErrNoRequest
	}
	q.Person = crypto.PersonID(key)
	switch rest := key[len(q.Person):]; {
	case len(v) < requestFixed, len(rest) != 0 && len(rest) != len(q.Group):
		return q, disk.Damaged("request of %d bytes", len(v))
	default:
		copy(q.Group[:], rest)
	}
	q.Received = time.UnixMilli(int64(number(v[:8])))
	if q.Run, err = k.cfg.Keyring.Open(v[requestFixed:], requestAAD(key)); err != nil {
		return q, disk.Damaged("request: %w", err)
	}
	return q, nil
}

// Requests returns all requests that wait, in the order of the IDs of persons and groups.
func (k *Book) Requests() (out []Request, err error) {
	err = k.cfg.DB.View(func(r *tx.Reader) error {
		for key := range r.Prefix(bucketRequests, nil) {
			if len(key) < len(crypto.PersonID{}) {
				return disk.Damaged("key of a request of %d bytes", len(key))
			}
			request, err := k.request(r, key)
			if err != nil {
				return err
			}
			out = append(out, request)
		}
		return nil
	})
	return out, err
}

// TakeRequest removes the request of somebody, for a group or, with a zero one, for none. It returns
// it, or ErrNoRequest. The caller does first what the request was for, so that nothing is lost if
// the process dies in between.
func (k *Book) TakeRequest(ctx context.Context, p crypto.PersonID, group event.Conversation) (out Request, err error) {
	err = k.do(ctx, func(b *tx.Batch) (err error) {
		out, err = k.takeRequest(b, (&Request{Person: p, Group: group}).key())
		return err
	})
	return out, err
}

// TakeRequests removes all requests of somebody, and reports how many there were.
func (k *Book) TakeRequests(b *tx.Batch, p crypto.PersonID) (n int, err error) {
	keys, _ := b.Copy(bucketRequests, p[:])
	for _, key := range keys {
		if _, err := k.takeRequest(b, key); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// DropRequests removes the requests that came before a time: nobody has answered them.
func (k *Book) DropRequests(ctx context.Context, before time.Time) error {
	all, err := k.Requests()
	if err != nil {
		return err
	}
	all = slices.DeleteFunc(all, func(q Request) bool { return !q.Received.Before(before) })
	if len(all) == 0 {
		return nil
	}
	return k.do(ctx, func(b *tx.Batch) error {
		for i := range all {
			if _, err := k.takeRequest(b, all[i].key()); err != nil && err != ErrNoRequest {
				return err
			}
		}
		return nil
	})
}

// takeRequest removes a request and gives back what it has counted.
func (k *Book) takeRequest(b *tx.Batch, key []byte) (Request, error) {
	q, err := k.request(&b.Reader, key)
	if err != nil {
		return q, err
	}
	b.Delete(bucketRequests, key)
	b.Erase()
	k.cfg.Ledger.NotePerson(b, q.Person)
	return q, k.Refund(b, Payer{Person: q.Person}, sizeOfRequest(&q))
}
