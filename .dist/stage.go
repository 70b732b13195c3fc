package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// maintainer is who stands in packages for the project. Both kinds ask for a name with an address;
// nobody reads mail there, and the homepage says where to write to.
const (
	maintainer = "The earshot authors <earshot-im@users.noreply.github.com>"
	homepage   = "https://github.com/earshot-im/earshot"
)

// file is one that goes into an archive or a package.
type file struct {
	path   string // in the archive, or on the system
	source string
	mode   fs.FileMode
}

// staged is the path of a file that stage or build has written.
func (r *release) staged(name string) string { return filepath.Join(r.staging, name) }

// stage writes what archives and packages need beside the programs and the manual.
func (r *release) stage(modules []module) error {
	licence, err := os.ReadFile(filepath.Join(r.source, "LICENSE"))
	if err != nil {
		return err
	}
	write := map[string][]byte{
		"copyright": copyright(licence),
	}
	for _, t := range r.targets {
		others := thirdParty(modules, t)
		write[thirdPartyOf(t)] = others
		write[thirdPartyOf(t)+".gz"] = zipped(others)
	}
	pages, err := filepath.Glob(r.staged("man/*.1"))
	if err != nil {
		return err
	}
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			return err
		}
		write["man/"+filepath.Base(page)+".gz"] = zipped(text)
	}
	scripts, err := scripts()
	if err != nil {
		return err
	}
	for name, script := range scripts {
		write[name] = script
	}
	for name, content := range write {
		if err := os.MkdirAll(filepath.Dir(r.staged(name)), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(r.staged(name), content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// zipped compresses as `gzip -9n` does: without name and time.
func zipped(content []byte) []byte {
	var b bytes.Buffer
	w, _ := gzip.NewWriterLevel(&b, gzip.BestCompression) // the level is valid, and a buffer takes all
	_, _ = w.Write(content)
	_ = w.Close()
	return b.Bytes()
}

// thirdPartyOf is the name under which the licences are staged of what is in a program.
func thirdPartyOf(t target) string { return t.String() + "/THIRD-PARTY-LICENSES" }

// thirdParty has the licences of all modules that a program contains, and of the libraries in its page.
func thirdParty(modules []module, of target) []byte {
	var b bytes.Buffer
	b.WriteString("The program contains these modules of others, under the licences that follow. Their source\n" +
		"is to be had with `go mod download MODULE@VERSION`, and \"std\" is Go's own library. Those\n" +
		"marked (npm) are in its page for browsers: `npm pack MODULE@VERSION`.\n")
	for _, m := range modules {
		if !slices.Contains(m.targets, of) {
			continue
		}
		name := m.path
		if m.kind == npm {
			name += " (npm)"
		}
		for _, t := range m.texts {
			fmt.Fprintf(&b, "\n%s\n%s %s: %s\n\n%s\n", strings.Repeat("=", 80), name, m.version, t.name, strings.TrimSpace(t.content))
		}
	}
	return b.Bytes()
}

func copyright(licence []byte) []byte {
	return fmt.Appendf(nil, "earshot, from %s\n\n%s\nThe program contains modules of others. Their licences are in\n/usr/share/doc/earshot/THIRD-PARTY-LICENSES.gz.\n", homepage, licence)
}

// scripts reads the scripts that run when packages come and go, and puts into them what they share.
func scripts() (map[string][]byte, error) {
	shared, err := os.ReadFile("linux/end-all")
	if err != nil {
		return nil, err
	}
	found, err := filepath.Glob("linux/*/*")
	if err != nil {
		return nil, err
	}
	all := map[string][]byte{}
	for _, name := range found {
		script, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		all[name] = bytes.Replace(script, []byte("#END-ALL#\n"), shared, 1)
	}
	return all, nil
}

// unpacked are the files of an archive.
func (r *release) unpacked(t target) []file {
	program := r.program(t)
	files := []file{
		{filepath.Base(program), program, 0o755},
		{"LICENSE", filepath.Join(r.source, "LICENSE"), 0o644},
		{"THIRD-PARTY-LICENSES", r.staged(thirdPartyOf(t)), 0o644},
		{"README.md", filepath.Join(r.source, "README.md"), 0o644},
		{"CLI.md", filepath.Join(r.source, "cmd/earshot/CLI.md"), 0o644},
	}
	if t.os == "windows" {
		return files
	}
	files = append(files, r.manual(".1", "man/")...)
	for _, name := range []string{"earshot.bash", "_earshot", "earshot.fish"} {
		files = append(files, file{"completions/" + name, r.staged("completions/" + name), 0o644})
	}
	if t.os == "linux" {
		for name, source := range system {
			files = append(files, file{"linux/" + filepath.Base(name), source, 0o644})
		}
	}
	return files
}

// manual are the man pages with this ending, in a folder.
func (r *release) manual(ending, folder string) (files []file) {
	pages, _ := filepath.Glob(r.staged("man/*" + ending)) // the pattern is valid
	for _, page := range pages {
		files = append(files, file{folder + filepath.Base(page), page, 0o644})
	}
	return files
}

// system are the files for services, firewalls and desktops of Linux, by where packages put them.
var system = map[string]string{
	"/usr/lib/systemd/user/earshot.service":    "../cmd/earshot/service/earshot.service", // the text that the program has too
	"/usr/lib/systemd/system/earshot@.service": "linux/earshot@.service",
	"/usr/lib/firewalld/services/earshot.xml":  "linux/firewalld.xml",
	"/etc/ufw/applications.d/earshot":          "linux/ufw",

	"/usr/share/applications/earshot.desktop":            "linux/earshot.desktop",
	"/usr/share/icons/hicolor/scalable/apps/earshot.svg": "../cmd/earshot/web/page/src/icon.svg", // the page's own
}
