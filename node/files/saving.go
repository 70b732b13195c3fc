package files

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/earshot-im/earshot/node/files/place"
	"github.com/earshot-im/earshot/node/files/tree"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/blob"
	"github.com/earshot-im/earshot/store/event"
	"github.com/earshot-im/earshot/store/shelf"
)

// Save writes attachments to a folder of the owner's, the usual one if to is empty, and accepts those that
// aren't held yet. It returns at once: Transfers tells when they are saved, and where. With n 0 all
// attachments of the message are meant. Errors: those of Accept, but ErrNotYours, and ErrNoFolder and ErrNoRoom.
func (r *Room) Save(ctx context.Context, message event.ID, n int, to string) ([]Attachment, error) {
	if to == "" {
		if to = r.cfg.Filing().Dir; os.MkdirAll(to, 0o755) != nil {
			return nil, ErrNoFolder
		}
	}
	if info, err := os.Stat(to); err != nil || !info.IsDir() || !filepath.IsAbs(to) {
		return nil, ErrNoFolder
	}
	to = filepath.Clean(to)
	refs, err := r.refs(message, n)
	if err != nil {
		return nil, err
	}
	for i := range refs {
		if err := r.savable(&refs[i]); err != nil {
			return nil, err
		}
	}
	for i := range refs {
		if err := r.wish(ctx, &refs[i], to); err != nil {
			return nil, err
		}
	}
	return r.decide(ctx, message, n, func(f *store.FileRef, now time.Time) (store.FileStatus, error) {
		to := f.FileStatus
		switch f.State {
		case store.FileKept, store.FileInPlace:
		default:
			if err := r.savable(f); err != nil {
				return to, err
			}
			var err error
			if to, err = r.accept(f); err != nil || to.State != store.FileHeld {
				return to, err
			}
		}
		r.save(*f, now)
		return to, nil
	})
}

// savable says why an attachment can't be saved.
func (r *Room) savable(f *store.FileRef) error {
	switch f.State {
	case store.FileHeld, store.FileKept, store.FileInPlace:
		return nil
	}
	if f.Own {
		return fmt.Errorf("%w: that is your own, and its copy went when everybody had it, or by time", ErrGone)
	}
	_, err := r.accept(f)
	return err
}

// wish writes down that an attachment is to be saved in a folder, where it isn't there already.
func (r *Room) wish(ctx context.Context, f *store.FileRef, to string) error {
	b, err := r.cfg.Store.Shelf().Make(f.Of())
	if err != nil {
		return err
	}
	defer b.Close()
	info := b.Info()
	if place.SavedIn(&info, to) {
		return nil
	}
	if !r.places.Writing(b.ID()) && r.space.Free(to) < f.Size {
		return ErrNoRoom
	}
	return b.Commit(ctx, func(i *shelf.Info) {
		if !place.SavedIn(i, to) {
			place.Add(i, shelf.Place{Path: to}, to)
		}
	})
}

// saving is an attachment that is being saved.
type saving struct {
	store.FileRef
	again bool // it was asked for meanwhile
}

// saveAgain goes on with what was being saved when the node ended.
func (r *Room) saveAgain() {
	r.do(func() func(time.Time) {
		var wanted []store.BlobID
		var after shelf.ID
		for {
			page, err := r.cfg.Store.Shelf().List(after, pageOfRefs)
			if err != nil {
				r.cfg.Log.Warn("read which files are to be saved", "err", err)
			}
			for i := range page {
				if slices.ContainsFunc(page[i].Places, func(p shelf.Place) bool { return !p.Whole }) {
					wanted = append(wanted, store.BlobID(page[i].ID))
				}
			}
			if len(page) < pageOfRefs || r.ctx.Err() != nil {
				break
			}
			after = page[len(page)-1].ID
		}
		return func(now time.Time) {
			for _, id := range wanted {
				refs, err := r.cfg.Store.FilesWith(id, 1, func(f *store.FileRef) bool {
					return f.State == store.FileHeld || f.State == store.FileKept || f.State == store.FileInPlace
				})
				if err != nil {
					r.cfg.Log.Warn("read which files are to be saved", "err", err)
				}
				if len(refs) > 0 { // else it is saved when it has come
					r.save(refs[0], now)
				}
			}
		}
	})
}

// save writes an attachment that is here to the folders where the owner wants it.
func (r *Room) save(f store.FileRef, now time.Time) {
	if being := r.saving[f.Blob]; being != nil {
		being.again = true // it may have looked for the last time
		return
	}
	being := &saving{FileRef: f}
	r.saving[f.Blob] = being
	r.unsaved.Delete(f.Blob)
	origin := "earshot:" + f.Author.String()
	r.busy(func() func(time.Time) {
		err := r.saveAll(&f, origin)
		return func(now time.Time) {
			delete(r.saving, f.Blob)
			if err != nil && r.ctx.Err() == nil {
				r.cfg.Log.Warn("save a file", "event", f.Message, "err", err)
				r.unsaved.Store(f.Blob, whyUnsaved(err))
			}
			if being.again {
				r.save(f, now)
			}
			r.moved.Bump()
		}
	})
}

// whyUnsaved is what the owner is told of a failure.
func whyUnsaved(err error) string {
	switch {
	case errors.Is(err, place.ErrRefused):
		return ReasonRefused
	case errors.Is(store.AsFull(err), store.ErrFull):
		return ReasonNoRoom
	case errors.Is(err, shelf.ErrNotHeld), errors.Is(err, tree.ErrChanged):
		return ReasonDamaged
	}
	return ReasonNoFolder
}

// saveAll writes it to each folder, one after the other.
func (r *Room) saveAll(f *store.FileRef, origin string) error {
	c, err := r.places.Open(f.Of())
	if err != nil {
		return err
	}
	defer c.Close()
	for {
		info := c.Info()
		i := slices.IndexFunc(info.Places, func(p shelf.Place) bool { return !p.Whole })
		if i < 0 {
			return nil
		}
		folder := info.Places[i].Path
		if err := r.saveTo(c, folder, f.Name, origin); err != nil {
			if r.ctx.Err() != nil {
				return err // it goes on when the node starts again
			}
			if p := c.Info().Partial; p != nil && c.Writing() == nil { // soon nobody knows of it any more
				err = errors.Join(err, discard(p.Folder, p.Part))
			}
			drop := c.Commit(r.ctx, func(i *shelf.Info) {
				i.Places = slices.DeleteFunc(i.Places, func(p shelf.Place) bool { return !p.Whole && p.Path == folder })
				i.Partial = nil
			})
			return errors.Join(err, drop)
		}
	}
}

// saveTo writes a content that is here to a folder.
func (r *Room) saveTo(c *place.Content, folder, name, origin string) error {
	b, err := r.cfg.Store.Shelf().Open(c.Info().Of)
	if err != nil {
		return err
	}
	s, err := place.OpenSaved(r.ctx, b, folder, name)
	if err != nil {
		b.Close()
		return err
	}
	defer s.Close()
	room, err := r.space.Take(folder, c.Shape.Size-s.Here())
	if err != nil {
		return err
	}
	defer room.End()
	buffer := blob.NewBuffer()
	defer buffer.Free()
	for i := range c.Shape.Chunks() {
		if s.Has(i) {
			continue
		}
		if err := r.ctx.Err(); err != nil {
			return err
		}
		chunk, err := c.Chunk(i, buffer)
		if err != nil {
			return fmt.Errorf("%w: %w", shelf.ErrNotHeld, err)
		}
		if err := s.Copy(i, chunk); err != nil {
			return err
		}
		room.Wrote(uint64(len(chunk)))
	}
	return s.Finish(r.ctx, origin)
}

// discard removes something unfinished.
func discard(folder, part string) error {
	to, err := tree.OpenDestination(folder)
	if err != nil {
		return err
	}
	return errors.Join(to.Discard(part), to.Close())
}

// tidy removes what forgotten attachments have left unfinished in folders of the owner's.
func (r *Room) tidy(time.Time) {
	r.do(func() func(time.Time) {
		left, err := r.cfg.Store.Shelf().Leftovers()
		for _, one := range left {
			err = discard(one.Folder, one.Part)
			if err == nil || errors.Is(err, os.ErrNotExist) || errors.Is(err, tree.ErrForeign) {
				err = r.cfg.Store.Shelf().Removed(r.ctx, one)
			}
		}
		if err != nil && r.ctx.Err() == nil {
			r.cfg.Log.Warn("remove what is left of files", "err", err)
		}
		return nil
	})
}
