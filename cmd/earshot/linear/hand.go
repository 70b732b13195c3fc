package linear

import (
	"context"
	"crypto/rand"
	"time"

	"github.com/earshot-im/earshot/cmd/earshot/show"
	"github.com/earshot-im/earshot/node/localapi"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// outgoing is what is to be sent.
type outgoing struct {
	text    string // of a file what it is called
	file    string // that was taken in; then there is no text
	replyTo string
	key     string // so that it is sent once, however often it is tried
}

// send sends a message, after those that are still in hand.
func (c *Chat) send(ctx context.Context, o outgoing) {
	o.key = rand.Text()
	c.hand = append(c.hand, o)
	if !c.away {
		c.sendHand(ctx)
	}
	if n := len(c.hand); n > 0 && c.typed {
		c.note("%s until the node is back", count(n, "message is kept", "messages are kept"))
	}
}

// sendHand sends what is in hand, as far as the node takes it.
func (c *Chat) sendHand(ctx context.Context) {
	for len(c.hand) > 0 {
		o := c.hand[0]
		r := &earshotv1.SendRequest{To: c.who, Text: o.text, ReplyTo: o.replyTo, Key: o.key}
		if o.file != "" {
			r.Text, r.Files = "", []string{o.file}
		}
		sent, err := c.Client.Send(ctx, r)
		if err != nil {
			if localapi.Gone(err) || ctx.Err() != nil {
				return
			}
			c.refused(err, o)
		} else {
			c.sent(sent, o)
		}
		c.hand = c.hand[1:]
	}
}

// refused says that the node doesn't take a message, and gives its text back.
func (c *Chat) refused(err error, o outgoing) {
	c.bad++
	c.tell(err)
	c.say("%s", show.Unsent(o.text))
}

// sent gives a message its number.
func (c *Chat) sent(s *earshotv1.Sent, o outgoing) {
	m := &earshotv1.Message{Id: s.Id, Text: o.text, Kind: "text", Own: true, State: s.State}
	if o.file != "" {
		m.Text = ""
	}
	c.shown.number(m)
	if c.typed {
		c.due[s.Id] = time.Now().Add(explainAfter) // most have arrived by then, which is told
	}
}
