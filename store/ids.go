package store

import (
	"bytes"
	"encoding/binary"
	"slices"
	"sort"

	"github.com/earshot-im/earshot/store/event"
)

// The index of events by ID, bucketIDs. IDs are random: in one sorted index of all, each new one would take a page of
// its own in every commit. So the latest stand alone, as keys, and when there are as many as a list takes they are
// written in order as a list of level 1, in blocks. Whenever there are four lists of one level, they become one of the next.
// Which lists there are follows from how many IDs were put. Who looks for an ID asks the latest and then each list: at
// most three of each level below the highest, and of that one for each quarter of a million IDs.
const (
	listed   = 1 << 10 // IDs in a list of level 1
	joined   = 4       // lists that become one
	topLevel = 5       // whose lists, of 262,144 IDs, stay: what is joined is joined in one transaction
	blockIDs = 64      // two such blocks fill a page

	alone = 0 // the level of those that are in no list yet
)

// listedID is an entry of a block: the first 16 bytes of an ID, and a slot.
type listedID [shortID + slotSize]byte

func (e *listedID) id() []byte { return e[:shortID] }

// listKey is the beginning of the keys of a list, by its number among those of its level.
func listKey(level int, number uint64) []byte {
	return binary.BigEndian.AppendUint32([]byte{byte(level)}, uint32(number))
}

// idKey is the key of an ID that stands alone, or of the block that ends with it.
func idKey(level int, number uint64, id []byte) []byte {
	return append(listKey(level, number), id[:shortID]...)
}

// lists returns which lists of a level there are, by number from first to before end, when so many of the lowest level
// were made.
func lists(level int, made uint64) (first, end uint64) {
	for range level - 1 {
		made /= joined
	}
	if level == topLevel {
		return 0, made
	}
	return made / joined * joined, made
}

// find returns where the event is that has an ID; of two places the later.
func (r *reader) find(id event.ID) (slot, bool) {
	made := r.Sequence(bucketIDs) / listed
	if v := r.Get(bucketIDs, idKey(alone, made, id[:])); v != nil {
		return slotAt(v)
	}
	for level := 1; level <= topLevel; level++ {
		for first, end := lists(level, made); end > first; end-- {
			if p, ok := r.findIn(level, end-1, id); ok {
				return p, true
			}
		}
	}
	return slot{}, false
}

// findIn looks for an ID in a list. There is one block that can have it: the first that does not end before it.
func (r *reader) findIn(level int, number uint64, id event.ID) (slot, bool) {
	k, block := r.Seek(bucketIDs, idKey(level, number, id[:]))
	if !bytes.HasPrefix(k, listKey(level, number)) {
		return slot{}, false
	}
	const size = len(listedID{})
	n := len(block) / size
	i := sort.Search(n, func(i int) bool { return bytes.Compare(block[i*size:][:shortID], id[:shortID]) >= 0 })
	if i == n || !bytes.Equal(block[i*size:][:shortID], id[:shortID]) {
		return slot{}, false
	}
	return slotAt(block[:(i+1)*size])
}

// putID notes where the event is that has an ID.
func (b *batch) putID(id event.ID, p slot) {
	n := b.Next(bucketIDs)
	b.Put(bucketIDs, idKey(alone, (n-1)/listed, id[:]), p.bytes())
	if n%listed == 0 {
		b.list(n / listed)
	}
}

// list makes the last of so many lists of level 1, and joins what there is enough of then.
func (b *batch) list(made uint64) {
	b.putList(1, made-1, b.takeList(alone, made-1))
	for level := 1; level < topLevel && made%joined == 0; level++ {
		var all []listedID
		for n := made - joined; n < made; n++ {
			all = join(b.takeList(level, n), all)
		}
		made /= joined
		b.putList(level+1, made-1, all)
	}
}

// takeList removes a list, or what is to become one, and returns it.
func (b *batch) takeList(level int, number uint64) []listedID {
	keys, values := b.Copy(bucketIDs, listKey(level, number))
	var list []listedID
	for i, k := range keys {
		if level == alone {
			values[i] = slices.Concat(k[len(k)-shortID:], values[i])
		}
		for v := values[i]; len(v) >= len(listedID{}); v = v[len(listedID{}):] {
			list = append(list, listedID(v))
		}
	}
	for _, k := range slices.Backward(keys) { // bbolt moves what comes after one
		b.Delete(bucketIDs, k)
	}
	return list
}

func (b *batch) putList(level int, number uint64, list []listedID) {
	for block := range slices.Chunk(list, blockIDs) {
		last := block[len(block)-1]
		v := make([]byte, 0, len(block)*len(last))
		for i := range block {
			v = append(v, block[i][:]...)
		}
		b.Put(bucketIDs, idKey(level, number, last.id()), v)
	}
}

// join merges two lists. An ID that is in both was put twice, and the newer place counts.
func join(newer, older []listedID) []listedID {
	all := make([]listedID, 0, len(newer)+len(older))
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
