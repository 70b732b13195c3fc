package chat

import (
	"context"
	"time"

	"github.com/earshot-im/earshot/node/contacts"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/event"
	"github.com/earshot-im/earshot/store/fold"
)

const (
	// tellEvery is how often it is told how far a search is while it finds nothing.
	tellEvery = 250 * time.Millisecond

	// maxMarks is how many marks a found message has at most. One letter may stand in a message ten
	// thousands of times.
	maxMarks = 256
)

// Me as Search.Filter.From means what the owner has written. Nobody else can be called so.
const Me = "me"

// Search says which messages are looked for.
type Search struct {
	Words  string // what fold.Parse takes: all of it must be in the text, or in the names of files, in any order
	Filter Filter
	Since  time.Time // the earliest; zero: any
	Before time.Time // earlier than that; zero: any
	After  *event.ID // only what comes behind this message in the order of what is found
	Limit  int       // at least 1
}

// Found is a message that matches, and where.
type Found struct {
	Message
	Person *contacts.Person // whom With means; nil: a group, or somebody who is not known any more
	Marks  []fold.Range     // parts of Text, ascending, apart from each other: the first maxMarks
}

// SearchBatch is what a search tells at once.
type SearchBatch struct {
	Found []Found // the latest first, and all of them later than those of the next batch
	// Back is how far it was looked: what matches and is not earlier was told. Zero: all was told, if
	// Of is 0.
	Back time.Time
	// Made and Of are set as long as the search is prepared, and nothing was looked for: how far that is,
	// of how far it has to come.
	Made, Of uint64
	More     bool // Limit ends the search here, and there may be more behind the last one found
}

// Search tells the messages that match, the latest first, among those that the owner may read and whose
// authors are not blocked. It ends when Limit are told, when there are no more, with ctx, and if tell
// fails. It tells the next only when tell has returned.
func (m *Messages) Search(ctx context.Context, s Search, tell func(SearchBatch) error) error {
	query, err := fold.Parse(s.Words)
	if err != nil {
		return asOurs(err)
	}
	own := s.Filter.From == Me
	if own {
		s.Filter.From = ""
	}
	shown, err := m.Shown(s.Filter)
	if err != nil {
		return err
	}
	keep := func(of store.Source) bool { return (!own || of.Author == m.self) && shown(of) }
	wanted := store.WantedRows{Query: query, Keep: keep, Since: s.Since, Before: s.Before, After: s.After}
	telling := telling{tell: tell, left: s.Limit, last: time.Now()}
	err = m.cfg.Store.Search(ctx, wanted, func(f store.Found) (more bool, err error) {
		return telling.next(f, func(r *store.Row) Found { return m.found(r, query) })
	})
	return asOurs(err)
}

func (m *Messages) found(r *store.Row, query fold.Query) Found {
	marks := query.Marks(r.Text)
	f := Found{Message: m.message(r), Marks: marks[:min(maxMarks, len(marks))]}
	if them, known := m.cfg.Contacts.With(r.Conversation); known {
		f.Person = &them
	}
	return f
}

// telling makes batches of what the store finds.
type telling struct {
	tell func(SearchBatch) error
	left int       // how many more are wanted
	last time.Time // when it told the last batch
}

// next tells what was found, as many as are wanted. It reports whether to look further.
func (t *telling) next(f store.Found, found func(*store.Row) Found) (more bool, err error) {
	b := SearchBatch{Back: f.Back, Made: f.Made, Of: f.Of}
	rows := f.Rows
	if len(rows) > t.left {
		rows = rows[:t.left]
		b.Back = time.UnixMilli(rows[t.left-1].T + 1) // others may have the T of the last
	}
	for i := range rows {
		b.Found = append(b.Found, found(&rows[i]))
	}
	t.left -= len(rows)
	ended := b.Of == 0 && b.Back.IsZero()
	b.More = t.left == 0 && !ended
	if len(rows) == 0 && !ended && time.Since(t.last) < tellEvery {
		return true, nil
	}
	err = t.tell(b)
	t.last = time.Now()
	return t.left > 0, err
}
