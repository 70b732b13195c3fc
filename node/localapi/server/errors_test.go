package server

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// elsewhere lists the errors of the rooms and of what lies below them that are in no line of told,
// and what becomes of each.
var elsewhere = map[string]string{
	"membership.InviteError":    "wraps errors that are told",
	"authority.ErrNotPermitted": asMembership, "authority.ErrFull": asMembership, "authority.ErrDear": asMembership, "event.ErrTooLarge": asChat,
	"store.ErrNoConversation": asChat, "store.ErrNoEvent": asChat, "store.ErrKeyUsed": asChat, "store.ErrTooLate": asChat,
	"store.ErrAcknowledged": asChat, "store.ErrUndelivered": asChat,
	"book.ErrNoRequest": "package contacts goes on",
	"groups.ErrUnknown": "package contacts says first that it knows no such group",

	"node.ErrAddress": atStart, "node.ErrListen": atStart, "store.ErrLocked": atStart, "store.LockedError": atStart,
	"store.ErrNewer": atStart, "store.ErrNoKeyring": atStart, "store.ErrNotPrivate": atStart,

	"people.ErrOtherPerson": ofPeers, "people.ErrRevoked": ofPeers, "book.ErrDeviceTaken": ofPeers,
	"groups.ErrUnproven": ofPeers, "groups.ErrSuspended": ofPeers, "groups.ErrNotMember": ofPeers, "groups.NeedsCardError": ofPeers,
	"authority.ErrParent": ofPeers, "authority.ErrCut": ofPeers,
	"store.ErrCut": ofPeers, "store.ErrTooManySegments": ofPeers, "store.ErrForked": ofPeers, "store.ErrBudget": ofPeers,
	"store.ErrTooManyLogs": ofPeers, "book.ErrBudget": ofPeers,
	"event.ErrMalformed": ofPeers, "event.ErrVersion": ofPeers, "event.ErrUnproven": ofPeers, "event.ErrConflict": ofPeers,

	"store.ErrDamaged": internal, "store.ErrKind": internal,
}

const (
	asChat       = "package chat makes one of its own of it"
	asMembership = "package membership makes one of its own of it"
	atStart      = "`earshot up` tells it: without a store or a port there is no server"
	ofPeers      = "of what peers bring, which no call of the owner does"
	internal     = "the caller can do nothing about it: it is internal, and its text says more"
)

// parse returns the Go files of a package, without its tests.
func parse(t *testing.T, dir string) (files []*ast.File) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join("../../..", dir, "*.go"))
	if err != nil || len(names) == 0 {
		t.Fatalf("%d files in %s: %v", len(names), dir, err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	return files
}

// exported calls f with the name of each variable, constant and type that a package exports, and
// with the value of a variable or constant, if it has one.
func exported(t *testing.T, dir string, f func(name string, value ast.Expr)) {
	t.Helper()
	for _, file := range parse(t, dir) {
		for _, d := range file.Decls {
			d, ok := d.(*ast.GenDecl)
			if !ok {
				continue
			}
			for _, spec := range d.Specs {
				switch spec := spec.(type) {
				case *ast.ValueSpec:
					for i, name := range spec.Names {
						var value ast.Expr
						if i < len(spec.Values) {
							value = spec.Values[i]
						}
						f(name.Name, value)
					}
				case *ast.TypeSpec:
					f(spec.Name.Name, nil)
				}
			}
		}
	}
}

// named returns what errors.go names of other packages, as "chat.ErrText".
func named(t *testing.T) map[string]bool {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), "errors.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	out := make(map[string]bool)
	ast.Inspect(f, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := s.X.(*ast.Ident); ok {
				out[x.Name+"."+s.Sel.Name] = true
			}
		}
		return true
	})
	return out
}

// Every error that a room documents is told to callers by a code, or it is written down here why
// it is not. A new one that nobody thought of was "internal", without a hint.
func TestEveryErrorHasACode(t *testing.T) {
	told, rest := named(t), make(map[string]bool)
	for name := range elsewhere {
		rest[name] = true
	}
	for _, dir := range []string{"node", "node/chat", "node/membership", "node/contacts", "node/files", "node/people", "node/journal", "node/groups", "node/authority",
		"crypto/names", "store", "store/book", "store/event"} {
		exported(t, dir, func(name string, _ ast.Expr) {
			if !ast.IsExported(name) || !strings.HasPrefix(name, "Err") && !strings.HasSuffix(name, "Error") {
				return
			}
			name = filepath.Base(dir) + "." + name
			if told[name] == rest[name] {
				t.Errorf("%s: in told: %t, in the list of those that are told otherwise: %t", name, told[name], rest[name])
			}
			delete(rest, name)
		})
	}
	for name := range rest {
		t.Errorf("%s: listed, and there is no such error", name)
	}
}

// Every code is in the table, and the schema names it, and no other.
func TestEveryCodeIsTold(t *testing.T) {
	used := []string{"internal"} // what no line fits
	for _, line := range told {
		used = append(used, line.code)
	}
	schema, err := os.ReadFile("../v1/problem.proto")
	if err != nil {
		t.Fatal(err)
	}
	_, comment, _ := strings.Cut(string(schema), "// A word for programs: ")
	comment, _, _ = strings.Cut(comment, ".")
	words := regexp.MustCompile(`[a-z_]+`).FindAllString(comment, -1)
	words = slices.DeleteFunc(words, func(w string) bool { return w == "or" })
	exported(t, "node/localapi", func(name string, value ast.Expr) {
		literal, ok := value.(*ast.BasicLit)
		if !ok || !strings.HasPrefix(name, "Code") {
			return
		}
		code, _ := strconv.Unquote(literal.Value)
		if !slices.Contains(used, code) {
			t.Errorf("%s is told for no error", code)
		}
		if !slices.Contains(words, code) {
			t.Errorf("%s is not in the schema", code)
		}
		words = slices.DeleteFunc(words, func(w string) bool { return w == code })
	})
	if len(words) > 0 {
		t.Errorf("the schema names %v, which are no codes", words)
	}
}
