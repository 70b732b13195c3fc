package tree

import "golang.org/x/sys/unix"

// mark notes where it came from, on the file or the folder as a whole, as freedesktop.org's "Common
// Extended Attributes" has it. Not every file system can.
func (p *Partial) mark(origin string) {
	path := "."
	if p.names == nil {
		path = p.name
	}
	f, err := p.root.OpenFile(path, dontWait, 0)
	if err != nil {
		return
	}
	defer f.Close()
	unix.Fsetxattr(int(f.Fd()), "user.xdg.origin.url", []byte(origin), 0)
}
