package crash

import (
	"bytes"
	"hash/maphash"
	"maps"
	"slices"
)

// sectorSize is what a disk writes whole or not at all.
const sectorSize = 512

var (
	seed  = maphash.MakeSeed()
	zeros sector
)

// sector is a part of a file. It never changes; nil is zeros.
type sector struct {
	data [sectorSize]byte
	hash uint64
}

func newSector(b []byte) *sector {
	s := new(sector)
	copy(s.data[:], b)
	if s.data == zeros.data {
		return nil
	}
	s.hash = maphash.Bytes(seed, s.data[:])
	return s
}

// bytes returns the content, for reading.
func (s *sector) bytes() []byte {
	if s == nil {
		s = &zeros
	}
	return s.data[:]
}

func (s *sector) equal(o *sector) bool { return s == o || s != nil && o != nil && s.data == o.data }

// content is a whole file. It never changes.
type content struct {
	size    int64
	sectors []*sector // may be fewer than size has: the rest is zeros
	hash    uint64
}

// newContent makes the sectors the content of a file and takes off what is beyond its end.
func newContent(size int64, sectors []*sector) *content {
	c := &content{size: size, sectors: sectors[:min(len(sectors), count(size))], hash: mix(uint64(size), 0)}
	if i, end := int(size/sectorSize), size%sectorSize; end > 0 && i < len(c.sectors) {
		c.sectors[i] = newSector(c.sectors[i].bytes()[:end])
	}
	for i, s := range c.sectors {
		if s != nil {
			c.hash += mix(s.hash, uint64(i))
		}
	}
	return c
}

// count is how many sectors a file of this size has.
func count(size int64) int { return int((size + sectorSize - 1) / sectorSize) }

// mix makes one number of two.
func mix(a, b uint64) uint64 {
	a ^= b * 0x9e3779b97f4a7c15
	a = (a ^ a>>30) * 0xbf58476d1ce4e5b9
	a = (a ^ a>>27) * 0x94d049bb133111eb
	return a ^ a>>31
}

// cell is what a crash leaves or takes by itself: a sector, the size of a file, or the names.
type cell struct {
	versions []version // the first is durable, the last is what a program sees
	doubtful bool      // a sync of it has failed
	pick     int       // which version the crash leaves
}

// version is what a cell was from a moment on.
type version struct {
	moment int // higher is later; no two are the same
	sector *sector
	size   int64
	names  map[string]int // the numbers of the files
}

// file is the content of a file that has a name, had one or is open.
type file struct {
	durable *content
	size    int64     // what a program sees
	sectors []*sector // what a program sees
	cells   map[int]*cell
}

// sizeCell is the key of the size among the cells of a file; the other keys are numbers of sectors.
const sizeCell = -1

func newFile(c *content) *file {
	sectors := make([]*sector, count(c.size))
	copy(sectors, c.sectors)
	return &file{durable: c, size: c.size, sectors: sectors, cells: make(map[int]*cell)}
}

// write writes bytes.
func (f *file) write(moment *int, at int64, b []byte) {
	if end := at + int64(len(b)); end > f.size {
		f.truncate(moment, end)
	}
	for len(b) > 0 {
		i, start := int(at/sectorSize), at%sectorSize
		s := bytes.Clone(f.sectors[i].bytes())
		n := copy(s[start:], b)
		f.sectors[i] = newSector(s)
		f.changed(moment, i)
		b, at = b[n:], at+int64(n)
	}
}

// truncate sets the size. What is cut off is zeros if the file grows again.
func (f *file) truncate(moment *int, size int64) {
	old := f.size
	f.size = size
	f.sectors = f.sectors[:min(len(f.sectors), count(size))]
	if i, end := int(size/sectorSize), size%sectorSize; end > 0 && i < len(f.sectors) {
		f.sectors[i] = newSector(f.sectors[i].bytes()[:end])
	}
	f.sectors = append(f.sectors, make([]*sector, count(size)-len(f.sectors))...)
	for i := int(old / sectorSize); size > old && i < count(size); i++ {
		f.changed(moment, i)
	}
	f.changed(moment, sizeCell)
}

// changed notes that a cell may have another version now.
func (f *file) changed(moment *int, key int) {
	c := f.cells[key]
	if c == nil {
		c = &cell{versions: []version{{size: f.durable.size}}}
		if key != sizeCell && key < len(f.durable.sectors) {
			c.versions[0].sector = f.durable.sectors[key]
		}
	}
	c.doubtful = false // it will be written again
	now := version{size: f.durable.size}
	if key == sizeCell {
		now.size = f.size
	} else {
		now.sector = f.sectors[key]
	}
	if last := c.versions[len(c.versions)-1]; now.size == last.size && now.sector.equal(last.sector) {
		return
	}
	*moment++
	now.moment = *moment
	c.versions = append(c.versions, now)
	f.cells[key] = c
}

// sync makes durable what a program sees. What is doubtful keeps its versions.
func (f *file) sync() {
	for key, c := range f.cells {
		c.pick = len(c.versions) - 1
		for i, v := range c.versions {
			if key == sizeCell && c.doubtful && v.size > c.versions[c.pick].size {
				c.pick = i // and so keep what may not have been cut off
			}
		}
	}
	f.durable = f.picked()
	maps.DeleteFunc(f.cells, func(_ int, c *cell) bool { return !c.doubtful })
}

// picked is the content that consists of the picked versions.
func (f *file) picked() *content {
	if len(f.cells) == 0 {
		return f.durable
	}
	size := f.durable.size
	sectors := slices.Clone(f.durable.sectors)
	for key, c := range f.cells {
		v := c.versions[c.pick]
		if key == sizeCell {
			size = v.size
			continue
		}
		if key >= len(sectors) {
			sectors = append(sectors, make([]*sector, key+1-len(sectors))...)
		}
		sectors[key] = v.sector
	}
	return newContent(size, sectors)
}
