package act

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/earshot-im/earshot/cmd/earshot/frame"
	"github.com/earshot-im/earshot/cmd/earshot/people"
	"github.com/earshot-im/earshot/cmd/earshot/room"
	"github.com/earshot-im/earshot/cmd/earshot/screen"
	"github.com/earshot-im/earshot/cmd/earshot/words"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// entry is an act that has a name: that of the command line, where that has it too.
type entry struct {
	name, args, what string
	do               func(s *screen.State, args string) []screen.Act
}

var commands []entry

func init() { // the table and what it does name each other
	commands = []entry{
		{"accept", "[WHO]", "take somebody into your contacts", func(s *screen.State, a string) []screen.Act {
			return s.Target(a, func(s *screen.State, who string) []screen.Act { return people.Accept(s, who, "") })
		}},
		{"archive", "", "leave this conversation out of the list until something is said", setting(func(r *earshotv1.SetConversationRequest) { r.Archived = ptr(true) })},
		{"block", "[WHO]", "take nothing from somebody any more", withPerson(people.Block)},
		{"chat", "WHO", "open a conversation", func(s *screen.State, a string) []screen.Act {
			if a == "" {
				return switcher(s)
			}
			return s.GoTo(screen.Unquote(a), "")
		}},
		{"contacts", "", "whom you know, and who is here", func(s *screen.State, _ string) []screen.Act { return people.Everybody(s) }},
		{"contacts name", "WHO NICKNAME", "give somebody a name that only you see", func(s *screen.State, a string) []screen.Act {
			who, nick := screen.TypedWho(a)
			if who == "" || nick == "" {
				s.Bad(words.Usage("contacts name", "WHO NICKNAME"))
				return nil
			}
			return s.Target(who, func(s *screen.State, who string) []screen.Act { return people.Nickname(s, who, screen.Unquote(nick)) })
		}},
		{"contacts remove", "[WHO]", "take somebody out of your contacts", withPerson(people.Forget)},
		{"contacts replace", "OLD [NEW]", "put somebody in the place of a contact, as after they have lost their directory", func(s *screen.State, a string) []screen.Act {
			old, now := screen.TypedWho(a)
			return withPerson(func(s *screen.State, old *earshotv1.Person) []screen.Act { return people.Replace(s, old, now) })(s, old)
		}},
		{"copy", "", "copy the last message of theirs", func(s *screen.State, _ string) []screen.Act {
			return withLast(s, false, copy)
		}},
		{"edit", "", "change your last message", func(s *screen.State, _ string) []screen.Act { return s.EditLast() }},
		{"forward", "", "send the last message of theirs to others", func(s *screen.State, _ string) []screen.Act { return withLast(s, false, forward) }},
		{"group create", "[NAME]", "make a group", func(s *screen.State, a string) []screen.Act { return people.CreateGroup(s, screen.Unquote(a)) }},
		{"group history", "joined|all|DAYSd", "what newcomers may read", ofGroup(func(ctx context.Context, api screen.API, g, v string) (*earshotv1.Group, error) {
			return api.SetHistory(ctx, &earshotv1.SetHistoryRequest{Group: g, History: v})
		})},
		{"group invite", "[WHO]", "bring somebody into this group", func(s *screen.State, a string) []screen.Act { return people.Invite(s, a) }},
		{"group leave", "", "leave this group", func(s *screen.State, _ string) []screen.Act { return people.LeaveGroup(s) }},
		{"group members", "", "who is in this group; there you can remove somebody or give a role", func(s *screen.State, _ string) []screen.Act { return people.Members(s) }},
		{"group remove", "WHO", "remove somebody from this group", withPerson(people.RemoveMember)},
		{"group rename", "NAME", "call this group otherwise", ofGroup(func(ctx context.Context, api screen.API, g, v string) (*earshotv1.Group, error) {
			return api.RenameGroup(ctx, &earshotv1.RenameGroupRequest{Group: g, Name: v})
		})},
		{"group role", "WHO owner|admin|member", "give somebody a role in this group", func(s *screen.State, a string) []screen.Act {
			who, role := screen.TypedWho(a)
			return people.SetRole(s, who, role)
		}},
		{"group topic", "TEXT", "say what this group is about", ofGroup(func(ctx context.Context, api screen.API, g, v string) (*earshotv1.Group, error) {
			return api.SetTopic(ctx, &earshotv1.SetTopicRequest{Group: g, Topic: v})
		})},
		{"help", "", "keys and commands", func(s *screen.State, _ string) []screen.Act { return help(s, "") }},
		{"info", "", "who has your last message, and why it waits", func(s *screen.State, _ string) []screen.Act { return withLast(s, true, about) }},
		{"me", "", "your name, who may write to you, and other settings", func(s *screen.State, _ string) []screen.Act { return settings(s) }},
		{"me accept", "everyone|contacts", "who may write to you", updating(func(r *earshotv1.UpdateMeRequest, v string) { r.Accept = &v })},
		{"me alerts", "full|name|nothing", "how much notifications show", updating(func(r *earshotv1.UpdateMeRequest, v string) { r.Alerts = &v })},
		{"me name", "NAME", "what you call yourself", updating(func(r *earshotv1.UpdateMeRequest, v string) { r.Name = &v })},
		{"me presence", "on|off", "whether contacts see that you are away", updating(func(r *earshotv1.UpdateMeRequest, v string) { r.Presence = ptr(v == "on") })},
		{"me quiet", "18:00-8:00", "when you are not notified", func(s *screen.State, a string) []screen.Act { return setQuiet(s, a) }},
		{"me read-receipts", "on|off", "whether others learn that you have read", updating(func(r *earshotv1.UpdateMeRequest, v string) { r.ReadReceipts = ptr(v == "on") })},
		{"me recovery", "", "how to write down your recovery words", func(s *screen.State, _ string) []screen.Act { return recovery(s) }},
		{"me typing", "on|off", "whether others see that you write", updating(func(r *earshotv1.UpdateMeRequest, v string) { r.Typing = ptr(v == "on") })},
		{"mute", "[8h|2d|off]", "not be notified of this conversation", func(s *screen.State, a string) []screen.Act { return mute(s, a) }},
		{"next", "", "the next conversation with something unread", func(s *screen.State, _ string) []screen.Act { return s.NextUnread() }},
		{"notify", "all|mentions|none", "of what in this conversation you are notified", func(s *screen.State, a string) []screen.Act {
			return setting(func(r *earshotv1.SetConversationRequest) { r.Notify = &a })(s, "")
		}},
		{"outbox", "", "what waits, and why", func(s *screen.State, _ string) []screen.Act { return outbox(s) }},
		{"peers", "", "who is here", func(s *screen.State, _ string) []screen.Act { return people.Everybody(s) }},
		{"people", "", "who is here, and whom you know", func(s *screen.State, _ string) []screen.Act { return people.Everybody(s) }},
		{"pin", "", "keep this conversation at the top", setting(func(r *earshotv1.SetConversationRequest) { r.Pinned = ptr(true) })},
		{"quit", "", "leave; the node goes on", func(s *screen.State, _ string) []screen.Act {
			s.Orders.Quit = true
			return nil
		}},
		{"react", "[EMOJI]", "react to the last message of theirs", func(s *screen.State, a string) []screen.Act {
			return withLast(s, false, func(s *screen.State, m *earshotv1.Message) []screen.Act {
				if a == "" {
					return reactions(s, m)
				}
				return react(s, m, a)
			})
		}},
		{"read", "[all]", "mark this conversation read, or everything", func(s *screen.State, a string) []screen.Act { return read(s, a) }},
		{"recall", "", "take your last message back", func(s *screen.State, _ string) []screen.Act { return withLast(s, true, takeBack) }},
		{"receipts", "", "who has your last message, and why it waits", func(s *screen.State, _ string) []screen.Act { return withLast(s, true, about) }},
		{"reply", "", "answer the last message of theirs", func(s *screen.State, _ string) []screen.Act { return withLast(s, false, reply) }},
		{"requests", "", "who waits to be accepted", func(s *screen.State, _ string) []screen.Act { return people.Requests(s) }},
		{"search", "[WORDS]", "look for words", func(s *screen.State, a string) []screen.Act { return search(s, a) }},
		{"select", "", "go through the messages, as Esc does", func(s *screen.State, _ string) []screen.Act {
			if s.Open == nil {
				return nil
			}
			return step(s, -1)
		}},
		{"status", "", "how the node is", func(s *screen.State, _ string) []screen.Act { return status(s) }},
		{"to", "[WHO WHO -- TEXT]", "one text to several", func(s *screen.State, a string) []screen.Act {
			to, text := people.SplitTo(a)
			return people.SendTo(s, to, text)
		}},
		{"unarchive", "", "have this conversation in the list again", setting(func(r *earshotv1.SetConversationRequest) { r.Archived = ptr(false) })},
		{"unblock", "[WHO]", "take what somebody writes again", func(s *screen.State, a string) []screen.Act {
			return s.Target(a, people.Unblock)
		}},
		{"unpin", "", "keep this conversation at the top no more", setting(func(r *earshotv1.SetConversationRequest) { r.Pinned = ptr(false) })},
		{"unread", "", "mark the last message of theirs unread again", func(s *screen.State, _ string) []screen.Act {
			return withLast(s, false, func(s *screen.State, m *earshotv1.Message) []screen.Act { return s.Room(room.MarkUnread{ID: m.Id}) })
		}},
		{"verify", "[WHO]", "compare words, so that nobody is between you", func(s *screen.State, a string) []screen.Act { return s.Target(a, people.Compare) }},
	}
}

func ptr[T any](v T) *T { return &v }

// command does a slash command. What was typed goes when there is such a command.
func command(s *screen.State, text string) []screen.Act {
	text = strings.TrimSpace(text)
	best := -1
	for i, c := range commands {
		fits := text == c.name || strings.HasPrefix(text, c.name+" ")
		if fits && (best < 0 || len(c.name) > len(commands[best].name)) {
			best = i
		}
	}
	if best < 0 {
		name, _, _ := strings.Cut(text, " ")
		s.Bad(words.NoCommand(name))
		return nil
	}
	s.Took("/" + text)
	c := commands[best]
	args := strings.TrimSpace(strings.TrimPrefix(text, c.name))
	if args == "" && c.args != "" && !strings.HasPrefix(c.args, "[") && c.name != "chat" && c.name != "group topic" {
		s.Bad(words.Usage(c.name, c.args))
		return nil
	}
	return c.do(s, args)
}

// withPerson does something with a person who is entry, or with whom the open conversation is.
func withPerson(do func(*screen.State, *earshotv1.Person) []screen.Act) func(*screen.State, string) []screen.Act {
	return func(s *screen.State, args string) []screen.Act {
		if args == "" && s.Open != nil && s.Open.Conv.Person != nil {
			return do(s, s.Open.Conv.Person)
		}
		return s.Target(args, func(s *screen.State, who string) []screen.Act {
			return screen.Call(func(ctx context.Context, api screen.API) (*earshotv1.Conversation, error) {
				return api.GetConversation(ctx, &earshotv1.GetConversationRequest{Who: who})
			}, func(s *screen.State, c *earshotv1.Conversation) []screen.Act {
				if c.Person == nil {
					s.Bad(words.Whom)
					return nil
				}
				return do(s, c.Person)
			})
		})
	}
}

// withLast does something with the message that is selected, or the last one of the owner's or of others.
func withLast(s *screen.State, own bool, do func(*screen.State, *earshotv1.Message) []screen.Act) []screen.Act {
	m := s.Find(func(m *earshotv1.Message) bool { return m.Own == own && m.Kind != "notice" && m.Kind != "recalled" })
	if m == nil {
		s.Bad(words.Gone)
		return nil
	}
	return do(s, m)
}

// setting sets something of the open conversation.
func setting(set func(*earshotv1.SetConversationRequest)) func(*screen.State, string) []screen.Act {
	return func(s *screen.State, _ string) []screen.Act {
		if s.Open == nil {
			s.Bad(words.NothingOpen)
			return nil
		}
		r := &earshotv1.SetConversationRequest{Who: screen.Who(s.Open.Conv.With)}
		set(r)
		return screen.Call(func(ctx context.Context, api screen.API) (*earshotv1.Conversation, error) {
			return api.SetConversation(ctx, r)
		},
			func(s *screen.State, c *earshotv1.Conversation) []screen.Act {
				s.Say(words.Done)
				return s.Relist(c)
			})
	}
}

// mute has the owner not be notified of the open conversation for a time, for ever, or be notified again.
func mute(s *screen.State, args string) []screen.Act {
	until := time.UnixMilli(s.Now()).AddDate(100, 0, 0)
	switch {
	case args == "off":
		until = time.UnixMilli(1)
	case args != "":
		d, err := duration(args)
		if err != nil {
			s.Bad(words.Usage("mute", "[8h|2d|off]"))
			return nil
		}
		until = time.UnixMilli(s.Now()).Add(d)
	}
	return setting(func(r *earshotv1.SetConversationRequest) { r.MutedUntil = timestamppb.New(until) })(s, "")
}

// duration is a time as 30m, 8h or 2d.
func duration(text string) (time.Duration, error) {
	if days, is := strings.CutSuffix(text, "d"); is {
		d, err := time.ParseDuration(days + "h")
		return 24 * d, err
	}
	return time.ParseDuration(text)
}

func read(s *screen.State, args string) []screen.Act {
	if args == "all" {
		return markAllRead(s)
	}
	if s.Open == nil {
		s.Bad(words.NothingOpen)
		return nil
	}
	who := screen.Who(s.Open.Conv.With)
	return screen.Call(func(ctx context.Context, api screen.API) (*earshotv1.Conversation, error) {
		return api.MarkReadTo(ctx, &earshotv1.MarkReadToRequest{Who: who})
	}, func(s *screen.State, c *earshotv1.Conversation) []screen.Act {
		s.Say(words.ReadHere)
		return append(s.Relist(c), s.Room(room.Reset{})...)
	})
}

// ofGroup makes a command that sets something of the open group.
func ofGroup(set func(ctx context.Context, api screen.API, group, value string) (*earshotv1.Group, error)) func(*screen.State, string) []screen.Act {
	return func(s *screen.State, args string) []screen.Act {
		return people.InGroup(s, func(group string) []screen.Act {
			return screen.Call(func(ctx context.Context, api screen.API) (*earshotv1.Group, error) {
				return set(ctx, api, group, screen.Unquote(args))
			}, people.GroupDone)
		})
	}
}

// help shows the keys of where the owner is, and the commands.
func help(s *screen.State, where string) []screen.Act {
	p := &screen.Panel{Kind: "help", Title: words.Help}
	head := func(text string) {
		p.Items = append(p.Items, screen.Item{Line: frame.Text(frame.Bold, text), Head: true})
	}
	line := func(key, what string) {
		p.Items = append(p.Items, screen.Item{Line: frame.Line{{Text: key + strings.Repeat(" ", max(1, 26-len([]rune(key)))), Style: frame.Bold}, {Text: what}}})
	}
	sections := keysHelp
	if where == "selecting" {
		sections = []section{keysHelp[1], keysHelp[0]}
	}
	for _, sec := range sections {
		head(sec.title)
		for _, k := range sec.keys {
			line(k[0], k[1])
		}
	}
	head("Commands")
	all := slices.Clone(commands)
	slices.SortFunc(all, func(a, b entry) int { return cmp.Compare(a.name, b.name) })
	for _, c := range all {
		line(strings.TrimSpace("/"+c.name+" "+c.args), c.what)
	}
	line("//text", "a text that begins with a slash")
	head("Names")
	for _, l := range []string{"Bob  a contact", `"Bob" d2a8e6f1  somebody who calls themselves so, and is no contact`, "● here  ◐ away  ○ not here  × blocked"} {
		p.Items = append(p.Items, screen.Item{Line: frame.Text(frame.Plain, l)})
	}
	s.Show(p)
	return nil
}

type section struct {
	title string
	keys  [][2]string
}

var keysHelp = []section{
	{"Writing", [][2]string{
		{"Enter", "send"}, {"Ctrl+J, Alt+Enter", "new line"}, {"Ctrl+G", "go to a conversation, those with something unread first"},
		{"Ctrl+N, Alt+A", "the next conversation with something unread"}, {"Alt+Up, Alt+Down", "the conversation above or below"},
		{"Alt+U", "to the unread line"}, {"PgUp, PgDn, wheel", "scroll"}, {"Ctrl+End", "to the end"},
		{"Esc", "go through the messages; ends a reply or an edit first"}, {"Up", "in an empty composer: change your last message"},
		{"Ctrl+P, Down", "what you have sent before, and back"}, {"Tab", "complete @names, :emoji:, /commands"}, {"Ctrl+O", "write in your $EDITOR"},
		{"Ctrl+A E B F K U W Y T", "as in a shell; Alt+B, Alt+F, Alt+D by words"}, {"Ctrl+L", "draw all anew"}, {"Ctrl+Z", "to the shell; fg comes back"},
		{"Ctrl+C twice, Ctrl+D", "leave; the node goes on"}, {"F1, /help", "this"},
	}},
	{"Going through messages (Esc)", [][2]string{
		{"j k, arrows", "down and up"}, {"r", "reply"}, {"e", "change yours"}, {"+", "react"}, {"x", "take yours back"}, {"f", "forward"}, {"c", "copy"},
		{"i", "who has it, and why it waits"}, {"u", "mark unread from here"}, {"q", "to what it answers"},
		{"s", "fetch and save its files"}, {"a d p", "accept, decline or pause them"}, {"Esc, Enter", "back to writing"},
	}},
}
