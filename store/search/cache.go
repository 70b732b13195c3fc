package search

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
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
	magic = "earshot search 2\n"

	// temporary is what the name of the file ends in that Compact writes.
	temporary = ".tmp"

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
	if err := os.Remove(path + temporary); err != nil && !errors.Is(err, fs.ErrNotExist) { // left by a crash
		return nil, fmt.Errorf("open the search cache: %w", err)
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
	slices.SortStableFunc(c.records, func(a, b record) int { return cmp.Compare(a.first, b.first) })
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
