package conversations

import (
	"context"
	"errors"

	"github.com/earshot-im/earshot/node/chat"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/event"
)

// MarkReadTo says that the owner has read what is shown in a conversation up to a message or notice, or
// all that is there: not what has arrived later than that one. Authors are told as by
// chat.Messages.MarkRead.
func (c *Conversations) MarkReadTo(ctx context.Context, who string, to *event.ID) (Conversation, error) {
	m, err := c.meant(who)
	if err != nil {
		return Conversation{}, err
	}
	if err := c.cfg.Messages.Reading(ctx, func(tell bool) (map[event.Conversation]uint64, error) {
		_, arrived, err := c.cfg.Store.MarkReadTo(ctx, tell, m.id, to, c.sums().Counted)
		if errors.Is(err, store.ErrNoConversation) && to == nil { // with somebody who is only in earshot
			err = nil
		}
		return map[event.Conversation]uint64{m.id: arrived}, err
	}); err != nil {
		return Conversation{}, noMessage(err)
	}
	return c.get(m)
}

// MarkAllRead does MarkReadTo for all that is there in all conversations, and returns how many messages
// were unread.
func (c *Conversations) MarkAllRead(ctx context.Context) (marked int, err error) {
	err = c.cfg.Messages.Reading(ctx, func(tell bool) (map[event.Conversation]uint64, error) {
		n, arrived, err := c.cfg.Store.MarkAllRead(ctx, tell, c.sums().Counted)
		marked = n
		read := make(map[event.Conversation]uint64)
		for _, g := range c.cfg.Groups.All() {
			read[g] = arrived
		}
		return read, err
	})
	return marked, err
}

// MarkUnread makes a message of somebody else's unread again, and those of others that are shown after
// it. Nobody is told, and what authors were told stays.
func (c *Conversations) MarkUnread(ctx context.Context, who string, from event.ID) (Conversation, error) {
	m, err := c.meant(who)
	if err != nil {
		return Conversation{}, err
	}
	if err := c.cfg.Store.MarkUnread(ctx, m.id, from, c.sums().Counted); err != nil {
		return Conversation{}, noMessage(err)
	}
	return c.get(m)
}

// noMessage replaces the error of the store for an ID that is of no message.
func noMessage(err error) error {
	if errors.Is(err, store.ErrNoEvent) || errors.Is(err, store.ErrNoConversation) {
		return chat.ErrNoMessage
	}
	return err
}
