package session

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// written is a file as it is written.
func written() string {
	return "earshot web 1\nlabel abcdefghijklmnop\nport 22350\nany-local-user false\n" +
		"session " + strings.Repeat("ab", 32) + " " + strings.Repeat("cd", 32) + " 1700000000 1700003600 Firefox on Linux\n"
}

func TestFile(t *testing.T) {
	k, err := parse([]byte(written()))
	if err != nil || k.Label != "abcdefghijklmnop" || k.Port != 22350 || k.Anybody || len(k.sessions) != 1 {
		t.Fatalf("%+v, %v", k, err)
	}
	if s := k.sessions[0]; s.key[31] != 0xab || s.cookie[0] != 0xcd || s.begun != 1700000000 || s.used != 1700003600 || s.browser != "Firefox on Linux" {
		t.Errorf("%+v", s)
	}
	for _, change := range [][2]string{
		{"web 1", "web 2"}, {"label a", "label "}, {"label a", "label A"}, {"label abcdefghijklmnop", "label 1bcdefghijklmnop"}, {"label", "Label"}, {"port 22350", "port 022350"},
		{"port 22350", "port 80"}, {"port 22350", "port 32768"}, {"port 22350", "port -1"}, {"port 22350", "port +22350"}, {"port 22350", "port x"}, {"false", "False"}, {"false", "1"}, {"\n", "\r\n"},
		{"abab", "ABAB"}, {"abab", "ab"}, {"cdcd", "cdcdcd"}, {"session", "Session"}, {"session", " session"}, {" 1700000000", " 01700000000"}, {" 1700000000", "  1700000000"},
		{" 1700000000", " 1.7e9"}, {"Firefox", "Fire\x1b[31mfox"}, {"Firefox", "<b>"}, {"Firefox on Linux", ""}, {"Firefox on Linux", " x"}, {"Firefox on Linux", "x "},
		{"Firefox on Linux", strings.Repeat("x", 41)}, {"Linux\n", "Linux"}, {"Linux\n", "Linux\n\n"}, {"Linux\n", "Linux\nmore\n"}, {"earshot", ""}, {"any-local", "\x00"},
	} {
		text := strings.Replace(written(), change[0], change[1], 1)
		if text == written() {
			t.Fatalf("%q changes nothing", change)
		}
		if k, err := parse([]byte(text)); !errors.Is(err, ErrFile) {
			t.Errorf("%q: %+v, %v", change, k, err)
		}
	}
	line := written()[strings.Index(written(), "session"):]
	if k, err := parse([]byte(written() + strings.Repeat(line, MaxSessions-1))); err != nil || len(k.sessions) != MaxSessions {
		t.Errorf("%d sessions: %v", len(k.sessions), err)
	}
	if _, err := parse([]byte(written() + strings.Repeat(line, MaxSessions))); !errors.Is(err, ErrFile) {
		t.Errorf("too many sessions: %v", err)
	}
	if _, err := parse(bytes.Repeat([]byte("x"), maxFile+1)); !errors.Is(err, ErrFile) {
		t.Errorf("%v", err)
	}
}

// The longest file that is written can be read.
func TestLongestFileFits(t *testing.T) {
	k := Kept{Label: "abcdefghijklmnop", Port: MaxPort}
	for range MaxSessions {
		k.sessions = append(k.sessions, session{begun: 1<<63 - 1, used: -1 << 63, browser: strings.Repeat("x", maxBrowser)})
	}
	if _, err := parse(k.format()); err != nil {
		t.Errorf("%d bytes: %v", len(k.format()), err)
	}
}

// What can be read is written in the same way.
func FuzzFile(f *testing.F) {
	f.Add([]byte(written()))
	f.Add([]byte("earshot web 1\nlabel abcdefghijklmnop\nport 22350\nany-local-user true\n"))
	f.Add([]byte(""))
	f.Add([]byte("\n\n\n\n\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		k, err := parse(text)
		if err != nil {
			return
		}
		if again := k.format(); !bytes.Equal(again, text) {
			t.Fatalf("%q is written as %q", text, again)
		}
	})
}

func TestBrowserNames(t *testing.T) {
	for agent, want := range map[string]string{
		"": "a browser", "curl/8": "a browser",
		"Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0":                                                        "Firefox on Linux",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0.0.0 Safari/537.36 Edg/150.0.0.0": "Edge on Windows",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Safari/605.1.15":         "Safari on macOS",
		"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0.0.0 Safari/537.36":                         "Chrome on Linux",
		"<script>\x1b[31m\u202e":     "a browser",
		strings.Repeat("Chrome/", 9): "Chrome",
	} {
		if got := browserOf(agent); got != want || plainBrowser(got) != got {
			t.Errorf("%q: %q, want %q", agent, got, want)
		}
	}
	for _, name := range []string{"", "   ", "<>", strings.Repeat(" x", 99), strings.Repeat("é", 99), "a\nb"} {
		if got := plainBrowser(name); got == "" || len(got) > maxBrowser || plainBrowser(got) != got {
			t.Errorf("%q: %q", name, got)
		}
	}
}

func TestLoadAndSave(t *testing.T) {
	dir := t.TempDir()
	if k, err := Load(dir); err != nil || k.Label != "" {
		t.Errorf("%+v, %v", k, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "web.tmp"), []byte(strings.Repeat("left by a crash", 99)), 0o600); err != nil {
		t.Fatal(err)
	}
	want, err := parse([]byte(written()))
	if err != nil {
		t.Fatal(err)
	}
	if err := want.save(dir); err != nil {
		t.Fatal(err)
	}
	got, err := Load(dir)
	if err != nil || string(got.format()) != written() {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "web.tmp")); !os.IsNotExist(err) {
		t.Error(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "web"), bytes.Repeat([]byte(written()), 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(dir); !errors.Is(err, ErrFile) {
		t.Errorf("%v", err)
	}
}
