package store

import (
	"context"
	"fmt"

	"go.etcd.io/bbolt"
)

const (
	// mailbox bounds what waits for the writer, and with it a transaction. When it
	// is full, methods that write wait for room.
	mailbox = 1024
)

// op is one wish of a caller. run may be called several times, each time in a new
// transaction; the last one counts.
type op struct {
	run  func(*batch) error
	done chan error // room for one
}

// do has the writer run f in a transaction, with whatever else waits, and returns
// when that is on the disk. If f fails, nothing that it did remains.
func (s *Store) do(ctx context.Context, f func(*batch) error) error {
	o, err := s.submit(ctx, f)
	if err != nil {
		return err
	}
	return s.wait(o)
}

// submit hands f to the writer, after whatever the caller has submitted before, and leaves the waiting to wait.
func (s *Store) submit(ctx context.Context, f func(*batch) error) (*op, error) {
	o := &op{run: f, done: make(chan error, 1)}
	select {
	case s.mail <- o:
		return o, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-s.stopped:
		return nil, ErrClosed
	}
}

// wait returns when what was submitted is on the disk. It does not give up before: the writer may be writing what the
// caller would read, and is done within a commit.
func (s *Store) wait(o *op) error {
	select {
	case err := <-o.done:
		return err
	case <-s.stopped:
		select {
		case err := <-o.done:
			return err
		default:
			return ErrClosed
		}
	}
}

// gather takes first and whatever else waits now.
func (s *Store) gather(first *op) []*op {
	group := []*op{first}
	for len(group) < mailbox {
		select {
		case o := <-s.mail:
			group = append(group, o)
		default:
			return group
		}
	}
	return group
}

// commit runs the group in one transaction and answers everyone in it. An op that
// fails after it has written takes the transaction down; the others run again
// without it.
func (s *Store) commit(group []*op) {
	for len(group) > 0 {
		var rest []*op
		var change Change
		err := s.disk.Write(func(tx *bbolt.Tx) (err error) {
			rest, change, err = s.try(tx, group)
			return err
		})
		if err != nil {
			s.fresh, s.waking = nil, waking{}
			s.cfg.Log.Error("store: commit", "err", err)
			for _, o := range group {
				o.done <- err
			}
			return
		}
		if rest == nil {
			if change.N != 0 && s.cfg.Changed != nil {
				s.cfg.Changed(change)
			}
			return
		}
		s.fresh = nil // as of a transaction that was rolled back
		group = rest
	}
}

// try runs the group once, and commits. It returns those that are to run again, if the
// transaction had to go.
func (s *Store) try(tx *bbolt.Tx, group []*op) (rest []*op, change Change, err error) {
	b := s.newBatch(tx)
	answers := make([]error, len(group))
	for i, o := range group {
		before := b.writes
		answers[i] = o.run(b)
		if b.err != nil {
			return nil, Change{}, b.err
		}
		if answers[i] != nil && b.writes != before {
			o.done <- answers[i]
			return append(append(make([]*op, 0, len(group)), group[:i]...), group[i+1:]...), Change{}, nil
		}
	}
	if b.writes > 0 {
		if err := b.finish(); err != nil {
			return nil, Change{}, err
		}
		if change, err = b.changed(); err != nil {
			return nil, Change{}, err
		}
		if err := tx.Commit(); err != nil {
			return nil, Change{}, fmt.Errorf("commit: %w", err)
		}
		s.last.Store(change.N)
	}
	s.waking = b.waking
	for i, o := range group {
		o.done <- answers[i]
	}
	return nil, change, nil
}
