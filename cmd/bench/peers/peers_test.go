package peers

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/earshot-im/earshot/cmd/bench/report"
)

// open opens the script of the tests, for which some programs are installed and no others.
func open(t *testing.T, installed ...string) (*Script, *strings.Builder) {
	t.Helper()
	built, tell := t.TempDir(), new(strings.Builder)
	t.Setenv("BENCH_DIR", built)
	if err := os.Mkdir(filepath.Join(built, "bin"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range installed {
		if err := os.WriteFile(filepath.Join(built, "bin", name), []byte("#!/bin/sh\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	s, err := Open("testdata/run.sh", tell)
	if err != nil {
		t.Fatal(err)
	}
	s.around = nil
	return s, tell
}

func measure(t *testing.T, s *Script, workload string) (lines []string) {
	t.Helper()
	if err := s.Measure(t.Context(), workload, func(l report.Line) { lines = append(lines, l.String()) }); err != nil {
		t.Fatal(err)
	}
	return lines
}

// What fails is told and ends nothing, and no line counts that isn't a peer's of the workload.
func TestWhatFailsIsToldAndEndsNothing(t *testing.T) {
	s, tell := open(t, "limits", "nats", "nats-server", "mqtt", "mosquitto", "xmpp", "prosody", "tox")
	lines := measure(t, s, "W1")
	rest := slices.DeleteFunc(slices.Clone(lines), func(l string) bool { return l == "tox-spin W1 p50_us 1" })
	if tox := len(lines) - len(rest); tox != 10_000 {
		t.Errorf("%d lines of a program that prints without end", tox)
	}
	want := []string{
		"raw-tcp W1 p50_us 40.5",
		"libp2p-tls+store-A.par-log-B.log W1 p50_us 400",
		"nats-js-default W1 p50_us 200",
		"mosquitto-qos2 W1 p50_us 1000",
	}
	if !slices.Equal(rest, want) {
		t.Errorf("%q counted, want %q", rest, want)
	}
	told := []string{
		`bench: W1: nats: it said "FATAL: \x1b[31mno\nfailed: nats always W1"`,
		`bench: W1: mqtt: this does not count: "mosquitto-qos2 W2 p50_us 1"`,
		`bench: W1: mqtt: this does not count: "earshot W1 p50_us 1"`,
		`bench: W1: mqtt: this does not count: "target W1 p50_us 1"`,
		`bench: W1: mqtt: this does not count: "mosquitto-qos2 W1 p50_us NaN"`,
		`bench: W1: mqtt: this does not count: "mosquitto-qos2 \x1b[2J W1 p50_us 1"`,
		`bench: W1: xmpp: exit status 3`,
		`bench: W1: tox: more than 10000 lines`,
	}
	if got := strings.Split(strings.TrimSpace(tell.String()), "\n"); !slices.Equal(got, told) {
		t.Errorf("told\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(told, "\n"))
	}
}

// A program is left out if it or what it needs isn't there, and one that says nothing has measured nothing.
func TestWhatIsNotInstalledIsLeftOut(t *testing.T) {
	s, tell := open(t, "limits", "nats", "nats-server", "mqtt", "xmpp", "irc")
	s.system = nil // which may have the rest
	if lines := measure(t, s, "W4"); !slices.Equal(lines, []string{"nats-js-default W4 to10_p50_us 1"}) {
		t.Errorf("%q counted", lines)
	}
	said := `"` + strings.Repeat(`no\n`, maxSaid/3)
	told := []string{
		"bench: W4: limits: it measured nothing",
		"bench: W4: nats: it said " + said[:len(said)-len(`\n`)] + `\nno"`,
		"bench: W4: mqtt: left out, since mosquitto is not installed",
		"bench: W4: xmpp: left out, since prosody is not installed",
		"bench: W4: irc: left out, since ngircd is not installed",
	}
	if got := strings.Split(strings.TrimSpace(tell.String()), "\n"); !slices.Equal(got, told) {
		t.Errorf("told\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(told, "\n"))
	}
}

// While nothing happens, nothing happens everywhere at once.
func TestIdleAllAtOnce(t *testing.T) {
	s, _ := open(t, "limits", "nats", "nats-server")
	lines := slices.Sorted(slices.Values(measure(t, s, "W6")))
	if want := []string{"libp2p-floor W6 rss_mib 1", "nats-js-default W6 rss_mib 1"}; !slices.Equal(lines, want) {
		t.Errorf("%q counted, want %q", lines, want)
	}
}

func TestOpenWithoutScript(t *testing.T) {
	for _, path := range []string{"", "testdata/none.sh", "testdata", "peers.go"} {
		if _, err := Open(path, new(strings.Builder)); err == nil {
			t.Errorf("%q was opened", path)
		}
	}
}
