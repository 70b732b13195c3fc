package handing

import (
	"context"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/earshot-im/earshot/cmd/earshot/command"
	"github.com/earshot-im/earshot/cmd/earshot/problem"
	"github.com/earshot-im/earshot/cmd/earshot/reading"
	"github.com/earshot-im/earshot/cmd/earshot/transfer"
	"github.com/earshot-im/earshot/node/localapi"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// stdout is what --to is given to have a content written to standard output.
const stdout = "-"

func (a app) getCommand() *cobra.Command {
	var in, dir, to string
	var timeout time.Duration
	c := &cobra.Command{
		Use:   "get ID [N]",
		Short: "Fetch and save files, and print where they are",
		Long: `Have files fetched and saved, wait until they are, and print where. They are saved to the folder
of "earshot me files dir"; nothing that is there is written over. With --to - the content of one
file is written to standard output, and saved nowhere; that of a folder is a tar archive.

Where it is interrupted, or --timeout has passed, the node goes on.

` + idHelp,
		Example: `  earshot get last:bob
  earshot get b5bb9d80 2 --to-dir .
  earshot get b5bb9d80 --to - | tar x`,
		Args: func(c *cobra.Command, args []string) error {
			switch {
			case c.Flags().Changed("to") && to != stdout:
				return command.Usage(c, "--to takes -, for standard output; --to-dir takes a folder")
			case c.Flags().Changed("to-dir") && (dir == "" || to != ""):
				return command.Usage(c, "--to-dir takes a folder, and goes without --to")
			case to != "" && a.Out.JSON:
				return command.Usage(c, "--to - writes the content and nothing else: leave out --json")
			case c.Flags().Changed("timeout") && timeout <= 0:
				return command.Usage(c, "--timeout must be more than nothing")
			}
			_, err := which(c, args)
			return err
		},
	}
	c.RunE = func(c *cobra.Command, args []string) error {
		n, err := which(c, args)
		if err != nil {
			return err
		}
		if dir != "" {
			if dir, err = filepath.Abs(dir); err != nil {
				return problem.Failed(localapi.CodeNoFolder, "%v", err)
			}
		}
		return a.Ask(func(ctx context.Context, client *localapi.Client, args []string) error {
			id, err := reading.WhichFiles(ctx, client, args[0], in)
			if err != nil {
				return err
			}
			mover := a.Mover(client)
			mover.Timeout = timeout
			if to == stdout {
				return problem.OfFiles(a.write(ctx, c, mover, id, n))
			}
			return problem.OfFiles(mover.Save(ctx, id, n, dir))
		})(c, args)
	}
	inFlag(c, &in)
	flags := c.Flags()
	flags.StringVar(&dir, "to-dir", "", "save to the folder `DIR`")
	flags.StringVar(&to, "to", "", "`-`: write the content of one file to standard output")
	flags.DurationVar(&timeout, "timeout", 0, "wait for `DURATION` at most, as 10s; then end with exit status 5, and have the node go on")
	return c
}

// write writes the content of the file that is meant to standard output.
func (a app) write(ctx context.Context, c *cobra.Command, mover *transfer.Mover, id string, n uint32) error {
	r, err := mover.Client.GetMessages(ctx, &earshotv1.GetMessagesRequest{Ids: []string{id}})
	if err != nil {
		return err
	}
	if len(r.Messages) == 0 {
		return problem.Failed(localapi.CodeNoMessage, "no such message")
	}
	files := r.Messages[0].Attachments
	switch {
	case len(files) == 0 || int(n) > len(files):
		return problem.Failed(localapi.CodeNoFile, "the message has %d files", len(files))
	case n == 0 && len(files) > 1:
		return command.Usage(c, "N is missing: the message has several files")
	}
	return mover.Write(ctx, id, max(n, 1), a.Stdout)
}
