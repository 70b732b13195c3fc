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
		{"me", "typing", "perhaps"},
		{"me", "presence"},
		{"me", "alerts", "some"},
		{"me", "quiet"},
		{"me", "quiet", "soon"},
		{"me", "quiet", "-1h"},
		{"me", "quiet", "4000d"},
		{"me", "quiet-hours"},
		{"me", "quiet-hours", "22-7"},
		{"me", "quiet-hours", "off", "mon"},
		{"web", "extra"},
		{"web", "end"},
		{"web", "end", "two", "ids"},
		{"web", "sessions", "extra"},
		{"web", "stop", "extra"},
		{"open", "extra"},
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
		{"send", "bob", "hi", "--wait", "held"},
		{"send", "bob", "--file", ""},
		{"send", "--file", "a"},
		{"send", "bob", "--picture"},
		{"send", "bob", "hi", "--keep"},
		{"send", "bob", "--file", "a", "--picture", "--voice"},
		{"send", "bob", "--file", "a", "--keep", "--in-place"},
		{"send", "bob", "--file", "a", "--anyway"},
		{"send", "bob", "--file", "a", "--lines"},
		{"send", "bob", "eve", "--file", "a", "--reply-to", id},
		{"send", "bob", "--file", "main.go", "root.go", "CLI.md"}, // as of --file *
		{"files", "bob", "eve"},
		{"files", "--limit", "0"},
		{"files", "accept"},
		{"files", "accept", "abc"},
		{"files", "decline", id, "0"},
		{"files", "pause", id, "33"},
		{"files", "resume", id, "x"},
		{"files", "cancel", id, "1", "2"},
		{"files", "drop", "last:"},
		{"get"},
		{"get", "abc"},
		{"get", id, "0"},
		{"get", id, "--to", "."},
		{"get", id, "--to", "-", "--to-dir", "."},
		{"get", id, "--to-dir", ""},
		{"get", id, "--to", "-", "--json"},
		{"get", id, "--timeout", "0s"},
		{"me", "files"},
		{"me", "files", "auto", "some"},
		{"me", "files", "dir"},
		{"me", "files", "keep", "much"},
		{"me", "files", "keep", "17GiB"},
		{"me", "files", "max", "-1"},
		{"recv", "bob"},
		{"recv", "--count", "0"},
		{"recv", "--count", "-1"},
		{"recv", "--count", "many"},
		{"recv", "--timeout", "soon"},
		{"recv", "--timeout", "-1s"},
		{"recv", "--as", ""},
		{"recv", "--as", strings.Repeat("c", 65)},
		{"recv", "--from", ""},
		{"recv", "--all"},
		{"recv", "--follow", "--as", "bot", "--ack", "--all"},
		{"chat"},
		{"chat", "bob", "eve"},
		{"chat", "bob", "--json"},
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
		{"react", id + "0", "+1"},
		{"react", "last:", "+1"},
		{"send", "bob", "hi", "--reply-to", "last:"},
		{"history", "bob", "--before", "last:bob"},
		{"search", "hi", "--after", "0123456"},
		{"react", id, "two", "words"},
		{"receipts"},
		{"forward"},
		{"forward", id},
		{"forward", "abc", "bob"},
		{"watch", "bob"},
		{"watch", "--kinds", "arrived,left"},
		{"watch", "--kinds", "arrived,"},
		{"watch", "--after", ""},
		{"watch", "--in", ""},
		{"conversations", "bob"},
		{"conversations", "--limit", "0"},
		{"read"},
		{"read", "bob", "eve"},
		{"read", "bob", "--all"},
		{"read", "--all", "--to", id},
		{"read", "bob", "--to", "last:bob"},
		{"mute"},
		{"mute", "bob", "long"},
		{"mute", "bob", "0d"},
		{"mute", "bob", "1h", "extra"},
		{"unmute"},
		{"notify", "bob"},
		{"notify", "bob", "some"},
		{"pin"},
		{"archive", "bob", "eve"},
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
		{"down"}, {"status"}, {"peers"}, {"peers", "--watch"}, {"me"}, {"me", "name", "Ann"}, {"me", "typing", "off"}, {"me", "quiet", "2d"}, {"me", "quiet-hours", "22:00-07:00", "mon"}, {"send", "bob", "hi"},
		{"send", "bob", "--lines"}, {"recv"}, {"recv", "--follow"}, {"recv", "--as", "bot"}, {"history", "bob"}, {"history", "bob", "--around", id}, {"search", "hi"}, {"outbox"},
		{"outbox", "cancel", id}, {"edit", id, "text"},
		{"send", "bob", "--file", "main.go"}, {"files"}, {"files", "bob", "--waiting"}, {"files", "accept", id}, {"files", "drop", id, "1"}, {"get", id}, {"get", "last:bob", "2", "--to", "-"},
		{"me", "files", "auto", "on"}, {"me", "files", "dir", ""}, {"me", "files", "keep", "0"}, {"me", "files", "max", "1.5 GB"}, {"recall", id}, {"react", id, ""}, {"receipts", id}, {"receipts", "01234567"}, {"forward", id, "bob"}, {"watch"}, {"conversations"}, {"read", "bob"}, {"read", "--all"},
		{"mute", "bob"}, {"mute", "bob", "8h"}, {"unmute", "bob"}, {"notify", "bob", "all"}, {"pin", "bob"}, {"unpin", "bob"}, {"archive", "bob"}, {"unarchive", "bob"}, {"edit", "last:bob", "text"},
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
