package tree

import (
	"os"
	"path/filepath"
	"strings"
)

// mark has Windows ask before any of the files is opened as a program: the mark of the web, zone 3, in a
// stream beside the content. Source: [MS-FSCC] 5.6.1. os.Root takes no names of streams; whoever puts
// a link there gets nothing but the mark written through it.
func (p *Partial) mark(origin string) {
	origin = strings.Map(func(r rune) rune {
		if r < ' ' {
			return -1
		}
		return r
	}, origin)
	content := []byte("[ZoneTransfer]\r\nZoneId=3\r\nHostUrl=" + origin + "\r\n")
	for i := range p.entries {
		if p.entries[i].Folder() {
			continue
		}
		name := long(filepath.Join(p.root.Name(), filepath.FromSlash(p.path(i))))
		modified, err := p.root.Lstat(p.path(i))
		if err != nil || os.WriteFile(name+":Zone.Identifier", content, fileMode) != nil {
			continue
		}
		p.root.Chtimes(p.path(i), modified.ModTime(), modified.ModTime()) // writing the stream changes it
	}
}
