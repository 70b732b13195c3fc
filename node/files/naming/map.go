package naming

import (
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/earshot-im/earshot/store/blob"
)

// Names are the names on the disk of the entries of a folder. Folders have numbers too, from 0 on, and
// come after the folder that they are in.
type Names struct {
	entries []place
	folders []place
}

// place is a name and the number of the folder that it is in.
type place struct {
	name string
	in   int32
}

// top is the folder that has all others in it, where a number is asked for.
const top = -1

// Len returns how many entries there are.
func (n *Names) Len() int { return len(n.entries) }

// Entry returns the name of an entry, and the number of the folder that it is in, or -1 for the top. Of
// an empty folder it returns its own number, and no name.
func (n *Names) Entry(i int) (name string, folder int) {
	return n.entries[i].name, int(n.entries[i].in)
}

// Folders returns how many folders there are, besides the top.
func (n *Names) Folders() int { return len(n.folders) }

// Folder returns the name of a folder, and the number of the one that it is in, or -1 for the top.
func (n *Names) Folder(i int) (name string, folder int) {
	return n.folders[i].name, int(n.folders[i].in)
}

// Path returns the path of an entry, with slashes. That of an empty folder ends with one.
func (n *Names) Path(i int) string { return n.path(n.entries[i]) }

// FolderPath returns the path of a folder, with slashes, and . for the top.
func (n *Names) FolderPath(i int) string {
	if i == top {
		return "."
	}
	return n.path(n.folders[i])
}

func (n *Names) path(p place) string {
	parts := []string{p.name}
	for p.in != top {
		p = n.folders[p.in]
		parts = append(parts, p.name)
	}
	slices.Reverse(parts)
	return strings.Join(parts, "/")
}

// mapper makes Names, one folder after another.
type mapper struct {
	Names
	paths []string
	order []int32 // paths, as blob.ComparePaths has them
	todo  []span  // folders whose entries have no names yet

	// For the folder at hand: keys that are taken, and for alternatives, by what stays the same in
	// them, the last number.
	taken map[string]struct{}
	last  map[string]int
}

// span is a folder: the paths from order[from] up to order[to] begin with the same skip bytes.
type span struct{ folder, from, to, skip int32 }

// child is a file or folder in a folder.
type child struct {
	name     string // as the sender has it
	from, to int32  // in order; a file is one path
	folder   bool
}

// Map names the entries that have these paths. It returns ErrPath if Check refuses one of them, if one
// occurs twice or is a file and a folder, or if there are more than MaxPaths, or as many folders.
//
// In a folder, names that need no change come first and in ascending order, and then the others; each
// takes the first name that is free.
func Map(paths []string) (*Names, error) {
	if len(paths) > MaxPaths {
		return nil, fmt.Errorf("%w: %d of them, at most %d", ErrPath, len(paths), MaxPaths)
	}
	m := mapper{paths: paths, order: make([]int32, len(paths))}
	for i, path := range paths {
		if err := Check(path); err != nil {
			return nil, err
		}
		m.order[i] = int32(i)
	}
	if !slices.IsSortedFunc(paths, blob.ComparePaths) {
		slices.SortFunc(m.order, func(a, b int32) int { return blob.ComparePaths(paths[a], paths[b]) })
	}
	for i := 1; i < len(m.order); i++ {
		if path := paths[m.order[i]]; path == paths[m.order[i-1]] {
			return nil, refuse(path, "occurs twice")
		}
	}
	m.entries = make([]place, len(paths))
	if len(paths) > 0 {
		m.todo = []span{{top, 0, int32(len(paths)), 0}}
	}
	for len(m.todo) > 0 {
		next := m.todo[len(m.todo)-1]
		m.todo = m.todo[:len(m.todo)-1]
		if err := m.name(next); err != nil {
			return nil, err
		}
	}
	return &m.Names, nil
}

// at returns the i-th path in ascending order.
func (m *mapper) at(i int32) string { return m.paths[m.order[i]] }

// child returns what begins at a path in a folder.
func (m *mapper) child(s span, at int32) child {
	path := m.at(at)
	name, _, folder := strings.Cut(path[s.skip:], "/")
	c := child{name, at, at + 1, folder}
	if folder { // paths that begin alike are neighbours
		begin := path[s.skip : int(s.skip)+len(name)+1]
		c.to += int32(sort.Search(int(s.to-c.to), func(n int) bool {
			return !strings.HasPrefix(m.at(c.to + int32(n))[s.skip:], begin)
		}))
	}
	return c
}

// name gives the children of a folder their names.
func (m *mapper) name(s span) error {
	if m.at(s.from)[s.skip:] == "" { // an empty folder
		m.entries[m.order[s.from]] = place{"", s.folder}
		if s.to > s.from+1 {
			return refuse(m.at(s.from), "is empty and is not")
		}
		return nil
	}
	m.taken, m.last = make(map[string]struct{}), nil
	var others []child
	for at := s.from; at < s.to; {
		c := m.child(s, at)
		at = c.to
		if clean(c.name, false) != c.name || !m.take(Key(c.name)) {
			others = append(others, c)
		} else if err := m.give(s, c, c.name); err != nil {
			return err
		}
	}
	for _, c := range others {
		name := clean(c.name, false)
		if !m.take(Key(name)) {
			name = m.alternative(name, c.folder)
		}
		if err := m.give(s, c, name); err != nil {
			return err
		}
	}
	return nil
}

// take reports whether a key was free. Then it is taken.
func (m *mapper) take(key string) bool {
	_, taken := m.taken[key]
	m.taken[key] = struct{}{}
	return !taken
}

// alternative takes the first alternative of a name that is free.
func (m *mapper) alternative(name string, folder bool) string {
	stem, ext := room(name, folder)
	constant := Key(stem) + "/" + Key(ext)
	if m.last == nil {
		m.last = make(map[string]int)
	}
	for n := max(m.last[constant], 1) + 1; ; n++ {
		if next := numbered(stem, n, ext); m.take(Key(next)) {
			m.last[constant] = n
			return next
		}
	}
}

// give names a child, and has a folder divided later.
func (m *mapper) give(s span, c child, name string) error {
	p := place{name, s.folder}
	if !c.folder {
		m.entries[m.order[c.from]] = p
		return nil
	}
	skip := s.skip + int32(len(c.name)) + 1
	path := m.at(c.from)[:skip-1]
	if len(m.folders) == MaxPaths {
		return fmt.Errorf("%w: more than %d folders", ErrPath, MaxPaths)
	}
	if c.from > 0 && m.at(c.from-1) == path { // nothing comes between the two
		return refuse(path, "is a file and a folder")
	}
	m.folders = append(m.folders, p)
	m.todo = append(m.todo, span{int32(len(m.folders) - 1), c.from, c.to, skip})
	return nil
}
