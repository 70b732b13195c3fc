package store

import (
	"errors"
	"testing"
)

// A reader that was quick got a cursor of what was just committed, and was told that it is one of
// another directory.
func TestCursorOfWhatWasJustCommitted(t *testing.T) {
	a, _, c := pair(t)
	a.say(c, "hello")
	now := a.Last()
	a.last.Store(now - 1) // as it is between the commit and the answer to who has written
	defer a.last.Store(now)
	if at, err := a.At(a.Cursor(now)); err != nil || at != now {
		t.Errorf("%d, %v", at, err)
	}
	if _, err := a.At(a.Cursor(now + 1)); !errors.Is(err, ErrOtherCursor) {
		t.Errorf("a cursor of the future: %v", err)
	}
}
