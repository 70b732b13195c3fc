package act

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/earshot-im/earshot/cmd/earshot/advice"
	"github.com/earshot-im/earshot/cmd/earshot/attachment"
	"github.com/earshot-im/earshot/cmd/earshot/compose"
	"github.com/earshot-im/earshot/cmd/earshot/frame"
	"github.com/earshot-im/earshot/cmd/earshot/label"
	"github.com/earshot-im/earshot/cmd/earshot/people"
	"github.com/earshot-im/earshot/cmd/earshot/phrase"
	"github.com/earshot-im/earshot/cmd/earshot/room"
	"github.com/earshot-im/earshot/cmd/earshot/screen"
	"github.com/earshot-im/earshot/cmd/earshot/terminal"
	"github.com/earshot-im/earshot/cmd/earshot/words"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// Names of panels that are asked for by name.
const panelSwitcher = "switcher"

// switcher shows all conversations, those with something unread first, to go to one by a part of its name.
// Strangers come last: they may take the name of anybody.
func switcher(s *screen.State) []screen.Act {
	if s.Panel != nil && s.Panel.Kind == panelSwitcher {
		s.Back()
		return nil
	}
	p := &screen.Panel{Kind: panelSwitcher, Title: words.Switcher, Filter: new(compose.Editor), Empty: words.NoTalk}
	p.Keys = []screen.PanelKey{{Key: "enter", What: words.KeyOpen, Do: func(s *screen.State, it *screen.Item) []screen.Act {
		switch v := it.Value.(type) {
		case *earshotv1.Conversation:
			return s.Enter(v, "")
		case *earshotv1.Person:
			return s.GoTo(v.Person, "")
		}
		return nil
	}}}
	fillSwitcher(s, p)
	s.Show(p)
	return nil
}

// fillSwitcher sets the items of the switcher, and leaves what was typed and chosen.
func fillSwitcher(s *screen.State, p *screen.Panel) {
	list := slices.Clone(s.List)
	slices.SortStableFunc(list, func(a, b *earshotv1.Conversation) int {
		return screen.First(a.Unread > 0 && !s.Muted(a), b.Unread > 0 && !s.Muted(b))
	})
	chosen := p.Item()
	p.All = nil
	with := make(map[string]bool)
	var strange []screen.Item
	for _, c := range list {
		with[c.With.GetId()] = true
		it := screen.Item{Line: frame.Text(frame.Bold, screen.Called(label.Whole, c)), Right: s.Marks(c), Match: screen.Called(label.Whole, c), ID: c.Conversation, Value: c}
		if screen.Strange(c) {
			strange = append(strange, it)
		} else {
			p.All = append(p.All, it)
		}
	}
	for _, who := range s.Known() {
		if !with[who.Person] && who.Contact {
			p.All = append(p.All, people.Item(s, who))
		}
	}
	p.All = append(p.All, strange...)
	p.Items = p.All
	if !p.Filter.Empty() {
		p.Refilter()
	}
	if chosen != nil {
		p.At = max(0, slices.IndexFunc(p.Items, func(it screen.Item) bool { return it.ID == chosen.ID }))
	}
}

// about shows who has a message, and why it waits for the others; of somebody else's what is known of it.
func about(s *screen.State, m *earshotv1.Message) []screen.Act {
	p := &screen.Panel{Kind: "about", Title: words.About, Text: facts(s, m)}
	if m.Kind == "notice" || !m.Own && len(m.Attachments) == 0 {
		s.Show(p)
		return nil
	}
	type known struct {
		files   *earshotv1.Attached
		reached []*earshotv1.Reached // of an own message
	}
	return screen.Call(func(ctx context.Context, api screen.API) (k known, err error) {
		if len(m.Attachments) > 0 {
			page, err := api.ListFiles(ctx, &earshotv1.ListFilesRequest{Id: m.Id})
			if err != nil {
				return k, err
			}
			if len(page.Attached) > 0 {
				k.files = page.Attached[0]
			}
		}
		if !m.Own {
			return k, nil
		}
		r, err := api.Receipts(ctx, &earshotv1.ReceiptsRequest{Id: m.Id})
		return known{k.files, r.GetReached()}, err
	}, func(s *screen.State, k known) []screen.Act {
		for _, a := range k.files.GetAttachments() {
			p.Text = append(p.Text, attachment.Place(a)...)
		}
		if !m.Own {
			s.Show(p)
			return nil
		}
		p.Title = words.Reached
		for _, r := range k.reached {
			state := phrase.State(r.State, r.Reason)
			if r.Waiting != nil {
				state += " " + phrase.WaitsShort(r.Waiting, s.When)
			}
			if files := attachment.AtOnScreen(k.files, r.Person); files != "" {
				state += "  " + files
			}
			p.Items = append(p.Items, screen.Item{Line: frame.Text(frame.Bold, label.Who(r.Person)), Right: frame.Text(frame.Dim, state), ID: r.Person.GetPerson(), Value: r.Person})
		}
		p.Keys = []screen.PanelKey{{Key: "enter", What: words.KeyOpen, Do: func(s *screen.State, it *screen.Item) []screen.Act { return s.GoTo(it.ID, "") }}}
		s.Show(p)
		return nil
	})
}

// facts are what is known of a message.
func facts(s *screen.State, m *earshotv1.Message) (all []string) {
	if m.Kind == "notice" {
		return []string{phrase.Notice(m.Notice)}
	}
	who := words.You
	if !m.Own {
		who = label.Who(m.From)
	}
	all = append(all, "from "+who, "written "+s.When(m.Time.AsTime())+" by their clock, here "+s.When(m.Received.AsTime()), "ID "+label.Short(m.Id))
	if m.Own {
		all = all[:1]
		all = append(all, "written "+s.When(m.Time.AsTime()), "ID "+label.Short(m.Id))
	}
	if len(m.Reactions) > 0 {
		all = append(all, "reactions: "+phrase.Reactions(m.Reactions))
	}
	for _, f := range []struct {
		so   bool
		text string
	}{{m.Edited, "it was edited"}, {m.Gap, "something that came before it is missing"}, {m.Forked, "its author's log contradicts itself here"}} {
		if f.so {
			all = append(all, f.text)
		}
	}
	return all
}

// search looks for words, in the open conversation if it is so wanted.
func search(s *screen.State, query string) []screen.Act {
	if query == "" {
		s.Ask(words.AskSearch, "", func(s *screen.State, query string) []screen.Act {
			if query == "" {
				return nil
			}
			return search(s, query)
		})
		return nil
	}
	return screen.Call(func(ctx context.Context, api screen.API) ([]*earshotv1.Found, error) {
		return api.Find(ctx, &earshotv1.SearchRequest{Words: query, Limit: 100})
	}, func(s *screen.State, found []*earshotv1.Found) []screen.Act {
		p := &screen.Panel{Kind: "found", Title: words.Found + ": " + terminal.Line(query), Empty: words.NotFound}
		for _, f := range found {
			m := f.Message
			who := words.You
			if !m.Own {
				who = label.Brief(16, m.From)
			}
			line := frame.Line{{Text: who, Style: frame.Bold}, {Text: "  "}}
			line = append(line, marked(f)...)
			where := s.When(m.Time.AsTime())
			if m.With.GetKind() == "group" {
				where = label.GroupWithin(16, m.With) + "  " + where
			}
			p.Items = append(p.Items, screen.Item{Line: line, Right: frame.Text(frame.Dim, where), ID: m.Id, Value: m})
		}
		p.Keys = []screen.PanelKey{{Key: "enter", What: words.KeyJump, Do: func(s *screen.State, it *screen.Item) []screen.Act {
			m := it.Value.(*earshotv1.Message)
			return s.GoTo(screen.Who(m.With), m.Id)
		}}}
		s.Show(p)
		return nil
	})
}

// marked is a text on one line, with the parts that were looked for.
func marked(f *earshotv1.Found) (l frame.Line) {
	text, at := []rune(f.Message.Text), uint32(0)
	plain := func(to uint32, style frame.Style) {
		if to = min(to, uint32(len(text))); to > at {
			part := strings.Map(func(r rune) rune {
				if r == '\n' || r == '\t' || r == '\r' {
					return ' '
				}
				return r
			}, string(text[at:to]))
			l = append(l, frame.Span{Text: terminal.Line(part), Style: style})
			at = to
		}
	}
	if len(f.Marks) > 0 && f.Marks[0].Start > 24 { // what was found is to be seen
		at = f.Marks[0].Start - 16
		l = append(l, frame.Span{Text: "…"})
	}
	for _, m := range f.Marks {
		plain(m.Start, frame.Plain)
		plain(m.End, frame.Bold|frame.Underline)
	}
	plain(uint32(len(text)), frame.Plain)
	return l
}

// maxWaiting is how many lines of what waits are shown.
const maxWaiting = 500

// outbox shows what waits, and why.
func outbox(s *screen.State) []screen.Act {
	return screen.Call(func(ctx context.Context, api screen.API) ([]*earshotv1.Pending, error) {
		return api.Waits(ctx, maxWaiting+1)
	}, func(s *screen.State, all []*earshotv1.Pending) []screen.Act {
		p := &screen.Panel{Kind: "outbox", Title: words.Outbox, Empty: words.NoOutbox, Again: nil}
		if len(all) > maxWaiting {
			all = all[:maxWaiting]
			p.Text = append(p.Text, words.OldestOnly(maxWaiting))
		}
		for _, q := range all {
			p.Items = append(p.Items, screen.Item{Line: frame.Text(frame.Plain, phrase.Waits(q, s.When)), Right: frame.Text(frame.Dim, s.When(q.Queued.AsTime())), ID: q.Id})
		}
		s.Show(p)
		return nil
	})
}

// status shows how the node is, and what the owner should know.
func status(s *screen.State) []screen.Act {
	return screen.Call(func(ctx context.Context, api screen.API) (*earshotv1.StatusResponse, error) {
		return api.Status(ctx, &earshotv1.StatusRequest{})
	}, func(s *screen.State, st *earshotv1.StatusResponse) []screen.Act {
		s.Status = st
		p := &screen.Panel{Kind: "status", Title: "Status"}
		p.Text = append(p.Text, words.Count(int(st.Online), "person", "persons")+" on this network, "+words.Count(int(st.Known), "contact", "contacts"))
		for _, w := range st.Warnings {
			p.Text = append(p.Text, "warning: "+advice.Warning(w))
		}
		p.Text = append(p.Text, advice.Finding(st.Finding, true)...)
		s.Show(p)
		return nil
	})
}

// markAllRead marks everything read.
func markAllRead(s *screen.State) []screen.Act {
	return screen.Call(func(ctx context.Context, api screen.API) (*earshotv1.MarkAllReadResponse, error) {
		return api.MarkAllRead(ctx, &earshotv1.MarkAllReadRequest{})
	}, func(s *screen.State, r *earshotv1.MarkAllReadResponse) []screen.Act {
		s.Say(fmt.Sprintf("%s: %d", words.AllRead, r.Marked))
		return s.Room(room.Reset{})
	})
}

// names is what Tab can complete now.
func names(s *screen.State) (n compose.Names) {
	for _, c := range commands {
		n.Commands = append(n.Commands, compose.Choice{Text: "/" + c.name, About: c.what})
	}
	if s.Open != nil {
		for _, m := range s.Open.Members {
			if !m.Self {
				n.People = append(n.People, compose.Choice{Text: label.Typed(m.Person)})
			}
		}
		if p := s.Open.Conv.Person; p != nil {
			n.People = append(n.People, compose.Choice{Text: label.Typed(p)})
		}
	}
	for _, c := range s.List {
		if c.Group != nil {
			n.Who = append(n.Who, compose.Choice{Text: label.Group(c.Group)})
		}
	}
	seen := make(map[string]bool)
	for _, p := range s.Known() {
		if name := label.Typed(p); name != "" && !seen[name] {
			seen[name] = true
			n.Who = append(n.Who, compose.Choice{Text: name})
		}
	}
	return n
}
