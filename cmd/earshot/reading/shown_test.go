package reading

import (
	"fmt"
	"slices"
	"testing"

	"github.com/earshot-im/earshot/cmd/earshot/show"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

func said(id, text string, reactions ...string) *earshotv1.Message {
	m := &earshotv1.Message{Id: id, Kind: "text", Text: text}
	if text == "" {
		m.Kind = "recalled"
	}
	for i, r := range reactions {
		m.Reactions = append(m.Reactions, &earshotv1.Reaction{Emoji: r, From: &earshotv1.Author{Person: fmt.Sprint(i)}})
	}
	return m
}

// become returns what is told of a message that is this one now.
func (s *shown) become(t *testing.T, m *earshotv1.Message) (all []show.Change) {
	t.Helper()
	if err := s.changed(m, func(c show.Change) error { all = append(all, c); return nil }); err != nil {
		t.Fatal(err)
	}
	return all
}

// prints prints a message, and reports whether it has changed since.
func (s *shown) prints(t *testing.T, m *earshotv1.Message) (late bool) {
	t.Helper()
	changed, n, err := s.printed([]*earshotv1.Message{m}, func() (int, error) { return 1, nil })
	if n != 1 || err != nil || len(changed) > 0 && changed[0] != m.Id {
		t.Fatalf("%v of %d printed have changed: %v", changed, n, err)
	}
	return len(changed) > 0
}

// What becomes of a message is told once, if it was printed, and if people would see it.
func TestWhatBecomesOfShown(t *testing.T) {
	s := newShown(false)
	if s.prints(t, said("a", "one")) {
		t.Error("it is said to have changed before")
	}
	for i, test := range []struct {
		now  *earshotv1.Message
		want []show.Change
	}{
		{said("a", "one"), nil}, // it was read, say
		{said("b", "other"), nil},
		{said("a", "two"), []show.Change{show.Edited}},
		{said("a", "two"), nil},
		{said("a", "two", "+1"), []show.Change{show.Reacted}},
		{said("a", "two", "+1", "+1"), []show.Change{show.Reacted}},
		{said("a", "three", "+1"), []show.Change{show.Edited, show.Reacted}},
		{said("a", "three"), []show.Change{show.Reacted}},
		{said("a", ""), []show.Change{show.Recalled}},
		{said("a", ""), nil},
	} {
		if got := s.become(t, test.now); !slices.Equal(got, test.want) {
			t.Errorf("%d: %v, want %v", i, got, test.want)
		}
	}
	if s.prints(t, said("b", "other")) {
		t.Error("it is said to have changed since it was read")
	}
}

// What changes beside the reading is not lost if that comes to the message later.
func TestChangeBeforeItIsShown(t *testing.T) {
	s := newShown(true)
	s.become(t, said("a", "two"))
	if !s.prints(t, said("a", "one")) {
		t.Error("it has changed, and nobody looks")
	}
	if s.prints(t, said("a", "one")) {
		t.Error("it is looked for twice")
	}
	if got := s.become(t, said("a", "two")); !slices.Equal(got, []show.Change{show.Edited}) {
		t.Errorf("told %v", got)
	}
	if s.become(t, &earshotv1.Message{Id: "mine", Own: true}); len(s.last) != 1 {
		t.Error("own messages are remembered, which nothing prints")
	}
}

// What is remembered is bounded, and the earliest goes first.
func TestShownIsBounded(t *testing.T) {
	s := newShown(false)
	for i := range maxShown + 2 {
		s.prints(t, said(fmt.Sprint(i), "x"))
	}
	if len(s.last) != maxShown || len(s.order) != maxShown {
		t.Errorf("%d are remembered, in an order of %d", len(s.last), len(s.order))
	}
	for id, want := range map[string]int{"1": 0, "2": 1} {
		if got := s.become(t, said(id, "y")); len(got) != want {
			t.Errorf("%s: %v", id, got)
		}
	}
}
