//go:build dist

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"github.com/earshot-im/earshot/cmd/earshot/command"
)

// A program that was built with the tag dist is not earshot but writes its manual: one page for each
// command and the completions of the shells, into the directory that its only argument names. The
// program that is installed has nothing of this; .dist puts the files into packages.
func init() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: manual DIR")
		os.Exit(2)
	}
	if err := writeManual(rootCommand(new(command.App)), os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// writeManual writes man pages into dir/man and completions into dir/completions. They are the same
// whoever writes them: the time is that of SOURCE_DATE_EPOCH.
func writeManual(root *cobra.Command, dir string) error {
	man, completions := filepath.Join(dir, "man"), filepath.Join(dir, "completions")
	for _, d := range []string{man, completions} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return err
		}
	}
	root.DisableAutoGenTag = true
	flag := root.PersistentFlags().Lookup("dir") // the home of whoever writes the manual is not its reader's
	flag.Usage = strings.ReplaceAll(flag.Usage, command.DefaultDirText(), "~/.local/share/earshot")
	header := &doc.GenManHeader{Section: "1", Source: "earshot", Manual: "User Commands"}
	if err := doc.GenManTree(root, header, man); err != nil {
		return err
	}
	if err := root.GenBashCompletionFileV2(filepath.Join(completions, "earshot.bash"), true); err != nil {
		return err
	}
	if err := root.GenZshCompletionFile(filepath.Join(completions, "_earshot")); err != nil {
		return err
	}
	return root.GenFishCompletionFile(filepath.Join(completions, "earshot.fish"), true)
}
