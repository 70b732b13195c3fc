package journal

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

// What was wrong once.

// TestSkipLeavesWhatShows: a batch that is skipped after a turn leaves the file that shows up to where the
// journal went. Before, the next record overwrote it: once that was torn by a crash, the database knew of a
// batch that no file had.
func TestSkipLeavesWhatShows(t *testing.T) {
	m, j := create(t, 300)
	one := add(t, j, "one")
	j.Turn() // and a checkpoint
	j.Skip(Link{2, Sum{2}})
	skipped := Last{Link{2, Sum{2}}, one.Number}
	file := Names[j.Active()]
	three := add(t, j, "three")
	replays(t, m, skipped, three)

	m.content[file][three.end-1]++ // torn
	replays(t, m, skipped)
	j.Skip(Link{4, Sum{4}}) // with a record in the file
	if j.Active() != 0 {
		t.Fatal("the next record goes into the file that was written last")
	}
}

// TestWipeMayBreak: a crash may leave any part of a file that is overwritten with zeros. Before, what stood
// behind a part that was overwritten was taken for damage.
func TestWipeMayBreak(t *testing.T) {
	const size = 400
	m, j := create(t, size)
	var all []batch
	for range 5 {
		all = append(all, add(t, j, "0123456789"))
	}
	j.Turn()
	has := Last{Link: all[4].Link} // that says of none that it is journaled
	whole := newMemory(m.content[Names[0]], m.content[Names[1]])
	six := add(t, j, "six")
	const sector = 50
	for part := range 1 << (size / sector) {
		for _, next := range [][]batch{nil, {six}} {
			broken := newMemory(whole.content[Names[0]], m.content[Names[1]])
			if next == nil {
				broken.content[Names[1]] = make([]byte, size)
			}
			for i := range size / sector {
				if part>>i&1 > 0 {
					clear(broken.content[Names[0]][i*sector:][:sector])
				}
			}
			replays(t, broken, has, next...)
			if j, _, err := reopen(broken, has); err != nil {
				t.Fatal(err)
			} else {
				replays(t, broken, has, append(slices.Clone(next), add(t, j, "more"))...)
			}
		}
	}
}

// TestDamageBeforeTheDatabase: a record that the database has is altered, and one that it doesn't have stands
// behind it. Before, that one was lost without a word where the first of the file was altered, and no batch
// known to be journaled.
func TestDamageBeforeTheDatabase(t *testing.T) {
	m, j := create(t, 400)
	var all []batch
	for range 4 {
		all = append(all, add(t, j, "0123456789"))
	}
	has := Last{Link: all[2].Link}
	for i, b := range all[:3] {
		for _, at := range []int64{b.at, b.end - 1} {
			broken := newMemory(m.content[Names[0]], m.content[Names[1]])
			broken.content[Names[0]][at]++
			if says := refuses(t, broken, has); !strings.Contains(says, Names[0]) {
				t.Errorf("record %d: %s", i, says)
			}
		}
	}
}

// TestWhatIsReplayedIsDurable: a record that was written and not synced, when its writer was ended, can be
// read. Before, it was only durable with the next one in the same file.
func TestWhatIsReplayedIsDurable(t *testing.T) {
	m, j := create(t, 300)
	one, two := add(t, j, "one"), add(t, j, "two")
	opened := func(has Last, want ...string) {
		t.Helper()
		n := len(m.done)
		replays(t, m, has, []batch{one, two}[has.Number:]...)
		if got := m.since(n, "write", "sync"); !slices.Equal(got, want) {
			t.Errorf("has %d: %q, want %q", has.Number, got, want)
		}
	}
	opened(Last{}, "write journal.0 47 47", "sync journal.0")
	opened(Last{Link: one.Link}, "write journal.0 47 47", "sync journal.0")
	opened(Last{Link: two.Link}) // the database has it

	for _, op := range []string{"write", "sync", "read journal.0 47"} {
		m.fail = func(does string) error {
			if strings.HasPrefix(does, op) {
				return errTest
			}
			return nil
		}
		if j, got, err := reopen(m, Last{}); !errors.Is(err, errTest) || j != nil || len(got) > 0 {
			t.Errorf("%s fails: %v, replays %v", op, err, numbers(got))
		}
	}
}

// TestMissingFile: before, that was an error of the system, and not damage.
func TestMissingFile(t *testing.T) {
	for _, name := range Names {
		m, j := create(t, 300)
		add(t, j, "one")
		delete(m.content, name)
		if says := refuses(t, m, Last{}); !strings.Contains(says, name) {
			t.Errorf("%s: %s", name, says)
		}
	}
}
