package conversations

import (
	"bytes"
	"cmp"
	"context"
	"slices"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/people"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/desk"
	"github.com/earshot-im/earshot/store/event"
)

// Page says which conversations to list.
type Page struct {
	Limit      int
	After      *event.Conversation // those that come after it; nil: from the beginning
	UnreadOnly bool                // those with something unread
	Archived   bool                // archived ones too
}

// List returns conversations: the pinned ones, then others, then those with strangers, who can be any
// number and write whenever they like. Of each kind that one comes first in which something was said
// last. more is set if there are others after these. The error is *people.UnknownError if After
// is none.
func (c *Conversations) List(_ context.Context, page Page) (out []Conversation, more bool, err error) {
	known := page.After == nil
	overviews, err := c.cfg.Store.Overviews(c.sums(), func(all []store.Overview) []store.Overview {
		compare := c.order(all)
		var after *store.Overview
		if page.After != nil {
			if at := slices.IndexFunc(all, func(o store.Overview) bool { return o.Conversation == *page.After }); at >= 0 {
				one := all[at]
				after, known = &one, true
			}
		}
		all = slices.DeleteFunc(all, func(o store.Overview) bool {
			return !c.listed(&o, page) || after != nil && compare(after, &o) >= 0
		})
		slices.SortFunc(all, func(a, b store.Overview) int { return compare(&a, &b) })
		more = len(all) > page.Limit
		return all[:min(len(all), page.Limit)]
	})
	switch {
	case err != nil:
		return nil, false, err
	case !known:
		return nil, false, &people.UnknownError{Who: page.After.String()}
	}
	for i := range overviews {
		v, ok, err := c.view(&overviews[i])
		if err != nil {
			return nil, false, err
		}
		if ok {
			out = append(out, v)
		}
	}
	return out, more, nil
}

// listed reports whether a conversation is in lists.
func (c *Conversations) listed(o *store.Overview, page Page) bool {
	if o.Hidden || o.Archived && !page.Archived || page.UnreadOnly && o.Unread == 0 {
		return false
	}
	said := o.T != 0 || o.Draft != nil || o.Edit != nil
	if o.Other != (crypto.PersonID{}) {
		return said
	}
	state, err := c.cfg.Groups.State(o.Conversation)
	if err != nil { // it is that of the owner's own devices, or a group that they have not accepted
		return false
	}
	_, in := state.Member(c.self)
	return said || in
}

// order returns how conversations are listed.
func (c *Conversations) order(all []store.Overview) (compare func(a, b *store.Overview) int) {
	strangers := make(map[crypto.PersonID]bool)
	for i := range all {
		if other := all[i].Other; other != (crypto.PersonID{}) {
			them, _ := c.cfg.People.Get(other)
			strangers[other] = !them.Contact
		}
	}
	kind := func(o *store.Overview) int {
		switch {
		case o.Chosen.Pinned:
			return 0
		case !strangers[o.Other]:
			return 1
		}
		return 2
	}
	return func(a, b *store.Overview) int {
		return cmp.Or(kind(a)-kind(b), cmp.Compare(latest(b), latest(a)), bytes.Compare(a.Conversation[:], b.Conversation[:]))
	}
}

// latest is when something was said last in a conversation or, where nothing was, when a draft was set.
func latest(o *store.Overview) int64 {
	at := o.T
	for _, d := range []*desk.Draft{o.Draft, o.Edit} {
		if o.T == 0 && d != nil {
			at = max(at, d.Set.UnixMilli())
		}
	}
	return at
}
