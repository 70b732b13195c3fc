package contacts

import (
	"errors"
	"fmt"
	"strings"
)

// Why something that the owner asked for can't be done, and what they can do instead.
var (
	// ErrSelf: the owner can't do this to themselves.
	ErrSelf = errors.New("that is you")
	// ErrBlocked: the person is blocked. Unblock first.
	ErrBlocked = errors.New("this person is blocked")
	// ErrNotContact: the person is no contact, so they can't be replaced or removed as one.
	ErrNotContact = errors.New("this person is not a contact")
	// ErrContact: the person is a contact, so this can't be done to them. Remove them first.
	ErrContact = errors.New("this person is a contact")
	// ErrSamePerson: a person can't take their own place.
	ErrSamePerson = errors.New("that is one and the same person")
	// ErrWords: the words given are not the safety words. Somebody may be between you.
	ErrWords = errors.New("the words do not match")
	// ErrNotMember: the owner is not in the group any more, or the person isn't.
	ErrNotMember = errors.New("not a member of the group")
)

// AmbiguousError: Who fits all Candidates and Groups equally well. Ask with an ID.
type AmbiguousError struct {
	Who        string
	Candidates []Person
	Groups     []Group
}

func (e *AmbiguousError) Error() string {
	var fits []string
	if n := len(e.Candidates); n > 0 {
		fits = append(fits, count(n, "person"))
	}
	if n := len(e.Groups); n > 0 {
		fits = append(fits, count(n, "group"))
	}
	return fmt.Sprintf("%q fits %s", e.Who, strings.Join(fits, " and "))
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// RenamedError: contacts call themselves Who, and the owner knows them by another name, or has no
// name for them. Use that name or the ID.
type RenamedError struct {
	Who     string
	Persons []Person
}

func (e *RenamedError) Error() string {
	switch first := &e.Persons[0]; {
	case len(e.Persons) > 1:
		return fmt.Sprintf("%q is what %d contacts call themselves, whom you know by other names", e.Who, len(e.Persons))
	case first.KnownAs() == "":
		return fmt.Sprintf("%q is what a contact calls themselves, whom you know only by ID", e.Who)
	default:
		return fmt.Sprintf("%q is known here as %q", e.Who, first.KnownAs())
	}
}

// NameTakenError: Name means somebody else already, or a group. Give a petname, or a group another
// name.
type NameTakenError struct {
	Name  string
	By    *Person
	Group *Group // where By is nil
}

func (e *NameTakenError) Error() string { return fmt.Sprintf("the name %q is taken", e.Name) }
