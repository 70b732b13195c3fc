package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/earshot-im/earshot/cmd/earshot/command"
)

// What the doctor says to type can be typed: each command of earshot in it exists, with its flags.
func TestAdviceNamesCommandsThatExist(t *testing.T) {
	files, err := filepath.Glob("advice/testdata/*.txt")
	if err != nil || len(files) != 3 {
		t.Fatalf("%d files: %v", len(files), err)
	}
	root := rootCommand(new(command.App))
	flag := regexp.MustCompile(`--([a-z-]+)`)
	found := 0
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile("(?m)(?:^ {8}|`)(earshot [^`\n]*)").FindAllStringSubmatch(string(b), -1) {
			found++
			c := find(root, m[1])
			if c == nil {
				t.Errorf("%s: %q is no command", file, m[1])
				continue
			}
			for _, f := range flag.FindAllStringSubmatch(m[1], -1) {
				if c.Flag(f[1]) == nil {
					t.Errorf("%s: %q: no such flag", file, m[1])
				}
			}
			if args := strings.Fields(m[1])[len(strings.Fields(c.CommandPath())):]; len(args) == 0 && strings.Contains(c.Use, " NEW") {
				t.Errorf("%s: %q lacks what it takes", file, m[1])
			}
		}
	}
	if found < 60 {
		t.Errorf("only %d commands found", found)
	}
}
