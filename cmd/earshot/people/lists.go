package people

import (
	"context"
	"slices"

	"github.com/earshot-im/earshot/cmd/earshot/frame"
	"github.com/earshot-im/earshot/cmd/earshot/label"
	"github.com/earshot-im/earshot/cmd/earshot/phrase"
	"github.com/earshot-im/earshot/cmd/earshot/screen"
	"github.com/earshot-im/earshot/cmd/earshot/words"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// Everybody shows who is here, and who is known.
func Everybody(s *screen.State) []screen.Act {
	return screen.Call(func(ctx context.Context, api screen.API) ([2]any, error) {
		peers, err := api.Peers(ctx, &earshotv1.PeersRequest{})
		if err != nil {
			return [2]any{}, err
		}
		contacts, err := api.Contacts(ctx, &earshotv1.ContactsRequest{})
		return [2]any{peers, contacts}, err
	}, func(s *screen.State, r [2]any) []screen.Act {
		var persons []*earshotv1.Person
		persons = append(persons, r[1].(*earshotv1.ContactsResponse).Persons...)
		for _, p := range r[0].(*earshotv1.PeersResponse).Peers {
			if !slices.ContainsFunc(persons, func(o *earshotv1.Person) bool { return o.Person == p.Person }) && (s.Me == nil || p.Person != s.Me.Person) {
				persons = append(persons, personOf(p))
			}
		}
		slices.SortStableFunc(persons, func(a, b *earshotv1.Person) int {
			if by := screen.First(a.Online, b.Online); by != 0 {
				return by
			}
			return screen.First(a.Contact, b.Contact)
		})
		p := &screen.Panel{Kind: "people", Title: words.People, Empty: words.NoPeople, Again: Everybody}
		for _, who := range persons {
			p.Items = append(p.Items, Item(s, who))
		}
		p.Keys = personKeys
		s.Show(p)
		return nil
	})
}

// personOf is the person of a device.
func personOf(p *earshotv1.Peer) *earshotv1.Person {
	return label.Peer(p)
}

// personKeys are what can be done with somebody in a list.
var personKeys = []screen.PanelKey{
	{Key: "enter", What: words.KeyOpen, Do: func(s *screen.State, it *screen.Item) []screen.Act { return s.GoTo(it.ID, "") }},
	{Key: "a", What: words.KeyAccept, Do: func(s *screen.State, it *screen.Item) []screen.Act { return Accept(s, it.ID, "") }},
	{Key: "v", What: words.KeyWords, Do: func(s *screen.State, it *screen.Item) []screen.Act { return Compare(s, it.ID) }},
	{Key: "n", What: words.KeyName, Do: func(s *screen.State, it *screen.Item) []screen.Act { return askNick(s, it.ID) }},
	{Key: "b", What: words.KeyBlock, Do: func(s *screen.State, it *screen.Item) []screen.Act { return Block(s, it.Value.(*earshotv1.Person)) }},
	{Key: "d", What: words.KeyForget, Do: func(s *screen.State, it *screen.Item) []screen.Act { return Forget(s, it.Value.(*earshotv1.Person)) }},
}

// Requests shows who waits to be accepted.
func Requests(s *screen.State) []screen.Act {
	return screen.Call(func(ctx context.Context, api screen.API) (*earshotv1.RequestsResponse, error) {
		return api.Requests(ctx, &earshotv1.RequestsRequest{})
	}, func(s *screen.State, r *earshotv1.RequestsResponse) []screen.Act {
		s.Requests = len(r.Requests)
		p := &screen.Panel{Kind: "requests", Title: words.Requests, Empty: words.NoRequests, Again: Requests}
		for _, q := range r.Requests {
			line, below := frame.Text(frame.Bold, label.Asks(q)), q.Text
			if q.Notice == "invited" {
				below = phrase.Asks(q)
			}
			right := s.When(q.Received.AsTime())
			if q.MoreWaits {
				right = phrase.MoreWaits + "  " + right
			}
			p.Items = append(p.Items, screen.Item{Line: line, Right: frame.Text(frame.Dim, right), Below: below, ID: q.Person, Value: label.Asker(q)})
		}
		p.Keys = []screen.PanelKey{
			{Key: "enter", What: words.KeyOpen, Do: func(s *screen.State, it *screen.Item) []screen.Act { return s.GoTo(it.ID, "") }},
			{Key: "a", What: words.KeyAccept, Do: func(s *screen.State, it *screen.Item) []screen.Act { return Accept(s, it.ID, "") }},
			{Key: "b", What: words.KeyBlock, Do: func(s *screen.State, it *screen.Item) []screen.Act { return Block(s, it.Value.(*earshotv1.Person)) }},
			{Key: "v", What: words.KeyWords, Do: func(s *screen.State, it *screen.Item) []screen.Act { return Compare(s, it.ID) }},
		}
		s.Show(p)
		return nil
	})
}

// Members shows who is in the open group.
func Members(s *screen.State) []screen.Act {
	return InGroup(s, func(group string) []screen.Act {
		return screen.Call(func(ctx context.Context, api screen.API) (*earshotv1.MembersResponse, error) {
			return api.Members(ctx, &earshotv1.MembersRequest{Group: group})
		}, func(s *screen.State, r *earshotv1.MembersResponse) []screen.Act {
			p := &screen.Panel{Kind: "members", Title: words.Members, Again: Members}
			for _, m := range r.Members {
				it := Item(s, m.Person)
				if m.Self {
					it.Line, it.Right = frame.Text(frame.Bold, words.You), nil
				}
				it.Right = append(frame.Text(frame.Dim, m.Role+"  "), it.Right...)
				p.Items = append(p.Items, it)
			}
			p.Keys = []screen.PanelKey{
				{Key: "enter", What: words.KeyOpen, Do: func(s *screen.State, it *screen.Item) []screen.Act { return s.GoTo(it.ID, "") }},
				{Key: "+", What: words.KeyInvite, Always: true, Do: func(s *screen.State, _ *screen.Item) []screen.Act { return Invite(s, "") }},
				{Key: "x", What: words.KeyRemove, Do: func(s *screen.State, it *screen.Item) []screen.Act {
					return RemoveMember(s, it.Value.(*earshotv1.Person))
				}},
				{Key: "o", What: words.KeyRole, Do: func(s *screen.State, it *screen.Item) []screen.Act { return askRole(s, it.Value.(*earshotv1.Person)) }},
				{Key: "v", What: words.KeyWords, Do: func(s *screen.State, it *screen.Item) []screen.Act { return Compare(s, it.ID) }},
			}
			s.Show(p)
			return nil
		})
	})
}

// Pick has the owner choose to whom something goes.
func Pick(s *screen.State, name, title string, done func(s *screen.State, who []string) []screen.Act) []screen.Act {
	var items []screen.Item
	for _, c := range s.List {
		if c.Group != nil && c.Group.Role != "" {
			items = append(items, screen.Item{Line: frame.Text(frame.Bold, label.Group(c.Group)), Match: label.Group(c.Group), ID: screen.Who(c.With)})
		}
	}
	for _, p := range s.Known() {
		if !p.Blocked {
			items = append(items, Item(s, p))
		}
	}
	s.Show(screen.Pick(name, title, items, func(s *screen.State, chosen []screen.Item) []screen.Act {
		who := make([]string, len(chosen))
		for i, it := range chosen {
			who[i] = it.ID
		}
		return done(s, who)
	}))
	return nil
}

// Item is somebody in a list.
func Item(s *screen.State, p *earshotv1.Person) screen.Item {
	sign, words := s.Standing(p)
	return screen.Item{
		Line:  frame.Line{{Text: sign + " ", Style: signStyle(sign)}, {Text: label.Who(p), Style: frame.Bold}},
		Right: frame.Text(frame.Dim, words), Match: label.Who(p), ID: p.Person, Value: p,
	}
}

func signStyle(sign string) frame.Style {
	if sign == words.SignHere {
		return frame.Green
	}
	return frame.Dim
}
