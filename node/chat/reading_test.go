package chat

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/event"
)

// rows is a part of rows that hold so many bytes each. It gives no more than two.
func rows(bytes int, parts *int) part {
	return func(after uint64, limit int, _ store.Keep) ([]store.Row, uint64, error) {
		*parts++
		all := make([]store.Row, min(limit, 2))
		for i := range all {
			all[i].Text = strings.Repeat("x", bytes/2)
			all[i].Files = []store.File{{Attachment: event.Attachment{Preview: make([]byte, bytes-bytes/2)}}}
		}
		return all, after + uint64(len(all)), nil
	}
}

// A part may stop before the limit, and the next must not go past it. What an answer has no room for is not read.
func TestReadTakesNoMoreThanAsked(t *testing.T) {
	for _, test := range []struct{ bytes, limit, want int }{
		{0, 5, 5}, {100, 5, 5}, {100, 1000, 1000}, {maxRead / 10, 1000, 12}, {maxRead/10 + 1, 1000, 10}, {maxRead/9 + 1, 1000, 10}, {maxRead, 1000, 2},
	} {
		parts, got := 0, 0
		at, err := rows(test.bytes, &parts).each(t.Context(), 7, test.limit, nil, func(rows []store.Row) { got += len(rows) })
		if err != nil || got != test.want || at != 7+uint64(got) {
			t.Errorf("of %d bytes, up to %d: %d rows up to %d, %v; want %d", test.bytes, test.limit, got, at, err, test.want)
		}
	}
	limits := part(func(after uint64, limit int, _ store.Keep) ([]store.Row, uint64, error) {
		if limit > rowsAtOnce {
			t.Errorf("%d rows at once", limit)
		}
		return make([]store.Row, limit), after + uint64(limit), nil
	})
	if _, err := limits.each(t.Context(), 0, 1000, nil, func([]store.Row) {}); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	parts := 0
	if _, err := rows(1, &parts).each(ctx, 0, 5, nil, func([]store.Row) {}); !errors.Is(err, context.Canceled) || parts > 0 {
		t.Errorf("reads %d parts when nobody waits: %v", parts, err)
	}
}
