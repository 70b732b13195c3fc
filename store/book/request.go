package book

import (
	"bytes"
	"context"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/disk"
	"github.com/earshot-im/earshot/store/event"
	"github.com/earshot-im/earshot/store/tx"
)

const (
	// MaxRequests is how many persons may wait to be accepted, each with one run.
	MaxRequests = 64

	// maxRequest bounds such a run in bytes, as it came. Each of its events may have a recall with
	// it.
	maxRequest = event.MaxOpeningSent + 2*event.MaxOpeningEvents*event.Around

	requestFixed = 8 // when it was received
)

// Request is what somebody who is not served wants to say.
type Request struct {
	Person   crypto.PersonID
	Received time.Time // the first one of theirs, by this store's clock
	Run      []byte
}

func requestAAD(p crypto.PersonID) []byte { return append([]byte("request"), p[:]...) }

// PutRequest keeps the opening run of somebody until it is taken. A later one of theirs replaces
// it. ErrBudget if too many persons wait, or the run is too long.
func (k *Book) PutRequest(ctx context.Context, p crypto.PersonID, run []byte) error {
	if len(run) > maxRequest {
		return ErrBudget
	}
	sealed := k.cfg.Keyring.Seal(run, requestAAD(p))
	return k.do(ctx, func(b *tx.Batch) error {
		received := k.cfg.Now()
		switch old, err := k.request(&b.Reader, p); {
		case err == nil && bytes.Equal(old.Run, run):
			return nil
		case err == nil:
			received = old.Received
		case err != ErrNoRequest:
			return err
		case b.Count(bucketRequests, nil) >= MaxRequests:
			return ErrBudget
		}
		b.Put(bucketRequests, p[:], append(u64(uint64(received.UnixMilli())), sealed...))
		k.cfg.Ledger.NotePerson(b, p)
		return nil
	})
}

// request returns the request of somebody, or ErrNoRequest.
func (k *Book) request(r *tx.Reader, p crypto.PersonID) (Request, error) {
	v := r.Get(bucketRequests, p[:])
	if v == nil {
		return Request{}, ErrNoRequest
	}
	if len(v) < requestFixed {
		return Request{}, disk.Damaged("request of %d bytes", len(v))
	}
	run, err := k.cfg.Keyring.Open(v[requestFixed:], requestAAD(p))
	if err != nil {
		return Request{}, disk.Damaged("request: %w", err)
	}
	return Request{Person: p, Received: time.UnixMilli(int64(number(v[:requestFixed]))), Run: run}, nil
}

// Requests returns the requests of all who wait, in the order of their IDs.
func (k *Book) Requests() (out []Request, err error) {
	err = k.cfg.DB.View(func(r *tx.Reader) error {
		for id := range r.Prefix(bucketRequests, nil) {
			if len(id) != len(crypto.PersonID{}) {
				return disk.Damaged("person ID of %d bytes", len(id))
			}
			request, err := k.request(r, crypto.PersonID(id))
			if err != nil {
				return err
			}
			out = append(out, request)
		}
		return nil
	})
	return out, err
}

// TakeRequest removes the request of somebody and returns it, or ErrNoRequest. The caller makes the
// person a contact first, so that nothing is lost if the process dies in between.
func (k *Book) TakeRequest(ctx context.Context, p crypto.PersonID) (out Request, err error) {
	err = k.do(ctx, func(b *tx.Batch) (err error) {
		if out, err = k.request(&b.Reader, p); err != nil {
			return err
		}
		b.Delete(bucketRequests, p[:])
		k.cfg.Ledger.NotePerson(b, p)
		return nil
	})
	return out, err
}
