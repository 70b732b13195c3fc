package main

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/earshot-im/earshot/cmd/earshot/command"
)

// containers are commands that only hold others.
var containers = []string{"earshot", "earshot group", "earshot me files", "earshot service", "earshot completion"}

// section is what CLI.md says about one command.
type section struct{ usage, text string }

// commandSections returns the parts of CLI.md that have a command as their title, by its path.
func commandSections(t *testing.T, root *cobra.Command) (page string, sections map[string]section) {
	t.Helper()
	b, err := os.ReadFile("CLI.md")
	if err != nil {
		t.Fatal(err)
	}
	sections = make(map[string]section)
	for _, part := range regexp.MustCompile(`\n##+ `).Split(string(b), -1) {
		title, text, _ := strings.Cut(part, "\n")
		usage, isCommand := strings.CutPrefix(strings.Trim(title, "`"), "earshot ")
		if !isCommand || !strings.HasPrefix(title, "`") {
			continue
		}
		for _, usage := range alternatives(root, "earshot "+usage) {
			c := find(root, usage)
			if c == nil {
				t.Errorf("CLI.md has %q, and there is no such command", usage)
				continue
			}
			sections[c.CommandPath()] = section{usage, text}
		}
	}
	return string(b), sections
}

// alternatives divides a title that stands for several commands, as "completion bash|zsh".
func alternatives(root *cobra.Command, usage string) []string {
	for word := range strings.FieldsSeq(usage) {
		names := strings.Split(word, "|")
		before, after, _ := strings.Cut(usage, word)
		if len(names) > 1 && find(root, before+names[0]) != find(root, before) {
			for i := range names {
				names[i] = before + names[i] + after
			}
			return names
		}
	}
	return []string{usage}
}

// find returns the command that a line of words begins with; nil if there is none.
func find(root *cobra.Command, line string) *cobra.Command {
	c, _, err := root.Find(strings.Fields(line)[1:])
	if err != nil || c == root && len(strings.Fields(line)) > 1 {
		return nil
	}
	return c
}

// everyCommand calls do for a command and all below it that can be run.
func everyCommand(c *cobra.Command, do func(*cobra.Command)) {
	if c.Runnable() && !c.Hidden && !slices.Contains(containers, c.CommandPath()) {
		do(c)
	}
	for _, sub := range c.Commands() {
		everyCommand(sub, do)
	}
}

// flagRow is a flag in a list of CLI.md, with the word for its value.
var flagRow = regexp.MustCompile("(?m)^- `--([a-z-]+)( [^`]*)?`: ")

func documentedFlags(text string) map[string]string {
	flags := make(map[string]string)
	for _, row := range flagRow.FindAllStringSubmatch(text, -1) {
		flags[row[1]] = strings.TrimSpace(row[2])
	}
	return flags
}

func compareFlags(t *testing.T, where, text string, flags *pflag.FlagSet) {
	t.Helper()
	documented := documentedFlags(text)
	flags.VisitAll(func(f *pflag.Flag) {
		value, _ := pflag.UnquoteUsage(f)
		if shown, there := documented[f.Name]; f.Name != "help" && (!there || shown != value) {
			t.Errorf("%s: has --%s %s, and CLI.md has %v, %s", where, f.Name, value, there, shown)
		}
		delete(documented, f.Name)
	})
	for name := range documented {
		t.Errorf("%s: CLI.md has --%s, and there is no such flag", where, name)
	}
}

// CLI.md has every command with its usage line and its flags, and no other.
func TestCommandsInCLI(t *testing.T) {
	root := rootCommand(new(command.App))
	page, sections := commandSections(t, root)
	everyCommand(root, func(c *cobra.Command) {
		path := c.CommandPath()
		s, there := sections[path]
		if !there {
			t.Errorf("%s: not in CLI.md", path)
			return
		}
		delete(sections, path)
		if usage := c.Parent().CommandPath() + " " + c.Use; s.usage != usage {
			t.Errorf("CLI.md has %q, the program %q", s.usage, usage)
		}
		compareFlags(t, path, s.text, c.LocalNonPersistentFlags())
	})
	for path := range sections {
		t.Errorf("%s: in CLI.md, and can't be run", path)
	}
	_, every, _ := strings.Cut(page, "\n## Every command\n")
	every, _, _ = strings.Cut(every, "\n## ")
	compareFlags(t, "every command", every, root.PersistentFlags())
}

// ofSystem matches a command of the system that names earshot.
var ofSystem = regexp.MustCompile(`^(sudo )?(dpkg|firewall-cmd|journalctl|netsh|systemctl|useradd) `)

// Whatever else the pages say of commands and flags is true as well.
func TestPagesNameNothingElse(t *testing.T) {
	root := rootCommand(new(command.App))
	flags := make(map[string]bool)
	note := func(f *pflag.Flag) { flags[f.Name] = true }
	root.PersistentFlags().VisitAll(note)
	everyCommand(root, func(c *cobra.Command) {
		c.InitDefaultHelpFlag()
		c.LocalNonPersistentFlags().VisitAll(note)
	})
	for _, name := range []string{"CLI.md", "../../README.md"} {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, code := range codeOf(string(b)) {
			if ofSystem.MatchString(code) {
				continue
			}
			for _, m := range regexp.MustCompile(`\bearshot ((?:-[^ ]+ [^ ]+ )?[a-z][a-z -]*)`).FindAllStringSubmatch(code, -1) {
				if find(root, "earshot "+m[1]) == nil {
					t.Errorf("%s: %q is no command", name, "earshot "+m[1])
				}
			}
			if !strings.Contains(code, "earshot") && !strings.HasPrefix(code, "--") && find(root, "earshot "+code) == nil {
				continue // of another program
			}
			for _, m := range regexp.MustCompile(`(?:^|[ (])--([a-z][a-z-]*)`).FindAllStringSubmatch(code, -1) {
				if !flags[m[1]] && !strings.Contains(code, "curl") {
					t.Errorf("%s: no command has --%s", name, m[1])
				}
			}
		}
	}
}

// codeOf returns the pieces of code in a page: lines of indented blocks, and what stands in backquotes.
func codeOf(page string) (pieces []string) {
	page = regexp.MustCompile("(?s)```.*?```").ReplaceAllString(page, "")
	for line := range strings.Lines(page) {
		if code, indented := strings.CutPrefix(line, "    "); indented {
			pieces = append(pieces, strings.TrimSpace(code))
			continue
		}
		for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(line, -1) {
			pieces = append(pieces, m[1])
		}
	}
	return pieces
}

var objectLink = regexp.MustCompile(`\[[a-z ]+\]\(#([a-z-]+)\)`)

// printedBy returns the names of the objects that a command prints, as CLI.md says.
func printedBy(s section) (objects []string) {
	for _, m := range objectLink.FindAllStringSubmatch(s.text, -1) {
		if command := strings.HasPrefix(m[1], "earshot-"); !command {
			objects = append(objects, strings.ReplaceAll(m[1], "-", " "))
		}
	}
	return objects
}

// Each object of CLI.md is printed by a command, which says so, and the other way round. What is
// printed is compared in testdata/cli.txtar.
func TestObjectsInCLI(t *testing.T) {
	page, sections := commandSections(t, rootCommand(new(command.App)))
	_, about, _ := strings.Cut(page, "\n## JSON\n")
	printed := map[string]bool{"error": true} // by any
	for path, s := range sections {
		for _, name := range printedBy(s) {
			printed[name] = true
			if !strings.Contains(about, "\n### "+name+"\n") {
				t.Errorf("%s prints %s, which CLI.md does not explain", path, name)
			}
		}
	}
	for _, m := range regexp.MustCompile(`\n### ([a-z ]+)\n`).FindAllStringSubmatch(about, -1) {
		if !printed[m[1]] {
			t.Errorf("no command prints %s", m[1])
		}
	}
}

type printedKey struct{}

// cmdPrints runs a command with --json, and compares what it prints with what CLI.md says.
func cmdPrints(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: prints NAME COMMAND...")
	}
	ts.Check(ts.Exec("earshot", append([]string{"--json", "--dir", ts.MkAbs(args[0])}, args[1:]...)...))
	cli := ts.Value(printedKey{}).(*cliPage)
	c, _, err := cli.root.Find(args[1:])
	ts.Check(err)
	cli.printed[c.CommandPath()] = true
	objects := printedBy(cli.sections[c.CommandPath()])
	out := ts.ReadFile("stdout")
	if (len(objects) == 0) != (out == "") {
		ts.Fatalf("%s prints %v, as CLI.md has it", c.CommandPath(), objects)
	}
	for line := range strings.Lines(out) {
		var v any
		ts.Check(json.Unmarshal([]byte(line), &v))
		fields := fieldsIn(v)
		if !slices.ContainsFunc(objects, func(name string) bool { return within(fields, cli.fields[name]) }) {
			ts.Fatalf("%s prints no %v, as CLI.md has it", c.CommandPath(), objects)
		}
	}
}

// cmdAllPrinted fails for a command of CLI.md that has not been compared, unless it is named.
func cmdAllPrinted(ts *testscript.TestScript, neg bool, but []string) {
	cli := ts.Value(printedKey{}).(*cliPage)
	for path := range cli.sections {
		name := strings.TrimPrefix(path, "earshot ")
		if !cli.printed[path] && !slices.Contains(but, name) {
			ts.Fatalf("%s is not compared", path)
		}
	}
}

// cliPage is CLI.md for a script: its commands, the fields of its objects, and which commands have
// been run.
type cliPage struct {
	root     *cobra.Command
	sections map[string]section
	fields   map[string][]string
	printed  map[string]bool
}

var example = regexp.MustCompile("(?s)\n### ([a-z ]+)\n.*?```json\n(.*?)```")

func newCLIPage(t *testing.T) *cliPage {
	cli := &cliPage{root: rootCommand(new(command.App)), fields: make(map[string][]string), printed: make(map[string]bool)}
	var page string
	page, cli.sections = commandSections(t, cli.root)
	for _, m := range example.FindAllStringSubmatch(page, -1) {
		var v any
		if err := json.Unmarshal([]byte(m[2]), &v); err != nil {
			t.Fatalf("%s: %v", m[1], err)
		}
		cli.fields[m[1]] = fieldsIn(v)
	}
	return cli
}

// fieldsIn lists the fields of a JSON value.
func fieldsIn(v any) (fields []string) {
	switch v := v.(type) {
	case map[string]any:
		for name, inner := range v {
			fields = append(fields, name)
			for _, f := range fieldsIn(inner) {
				fields = append(fields, name+"."+f)
			}
		}
	case []any:
		for _, inner := range v {
			fields = append(fields, fieldsIn(inner)...)
		}
	}
	return fields
}

func within(some, all []string) bool {
	return !slices.ContainsFunc(some, func(s string) bool { return !slices.Contains(all, s) })
}
