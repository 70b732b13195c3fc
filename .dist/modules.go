package main

import (
	"bytes"
	"cmp"
	"debug/buildinfo"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"

	"github.com/google/licensecheck"
)

// golang and npm are what a module can be, as package URLs call them.
const golang, npm = "golang", "npm"

// module is one of those that a program was built from: a module of Go, or a library of the page.
type module struct {
	kind          string // golang or npm
	path, version string
	targets       []target // whose programs have it in them
	texts         []text   // of its licence
	licences      []string // their SPDX names; none if the texts are not known word for word
}

// text is a file of a licence.
type text struct{ name, content string }

// recognized is how much of a file, in percent, must be the text of a known licence for its name to
// be told; the rest is names and years.
const recognized = 80

// licenceFile is how files are called that must go with the program.
var licenceFile = regexp.MustCompile(`(?i)^(un)?(licen[cs]e|copying|notice|copyright|patents)([-._].*)?$`)

// refused are the beginnings of licences that the program can't have in it.
var refused = []string{"GPL", "AGPL", "LGPL", "SSPL", "BUSL", "OSL", "EUPL"}

// modules lists the modules in any of the programs, as the programs say, with Go's own library as
// the first, and the libraries of the page as the last. Their licences ask that their texts go with the programs, so it fails for a module
// that has none.
func (r *release) modules() ([]module, error) {
	found := map[string]module{}
	for _, t := range r.targets {
		info, err := buildinfo.ReadFile(r.program(t))
		if err != nil {
			return nil, err
		}
		for _, m := range info.Deps {
			if m.Replace != nil {
				return nil, fmt.Errorf("%s is replaced", m.Path)
			}
			found[m.Path] = module{kind: golang, path: m.Path, version: m.Version, targets: append(found[m.Path].targets, t)}
		}
	}
	folders, err := r.folders()
	if err != nil {
		return nil, err
	}
	all := []module{{kind: golang, path: "std", version: strings.TrimPrefix(runtime.Version(), "go"), targets: r.targets}}
	all = slices.AppendSeq(all, maps.Values(found))
	slices.SortFunc(all[1:], func(a, b module) int { return cmp.Compare(a.path, b.path) })
	for i := range all {
		if err := all[i].readLicences(folders[all[i].path]); err != nil {
			return nil, fmt.Errorf("licence of %s: %w", all[i].path, err)
		}
	}
	libraries, err := r.libraries()
	return append(all, libraries...), err
}

// url is how others find a module: its package URL.
func (m *module) url() string {
	return "pkg:" + m.kind + "/" + strings.Replace(m.path, "@", "%40", 1) + "@" + m.version
}

// folders says where the modules' files are, and those of Go.
func (r *release) folders() (map[string]string, error) {
	ask := func(args ...string) ([]byte, error) {
		c := exec.Command("go", args...)
		c.Dir, c.Stderr = r.source, os.Stderr
		c.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off")
		out, err := c.Output()
		if err != nil {
			return nil, fmt.Errorf("go %s: %w", args[0], err)
		}
		return out, nil
	}
	root, err := ask("env", "GOROOT")
	if err != nil {
		return nil, err
	}
	out, err := ask("list", "-m", "-json=Path,Dir", "all")
	if err != nil {
		return nil, err
	}
	folders := map[string]string{"std": strings.TrimSpace(string(root))}
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var m struct{ Path, Dir string }
		if err := d.Decode(&m); errors.Is(err, io.EOF) {
			return folders, nil
		} else if err != nil {
			return nil, err
		}
		folders[m.Path] = m.Dir
	}
}

// readLicences reads the files at the top of a module that its licence consists of.
func (m *module) readLicences(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.IsDir() || !licenceFile.MatchString(e.Name()) || strings.HasSuffix(e.Name(), ".go") {
			continue
		}
		content, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return err
		}
		m.texts = append(m.texts, text{e.Name(), string(content)})
		if strings.HasPrefix(strings.ToLower(e.Name()), "patents") {
			continue // a promise beside a licence
		}
		found := licensecheck.Scan(content)
		for _, match := range found.Match {
			if slices.ContainsFunc(refused, func(s string) bool { return strings.HasPrefix(match.ID, s) }) {
				return fmt.Errorf("%s is under %s", e.Name(), match.ID)
			}
			if found.Percent >= recognized && !match.IsURL && !slices.Contains(m.licences, match.ID) {
				m.licences = append(m.licences, match.ID)
			}
		}
	}
	if len(m.texts) == 0 {
		return errors.New("there is no file with it")
	}
	return nil
}
