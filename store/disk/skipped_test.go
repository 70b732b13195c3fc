package disk

import (
	"fmt"
	"testing"
)

// What is left out is told once, and what is remembered of that is bounded.
func TestSkipped(t *testing.T) {
	var s Skipped
	for i := range 2*maxSkipped + 1 {
		key := []byte(fmt.Sprint(i))
		if !s.Add(key) || s.Add(key) || len(s.told) > maxSkipped {
			t.Fatalf("row %d of %d", i, len(s.told))
		}
	}
}
