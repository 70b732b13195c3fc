package chat

import (
	"context"
	"errors"
	"testing"

	"github.com/earshot-im/earshot/store"
)

// A part may stop before the limit, and the next must not go past it.
func TestReadTakesNoMoreThanAsked(t *testing.T) {
	parts := 0
	read := part(func(after uint64, limit int, _ store.Keep) ([]store.Row, uint64, error) {
		parts++
		n := min(limit, 2)
		return make([]store.Row, n), after + uint64(n), nil
	})
	rows, at, err := read.all(t.Context(), 7, 5, nil)
	if err != nil || len(rows) != 5 || at != 12 {
		t.Errorf("%d rows up to %d, %v", len(rows), at, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	parts = 0
	if _, _, err := read.all(ctx, 0, 5, nil); !errors.Is(err, context.Canceled) || parts > 0 {
		t.Errorf("reads %d parts when nobody waits: %v", parts, err)
	}
}
