package blob

import (
	"bytes"
	"encoding/binary"
	"iter"
	"math/bits"
	"slices"
)

const (
	// MaxChunks bounds the chunks of a stream.
	MaxChunks = MaxPages * PageLeaves
	// MaxSet bounds what Marshal makes of a Set of chunks, in bytes.
	MaxSet = 1 + MaxChunks/8

	setRuns   = 1
	setBitmap = 2
)

// Set is a set of chunks or pages, by their numbers: which of them are here. The zero value is empty.
// It takes a bit for each number up to the highest. A Set that is being changed is for one goroutine,
// and Clone makes another.
type Set struct {
	words []uint64 // bit n%64 of words[n/64]; the last word is not 0
	count int
}

// Count is how many numbers there are.
func (s *Set) Count() int { return s.count }

// Has reports whether a number is there.
func (s *Set) Has(n int) bool {
	return n >= 0 && n/64 < len(s.words) && s.words[n/64]&(1<<(n%64)) != 0
}

// Add puts in so many numbers from first on. None of them is below 0, or MaxChunks or above.
func (s *Set) Add(first, count int) {
	if count <= 0 {
		return
	}
	if last := (first + count - 1) / 64; last >= len(s.words) {
		s.words = append(s.words, make([]uint64, last+1-len(s.words))...)
	}
	for i, mask := range masks(first, count, len(s.words)) {
		s.count += bits.OnesCount64(mask &^ s.words[i])
		s.words[i] |= mask
	}
}

// Remove takes out so many numbers from first on.
func (s *Set) Remove(first, count int) {
	for i, mask := range masks(first, count, len(s.words)) {
		s.count -= bits.OnesCount64(mask & s.words[i])
		s.words[i] &^= mask
	}
	for len(s.words) > 0 && s.words[len(s.words)-1] == 0 {
		s.words = s.words[:len(s.words)-1]
	}
}

// masks goes over the words that numbers stand in, as far as there are words, and says which bits are
// theirs.
func masks(first, count, words int) iter.Seq2[int, uint64] {
	return func(yield func(int, uint64) bool) {
		first, end := max(first, 0), min(first+count, 64*words)
		for first < end {
			n := min(end-first, 64-first%64)
			if !yield(first/64, ^uint64(0)>>(64-n)<<(first%64)) {
				return
			}
			first += n
		}
	}
}

// Next returns the first stretch of numbers that ascend by 1, from n on: its first number, which is n
// if that is there, and how many they are. They are 0 if none is left.
func (s *Set) Next(n int) (first, count int) {
	first = s.skip(max(n, 0), 0)
	if first >= 64*len(s.words) {
		return 0, 0
	}
	return first, s.skip(first, ^uint64(0)) - first
}

// Gap is Next of the numbers that are not there, below end.
func (s *Set) Gap(n, end int) (first, count int) {
	first = s.skip(max(n, 0), ^uint64(0))
	if first >= end {
		return 0, 0
	}
	next := s.skip(first, 0)
	if next >= 64*len(s.words) {
		next = end
	}
	return first, min(next, end) - first
}

// skip returns the first number from n on whose bit differs from those of the word, which are all the
// same. Behind the last word all bits are 0.
func (s *Set) skip(n int, word uint64) int {
	for i := n / 64; i < len(s.words); i++ {
		w := s.words[i] ^ word
		if i == n/64 {
			w &= ^uint64(0) << (n % 64)
		}
		if w != 0 {
			return 64*i + bits.TrailingZeros64(w)
		}
	}
	return max(n, 64*len(s.words))
}

// Stretches goes over all numbers, as Next does.
func (s *Set) Stretches() iter.Seq2[int, int] {
	return func(yield func(first, count int) bool) {
		for first, count := s.Next(0); count > 0; first, count = s.Next(first + count) {
			if !yield(first, count) {
				return
			}
		}
	}
}

// Clone returns a copy that is changed on its own.
func (s *Set) Clone() Set { return Set{slices.Clone(s.words), s.count} }

// Equal reports whether two sets have the same numbers.
func (s *Set) Equal(o *Set) bool { return slices.Equal(s.words, o.words) }

// Marshal returns the set as it is kept: nothing of an empty one, else stretches or a bitmap, whichever
// is shorter. It has MaxSet bytes at most.
func (s *Set) Marshal() []byte {
	if s.count == 0 {
		return nil
	}
	end := 64*len(s.words) - bits.LeadingZeros64(s.words[len(s.words)-1])
	bitmap := 1 + (end+7)/8
	if b := s.runs(bitmap); b != nil {
		return b
	}
	b := append(make([]byte, 0, 1+8*len(s.words)), setBitmap)
	for _, w := range s.words {
		b = binary.LittleEndian.AppendUint64(b, w)
	}
	return b[:bitmap]
}

// runs returns the set as stretches, nil if that takes more bytes.
func (s *Set) runs(most int) []byte {
	b, at := []byte{setRuns}, 0
	for first, count := range s.Stretches() {
		b = binary.AppendUvarint(b, uint64(first-at))
		b = binary.AppendUvarint(b, uint64(count))
		if len(b) > most {
			return nil
		}
		at = first + count
	}
	return b
}

// ParseSet takes what Marshal has made of a set whose numbers are all below end, which is at most
// MaxChunks. The error is ErrMalformed.
func ParseSet(b []byte, end int) (s Set, err error) {
	switch {
	case len(b) == 0:
		return Set{}, nil
	case b[0] == setRuns:
		err = s.parseRuns(b[1:], end)
	case b[0] == setBitmap:
		err = s.parseBitmap(b[1:], end)
	default:
		err = malformed("set of form %d", b[0])
	}
	if err == nil && !bytes.Equal(s.Marshal(), b) {
		err = malformed("set in another form than its own")
	}
	if err != nil {
		return Set{}, err
	}
	return s, nil
}

func (s *Set) parseRuns(b []byte, end int) error {
	at := uint64(0)
	for len(b) > 0 {
		var n [2]uint64 // how many are not there, and how many then are
		for i := range n {
			v, size := binary.Uvarint(b)
			if size <= 0 || v > uint64(end) {
				return malformed("stretch of a set")
			}
			n[i], b = v, b[size:]
		}
		if at+n[0]+n[1] > uint64(end) {
			return malformed("stretch of a set: %d and %d behind %d", n[0], n[1], at)
		}
		s.Add(int(at+n[0]), int(n[1]))
		at += n[0] + n[1]
	}
	return nil
}

func (s *Set) parseBitmap(b []byte, end int) error {
	if len(b) == 0 || 8*len(b)-bits.LeadingZeros8(b[len(b)-1]) > end {
		return malformed("bitmap of a set of %d bytes", len(b))
	}
	s.words = make([]uint64, (len(b)+7)/8)
	for i, x := range b {
		s.words[i/8] |= uint64(x) << (i % 8 * 8)
		s.count += bits.OnesCount8(x)
	}
	return nil
}
