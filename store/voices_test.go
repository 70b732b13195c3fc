package store

import (
	"bytes"
	"maps"
	"slices"

	"github.com/earshot-im/earshot/store/layout"
)

// summed compares what is kept in sum with what a scan of all rows finds. Each test ends with it.
func (n *node) summed() {
	n.t.Helper()
	type key struct{ bucket, key string }
	got, want := map[key]string{}, map[key]string{}
	sums := map[voice]*layout.Voice{}
	check(n.t, n.view(func(r *reader) error {
		for k, v := range r.Prefix(bucketUnreadOf, nil) {
			got[key{"unreadof", string(k)}] = string(v)
		}
		for k, v := range r.arrivals(0) {
			got[key{"arrivals", string(k)}] = string(v)
		}
		for k, v := range r.unreadFrom(0) {
			if l := r.known[layoutU32(v)]; l != nil && r.isOwn(l.Person) || len(v) == 0 {
				n.t.Errorf("%x is unread at %d", v, layout.Number(k))
			}
		}
		arrivals := map[voice]uint64{}
		for k, v := range r.Prefix(bucketVoices, nil) {
			sum, err := layout.ParseVoice(v)
			check(n.t, err)
			conversation, person, ok := layout.ParseVoiceKey(k)
			if !ok {
				n.t.Errorf("key of %d bytes", len(k))
			}
			arrivals[voice{conversation, person}] = sum.Arrival
			got[key{"voices", string(k)}] = string(v)
		}
		for k, v := range r.Prefix(bucketView, nil) {
			at, err := layout.ParseView(k, v)
			check(n.t, err)
			who := voice{conversation: layoutU32(k)}
			var x *entry
			arrival, notice := at.Slot.Notice()
			if !notice {
				x, err = r.entry(at.Slot)
				check(n.t, err)
				want[key{"arrivals", string(layout.U64(x.Arrival))}] = string(x.Slot.Bytes())
				if r.hidden(x) {
					continue
				}
				who, arrival = voiceOf(x), x.Arrival
			}
			sum := sums[who]
			if sum == nil {
				sum = &layout.Voice{}
				sums[who] = sum
			}
			sum.Last, sum.Arrival = at, max(sum.Arrival, arrival)
			if notice {
				continue
			}
			unread, err := r.isUnread(x.Arrival)
			check(n.t, err)
			if !unread {
				continue
			}
			row, err := r.view.row(x)
			check(n.t, err)
			u := layout.Unread{Slot: x.Slot, Arrival: x.Arrival, Mentioned: slices.Contains(row.Mentions, n.own.Person)}
			want[key{"unreadof", string(unreadKey(x))}] = string(u.Bytes())
			sum.Unread++
			if u.Mentioned {
				sum.Mentions++
			}
		}
		for who, sum := range sums {
			if sum.Arrival > arrivals[who] {
				n.t.Errorf("arrival %d, want at least %d", arrivals[who], sum.Arrival)
			}
			sum.Arrival = arrivals[who] // the row that came last may have gone
			want[key{"voices", string(layout.VoiceKey(who.conversation, who.person))}] = string(sum.Bytes())
		}
		return nil
	}))
	if !maps.Equal(got, want) {
		n.t.Errorf("sums of %d and rows of %d differ: %q, want %q", len(got), len(want), slices.Sorted(maps.Values(got)), slices.Sorted(maps.Values(want)))
	}
}

func layoutU32(b []byte) (n uint32) {
	for _, x := range bytes.Clone(b[:4]) {
		n = n<<8 | uint32(x)
	}
	return n
}
