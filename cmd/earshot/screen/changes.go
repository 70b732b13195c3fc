package screen

import (
	"cmp"
	"context"
	"slices"

	"github.com/earshot-im/earshot/cmd/earshot/room"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// changes takes an answer of the stream.
func (s *State) changes(r *earshotv1.ChangesResponse) (acts []Act) {
	if r.Reset_ {
		acts = append(s.Refresh(), s.Room(room.Reset{})...)
	}
	again, came := false, false
	for _, c := range r.Changes {
		switch c := c.Change.(type) {
		case *earshotv1.Change_Arrived:
			acts = append(acts, s.Put(c.Arrived)...)
		case *earshotv1.Change_Changed:
			acts = append(acts, s.Put(c.Changed)...)
		case *earshotv1.Change_Gone:
			if s.IsOpen(c.Gone.Conversation) {
				acts = append(acts, s.Room(room.Gone{ID: c.Gone.Id})...)
			}
		case *earshotv1.Change_Notice:
			if s.IsOpen(c.Notice.Group.GetId()) {
				acts = append(append(acts, s.Room(room.Reset{})...), s.readOpen()...)
			}
		case *earshotv1.Change_Group:
			acts = append(acts, s.KnowGroup(c.Group)...)
		case *earshotv1.Change_Person:
			acts = append(acts, s.Another(c.Person)...)
			again, came = true, true
		case *earshotv1.Change_Presence:
			s.Know(c.Presence)
			came = true
		case *earshotv1.Change_Online:
			again, came = true, true
		case *earshotv1.Change_Settings:
			s.Me = c.Settings
		case *earshotv1.Change_Requests:
			again = again || s.Requests != int(c.Requests)
			s.Requests = int(c.Requests)
		case *earshotv1.Change_Conversation:
			acts = append(acts, s.Relist(c.Conversation)...)
		case *earshotv1.Change_Draft:
			acts = append(acts, s.draft(c.Draft)...)
		case *earshotv1.Change_Typing:
			if len(c.Typing.Persons) == 0 {
				delete(s.Typing, c.Typing.Conversation)
			} else {
				s.Typing[c.Typing.Conversation] = c.Typing.Persons
			}
		}
	}
	if came {
		acts = append(acts, s.count()...)
	}
	if again && s.Panel != nil && s.Panel.Again != nil {
		acts = append(acts, s.Panel.Again(s)...)
	}
	return acts
}

// count asks how many are here.
func (s *State) count() []Act {
	if s.counting {
		s.miscount = true
		return nil
	}
	s.counting, s.miscount = true, false
	return []Act{{Do: func(ctx context.Context, api API) Then {
		status, err := api.Status(ctx, &earshotv1.StatusRequest{})
		return func(s *State) []Act {
			if s.counting = false; err == nil {
				s.Status = status
			}
			if s.miscount {
				return s.count()
			}
			return nil
		}
	}}}
}

// IsOpen reports whether a conversation is the open one.
func (s *State) IsOpen(conversation string) bool {
	return s.Open != nil && s.Open.Conv.Conversation == conversation
}

// Know notes how somebody is now.
func (s *State) Know(p *earshotv1.Person) {
	s.Persons[p.Person] = p
	for _, c := range s.List {
		if c.Person.GetPerson() == p.Person {
			c.Person = p
		}
	}
	if s.Open != nil && s.Open.Conv.Person.GetPerson() == p.Person {
		s.Open.Conv.Person = p
	}
}

// Another notes that somebody is another than before. That is told once and not for each message, so what
// was read with their name is read again.
func (s *State) Another(p *earshotv1.Person) []Act {
	s.Know(p)
	acts := append(s.Refresh(), s.readAlike()...)
	// In a group anybody may be named: by rows, quotes, reactions and notices.
	if s.Open != nil && (s.Open.Conv.Person == nil || s.Open.Conv.Person.Person == p.Person) {
		acts = append(append(acts, s.Room(room.Reset{})...), s.readMembers()...)
	}
	return acts
}

func (s *State) KnowGroup(g *earshotv1.Group) []Act {
	for _, c := range s.List {
		if c.Group.GetId() == g.Id {
			c.Group = g
		}
	}
	if s.Open != nil && s.Open.Conv.Group.GetId() == g.Id {
		s.Open.Conv.Group = g
		return s.readMembers()
	}
	return nil
}

// Relist puts a conversation into its place in the list.
func (s *State) Relist(c *earshotv1.Conversation) (acts []Act) {
	s.List = slices.DeleteFunc(s.List, func(o *earshotv1.Conversation) bool { return o.Conversation == c.Conversation })
	if listable(c) {
		at, _ := slices.BinarySearchFunc(s.List, c, order)
		s.List = slices.Insert(s.List, at, c)
	}
	if s.IsOpen(c.Conversation) {
		s.Open.Conv = c
		acts = s.Room(room.Counted{Unread: int(c.Unread)})
	}
	if s.Panel != nil && s.Panel.Kind == PanelSwitcher {
		s.menu.Refill(s, s.Panel)
	}
	return acts
}

// listable reports whether a conversation is in the list, by the rule of the node: one in which there is
// nothing is told too, such as that of a stranger whose request waits.
func listable(c *earshotv1.Conversation) bool {
	something := c.Last != nil || c.Draft != nil || c.Edit != nil || c.Group.GetRole() != ""
	return something && !c.Archived && !c.Group.GetHidden()
}

// order is that of the list, by the rule of the node: the pinned ones first, those with strangers last,
// each kind by what was said last.
func order(a, b *earshotv1.Conversation) int {
	return cmp.Or(kind(a)-kind(b), cmp.Compare(lastOf(b), lastOf(a)))
}

func kind(c *earshotv1.Conversation) int {
	switch {
	case c.Pinned:
		return 0
	case !Strange(c):
		return 1
	}
	return 2
}

// Strange reports whether a conversation is with a stranger.
func Strange(c *earshotv1.Conversation) bool { return c.Person != nil && !c.Person.Contact }

func lastOf(c *earshotv1.Conversation) int64 {
	switch {
	case c.Last != nil:
		return c.Last.T
	case c.Draft != nil:
		return c.Draft.Time.AsTime().UnixMilli()
	}
	return c.Group.GetJoined().AsTime().UnixMilli()
}

// draft is a draft as the node has it now.
func (s *State) draft(d *earshotv1.DraftChange) []Act {
	for _, c := range s.List {
		if c.Conversation == d.Conversation {
			kept := d.Draft
			if kept.GetText() == "" && kept.GetReplyTo() == "" {
				kept = nil
			}
			if d.Draft.GetEdits() != "" {
				c.Edit = kept
			} else {
				c.Draft = kept
			}
		}
	}
	if s.IsOpen(d.Conversation) {
		return s.Room(room.DraftChanged{Draft: d.Draft})
	}
	return nil
}
