package object

import (
	"bytes"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// objects are what --json prints, by their names in CLI.md.
var objects = map[string]any{
	"status": Status{}, "ready": Ready{}, "service": Service{}, "warning": Warned{}, "unreached": NotReached{}, "new identity": NewIdentity{}, "peer": Peer{}, "check": Check{}, "me": Me{}, "recovery": Recovery{}, "version": Version{},
	"sent": Sent{}, "message": Message{}, "becoming": Becoming{}, "conversation": Conversation{}, "marked": Marked{}, "change": Change{}, "found": Found{}, "pending": Pending{}, "reached": Reached{},
	"person": Person{}, "replaced": Replaced{}, "removed": Removed{}, "words": Words{}, "request": Request{}, "notice": Notice{}, "group": Group{}, "invitation": Invitation{}, "member": Member{}, "error": Failure{},
	"file": Listed{}, "transfer": Transfer{}, "page": Page{}, "web session": WebSession{},
}

// documented returns the part of CLI.md about each object.
func documented(t *testing.T) map[string]string {
	page, err := os.ReadFile("../CLI.md")
	if err != nil {
		t.Fatal(err)
	}
	_, about, _ := strings.Cut(string(page), "\n## JSON\n")
	about, _, _ = strings.Cut(about, "\n## ")
	parts := make(map[string]string)
	for _, part := range strings.Split(about, "\n### ")[1:] {
		name, text, _ := strings.Cut(part, "\n")
		parts[name] = text
	}
	return parts
}

var (
	jsonBlock = regexp.MustCompile("(?s)```json\n(.*?)```")
	fieldRow  = regexp.MustCompile("(?m)^\\| (`[^|]*`) \\|")
	backquote = regexp.MustCompile("`([^`]*)`")
)

// fieldsOf lists the fields of an object, those of objects in it as outer.inner.
func fieldsOf(of reflect.Type, under string) (fields []string) {
	for of.Kind() == reflect.Pointer || of.Kind() == reflect.Slice {
		of = of.Elem()
	}
	if of.Kind() != reflect.Struct {
		return nil
	}
	for i := range of.NumField() {
		f := of.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "":
			fields = append(fields, fieldsOf(f.Type, under)...)
		case f.IsExported():
			fields = append(append(fields, under+name), fieldsOf(f.Type, under+name+".")...)
		}
	}
	return fields
}

// fieldsIn lists the fields of a JSON value in the same way.
func fieldsIn(v any, under string) (fields []string) {
	switch v := v.(type) {
	case map[string]any:
		for name, inner := range v {
			fields = append(append(fields, under+name), fieldsIn(inner, under+name+".")...)
		}
	case []any:
		for _, inner := range v {
			fields = append(fields, fieldsIn(inner, under)...)
		}
	}
	return fields
}

// CLI.md names each object that is printed, and each field of it, and no other.
func TestFieldsInCLI(t *testing.T) {
	parts := documented(t)
	for name := range parts {
		if objects[name] == nil {
			t.Errorf("%s: no such object is printed", name)
		}
	}
	for name, v := range objects {
		want := fieldsOf(reflect.TypeOf(v), "")
		var got []string
		for _, block := range jsonBlock.FindAllStringSubmatch(parts[name], -1) {
			var example any
			if err := json.Unmarshal([]byte(block[1]), &example); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			got = append(got, fieldsIn(example, "")...)
			// The example is what could be printed: of the right types, with its fields in order.
			value := reflect.New(reflect.TypeOf(v))
			d := json.NewDecoder(strings.NewReader(block[1]))
			d.DisallowUnknownFields()
			var printed, compact bytes.Buffer
			if err := d.Decode(value.Interface()); err != nil {
				t.Errorf("%s: %v", name, err)
			} else if err := Write(&printed, value.Interface()); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if err := json.Compact(&compact, []byte(block[1])); err != nil || compact.String()+"\n" != printed.String() {
				t.Errorf("%s: the example is not what would be printed\n got %s\nwant %s", name, &compact, &printed)
			}
		}
		for _, field := range want {
			if !slices.Contains(got, field) {
				t.Errorf("%s: field %s is printed, and CLI.md does not have it", name, field)
			}
		}
		for _, field := range got {
			if !slices.Contains(want, field) {
				t.Errorf("%s: CLI.md has field %s, which is not printed", name, field)
			}
		}
		for _, row := range fieldRow.FindAllStringSubmatch(parts[name], -1) {
			for _, field := range backquote.FindAllStringSubmatch(row[1], -1) {
				if !slices.Contains(want, field[1]) {
					t.Errorf("%s: CLI.md explains field %s, which is not printed", name, field[1])
				}
			}
		}
	}
}

// Every object that this package can print is compared with CLI.md: each struct with JSON fields is
// an object, or part of one.
func TestObjectsAreAllOfThem(t *testing.T) {
	named := make(map[string]bool)
	var part func(reflect.Type)
	part = func(of reflect.Type) {
		for of.Kind() == reflect.Pointer || of.Kind() == reflect.Slice {
			of = of.Elem()
		}
		if of.Kind() == reflect.Struct {
			named[of.Name()] = true
			for i := range of.NumField() {
				part(of.Field(i).Type)
			}
		}
	}
	for _, v := range objects {
		part(reflect.TypeOf(v))
	}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.TypeSpec:
				if s, ok := n.Type.(*ast.StructType); ok && hasTags(s) && !named[n.Name.Name] {
					t.Errorf("%s: %s is no part of an object of CLI.md", file, n.Name.Name)
				}
				return false
			case *ast.StructType:
				if hasTags(n) {
					t.Errorf("%s: an object without a name is printed", file)
				}
			}
			return true
		})
	}
}

func hasTags(s *ast.StructType) bool {
	return slices.ContainsFunc(s.Fields.List, func(f *ast.Field) bool { return f.Tag != nil })
}
