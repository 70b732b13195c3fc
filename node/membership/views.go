package membership

import (
	"time"

	"github.com/earshot-im/earshot/node/contacts"
)

// Roles in a group.
const (
	RoleMember = "member"
	RoleAdmin  = "admin"
	RoleOwner  = "owner"
)

// Member is a person in a group.
type Member struct {
	contacts.Person
	Role   string
	Joined time.Time
	Self   bool // the owner
}

// Invitation is what came of an invitation to a group.
type Invitation struct {
	Group   contacts.Group
	Invited []contacts.Person
	Already []contacts.Person // who were in before
}
