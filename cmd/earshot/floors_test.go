package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/earshot-im/earshot/"

// floors lists which parts of the project each part may import. A package belongs to the part with
// the longest prefix of its path. Tests may import more of what is below, and nothing above.
var floors = map[string][]string{
	"cmd":            {"cmd", "node", "discovery", "store", "crypto"},
	"node":           {"node", "discovery", "store", "crypto"},
	"node/sync":      {"node/sync", "node/wire", "store/event", "crypto"},
	"node/wire":      {"node/wire", "store/event", "crypto"},
	"node/authority": {"node/authority", "store/event", "crypto"},
	"discovery":      {"discovery"},
	"store":          {"store", "crypto"},
	"store/event":    {"store/event", "crypto"},
	"crypto":         {"crypto"},
}

// seen is what the command line may import of the rest: the client of the local API, and the pure
// rules about characters. Only the package that runs a node may import more.
var seen = []string{"node/control", "node/control/v1", "crypto/names"}

const runsNode = "up/"

func floorOf(path string) string {
	for ; path != "."; path = filepath.ToSlash(filepath.Dir(path)) {
		if _, ok := floors[path]; ok {
			return path
		}
	}
	return ""
}

// mayImport reports whether one package may import another.
func mayImport(from, to string) bool {
	return slices.ContainsFunc(floors[floorOf(from)], func(part string) bool {
		return to == part || strings.HasPrefix(to, part+"/")
	})
}

func TestImportsPointDown(t *testing.T) {
	list := exec.Command("go", "list", "-json=ImportPath,Imports,TestImports,XTestImports", "./...")
	list.Dir = "../.."
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p struct {
			ImportPath                         string
			Imports, TestImports, XTestImports []string
		}
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		seen++
		from := strings.TrimPrefix(p.ImportPath, module)
		if floorOf(from) == "" {
			t.Errorf("%s stands on no floor", from)
		}
		for _, to := range slices.Concat(p.Imports, p.TestImports, p.XTestImports) {
			if to, own := strings.CutPrefix(to, module); own && !mayImport(from, to) {
				t.Errorf("%s imports %s", from, to)
			}
		}
	}
	if seen < 8 {
		t.Errorf("only %d packages listed", seen)
	}
	for _, up := range [][2]string{{"crypto", "store"}, {"store", "node"}, {"discovery", "crypto"}, {"node/sync", "node"}, {"node/wire", "node/sync"}, {"node", "cmd/earshot"}, {"store/event", "store"}} {
		if mayImport(up[0], up[1]) {
			t.Errorf("%s may import %s", up[0], up[1])
		}
	}
}

func TestCommandsSeeTheClient(t *testing.T) {
	here, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	below, err := filepath.Glob("*/*.go")
	if err != nil || len(here) == 0 || len(below) == 0 {
		t.Fatalf("%d and %d files: %v", len(here), len(below), err)
	}
	for _, name := range slices.Concat(here, below) {
		name = filepath.ToSlash(name)
		if strings.HasSuffix(name, "_test.go") || strings.HasPrefix(name, runsNode) {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, spec := range f.Imports {
			path, _ := strconv.Unquote(spec.Path.Value)
			to, own := strings.CutPrefix(path, module)
			if own && !strings.HasPrefix(to, "cmd/") && !slices.Contains(seen, to) {
				t.Errorf("%s imports %s", name, to)
			}
		}
	}
}

func TestTopLevel(t *testing.T) {
	allowed := []string{"cmd", "node", "discovery", "crypto", "store", "go.mod", "go.sum", "Makefile", "README.md", "LICENSE"}
	entries, err := os.ReadDir("../..")
	if err != nil {
		t.Fatal(err)
	}
	ignored, err := os.ReadFile("../../.gitignore") // what is built doesn't belong to the project
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(ignored)) {
		allowed = append(allowed, strings.Trim(strings.TrimSpace(line), "/"))
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") && !slices.Contains(allowed, e.Name()) {
			t.Errorf("%s does not belong to the top level", e.Name())
		}
	}
}
