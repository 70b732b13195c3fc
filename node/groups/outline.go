package groups

import (
	"math"
	"slices"
	"sort"
	gosync "sync"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/event"
)

const (
	// maxStretches bounds the outline of one log. Nobody learns of so many changes between their
	// messages. A log that has more stretches is looked up in the store each time.
	maxStretches = 1 << 10

	// maxOutlined bounds the stretches of all outlines together, at about 200 bytes each.
	maxOutlined = 1 << 16
)

// outlines remembers which stretches of a log were written under the same control heads. The floor
// of every member follows from these stretches, so the log has to be read from the disk only once
// for all members. A stretch that was written never changes, and a log mostly grows at its end.
type outlines struct {
	store *store.Store

	mu    gosync.Mutex
	of    map[event.Log][]store.Stretch // never changed, but replaced
	count int                           // of stretches
}

func (o *outlines) init(s *store.Store) { o.store, o.of = s, make(map[event.Log][]store.Stretch) }

// get returns the outline of a log of which these segments are held; nil if it is too long to be
// kept.
func (o *outlines) get(log event.Log, segments event.Segments) ([]store.Stretch, error) {
	o.mu.Lock()
	known := o.of[log]
	o.mu.Unlock()
	held, last := segments.Ranges(), uint64(0)
	if n := len(known); n > 0 {
		last = known[n-1].Last
		if !slices.Equal(upTo(covered(known), segments.Last()), upTo(held, last)) { // as when a hole was filled
			known, last = nil, 0
		}
	}
	if last >= segments.Last() && last > 0 {
		return known, nil
	}
	fresh, more, err := o.store.Stretches(log, last+1, maxStretches-len(known))
	if err != nil || more {
		return nil, err
	}
	outline := slices.Clone(known)
	for _, g := range fresh {
		if n := len(outline); n > 0 && outline[n-1].Last == g.First-1 && slices.Equal(outline[n-1].Control, g.Control) {
			outline[n-1].Last, outline[n-1].To = g.Last, g.To
		} else {
			outline = append(outline, g)
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.count += len(outline) - len(o.of[log]); o.count > maxOutlined {
		clear(o.of)
		o.count = len(outline)
	}
	o.of[log] = outline
	return outline, nil
}

func covered(outline []store.Stretch) (r event.Ranges) {
	for _, g := range outline {
		r = r.Add(event.Range{First: g.First, Last: g.Last})
	}
	return r
}

func upTo(r event.Ranges, last uint64) event.Ranges {
	return r.Subtract(event.Ranges{{First: last + 1, Last: math.MaxUint64}})
}

// Floor returns the first sequence of the log that this member may read. Members who join late have
// no right to earlier events. The caller says which segments of the log are held, or nil to have
// that looked up.
func (g *Groups) Floor(log event.Log, segments event.Segments, to crypto.PersonID) (floor uint64, err error) {
	var p past
	if err := g.with(log.Conversation, func(it *group) (err error) {
		p, err = it.pastOf(to)
		return err
	}); err != nil || p.all {
		return 1, err
	}
	if segments == nil {
		if segments, err = g.store.Held(log); err != nil {
			return 0, err
		}
	}
	if len(segments) == 0 {
		return 1, nil
	}
	outline, err := g.outlines.get(log, segments)
	if err != nil {
		return 0, err
	}
	if outline == nil {
		return g.store.Floor(log, func(h *event.Header) bool {
			reads := false
			_ = g.with(log.Conversation, func(it *group) error {
				reads = it.reads(to, p, h)
				return nil
			})
			return reads
		})
	}
	var first store.Stretch
	var whole bool
	err = g.with(log.Conversation, func(it *group) error {
		first, whole = it.firstRead(outline, to, p)
		return nil
	})
	if whole || err != nil {
		return first.First, err
	}
	return g.store.Since(log, first.First, first.Last, p.from)
}

// firstRead returns the first stretch of an outline of which a member may read something: all of
// it, or else only the events that are dated late enough. If there is none, it returns the place
// after the last stretch. The caller holds mu.
func (it *group) firstRead(outline []store.Stretch, to crypto.PersonID, p past) (first store.Stretch, whole bool) {
	// An author who knew that the member had come knew of no removal of theirs after that, so they
	// may read everything from there on.
	knew := sort.Search(len(outline), func(i int) bool { return it.engine.Covers(outline[i].Control, p.joined) })
	for _, g := range outline[:knew] {
		if g.To >= p.from && it.engine.Serves(to, g.Control) {
			return g, g.From >= p.from
		}
	}
	if knew == len(outline) {
		return store.Stretch{First: outline[knew-1].Last + 1}, true
	}
	return outline[knew], true
}
