package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// text reads a file of the project.
func text(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("../..", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// rowsOfTheLab are the names and attacks of the rows that cmd/lab runs.
func rowsOfTheLab(t *testing.T) (names, attacked map[string]bool) {
	t.Helper()
	names, attacked = make(map[string]bool), make(map[string]bool)
	row := regexp.MustCompile(`\{name: ("[^"]+"|calm), args: ([^,]+)`)
	for _, m := range row.FindAllStringSubmatch(text(t, "cmd/lab/assaults_test.go"), -1) {
		names[strings.Trim(m[1], `"`)] = true
		words := strings.Fields(strings.Trim(m[2], `"`))
		attacked[strings.Trim(words[len(words)-1], `"`)] = true
	}
	return names, attacked
}

// Every attack is done by a row of the lab, and stands in the protocol's table with tests that are
// there.
func TestAttacksAreInTheTable(t *testing.T) {
	page := text(t, "node/PROTOCOL.md")
	_, page, _ = strings.Cut(page, "\n## What strangers may cost\n")
	page, _, _ = strings.Cut(page, "\n## ")
	rows, attacked := rowsOfTheLab(t)
	for name, a := range attacks {
		if !attacked[name] && !strings.HasPrefix(a.about, "no attack") && name != "probe" {
			t.Errorf("no row of the lab does %s", name)
		}
	}
	named := make(map[string]bool)
	for _, m := range regexp.MustCompile(`\*([^*\n]+)\*`).FindAllStringSubmatch(page, -1) {
		named[m[1]] = true
	}
	for name := range rows {
		if name != "calm" && !named[name] && !strings.Contains(name, "contact") {
			t.Errorf("the table does not name the row %q", name)
		}
	}
	var tests strings.Builder
	err := filepath.WalkDir("../..", func(path string, _ fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, "_test.go") {
			b, err := os.ReadFile(path)
			tests.Write(b)
			return err
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile("`((?:Test|Fuzz)[A-Za-z0-9]+)`").FindAllStringSubmatch(page, -1)
	for _, m := range found {
		if !strings.Contains(tests.String(), "func "+m[1]+"(") {
			t.Errorf("the table names %s, and there is no such test", m[1])
		}
	}
	if len(found) == 0 || len(rows) == 0 {
		t.Errorf("%d tests and %d rows are named", len(found), len(rows))
	}
}
