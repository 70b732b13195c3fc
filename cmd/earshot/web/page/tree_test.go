package page_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/chromedp"
)

// changing is what differs from run to run in what is read out: times, days, how long a voice note is and IDs, marks
// around names, and what the browser itself says.
var changing = []struct {
	what *regexp.Regexp
	with string
}{
	{regexp.MustCompile("[\u2066-\u2069]"), ""},
	{regexp.MustCompile("[\u00a0\u202f]"), " "},
	{regexp.MustCompile(`\b[0-9a-f]{8,64}\b`), "ID"},
	{regexp.MustCompile(`\b\d\d:\d\d [AP]M`), "TIME"},
	{regexp.MustCompile(`\b\d:\d\d\b`), "LENGTH"},
	{regexp.MustCompile(`\w+day, \w+ \d+`), "DAY"},
	{regexp.MustCompile(`^Show time picker.*`), "Show time picker"}, // earlier versions of the browser say it twice
}

func steady(text string) string {
	for _, c := range changing {
		text = c.what.ReplaceAllString(text, c.with)
	}
	return strings.Join(strings.Fields(text), " ")
}

// told are the properties that are read out.
var told = []accessibility.PropertyName{
	"busy", "checked", "disabled", "expanded", "focused", "hasPopup", "invalid", "level", "live", "modal", "multiline", "multiselectable", "pressed", "readonly", "required", "selected",
}

// text is a value of the tree as text, "" if that says nothing.
func text(v *accessibility.Value) string {
	if v == nil || len(v.Value) == 0 {
		return ""
	}
	var s any
	if err := json.Unmarshal(v.Value, &s); err != nil || s == nil || s == false || s == "false" || s == "off" {
		return ""
	}
	return fmt.Sprint(s)
}

// heard is what a screen reader makes of the page: roles, names and states, a line for each.
func (b *tab) heard() []string {
	b.Helper()
	all, err := chromedp.Call(b.ctx, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{})
	if err != nil {
		b.Fatal(err)
	}
	by := make(map[accessibility.NodeID]*accessibility.Node)
	for _, n := range all.Nodes {
		by[n.NodeID] = n
	}
	var lines []string
	var walk func(n *accessibility.Node, depth int, within string)
	walk = func(n *accessibility.Node, depth int, within string) {
		role, name := text(n.Role), steady(text(n.Name))
		silent := n.Ignored || role == "InlineTextBox" || (name == "" && slices.Contains([]string{"generic", "none", "StaticText", "LineBreak", "form"}, role)) || // a form is none without a name, in later versions
			(role == "StaticText" && strings.Contains(within, name)) || // the element around it has said so
			(role == "StaticText" && depth == 1) // a message that came while its conversation was open: it may have come before
		if !silent {
			line := strings.Repeat("  ", depth) + role
			if name != "" {
				line += fmt.Sprintf(" %q", name)
			}
			if value := steady(text(n.Value)); value != "" {
				line += " = " + value
			}
			for _, p := range n.Properties {
				if value := text(p.Value); value != "" && slices.Contains(told, p.Name) {
					line += " " + strings.TrimSuffix(string(p.Name)+":"+value, ":true")
				}
			}
			lines = append(lines, line)
			depth, within = depth+1, name
		}
		for _, id := range n.ChildIDs {
			if child := by[id]; child != nil {
				walk(child, depth, within)
			}
		}
	}
	walk(all.Nodes[0], 0, "")
	return lines
}

// agrees waits until lines are those of a file in testdata, or writes them there once they stay the same.
func (b *tab) agrees(file string, now func() []string) {
	b.Helper()
	path := filepath.Join("testdata", file)
	if *update {
		lines := now()
		for same := 0; same < 5; {
			time.Sleep(100 * time.Millisecond)
			if next := now(); slices.Equal(lines, next) {
				same++
			} else {
				lines, same = next, 0
			}
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
			b.Fatal(err)
		}
		return
	}
	content, err := os.ReadFile(path)
	if err != nil {
		b.Fatal(err)
	}
	want := strings.Split(strings.TrimSuffix(string(content), "\n"), "\n")
	var lines []string
	for begun := time.Now(); time.Since(begun) < patience/3; time.Sleep(50 * time.Millisecond) {
		if lines = now(); slices.Equal(lines, want) {
			return
		}
	}
	b.Errorf("%s is otherwise:\n%s", file, strings.Join(differences(want, lines), "\n"))
}

// differences are the lines that only one of two texts has.
func differences(want, got []string) (all []string) {
	for _, side := range []struct {
		sign     string
		of, from []string
	}{{"- ", want, got}, {"+ ", got, want}} {
		rest := slices.Clone(side.from)
		for _, line := range side.of {
			if i := slices.Index(rest, line); i >= 0 {
				rest = slices.Delete(rest, i, i+1)
			} else {
				all = append(all, side.sign+line)
			}
		}
	}
	if len(all) == 0 {
		all = append(all, "the same lines in another order")
	}
	return all
}

// reads compares what a screen reader makes of a state.
func (b *tab) reads(state string) {
	b.Helper()
	b.agrees(filepath.Join("tree", state+".txt"), b.heard)
}
