package warnings

import (
	"testing"
	"time"
)

// A full disk is told each time that it becomes so, and is among the warnings as long as it is. Where
// there only seems to be room now and then, it is not told each time.
func TestFullDiskIsToldEachTime(t *testing.T) {
	now, told := time.Unix(1000, 0), 0
	w := New(Config{Now: func() time.Time { return now }, Tell: func(Warning) { told++ }})
	for n := range 3 {
		for range 3 {
			w.Room(false)
			if told != n+1 || w.full.Code != Full || !w.full.Since.Equal(now) {
				t.Errorf("told %d times, holds %+v", told, w.full)
			}
			w.Room(true)
			if told != n+1 || !w.full.Since.IsZero() {
				t.Errorf("with room again: told %d times, holds %+v", told, w.full)
			}
			now = now.Add(time.Minute)
		}
		now = now.Add(fullAgain - time.Minute)
	}
}
