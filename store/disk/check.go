package disk

import (
	"bytes"
	"encoding/binary"
	"hash/fnv"
	"io"
)

// The file format of bbolt, version 2, in the byte order of the machine. Its source is
// internal/common of https://github.com/etcd-io/bbolt. Pages 0 and 1 are metas. A page may continue
// in the pages behind it (overflow). Trees consist of branch pages and end in leaf pages. The
// leaves of the root tree hold buckets: each is the root of a tree of its own or, if small, a whole
// leaf page inside the element. Our buckets are never nested.
const (
	pageHeader = 16 // id 8, flags 2, count 2, overflow 4
	// magic, version, page size, flags: 4 each; root, sequence, freelist, high, tx, checksum: 8
	// each
	metaSize = 64
	// branch: position 4, key size 4, page 8; leaf: flags, position, key size, value size: 4 each
	element    = 16
	bucketSize = 16 // root 8, sequence 8

	flagBranch   = 1
	flagLeaf     = 2
	flagFreelist = 16
	leafBucket   = 1      // a leaf element's flag
	manyFree     = 0xFFFF // the count of a freelist whose first 8 bytes are the count

	boltMagic   = 0xED0CDAED
	boltVersion = 2
	noFreelist  = ^uint64(0)

	// maxDepth bounds the recursion: each level of a tree has at least two children.
	maxDepth = 48
)

var order = binary.NativeEndian

// checker walks the trees of one file.
type checker struct {
	file     io.ReaderAt
	pageSize int64
	high     uint64 // first page that was never used
	root     uint64
	freelist uint64 // page of the freelist, or noFreelist
	seen     []uint64
	used     int64 // pages

	// quick leaves the leaves of buckets unread, except for the first below each branch.
	quick bool
	// pages has room for the page that is being read, by depth.
	pages [maxDepth + 1][]byte
}

// check returns how many bytes of a file are in use and whether the file was closed, or ErrDamaged.
// Of a file that was closed it reads only what bbolt could not survive: the freelist and the
// branches, which also show that no page has two uses. Of any other file, or if whole is set, it
// reads everything, since a crash may have torn what was written last.
func check(file io.ReaderAt, size int64, whole bool) (used int64, closed bool, err error) {
	c := checker{file: file}
	if err := c.metas(size); err != nil {
		return 0, false, err
	}
	closed = c.freelist != noFreelist
	c.quick = closed && !whole
	c.seen = make([]uint64, c.high/64+1)
	c.used = 2
	if err := c.tree(c.root, 0, true, nil, nil); err != nil {
		return 0, false, err
	}
	if closed {
		free, err := c.free()
		if err != nil {
			return 0, false, err
		}
		c.used = int64(c.high - free)
	}
	return c.used * c.pageSize, closed, nil
}

// metas reads both meta pages and takes the newer one. bbolt would make do with one of them, and
// would go back to the transaction before the last if only the older one is whole. But a meta fits
// a sector, so no crash tears it: a meta that is wrong was damaged later, and going back would lose
// what was acknowledged.
func (c *checker) metas(size int64) error {
	var newest uint64
	for i := range int64(2) {
		b := make([]byte, pageHeader+metaSize)
		if _, err := c.file.ReadAt(b, i*c.pageSize); err != nil {
			return Damaged("meta page %d: %w", i, err)
		}
		m := b[pageHeader:]
		h := fnv.New64a()
		h.Write(m[:56])
		pageSize := int64(order.Uint32(m[8:]))
		switch {
		case order.Uint32(m) != boltMagic || order.Uint32(m[4:]) != boltVersion:
			return Damaged("meta page %d is none", i)
		case order.Uint64(m[56:]) != h.Sum64():
			return Damaged("meta page %d has a wrong checksum", i)
		case pageSize < 1<<10 || pageSize > 1<<16 || pageSize&(pageSize-1) != 0 || i > 0 && pageSize != c.pageSize:
			return Damaged("page size %d", pageSize)
		}
		c.pageSize = pageSize
		if tx := order.Uint64(m[48:]); i == 0 || tx > newest {
			newest, c.root, c.freelist, c.high = tx, order.Uint64(m[16:]), order.Uint64(m[32:]), order.Uint64(m[40:])
		}
	}
	if c.high < 3 || c.high > uint64(size/c.pageSize) {
		return Damaged("%d pages in a file of %d bytes", c.high, size)
	}
	return nil
}

// free checks that no page on the freelist is in use, and counts them.
func (c *checker) free() (uint64, error) {
	b, err := c.read(c.freelist, 0)
	if err != nil {
		return 0, err
	}
	if flags := order.Uint16(b[8:]); flags != flagFreelist {
		return 0, Damaged("page %d has kind %#x", c.freelist, flags)
	}
	count, ids := uint64(order.Uint16(b[10:])), b[pageHeader:]
	if count == manyFree {
		count, ids = order.Uint64(ids), ids[8:]
	}
	if count > uint64(len(ids)/8) {
		return 0, Damaged("%d free pages", count)
	}
	for i := range count {
		if err := c.use(order.Uint64(ids[8*i:]), 1); err != nil {
			return 0, err
		}
	}
	return count, nil
}

// use notes that pages from id on are in use. They must not be in use for anything else.
func (c *checker) use(id, pages uint64) error {
	if id < 2 || id >= c.high || pages > c.high-id {
		return Damaged("page %d does not exist", id)
	}
	for p := id; p < id+pages; p++ {
		if c.seen[p/64]&(1<<(p%64)) != 0 {
			return Damaged("page %d is used twice", p)
		}
		c.seen[p/64] |= 1 << (p % 64)
	}
	c.used += int64(pages)
	return nil
}

// read returns a page with all its overflow pages. It is valid until the next page of this depth is
// read.
func (c *checker) read(id uint64, depth int) ([]byte, error) {
	if id < 2 || id >= c.high || depth > maxDepth {
		return nil, Damaged("page %d does not exist", id)
	}
	b := c.pages[depth]
	if b == nil {
		b = make([]byte, c.pageSize)
	}
	at := int64(id) * c.pageSize
	if _, err := c.file.ReadAt(b[:c.pageSize], at); err != nil {
		return nil, Damaged("page %d: %w", id, err)
	}
	pages := uint64(order.Uint32(b[12:])) + 1
	if order.Uint64(b) != id {
		return nil, Damaged("page %d is another", id)
	}
	if err := c.use(id, pages); err != nil {
		return nil, err
	}
	size := int64(pages) * c.pageSize
	if size > int64(len(b)) {
		b = append(make([]byte, 0, size), b[:c.pageSize]...)[:size]
	}
	c.pages[depth] = b
	if _, err := c.file.ReadAt(b[c.pageSize:size], at+c.pageSize); err != nil {
		return nil, Damaged("page %d: %w", id, err)
	}
	return b[:size], nil
}

// tree checks the pages below id, whose keys must be at least low and below high. The root tree has
// buckets and nothing else; no other tree has any.
func (c *checker) tree(id uint64, depth int, root bool, low, high []byte) error {
	b, err := c.read(id, depth)
	if err != nil {
		return err
	}
	return c.page(b, id, depth, root, low, high)
}

// bucket checks the tree of a bucket.
func (c *checker) bucket(b []byte, depth int) error {
	if len(b) < bucketSize {
		return Damaged("bucket of %d bytes", len(b))
	}
	if root := order.Uint64(b); root != 0 {
		return c.tree(root, depth, false, nil, nil)
	}
	return c.page(b[bucketSize:], 0, depth, false, nil, nil)
}

// page checks one page. If id is 0, it stands inside the element of a bucket.
func (c *checker) page(b []byte, id uint64, depth int, root bool, low, high []byte) error {
	if len(b) < pageHeader {
		return Damaged("page of %d bytes", len(b))
	}
	flags, count := order.Uint16(b[8:]), int(order.Uint16(b[10:]))
	branch := flags == flagBranch && id != 0
	if !branch && flags != flagLeaf {
		return Damaged("page %d has kind %#x", id, flags)
	}
	if pageHeader+count*element > len(b) || branch && count == 0 {
		return Damaged("page %d with %d elements", id, count)
	}
	last := low
	above := false // the children are leaves: all of them are if one is
	for i := range count {
		e, err := readElement(b, pageHeader+i*element, branch)
		switch {
		case err != nil:
			return err
		case i == 0 && low != nil && bytes.Compare(e.key, low) < 0,
			i > 0 && bytes.Compare(last, e.key) >= 0,
			high != nil && bytes.Compare(e.key, high) >= 0:
			return Damaged("page %d: keys out of order", id)
		}
		last = e.key
		switch {
		case above:
			err = c.use(e.child, 1)
		case branch:
			end := high
			if i+1 < count {
				next, err := readElement(b, pageHeader+(i+1)*element, true)
				if err != nil {
					return err
				}
				end = next.key
			}
			err = c.tree(e.child, depth+1, root, e.key, end)
			above = c.quick && !root && err == nil && order.Uint16(c.pages[depth+1][8:]) == flagLeaf
		case e.flags == leafBucket && root:
			err = c.bucket(e.value, depth+1)
		case e.flags != 0 || root:
			err = Damaged("page %d: element of kind %d", id, e.flags)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

type pageElement struct {
	key, value []byte
	flags      uint32
	child      uint64
}

// readElement returns the element whose header begins at b[at]. The caller has found that the
// header lies inside b.
func readElement(b []byte, at int, branch bool) (pageElement, error) {
	h := b[at : at+element]
	var e pageElement
	var position, key, value uint64
	if branch {
		position, key, e.child = uint64(order.Uint32(h)), uint64(order.Uint32(h[4:])), order.Uint64(h[8:])
	} else {
		e.flags = order.Uint32(h)
		position, key, value = uint64(order.Uint32(h[4:])), uint64(order.Uint32(h[8:])), uint64(order.Uint32(h[12:]))
	}
	start := uint64(at) + position
	if key == 0 || start+key+value > uint64(len(b)) {
		return e, Damaged("element beyond its page")
	}
	e.key = b[start : start+key]
	e.value = b[start+key : start+key+value]
	return e, nil
}
