package main

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
)

// ours are words of the code, and what people are told instead.
var ours = map[*regexp.Regexp]string{
	regexp.MustCompile(`(?i)\bstrangers?\b`):             "not a contact yet",
	regexp.MustCompile(`(?i)\bpetnames?\b`):              "nickname (only you see it)",
	regexp.MustCompile(`(?i)\bcursors?\b`):               "reader NAME (its own bookmark)",
	regexp.MustCompile(`(?i)\bin earshot\b`):             "on this network, offline",
	regexp.MustCompile(`(?i)\bsightings?\b|\bevents?\b`): "found; messages",
}

// What the program says to people has none of the words that only the code explains. Names of flags
// and fields stay as they are.
func TestWordsAreThoseOfPeople(t *testing.T) {
	check := func(where, text string) {
		text = strings.ReplaceAll(text, "--petname", "")
		for word, instead := range ours {
			if found := word.FindString(text); found != "" {
				t.Errorf("%s: says %q, and not %q:\n%s", where, found, instead, text)
			}
		}
	}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	below, err := filepath.Glob("*/*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range append(files, below...) {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			if field, ok := n.(*ast.Field); ok && field.Tag != nil {
				return false
			}
			if literal, ok := n.(*ast.BasicLit); ok && literal.Kind == token.STRING {
				if text, err := strconv.Unquote(literal.Value); err == nil && strings.Contains(text, " ") {
					check(file, text)
				}
			}
			return true
		})
	}
	page, err := os.ReadFile("CLI.md")
	if err != nil {
		t.Fatal(err)
	}
	code := regexp.MustCompile("(?s)```.*?```|`[^`\n]*`")
	for paragraph := range strings.SplitSeq(code.ReplaceAllString(string(page), ""), "\n\n") {
		check("CLI.md", paragraph)
	}
}
