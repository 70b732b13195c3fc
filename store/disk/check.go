package disk

import (
	"bytes"
	"encoding/binary"
	"hash/fnv"
	"io"
)

// What follows is bbolt's file format, version 2, in the byte order of the machine:
// https://github.com/etcd-io/bbolt, internal/common. Page 0 and 1 are metas; a page
// may go on over others (overflow); a tree of branch pages ends in leaf pages; the
// leaves of the root tree hold buckets, each the root of a tree of its own or, if
// small, a whole leaf page inside the element. Our buckets are never nested.
const (
	pageHeader = 16 // id 8, flags 2, count 2, overflow 4
	metaSize   = 64 // magic 4, version 4, page size 4, flags 4, root 8, sequence 8, freelist 8, high water 8, tx 8, checksum 8
	element    = 16 // branch: position 4, key size 4, page 8; leaf: flags 4, position 4, key size 4, value size 4
	bucketSize = 16 // root 8, sequence 8

	flagBranch = 1
	flagLeaf   = 2
	leafBucket = 1 // a leaf element's flag

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
	seen     []uint64
	used     int64 // pages
}

// check reads all of the file and returns how many bytes of it are in use, or
// ErrDamaged.
func check(file io.ReaderAt, size int64) (used int64, err error) {
	c := checker{file: file}
	root, err := c.metas(size)
	if err != nil {
		return 0, err
	}
	c.seen = make([]uint64, c.high/64+1)
	c.used = 2
	err = c.tree(root, 0, nil, nil, func(bucket []byte) error {
		if len(bucket) < bucketSize {
			return damaged("bucket of %d bytes", len(bucket))
		}
		if root := order.Uint64(bucket); root != 0 {
			return c.tree(root, 0, nil, nil, nil)
		}
		return c.page(bucket[bucketSize:], 0, 0, nil, nil, nil)
	})
	return c.used * c.pageSize, err
}

// metas reads both meta pages and returns the root page of the newer. bbolt makes
// do with one, and with the transaction before the last if that one is the older. A
// meta fits a sector, so no crash tears it: one that is wrong was damaged later, and
// to go on would lose what had been acknowledged.
func (c *checker) metas(size int64) (root uint64, err error) {
	var newest uint64
	for i := range int64(2) {
		b := make([]byte, pageHeader+metaSize)
		if _, err := c.file.ReadAt(b, i*c.pageSize); err != nil {
			return 0, damaged("meta page %d: %w", i, err)
		}
		m := b[pageHeader:]
		h := fnv.New64a()
		h.Write(m[:56])
		pageSize := int64(order.Uint32(m[8:]))
		switch {
		case order.Uint32(m) != boltMagic || order.Uint32(m[4:]) != boltVersion:
			return 0, damaged("meta page %d is none", i)
		case order.Uint64(m[56:]) != h.Sum64():
			return 0, damaged("meta page %d has a wrong checksum", i)
		case pageSize < 1<<10 || pageSize > 1<<16 || pageSize&(pageSize-1) != 0 || i > 0 && pageSize != c.pageSize:
			return 0, damaged("page size %d", pageSize)
		}
		c.pageSize = pageSize
		if tx := order.Uint64(m[48:]); i == 0 || tx > newest {
			newest, root, c.high = tx, order.Uint64(m[16:]), order.Uint64(m[40:])
			if order.Uint64(m[32:]) != noFreelist && order.Uint64(m[32:]) >= c.high {
				return 0, damaged("freelist beyond the end")
			}
		}
	}
	if c.high < 3 || c.high > uint64(size/c.pageSize) {
		return 0, damaged("%d pages in a file of %d bytes", c.high, size)
	}
	return root, nil
}

// tree checks the pages below id, whose keys must be at least low and below high.
// bucket is called for each bucket, of which only the root tree may have any.
func (c *checker) tree(id uint64, depth int, low, high []byte, bucket func([]byte) error) error {
	if id < 2 || id >= c.high || depth > maxDepth {
		return damaged("page %d does not exist", id)
	}
	var h [pageHeader]byte
	if _, err := c.file.ReadAt(h[:], int64(id)*c.pageSize); err != nil {
		return damaged("page %d: %w", id, err)
	}
	pages := uint64(order.Uint32(h[12:])) + 1
	if order.Uint64(h[:]) != id || pages > c.high-id {
		return damaged("page %d is another", id)
	}
	for p := id; p < id+pages; p++ {
		if c.seen[p/64]&(1<<(p%64)) != 0 {
			return damaged("page %d is used twice", p)
		}
		c.seen[p/64] |= 1 << (p % 64)
	}
	c.used += int64(pages)
	b := make([]byte, int64(pages)*c.pageSize)
	if _, err := c.file.ReadAt(b, int64(id)*c.pageSize); err != nil {
		return damaged("page %d: %w", id, err)
	}
	return c.page(b, id, depth, low, high, bucket)
}

// page checks one page, of a bucket inside an element if id is 0.
func (c *checker) page(b []byte, id uint64, depth int, low, high []byte, bucket func([]byte) error) error {
	if len(b) < pageHeader {
		return damaged("page of %d bytes", len(b))
	}
	flags, count := order.Uint16(b[8:]), int(order.Uint16(b[10:]))
	branch := flags == flagBranch && id != 0
	if !branch && flags != flagLeaf {
		return damaged("page %d has kind %#x", id, flags)
	}
	if pageHeader+count*element > len(b) || branch && count == 0 {
		return damaged("page %d with %d elements", id, count)
	}
	last := low
	for i := range count {
		e, err := readElement(b, pageHeader+i*element, branch)
		switch {
		case err != nil:
			return err
		case i == 0 && low != nil && bytes.Compare(e.key, low) < 0,
			i > 0 && bytes.Compare(last, e.key) >= 0,
			high != nil && bytes.Compare(e.key, high) >= 0:
			return damaged("page %d: keys out of order", id)
		}
		last = e.key
		switch {
		case branch:
			above := high
			if i+1 < count {
				next, err := readElement(b, pageHeader+(i+1)*element, true)
				if err != nil {
					return err
				}
				above = next.key
			}
			err = c.tree(e.child, depth+1, e.key, above, bucket)
		case e.flags == leafBucket && bucket != nil:
			err = bucket(e.value)
		case e.flags != 0 || bucket != nil:
			err = damaged("page %d: element of kind %d", id, e.flags)
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

// readElement takes the element whose header begins at b[at], where it has been
// found to lie inside b.
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
		return e, damaged("element beyond its page")
	}
	e.key = b[start : start+key]
	e.value = b[start+key : start+key+value]
	return e, nil
}
