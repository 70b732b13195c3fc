package running

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/earshot-im/earshot/cmd/earshot/command"
	"github.com/earshot-im/earshot/cmd/earshot/problem"
	"github.com/earshot-im/earshot/cmd/earshot/terminal"
	"github.com/earshot-im/earshot/node/localapi"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// askedWords is how many of the recovery words are asked for: whoever has not written them down does not know
// them by heart.
const askedWords = 3

func (a app) recoveryCommand() *cobra.Command {
	var written bool
	c := &cobra.Command{
		Use:   "recovery",
		Short: "Show your recovery words, which are to be written down on paper",
		Long: `Show the 24 words of your recovery key. Write them down on paper, with their numbers, and keep
that where nobody else sees it: whoever has the words could take your place. They are meant for the
day on which this machine is lost. This version of earshot can't take them yet; a later one is to.

With --written you say that you have them on paper: then they are taken off this machine, and can't
be shown again. At a terminal three of them are asked for first.`,
		Args: command.Exactly(),
		RunE: a.Ask(func(ctx context.Context, client *localapi.Client, _ []string) error {
			r, err := client.RecoveryWords(ctx, &earshotv1.RecoveryWordsRequest{})
			if err != nil {
				return err
			}
			if !written {
				return a.showRecovery(r.Words)
			}
			if stdin, file := a.Stdin.(*os.File); file && !a.Out.JSON && terminal.Is(stdin) && terminal.Is(a.Stderr) {
				ask := func(question string) (string, error) {
					line, _, err := terminal.Ask(ctx, question, stdin, a.Stderr)
					return line, err
				}
				if err := onPaper(r.Words, rand.Perm(len(r.Words)), ask); err != nil {
					return err
				}
			}
			me, err := client.ForgetRecoveryWords(ctx, &earshotv1.ForgetRecoveryWordsRequest{})
			if err != nil {
				return err
			}
			return a.Out.Me(a.Stdout, me)
		}),
	}
	c.Flags().BoolVar(&written, "written", false, "they are on paper: take them off this machine")
	return c
}

// showRecovery prints the words, and what they are for.
func (a app) showRecovery(words []string) error {
	if err := a.Out.Recovery(a.Stdout, words); err != nil || a.Out.JSON {
		return err
	}
	_, err := fmt.Fprint(a.Stderr, `Write these words down on paper, with their numbers, and show them to nobody: whoever has them could
take your place. They are meant for the day on which this machine is lost. This version of earshot
can't take them yet; a later one is to. When they are on paper, take them off this machine:
earshot me recovery --written
`)
	return err
}

// onPaper asks for some of the words, of those that come first in an order.
func onPaper(words []string, order []int, ask func(question string) (string, error)) error {
	asked := slices.Sorted(slices.Values(order[:min(askedWords, len(order))]))
	for _, i := range asked {
		line, err := ask(fmt.Sprintf("What is word %d on your paper? ", i+1))
		if err != nil {
			return err
		}
		if !strings.EqualFold(line, words[i]) {
			return problem.Failed(problem.CodeUnwritten, "that is not word %d: nothing was taken off this machine", i+1)
		}
	}
	return nil
}
