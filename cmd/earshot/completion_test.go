package main

import (
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/earshot-im/earshot/cmd/earshot/command"
)

// cmdAllCompleted fails if a command or flag has a place for WHO, GROUP or one of some values, and the
// shell is not offered these there. It is given a node, a member of a group, and the group.
func cmdAllCompleted(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: allcompleted NAME MEMBER GROUP")
	}
	dir, member, group := ts.MkAbs(args[0]), args[1], args[2]
	offers := func(line []string, words ...string) {
		ts.Check(ts.Exec("earshot", slices.Concat([]string{"--dir", dir, "__complete"}, line, []string{""})...))
		var offered []string
		for s := range strings.Lines(ts.ReadFile("stdout")) {
			word, _, _ := strings.Cut(strings.TrimSpace(s), "\t")
			offered = append(offered, word)
		}
		for _, word := range words {
			if !slices.Contains(offered, word) {
				ts.Fatalf("earshot %s: offers %q, and not %q", strings.Join(line, " "), offered, word)
			}
		}
	}
	everyCommand(rootCommand(new(command.App)), func(c *cobra.Command) {
		path := strings.Fields(c.CommandPath())[1:]
		line := slices.Clone(path)
		for _, place := range strings.Fields(c.Use)[1:] {
			var words []string
			switch place := strings.Trim(place, "[]."); {
			case place == "WHO", place == "OLD":
				words = []string{member}
			case place == "GROUP":
				words = []string{group}
			case strings.Contains(place, "|"):
				words = slices.DeleteFunc(strings.Split(place, "|"), func(w string) bool { return w != strings.ToLower(w) })
			default:
				words = []string{"any"}
				line = append(line, words...)
				continue
			}
			offers(line, words...)
			line = append(line, words[0])
		}
		c.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
			if value, _ := pflag.UnquoteUsage(f); value == "WHO" {
				offers(append(slices.Clone(path), "--"+f.Name), member)
			}
		})
	})
}
