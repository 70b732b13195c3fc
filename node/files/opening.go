package files

import (
	"github.com/earshot-im/earshot/node/files/place"
	"github.com/earshot-im/earshot/node/files/space"
	"github.com/earshot-im/earshot/store/shelf"
)

// leastDirect is above which size what the owner accepts is written to their folder at once, in bytes.
const leastDirect = 32 << 20

// direct reports whether what the owner accepts is of such a size.
func direct(size uint64) bool { return size > leastDirect }

// folderOf is the folder of the owner's to which something is written as it comes: where some of it is, else where it
// is wanted, else the usual one; "" if it is sealed.
func folderOf(i *shelf.Info, direct bool, usual string) string {
	switch {
	case i.Partial != nil:
		return i.Partial.Folder
	case !direct:
		return ""
	}
	for _, p := range i.Places {
		if !p.Whole {
			return p.Path
		}
	}
	return usual
}

// openTarget opens what an attachment is to be written to: with direct a folder of the owner's. It promises room for
// what is to come.
func (r *Room) openTarget(of shelf.Of, name string, direct bool) (place.Target, *space.Promise, error) {
	b, err := r.cfg.Store.Shelf().Make(of)
	if err != nil {
		return nil, nil, err
	}
	info := b.Info()
	folder := folderOf(&info, direct, r.cfg.Filing().Dir)
	if folder == "" {
		promised, err := r.space.Take(r.cfg.Dir, of.Size-min(of.Size, place.BytesIn(of.Size, &info.Chunks)))
		if err != nil {
			b.Close()
			return nil, nil, err
		}
		return place.Seal(b), promised, nil
	}
	s, err := place.OpenSaved(r.ctx, b, folder, name)
	if err != nil {
		b.Close()
		return nil, nil, err
	}
	promised, err := r.space.Take(s.Folder(), of.Size-s.Here()) // which may be on another disk than the node's
	if err != nil {
		s.Close()
		return nil, nil, err
	}
	r.places.Share(s, func() bool { return r.space.Free(s.Folder(), promised) == 0 })
	return s, promised, nil
}
