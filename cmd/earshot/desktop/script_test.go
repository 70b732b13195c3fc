package desktop

import (
	"encoding/base64"
	"encoding/json"
	"regexp"
	"strings"
	"testing"
)

const tricky = "\"'); alert('x'); //\n</text>&amp;$(calc) `calc` @' \u2028 😀 Ünï"

var bob = About{Conversation: "b0b", Who: "b0b"}

// What others wrote stands in no command line, and in scripts as data only.
func TestScripts(t *testing.T) {
	a := Alert{About: About{Conversation: strings.Repeat("b0", 32)}, Title: tricky, Text: tricky}
	for _, system := range []string{"darwin", "windows"} {
		words, script := program(system, &a)
		if strings.Contains(strings.Join(words, " ")+script, "calc") && system == "windows" || strings.Contains(strings.Join(words, " "), "alert") {
			t.Errorf("%s: %q reads %q", system, words, script)
		}
		for _, r := range script {
			if r >= 0x80 {
				t.Errorf("%s: %q stands in the script", system, r)
			}
		}
	}
	_, script := program("darwin", &a)
	parts := regexp.MustCompile(`^var app = Application\.currentApplication\(\);\napp\.includeStandardAdditions = true;\napp\.displayNotification\(("(?:[^"\\]|\\.)*"), \{withTitle: ("(?:[^"\\]|\\.)*")\}\);\n$`).FindStringSubmatch(script)
	if parts == nil {
		t.Fatalf("%s", script)
	}
	for i, want := range []string{a.lines(), a.title()} {
		var got string
		if err := json.Unmarshal([]byte(parts[i+1]), &got); err != nil || got != want {
			t.Errorf("%q, want %q: %v", got, want, err)
		}
	}
	_, script = program("windows", &a)
	found := regexp.MustCompile(`\(text '([A-Za-z0-9+/=]*)'\)`).FindAllStringSubmatch(script, -1)
	if len(found) != 2 || strings.Count(script, "'")%2 != 0 {
		t.Fatalf("%s", script)
	}
	for i, want := range []string{a.title(), a.lines()} {
		if got, err := base64.StdEncoding.DecodeString(found[i][1]); err != nil || string(got) != want {
			t.Errorf("%q, want %q: %v", got, want, err)
		}
	}
	if !strings.Contains(script, "$toast.Tag = 'b0b0b0b0b0b0b0b0'") {
		t.Error(script)
	}
	a.Close = true
	if _, script := program("windows", &a); !strings.Contains(script, "History.Remove('b0b0b0b0b0b0b0b0', 'earshot', ") {
		t.Error(script)
	}
	if _, script := program("darwin", &a); script != "" {
		t.Error(script)
	}
	tags := map[string]bool{tag(About{}): true, tag(About{Strangers: true}): true, tag(a.About): true}
	if len(tags) != 3 {
		t.Errorf("%v", tags)
	}
}

func TestLines(t *testing.T) {
	for text, want := range map[string]string{
		" one\r\ntwo \n":      "one\ntwo",
		"1\n2\n3\n4\n5\n6\n7": "1\n2\n3\n4\n5\n…",
		"":                    "",
		"a\tb\x00":            `a\tb\x00`,
	} {
		if got := (&Alert{Text: text}).lines(); got != want {
			t.Errorf("%q: %q", text, got)
		}
	}
	for _, c := range []struct {
		a    Alert
		want string
	}{
		{Alert{Title: "Bob", Count: 3}, "Bob"},
		{Alert{Title: "Bob", Count: 1, About: bob}, "Bob"},
		{Alert{Title: "Bob\nEve", Count: 2, About: bob}, `Bob\nEve (2)`},
	} {
		if got := c.a.title(); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}
