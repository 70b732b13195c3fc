package running

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/earshot-im/earshot/cmd/earshot/command"
	"github.com/earshot-im/earshot/cmd/earshot/object"
	"github.com/earshot-im/earshot/node/localapi"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// update is a command that sets something of the owner's.
func (a app) update(ctx context.Context, client *localapi.Client, r *earshotv1.UpdateMeRequest) error {
	me, err := client.UpdateMe(ctx, r)
	if err != nil {
		return err
	}
	return a.Out.Me(a.Stdout, me)
}

func (a app) quietCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "quiet off|FOR",
		Short:   "Be notified of nothing for some time",
		Example: "  earshot me quiet 2h",
		Args: func(c *cobra.Command, args []string) error {
			if err := command.Exactly("FOR, or off,")(c, args); err != nil || args[0] == "off" {
				return err
			}
			_, err := command.For(c, args[0])
			return err
		},
		RunE: func(c *cobra.Command, args []string) error {
			until := time.Unix(0, 0)
			if args[0] != "off" {
				d, err := command.For(c, args[0])
				if err != nil {
					return err
				}
				until = time.Now().Add(d)
			}
			return a.Ask(func(ctx context.Context, client *localapi.Client, _ []string) error {
				return a.update(ctx, client, &earshotv1.UpdateMeRequest{QuietUntil: timestamppb.New(until)})
			})(c, args)
		},
	}
}

func (a app) quietHoursCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "quiet-hours off|FROM-TO [DAYS]...",
		Short: "Say when you are notified of nothing, day by day",
		Long: `Say when you are notified of nothing, in place of what was said before. Times are those of
this machine's clock, and may end on the next day. DAYS are those on which they begin, as
mon-fri or sat,sun; without them it is each day. More times, each with its days, may follow.`,
		Example: "  earshot me quiet-hours 22:00-07:00\n  earshot me quiet-hours 18:00-08:00 mon-fri 00:00-00:00 sat,sun",
		Args: func(c *cobra.Command, args []string) error {
			_, err := quietHours(c, args)
			return err
		},
		RunE: func(c *cobra.Command, args []string) error {
			hours, err := quietHours(c, args)
			if err != nil {
				return err
			}
			return a.Ask(func(ctx context.Context, client *localapi.Client, _ []string) error {
				return a.update(ctx, client, &earshotv1.UpdateMeRequest{QuietHours: &earshotv1.QuietHoursList{QuietHours: hours}})
			})(c, args)
		},
	}
}

// quietHours reads what the command is given.
func quietHours(c *cobra.Command, args []string) (all []*earshotv1.QuietHours, err error) {
	switch {
	case len(args) == 0:
		return nil, command.Usage(c, "FROM-TO is missing, or off")
	case args[0] == "off":
		return nil, command.Exactly("off")(c, args)
	}
	for len(args) > 0 {
		q := new(earshotv1.QuietHours)
		from, to, _ := strings.Cut(args[0], "-")
		var good [2]bool
		q.From, good[0] = minutes(from)
		q.To, good[1] = minutes(to)
		if !good[0] || !good[1] {
			return nil, command.Usage(c, "use times, as 22:00-07:00, not "+command.Quote(args[0]))
		}
		if args = args[1:]; len(args) > 0 && !strings.Contains(args[0], ":") {
			var ok bool
			if q.Days, ok = days(args[0]); !ok {
				return nil, command.Usage(c, "use days, as mon-fri or sat,sun, not "+command.Quote(args[0]))
			}
			args = args[1:]
		}
		if all = append(all, q); len(all) > localapi.MaxQuietHours {
			return nil, command.Usage(c, "there may be "+strconv.Itoa(localapi.MaxQuietHours)+" times at most")
		}
	}
	return all, nil
}

// minutes reads a time of the day, in minutes since midnight.
func minutes(text string) (uint32, bool) {
	at, err := time.Parse("15:04", text)
	return uint32(60*at.Hour() + at.Minute()), err == nil
}

// days reads days of the week: several with commas between them, or from one to another.
func days(text string) (all []uint32, ok bool) {
	for part := range strings.SplitSeq(strings.ToLower(text), ",") {
		first, last, isRange := strings.Cut(part, "-")
		if !isRange {
			last = first
		}
		from, to := slices.Index(object.Days, first), slices.Index(object.Days, last)
		if from < 0 || to < 0 {
			return nil, false
		}
		for d := from; ; d = (d + 1) % len(object.Days) {
			if all = append(all, uint32(d+1)); d == to {
				break
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all), true
}
