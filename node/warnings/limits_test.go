package warnings

import (
	"testing"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/people"
	"github.com/earshot-im/earshot/store/event"
)

func person(n byte) (p people.Person) { p.ID = crypto.PersonID{n}; return p }

// The owner is told of each person at their limit, and of each conversation, once as long as it lasts and
// where there is room for minutes only. The warning holds until there is room.
func TestEachAtTheirLimitIsToldOnce(t *testing.T) {
	now, told := time.Unix(1000, 0), []Warning(nil)
	w := New(Config{Now: func() time.Time { return now }, Tell: func(w Warning) { told = append(told, w) }})
	direct, group := event.Conversation{1}, event.Conversation{2}
	for range 3 {
		w.Limited(person(1), direct, false, "")
		w.Limited(person(1), group, true, "lunch")
		w.Limited(person(2), group, true, "lunch")
		now = now.Add(24 * time.Hour)
	}
	if len(told) != 3 || told[1].Code != Limit || told[1].Person.ID[0] != 1 || told[1].Detail != "lunch" || told[1].Conversation != group || !told[1].InGroup {
		t.Fatalf("told %+v", told)
	}
	if holds := w.limits.now(); len(holds) != 3 || !holds[0].Since.Equal(now.Add(-24*time.Hour)) {
		t.Errorf("holds %+v", holds)
	}
	w.Freed(person(1), group)
	if holds := w.limits.now(); len(holds) != 2 {
		t.Errorf("with room for one: %+v", holds)
	}
	now = now.Add(fullAgain - 1)
	w.Limited(person(1), group, true, "lunch")
	if len(told) != 3 || len(w.limits.now()) != 3 {
		t.Errorf("after minutes with room: told %d times, %d hold", len(told), len(w.limits.now()))
	}
	w.Freed(person(1), group)
	now = now.Add(fullAgain)
	w.Limited(person(1), group, true, "lunch")
	if len(told) != 4 {
		t.Errorf("told %d times", len(told))
	}
}

// So many at once are kept, those who were seen last. More than that were told again and again, each in
// turn.
func TestLimitsAreBounded(t *testing.T) {
	now, told := time.Unix(1000, 0), 0
	w := New(Config{Now: func() time.Time { return now }, Tell: func(Warning) { told++ }})
	for range 3 {
		for n := range byte(maxLimits + 1) {
			w.Limited(person(n), event.Conversation{}, false, "")
			now = now.Add(time.Hour)
		}
	}
	if holds := w.limits.now(); len(holds) != maxLimits || holds[0].Person.ID[0] != 1 || told != maxLimits {
		t.Errorf("%d hold, told %d times", len(holds), told)
	}
	w.Freed(person(2), event.Conversation{}) // in the middle of the list
	w.Limited(person(100), event.Conversation{}, false, "")
	if holds := w.limits.now(); len(holds) != maxLimits || holds[0].Person.ID[0] != 1 || told != maxLimits+1 {
		t.Errorf("in place of somebody with room: %d hold, told %d times", len(holds), told)
	}
}
