package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// How much the page may be, gzipped: what it loads before the list of conversations stands, and all of it, with
// the texts of both languages and what is loaded when it is first shown.
const (
	maxFirst = 40 << 10
	maxAll   = 80 << 10
)

func TestDistIsMadeOfTheSources(t *testing.T) {
	files, _, err := build()
	if err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(to)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != len(files) {
		t.Errorf("%d files are there, and %d are made: run go generate", len(entries), len(files))
	}
	for name, content := range files {
		there, err := os.ReadFile(filepath.Join(to, name))
		if err != nil || !bytes.Equal(there, content) {
			t.Errorf("%s is another than is made (%v): run go generate", name, err)
		}
	}
}

func TestAssetsAreSmall(t *testing.T) {
	files, meta, err := build()
	if err != nil {
		t.Fatal(err)
	}
	first := map[string]bool{"index.html": true, "style.css": true, "preact.js": true}
	for name := range files {
		if strings.HasPrefix(name, "de-") && !strings.HasPrefix(name, "de-more-") { // the longer of the languages
			first[name] = true
		}
	}
	imported(t, meta, "main.js", first)
	sum, all := 0, 0
	for name, content := range files {
		n := gzipped(t, content)
		all += n
		if first[name] {
			sum += n
			t.Logf("%6d %s", n, name)
		}
	}
	if t.Logf("%d bytes at first, %d in all", sum, all); sum > maxFirst || all > maxAll {
		t.Errorf("the page has %d bytes at first and %d in all, gzipped: more than %d or %d", sum, all, maxFirst, maxAll)
	}
}

// imported adds what a module imports, and not only when something is first shown.
func imported(t *testing.T, meta, name string, to map[string]bool) {
	t.Helper()
	var made struct {
		Outputs map[string]struct {
			Imports []struct{ Path, Kind string }
		}
	}
	if err := json.Unmarshal([]byte(meta), &made); err != nil {
		t.Fatal(err)
	}
	to[name] = true
	for path, out := range made.Outputs {
		if filepath.Base(path) != name {
			continue
		}
		for _, i := range out.Imports {
			if base := filepath.Base(i.Path); i.Kind == "import-statement" && !to[base] {
				imported(t, meta, base, to)
			}
		}
	}
}

func gzipped(t *testing.T, content []byte) int {
	t.Helper()
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Len()
}
