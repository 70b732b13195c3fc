package reading

import (
	"bufio"
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/earshot-im/earshot/node/localapi"
)

// All places that are reached while the node is being told are one call together.
func TestMarkerTellsOfWhatWaitsAtOnce(t *testing.T) {
	told, next := make(chan []seen), make(chan error)
	m := startMarker(func(all []seen) error { told <- all; return <-next }, func(error) {})
	m.read([]seen{{id: "a"}})
	if got := <-told; len(got) != 1 {
		t.Errorf("the first is told with %v", got)
	}
	for i := range 5 {
		m.read([]seen{{id: strconv.Itoa(i)}})
	}
	next <- nil
	if got := <-told; len(got) != 5 || got[4].id != "4" {
		t.Errorf("then %v", got)
	}
	next <- nil
	if err := m.settle(); err != nil {
		t.Error(err)
	}
	m.read([]seen{{id: "c"}})
	if got := <-told; len(got) != 1 || got[0].id != "c" {
		t.Errorf("after settling %v", got)
	}
	next <- nil
	if err := m.end(); err != nil {
		t.Error(err)
	}
}

// One call tells of no more than the node takes, however much waits.
func TestMarkerTellsInBounds(t *testing.T) {
	told, next := make(chan int), make(chan error)
	m := startMarker(func(all []seen) error { told <- len(all); return <-next }, func(error) {})
	m.read([]seen{{id: "a"}})
	<-told
	for range maxBehind {
		m.read(make([]seen, maxGroup))
	}
	next <- nil
	for left := maxBehind * maxGroup; left > 0; next <- nil {
		n := <-told
		if want := min(left, localapi.MaxPage); n != want {
			t.Errorf("%d at once of %d, want %d", n, left, want)
		}
		left -= n
	}
	if err := m.end(); err != nil {
		t.Error(err)
	}
}

// After an error nothing more is told, and nobody waits.
func TestMarkerStopsAtTheFirstError(t *testing.T) {
	full := errors.New("full")
	calls, failed := 0, 0
	m := startMarker(func([]seen) error { calls++; return full }, func(error) { failed++ })
	for range 5000 {
		m.read([]seen{{id: "a"}})
	}
	if err := m.end(); err != full || calls != 1 || failed != 1 {
		t.Errorf("%v after %d calls, %d failures", err, calls, failed)
	}
}

func TestCursorStaysBeforeWhatIsNotAcknowledged(t *testing.T) {
	var at []string
	a := newAcks(func(l line) { at = append(at, l.id) }, nil)
	for i, id := range []string{"a", "b", "c", "d"} {
		if err := a.expect(t.Context(), line{id, strconv.Itoa(i)}); err != nil {
			t.Fatal(err)
		}
	}
	for _, step := range []struct {
		id    string
		known bool
		at    []string
	}{
		{"c", true, nil},
		{"x", false, nil},
		{"a", true, []string{"a"}},
		{"a", false, []string{"a"}},
		{"b", true, []string{"a", "b", "c"}},
	} {
		if known := a.acknowledge(step.id); known != step.known || !slices.Equal(at, step.at) {
			t.Errorf("%s: %t, the cursor passed %v", step.id, known, at)
		}
	}
	if a.missing() == nil {
		t.Error("nothing is missing")
	}
	a.acknowledge("d")
	if !slices.Equal(at[3:], []string{"d"}) || a.missing() != nil {
		t.Errorf("%v, %v", at, a.missing())
	}
}

// A line that is too long to be read was taken for the end of standard input, which is no error.
func TestAcksThatCannotBeReadAreAnError(t *testing.T) {
	for in, ends := range map[string]bool{"": true, "a\nb": true, strings.Repeat("x", bufio.MaxScanTokenSize) + "\na\n": false} {
		a := newAcks(func(line) {}, nil)
		if err := a.read(strings.NewReader(in), func(string) {}); errors.Is(err, errNoMoreAcks) != ends {
			t.Errorf("%d bytes: %v", len(in), err)
		}
	}
}

// A reader that was not to stay waited for a node that had ended for ever, once it had answered.
func TestOnlyWhoStaysWaitsForTheNode(t *testing.T) {
	client := localapi.Dial(t.TempDir())
	defer client.Close()
	for _, test := range []struct {
		follow, once, ends bool
	}{{false, false, true}, {true, false, false}, {true, true, true}} {
		r := &Reader{Client: client, Name: "bot", Follow: test.follow, Once: test.once}
		feed, err := r.feed(t.Context())
		if err != nil || feed.Once != test.ends {
			t.Errorf("%+v: it ends with the node: %t, %v", test, feed.Once, err)
		}
	}
}
