package circle

import (
	"context"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/earshot-im/earshot/cmd/earshot/command"
	"github.com/earshot-im/earshot/cmd/earshot/problem"
	"github.com/earshot-im/earshot/node/localapi"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// maxDays is the longest time that newcomers to a group may read back, in days.
const maxDays = 36500

// group prints a group after a command about it.
func (a app) group(g *earshotv1.Group, err error) error {
	if err != nil {
		return err
	}
	return a.Out.Group(a.Stdout, g)
}

// thisGroup asks the node for the group that the first argument names.
func thisGroup(ctx context.Context, client *localapi.Client, args []string) (*earshotv1.Group, error) {
	return client.GetGroup(ctx, &earshotv1.GetGroupRequest{Group: args[0]})
}

// unhashed is a new name for a group without the # before it.
func unhashed(name string) string { return strings.TrimPrefix(name, "#") }

func (a app) groupCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "group",
		Short: "Make groups, and say who is in them",
		Long: `Make groups, and say who is in them. Everybody in a group reads what is said in it,
also what was said while they were away. Whom a contact invites is in at once, and may leave.
An invitation by anybody else waits in "earshot requests" until it is accepted.

GROUP is "#name" or name, its ID, or the first 8 or more characters of that. A name that two
groups of yours have means neither. A group to which you have only been invited, and not by a
contact, is none of yours until you accept that.`,
		Example: `  earshot group create lunch
  earshot group invite lunch bob eve
  earshot send '#lunch' At one?`,
	}
	c.AddCommand(
		a.groupCreateCommand(), a.groupRenameCommand(), a.groupListCommand(), a.groupMembersCommand(), a.groupInviteCommand(),
		a.groupTopicCommand(), a.groupHistoryCommand(), a.groupRoleCommand(), a.groupHideCommand(), a.groupUnhideCommand(),
		&cobra.Command{
			Use:   "leave GROUP",
			Short: "Leave a group; what you have of it stays",
			Args:  command.Exactly("GROUP"),
			RunE: a.Ask(func(ctx context.Context, client *localapi.Client, args []string) error {
				return a.group(client.Leave(ctx, &earshotv1.LeaveRequest{Group: args[0]}))
			}),
		},
		&cobra.Command{
			Use:   "remove GROUP WHO",
			Short: "Remove a member, who hears nothing more",
			Args:  command.Exactly("GROUP", "WHO"),
			RunE: a.Ask(func(ctx context.Context, client *localapi.Client, args []string) error {
				return a.group(client.RemoveMember(ctx, &earshotv1.RemoveMemberRequest{Group: args[0], Who: args[1]}))
			}),
		},
	)
	return command.Container(c)
}

// anyway is the flag of commands that name a group.
func anyway(c *cobra.Command, set *bool) *cobra.Command {
	c.Flags().BoolVar(set, "anyway", false, "use the name although you know somebody or a group by it")
	return c
}

func (a app) groupCreateCommand() *cobra.Command {
	var taken bool
	return anyway(&cobra.Command{
		Use:   "create NAME",
		Short: "Make a group and print its ID; you are its owner",
		Args:  command.Exactly("NAME"),
		RunE: a.Ask(func(ctx context.Context, client *localapi.Client, args []string) error {
			g, err := client.CreateGroup(ctx, &earshotv1.CreateGroupRequest{Name: unhashed(args[0]), Anyway: taken})
			if err != nil {
				return problem.OfGroup(err)
			}
			return a.Out.GroupID(a.Stdout, g)
		}),
	}, &taken)
}

func (a app) groupRenameCommand() *cobra.Command {
	var taken bool
	return anyway(&cobra.Command{
		Use:   "rename GROUP NAME",
		Short: "Give a group another name, for everybody",
		Args:  command.Exactly("GROUP", "NAME"),
		RunE: a.Ask(func(ctx context.Context, client *localapi.Client, args []string) error {
			g, err := client.RenameGroup(ctx, &earshotv1.RenameGroupRequest{Group: args[0], Name: unhashed(args[1]), Anyway: taken})
			return a.group(g, problem.OfGroup(err))
		}),
	}, &taken)
}

func (a app) groupHideCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "hide GROUP",
		Short: "Leave a group out of the list",
		Long: `Leave a group out of "earshot group list", until "earshot group unhide". Nothing else
changes: what is said in it arrives and is printed as before, and so does who mentions you.`,
		Args: command.Exactly("GROUP"),
		RunE: a.Ask(func(ctx context.Context, client *localapi.Client, args []string) error {
			return a.group(client.Hide(ctx, &earshotv1.HideRequest{Group: args[0], Hidden: true}))
		}),
	}
}

func (a app) groupUnhideCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "unhide GROUP",
		Short: "Show a hidden group in the list again",
		Args:  command.Exactly("GROUP"),
		RunE: a.Ask(func(ctx context.Context, client *localapi.Client, args []string) error {
			return a.group(client.Hide(ctx, &earshotv1.HideRequest{Group: args[0]}))
		}),
	}
}

func (a app) groupListCommand() *cobra.Command {
	var all bool
	c := a.Long(&cobra.Command{
		Use:   "list",
		Short: "Show your groups",
		Args:  command.Exactly(),
		RunE: a.Ask(func(ctx context.Context, client *localapi.Client, _ []string) error {
			r, err := client.Groups(ctx, &earshotv1.GroupsRequest{All: all})
			if err != nil {
				return err
			}
			a.Nothing(len(r.Groups), "no groups yet: `earshot group create NAME` makes one, and --all shows hidden ones")
			return a.Out.Groups(a.Stdout, r.Groups)
		}),
	}, "the ID of each group, who added you, its topic, and what newcomers may read")
	c.Flags().BoolVar(&all, "all", false, "show hidden groups too")
	return c
}

func (a app) groupMembersCommand() *cobra.Command {
	return a.Long(&cobra.Command{
		Use:   "members GROUP",
		Short: "Show who is in a group",
		Args:  command.Exactly("GROUP"),
		RunE: a.Ask(func(ctx context.Context, client *localapi.Client, args []string) error {
			r, err := client.Members(ctx, &earshotv1.MembersRequest{Group: args[0]})
			if err != nil {
				return err
			}
			return a.Out.Members(a.Stdout, r.Members)
		}),
	}, "the IDs of persons")
}

func (a app) groupInviteCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "invite GROUP WHO...",
		Short: "Add people to a group; they are in at once, and are told",
		Long: `Add people to a group; they are in at once, and are told. It prints who was added and who
was in it already. If it isn't clear who is meant by one of them, nobody is added.`,
		Args: func(c *cobra.Command, args []string) error {
			return command.Exactly("GROUP", "WHO")(c, args[:min(2, len(args))])
		},
		RunE: a.Ask(func(ctx context.Context, client *localapi.Client, args []string) error {
			r, err := client.Invite(ctx, &earshotv1.InviteRequest{Group: args[0], Who: args[1:]})
			if err != nil {
				return err
			}
			return a.Out.Invitation(a.Stdout, r)
		}),
	}
}

func (a app) groupTopicCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "topic GROUP [TEXT]...",
		Short:   "Show or set what a group is about",
		Example: "  earshot group topic lunch Pizza on Fridays\n  earshot group topic lunch ''      clears it",
		Args: func(c *cobra.Command, args []string) error {
			return command.Exactly("GROUP")(c, args[:min(1, len(args))])
		},
		RunE: a.Ask(func(ctx context.Context, client *localapi.Client, args []string) error {
			if len(args) > 1 {
				return a.group(client.SetTopic(ctx, &earshotv1.SetTopicRequest{Group: args[0], Topic: strings.Join(args[1:], " ")}))
			}
			g, err := thisGroup(ctx, client, args)
			if err != nil {
				return err
			}
			if g.Topic == "" && !a.Out.JSON {
				a.Nothing(0, "no topic yet: `earshot group topic GROUP TEXT` sets one")
				return nil
			}
			return a.Out.Topic(a.Stdout, g)
		}),
	}
}

func (a app) groupHistoryCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "history GROUP [joined|all|DAYSd]",
		Short: "Show or set what newcomers to a group may read",
		Long: `Show or set what newcomers to a group may read of what was said before they came:
nothing (joined), all, or the last days, as 7d. What was said in a group is printed by
"earshot history GROUP".`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) < 2 {
				return command.Exactly("GROUP")(c, args)
			}
			if !isPolicy(args[1]) {
				return command.Usage(c, "use joined, all or days, as 7d, not "+command.Quote(args[1]))
			}
			return command.Exactly("GROUP", "joined, all or days")(c, args)
		},
		RunE: a.Ask(func(ctx context.Context, client *localapi.Client, args []string) (err error) {
			var g *earshotv1.Group
			if len(args) > 1 {
				g, err = client.SetHistory(ctx, &earshotv1.SetHistoryRequest{Group: args[0], History: args[1]})
			} else {
				g, err = thisGroup(ctx, client, args)
			}
			if err != nil {
				return err
			}
			return a.Out.History(a.Stdout, g)
		}),
	}
}

func isPolicy(s string) bool {
	if s == "joined" || s == "all" {
		return true
	}
	days, err := strconv.ParseUint(strings.TrimSuffix(s, "d"), 10, 64)
	return err == nil && days >= 1 && days <= maxDays && s == strconv.FormatUint(days, 10)+"d"
}

func (a app) groupRoleCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "role GROUP WHO owner|admin|member",
		Short: "Say what a member may do",
		Long: `Say what a member may do: members write, admins invite, remove, and set name, topic and
history, owners also give roles.`,
		Args: func(c *cobra.Command, args []string) error {
			if err := command.Exactly("GROUP", "WHO", "owner, admin or member")(c, args); err != nil {
				return err
			}
			switch args[2] {
			case "owner", "admin", "member":
				return nil
			}
			return command.Usage(c, "use owner, admin or member, not "+command.Quote(args[2]))
		},
		RunE: a.Ask(func(ctx context.Context, client *localapi.Client, args []string) error {
			return a.group(client.SetRole(ctx, &earshotv1.SetRoleRequest{Group: args[0], Who: args[1], Role: args[2]}))
		}),
	}
}
