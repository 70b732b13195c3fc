package store

import (
	"context"
	"errors"
	"maps"
	"slices"
	"testing"

	"github.com/earshot-im/earshot/store/disk"
	"github.com/earshot-im/earshot/store/event"
	"github.com/earshot-im/earshot/store/ids"
	"github.com/earshot-im/earshot/store/layout"
	"github.com/earshot-im/earshot/store/tx"
)

// counts counts the rows of each bucket.
func (n *node) counts() map[tx.Bucket]int {
	n.t.Helper()
	out := map[tx.Bucket]int{}
	check(n.t, n.view(func(r *reader) error {
		for _, b := range buckets {
			if count := r.Count(b, nil); count > 0 {
				out[b] = count
			}
		}
		return nil
	}))
	return out
}

// What a message takes: four rows of its own, and one more that is somebody else's and unread. All else is written once
// for many.
func TestRowsOfMessages(t *testing.T) {
	n, p := newNode(t), newPen(t)
	in := p.meets(n, true)
	grows := func(what string, per map[tx.Bucket]int, f func()) {
		t.Helper()
		before := n.counts()
		f()
		after := n.counts()
		for _, b := range slices.Sorted(maps.Keys(after)) {
			switch more := after[b] - before[b]; {
			case per[b] > 0 && more != per[b]:
				t.Errorf("%s: %d more rows of %s, want %d", what, more, b, per[b])
			case per[b] == 0 && more > 2:
				t.Errorf("%s: %d more rows of %s, which are for many messages", what, more, b)
			}
		}
	}
	const messages = 100
	own := map[tx.Bucket]int{bucketEvents: messages, ids.Bucket: messages, bucketView: messages, bucketKeys: messages}
	theirs := maps.Clone(own)
	theirs[bucketUnreadOf] = messages
	var run []event.Event
	for range messages {
		run = append(run, p.say("hello"))
	}
	grows("somebody else's", theirs, func() {
		_, err := p.give(n, run...)
		check(t, err)
	})
	_, _, err := n.MarkReadTo(ctx, false, in, nil, nil)
	check(t, err)
	if after := n.counts(); after[bucketUnread]+after[bucketUnreadOf] != 0 {
		t.Errorf("%d and %d rows are left of what was read", after[bucketUnread], after[bucketUnreadOf])
	}
	grows("own ones", own, func() {
		var all []Draft
		for range messages {
			all = append(all, Draft{Conversation: in, Kind: event.KindText, Content: text("hello")})
		}
		_, err := n.AppendAll(ctx, all)
		check(t, err)
	})
}

// What has arrived together comes apart where one of it goes, and is found by its number all the same.
func TestArrivalsComeApart(t *testing.T) {
	n, p := newNode(t), newPen(t)
	p.meets(n, true)
	var run []event.Event
	for range 5 {
		run = append(run, p.say("hello"))
	}
	_, err := p.give(n, run...)
	check(t, err)
	var first uint64
	var slots []layout.Slot
	check(t, n.view(func(r *reader) error {
		for k, v := range r.arrivals(0) {
			if first == 0 {
				first = layout.Number(k)
			}
			at, _ := layout.SlotAt(v)
			slots = append(slots, at)
		}
		return nil
	}))
	if len(slots) != 5 || n.counts()[bucketArrivals] != 1 {
		t.Fatalf("%d have arrived, in %d rows", len(slots), n.counts()[bucketArrivals])
	}
	change := func(f func(b *batch) error) {
		t.Helper()
		check(t, n.do(ctx, func(b *batch) error {
			b.Defer()
			return f(b)
		}))
	}
	has := func(what string, from uint64, rows int, want ...uint64) {
		t.Helper()
		check(t, n.view(func(r *reader) error {
			var got []uint64
			for k, v := range r.arrivals(from) {
				i := layout.Number(k) - first
				at, ok, err := r.arrivedAt(layout.Number(k))
				check(t, err)
				if listed, _ := layout.SlotAt(v); !ok || at != listed || at.Log != slots[0].Log || at.Sequence%100 != slots[i].Sequence {
					t.Errorf("%s: %d is at %v and at %v", what, i, listed, at)
				}
				got = append(got, i)
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s: %d, want %d", what, got, want)
			}
			return nil
		}))
		if got := n.counts()[bucketArrivals]; got != rows {
			t.Errorf("%s: in %d rows, want %d", what, got, rows)
		}
	}
	has("all of them", 0, 1, 0, 1, 2, 3, 4)
	has("from the middle on", first+3, 1, 3, 4)
	moved := layout.Slot{Log: slots[1].Log, Sequence: slots[1].Sequence + 100}
	change(func(b *batch) error { return b.arriving.put(first+1, &moved) })
	has("one stands elsewhere", 0, 3, 0, 1, 2, 3, 4)
	change(func(b *batch) error { return b.arriving.put(first+4, nil) })
	has("the last is gone", 0, 3, 0, 1, 2, 3)
	change(func(b *batch) error { return b.arriving.put(first, nil) })
	has("the first is gone", 0, 2, 1, 2, 3)
	change(func(b *batch) error { return b.arriving.put(first+3, &slots[3]) })
	has("one is where it was", 0, 3, 1, 2, 3)
	change(func(b *batch) error {
		check(t, b.arriving.add(first+4, slots[4]))
		return b.arriving.put(first+2, nil)
	})
	has("one goes as another comes", 0, 2, 1, 3, 4)
	change(func(b *batch) error {
		next := layout.Slot{Log: slots[4].Log, Sequence: slots[4].Sequence + 1}
		check(t, b.arriving.put(first+4, nil))
		check(t, b.arriving.add(first+4, slots[4]))
		check(t, b.arriving.put(first+3, nil))
		check(t, b.arriving.add(first+5, next))
		return b.arriving.put(first+5, nil)
	})
	has("they come and go at once", 0, 2, 1, 4)
	check(t, n.view(func(r *reader) error {
		var got []uint64
		for k := range r.unreadFrom(first + 3) {
			got = append(got, layout.Number(k)-first)
		}
		if !slices.Equal(got, []uint64{3, 4}) {
			t.Errorf("unread from the middle on: %d", got)
		}
		return nil
	}))
	change(func(b *batch) error { // as it was
		for i := range slots {
			if err := b.arriving.put(first+uint64(i), &slots[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

// A damaged row is said to be one. A round of changes began again with each, and rows behind one were passed over.
func TestDamagedArrivals(t *testing.T) {
	arrivals := func(s *Store, from uint64) error { _, _, err := s.Arrivals(from, 10, nil); return err }
	unread := func(s *Store, from uint64) error { _, _, err := s.Unread(from, 10, nil); return err }
	round := func(s *Store, from uint64) error {
		r := s.Round(from, Wanted{Kinds: EveryChange})
		for range 50 {
			if _, err := r.Next(100); err != nil || r.Done() {
				return err
			}
		}
		return errors.New("it has no end")
	}
	for what, c := range map[string]struct {
		bucket tx.Bucket
		read   func(s *Store, from uint64) error
	}{
		"arrivals": {bucketArrivals, arrivals}, "a round": {bucketArrivals, round},
		"unread": {bucketUnread, unread}, "unread that has not arrived": {bucketArrivals, unread},
	} {
		n, p := newNode(t), newPen(t)
		p.meets(n, true)
		_, err := p.give(n, p.say("1"), p.say("2"), p.say("3"))
		check(t, err)
		n.stop()
		s, err := Open(Config{Dir: n.dir})
		check(t, err)
		running, cancel := context.WithCancel(ctx)
		done := make(chan error)
		go func() { done <- s.Run(running) }()
		check(t, s.do(ctx, func(b *batch) error {
			keys, _ := b.Copy(c.bucket, nil)
			for _, k := range keys {
				b.Put(c.bucket, k, []byte("bad"))
			}
			return nil
		}))
		for _, from := range []uint64{0, s.Last() - 1} {
			if err := c.read(s, from); !errors.Is(err, disk.ErrDamaged) {
				t.Errorf("%s from %d on: %v", what, from, err)
			}
		}
		cancel()
		<-done
		s.Close() // tells of it
	}
}
