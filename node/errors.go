package node

import (
	"errors"
	"fmt"
	"strings"
)

// What a caller asked for can't be done; each says what to do instead.
var (
	// ErrText: the text is not valid UTF-8. Send valid text.
	ErrText = errors.New("text is not valid UTF-8")
	// ErrEmpty: there is no text to send.
	ErrEmpty = errors.New("there is no text to send")
	// ErrTooLong: the text is over event.MaxText bytes. Split it.
	ErrTooLong = errors.New("text is over 64 KiB")
	// ErrKeyUsed: this key already sent another text to this conversation. Use a fresh key.
	ErrKeyUsed = errors.New("this key was used for another text")
	// ErrAcknowledged: the message has reached somebody's disk and can't be taken back.
	ErrAcknowledged = errors.New("the message has already been delivered")
	// ErrUndelivered: the message goes to nobody any more, since the owner is out of the group.
	ErrUndelivered = errors.New("the message will not be delivered: you are not in the group any more")
	// ErrNoMessage: no message has this ID here.
	ErrNoMessage = errors.New("no such message")
	// ErrBlocked: the person is blocked. Unblock first.
	ErrBlocked = errors.New("this person is blocked")
	// ErrWords: the words given are not the safety words. Somebody may be between you.
	ErrWords = errors.New("the words do not match")
	// ErrSelf: you can't do this to yourself.
	ErrSelf = errors.New("that is you")
	// ErrSetting: the value is not one of those allowed.
	ErrSetting = errors.New("no such setting")
	// ErrNotMember: the owner is not in the group any more, or the person isn't.
	ErrNotMember = errors.New("not a member of the group")
	// ErrNotPermitted: the owner's role does not allow it.
	ErrNotPermitted = errors.New("your role in the group does not allow that")
	// ErrMember: the person is in the group already.
	ErrMember = errors.New("already a member of the group")
	// ErrGroup: a group was meant and a person named, or the other way round.
	ErrGroup = errors.New("that is not a group")
	// ErrGroupFull: the group has had as many changes, or has as many members, as it can. Make a new one.
	ErrGroupFull = errors.New("the group can take no more changes")
	// ErrNotYours: only its author can do that to a message.
	ErrNotYours = errors.New("that is somebody else's message")
	// ErrRecalled: the words of the message were taken back.
	ErrRecalled = errors.New("the message was taken back")
	// ErrTooLate: everybody keeps a message that was not recalled at once.
	ErrTooLate = errors.New("a message can be recalled for two minutes")
	// ErrEmoji: a reaction is a short text without spaces.
	ErrEmoji = errors.New("that is no reaction")
	// ErrAddress: a listen or peer address can't be used.
	ErrAddress = errors.New("address can't be used")
)

// UnknownError: no person or group fits Who.
type UnknownError struct{ Who string }

func (e *UnknownError) Error() string { return fmt.Sprintf("no such person or group: %q", e.Who) }

// AmbiguousError: Who fits all Candidates equally well. Ask with an ID.
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

// NameTakenError: Name means somebody else already, or a group. Give a petname.
type NameTakenError struct {
	Name  string
	By    *Person
	Group *Group // where By is nil
}

func (e *NameTakenError) Error() string { return fmt.Sprintf("the name %q is taken", e.Name) }
