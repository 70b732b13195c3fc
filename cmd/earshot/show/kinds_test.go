package show

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/earshot-im/earshot/cmd/earshot/advice"
	"github.com/earshot-im/earshot/cmd/earshot/phrase"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// kindsIn returns the strings that are constants of a file, those whose names fit.
func kindsIn(t *testing.T, file string, names *regexp.Regexp) (kinds []string) {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(parsed, func(n ast.Node) bool {
		v, ok := n.(*ast.ValueSpec)
		if !ok || len(v.Values) != 1 || !names.MatchString(v.Names[0].Name) {
			return true
		}
		if literal, ok := v.Values[0].(*ast.BasicLit); ok && literal.Kind == token.STRING {
			kind, err := strconv.Unquote(literal.Value)
			if err != nil {
				t.Fatal(err)
			}
			kinds = append(kinds, kind)
		}
		return true
	})
	if len(kinds) == 0 {
		t.Fatalf("no kinds in %s", file)
	}
	return kinds
}

// The node says what is so by kinds. Each has words here, which are not those of a kind that is
// not known, and stands in CLI.md.
func TestEveryKindHasWords(t *testing.T) {
	page, err := os.ReadFile("../CLI.md")
	if err != nil {
		t.Fatal(err)
	}
	node, discovery := "../../../node/", "../../../discovery/"
	reasons := []string{"blocked", "not_contact", "acceptance", "limit", "logs"} // of waiting, tested beside lists
	for _, c := range []struct {
		file, names string
		words       func(kind string) string
	}{
		{node + "warnings/warnings.go", ".", func(k string) string { return advice.Warning(&earshotv1.Warning{Code: k}) }},
		{node + "contacts/views.go", "^State", func(k string) string { return phrase.GroupState(&earshotv1.Group{State: k}) }},
		{node + "finding.go", "^Trouble", func(k string) string {
			return advice.Finding(&earshotv1.Finding{Troubles: []*earshotv1.Trouble{{Code: k}}}, true)[0]
		}},
		{discovery + "network.go", ".", func(k string) string { return advice.LeftOut(k, "eth0") }},
		{node + "contacts/notices.go", "^Notice", func(k string) string { return phrase.Notice(&earshotv1.Notice{Notice: k, Name: "lunch"}) }},
		{node + "waiting/waiting.go", "^Wait", func(k string) string {
			if slices.Contains(reasons, k) {
				return k
			}
			return phrase.Waiting(&earshotv1.Pending{WaitingFor: k}, "", when)
		}},
	} {
		for _, kind := range kindsIn(t, c.file, regexp.MustCompile(c.names)) {
			unknown := strings.ReplaceAll(c.words("unheard_of"), "unheard_of", kind)
			if words := c.words(kind); words == unknown && !slices.Contains(reasons, kind) {
				t.Errorf("%s: %q has the words of a kind that is not known: %s", c.file, kind, words)
			}
			if !strings.Contains(string(page), "`"+kind+"`") {
				t.Errorf("%s: %q is not in CLI.md", c.file, kind)
			}
		}
	}
}
