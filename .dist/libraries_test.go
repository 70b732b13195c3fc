package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// imported is what a module of JavaScript imports that is not a file beside it.
var imported = regexp.MustCompile(`\b(?:from|import)\s*["']((?:@[^/"']+/)?[^./"'][^/"']*)`)

// Whoever gets a program gets the licences of the libraries in its page.
func TestLicencesOfLibrariesGoWithEveryProgram(t *testing.T) {
	r := release{source: "..", targets: targets}
	all, err := r.libraries()
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(r.source, vendored, "*", "LICENSE"))
	if err != nil || len(files) == 0 || len(files) != len(all) {
		t.Errorf("%d libraries, %d licences, %v", len(all), len(files), err)
	}
	for _, file := range files {
		licence, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, system := range targets {
			if !strings.Contains(string(thirdParty(all, system)), strings.TrimSpace(string(licence))) {
				t.Errorf("%s does not go with the program for %v", file, system)
			}
		}
	}
	var there []string
	for _, m := range all {
		there = append(there, m.path)
	}
	for _, pattern := range []string{"*.js", "*/*.mjs", "*/*/*.mjs"} {
		files, err := filepath.Glob(filepath.Join(r.source, vendored, pattern))
		if err != nil || len(files) == 0 {
			t.Errorf("%s: %v", pattern, err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, found := range imported.FindAllStringSubmatch(string(text), -1) {
				if !slices.Contains(there, found[1]) {
					t.Errorf("%s imports %s, which is not among %q", file, found[1], there)
				}
			}
		}
	}
}

func TestLibraryWithoutItsLicence(t *testing.T) {
	mit, err := os.ReadFile("../LICENSE")
	if err != nil {
		t.Fatal(err)
	}
	const said = `{"name":"@x/y","version":"1.2.3","license":"MIT"}`
	for name, c := range map[string]struct {
		files map[string]string
		good  bool
	}{
		"as it must be":      {map[string]string{"package.json": said, "LICENSE": string(mit)}, true},
		"no licence":         {map[string]string{"package.json": said}, false},
		"another licence":    {map[string]string{"package.json": strings.Replace(said, "MIT", "ISC", 1), "LICENSE": string(mit)}, false},
		"no known licence":   {map[string]string{"package.json": said, "LICENSE": "You may."}, false},
		"nothing said of it": {map[string]string{"LICENSE": string(mit)}, false},
		"no version":         {map[string]string{"package.json": `{"name":"y","license":"MIT"}`, "LICENSE": string(mit)}, false},
		"no name":            {map[string]string{"package.json": `{"version":"1.2.3","license":"MIT"}`, "LICENSE": string(mit)}, false},
	} {
		r := release{source: t.TempDir(), targets: targets}
		dir := filepath.Join(r.source, vendored, "y")
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		for file, text := range c.files {
			if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		all, err := r.libraries()
		if (err == nil) != c.good {
			t.Errorf("%s: %v", name, err)
		}
		if c.good && (len(all) != 1 || all[0].url() != "pkg:npm/%40x/y@1.2.3") {
			t.Errorf("%s: %+v", name, all)
		}
	}
}
