package reading

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

var errFull = errors.New("full")

// sink notes what each call writes, and fails when room is used up.
type sink struct {
	writes []string
	room   int
}

func (s *sink) Write(b []byte) (int, error) {
	n := min(len(b), s.room)
	s.room -= n
	s.writes = append(s.writes, string(b[:n]))
	if n < len(b) {
		return n, errFull
	}
	return n, nil
}

func (s *sink) all() string { return strings.Join(s.writes, "") }

// many are messages of all sizes, and more short ones than a group may have.
func many() (all []*earshotv1.Message) {
	for i, size := range slices.Concat(slices.Repeat([]int{1}, 2*maxGroup), []int{maxWrite, 10, maxWrite - 70, 300, 3 * maxWrite, 5, 5}) {
		all = append(all, said(fmt.Sprintf("%08x", i), strings.Repeat("x", size)))
	}
	return all
}

// Rows are those that are printed one by one. A call writes several, in bounds, and none is left.
func TestRowsAreWrittenInGroups(t *testing.T) {
	all := many()
	var want bytes.Buffer
	for _, m := range all {
		if err := new(Reader).Out.Message(&want, m); err != nil {
			t.Fatal(err)
		}
	}
	s := &sink{room: want.Len()}
	var done []*earshotv1.Message
	r := &Reader{Stdout: s}
	err := r.print(t.Context(), all, func(group []*earshotv1.Message) {
		done = append(done, group...)
		if rows := strings.Count(s.all(), "\n"); rows != len(done) {
			t.Errorf("%d are done of %d that were written", len(done), rows)
		}
	})
	if err != nil || s.all() != want.String() || !slices.Equal(done, all) || r.printed != uint32(len(all)) {
		t.Errorf("%v; %d are done and %d counted, want %d; %d bytes, want %d", err, len(done), r.printed, len(all), len(s.all()), want.Len())
	}
	for i, w := range s.writes {
		if rows := strings.Count(w, "\n"); rows > maxGroup || rows > 1 && len(w) > maxWrite {
			t.Errorf("call %d writes %d rows in %d bytes", i, rows, len(w))
		}
	}
	if len(s.writes) > 8 {
		t.Errorf("%d calls", len(s.writes))
	}
}

// Where the output takes a part of what is written, the rows count that are whole there, and no other.
func TestWhatIsCutOffIsNotDone(t *testing.T) {
	all := many()[:5]
	for room := range 5 * 60 {
		s := &sink{room: room}
		done := 0
		r := &Reader{Stdout: s, Follow: room%2 == 0, shown: newShown(false)}
		err := r.print(t.Context(), all, func(group []*earshotv1.Message) { done += len(group) })
		whole := strings.Count(s.all(), "\n")
		if done != whole || r.printed != uint32(done) || (err == nil) != (done == len(all)) {
			t.Fatalf("with room for %d bytes %d are done and %d counted of %d that are whole: %v", room, done, r.printed, whole, err)
		}
		if r.Follow && len(r.shown.last) != whole {
			t.Fatalf("%d are remembered of %d that are whole", len(r.shown.last), whole)
		}
	}
}

func BenchmarkPrint(b *testing.B) {
	all := slices.Repeat([]*earshotv1.Message{said(strings.Repeat("0123456789abcdef", 4), strings.Repeat("word ", 16))}, 1000)
	r := &Reader{Stdout: new(bytes.Buffer)}
	for b.Loop() {
		r.Stdout.(*bytes.Buffer).Reset()
		if err := r.print(b.Context(), all, func([]*earshotv1.Message) {}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*float64(len(all))/b.Elapsed().Seconds(), "rows/s")
}
