package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// vendored has the libraries that are in the page, each in a folder with what npm says of it and with its licence.
const vendored = "cmd/earshot/web/page/.vendor/npm"

// libraries lists the libraries that are in the page, and so in every program. It fails for one without a licence,
// and for one whose licence is another than npm says.
func (r *release) libraries() (all []module, err error) {
	entries, err := os.ReadDir(filepath.Join(r.source, vendored))
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		dir := filepath.Join(r.source, vendored, e.Name())
		content, err := os.ReadFile(filepath.Join(dir, "package.json"))
		if err != nil {
			return nil, err
		}
		var said struct{ Name, Version, License string }
		if err := json.Unmarshal(content, &said); err != nil {
			return nil, fmt.Errorf("package.json of %s: %w", e.Name(), err)
		}
		m := module{kind: npm, path: said.Name, version: said.Version, targets: r.targets}
		if err := m.readLicences(dir); err != nil {
			return nil, fmt.Errorf("licence of %s: %w", e.Name(), err)
		}
		if m.path == "" || m.version == "" || !slices.Contains(m.licences, said.License) {
			return nil, fmt.Errorf("npm says that %s is %q %q under %q, and its licence is %q", e.Name(), m.path, m.version, said.License, m.licences)
		}
		all = append(all, m)
	}
	return all, nil
}
