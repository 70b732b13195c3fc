package authority

import (
	"errors"
	"fmt"
)

var (
	// ErrParent says that an event which is named as a parent or head is not here. Try again when
	// it is.
	ErrParent = errors.New("builds on control events that are not here")

	// ErrNotPermitted says that the author of an event was not permitted to write it, by the events
	// that they knew. That never changes: leave the event out.
	ErrNotPermitted = errors.New("not permitted in the group")

	// ErrCut says that an event stands in a log beyond the end that its author's removal or leave
	// set. Refuse it as long as that removal or leave counts.
	ErrCut = errors.New("beyond the cut of a removal")

	// ErrFull says that there is no room here for more control events of the group, or for more by
	// people of this role. Others may have room for the event. Tell the user.
	ErrFull = errors.New("too many control events in the group")

	// ErrDear says that it costs too much to judge the event here. It is an ErrFull as well.
	ErrDear = fmt.Errorf("%w: it is too dear to judge one more", ErrFull)
)
