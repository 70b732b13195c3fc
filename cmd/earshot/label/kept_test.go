package label

import (
	"fmt"
	"strings"
	"testing"

	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// What is remembered of names is bounded, in their number and each in its length, and nothing else than was shown
// at first.
func TestKeptNamesAreBounded(t *testing.T) {
	var k memory
	asked := 0
	show := func(most int, name string) string { asked++; return fmt.Sprint(most, name) }
	for i := range maxKept + 1 {
		name := fmt.Sprint("Bob ", i)
		for _, most := range []int{Whole, 10, 10, Whole} {
			if got, want := k.get(most, name, show), fmt.Sprint(most, name); got != want {
				t.Fatalf("%q, want %q", got, want)
			}
		}
		if len(k.shown) > maxKept {
			t.Fatalf("%d are remembered", len(k.shown))
		}
	}
	if want := 2 * (maxKept + 1); asked != want {
		t.Errorf("%d were judged, want %d", asked, want)
	}
	k, asked = memory{}, 0
	for _, bytes := range []int{maxKeptBytes, maxKeptBytes + 1} {
		k.get(Whole, strings.Repeat("x", bytes), show)
	}
	if len(k.shown) != 1 || asked != 2 {
		t.Errorf("%d are remembered, and %d were judged", len(k.shown), asked)
	}
}

func BenchmarkWho(b *testing.B) {
	p := &earshotv1.Person{Person: strings.Repeat("0123456789abcdef", 4), Name: "Bob Ó Briain", Pinned: "Bob Ó Briain", KnownAs: "Bob Ó Briain", Contact: true}
	for b.Loop() {
		Who(p)
	}
}
