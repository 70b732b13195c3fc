package main

import (
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// How much the page may be, gzipped: what it loads before the list of conversations stands, and all of it, with
// the texts of both languages and what is loaded when it is first shown.
const (
	maxFirst = 40 << 10
	maxAll   = 74 << 10
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
	files, made, err := build()
	if err != nil {
		t.Fatal(err)
	}
	// Of the languages the one that is longer.
	needed := []string{document, made["style.css"].File, made["main.js"].File, made["de.js"].File}
	needed = append(needed, first(made, made["main.js"])...)
	sum, all := 0, 0
	for name, content := range files {
		n := gzipped(t, content)
		all += n
		t.Logf("%6d %s", n, name)
		if slices.Contains(needed, name) {
			sum += n
		}
	}
	if t.Logf("%d bytes at first, %d in all", sum, all); sum > maxFirst || all > maxAll {
		t.Errorf("the page has %d bytes at first and %d in all, gzipped: more than %d or %d", sum, all, maxFirst, maxAll)
	}
}

// The document has the browser load at once whatever is needed first, by the names that the files have.
func TestDocumentNamesWhatIsNeededFirst(t *testing.T) {
	files, made, err := build()
	if err != nil {
		t.Fatal(err)
	}
	needed := first(made, made["main.js"])
	if len(needed) == 0 {
		t.Error("the first module imports nothing")
	}
	for _, name := range append(needed, made["main.js"].File, made["style.css"].File) {
		if !bytes.Contains(files[document], []byte(`"/`+name+`"`)) || files[name] == nil {
			t.Errorf("%s is not named in the document, or not there", name)
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
