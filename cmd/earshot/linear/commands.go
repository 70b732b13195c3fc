package linear

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/earshot-im/earshot/cmd/earshot/problem"
	"github.com/earshot-im/earshot/cmd/earshot/reading"
	"github.com/earshot-im/earshot/node/localapi"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// errQuit ends the conversation.
var errQuit = errors.New("quit")

// help is what /help prints.
const help = `What you type is sent with Enter; a line that begins with // is sent with one /.
N is the number of a message here, the first 8 or more digits of its ID, or "last".

/reply N TEXT      answer a message
/edit N TEXT       give an own message another text
/recall N          take an own message back, within two minutes
/react N EMOJI     put a reaction on a message; without EMOJI it is taken back
/receipts N        who has an own message, and who has read it
/file PATH         send a file or folder
/get N [FILE]      fetch and save the files of a message, or only the first, second and so on
/history [COUNT]   print what was said before
/read              mark all read
/who               who is here
/drop              forget what was pasted
/quit              end; so does Ctrl+D`

// command does what a line that begins with a slash asks for.
func (c *Chat) command(ctx context.Context, line string) error {
	name, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
	rest = strings.TrimSpace(rest)
	do, known := map[string]func(context.Context, string) error{
		"reply": c.reply, "edit": c.edit, "recall": c.recall, "react": c.react, "receipts": c.receipts, "file": c.file, "get": c.get,
		"history": c.earlier, "read": c.read, "who": c.people, "drop": c.drop,
	}[name]
	switch {
	case name == "quit":
		return errQuit
	case name == "help":
		c.say("%s", help)
	case !known:
		c.tell(wrong("/" + name + " is no command here, and was not sent; to send it, begin with //"))
	default:
		if err := do(ctx, rest); err != nil && ctx.Err() == nil {
			c.tell(err)
		}
	}
	return nil
}

// wrong is a command that can't be understood.
func wrong(text string) error {
	p := problem.Failed(problem.CodeUsage, "%s", text)
	p.Hint = "/help lists the commands"
	return p
}

// which returns the ID of the message that an argument means, and what is behind it.
func (c *Chat) which(ctx context.Context, args string, whose reading.Whose) (id, rest string, err error) {
	return c.means(args, func(arg string) (string, error) { return reading.Which(ctx, c.Client, arg, c.who, whose) })
}

// means is which, for whoever finds otherwise than by its number here what an argument means.
func (c *Chat) means(args string, find func(string) (string, error)) (id, rest string, err error) {
	const mostDigits = 7 // with more it is the beginning of an ID
	arg, rest, _ := strings.Cut(args, " ")
	rest = strings.TrimSpace(rest)
	switch n, err := strconv.Atoi(arg); {
	case arg == "":
		return "", "", wrong("which message?")
	case err == nil && len(arg) <= mostDigits:
		if id := c.shown.id(n); id != "" {
			return id, rest, nil
		}
		return "", "", wrong("no message here has the number " + arg)
	case arg == "last":
		arg = reading.Last + c.who
	}
	id, err = find(arg)
	return id, rest, err
}

func (c *Chat) reply(ctx context.Context, args string) error {
	id, text, err := c.which(ctx, args, reading.Theirs)
	if err != nil {
		return err
	}
	if text == "" {
		return wrong("the text is missing")
	}
	c.send(ctx, outgoing{text: text, replyTo: id})
	return nil
}

func (c *Chat) edit(ctx context.Context, args string) error {
	id, text, err := c.which(ctx, args, reading.Mine)
	if err != nil {
		return err
	}
	m, err := c.Client.Edit(ctx, &earshotv1.EditRequest{Id: id, Text: text})
	return c.done(m, err)
}

func (c *Chat) recall(ctx context.Context, args string) error {
	id, _, err := c.which(ctx, args, reading.Mine)
	if err != nil {
		return err
	}
	m, err := c.Client.Recall(ctx, &earshotv1.RecallRequest{Id: id})
	return c.done(m, err)
}

func (c *Chat) react(ctx context.Context, args string) error {
	id, emoji, err := c.which(ctx, args, reading.Theirs)
	if err != nil {
		return err
	}
	m, err := c.Client.React(ctx, &earshotv1.ReactRequest{Id: id, Emoji: emoji})
	return c.done(m, err)
}

// done prints what has become of a message by a command.
func (c *Chat) done(m *earshotv1.Message, err error) error {
	if err != nil {
		return err
	}
	if c.shown.looks[m.Id].n == 0 { // it was not printed
		c.printOne(m)
		return nil
	}
	c.printChanged(m)
	return nil
}

func (c *Chat) receipts(ctx context.Context, args string) error {
	id, _, err := c.which(ctx, args, reading.Mine)
	if err != nil {
		return err
	}
	r, err := c.Client.Receipts(ctx, &earshotv1.ReceiptsRequest{Id: id})
	if err != nil {
		return err
	}
	files, err := reading.FilesOf(ctx, c.Client, id)
	if err != nil {
		return err
	}
	return c.Out.Receipts(c.console, r.Reached, files)
}

// earlier prints what was said before what was printed.
func (c *Chat) earlier(ctx context.Context, args string) error {
	limit := 20
	if args != "" {
		n, err := strconv.Atoi(args)
		if err != nil || n < 1 || n > localapi.MaxPage {
			return wrong("COUNT is from 1 to " + strconv.Itoa(localapi.MaxPage))
		}
		limit = n
	}
	page, err := c.history(ctx, &earshotv1.HistoryRequest{Before: c.shown.start, Limit: uint32(limit)})
	if localapi.ProblemOf(err).GetCode() == localapi.CodeNoMessage { // what was printed first is gone
		page, err = c.history(ctx, &earshotv1.HistoryRequest{Limit: uint32(limit)})
	}
	if err != nil {
		return err
	}
	if len(page.Messages) == 0 {
		c.note("nothing was said before")
		return nil
	}
	c.shown.start = ""
	c.print(page.Messages)
	c.note("up to here")
	return nil
}

func (c *Chat) read(ctx context.Context, _ string) error {
	if _, err := c.Client.MarkReadTo(ctx, &earshotv1.MarkReadToRequest{Who: c.who}); err != nil {
		return err
	}
	c.unread = nil
	c.note("all is read")
	return nil
}

// people prints who is in the conversation, and whether they are here.
func (c *Chat) people(ctx context.Context, _ string) error {
	if c.with.Group == nil {
		now, err := c.Client.GetConversation(ctx, &earshotv1.GetConversationRequest{Who: c.who})
		if err != nil {
			return err
		}
		return c.Out.Person(c.console, now.Person)
	}
	members, err := c.Client.Members(ctx, &earshotv1.MembersRequest{Group: c.who})
	if err != nil {
		return err
	}
	return c.Out.Members(c.console, slices.Clone(members.Members))
}

func (c *Chat) drop(context.Context, string) error {
	c.note("%s forgotten", count(len(c.pasted), "line was", "lines were"))
	c.pasted = nil
	return nil
}
