package chat

import (
	"context"
	"errors"
	"testing"

	"github.com/earshot-im/earshot/node/groups"
	"github.com/earshot-im/earshot/node/notify"
	"github.com/earshot-im/earshot/node/people"
	"github.com/earshot-im/earshot/store"
)

// A part may stop before the limit, and the next must not go past it.
func TestReadTakesNoMoreThanAsked(t *testing.T) {
	m := &Messages{cfg: Config{People: people.New(people.Config{}), Groups: groups.New(groups.Config{}), Owner: &people.Owner{},
		Revealed: notify.NewCounter(0)}}
	parts := 0
	part := func(after uint64, limit int, _ store.Keep) ([]store.Row, uint64, error) {
		parts++
		n := min(limit, 2)
		return make([]store.Row, n), after + uint64(n), nil
	}
	page, err := m.read(t.Context(), 7, Filter{}, 5, part)
	if err != nil || len(page.Messages) != 5 || page.Cursor != 12 {
		t.Errorf("%d messages up to %d, %v", len(page.Messages), page.Cursor, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	parts = 0
	if _, err := m.read(ctx, 0, Filter{}, 5, part); !errors.Is(err, context.Canceled) || parts > 0 {
		t.Errorf("reads %d parts when nobody waits: %v", parts, err)
	}
}
