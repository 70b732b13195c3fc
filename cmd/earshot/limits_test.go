package main

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/earshot-im/earshot/cmd/earshot/command"
	"github.com/earshot-im/earshot/cmd/earshot/problem"
	"github.com/earshot-im/earshot/node/localapi"
	"github.com/earshot-im/earshot/node/quiet"
	"github.com/earshot-im/earshot/store/fold"
)

// Limits that people are told are those of the local API.
func TestLimitsAreToldAsTheyAre(t *testing.T) {
	page, err := os.ReadFile("CLI.md")
	if err != nil {
		t.Fatal(err)
	}
	if localapi.MaxQuietHours != quiet.Most {
		t.Errorf("%d quiet hours, and the node takes %d", localapi.MaxQuietHours, quiet.Most)
	}
	thousands := func(n int) string { return fmt.Sprintf("%d,%03d", n/1000, n%1000) }
	kib := fmt.Sprintf("%d KiB", localapi.MaxText>>10)
	for _, c := range []struct{ where, text, says string }{
		{"CLI.md", string(page), "at most " + kib},
		{"CLI.md", string(page), "(over " + kib},
		{"CLI.md", string(page), "the text is over " + kib},
		{"CLI.md", string(page), fmt.Sprintf("up to %d people", localapi.MaxInvited)},
		{"CLI.md", string(page), "At most " + thousands(localapi.MaxPage) + " lines"},
		{"CLI.md", string(page), fmt.Sprintf("There may be %d words,\nwith %s bytes in all", fold.MaxPieces, thousands(fold.MaxWords))},
		{"CLI.md", string(page), fmt.Sprintf("up to %d. Prints", quiet.Most)},
		{"hint of query", problem.Failed(localapi.CodeQuery, "").Hint, fmt.Sprintf("up to %d words, with %s bytes", fold.MaxPieces, thousands(fold.MaxWords))},
		{"help of recv", find(rootCommand(new(command.App)), "earshot recv").Long, thousands(localapi.MaxPage) + " lines wait"},
		{"hint of emoji", problem.Failed(localapi.CodeEmoji, "").Hint, fmt.Sprintf("up to %d bytes", localapi.MaxEmoji)},
	} {
		if !strings.Contains(c.text, c.says) {
			t.Errorf("%s does not say %q", c.where, c.says)
		}
	}
}
