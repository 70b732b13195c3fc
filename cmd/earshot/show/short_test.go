package show

import (
	"fmt"
	"strings"
	"testing"
)

// IDs that begin alike are told apart, as long as it may be that both stand on the screen.
func TestShortIDs(t *testing.T) {
	s := new(IDs)
	a, b, c := strings.Repeat("ab", 32), strings.Repeat("ab", 20)+strings.Repeat("0", 24), strings.Repeat("c", 64)
	for i, test := range []struct{ id, want string }{{a, a[:8]}, {a, a[:8]}, {b, b[:41]}, {c, c[:8]}, {b, b[:8]}, {a, a[:41]}, {"", ""}, {"abc", "abc"}} {
		if got := s.Short(test.id); got != test.want {
			t.Errorf("%d: %s, want %s", i, got, test.want)
		}
	}
	for i := range 2 * maxShort {
		s.Short(fmt.Sprintf("%08x%056x", i, 0))
	}
	if len(s.printed) > maxShort {
		t.Errorf("%d IDs are remembered", len(s.printed))
	}
	if got := (*IDs)(nil).Short(a); got != a[:8] {
		t.Errorf("without memory: %s", got)
	}
}
