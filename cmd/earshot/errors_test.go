package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/earshot-im/earshot/cmd/earshot/object"
)

// cmdFails runs a command that must fail, for people and with --json, and adds what people are told
// to the file "told": so a script holds every text together with its hint, to be read and compared.
// IDs and other things that differ each time are replaced.
func cmdFails(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: fails EXIT CODE COMMAND... [<FILE]")
	}
	exit, code, args := args[0], args[1], args[2:]
	var stdin []byte
	if file, given := strings.CutPrefix(args[len(args)-1], "<"); given {
		stdin, args = []byte(ts.ReadFile(file)), args[:len(args)-1]
	}
	run := func(args ...string) (stdout, stderr string) {
		c := exec.Command(args[0], args[1:]...)
		if args[0] == "earshot" {
			c.Path, c.Err = earshotIn(ts), nil
		}
		c.Dir, c.Stdin = ts.Getenv("WORK"), bytes.NewReader(stdin)
		c.Env = append(os.Environ(), "HOME="+ts.Getenv("WORK"), "XDG_CONFIG_HOME=", "SYSTEMD_UNIT_PATH="+ts.Getenv("SYSTEMD_UNIT_PATH"), "PATH="+ts.Getenv("PATH"), "EARSHOT_DIR="+ts.Getenv("EARSHOT_DIR"), "EARSHOT_PASSPHRASE="+ts.Getenv("EARSHOT_PASSPHRASE"))
		var out, told bytes.Buffer
		c.Stdout, c.Stderr = &out, &told
		err := c.Run()
		var failed *exec.ExitError
		if !errors.As(err, &failed) || strconv.Itoa(failed.ExitCode()) != exit {
			ts.Fatalf("%v, want exit status %s: %s", err, exit, &told)
		}
		return out.String(), told.String()
	}
	_, stderr := run(append(slices.Clone(args), "--json")...)
	var failure object.Failure
	lines := strings.Split(strings.TrimSpace(stderr), "\n")
	ts.Check(json.Unmarshal([]byte(lines[len(lines)-1]), &failure))
	if failure.Code != code || failure.Error == "" || failure.Hint == "" {
		ts.Fatalf("%+v, want code %s", failure, code)
	}
	_, stderr = run(args...)
	var told strings.Builder
	if before, err := os.ReadFile(ts.MkAbs("told")); err == nil {
		told.Write(before)
	}
	command := "$"
	for _, arg := range args {
		if strings.ContainsAny(arg, " '") || arg == "" {
			arg = strconv.Quote(arg)
		}
		command += " " + arg
	}
	told.WriteString(settled(ts, command+"\n"+stderr))
	ts.Check(os.WriteFile(ts.MkAbs("told"), []byte(told.String()), 0o600))
}

// varying are parts of a text that differ each time, and what is put in their place.
var varying = []struct {
	part *regexp.Regexp
	with string
}{
	{regexp.MustCompile(`\b[0-9a-f]{64}\b`), "ID"},
	{regexp.MustCompile(`\b12D3KooW\w+`), "DEVICE"},
	{regexp.MustCompile(`\b[0-9a-f]{16}([,)])`), "ID$1"},
	{regexp.MustCompile(`\b(pause|cancel) [0-9a-f]{8}\b`), "$1 ID"},
	{regexp.MustCompile(`process [0-9]+`), "process N"},
	{regexp.MustCompile(`tcp/[0-9]{2,}`), "tcp/PORT"},
	{regexp.MustCompile(`, online\b`), ""},
	{regexp.MustCompile(`(?m)^time=.*\n`), ""}, // the log
}

func settled(ts *testscript.TestScript, text string) string {
	text = strings.ReplaceAll(text, ts.Getenv("WORK"), "WORK")
	for _, v := range varying {
		text = v.part.ReplaceAllString(text, v.with)
	}
	return text
}

// elsewhere are the codes that no script can bring about, and why; packages problem and up test them.
var elsewhere = map[string]string{
	"setting":       "commands check the values themselves",
	"invalid":       "commands ask nothing that is against the schema",
	"not_answering": "takes half a minute; node/localapi tests it",
	"internal":      "a fault of the node",
	"home":          "needs a user whom the system does not know",
	"newer":         "needs a directory of a newer program",
	"other_store":   "`recv --as` begins where the node has the reader",
	"failed":        "an error that nobody has thought of",
	"version":       "needs a node of another version",
	"path":          "Linux can name a socket under any path",
	"too_late":      "needs two minutes",
	"no_room":       "needs a full disk",
	"uncertain":     "needs a disk that fails",
	"busy":          "needs 256 programs",
	"ack":           "testdata/ack.txtar does, with a consumer beside it",
	"unwell":        "testdata/doctor.txtar does, in a network of its own",
	"group_full":    "needs a group with thousands of changes",
	"changed":       "needs a file that changes while it is read",
	"gone":          "commands wait until somebody has the file",
	"not_held":      "commands wait until the file is here",
	"no_session":    "testdata/web.txtar does",
	"not_written":   "testdata/errors_recovery.txtar does, at a terminal",
	"web_file":      "testdata/web.txtar does",
	"web_user":      "needs a node of the user nobody",
	"no_page":       "needs a machine whose ports are all taken",
}

// Every code that CLI.md names is brought about by a script, which holds what people are told.
func TestEveryErrorIsProvoked(t *testing.T) {
	page, err := os.ReadFile("CLI.md")
	if err != nil {
		t.Fatal(err)
	}
	scripts, err := filepath.Glob("testdata/errors_*.txtar")
	if err != nil || len(scripts) == 0 {
		t.Fatalf("%d scripts: %v", len(scripts), err)
	}
	provoked := make(map[string]bool)
	for _, script := range scripts {
		b, err := os.ReadFile(script)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`(?m)^(?:fails [0-9]|stderr '"code":"?)[ ]?([a-z_]+)`).FindAllStringSubmatch(string(b), -1) {
			provoked[m[1]] = true
		}
	}
	_, table, _ := strings.Cut(string(page), "\n## Errors\n")
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\|").FindAllStringSubmatch(table, -1) {
		if code := row[1]; provoked[code] == (elsewhere[code] != "") {
			t.Errorf("%s: provoked %v, said to be elsewhere %q", code, provoked[code], elsewhere[code])
		}
	}
}
