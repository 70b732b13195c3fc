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

// Accepted says by which join the owner has accepted to be in a group. It stays as it is whatever
// becomes of whoever wrote the join.
type Accepted struct {
	Group event.Conversation
	Join  crypto.Hash     // the invitation
	By    crypto.PersonID // who wrote it
	Since time.Time       // when that was kept first, by this store's clock
	Void  bool            // the owner was told that the invitation doesn't count
	// Welcome is what has told of the group, as it came, while the group is arriving: the owner is not
	// in it yet by what is here. Then it is nil.
	Welcome []byte
}

const acceptedFixed = 8 + 32 + 32 + 1 // since when, Join, By and Void

func acceptedAAD(group event.Conversation) []byte { return append([]byte("accepted"), group[:]...) }

func pieceAAD(key []byte) []byte { return append([]byte("arriving"), key...) }

// Accept keeps by which join the owner is in a group, or will be, and returns it with its time. The
// request for that is removed. If the group is arriving no more, so are its pieces and all requests for
// it. What is kept of the groups in instead is forgotten.
func (k *Book) Accept(ctx context.Context, a Accepted, instead ...event.Conversation) (Accepted, error) {
	v := append(append(append(make([]byte, 8, acceptedFixed), a.Join[:]...), a.By[:]...), 0)
	if a.Void {
		v[acceptedFixed-1] = 1
	}
	if a.Welcome != nil {
		v = append(v, k.cfg.Keyring.Seal(a.Welcome, acceptedAAD(a.Group))...)
	}
	err := k.do(ctx, func(b *tx.Batch) error {
		k.forgetAccepted(b, instead)
		if a.Welcome == nil {
			forgetPieces(b, a.Group)
			if err := k.takeRequestsFor(b, a.Group); err != nil {
				return err
			}
		}
		since := u64(uint64(k.cfg.Now().UnixMilli()))
		if old := b.Get(bucketAccepted, a.Group[:]); len(old) >= acceptedFixed {
			since = bytes.Clone(old[:8])
		}
		a.Since = time.UnixMilli(int64(number(since)))
		b.Put(bucketAccepted, a.Group[:], append(since, v[8:]...))
		_, err := k.takeRequest(b, (&Request{Person: a.By, Group: a.Group}).key())
		if err == ErrNoRequest {
			err = nil
		}
		return err
	})
	return a, err
}

// DropAccepted forgets groups that have not arrived, and what has come of them.
func (k *Book) DropAccepted(ctx context.Context, groups []event.Conversation) error {
	return k.do(ctx, func(b *tx.Batch) error { k.forgetAccepted(b, groups); return nil })
}

// Waits reports whether somebody's request for a group is kept.
func (k *Book) Waits(p crypto.PersonID, group event.Conversation) (waits bool, err error) {
	err = k.cfg.DB.View(func(r *tx.Reader) error {
		waits = r.Get(bucketRequests, (&Request{Person: p, Group: group}).key()) != nil
		return nil
	})
	return waits, err
}

// takeRequestsFor removes all requests for a group.
func (k *Book) takeRequestsFor(b *tx.Batch, group event.Conversation) error {
	keys, _ := b.Copy(bucketRequests, nil)
	for _, key := range keys {
		if len(key) > len(crypto.PersonID{}) && bytes.HasSuffix(key, group[:]) {
			if _, err := k.takeRequest(b, key); err != nil {
				return err
			}
		}
	}
	return nil
}

func (k *Book) forgetAccepted(b *tx.Batch, groups []event.Conversation) {
	for _, g := range groups {
		b.Delete(bucketAccepted, g[:])
		forgetPieces(b, g)
	}
}

func forgetPieces(b *tx.Batch, group event.Conversation) {
	keys, _ := b.Copy(bucketArriving, group[:])
	for _, key := range keys {
		b.Delete(bucketArriving, key)
		b.Erase()
	}
}

// AllAccepted returns what Accept has kept, in the order of the groups' IDs.
func (k *Book) AllAccepted() (out []Accepted, err error) {
	err = k.cfg.DB.View(func(r *tx.Reader) error {
		for key, v := range r.Prefix(bucketAccepted, nil) {
			if len(key) != 32 || len(v) < acceptedFixed {
				return disk.Damaged("accepted group of %d bytes", len(v))
			}
			a := Accepted{Group: event.Conversation(key), Since: time.UnixMilli(int64(number(v[:8]))),
				Join: crypto.Hash(v[8:40]), By: crypto.PersonID(v[40:72]), Void: v[72] != 0}
			if sealed := v[acceptedFixed:]; len(sealed) > 0 {
				if a.Welcome, err = k.cfg.Keyring.Open(sealed, acceptedAAD(a.Group)); err != nil {
					return disk.Damaged("welcome: %w", err)
				}
			}
			out = append(out, a)
		}
		return nil
	})
	return out, err
}

// PutPieces adds control events to those that have come of a group that is arriving.
func (k *Book) PutPieces(ctx context.Context, group event.Conversation, events []event.Event) error {
	keys, values := make([][]byte, len(events)), make([][]byte, len(events))
	for i := range events {
		keys[i] = append(group[:], events[i].ID[:]...)
		piece := event.Run{Events: events[i : i+1]}
		values[i] = k.cfg.Keyring.Seal(piece.Marshal(), pieceAAD(keys[i]))
	}
	return k.do(ctx, func(b *tx.Batch) error {
		for i, key := range keys {
			b.Put(bucketArriving, key, values[i])
		}
		return nil
	})
}

// Pieces returns what has come of a group that is arriving, in no useful order.
func (k *Book) Pieces(group event.Conversation) (out []event.Event, err error) {
	err = k.cfg.DB.View(func(r *tx.Reader) error {
		for key, v := range r.Prefix(bucketArriving, group[:]) {
			b, err := k.cfg.Keyring.Open(v, pieceAAD(key))
			if err != nil {
				return disk.Damaged("control event of an arriving group: %w", err)
			}
			run, err := event.ParseRun(b)
			if err != nil {
				return disk.Damaged("control event of an arriving group: %w", err)
			}
			out = append(out, run.Events...)
		}
		return nil
	})
	return out, err
}
