package chat

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/event"
)

// A page of a conversation is what is next to where it begins, whole or as far as an answer has room for it, and no
// more is read.
func TestHistoryReadsNoMoreThanItHasRoomFor(t *testing.T) {
	const n = 1000
	rows := make([]store.Row, n)
	for i := range rows {
		rows[i].ID = event.ID{byte(i >> 8), byte(i)}
	}
	at := func(id *event.ID) int {
		return slices.IndexFunc(rows, func(r store.Row) bool { return r.ID == *id })
	}
	for _, test := range []struct{ bytes, limit, want int }{
		{0, 50, 50}, {0, 250, 250}, {0, 600, 500}, {10_000, 150, 150}, {10_000, 450, 200}, {2000, 450, 450}, {200_000, 450, 100}, {200_000, 3, 3},
	} {
		for i := range rows {
			rows[i].Text = strings.Repeat("x", test.bytes)
		}
		read := 0
		get := func(p store.Page) ([]store.Row, error) {
			if p.Limit > rowsAtOnce {
				t.Errorf("%d rows at once", p.Limit)
			}
			from, to := n-p.Limit, n
			switch {
			case p.Before != nil:
				to = at(p.Before)
				from = to - p.Limit
			case p.After != nil:
				from = at(p.After) + 1
				to = min(n, from+p.Limit)
			}
			from = max(0, from)
			read += to - from
			return slices.Clone(rows[from:to]), nil
		}
		const room = 2_000_000
		for _, page := range []struct {
			what string
			page store.Page
			want []store.Row
		}{
			{"before", store.Page{Before: &rows[500].ID}, rows[500-test.want : 500]},
			{"after", store.Page{After: &rows[499].ID}, rows[500 : 500+test.want]},
			{"newest", store.Page{}, nil},
		} {
			if page.want == nil {
				want := test.want
				if test.limit == 600 {
					want = 600
				}
				page.want = rows[n-want:]
			}
			read, page.page.Limit = 0, test.limit
			got, err := some(page.page, room, get)
			same := slices.EqualFunc(got, page.want, func(x, y store.Row) bool { return x.ID == y.ID })
			if err != nil || !same || read != len(page.want) {
				t.Errorf("%s, up to %d of %d bytes: %d, want %d; %d were read: %v", page.what, test.limit, test.bytes, len(got), len(page.want), read, err)
			}
		}
	}
	full := errors.New("full")
	if _, err := some(store.Page{Limit: 5}, 1, func(store.Page) ([]store.Row, error) { return nil, full }); err != full {
		t.Errorf("%v", err)
	}
}
