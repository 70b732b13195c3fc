package screen

import (
	"github.com/earshot-im/earshot/cmd/earshot/room"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// last is what the owner has sent last, until its row is there.
type last struct {
	text  string // as it stood in the composer
	id    string // "" until the node has it
	edits bool   // it is to be edited as soon as its row is there
}

// EditLast begins to edit the owner's last message that is loaded, or what was just sent, once it is there.
func (s *State) EditLast() []Act {
	if s.Open != nil && s.Open.last != nil {
		s.Open.last.edits = true
		return nil
	}
	m := s.Find(func(m *earshotv1.Message) bool { return m.Own && m.Kind == "text" })
	if m == nil {
		return nil
	}
	return s.Room(room.BeginEdit{ID: m.Id})
}

// sendsAsIs reports whether the composer has nothing but what is just being sent.
func (s *State) sendsAsIs() bool {
	l := s.Open.last
	return l != nil && l.id == "" && l.text == s.Editor.Text()
}

// arrive forgets what was sent last once its row is there, and edits it if that is wanted.
func (s *State) arrive() []Act {
	l := s.Open.last
	if l == nil || l.id == "" || s.Find(func(m *earshotv1.Message) bool { return m.Id == l.id }) == nil {
		return nil
	}
	s.Open.last = nil
	if !l.edits {
		return nil
	}
	return s.Room(room.BeginEdit{ID: l.id})
}
