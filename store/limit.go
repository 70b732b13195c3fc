package store

import (
	"context"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/event"
	"github.com/earshot-im/earshot/store/layout"
)

// SetLimits says how far the logs of a group count, by the last sequence that does. Logs that are
// not named count wholly. Events past a limit stay on the disk, so that they can count again. Until
// then they are shown only to their author and are not offered or loaded; more of them are refused
// (ErrCut). If the log is this device's own, the device goes on in a new one. Nothing is kept for
// logs that are not here.
func (s *Store) SetLimits(ctx context.Context, conv event.Conversation, limits map[event.Log]uint64) error {
	return s.do(ctx, func(b *batch) error {
		c, err := b.group(conv)
		if err != nil {
			return err
		}
		return b.eachLog(c.Number, func(l *layout.Log) error {
			limit, ok := limits[l.Name]
			if !ok {
				limit = layout.NoLimit
			}
			if l.Limit == limit {
				return nil
			}
			b.grown[l.Number] = true
			if err := b.noteLimit(l, limit); err != nil {
				return err
			}
			for _, branch := range []byte{layout.BranchFirst, layout.BranchOther} {
				l, err := b.named(c.Number, l.Name, branch)
				if err != nil || l == nil {
					return err
				}
				before := l.Limit
				l.Limit = limit
				b.touch(l)
				if err := b.voices.limit(l, before); err != nil {
					return err
				}
			}
			return nil
		})
	})
}

// counted returns what was had of a log, as far as the log counts. It ends where a run can end: a
// peer that holds more of the log can bring the signature that is missing.
func (r *reader) counted(l *layout.Log) (event.Segments, error) {
	if l.Limit == layout.NoLimit || l.Segments.Last() <= l.Limit && !l.Loose() {
		return l.Segments, nil
	}
	provable, err := r.provable(l)
	if err != nil {
		return nil, err
	}
	var out event.Segments
	for _, g := range l.Segments {
		if g.First > l.Limit {
			break
		}
		last := min(g.Last, l.Limit)
		for last >= g.First && !provable(last) {
			last--
		}
		if last < g.First {
			continue
		}
		if last < g.Last {
			st, err := r.stored(l.At(last))
			if err != nil {
				return nil, err
			}
			if st == nil {
				return nil, damaged("a segment without its events")
			}
			g.Last, g.ID = last, idOf(st.HeaderBytes)
		}
		out = append(out, g)
	}
	return out, nil
}

// provable returns a function that tells whether the event at a sequence, up to the limit of its
// log, is proven by a signature within the limit. A run has at most event.MaxRunEvents, so only
// that many below the limit need a look; all others are proven.
func (r *reader) provable(l *layout.Log) (func(uint64) bool, error) {
	if l.Name.Device == r.s.own.Device.ID() {
		return func(uint64) bool { return true }, nil
	}
	first := l.Limit - min(l.Limit, event.MaxRunEvents-1)
	proven := map[uint64]bool{}
	var heads *event.Header // of the run that a signature proves so far; nil: none does
	for seq := l.Limit; seq >= max(first, 1); seq-- {
		st, err := r.stored(l.At(seq))
		if err != nil {
			return nil, err
		}
		if st == nil {
			heads = nil
			continue
		}
		h, err := event.ParseHeader(st.HeaderBytes)
		if err != nil {
			return nil, damaged("event: %w", err)
		}
		if heads != nil && !sameHeads(heads, &h) {
			heads = nil
		}
		if st.Signature != nil {
			heads = &h
		}
		proven[seq] = heads != nil
	}
	return func(seq uint64) bool { return seq < first || proven[seq] }, nil
}

// hidden reports whether an event is not shown since it is past the limit of its log. The owner
// sees what they wrote in any case.
func (r *reader) hidden(x *entry) bool { return x.Sequence > r.visibleTo(x.in) }

// visibleTo returns the last sequence of a log that is shown.
func (r *reader) visibleTo(l *layout.Log) uint64 {
	if r.isOwn(l.Person) {
		return layout.NoLimit
	}
	return l.Limit
}

// FirstHeld is about the earliest event that is held of a log.
type FirstHeld struct {
	Author  crypto.PersonID
	Control []crypto.Hash // heads that its author had; of a create event that event itself
}

// FirstHeads returns the FirstHeld of every log of a group, whatever the limits are.
func (s *Store) FirstHeads(conv event.Conversation) (map[event.Log]FirstHeld, error) {
	out := map[event.Log]FirstHeld{}
	err := s.view(func(r *reader) error {
		c, err := r.group(conv)
		if err != nil {
			return err
		}
		return r.eachLog(c.Number, func(l *layout.Log) error {
			if len(l.Segments) == 0 {
				return nil
			}
			x, err := r.entry(l.At(l.Segments[0].First))
			if err != nil {
				return err
			}
			out[l.Name] = FirstHeld{Author: l.Person, Control: headsOf(&x.header)}
			return nil
		})
	})
	return out, err
}

// Floor returns the first sequence whose header is visible, among the events of a log that are held
// and count; if there is none, the sequence after the last of them. Once a header is visible, all
// that follow must be. visible must not call the store.
func (s *Store) Floor(log event.Log, visible func(h *event.Header) bool) (uint64, error) {
	floor := uint64(1)
	err := s.view(func(r *reader) error {
		c, err := r.group(log.Conversation)
		if err != nil {
			return err
		}
		l, err := r.named(c.Number, log, layout.BranchFirst)
		if err != nil || l == nil {
			return err
		}
		segments, err := r.counted(l)
		if err != nil {
			return err
		}
		for _, g := range segments {
			floor, err = bisect(g.First, g.Last, func(seq uint64) (bool, error) {
				x, err := r.entry(l.At(seq))
				return err == nil && visible(&x.header), err
			})
			if err != nil || floor <= g.Last {
				return err
			}
		}
		return nil
	})
	return floor, err
}

// bisect returns the first of the numbers from first to last for which f holds, or last + 1 if it
// holds for none. Where f holds for a number it must hold for all after that.
func bisect(first, last uint64, f func(uint64) (bool, error)) (uint64, error) {
	for first <= last {
		mid := first + (last-first)/2
		holds, err := f(mid)
		if err != nil {
			return 0, err
		}
		if holds {
			last = mid - 1
		} else {
			first = mid + 1
		}
	}
	return first, nil
}
