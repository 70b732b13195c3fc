package screen

import (
	"context"
	"slices"
	"strconv"

	"github.com/earshot-im/earshot/cmd/earshot/problem"
	"github.com/earshot-im/earshot/cmd/earshot/room"
	"github.com/earshot-im/earshot/cmd/earshot/words"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// Queues of acts whose order matters.
const (
	queueLoad   = "load"
	queueMark   = "mark"
	queueDraft  = "draft"
	queueSend   = "send"
	queueTyping = "typing"
	queueAttend = "attend"
)

// Who is what to give a call for whom or what a target means, whatever names change.
func Who(t *earshotv1.Target) string {
	if t.GetKind() == "group" {
		return "#" + t.GetId()
	}
	return t.GetId()
}

// GoTo opens the conversation with somebody, and goes to a row of it if there is one.
func (s *State) GoTo(who, row string) []Act {
	return Call(func(ctx context.Context, api API) (*earshotv1.Conversation, error) {
		return api.GetConversation(ctx, &earshotv1.GetConversationRequest{Who: who})
	}, func(s *State, c *earshotv1.Conversation) []Act { return s.Enter(c, row) })
}

// Enter opens a conversation, and leaves the one that is open.
func (s *State) Enter(c *earshotv1.Conversation, row string) (acts []Act) {
	s.Panel, s.Prompt, s.Note = nil, nil, Note{}
	if s.IsOpen(c.Conversation) {
		s.Open.Conv = c
	} else {
		acts = s.leave()
		s.Open = &Open{Conv: c, Room: room.New(), requests: make(map[int]string)}
		s.sets, s.drafting = 0, true
		s.Editor.Set("")
		acts = append(acts, s.Room(room.Open{
			FirstUnread: c.FirstUnread, Unread: int(c.Unread), Draft: c.Draft, Edit: c.Edit,
			Focus: s.focus, Locked: s.locked, Touched: s.touched,
		})...)
		acts = append(append(acts, s.readMembers()...), s.readAlike()...)
	}
	if row != "" {
		acts = append(acts, s.Room(room.JumpTo{ID: row, Select: true})...)
	}
	return acts
}

// leave leaves the conversation that is open.
func (s *State) leave() (acts []Act) {
	if s.Open != nil {
		acts = s.Room(room.Leave{})
		s.Open, s.roomWake = nil, 0
	}
	s.drafting = false
	return acts
}

// readOpen reads anew what is known of the open conversation.
func (s *State) readOpen() []Act {
	who := Who(s.Open.Conv.With)
	return []Act{{Do: func(ctx context.Context, api API) Then {
		c, err := api.GetConversation(ctx, &earshotv1.GetConversationRequest{Who: who})
		if err != nil {
			return nil
		}
		return func(s *State) []Act {
			if !s.IsOpen(c.Conversation) {
				return nil
			}
			return append(append(s.Relist(c), s.readMembers()...), s.readAlike()...)
		}
	}}}
}

// readMembers reads who is in the open group.
func (s *State) readMembers() []Act {
	if s.Open == nil || s.Open.Conv.Group == nil || s.Open.Conv.Group.Role == "" {
		return nil
	}
	c := s.Open.Conv
	return []Act{{Do: func(ctx context.Context, api API) Then {
		r, err := api.Members(ctx, &earshotv1.MembersRequest{Group: Who(c.With)})
		if err != nil {
			return nil
		}
		return func(s *State) []Act {
			if s.IsOpen(c.Conversation) {
				s.Open.Members = r.Members
			}
			return nil
		}
	}}}
}

// readAlike reads which contact has a name that looks like that of the person with whom the open conversation is.
func (s *State) readAlike() []Act {
	if s.Open == nil || s.Open.Conv.Person == nil {
		return nil
	}
	c := s.Open.Conv
	return []Act{{Do: func(ctx context.Context, api API) Then {
		r, err := api.Contacts(ctx, &earshotv1.ContactsRequest{Like: c.Person.Person})
		if err != nil {
			return nil
		}
		return func(s *State) []Act {
			if s.IsOpen(c.Conversation) {
				s.Open.Alike = nil
				if len(r.Persons) > 0 {
					s.Open.Alike = r.Persons[0]
				}
			}
			return nil
		}
	}}}
}

// Put gives the open conversation a message that is another than before.
func (s *State) Put(m *earshotv1.Message) []Act {
	if !s.IsOpen(m.Conversation) {
		return nil
	}
	acts := s.Room(room.Put{Row: s.row(m)})
	if m.Own && (m.State == "queued" || m.State == "carried") && m.Waiting == nil {
		acts = append(acts, s.readWaiting(m)...) // the stream does not say for whom
	}
	return acts
}

func (s *State) row(m *earshotv1.Message) room.Row { return room.Row{Message: m, Day: s.day(m.T)} }

// readWaiting reads why a message waits. If it has changed since, what was read may be older than that.
func (s *State) readWaiting(was *earshotv1.Message) []Act {
	id := was.Id
	return []Act{{Queue: queueLoad, Do: func(ctx context.Context, api API) Then {
		r, err := api.GetMessages(ctx, &earshotv1.GetMessagesRequest{Ids: []string{id}, Waiting: true})
		if err != nil || len(r.Messages) == 0 {
			return nil
		}
		return func(s *State) []Act {
			if s.Find(func(m *earshotv1.Message) bool { return m == was }) == nil {
				return nil
			}
			return s.Room(room.Put{Row: s.row(r.Messages[0])})
		}
	}}}
}

// submit sends what stands in the composer.
func (s *State) submit() []Act {
	text := s.Editor.Text()
	if command, is := CommandOf(text); is {
		return s.menu.Command(s, command)
	}
	switch why := s.Closed(); {
	case s.Open == nil:
		s.Say(words.NothingOpen)
		return nil
	case why != "":
		s.Bad(why)
		return nil
	case s.Away != "":
		s.Bad(words.Kept)
		return nil
	}
	s.Note = Note{}
	s.keys++
	in := room.Submit{Key: s.Client + "-" + strconv.FormatInt(s.now, 36) + "-" + strconv.Itoa(s.keys)}
	if len(text) > 1 && text[:2] == "//" {
		in.Text = text[1:]
	}
	return s.Room(in)
}

// Took takes a command out of the composer. What stood there before comes back.
func (s *State) Took(command string) {
	s.Note, s.Offer = Note{}, nil
	s.sent.Add(command)
	s.Editor.Set("")
	if s.Open != nil {
		s.drafting = true
		if text := s.Open.View.Composer.Text; text != command {
			s.Editor.Set(text)
		}
	}
}

// typed tells the room what stands in the composer now, unless it is a command.
func (s *State) typed() []Act {
	s.sent.Leave()
	if s.Open != nil && s.Open.last != nil {
		s.Open.last.edits = false
	}
	_, command := CommandOf(s.Editor.Text())
	if command && s.drafting && s.Open != nil && s.Open.View.Composer.Edits == "" {
		s.drafting = false
		return s.Room(room.Typed{Text: ""})
	}
	s.drafting = !command && s.Open != nil
	if !s.drafting {
		return nil
	}
	return s.Room(room.Typed{Text: s.Editor.Text()})
}

// write puts a text into the composer as the owner's.
func (s *State) write(text string) []Act {
	s.Editor.Set(text)
	return s.typed()
}

// laid takes what was drawn.
func (s *State) laid(l Layout) []Act {
	s.layout = l
	if s.Open == nil || !l.Drawn {
		return nil
	}
	s.Open.Scroll, s.Open.Reveal = 0, false
	if s.Open.laid && sameShown(s.Open.shown, l.Shown) {
		return nil
	}
	s.Open.shown, s.Open.laid = l.Shown, true
	s.layouts++
	return s.Room(l.Shown)
}

func sameShown(a, b room.Shown) bool {
	return a.Moves == b.Moves && a.Row == b.Row && a.Offset == b.Offset && a.AtEnd == b.AtEnd &&
		a.First == b.First && a.Last == b.Last && slices.Equal(a.Whole, b.Whole)
}

// Selected is the message that is selected, or nil.
func (s *State) Selected() *earshotv1.Message {
	if s.Open == nil {
		return nil
	}
	return s.Find(func(m *earshotv1.Message) bool { return m.Id == s.Open.View.Selected })
}

// Find returns the last loaded message of some kind.
func (s *State) Find(is func(*earshotv1.Message) bool) *earshotv1.Message {
	if s.Open == nil {
		return nil
	}
	for _, l := range slices.Backward(s.Open.View.Rows) {
		if is(l.Message) {
			return l.Message
		}
	}
	return nil
}

func Explain(err error) string { return problem.Explain(err).Text }
