package warnings

import (
	"testing"
	"time"
)

// A full disk is told each time that it becomes so, and is among the warnings as long as it is.
func TestFullDiskIsToldEachTime(t *testing.T) {
	told := 0
	w := New(Config{Now: time.Now, Tell: func(Warning) { told++ }})
	for n := range 3 {
		w.Room(false)
		if told != n+1 || w.full.Code != Full || w.full.Since.IsZero() {
			t.Errorf("told %d times, holds %+v", told, w.full)
		}
		w.Room(true)
		if told != n+1 || !w.full.Since.IsZero() {
			t.Errorf("with room again: told %d times, holds %+v", told, w.full)
		}
	}
}
