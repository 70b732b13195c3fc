package screen

import (
	"context"
	"strings"

	"github.com/earshot-im/earshot/cmd/earshot/compose"
	"github.com/earshot-im/earshot/cmd/earshot/room"
	"github.com/earshot-im/earshot/cmd/earshot/words"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// pasted is within how many ms of other input Enter is part of it: a paste into a terminal that doesn't
// mark pastes must not send.
const pasted = 10

// wheelRows is how many rows one notch of the wheel scrolls.
const wheelRows = 3

// touch says that the owner has done something.
func (s *State) touch() []Act {
	s.touched = s.now
	if s.Open == nil && s.now-s.attended > room.AttendEvery {
		s.attended = s.now
		client := s.Client
		return []Act{{Queue: queueAttend, Do: func(ctx context.Context, api API) Then {
			_, _ = api.Attend(ctx, &earshotv1.AttendRequest{Client: client, Focused: true})
			return nil
		}}}
	}
	return s.Room(room.Touch{})
}

// key does what a key means where the owner is.
func (s *State) key(k Key) []Act {
	k.Code = alias(k.Code)
	quick := s.lastInput > 0 && s.now-s.lastInput < pasted
	s.lastInput = s.now
	quitting := s.quitting
	s.quitting = false
	acts := s.touch()
	switch k.Code {
	case "ctrl+z":
		s.Orders.Suspend = true
		return acts
	case "ctrl+l":
		s.Orders.Redraw = true
		return acts
	case "ctrl+c":
		return append(acts, s.interrupt(quitting)...)
	case "ctrl+g":
		return append(acts, s.menu.Switcher(s)...)
	case "ctrl+n":
		return append(acts, s.NextUnread()...)
	case "f1":
		return append(acts, s.menu.Help(s, "")...)
	}
	if k.Code == "enter" && quick && s.Prompt == nil && s.Panel == nil {
		k.Code = "ctrl+j"
	}
	switch {
	case s.Prompt != nil:
		return append(acts, s.promptKey(k)...)
	case s.Panel != nil:
		return append(acts, s.panelKey(k)...)
	case s.Open != nil && s.Open.View.Selecting:
		return append(acts, s.menu.Selecting(s, k)...)
	}
	return append(acts, s.writeKey(k)...)
}

// alias gives keys that mean the same one name.
func alias(name string) string {
	switch name {
	case "alt+a":
		return "ctrl+n"
	case "alt+enter", "shift+enter", "ctrl+enter":
		return "ctrl+j"
	case "kp_enter":
		return "enter"
	case "ctrl+h":
		return "backspace"
	case "ctrl+[":
		return "esc"
	case "shift+space":
		return "space"
	}
	return name
}

// interrupt is Ctrl+C: it ends what is under way, and the second time the screen.
func (s *State) interrupt(again bool) []Act {
	switch {
	case again:
		s.Orders.Quit = true
	case s.Prompt != nil:
		s.Prompt = nil
	case s.Panel != nil:
		s.Panel = nil
	case s.Open != nil && s.Open.View.Selecting:
		return s.Room(room.Deselect{})
	default:
		s.quitting = true
		s.Say(words.Quit)
	}
	return nil
}

// writeKey is a key while the composer has the focus.
func (s *State) writeKey(k Key) []Act {
	width := max(4, s.layout.Composer)
	if k.Code != "tab" && k.Code != "shift+tab" {
		s.Offer = nil
	}
	s.Note = Note{}
	switch k.Code {
	case "enter":
		return s.submit()
	case "ctrl+d":
		if s.Editor.Empty() {
			s.Orders.Quit = true
			return nil
		}
	case "tab", "shift+tab":
		return s.complete(k.Code == "tab")
	case "ctrl+p":
		if text, there := s.sent.Back(s.Editor.Text()); there {
			s.Editor.Set(text)
			return s.recalled()
		}
		return nil
	case "ctrl+o":
		text := s.Editor.Text()
		s.Orders.Edit = &text
		return nil
	case "esc":
		return s.escape()
	case "pgup":
		return s.scroll(s.Page())
	case "pgdown":
		return s.scroll(-s.Page())
	case "ctrl+end", "alt+>":
		return s.Room(room.ToEnd{})
	case "alt+u":
		return s.Room(room.JumpUnread{})
	case "alt+up":
		return s.neighbour(-1)
	case "alt+down":
		return s.neighbour(1)
	case "up":
		switch {
		case s.Open != nil && (s.Editor.Empty() || s.sendsAsIs()):
			return s.EditLast()
		case s.Editor.Up(width):
		}
		return nil
	case "down":
		if !s.Editor.Down(width) {
			if text, there := s.sent.Forward(); there {
				s.Editor.Set(text)
				return s.recalled()
			}
		}
		return nil
	}
	before := s.Editor.Text()
	if s.Editor.Key(k.Code, k.Text) && s.Editor.Text() != before {
		return s.typed()
	}
	return nil
}

// recalled tells the room of a text that was sent before; the next key makes it another.
func (s *State) recalled() []Act {
	if s.Open == nil {
		return nil
	}
	_, command := CommandOf(s.Editor.Text())
	s.drafting = !command
	if command {
		return nil
	}
	return s.Room(room.Typed{Text: s.Editor.Text()})
}

// paste puts a text where the owner writes. It never sends.
func (s *State) paste(text string) []Act {
	s.lastInput = s.now
	switch {
	case s.Prompt != nil && !s.Prompt.yes:
		s.Prompt.Editor.Insert(strings.Join(strings.Fields(text), " "))
	case s.Panel != nil || s.Prompt != nil:
		return nil
	default:
		acts := s.Room(room.Deselect{})
		if !s.Editor.Paste(text) {
			s.Bad(words.NoRoom)
			return acts
		}
		s.Note = Note{}
		return append(acts, s.typed()...)
	}
	return nil
}

// escape leaves what is under way, or begins to select.
func (s *State) escape() []Act {
	if s.Open == nil {
		return nil
	}
	switch c := s.Open.View.Composer; {
	case c.Edits != "":
		return s.Room(room.EndEdit{})
	case c.ReplyTo != "":
		return s.Room(room.Reply{})
	}
	s.Open.Reveal = true
	return s.Room(room.Step{By: -1})
}

// complete puts in what Tab offers, and the next time the next of it.
func (s *State) complete(forward bool) []Act {
	if len(s.Offer) == 0 {
		s.offerFrom, s.Offer = compose.Complete(s.Editor.Text(), s.Editor.At(), s.menu.Names(s))
		s.Offers = 0
		if len(s.Offer) == 0 {
			return nil
		}
	} else if forward {
		s.Offers = (s.Offers + 1) % len(s.Offer)
	} else {
		s.Offers = (s.Offers + len(s.Offer) - 1) % len(s.Offer)
	}
	s.Editor.Replace(s.offerFrom, s.Offer[s.Offers].Text)
	acts := s.typed()
	if len(s.Offer) == 1 {
		s.Offer = nil
	}
	return acts
}

func (s *State) Page() int { return max(1, s.layout.Height-2) }

// scroll moves the screen over the open conversation, upwards if positive.
func (s *State) scroll(by int) []Act {
	if s.Open != nil {
		s.Open.Scroll += by
	}
	return nil
}

// NextUnread opens the next conversation with something unread, or goes to its line.
func (s *State) NextUnread() []Act {
	at := -1
	for i, c := range s.List {
		if s.IsOpen(c.Conversation) {
			at = i
		}
	}
	for i := range s.List {
		c := s.List[(at+1+i+len(s.List))%len(s.List)]
		if c.Unread > 0 && !s.IsOpen(c.Conversation) && !s.Muted(c) {
			return s.Enter(c, "")
		}
	}
	if s.Open != nil && s.Open.View.UnreadLine {
		return s.Room(room.JumpUnread{})
	}
	s.Say(words.NothingUnread)
	return nil
}

// neighbour opens the conversation that stands above or below in the list.
func (s *State) neighbour(by int) []Act {
	at := -1
	for i, c := range s.List {
		if s.IsOpen(c.Conversation) {
			at = i
		}
	}
	if at < 0 && by < 0 {
		at = 0
	}
	if at += by; at < 0 || at >= len(s.List) {
		return nil
	}
	return s.Enter(s.List[at], "")
}

func (s *State) click(c Click) []Act {
	switch {
	case c.Column < s.layout.ListWidth:
		if c.Row >= 0 && c.Row < len(s.layout.Listed) && s.layout.Listed[c.Row] != "" {
			for _, conv := range s.List {
				if conv.Conversation == s.layout.Listed[c.Row] {
					return s.Enter(conv, "")
				}
			}
		}
	case s.Panel != nil:
		if at, there := s.layout.Items[c.Row]; there {
			s.Panel.At = at
			return s.panelKey(Key{Code: "enter"})
		}
	case s.Open != nil && c.Row >= 0 && c.Row < len(s.layout.Messages):
		if id := s.layout.Messages[c.Row]; id != "" {
			return s.Room(room.Select{ID: id})
		}
		return s.Room(room.Deselect{})
	}
	return nil
}

func (s *State) wheel(w Wheel) []Act {
	switch {
	case s.Panel != nil && w.Column >= s.layout.ListWidth:
		s.Panel.move(w.By)
		return nil
	case w.Column < s.layout.ListWidth:
		return nil
	}
	return s.scroll(-w.By * wheelRows)
}

// CommandOf returns the slash command that a text is, if it is one. // begins a text with a slash.
func CommandOf(text string) (command string, is bool) {
	command, is = strings.CutPrefix(text, "/")
	if !is || strings.HasPrefix(command, "/") || strings.Contains(text, "\n") {
		return "", false
	}
	return command, true
}

// Commands are the names of all slash commands.
func (s *State) Commands() (names []string) {
	for _, c := range s.menu.Names(s).Commands {
		names = append(names, c.Text[len("/"):])
	}
	return names
}
