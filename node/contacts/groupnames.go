package contacts

import (
	"github.com/earshot-im/earshot/node/phonebook"
	"github.com/earshot-im/earshot/store/event"
)

// Free returns a *NameTakenError if the owner's choices already give a name to a person, or to
// another group than this one. If this group took the name as well, the name would mean neither.
func (n *Names) Free(name string, group event.Conversation) error {
	return n.takenBut(name, phonebook.ByContact, func(m phonebook.Meant) bool { return m.Person == nil && m.Group == group })
}
