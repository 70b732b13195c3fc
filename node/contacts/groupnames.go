package contacts

import (
	gosync "sync"

	"github.com/earshot-im/earshot/node/phonebook"
	"github.com/earshot-im/earshot/store/event"
)

// Free returns a *NameTakenError if the owner's choices already give a name to a person, or to
// another group than this one. If this group took the name as well, the name would mean neither.
func (n *Names) Free(name string, group event.Conversation) error {
	return n.takenBut(name, phonebook.ByContact, func(m phonebook.Meant) bool { return m.Person == nil && m.Group == group })
}

// GroupName returns the name that members gave a group, or "" if no name can be like that. The
// program of the member who gave it may allow more.
func (n *Names) GroupName(given string) string { return n.keys.Claim(given) }

// lookAlikes remembers which groups have a name that looks like another's, until one of them
// changes: a row of a message says so, and to find it out takes a look at all groups.
type lookAlikes struct {
	mu      gosync.Mutex
	groups  map[event.Conversation]bool // nil: not known
	changes int
}

// GroupChanged takes in that a group is new or may have another name.
func (n *Names) GroupChanged() {
	n.alike.mu.Lock()
	defer n.alike.mu.Unlock()
	n.alike.groups = nil
	n.alike.changes++
}

// Alike says whether another group that is known here has a name that looks like this one's.
func (n *Names) Alike(c event.Conversation) bool {
	n.alike.mu.Lock()
	groups, changes := n.alike.groups, n.alike.changes
	n.alike.mu.Unlock()
	if groups == nil {
		groups = n.lookAlikes()
		n.alike.mu.Lock()
		if n.alike.changes == changes {
			n.alike.groups = groups
		}
		n.alike.mu.Unlock()
	}
	return groups[c]
}

func (n *Names) lookAlikes() map[event.Conversation]bool {
	by := make(map[string][]event.Conversation)
	for _, c := range n.cfg.Groups.All() {
		if state, err := n.cfg.Groups.State(c); err == nil {
			key := n.keys.Key(n.GroupName(state.Name))
			by[key] = append(by[key], c)
		}
	}
	alike := make(map[event.Conversation]bool)
	for _, groups := range by {
		for _, c := range groups {
			alike[c] = len(groups) > 1
		}
	}
	return alike
}
