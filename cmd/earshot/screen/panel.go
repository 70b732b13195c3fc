package screen

import (
	"slices"
	"strings"

	"github.com/earshot-im/earshot/cmd/earshot/compose"
	"github.com/earshot-im/earshot/cmd/earshot/frame"
	"github.com/earshot-im/earshot/cmd/earshot/words"
)

// Panel is a list, or a text, that stands in place of the messages until it is closed.
type Panel struct {
	Kind  string // what it is, in one word
	Title string
	Text  []string // before the items, each wrapped
	Items []Item
	At    int    // the item that is chosen
	Empty string // what stands where there are no items

	// Filter is what was typed to find an item. If it is nil, letters are keys.
	Filter *compose.Editor
	Keys   []PanelKey // what can be done with the item

	All   []Item               // before the filter
	Again func(s *State) []Act // reads it anew
	Under *Panel               // what stood there before
}

// Item is one of a panel's.
type Item struct {
	Line   frame.Line
	Right  frame.Line // at the other end of the row
	Below  string     // a text of somebody's under it, not made harmless yet
	Chosen bool       // of several
	Head   bool       // it is a heading, and can't be chosen
	Match  string     // by what the filter finds it
	ID     string     // what stands for it
	Value  any
}

// PanelKey is what a key does with an item.
type PanelKey struct {
	Key, What string
	Do        func(s *State, it *Item) []Act // it is nil where there are no items
	Always    bool                           // also where there are no items
}

// Show puts a panel on the screen, over the one that is there, or in place of one of its kind.
func (s *State) Show(p *Panel) {
	s.Offer = nil
	if s.Panel != nil && s.Panel.Kind == p.Kind {
		p.At, p.Under = min(s.Panel.At, max(0, len(p.Items)-1)), s.Panel.Under
	} else {
		s.Note, s.Prompt = Note{}, nil
		p.Under = s.Panel
	}
	s.Panel = p
	if p.Filter != nil {
		p.All = p.Items
	}
	p.move(0)
}

// Back closes the panel.
func (s *State) Back() {
	s.Panel, s.Prompt = s.Panel.Under, nil
}

// move chooses the item so many on.
func (p *Panel) move(by int) {
	if len(p.Items) == 0 {
		p.At = 0
		return
	}
	p.At = min(max(p.At+by, 0), len(p.Items)-1)
	step := 1
	if by < 0 {
		step = -1
	}
	for range p.Items {
		if !p.Items[p.At].Head {
			return
		}
		if p.At+step < 0 || p.At+step >= len(p.Items) {
			step = -step
		}
		p.At += step
	}
}

// Item returns the item that is chosen, or nil.
func (p *Panel) Item() *Item {
	if p.At < 0 || p.At >= len(p.Items) || p.Items[p.At].Head {
		return nil
	}
	return &p.Items[p.At]
}

func (s *State) panelKey(k Key) []Act {
	p := s.Panel
	switch k.Code {
	case "esc":
		if p.Filter != nil && !p.Filter.Empty() {
			p.Filter.Set("")
			p.Refilter()
			return nil
		}
		s.Back()
		return nil
	case "up", "ctrl+p", "shift+tab":
		p.move(-1)
		return nil
	case "down", "tab":
		p.move(1)
		return nil
	case "pgup":
		p.move(-s.Page())
		return nil
	case "pgdown":
		p.move(s.Page())
		return nil
	case "home":
		p.move(-len(p.Items))
		return nil
	case "end":
		p.move(len(p.Items))
		return nil
	}
	if p.Filter == nil {
		switch k.Code {
		case "k":
			p.move(-1)
			return nil
		case "j":
			p.move(1)
			return nil
		case "q":
			s.Back()
			return nil
		case "?":
			return s.menu.Help(s, "panel")
		}
	}
	it := p.Item()
	for _, key := range p.Keys {
		if (key.Key == k.Code || key.Key == k.Text && k.Text != "" || key.Key == "space" && k.Text == " ") && (it != nil || key.Always) {
			s.Note = Note{}
			return key.Do(s, it)
		}
	}
	if p.Filter != nil && p.Filter.Key(k.Code, k.Text) {
		p.Refilter()
	}
	return nil
}

// Refilter leaves the items that fit what was typed.
func (p *Panel) Refilter() {
	words := strings.Fields(strings.ToLower(p.Filter.Text()))
	p.Items = slices.DeleteFunc(slices.Clone(p.All), func(it Item) bool {
		return slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(strings.ToLower(it.Match), w) })
	})
	p.At = 0
	p.move(0)
}

// Ask asks for a line of text.
func (s *State) Ask(question, begun string, done func(s *State, answer string) []Act) {
	s.Note = Note{}
	s.Prompt = &Prompt{Question: question, done: done}
	s.Prompt.Editor.Set(begun)
}

// Confirm asks whether something is to be done.
func (s *State) Confirm(question string, do func(s *State) []Act) {
	s.Ask(question+words.YesNo, "", func(s *State, answer string) []Act {
		if answer == "y" {
			return do(s)
		}
		return nil
	})
	s.Prompt.yes = true
}

func (s *State) promptKey(k Key) []Act {
	p := s.Prompt
	switch {
	case k.Code == "esc":
		s.Prompt = nil
	case p.yes:
		s.Prompt = nil
		return p.done(s, strings.ToLower(k.Text))
	case k.Code == "enter":
		s.Prompt = nil
		return p.done(s, strings.TrimSpace(p.Editor.Text()))
	case k.Code != "ctrl+j":
		p.Editor.Key(k.Code, k.Text)
	}
	return nil
}

// Pick has the owner choose several of some items, and then does something with them.
func Pick(name, title string, items []Item, done func(s *State, chosen []Item) []Act) *Panel {
	p := &Panel{Kind: name, Title: title, Items: items, Filter: new(compose.Editor), Empty: words.Nobody}
	toggle := func(s *State, it *Item) []Act {
		for i := range p.All {
			if p.All[i].ID == it.ID {
				p.All[i].Chosen = !p.All[i].Chosen
				it.Chosen = p.All[i].Chosen
			}
		}
		return nil
	}
	p.Keys = []PanelKey{
		{Key: "space", What: words.KeyChoose, Do: toggle},
		{Key: "enter", What: words.KeyDone, Do: func(s *State, it *Item) []Act {
			chosen := slices.DeleteFunc(slices.Clone(p.All), func(it Item) bool { return !it.Chosen })
			if len(chosen) == 0 {
				chosen = []Item{*it}
			}
			s.Panel = p.Under
			return done(s, chosen)
		}},
	}
	return p
}
