package files

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/event"
	"github.com/earshot-im/earshot/store/shelf"
)

// refs returns an attachment of a message, from 1, or all of them if n is 0, as they are now on the disk.
func (r *Room) refs(message event.ID, n int) ([]store.FileRef, error) {
	refs, err := r.cfg.Store.Files(message)
	switch {
	case errors.Is(err, store.ErrNoEvent):
		return nil, ErrNoMessage
	case err != nil:
		return nil, err
	case n < 0 || n > len(refs) || len(refs) == 0:
		return nil, ErrNoFile
	case n > 0:
		refs = refs[n-1 : n]
	}
	return refs, nil
}

// decide decides about attachments of a message, and returns what they are then when that is on the disk.
// f is called by the loop, with what is true at that moment.
func (r *Room) decide(ctx context.Context, message event.ID, n int, f func(*store.FileRef, time.Time) (store.FileStatus, error)) ([]Attachment, error) {
	var failed error
	var ending []<-chan struct{} // what was being written and is not wanted any more
	written := make(chan error, event.MaxAttachments)
	waits := 0
	if err := r.ask(ctx, func(now time.Time) {
		refs, err := r.refs(message, n)
		if failed = err; err != nil {
			return
		}
		for i := range refs {
			ref := &refs[i]
			if status, noted := r.notes.status(keyOf(ref)); noted {
				ref.FileStatus = status
			}
			was := ref.FileStatus
			to, err := f(ref, now)
			if err != nil {
				failed = err
				return
			}
			if to == was {
				continue
			}
			waits++
			j := r.jobs[ref.Blob]
			if to.State == store.FileFetching && j != nil {
				r.askAgain(j)
			}
			if r.set(ref, to, now, func(err error) { written <- err }); j != nil && j.run != nil && r.jobs[ref.Blob] != j {
				ending = append(ending, j.run.ended)
			}
		}
	}); err != nil {
		return nil, err
	}
	for range waits {
		select {
		case err := <-written:
			failed = errors.Join(failed, err)
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-r.ended:
			return nil, errEnded
		}
	}
	for _, ended := range ending {
		select {
		case <-ended:
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-r.ended:
			return nil, errEnded
		}
	}
	if failed != nil {
		return nil, failed
	}
	return r.Attachments(message, n)
}

// askAgain has everybody be asked anew for what nobody had: by now somebody may have it.
func (r *Room) askAgain(j *job) {
	if !j.lacking() {
		return
	}
	if r.queue.Wake(j.id); j.run != nil {
		r.stop(j.run) // another run begins when it has ended
	}
}

// accept is what becomes of an attachment that the owner wants.
func (r *Room) accept(f *store.FileRef) (store.FileStatus, error) {
	if f.Own {
		return f.FileStatus, ErrNotYours
	}
	if f.State == store.FileHeld {
		if here, err := r.here(&f.Attachment); err != nil || here.Sealed || here.Saved {
			return f.FileStatus, err
		} // else the owner has deleted or changed what was saved
	}
	if most := r.cfg.Filing().Max; most > 0 && f.Size > most {
		return f.FileStatus, ErrTooLarge
	}
	return store.FileStatus{State: store.FileFetching, Asked: true}, nil
}

// Accept has attachments fetched, or fetched again that were paused, declined or dropped, or that are not any more
// where they were saved. With n 0 all of the message are meant, as in the methods below. Errors: ErrNoMessage,
// ErrNoFile, ErrNotYours, ErrTooLarge.
func (r *Room) Accept(ctx context.Context, message event.ID, n int) ([]Attachment, error) {
	return r.decide(ctx, message, n, func(f *store.FileRef, _ time.Time) (store.FileStatus, error) { return r.accept(f) })
}

// Decline says that the owner doesn't want them; their sender is told. Errors as of Accept.
func (r *Room) Decline(ctx context.Context, message event.ID, n int) ([]Attachment, error) {
	out, err := r.decide(ctx, message, n, theirs(func(f *store.FileRef) store.FileStatus {
		if f.State == store.FileHeld {
			return f.FileStatus
		}
		return store.FileStatus{State: store.FileDeclined}
	}))
	if err == nil {
		err = r.putAway(ctx, message, n)
	}
	return out, err
}

// Pause holds them up until Accept.
func (r *Room) Pause(ctx context.Context, message event.ID, n int) ([]Attachment, error) {
	return r.decide(ctx, message, n, theirs(func(f *store.FileRef) store.FileStatus {
		if f.State != store.FileFetching && f.State != store.FilePaused {
			return f.FileStatus
		}
		return store.FileStatus{State: store.FilePaused, Reason: store.FileByOwner, Asked: f.Asked}
	}))
}

// Cancel ends fetching them, and puts away what has come: they are offered as before.
func (r *Room) Cancel(ctx context.Context, message event.ID, n int) ([]Attachment, error) {
	out, err := r.decide(ctx, message, n, theirs(func(f *store.FileRef) store.FileStatus {
		if f.State != store.FileFetching && f.State != store.FilePaused {
			return f.FileStatus
		}
		return store.FileStatus{State: store.FileOffered, ByHand: true}
	}))
	if err == nil {
		err = r.putAway(ctx, message, n)
	}
	return out, err
}

// theirs is for what is only done to attachments of others.
func theirs(f func(*store.FileRef) store.FileStatus) func(*store.FileRef, time.Time) (store.FileStatus, error) {
	return func(ref *store.FileRef, _ time.Time) (store.FileStatus, error) {
		if ref.Own {
			return ref.FileStatus, ErrNotYours
		}
		return f(ref), nil
	}
}

// Drop deletes the copies that are kept here, of others' or of the owner's own. What was saved stays.
func (r *Room) Drop(ctx context.Context, message event.ID, n int) ([]Attachment, error) {
	out, err := r.decide(ctx, message, n, func(f *store.FileRef, _ time.Time) (store.FileStatus, error) {
		switch f.State {
		case store.FileHeld, store.FileKept, store.FileInPlace:
			return store.FileStatus{State: store.FileGone}, nil
		case store.FileFetching, store.FilePaused:
			return store.FileStatus{State: store.FileOffered, ByHand: true}, nil
		}
		return f.FileStatus, nil
	})
	if err == nil {
		err = r.putAway(ctx, message, n)
	}
	return out, err
}

// putAway gives up what is here of attachments, unless another message needs it.
func (r *Room) putAway(ctx context.Context, message event.ID, n int) error {
	refs, err := r.refs(message, n)
	if err != nil {
		return err
	}
	for i := range refs {
		if err := r.empty(ctx, &refs[i]); err != nil {
			return err
		}
	}
	return r.ask(ctx, r.tidy)
}

// empty gives up what is here of an attachment that no message needs.
func (r *Room) empty(ctx context.Context, f *store.FileRef) error {
	needed, err := r.cfg.Store.FilesWith(f.Blob, 1, func(f *store.FileRef) bool { return needs(f.State) })
	if err != nil || len(needed) > 0 {
		return err
	}
	b, err := r.cfg.Store.Shelf().Open(f.Of())
	if errors.Is(err, shelf.ErrNoBlob) {
		return nil
	}
	if err != nil {
		return err
	}
	defer b.Close()
	info := b.Info()
	if info.Partial != nil || len(info.Places) > 0 && f.Own {
		return b.Delete(ctx) // with what is unfinished, or that the original is here
	}
	return b.Empty(ctx, func(i *shelf.Info) {
		i.Due = time.Time{}
		i.Places = slices.DeleteFunc(i.Places, func(p shelf.Place) bool { return !p.Whole }) // nor is it to be saved
	})
}

// origin says from whom what a job fetches is.
func (r *Room) origin(j *job) string {
	var author crypto.PersonID
	for _, f := range j.refs {
		author = f.Author
		break
	}
	return "earshot:" + author.String()
}
