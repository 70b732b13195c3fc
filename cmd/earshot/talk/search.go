package talk

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/earshot-im/earshot/cmd/earshot/command"
	"github.com/earshot-im/earshot/cmd/earshot/reading"
	"github.com/earshot-im/earshot/cmd/earshot/show"
	"github.com/earshot-im/earshot/cmd/earshot/terminal"
	"github.com/earshot-im/earshot/node/localapi"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

func (a app) searchCommand() *cobra.Command {
	var limit uint32
	var in, from, since, before, after string
	wanted := earshotv1.SearchRequest{Filter: new(earshotv1.Filter)}
	c := &cobra.Command{
		Use:   "search WORDS...",
		Short: "Find messages, the latest first",
		Long: `Find messages with all of the words in them, or in the names of their files, in any order,
the latest first, own messages included. A word is found in longer ones too, and whether
capital or small. What stands in quotation marks is found as it is.

DATE is a day, as 2026-11-28, or with a time, as 2026-11-28T14:30, both on your clock, or a
time as RFC 3339 has it.`,
		Example: "  earshot search lunch --from Bob --since 2026-11-01\n  earshot search '\"good morning\" bob'",
		Args: func(c *cobra.Command, args []string) (err error) {
			flags := c.Flags()
			if wanted.Since, err = date(c, "--since", since, flags.Changed("since")); err != nil {
				return err
			}
			if wanted.Before, err = date(c, "--before", before, flags.Changed("before")); err != nil {
				return err
			}
			switch {
			case len(args) == 0:
				return command.Usage(c, "WORDS is missing")
			case flags.Changed("in") && in == "", flags.Changed("from") && from == "":
				return command.Usage(c, "--in and --from take a name or an ID")
			case limit == 0:
				return command.Usage(c, "--limit must be at least 1")
			case flags.Changed("after"):
				return command.CheckID(c, "--after", after)
			case wanted.Since != nil && wanted.Before != nil && !wanted.Since.AsTime().Before(wanted.Before.AsTime()):
				return command.Usage(c, "--before is not later than --since")
			}
			return nil
		},
		RunE: a.Ask(func(ctx context.Context, client *localapi.Client, args []string) error {
			wanted.Words = strings.Join(args, " ")
			wanted.Filter.In, wanted.Filter.From = in, from
			if after != "" {
				id, err := reading.Which(ctx, client, after, in, reading.Theirs)
				if err != nil {
					return err
				}
				wanted.After = id
			}
			return a.search(ctx, client, &wanted, limit)
		}),
	}
	c.Flags().StringVar(&in, "in", "", "only in the conversation with `WHO`, or in this group")
	c.Flags().StringVar(&from, "from", "", "only what `WHO` has written; me is you")
	c.Flags().StringVar(&since, "since", "", "only from this `DATE` on")
	c.Flags().StringVar(&before, "before", "", "only before this `DATE`")
	c.Flags().StringVar(&after, "after", "", "go on behind the message `ID`, which was found before")
	c.Flags().Uint32Var(&limit, "limit", localapi.DefaultFound, "at most `N` messages")
	return a.Long(c, "the ID of each message, which history --around takes")
}

// search prints what the node finds, as it comes, and tells people how far the search is.
func (a app) search(ctx context.Context, client *localapi.Client, wanted *earshotv1.SearchRequest, limit uint32) error {
	status := statusLine{out: a.Stderr, on: terminal.Is(a.Stderr) && !a.Out.JSON}
	defer status.clear() // also if it is interrupted
	count := 0
	var last *earshotv1.SearchResponse
	err := reading.Search(ctx, client, wanted, limit, func(r *earshotv1.SearchResponse) error {
		last = r
		if len(r.Found) == 0 {
			if r.Back != nil || r.Of > 0 {
				status.put(show.Progress(r))
			}
			return nil
		}
		status.clear()
		for _, f := range r.Found {
			if err := a.Out.Found(a.Stdout, f); err != nil {
				return err
			}
			count++
		}
		return nil
	})
	status.clear()
	if err != nil {
		return err
	}
	a.Nothing(count, "nothing was found")
	if last.GetMore() && !a.Out.JSON {
		_, err = fmt.Fprintln(a.Stderr, show.MoreFound(count, last, wanted.After))
	}
	return err
}

// dates are what a DATE may look like, but for RFC 3339. The last is how times are printed.
var dates = []string{time.DateOnly, "2006-01-02T15:04", "2006-01-02 15:04", time.DateTime}

// date reads the DATE of a flag, if it is given.
func date(c *cobra.Command, flag, text string, given bool) (*timestamppb.Timestamp, error) {
	if !given {
		return nil, nil
	}
	at, err := parseDate(text, time.Local)
	if err != nil || timestamppb.New(at).CheckValid() != nil {
		return nil, command.Usage(c, flag+" "+command.Quote(text)+": use a day, as 2026-11-28, or with a time, as 2026-11-28T14:30")
	}
	return timestamppb.New(at), nil
}

// parseDate reads a DATE, which is at a place unless it says otherwise.
func parseDate(text string, place *time.Location) (time.Time, error) {
	at, err := time.Parse(time.RFC3339, text)
	for i := 0; err != nil && i < len(dates); i++ {
		at, err = time.ParseInLocation(dates[i], text, place)
	}
	return at, err
}

// statusLine is the row of a terminal that says how far something is. It is gone when there is a result.
type statusLine struct {
	out   io.Writer
	on    bool
	width int // of what stands there
}

func (s *statusLine) put(text string) {
	if s.on {
		s.clear()
		fmt.Fprint(s.out, text)
		s.width = terminal.Width(text)
	}
}

func (s *statusLine) clear() {
	if s.width > 0 {
		fmt.Fprint(s.out, "\r"+strings.Repeat(" ", s.width)+"\r")
		s.width = 0
	}
}
