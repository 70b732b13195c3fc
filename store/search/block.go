package search

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
)

const (
	// MaxRows is how many rows a block has at most.
	MaxRows = 256
	// MaxText is how many bytes of text a block has at most, but for one row more. A row has up to 72
	// KiB before it is folded: its text, and the names of its files.
	MaxText = 256 << 10
	// maxChanged is the same for a block that was changed. One of more is divided.
	maxChanged = 4 * MaxText
)

// ErrDamaged: the file does not say what was written into it.
var ErrDamaged = errors.New("the search cache is damaged")

// Row is the text of one row.
type Row struct {
	N    uint64 // its arrival
	Log  uint32 // the number of the log in which its event stands
	T    int64  // its place in time
	Text []byte // folded; empty: its words are gone. It has no NUL
}

// Block is rows that arrived one after the other. The zero Block is empty.
type Block struct {
	Rows []Row
	text int
}

// Full reports whether no more rows belong into the block, which is to have up to so many, and no more
// than MaxRows.
func (b *Block) Full(rows int) bool { return len(b.Rows) >= min(rows, MaxRows) || b.text >= MaxText }

// Add adds a row, which must have arrived after the last one.
func (b *Block) Add(r Row) {
	b.Rows = append(b.Rows, r)
	b.text += len(r.Text)
}

// times returns the earliest and the latest T of a block that is not empty.
func (b *Block) times() (first, last int64) {
	first, last = b.Rows[0].T, b.Rows[0].T
	for i := range b.Rows {
		first, last = min(first, b.Rows[i].T), max(last, b.Rows[i].T)
	}
	return first, last
}

// marshal returns the plain text of a block: how many bytes come before the texts; how many rows; how
// many logs, and their numbers; of each row the difference of N to the row before (to first - 1 of
// the first), the index of its log, and the difference of T (to 0 of the first); then the texts, each
// with a NUL behind it.
func (b *Block) marshal(first uint64) []byte {
	var logs []uint32
	index := make(map[uint32]uint64)
	for i := range b.Rows {
		if log := b.Rows[i].Log; !slices.Contains(logs, log) {
			index[log] = uint64(len(logs))
			logs = append(logs, log)
		}
	}
	about := binary.AppendUvarint(nil, uint64(len(b.Rows)))
	about = binary.AppendUvarint(about, uint64(len(logs)))
	for _, log := range logs {
		about = binary.AppendUvarint(about, uint64(log))
	}
	n, t := first-1, int64(0)
	for i := range b.Rows {
		r := &b.Rows[i]
		about = binary.AppendUvarint(about, r.N-n)
		about = binary.AppendUvarint(about, index[r.Log])
		about = binary.AppendVarint(about, r.T-t)
		n, t = r.N, r.T
	}
	out := make([]byte, 0, b.text+len(b.Rows)+len(about)+binary.MaxVarintLen64)
	out = binary.AppendUvarint(out, uint64(len(about)))
	out = append(out, about...)
	for i := range b.Rows {
		out = append(append(out, b.Rows[i].Text...), 0)
	}
	return out
}

// An opened block is its plain text, read in place. It may be used for one block after another.
type opened struct {
	first        uint64
	about, text  []byte
	sealed, open []byte // room for what is read
	bound        []byte // and for what it is bound to

	rows []Row // without their texts
	ends []int // where the text of each row ends in text, at its NUL
}

// split takes the plain text of a block.
func (o *opened) split(plain []byte, first uint64) error {
	size, n := binary.Uvarint(plain)
	if n <= 0 || size > uint64(len(plain)-n) {
		return ErrDamaged
	}
	o.first, o.about, o.text = first, plain[n:n+int(size)], plain[n+int(size):]
	return nil
}

// parse reads which rows there are.
func (o *opened) parse() error {
	about, broken := o.about, false
	number := func() uint64 {
		v, n := binary.Uvarint(about)
		if broken = broken || n <= 0; broken {
			return 0
		}
		about = about[n:]
		return v
	}
	count, many := number(), number()
	if broken || count > MaxRows || many > count {
		return ErrDamaged
	}
	logs := make([]uint32, many)
	for i := range logs {
		logs[i] = uint32(number())
	}
	o.rows, o.ends = o.rows[:0], o.ends[:0]
	n, t, end := o.first-1, int64(0), -1
	for range count {
		n += number()
		log, zigzag := number(), number() // as binary.AppendVarint writes it
		t += int64(zigzag>>1) ^ -int64(zigzag&1)
		next := bytes.IndexByte(o.text[end+1:], 0)
		if broken || log >= many || next < 0 {
			return ErrDamaged
		}
		end += 1 + next
		o.rows, o.ends = append(o.rows, Row{N: n, Log: logs[log], T: t}), append(o.ends, end)
	}
	if broken || len(about) > 0 || end+1 != len(o.text) {
		return ErrDamaged
	}
	return nil
}

// textOf returns the text of a row.
func (o *opened) textOf(i int) []byte {
	start := 0
	if i > 0 {
		start = o.ends[i-1] + 1
	}
	return o.text[start:o.ends[i]]
}

// block returns a copy.
func (o *opened) block() Block {
	var b Block
	for i, r := range o.rows {
		r.Text = bytes.Clone(o.textOf(i))
		b.Add(r)
	}
	return b
}

// in returns the rows whose text matches. Which rows there are is only read if the longest piece is
// there at all.
func (o *opened) in(m Matcher, longest []byte) (rows []int, err error) {
	at := bytes.Index(o.text, longest)
	if at < 0 {
		return nil, nil
	}
	if err := o.parse(); err != nil {
		return nil, err
	}
	for from := 0; at >= 0; at = bytes.Index(o.text[from:], longest) {
		i, _ := slices.BinarySearch(o.ends, from+at)
		if m.In(o.textOf(i)) {
			rows = append(rows, i)
		}
		from = o.ends[i] + 1
	}
	return rows, nil
}

// Matcher says which texts are looked for: those that have all its pieces, if In says so as well.
type Matcher interface {
	Pieces() []string // at least one, the longest first
	In(folded []byte) bool
}
