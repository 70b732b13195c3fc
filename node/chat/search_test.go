package chat

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/earshot-im/earshot/store"
)

// Batches are cut at the limit, and what was found is told at once.
func TestSearchEndsAtLimit(t *testing.T) {
	back := time.UnixMilli(500)
	rows := func(ts ...int64) (rows []store.Row) {
		for _, t := range ts {
			rows = append(rows, store.Row{T: t})
		}
		return rows
	}
	type result struct {
		found int
		back  int64
		more  bool
	}
	for _, test := range []struct {
		name  string
		limit int
		found []store.Found
		want  []result
	}{
		{"all", 5, []store.Found{{Rows: rows(900, 800), Back: back}, {Rows: rows(400)}}, []result{{2, 500, false}, {1, 0, false}}},
		{"nothing", 5, []store.Found{{}}, []result{{0, 0, false}}},
		{"the limit, and some are left", 3, []store.Found{{Rows: rows(900, 800), Back: back}, {Rows: rows(400, 300)}}, []result{{2, 500, false}, {1, 401, true}}},
		{"the limit, and some may be left", 2, []store.Found{{Rows: rows(900, 800), Back: back}}, []result{{2, 500, true}}},
		{"the limit, and none are left", 2, []store.Found{{Rows: rows(900, 800)}}, []result{{2, 0, false}}},
		{"two of one time", 1, []store.Found{{Rows: rows(900, 900), Back: back}}, []result{{1, 901, true}}},
	} {
		var got []result
		telling := telling{left: test.limit, last: time.Now(), tell: func(b SearchBatch) error {
			r := result{found: len(b.Found), more: b.More}
			if !b.Back.IsZero() {
				r.back = b.Back.UnixMilli()
			}
			got = append(got, r)
			return nil
		}}
		for i, f := range test.found {
			more, err := telling.next(f, func(r *store.Row) Found { return Found{Message: Message{T: r.T}} })
			if last := i == len(test.want)-1; err != nil || !more && !last || more && last && got[i].more {
				t.Errorf("%s: after %d: more %t, %v", test.name, i, more, err)
			}
			if !more {
				break
			}
		}
		if len(got) != len(test.want) {
			t.Fatalf("%s: told %v, want %v", test.name, got, test.want)
		}
		for i := range got {
			if got[i] != test.want[i] {
				t.Errorf("%s: told %v, want %v", test.name, got, test.want)
			}
		}
	}
	failed := errors.New("nobody listens")
	telling := telling{left: 5, tell: func(SearchBatch) error { return failed }}
	if _, err := telling.next(store.Found{Rows: rows(1)}, func(*store.Row) Found { return Found{} }); err != failed {
		t.Errorf("error %v", err)
	}
}

// A store that goes through a million messages tells every step; a caller is told a few times a second.
func TestSearchTellsNowAndThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []SearchBatch
		telling := telling{left: 5, last: time.Now(), tell: func(b SearchBatch) error { told = append(told, b); return nil }}
		found := func(*store.Row) Found { return Found{} }
		for i := range int64(1000) {
			time.Sleep(time.Millisecond)
			f := store.Found{Back: time.UnixMilli(10_000 - i)}
			if i < 300 {
				f = store.Found{Made: uint64(i), Of: 300}
			}
			if more, err := telling.next(f, found); err != nil || !more {
				t.Fatalf("more %t, %v", more, err)
			}
		}
		if len(told) < 3 || len(told) > 4 || told[0].Of != 300 || told[2].Of != 0 {
			t.Errorf("told %v", told)
		}
		if more, err := telling.next(store.Found{}, found); err != nil || !more || !told[len(told)-1].Back.IsZero() {
			t.Errorf("the end is not told: %v", told)
		}
	})
}
