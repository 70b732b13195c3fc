package fold

import (
	"sync"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

const (
	// maxMarks is how many marks of one character count; no script comes near it. It bounds a
	// segment, whatever is heaped on a letter, and stays below the 30 at which norm breaks one up.
	maxMarks = 20

	// maxJoined is how many characters that aren't marks join the one before them in one segment,
	// as the vowel and the last consonant of a Korean syllable do. More than two never do anything.
	maxJoined = 4

	// dotAbove is the mark that makes an ı an i.
	dotAbove = '\u0307'

	above = 230 // the combining class of what stands above a letter
)

// A segment is a character that joins none before it, or the first of the text, with the marks and the
// others that join it. What can't be seen belongs to the segment that it follows. The form of a text
// is that of its segments one after another; only the spaces where two of them meet become one.
type segment struct {
	dst   []byte // from at on, the characters of the segment, decomposed and with case folded
	at    int
	count int // of these characters

	marks  int  // how many marks there are on the last character that isn't one
	joined int  // how many characters joined that aren't marks
	dotted bool // the last character that isn't a mark is an i, and nothing stands above it yet
}

// add takes r into the segment. It reports false if r begins another one.
func (s *segment) add(r rune) bool {
	if r < utf8.RuneSelf {
		if s.count > 0 {
			return false
		}
		s.put(r, 0)
		return true
	}
	var (
		buf   [utf8.UTFMax]byte
		p     norm.Properties // of r, or of the first of its parts
		parts []byte
	)
	if !isTypedJamo(r) {
		p = norm.NFKC.Properties(buf[:utf8.EncodeRune(buf[:], r)])
		if parts = p.Decomposition(); parts != nil {
			p = norm.NFKC.Properties(parts)
		}
	}
	switch {
	case p.LeadCCC() != 0 && s.marks+max(1, utf8.RuneCount(parts)) > maxMarks:
		return true // left out
	case p.LeadCCC() != 0, s.count == 0:
	case p.BoundaryBefore() || s.marks > 0 || s.joined == maxJoined:
		return false
	default:
		s.joined++
	}
	if parts == nil {
		s.put(r, p.LeadCCC())
	}
	for len(parts) > 0 {
		part, size := utf8.DecodeRune(parts)
		s.put(part, norm.NFKC.Properties(parts).LeadCCC())
		parts = parts[size:]
	}
	return true
}

// put takes a character that has no decomposition, and its combining class.
func (s *segment) put(r rune, class uint8) {
	switch {
	case class == 0:
		r = foldCase(r)
		s.marks, s.dotted = 0, r == 'i'
		if r == 'ß' {
			s.write('s')
			r = 's'
		}
	case r == dotAbove && s.dotted:
		return
	default:
		s.marks++
		s.dotted = s.dotted && class != above
	}
	s.write(r)
}

func (s *segment) write(r rune) {
	s.dst = utf8.AppendRune(s.dst, r)
	s.count++
}

// finish puts the characters in order, composes them, and returns all of dst.
func (s *segment) finish() []byte {
	runes := s.dst[s.at:]
	if s.count < 2 || norm.NFC.QuickSpan(runes) == len(runes) {
		return s.dst
	}
	it := composers.Get().(*norm.Iter)
	dst := s.dst
	for it.Init(norm.NFC, runes); !it.Done(); {
		dst = append(dst, it.Next()...)
	}
	it.Init(norm.NFC, nothing) // so that it keeps no text
	composers.Put(it)
	return append(dst[:s.at], dst[len(s.dst):]...)
}

// composers are kept, because making one costs more than what it has to do here.
var composers = sync.Pool{New: func() any { return new(norm.Iter) }}

var nothing = []byte{0}
