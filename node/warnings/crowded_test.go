package warnings

import (
	"slices"
	"testing"
	"time"

	"github.com/earshot-im/earshot/store"
)

// TestStrangersWhoWantTooMuchAreToldOf: the owner is told once while it goes on, sees it for some
// minutes afterwards, and is told anew when it comes again much later.
func TestStrangersWhoWantTooMuchAreToldOf(t *testing.T) {
	s, err := store.Open(store.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	now, told := time.Unix(1_000_000, 0), 0
	w := New(Config{Store: s, Now: func() time.Time { return now }, Tell: func(Warning) { told++ }})
	holds := func() bool {
		t.Helper()
		all, err := w.All()
		if err != nil {
			t.Fatal(err)
		}
		return slices.ContainsFunc(all, func(w Warning) bool { return w.Code == Crowded })
	}
	if holds() {
		t.Error("before it ever was so")
	}
	for again := range 2 {
		for range 3 * 60 {
			w.Crowded()
			now = now.Add(time.Minute)
		}
		if told != again+1 || !holds() {
			t.Errorf("told %d times, holds: %t", told, holds())
		}
		if now = now.Add(crowdedFor); holds() {
			t.Error("it is said for long after it is over")
		}
		now = now.Add(crowdedAgain)
	}
}
