package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/earshot-im/earshot/cmd/earshot/problem"
)

// runArgs runs the program in this process, with no node.
func runArgs(t *testing.T, args ...string) (exit int, stdout, stderr string) {
	dir := t.TempDir()
	var files [2]*os.File
	for i, name := range []string{"stdout", "stderr"} {
		f, err := os.Create(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		files[i] = f
	}
	t.Setenv("EARSHOT_DIR", filepath.Join(dir, "none"))
	exit = run(t.Context(), args, strings.NewReader(""), files[0], files[1])
	read := func(i int) string {
		b, err := os.ReadFile(files[i].Name())
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	return exit, read(0), read(1)
}

func TestUsage(t *testing.T) {
	id := strings.Repeat("0", 64)
	for _, args := range [][]string{
		{},
		{"nonsense"},
		{"--nonsense"},
		{"help", "nonsense"},
		{"status", "--nonsense"},
		{"status", "extra"},
		{"--dir"},
		{"up", "extra"},
		{"down", "extra"},
		{"peers", "extra"},
		{"me", "extra"},
		{"me", "name"},
		{"me", "name", "two", "names"},
		{"me", "accept", "some"},
		{"me", "read-receipts", "perhaps"},
		{"send"},
		{"send", "bob", "hi", "--wait", "eaten"},
		{"send", "bob", "hi", "--timeout", "5"},
		{"send", "bob", "hi", "--timeout", "-5s"},
		{"send", "bob", "hi", "--timeout", "0s"},
		{"send", "bob", "hi", "--reply-to", "abc"},
		{"send", "bob", "hi", "--reply-to", ""},
		{"send", "bob", "hi", "--reply-to", strings.ToUpper("a" + id[1:])},
		{"send", "bob", "hi", "--key", ""},
		{"send", "bob", "-x"},
		{"send", "bob", "hi", "--lines"},
		{"send", "bob", "--lines", "--key", "k"},
		{"send", "bob", "--lines", "--reply-to", id},
		{"recv", "bob"},
		{"recv", "--count", "0"},
		{"recv", "--count", "-1"},
		{"recv", "--count", "many"},
		{"recv", "--timeout", "soon"},
		{"recv", "--timeout", "-1s"},
		{"recv", "--as", ""},
		{"recv", "--as", strings.Repeat("c", 65)},
		{"recv", "--from", ""},
		{"history"},
		{"history", "bob", "eve"},
		{"history", "bob", "--limit", "0"},
		{"history", "bob", "--limit", "-1"},
		{"history", "bob", "--before", "abc"},
		{"history", "bob", "--before", id, "--after", id},
		{"history", "bob", "--around", "abc"},
		{"history", "bob", "--around", ""},
		{"history", "bob", "--around", id, "--before", id},
		{"history", "bob", "--around", id, "--key", "k"},
		{"search"},
		{"search", "--in", "bob"},
		{"search", "hi", "--in", ""},
		{"search", "hi", "--from", ""},
		{"search", "hi", "--limit", "0"},
		{"search", "hi", "--since", ""},
		{"search", "hi", "--since", "yesterday"},
		{"search", "hi", "--since", "2026-02-30"},
		{"search", "hi", "--before", "2026-11-28T25:00"},
		{"search", "hi", "--before", "0000-01-01"},
		{"search", "hi", "--since", "2026-11-28", "--before", "2026-11-28"},
		{"outbox", "extra"},
		{"outbox", "cancel"},
		{"outbox", "cancel", "abc"},
		{"edit"},
		{"edit", "abc", "text"},
		{"recall"},
		{"recall", "abc"},
		{"recall", id, "extra"},
		{"react", id},
		{"react", "abc", "+1"},
		{"react", id, "two", "words"},
		{"receipts"},
		{"receipts", "abc"},
		{"group"},
		{"group", "nonsense"},
		{"group", "create"},
		{"group", "create", "two", "names"},
		{"group", "list", "extra"},
		{"group", "invite", "lunch"},
		{"group", "leave"},
		{"group", "remove", "lunch"},
		{"group", "remove", "lunch", "bob", "eve"},
		{"group", "role", "lunch", "bob"},
		{"group", "role", "lunch", "bob", "king"},
		{"group", "rename", "lunch"},
		{"group", "topic"},
		{"group", "history"},
		{"group", "history", "lunch", "7"},
		{"group", "history", "lunch", "0d"},
		{"group", "history", "lunch", "07d"},
		{"group", "history", "lunch", "36501d"},
		{"group", "history", "lunch", "days"},
		{"group", "history", "lunch", "all", "extra"},
		{"group", "members"},
		{"contacts", "extra"},
		{"contacts", "name", "bob"},
		{"verify"},
		{"requests", "extra"},
		{"accept"},
		{"block"},
		{"unblock", "bob", "eve"},
		{"version", "extra"},
		{"completion"},
		{"completion", "nosuchshell"},
		{"completion", "bash", "extra"},
	} {
		exit, stdout, stderr := runArgs(t, args...)
		if exit != problem.ExitUsage || stdout != "" || !strings.Contains(stderr, "--help") {
			t.Errorf("%q: exit %d, stdout %q, stderr %q", args, exit, stdout, stderr)
		}
		exit, _, stderr = runArgs(t, append([]string{"--json"}, args...)...)
		var told struct{ Error, Code, Hint string }
		if err := json.Unmarshal([]byte(stderr), &told); len(args) > 0 && args[0] != "--dir" &&
			(exit != problem.ExitUsage || err != nil || told.Code != problem.CodeUsage || told.Error == "" || told.Hint == "") {
			t.Errorf("%q as JSON: exit %d, stderr %q", args, exit, stderr)
		}
	}
}

// Each command but those that need no node says that none is running.
func TestNoNode(t *testing.T) {
	id := strings.Repeat("0", 64)
	for _, args := range [][]string{
		{"down"}, {"status"}, {"peers"}, {"peers", "--watch"}, {"me"}, {"me", "name", "Ann"}, {"send", "bob", "hi"},
		{"send", "bob", "--lines"}, {"recv"}, {"recv", "--follow"}, {"recv", "--as", "bot"}, {"history", "bob"}, {"history", "bob", "--around", id}, {"search", "hi"}, {"outbox"},
		{"outbox", "cancel", id}, {"edit", id, "text"}, {"recall", id}, {"react", id, ""}, {"receipts", id},
		{"group", "create", "lunch"}, {"group", "list"}, {"group", "invite", "lunch", "bob"}, {"group", "leave", "lunch"},
		{"group", "remove", "lunch", "bob"}, {"group", "role", "lunch", "bob", "admin"}, {"group", "rename", "lunch", "dinner"},
		{"group", "topic", "lunch"}, {"group", "topic", "lunch", ""}, {"group", "history", "lunch"},
		{"group", "history", "lunch", "36500d"}, {"group", "members", "lunch"},
		{"contacts"}, {"contacts", "name", "bob", "Bob"}, {"verify", "bob"}, {"requests"},
		{"accept", "bob"}, {"block", "bob"}, {"unblock", "bob"},
	} {
		exit, stdout, stderr := runArgs(t, args...)
		if exit != problem.ExitNotRunning || stdout != "" || !strings.Contains(stderr, "earshot up") {
			t.Errorf("%q: exit %d, stdout %q, stderr %q", args, exit, stdout, stderr)
		}
	}
	for _, args := range [][]string{{"version"}, {"version", "--json"}, {"help"}, {"help", "send"}, {"send", "--help"}, {"group", "--help"}, {"help", "group", "role"}, {"--help"}, {"completion", "bash"}} {
		if exit, stdout, stderr := runArgs(t, args...); exit != 0 || stdout == "" || stderr != "" {
			t.Errorf("%q: exit %d, stdout %q, stderr %q", args, exit, stdout, stderr)
		}
	}
}
