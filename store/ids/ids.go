// Package ids is the index of events by their ID: it maps a random key to a slot of fixed size. It
// owns one bucket, whose bytes store/FORMAT.md fixes, and knows nothing of what stands in a slot.
//
// IDs are random. In one sorted index of all of them, each new one would take a page of its own in
// every commit. So the latest stand alone, as keys, and as soon as there are as many as a list
// takes, they are written in order as a list of level 1, in blocks. Whenever there are four lists
// of one level, they become one list of the next. Which lists there are follows from how many IDs
// were put. To find an ID, Find asks the latest and then each list; Between goes through them in the same
// order, by the beginning of an ID. There are at most three lists of each level below the highest, and in
// the highest one for each quarter of a million IDs.
//
// Only package store may call it, in its transactions. It has no errors of its own: what can't be
// read is not found, and what can't be written fails the batch.
package ids

import (
	"bytes"
	"encoding/binary"
	"iter"
	"slices"
	"sort"

	"github.com/earshot-im/earshot/store/event"
	"github.com/earshot-im/earshot/store/tx"
)

// Bucket holds the index.
const Bucket = tx.Bucket("ids")

// Slot is where an event is, as package store writes it.
type Slot [12]byte

const (
	shortID = 16 // bytes of an ID that are kept: no two can be made to share that many

	listed   = 1 << 10 // IDs in a list of level 1
	joined   = 4       // lists that become one of the next level
	topLevel = 5       // lists of this level stay: one transaction can't join larger ones
	blockIDs = 64      // IDs in a block: two blocks fill a page

	alone = 0 // the level of those that are in no list yet
)

// entry is what a block has for each ID: its first bytes, and its slot.
type entry [shortID + len(Slot{})]byte

func (e *entry) id() []byte { return e[:shortID] }

// listKey is how the keys of a list begin, by its number among those of its level.
func listKey(level int, number uint64) []byte {
	return binary.BigEndian.AppendUint32([]byte{byte(level)}, uint32(number))
}

// idKey is the key of an ID that stands alone, or of the block that ends with it.
func idKey(level int, number uint64, id []byte) []byte {
	return append(listKey(level, number), id[:shortID]...)
}

// lists returns which lists of a level there are, from number first to before end, after made lists
// of level 1 were made.
func lists(level int, made uint64) (first, end uint64) {
	for range level - 1 {
		made /= joined
	}
	if level == topLevel {
		return 0, made
	}
	return made / joined * joined, made
}

// Find returns where the event is that has an ID. If the ID was put twice, it returns the later
// slot.
func Find(r *tx.Reader, id event.ID) (Slot, bool) {
	made := r.Sequence(Bucket) / listed
	if v := r.Get(Bucket, idKey(alone, made, id[:])); len(v) == len(Slot{}) {
		return Slot(v), true
	}
	for level := 1; level <= topLevel; level++ {
		for first, end := lists(level, made); end > first; end-- {
			if p, ok := findIn(r, level, end-1, id); ok {
				return p, true
			}
		}
	}
	return Slot{}, false
}

// findIn looks for an ID in a list. Only one block can have it: the first that does not end before
// it.
func findIn(r *tx.Reader, level int, number uint64, id event.ID) (Slot, bool) {
	k, block := r.Seek(Bucket, idKey(level, number, id[:]))
	if !bytes.HasPrefix(k, listKey(level, number)) {
		return Slot{}, false
	}
	i, ok := within(block, id)
	if !ok {
		return Slot{}, false
	}
	return Slot(block[i*len(entry{})+shortID:]), true
}

// Between goes over the events whose IDs are from low to high, as far as IDs are kept: those that differ
// behind that are all among them. An ID that was put twice may come twice, the later slot first. What it
// costs does not grow with what lies outside.
func Between(r *tx.Reader, low, high event.ID) iter.Seq[Slot] {
	return func(yield func(Slot) bool) {
		made := r.Sequence(Bucket) / listed
		if !betweenIn(r, alone, made, low, high, yield) {
			return
		}
		for level := 1; level <= topLevel; level++ {
			for first, end := lists(level, made); end > first; end-- {
				if !betweenIn(r, level, end-1, low, high, yield) {
					return
				}
			}
		}
	}
}

// betweenIn is Between in a list, or among those that are to become one. It reports whether to go on.
func betweenIn(r *tx.Reader, level int, number uint64, low, high event.ID, yield func(Slot) bool) bool {
	for k, v := range r.From(Bucket, idKey(level, number, low[:])) {
		if !bytes.HasPrefix(k, listKey(level, number)) {
			return true
		}
		if level == alone {
			v = slices.Concat(k[len(k)-shortID:], v)
		}
		for ; len(v) >= len(entry{}); v = v[len(entry{}):] {
			e := entry(v)
			switch {
			case bytes.Compare(e.id(), low[:shortID]) < 0:
			case bytes.Compare(e.id(), high[:shortID]) > 0:
				return true
			case !yield(Slot(e[shortID:])):
				return false
			}
		}
	}
	return true
}

// within returns the index of an ID in a block, and whether it is there.
func within(block []byte, id event.ID) (int, bool) {
	const size = len(entry{})
	n := len(block) / size
	i := sort.Search(n, func(i int) bool { return bytes.Compare(block[i*size:][:shortID], id[:shortID]) >= 0 })
	return i, i < n && bytes.Equal(block[i*size:][:shortID], id[:shortID])
}

// Put notes where the event is that has an ID.
func Put(b *tx.Batch, id event.ID, p Slot) {
	n := b.Next(Bucket)
	b.Put(Bucket, idKey(alone, (n-1)/listed, id[:]), p[:])
	if n%listed == 0 {
		makeLists(b, n/listed)
	}
}

// Remove forgets where the event is that has an ID, everywhere. It rewrites the block that has it, so
// it is for what happens rarely.
func Remove(b *tx.Batch, id event.ID) {
	made := b.Sequence(Bucket) / listed
	if key := idKey(alone, made, id[:]); b.Get(Bucket, key) != nil {
		b.Delete(Bucket, key)
	}
	for level := 1; level <= topLevel; level++ {
		for first, end := lists(level, made); end > first; end-- {
			removeFrom(b, level, end-1, id)
		}
	}
}

// removeFrom takes an ID out of a list. The key of its block stays, though it may be above the last
// ID then.
func removeFrom(b *tx.Batch, level int, number uint64, id event.ID) {
	k, block := b.Seek(Bucket, idKey(level, number, id[:]))
	if !bytes.HasPrefix(k, listKey(level, number)) {
		return
	}
	i, ok := within(block, id)
	switch size := len(entry{}); {
	case !ok:
	case len(block) == size:
		b.Delete(Bucket, bytes.Clone(k))
	default:
		b.Put(Bucket, bytes.Clone(k), slices.Concat(block[:i*size], block[(i+1)*size:]))
	}
}

// makeLists makes the last of so many lists of level 1, and joins lists where there are enough of
// one level then.
func makeLists(b *tx.Batch, made uint64) {
	putList(b, 1, made-1, takeList(b, alone, made-1))
	for level := 1; level < topLevel && made%joined == 0; level++ {
		var all []entry
		for n := made - joined; n < made; n++ {
			all = join(takeList(b, level, n), all)
		}
		made /= joined
		putList(b, level+1, made-1, all)
	}
}

// takeList removes a list, or what is to become one, and returns it.
func takeList(b *tx.Batch, level int, number uint64) []entry {
	size := listed
	for range level - 1 {
		size *= joined
	}
	list := make([]entry, 0, size)
	b.Take(Bucket, listKey(level, number), func(k, v []byte) {
		if level == alone {
			if len(v) == len(Slot{}) {
				var e entry
				copy(e[copy(e[:], k[len(k)-shortID:]):], v)
				list = append(list, e)
			}
			return
		}
		for ; len(v) >= len(entry{}); v = v[len(entry{}):] {
			list = append(list, entry(v))
		}
	})
	return list
}

func putList(b *tx.Batch, level int, number uint64, list []entry) {
	for block := range slices.Chunk(list, blockIDs) {
		last := block[len(block)-1]
		v := make([]byte, 0, len(block)*len(last))
		for i := range block {
			v = append(v, block[i][:]...)
		}
		b.Put(Bucket, idKey(level, number, last.id()), v)
	}
}

// join merges two lists. An ID that is in both was put twice, and its newer slot counts.
func join(newer, older []entry) []entry {
	all := make([]entry, 0, len(newer)+len(older))
	for len(newer) > 0 && len(older) > 0 {
		c := bytes.Compare(newer[0].id(), older[0].id())
		if c <= 0 {
			all, newer = append(all, newer[0]), newer[1:]
		} else {
			all = append(all, older[0])
		}
		if c >= 0 {
			older = older[1:]
		}
	}
	return append(append(all, newer...), older...)
}
