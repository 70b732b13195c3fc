package problem

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"connectrpc.com/connect"

	"github.com/earshot-im/earshot/node/localapi"
)

// codesIn returns the codes that are defined in a directory: constants that begin with Code or code.
func codesIn(t *testing.T, dir string) (codes []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range parsed.Decls {
			if d, ok := d.(*ast.GenDecl); ok && d.Tok == token.CONST && !strings.HasSuffix(file, "_test.go") {
				for _, spec := range d.Specs {
					v := spec.(*ast.ValueSpec)
					for i, name := range v.Names {
						if !strings.HasPrefix(strings.ToLower(name.Name), "code") || i >= len(v.Values) {
							continue
						}
						if literal, ok := v.Values[i].(*ast.BasicLit); ok {
							code, err := strconv.Unquote(literal.Value)
							if err != nil {
								t.Fatal(err)
							}
							codes = append(codes, code)
						}
					}
				}
			}
		}
	}
	return codes
}

// Every code, of the local API and of this side of it, has a hint here, and a row in CLI.md, which
// has no other.
func TestEveryCodeHasAHint(t *testing.T) {
	page, err := os.ReadFile("../CLI.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(page), "\n## Errors\n")
	documented := make(map[string]string)
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\| ([0-9]) \\| .+ \\|$").FindAllStringSubmatch(table, -1) {
		documented[row[1]] = row[2]
	}
	codes := append(codesIn(t, "../../../node/localapi"), codesIn(t, ".")...)
	if len(codes) < 40 {
		t.Fatalf("only %d codes found", len(codes))
	}
	for _, code := range codes {
		if code == localapi.CodeStopping {
			continue // told as codeNotRunning
		}
		if p := Explain(answerOf(connect.CodeInternal, code)); p.Code != code || p.Exit != exitOf(code) {
			t.Errorf("%s is told as %+v", code, p)
		}
		if hints[code] == "" {
			t.Errorf("%s: no hint", code)
		}
		if exit := strconv.Itoa(exitOf(code)); documented[code] != exit {
			t.Errorf("%s: exit status %s, in CLI.md %q", code, exit, documented[code])
		}
		delete(documented, code)
	}
	for code := range documented {
		t.Errorf("%s: in CLI.md, and there is no such code", code)
	}
}
