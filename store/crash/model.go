package crash

import (
	"fmt"
	"hash/maphash"
	"maps"
	"slices"
)

// kind is what an operation does.
type kind int

const (
	mark kind = iota
	create
	truncate
	write
	rename
	remove
	syncFile
	syncNames
)

// op is one step of what was recorded.
type op struct {
	kind     kind
	name, to string
	file     int   // the number of the file, as names may change
	at       int64 // where to write, or the size
	data     []byte
	failed   bool // of a sync
	mark     any
}

func (o op) String() string {
	failed := ""
	if o.failed {
		failed = ", failed"
	}
	switch o.kind {
	case mark:
		return fmt.Sprintf("mark %v", o.mark)
	case create:
		return "create " + o.name
	case truncate:
		return fmt.Sprintf("truncate %s to %d", o.name, o.at)
	case write:
		return fmt.Sprintf("write %d bytes at %d of %s", len(o.data), o.at, o.name)
	case rename:
		return fmt.Sprintf("rename %s to %s", o.name, o.to)
	case remove:
		return "remove " + o.name
	case syncFile:
		return "sync " + o.name + failed
	default:
		return "sync the names" + failed
	}
}

// barrier says whether fewer states are possible after the operation, or more is asked of them.
func (o op) barrier() bool { return o.kind == mark || o.kind == syncFile || o.kind == syncNames }

// model is a directory: what a program sees and what may be durable.
type model struct {
	files  []*file
	names  *cell
	now    map[string]int // the last version of names
	moment int
}

func newModel(first map[string]*content) *model {
	m := &model{now: make(map[string]int)}
	for _, name := range slices.Sorted(maps.Keys(first)) {
		m.now[name] = len(m.files)
		m.files = append(m.files, newFile(first[name]))
	}
	m.names = &cell{versions: []version{{names: m.now}}}
	return m
}

func (m *model) apply(o op) {
	switch o.kind {
	case create:
		m.files = append(m.files, newFile(newContent(0, nil)))
		m.rename(func(names map[string]int) { names[o.name] = o.file })
	case truncate:
		m.files[o.file].truncate(&m.moment, o.at)
	case write:
		m.files[o.file].write(&m.moment, o.at, o.data)
	case rename:
		m.rename(func(names map[string]int) {
			id := names[o.name]
			delete(names, o.name)
			names[o.to] = id
		})
	case remove:
		m.rename(func(names map[string]int) { delete(names, o.name) })
	case syncFile:
		f := m.files[o.file]
		if !o.failed {
			f.sync()
			break
		}
		for _, c := range f.cells {
			c.doubtful = true
		}
	case syncNames:
		if o.failed {
			m.names.doubtful = true
		} else if !m.names.doubtful {
			m.names.versions = []version{{names: m.now}}
		}
	}
}

// rename adds a version of the names.
func (m *model) rename(change func(map[string]int)) {
	m.now = maps.Clone(m.now)
	change(m.now)
	m.moment++
	m.names.versions = append(m.names.versions, version{moment: m.moment, names: m.now})
}

// open returns the cells of which a crash may leave more than one version.
func (m *model) open() []*cell {
	var open []*cell
	named := make([]bool, len(m.files))
	for _, v := range m.names.versions {
		for _, id := range v.names {
			named[id] = true
		}
	}
	m.names.pick = 0
	if len(m.names.versions) > 1 {
		open = append(open, m.names)
	}
	for id, f := range m.files {
		if !named[id] {
			continue
		}
		for _, key := range slices.Sorted(maps.Keys(f.cells)) {
			open = append(open, f.cells[key])
		}
	}
	return open
}

// picked are the files that consist of the picked versions, and their hash.
func (m *model) picked() (files map[string]*content, hash uint64) {
	files = make(map[string]*content)
	for name, id := range m.names.versions[m.names.pick].names {
		c := m.files[id].picked()
		files[name] = c
		hash += mix(c.hash, maphash.String(seed, name))
	}
	return files, hash
}
