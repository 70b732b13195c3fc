package linear

import (
	"context"
	"strconv"
	"time"

	"github.com/earshot-im/earshot/cmd/earshot/phrase"
	"github.com/earshot-im/earshot/cmd/earshot/show"
	"github.com/earshot-im/earshot/node/localapi"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// maxShown is how many messages can be named by their numbers, the last ones.
const maxShown = 4096

// shown are the messages that were printed.
type shown struct {
	first int      // the number of the first that is remembered
	order []string // IDs
	looks map[string]look
	start string // the ID of the earliest that was printed
}

// look is how a message was printed last.
type look struct {
	n         int
	text      string
	kind      string
	reactions string
	state     string
}

// number returns the number of a message, and remembers how it looks.
func (s *shown) number(m *earshotv1.Message) int {
	if s.looks == nil {
		s.looks, s.first = make(map[string]look), 1
	}
	l := lookOf(m)
	if was, known := s.looks[m.Id]; known {
		l.n = was.n
	} else {
		l.n = s.first + len(s.order)
		if s.order = append(s.order, m.Id); len(s.order) > maxShown {
			delete(s.looks, s.order[0])
			s.order, s.first = s.order[1:], s.first+1
		}
	}
	s.looks[m.Id] = l
	return l.n
}

func lookOf(m *earshotv1.Message) look {
	return look{text: m.Text, kind: m.Kind, state: m.State, reactions: phrase.Reactions(m.Reactions)}
}

// id returns the ID of the message with a number, or "".
func (s *shown) id(n int) string {
	if i := n - s.first; i >= 0 && i < len(s.order) {
		return s.order[i]
	}
	return ""
}

// introduce prints what was said last, and all that is unread.
func (c *Chat) introduce(ctx context.Context) error {
	c.say("%s", c.Out.Style.Bold(show.Chat(c.with)))
	if c.typed {
		c.say("Enter sends, /help tells more")
	}
	first := c.with.FirstUnread
	if first != "" {
		if err := c.fromUnread(ctx, first); err == nil || localapi.Gone(err) {
			return err
		}
	}
	page, err := c.history(ctx, &earshotv1.HistoryRequest{Limit: recent})
	if err != nil {
		return err
	}
	c.print(page.Messages)
	return nil
}

// fromUnread prints a few messages above the first that is unread, and all from it on.
func (c *Chat) fromUnread(ctx context.Context, first string) error {
	before, err := c.history(ctx, &earshotv1.HistoryRequest{Limit: above, Before: first})
	if err != nil {
		return err
	}
	one, err := c.history(ctx, &earshotv1.HistoryRequest{Limit: 1, Around: first})
	if err != nil {
		return err
	}
	c.print(before.Messages)
	c.note("new: %d", c.with.Unread)
	c.print(one.Messages)
	for after := first; ; {
		page, err := c.history(ctx, &earshotv1.HistoryRequest{After: after})
		if err != nil || len(page.Messages) == 0 {
			return err
		}
		c.print(page.Messages)
		after = page.Messages[len(page.Messages)-1].Id
	}
}

func (c *Chat) history(ctx context.Context, r *earshotv1.HistoryRequest) (*earshotv1.MessagesResponse, error) {
	r.Who, r.Notices = c.who, true
	return c.Client.History(ctx, r)
}

// print prints messages, and notices among them.
func (c *Chat) print(messages []*earshotv1.Message) {
	for _, m := range messages {
		if c.shown.start == "" {
			c.shown.start = m.Id
		}
		c.printOne(m)
	}
}

func (c *Chat) printOne(m *earshotv1.Message) {
	if m.Notice != nil {
		_ = c.Out.Notice(c.console, m.Notice)
		return
	}
	n, reply := c.shown.number(m), ""
	if l, known := c.shown.looks[m.ReplyTo]; known {
		reply = strconv.Itoa(l.n)
	}
	c.say("%s", show.Said(c.Out.Style, n, m, reply))
	if m.Unread && !m.Own && c.typed {
		c.unread = append(c.unread, m.Id)
	}
}

// flush prints what has waited.
func (c *Chat) flush() {
	for _, n := range c.waiting {
		c.printChange(n)
	}
	c.waiting, c.news = nil, 0
}

// printChange prints what has come.
func (c *Chat) printChange(n *earshotv1.Change) {
	m := n.GetArrived()
	if m == nil {
		m = n.GetChanged()
	}
	switch {
	case n.GetNotice() != nil:
		_ = c.Out.Notice(c.console, n.GetNotice())
	case m == nil:
	case n.GetArrived() != nil && c.shown.looks[m.Id].n == 0:
		c.printOne(m)
	default:
		c.printChanged(m)
	}
}

// printChanged prints what has become of a message that was printed.
func (c *Chat) printChanged(m *earshotv1.Message) {
	was, known := c.shown.looks[m.Id]
	if !known {
		return
	}
	is := lookOf(m)
	n := c.shown.number(m)
	for _, row := range show.NowSaid(c.Out.Style, n, m, is.text != was.text || is.kind != was.kind, is.reactions != was.reactions) {
		c.say("%s", row)
	}
	if m.Own && c.typed && stands[is.state] && is.state != was.state && was.state != "delivered" {
		delete(c.due, m.Id)
		c.say("%s", show.Stands(c.Out.Style, n, m.State, m.Reason, nil))
	}
}

// stands are the states of which it is told that an own message has reached them: with these it has arrived,
// or never will. That it was read says `/receipts`.
var stands = map[string]bool{"carried": true, "delivered": true, "read": true, "cancelled": true, "undelivered": true}

// explain says of own messages that are still under way for whom they wait.
func (c *Chat) explain(ctx context.Context) {
	now, late := time.Now(), map[string][]*earshotv1.Pending{}
	for id, at := range c.due {
		if !now.Before(at) {
			late[id] = nil
			delete(c.due, id)
		}
	}
	if len(late) == 0 {
		return
	}
	for p, err := range c.Client.Pending(ctx, 0) {
		if err != nil {
			return
		}
		if _, asked := late[p.Id]; asked {
			late[p.Id] = append(late[p.Id], p)
		}
	}
	for _, id := range c.shown.order {
		if waits, asked := late[id]; asked {
			c.say("%s", show.Stands(c.Out.Style, c.shown.looks[id].n, c.shown.looks[id].state, "", waits))
		}
	}
}
