package search

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
)

// Keys seal what is written.
type Keys interface {
	Seal(plain, aad []byte) []byte
	AppendOpen(to, sealed, aad []byte) ([]byte, error)
}

const (
	magic = "earshot search 1\n"

	// headerSize is that of a record: room (4), size (4), first and last N (8 each), earliest and
	// latest T (8 each). room is how many bytes follow, size how many of them are the sealed block;
	// 0 if there is none any more.
	headerSize = 4 + 4 + 8 + 8 + 8 + 8

	// maxRecord is more than any block takes.
	maxRecord = 4 << 20

	// sparePart of its size is what a block that has become longer has to spare, so that it needn't move
	// with each edit.
	sparePart = 8

	// Of holesPart of the file, but no less than leastHoles, nothing is used any more before it is
	// written anew.
	holesPart  = 16
	leastHoles = 1 << 20
)

// record is a block in the file.
type record struct {
	at           int64 // of the header
	room, size   uint32
	first, last  uint64 // N of the rows
	early, later int64  // T of the rows
}

func (r *record) header() []byte {
	b := make([]byte, 0, headerSize)
	b = binary.BigEndian.AppendUint32(b, r.room)
	return r.about(binary.BigEndian.AppendUint32(b, r.size))
}

// about appends the part of the header that a sealed block is bound to.
func (r *record) about(b []byte) []byte {
	b = binary.BigEndian.AppendUint64(b, r.first)
	b = binary.BigEndian.AppendUint64(b, r.last)
	b = binary.BigEndian.AppendUint64(b, uint64(r.early))
	return binary.BigEndian.AppendUint64(b, uint64(r.later))
}

func (r *record) parse(b []byte) {
	r.room = binary.BigEndian.Uint32(b)
	r.size = binary.BigEndian.Uint32(b[4:])
	r.first = binary.BigEndian.Uint64(b[8:])
	r.last = binary.BigEndian.Uint64(b[16:])
	r.early = int64(binary.BigEndian.Uint64(b[24:]))
	r.later = int64(binary.BigEndian.Uint64(b[32:]))
}

// end is where the next record begins.
func (r *record) end() int64 { return r.at + headerSize + int64(r.room) }

// bound appends what the sealed block is bound to.
func (r *record) bound(b []byte) []byte { return r.about(append(b, "search"...)) }

// Of says of which ledger a cache is to be, and of which time of it.
type Of struct {
	Store    []byte // names it, and how its texts are folded
	Last     uint64 // the last arrival
	Followed uint64 // the last mark that the ledger counts on that the cache has followed
	Mark     uint64 // the last mark
}

// Cache is an open search cache. Make one by Open. In nil nothing is found, apart from others' places.
type Cache struct {
	path string
	keys Keys
	of   []byte

	looking chan struct{} // has one for each step of a search that is under way

	mu      sync.RWMutex // guards what follows; searches hold it for reading, a few blocks at a time
	file    *os.File
	records []record // by N
	mark    uint64   // what was given to Follow last
	begun   int      // how often it was begun anew, or a block divided: records have other indexes then
	end     int64    // of the file
	holes   int64    // bytes in it that are not used any more
}

// Open opens the file at path, and begins it anew if it does not hold a cache of that ledger, or one
// of an earlier or later time.
func Open(path string, keys Keys, of Of) (*Cache, error) {
	c := &Cache{path: path, keys: keys, of: of.Store, looking: make(chan struct{}, maxLooking)}
	if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() { // a link might lead to something else
		return nil, fmt.Errorf("open the search cache: %s is no regular file", path)
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the search cache: %w", err)
	}
	c.file = f
	if err := c.load(); err == nil && c.Last() <= of.Last && of.Followed <= c.mark && c.mark <= of.Mark {
		return c, nil
	} else if err != nil && !errors.Is(err, ErrDamaged) {
		return nil, errors.Join(err, f.Close())
	}
	if err := c.Reset(of.Followed); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return c, nil
}

// Close closes the file.
func (c *Cache) Close() error {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.file.Close()
}

// Reset throws away all that there is. What the marks up to one were about has been taken in when the
// rows are added again.
func (c *Cache) Reset(mark uint64) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.begun++
	c.records, c.end, c.holes, c.mark = nil, 0, 0, mark
	if err := c.file.Truncate(0); err != nil {
		return fmt.Errorf("begin the search cache: %w", err)
	}
	start := c.start()
	if _, err := c.file.WriteAt(start, 0); err != nil {
		return fmt.Errorf("begin the search cache: %w", err)
	}
	c.end = int64(len(start))
	return nil
}

// start is how the file begins: what it is, the mark, and of which store it is.
func (c *Cache) start() []byte {
	b := binary.BigEndian.AppendUint64([]byte(magic), c.mark)
	sealed := c.keys.Seal(c.of, []byte(magic))
	return append(binary.BigEndian.AppendUint32(b, uint32(len(sealed))), sealed...)
}

// Follow notes the mark of the store up to which the cache has taken in which rows have other words.
// When it returns, all that was changed is on the disk: the store forgets then which rows these were, and
// of what is written a power loss may keep the mark and lose the rest.
func (c *Cache) Follow(mark uint64) error {
	c.mu.Lock()
	mark = max(mark, c.mark)
	_, err := c.file.WriteAt(binary.BigEndian.AppendUint64(nil, mark), int64(len(magic)))
	if err == nil {
		c.mark = mark
	}
	c.mu.Unlock()
	if err == nil {
		err = c.file.Sync() // without the lock: searches go on meanwhile
	}
	if err != nil {
		return fmt.Errorf("write the search cache: %w", err)
	}
	return nil
}

// load reads which blocks the file has.
func (c *Cache) load() error {
	info, err := c.file.Stat()
	if err != nil {
		return err
	}
	size := info.Size()
	begin := make([]byte, len(magic)+8+4)
	if err := c.read(begin, 0, size); err != nil {
		return err
	}
	sealed := make([]byte, min(binary.BigEndian.Uint32(begin[len(magic)+8:]), 1<<10))
	if err := c.read(sealed, int64(len(begin)), size); err != nil {
		return err
	}
	of, err := c.keys.AppendOpen(nil, sealed, []byte(magic))
	if err != nil || string(begin[:len(magic)]) != magic || string(of) != string(c.of) {
		return ErrDamaged
	}
	c.mark = binary.BigEndian.Uint64(begin[len(magic):])
	c.end = int64(len(begin) + len(sealed))
	head := make([]byte, headerSize)
	for c.end < size {
		if err := c.read(head, c.end, size); err != nil {
			return err
		}
		r := record{at: c.end}
		r.parse(head)
		if r.room > maxRecord || r.size > r.room || r.end() > size {
			return ErrDamaged
		}
		c.end = r.end()
		if r.size == 0 {
			c.holes += headerSize + int64(r.room)
			continue
		}
		c.records = append(c.records, r)
	}
	// What was written anew stands behind later blocks; what a crash has left twice counts once.
	slices.SortStableFunc(c.records, func(a, b record) int { return compare(a.first, b.first) })
	for i := 1; i < len(c.records); i++ {
		before, r := &c.records[i-1], &c.records[i]
		if r.first == before.first && r.last == before.last && r.at > before.at {
			if err := c.clear(before); err != nil {
				return err
			}
			c.records = slices.Delete(c.records, i-1, i)
			i--
		} else if r.first != before.last+1 {
			return ErrDamaged
		}
	}
	for i := range c.records {
		if r := &c.records[i]; r.first > r.last || i == 0 && r.first != 1 {
			return ErrDamaged
		}
	}
	return nil
}

func compare(a, b uint64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// read fills b from the file, which has a size.
func (c *Cache) read(b []byte, at, size int64) error {
	if at+int64(len(b)) > size {
		return ErrDamaged
	}
	if _, err := c.file.ReadAt(b, at); err != nil {
		return fmt.Errorf("read the search cache: %w", err)
	}
	return nil
}

// Last returns the arrival up to which the cache has all rows.
func (c *Cache) Last() uint64 {
	if c == nil {
		return 0
	}
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.last()
}

func (c *Cache) last() uint64 {
	if len(c.records) == 0 {
		return 0
	}
	return c.records[len(c.records)-1].last
}

// Begun returns how often the cache was begun anew, or got other blocks than it had, since it was opened.
func (c *Cache) Begun() int {
	if c == nil {
		return 0
	}
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.begun
}

// Size returns how many bytes the file has.
func (c *Cache) Size() int64 {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.end
}

// Append adds a block: all rows that have arrived after Last, up to the last one in it.
func (c *Cache) Append(b *Block) error {
	if len(b.Rows) == 0 {
		return nil
	}
	r := record{first: c.Last() + 1, last: b.Rows[len(b.Rows)-1].N}
	r.early, r.later = b.times()
	sealed := c.seal(&r, b)
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.write(&r, sealed, 0); err != nil {
		return err
	}
	c.records = append(c.records, r)
	return nil
}

func (c *Cache) seal(r *record, b *Block) []byte {
	return c.keys.Seal(b.marshal(r.first), r.bound(nil))
}

// write writes a record behind all others, with some room to spare. Where that fails, nothing was added.
func (c *Cache) write(r *record, sealed []byte, spare int) error {
	if c.end == 0 {
		return ErrDamaged // it could not be begun anew
	}
	r.at, r.room, r.size = c.end, uint32(len(sealed)+spare), uint32(len(sealed))
	whole := append(append(r.header(), sealed...), make([]byte, spare)...)
	if _, err := c.file.WriteAt(whole, r.at); err != nil {
		return errors.Join(fmt.Errorf("write the search cache: %w", err), c.file.Truncate(c.end))
	}
	c.end = r.end()
	return nil
}

// Change has rows read anew by their N, of one block. now returns the text of a row, which is nil where
// the words are gone. It returns those that are left: all that are not of that block, and some that are,
// if the block has much text by now.
func (c *Cache) Change(ns []uint64, now func(n uint64) ([]byte, error)) (rest []uint64, err error) {
	i, ok := c.holding(ns[0])
	if !ok {
		return ns[1:], nil // it is not in the cache yet
	}
	old := c.records[i] // only this goroutine changes it
	var o opened
	if err := c.open(&old, &o); err != nil {
		return ns, err
	}
	if err := o.parse(); err != nil {
		return ns, err
	}
	b := o.block()
	changed := false
	for rest = ns; len(rest) > 0 && rest[0] <= old.last && b.text < maxChanged; rest = rest[1:] {
		at, found := slices.BinarySearchFunc(b.Rows, rest[0], func(r Row, n uint64) int { return compare(r.N, n) })
		if !found {
			continue
		}
		text, err := now(rest[0])
		if err != nil {
			return ns, err
		}
		if changed = changed || string(text) != string(b.Rows[at].Text); changed {
			b.text += len(text) - len(b.Rows[at].Text)
			b.Rows[at].Text = text
		}
	}
	if !changed {
		return rest, nil
	}
	if err := c.replace(i, old, &b); err != nil {
		return ns, err
	}
	return rest, nil
}

// holding returns the index of the record in which an N lies.
func (c *Cache) holding(n uint64) (int, bool) {
	i, _ := slices.BinarySearchFunc(c.records, n, func(r record, n uint64) int { return compare(r.last, n) })
	return i, i < len(c.records)
}

// replace writes a block in place of an older form of it: over that if there is room, else behind
// all others, and then nothing is left of the older form. Much text becomes several blocks.
func (c *Cache) replace(i int, old record, b *Block) error {
	if b.text >= maxChanged && len(b.Rows) > 1 {
		return c.divide(i, old, b)
	}
	r := old
	sealed := c.seal(&r, b)
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(sealed) <= int(old.room) {
		r.size = uint32(len(sealed))
		whole := append(r.header(), sealed...)
		whole = append(whole, make([]byte, int(old.room)-len(sealed))...)
		if _, err := c.file.WriteAt(whole, r.at); err != nil {
			return fmt.Errorf("write the search cache: %w", err)
		}
		c.records[i] = r
		return nil
	}
	if err := c.write(&r, sealed, len(sealed)/sparePart); err != nil {
		return err
	}
	c.records[i] = r
	return c.clear(&old)
}

// divide writes several blocks in place of one. A crash in between leaves both, which load takes for
// damage.
func (c *Cache) divide(i int, old record, b *Block) error {
	var records []record
	var sealed [][]byte
	first := old.first
	for rows := b.Rows; len(rows) > 0; {
		var part Block
		for len(rows) > 0 && !part.Full(MaxRows) {
			part.Add(rows[0])
			rows = rows[1:]
		}
		r := record{first: first, last: part.Rows[len(part.Rows)-1].N}
		r.early, r.later = part.times()
		sealed = append(sealed, c.seal(&r, &part))
		records = append(records, r)
		first = r.last + 1
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	end := c.end
	for k := range records {
		if err := c.write(&records[k], sealed[k], 0); err != nil {
			c.end = end
			return errors.Join(err, c.file.Truncate(end))
		}
	}
	c.records = slices.Replace(c.records, i, i+1, records...)
	c.begun++ // whoever searches begins again
	return c.clear(&old)
}

// clear leaves a hole where a record was.
func (c *Cache) clear(r *record) error {
	hole := record{room: r.room}
	if _, err := c.file.WriteAt(append(hole.header(), make([]byte, r.room)...), r.at); err != nil {
		return fmt.Errorf("write the search cache: %w", err)
	}
	c.holes += headerSize + int64(r.room)
	return nil
}

// open reads a block. Who calls it holds the lock, or is the one who changes the cache.
func (c *Cache) open(r *record, o *opened) error {
	o.sealed = slices.Grow(o.sealed[:0], int(r.size))[:r.size]
	_, err := c.file.ReadAt(o.sealed, r.at+headerSize)
	switch {
	case errors.Is(err, os.ErrClosed):
		return err
	case err != nil:
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	o.bound = r.bound(o.bound[:0])
	if o.open, err = c.keys.AppendOpen(o.open[:0], o.sealed, o.bound); err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return o.split(o.open, r.first)
}

// Compact writes the file anew if much of it is not used any more. Where that fails, it is as it was.
func (c *Cache) Compact() error {
	if c.holes < max(leastHoles, c.end/holesPart) {
		return nil
	}
	const temporary = ".tmp"
	f, err := os.OpenFile(c.path+temporary, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("write the search cache: %w", err)
	}
	fresh := &Cache{path: c.path, keys: c.keys, of: c.of, file: f}
	err = fresh.Reset(c.mark)
	for i := 0; i < len(c.records) && err == nil; i++ {
		r := c.records[i]
		sealed := make([]byte, r.size)
		if _, err = c.file.ReadAt(sealed, r.at+headerSize); err == nil {
			if err = fresh.write(&r, sealed, 0); err == nil {
				fresh.records = append(fresh.records, r)
			}
		}
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(fmt.Errorf("write the search cache: %w", err), os.Remove(f.Name()))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	kept := errors.Join(c.file.Close(), os.Rename(f.Name(), c.path)) // closed, since Windows renames over no open file
	file, err := os.OpenFile(c.path, os.O_RDWR, 0)
	if err != nil {
		return errors.Join(kept, fmt.Errorf("open the search cache: %w", err))
	}
	c.file = file
	if kept != nil { // it is the old one still
		return errors.Join(fmt.Errorf("write the search cache: %w", kept), os.Remove(f.Name()))
	}
	c.records, c.end, c.holes = fresh.records, fresh.end, 0
	return nil
}
