package conversations

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/earshot-im/earshot/node/chat"
	"github.com/earshot-im/earshot/node/contacts"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/desk"
	"github.com/earshot-im/earshot/store/event"
)

// drafts knows which drafts were set, or sent, since the node runs: one entry for each that there can be.
type drafts struct {
	mu  sync.Mutex // guards set
	set map[draftOf]drafted
}

// draftOf is one of the two drafts that a conversation can have.
type draftOf struct {
	conversation event.Conversation
	edit         bool
}

// drafted is when a draft was set, by the count of Config.Drafted or less, and what is told of it where
// nothing is kept of it.
type drafted struct {
	n    uint64
	none desk.Draft
}

// DraftChange is a draft as it is now.
type DraftChange struct {
	Conversation event.Conversation
	With         contacts.Target
	Draft        desk.Draft
}

// SetDraft keeps what the owner has begun to write, in place of what was kept: as a new message or, with
// Edits, in place of a message of theirs. Without a text and ReplyTo nothing is kept.
func (c *Conversations) SetDraft(ctx context.Context, who string, d desk.Draft) (desk.Draft, error) {
	m, err := c.meant(who)
	if err == nil {
		err = chat.CheckDraft(d.Text)
	}
	if err != nil {
		return desk.Draft{}, err
	}
	for _, named := range []*event.ID{d.ReplyTo, d.Edits} {
		if named == nil {
			continue
		}
		row, err := c.cfg.Store.Row(*named)
		switch {
		case errors.Is(err, store.ErrNoEvent), err == nil && (row.Conversation != m.id || named == d.Edits && !row.Own):
			return desk.Draft{}, chat.ErrNoMessage
		case err != nil:
			return desk.Draft{}, err
		}
	}
	kept, err := c.cfg.Store.SetDraft(ctx, m.id, m.with, d)
	if err == nil {
		c.drafted(m.id, kept)
	}
	return kept, err
}

// Sent takes in that a message was written that a draft was.
func (c *Conversations) Sent(id event.Conversation) { c.drafted(id, desk.Draft{}) }

// drafted notes that a draft is another one now.
func (c *Conversations) drafted(id event.Conversation, d desk.Draft) {
	c.drafts.mu.Lock()
	n, _ := c.cfg.Drafted.Now()
	c.drafts.set[draftOf{id, d.Edits != nil}] = drafted{n: n + 1, none: desk.Draft{Edits: d.Edits, Revision: d.Revision, Set: d.Set}}
	c.cfg.Drafted.Bump()
	c.drafts.mu.Unlock()
}

// Drafted returns up to limit drafts that were set, or sent, since the count of Config.Drafted was n, each
// as it is now, and the count up to which these are all.
func (c *Conversations) Drafted(n uint64, limit int) (out []DraftChange, upTo uint64, err error) {
	c.drafts.mu.Lock()
	upTo, _ = c.cfg.Drafted.Now()
	var since []draftOf
	set := make(map[draftOf]drafted)
	for of, d := range c.drafts.set {
		if d.n > n {
			since, set[of] = append(since, of), d
		}
	}
	c.drafts.mu.Unlock()
	slices.SortFunc(since, func(a, b draftOf) int { return cmp.Compare(set[a].n, set[b].n) })
	if len(since) > limit {
		since = since[:limit]
		upTo = set[since[limit-1]].n
	}
	for _, of := range since {
		message, edit, err := c.cfg.Store.Drafts(of.conversation)
		if err != nil {
			return nil, n, err
		}
		change := DraftChange{Conversation: of.conversation, With: c.cfg.Contacts.TargetOf(of.conversation), Draft: set[of].none}
		kept := message
		if of.edit {
			kept = edit
		}
		if kept != nil {
			change.Draft = *kept
		}
		out = append(out, change)
	}
	return out, upTo, nil
}
