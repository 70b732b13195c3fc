package act

import (
	"context"
	"strings"

	"github.com/earshot-im/earshot/cmd/earshot/compose"
	"github.com/earshot-im/earshot/cmd/earshot/frame"
	"github.com/earshot-im/earshot/cmd/earshot/people"
	"github.com/earshot-im/earshot/cmd/earshot/room"
	"github.com/earshot-im/earshot/cmd/earshot/screen"
	"github.com/earshot-im/earshot/cmd/earshot/terminal"
	"github.com/earshot-im/earshot/cmd/earshot/words"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// selectKey is a key while messages are selected.
func selectKey(s *screen.State, k screen.Key) []screen.Act {
	s.Note = screen.Note{}
	switch k.Code {
	case "esc", "enter":
		return s.Room(room.Deselect{})
	case "up", "k":
		return step(s, -1)
	case "down", "j":
		return step(s, 1)
	case "pgup":
		return step(s, -max(1, s.Page()/2))
	case "pgdown":
		return step(s, max(1, s.Page()/2))
	case "end", "ctrl+end":
		return append(s.Room(room.Deselect{}), s.Room(room.ToEnd{})...)
	}
	if k.Text == "?" {
		return help(s, "selecting")
	}
	m := s.Selected()
	if m == nil {
		return nil
	}
	switch k.Text {
	case "r":
		return reply(s, m)
	case "e":
		return edit(s, m)
	case "+":
		return reactions(s, m)
	case "x":
		return takeBack(s, m)
	case "f":
		return forward(s, m)
	case "c":
		return copy(s, m)
	case "i":
		return about(s, m)
	case "u":
		return s.Room(room.MarkUnread{ID: m.Id})
	case "q":
		if m.ReplyTo == "" {
			s.Say(words.NoQuote)
			return nil
		}
		return s.Room(room.JumpTo{ID: m.ReplyTo, Select: true})
	case "s", "a", "d", "p":
		if len(m.Attachments) == 0 {
			s.Say(words.NoFile)
			return nil
		}
		switch k.Text {
		case "a":
			return decide(m.Id, 0, screen.API.AcceptFiles)
		case "d":
			return decide(m.Id, 0, screen.API.DeclineFiles)
		case "p":
			return decide(m.Id, 0, screen.API.PauseFiles)
		}
		return save(s, m.Id, 0, "")
	}
	return nil
}

// step moves the selection.
func step(s *screen.State, by int) []screen.Act {
	s.Open.Reveal = true
	return s.Room(room.Step{By: by})
}

func reply(s *screen.State, m *earshotv1.Message) []screen.Act {
	if m.Kind == "notice" {
		return nil
	}
	return append(s.Room(room.Deselect{}), s.Room(room.Reply{ID: m.Id})...)
}

func edit(s *screen.State, m *earshotv1.Message) []screen.Act {
	if !m.Own || m.Kind != "text" {
		s.Bad(words.NotYours)
		return nil
	}
	return append(s.Room(room.Deselect{}), s.Room(room.BeginEdit{ID: m.Id})...)
}

func copy(s *screen.State, m *earshotv1.Message) []screen.Act {
	s.Orders.Copy = m.Text
	s.Say(words.Copied)
	return s.Room(room.Deselect{})
}

// takeBack cancels a message that nobody has, and recalls one that somebody has.
func takeBack(s *screen.State, m *earshotv1.Message) []screen.Act {
	if !m.Own {
		s.Bad(words.NotYours)
		return nil
	}
	question, what := words.Recall, func(ctx context.Context, api screen.API) (any, error) {
		return api.Recall(ctx, &earshotv1.RecallRequest{Id: m.Id})
	}
	if m.State == "queued" {
		question, what = words.Cancel, func(ctx context.Context, api screen.API) (any, error) {
			return api.Cancel(ctx, &earshotv1.CancelRequest{Id: m.Id})
		}
	}
	s.Confirm(question, func(s *screen.State) []screen.Act {
		return screen.Call(what, func(s *screen.State, _ any) []screen.Act { return s.Room(room.Deselect{}) })
	})
	return nil
}

func react(s *screen.State, m *earshotv1.Message, emoji string) []screen.Act {
	return screen.Call(func(ctx context.Context, api screen.API) (*earshotv1.Message, error) {
		return api.React(ctx, &earshotv1.ReactRequest{Id: m.Id, Emoji: emoji})
	}, func(s *screen.State, m *earshotv1.Message) []screen.Act {
		return append(s.Put(m), s.Room(room.Deselect{})...)
	})
}

// reactions offers signs to react with.
func reactions(s *screen.State, m *earshotv1.Message) []screen.Act {
	if m.Kind != "text" {
		return nil
	}
	choose := func(sign string) []screen.Act {
		s.Back()
		return react(s, m, sign)
	}
	p := &screen.Panel{Kind: "react", Title: words.React(terminal.Line(oneLine(m.Text)))}
	for i, c := range compose.Reactions() {
		key := string(rune('1' + i))
		p.Items = append(p.Items, screen.Item{Line: frame.Line{{Text: key + "  " + c.Text + "  "}, {Text: c.About, Style: frame.Dim}}, Value: c.Text})
		p.Keys = append(p.Keys, screen.PanelKey{Key: key, Do: func(*screen.State, *screen.Item) []screen.Act { return choose(c.Text) }})
	}
	p.Keys = append(p.Keys,
		screen.PanelKey{Key: "enter", What: words.KeyReact, Do: func(_ *screen.State, it *screen.Item) []screen.Act { return choose(it.Value.(string)) }},
		screen.PanelKey{Key: "o", What: words.KeyOther, Do: func(s *screen.State, _ *screen.Item) []screen.Act {
			s.Ask(words.AskSign, "", func(_ *screen.State, answer string) []screen.Act {
				if sign, there := compose.Sign(answer); there {
					answer = sign
				}
				return choose(answer)
			})
			return nil
		}},
		screen.PanelKey{Key: "0", What: words.KeyNone, Do: func(*screen.State, *screen.Item) []screen.Act { return choose("") }},
	)
	s.Show(p)
	return nil
}

// forward sends the words of a message to several.
func forward(s *screen.State, m *earshotv1.Message) []screen.Act {
	if m.Kind != "text" {
		return nil
	}
	return people.Pick(s, "forward", words.Forward, func(s *screen.State, to []string) []screen.Act {
		return append(s.Room(room.Deselect{}), screen.Call(func(ctx context.Context, api screen.API) (*earshotv1.ForwardResponse, error) {
			return api.Forward(ctx, &earshotv1.ForwardRequest{Id: m.Id, To: to})
		}, func(s *screen.State, r *earshotv1.ForwardResponse) []screen.Act {
			people.SentTo(s, r.Sent)
			return nil
		})...)
	})
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
