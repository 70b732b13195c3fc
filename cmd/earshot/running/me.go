package running

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/earshot-im/earshot/cmd/earshot/command"
	"github.com/earshot-im/earshot/node/localapi"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

func (a app) meCommand() *cobra.Command {
	show := func(me *earshotv1.MeResponse, err error) error {
		if err != nil {
			return err
		}
		return a.Out.Me(a.Stdout, me)
	}
	set := func(use, short string, arg string, request func(value string) *earshotv1.UpdateMeRequest) *cobra.Command {
		return &cobra.Command{
			Use:   use,
			Short: short,
			Args:  command.Exactly(arg),
			RunE: func(c *cobra.Command, args []string) error {
				r := request(args[0])
				if r == nil {
					return command.Usage(c, "use "+arg+", not "+command.Quote(args[0]))
				}
				return a.Ask(func(ctx context.Context, client *localapi.Client, _ []string) error {
					return show(client.UpdateMe(ctx, r))
				})(c, args)
			},
		}
	}
	onOff := func(name, short string, put func(*earshotv1.UpdateMeRequest, *bool)) *cobra.Command {
		return set(name+" on|off", short, "on or off", func(v string) *earshotv1.UpdateMeRequest {
			on, r := v == "on", new(earshotv1.UpdateMeRequest)
			if put(r, &on); !on && v != "off" {
				return nil
			}
			return r
		})
	}
	c := &cobra.Command{
		Use:   "me",
		Short: "Show or set your own name, who may write to you, when you are notified, and what is fetched; show your recovery words",
		Args:  command.Exactly(),
		RunE: a.Ask(func(ctx context.Context, client *localapi.Client, _ []string) error {
			return show(client.Me(ctx, &earshotv1.MeRequest{}))
		}),
	}
	c.AddCommand(
		set("name NEW", "Set what you call yourself", "NEW", func(v string) *earshotv1.UpdateMeRequest {
			return &earshotv1.UpdateMeRequest{Name: &v}
		}),
		set("accept everyone|contacts", "Set who may write to you", "everyone or contacts", func(v string) *earshotv1.UpdateMeRequest {
			if v != "everyone" && v != "contacts" {
				return nil
			}
			return &earshotv1.UpdateMeRequest{Accept: &v}
		}),
		onOff("read-receipts", "Set whether others learn that you have read", func(r *earshotv1.UpdateMeRequest, on *bool) { r.ReadReceipts = on }),
		onOff("typing", "Set whether others learn that you write, and you that they do", func(r *earshotv1.UpdateMeRequest, on *bool) { r.Typing = on }),
		onOff("presence", "Set whether contacts learn that you are away, and you that they are", func(r *earshotv1.UpdateMeRequest, on *bool) { r.Presence = on }),
		set("alerts full|name|nothing", "Set what notifications show: all, who writes, or neither", "full, name or nothing", func(v string) *earshotv1.UpdateMeRequest {
			if v != "full" && v != "name" && v != "nothing" {
				return nil
			}
			return &earshotv1.UpdateMeRequest{Alerts: &v}
		}),
		a.quietCommand(), a.quietHoursCommand(), a.meFilesCommand(), a.recoveryCommand(),
	)
	return c
}
