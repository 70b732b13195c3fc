package membership

import (
	"errors"
	"strings"

	"github.com/earshot-im/earshot/node/authority"
)

// Why something that the owner asked for can't be done, and what they can do instead.
var (
	// ErrNotPermitted: the owner's role does not allow it.
	ErrNotPermitted = errors.New("your role in the group does not allow that")
	// ErrGroupFull: the group has had as many changes, or has as many members, as it can. Make a
	// new one.
	ErrGroupFull = errors.New("the group can take no more changes")
)

// InviteError: these could not be invited, so nobody was. Correct or leave out those who are named.
type InviteError struct{ Failed []error }

func (e *InviteError) Error() string {
	const most = 8 // of those whom a line can name
	var why []string
	for _, err := range e.Failed[:min(len(e.Failed), most)] {
		why = append(why, err.Error())
	}
	if len(e.Failed) > most {
		why = append(why, "and more")
	}
	return "nobody was invited: " + strings.Join(why, "; ")
}

func (e *InviteError) Unwrap() []error { return e.Failed }

// asOurs replaces an error of package authority by the one that this package documents for it.
func asOurs(err error) error {
	switch {
	case errors.Is(err, authority.ErrNotPermitted):
		return ErrNotPermitted
	case errors.Is(err, authority.ErrFull):
		return ErrGroupFull
	}
	return err
}
