package store

import (
	"bytes"
	"context"
	"errors"
	"time"

	"github.com/earshot-im/earshot/crypto"
)

// What is kept for persons who are not contacts. Anyone in earshot can make any
// number of persons, so there is a limit to all of them together.
const (
	StrangerBudget  = 1 << 20  // bytes each
	StrangersBudget = 16 << 20 // bytes together
	RecordsBudget   = 1 << 20  // bytes of records of unknown kinds

	// MemberBudget is for a fellow member of a group who is no contact, in bytes: years of
	// what people write, and what a flood may cost until they are removed.
	MemberBudget = 64 << 20

	// MaxRequests is how many persons may wait to be accepted, each with one run.
	MaxRequests = 64
	// MaxRequest bounds such a run in bytes, as it came: 64 KiB of headers and bodies, and for each of 16 events what
	// goes around it.
	MaxRequest = 64<<10 + 16*128

	// MaxLogs is how many logs one person may have in a conversation, contacts too: what is said of logs, and what receipts
	// list, must not grow as somebody likes. A device begins one when it comes, comes back or was restored, so nobody who
	// does not want to gets near it.
	MaxLogs = 1024

	// What an entry takes beside the bytes that were sent: indexes, and pages that
	// are not full.
	costEvent  = 256
	costPerson = 512

	// costLog is more than a log takes on the disk: it also has a place in every session, and in what is said there.
	costLog = 4 << 10
)

var (
	budgetAll     = crypto.PersonID{}
	budgetRecords = crypto.PersonID(bytes.Repeat([]byte{0xff}, len(crypto.PersonID{})))
)

// spend counts bytes towards a stranger's budget, or fails with ErrBudget.
func (b *batch) spend(p crypto.PersonID, n uint64) error {
	each, all := number(b.Get(bucketBudgets, p[:]))+n, number(b.Get(bucketBudgets, budgetAll[:]))+n
	if each > StrangerBudget || all > StrangersBudget {
		return ErrBudget
	}
	b.Put(bucketBudgets, p[:], u64(each))
	b.Put(bucketBudgets, budgetAll[:], u64(all))
	return nil
}

// mayBegin returns ErrBudget if a person has as many logs in a conversation as anybody may have.
func (b *batch) mayBegin(conversation uint32, author crypto.PersonID) error {
	if b.isOwn(author) {
		return nil
	}
	n := 0
	b.each(bucketAuthors, authorKey(conversation, author), func(_, _ []byte) error { n++; return nil })
	if n >= MaxLogs {
		return ErrBudget
	}
	return nil
}

// charge counts events of somebody who is no contact: those that are new to their log, and the bodies of those that
// came without before.
func (b *batch) charge(in *intake, fresh, filled []int, known bool) error {
	if !in.from.Stranger || b.isOwn(in.from.Author) {
		return nil
	}
	n := uint64(0)
	if !known {
		n = costLog
	}
	for _, i := range fresh {
		n += costEvent + uint64(len(in.events[i].Head)+len(in.events[i].Body))
	}
	for _, i := range filled {
		n += uint64(len(in.events[i].Body))
	}
	if in.from.Member {
		return b.spendMember(in.from.Author, n)
	}
	return b.spend(in.from.Author, n)
}

// memberKey is where what somebody spends in groups is counted, apart from the sum of
// strangers.
func memberKey(p crypto.PersonID) []byte { return append([]byte("member"), p[:]...) }

func (b *batch) spendMember(p crypto.PersonID, n uint64) error {
	if n += number(b.Get(bucketBudgets, memberKey(p))); n > MemberBudget {
		return ErrBudget
	}
	b.Put(bucketBudgets, memberKey(p), u64(n))
	return nil
}

// refund forgets what somebody has spent.
func (b *batch) refund(p crypto.PersonID) {
	b.Delete(bucketBudgets, memberKey(p))
	n := number(b.Get(bucketBudgets, p[:]))
	if n == 0 {
		return
	}
	all := number(b.Get(bucketBudgets, budgetAll[:]))
	b.Delete(bucketBudgets, p[:])
	b.Put(bucketBudgets, budgetAll[:], u64(all-min(all, n)))
}

// spendRecord counts the change of size of a record of an unknown kind.
func (b *batch) spendRecord(old, now int) error {
	n := number(b.Get(bucketBudgets, budgetRecords[:])) + uint64(now) - uint64(old)
	if now > old && n > RecordsBudget {
		return ErrBudget
	}
	b.Put(bucketBudgets, budgetRecords[:], u64(n))
	return nil
}

// Request is what somebody who is not served wants to say.
type Request struct {
	Person   crypto.PersonID
	Received time.Time // of the first
	Run      []byte
}

const requestFixed = 8

func requestAAD(p crypto.PersonID) []byte { return append([]byte("request"), p[:]...) }

// PutRequest keeps the opening run of somebody until it is taken. A later one of
// theirs replaces it. ErrBudget if too many wait or it is too long.
func (s *Store) PutRequest(ctx context.Context, p crypto.PersonID, run []byte) error {
	if len(run) > MaxRequest {
		return ErrBudget
	}
	sealed := s.disk.Keyring.Seal(run, requestAAD(p))
	return s.do(ctx, func(b *batch) error {
		old, received, err := b.request(p)
		switch {
		case err == nil && bytes.Equal(old, run):
			return nil
		case errors.Is(err, ErrNoEvent):
			received = b.now
			n := 0
			b.each(bucketRequests, nil, func(_, _ []byte) error { n++; return nil })
			if n >= MaxRequests {
				return ErrBudget
			}
		case err != nil:
			return err
		}
		b.Put(bucketRequests, p[:], append(u64(uint64(received)), sealed...))
		b.visible = true
		return nil
	})
}

// request returns the run of somebody who waits and since when, or ErrNoEvent.
func (r *reader) request(p crypto.PersonID) (run []byte, received int64, err error) {
	v := r.Get(bucketRequests, p[:])
	if v == nil {
		return nil, 0, ErrNoEvent
	}
	if len(v) < requestFixed {
		return nil, 0, damaged("request of %d bytes", len(v))
	}
	if run, err = r.s.disk.Keyring.Open(v[requestFixed:], requestAAD(p)); err != nil {
		return nil, 0, damaged("request: %w", err)
	}
	return run, int64(number(v[:requestFixed])), nil
}

// Requests returns who waits, in the order of their IDs.
func (s *Store) Requests() ([]Request, error) {
	var out []Request
	err := s.view(func(r *reader) error {
		return r.each(bucketRequests, nil, func(k, _ []byte) error {
			if len(k) != len(crypto.PersonID{}) {
				return damaged("person ID of %d bytes", len(k))
			}
			p := crypto.PersonID(k)
			run, received, err := r.request(p)
			out = append(out, Request{Person: p, Received: time.UnixMilli(received), Run: run})
			return err
		})
	})
	return out, err
}

// TakeRequest removes the request of somebody and returns it; ErrNoEvent if there is
// none. To accept, make them a contact first: nothing is lost if the taker dies.
func (s *Store) TakeRequest(ctx context.Context, p crypto.PersonID) (Request, error) {
	var out Request
	err := s.do(ctx, func(b *batch) error {
		run, received, err := b.request(p)
		if err != nil {
			return err
		}
		out = Request{Person: p, Received: time.UnixMilli(received), Run: run}
		b.Delete(bucketRequests, p[:])
		b.visible = true
		return nil
	})
	return out, err
}
