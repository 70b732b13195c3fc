package authority

import "errors"

var (
	// ErrParent says that an event which is named as parent or head is not here. Come again when it is.
	ErrParent = errors.New("builds on control events that are not here")

	// ErrNotPermitted says that somebody did what they might not by what they had seen. It is for good: pass it by.
	ErrNotPermitted = errors.New("not permitted in the group")

	// ErrCut says that an entry stands in a log of theirs beyond where their removal or leave ended it. Refuse it, for as
	// long as that counts.
	ErrCut = errors.New("beyond the cut of a removal")

	// ErrFull says that the group can take no more control events, or none by people of their role. Tell the user.
	ErrFull = errors.New("too many control events in the group")
)
