package journal

import (
	"bytes"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"testing"
)

// TestGolden: the bytes, which are on disks.
func TestGolden(t *testing.T) {
	m, j := create(t, 200)
	add(t, j, "first")
	add(t, j, "")
	// sum, length, generation, number, sum of the one before, sum of the body, body
	const want = "53766ce257cf5d8c 00000005 0000000000000001 0000000000000001 0000000000000000 ccd227742e5d7b29 6669727374" + " " +
		"d0adab3a23dd5283 00000000 0000000000000001 0000000000000002 53766ce257cf5d8c fabeb3bc4555ba8c"
	if got := hex.EncodeToString(m.content[Names[0]][:2*HeaderSize+5]); got != strings.ReplaceAll(want, " ", "") {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestAppendSyncs: a record is written by one call, and synced before Append returns. Nothing else is.
func TestAppendSyncs(t *testing.T) {
	m, j := create(t, 300)
	n := len(m.done)
	add(t, j, "first")
	add(t, j, "second")
	j.Turn()
	add(t, j, "third")
	want := []string{
		"write journal.0 0 49", "sync journal.0", "write journal.0 49 50", "sync journal.0",
		"write journal.1 0 49", "sync journal.1",
	}
	if got := m.done[n:]; !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	n = len(m.done)
	check(t, j.Wipe(j.Active()))
	if got, want := m.done[n:], []string{"write journal.0 0 300", "sync journal.0"}; !slices.Equal(got, want) {
		t.Errorf("Wipe does %q", got)
	}
	if !bytes.Equal(m.content[Names[0]], make([]byte, 300)) {
		t.Error("something is left")
	}
	n = len(m.done)
	check(t, j.Close())
	if got, want := m.done[n:], []string{"close journal.0", "close journal.1"}; !slices.Equal(got, want) {
		t.Errorf("Close does %q", got)
	}
}

// TestAppendFails: the error is returned, and the journal does not count what it may not have written.
func TestAppendFails(t *testing.T) {
	for _, kind := range []string{"write", "sync"} {
		for _, turned := range []bool{false, true} {
			m, j := create(t, 300)
			one := add(t, j, "first")
			if turned {
				j.Turn()
			}
			was := *j
			m.fail = func(op string) error {
				if strings.HasPrefix(op, kind) {
					return errTest
				}
				return nil
			}
			if err := j.Append(record("second")); !errors.Is(err, errTest) || !strings.Contains(err.Error(), kind) {
				t.Errorf("%s fails: %v", kind, err)
			}
			if *j != was || j.Last() != one.Link || j.Written() != 1 {
				t.Errorf("%s fails: the journal counts it", kind)
			}
			if err := j.Wipe(j.Active()); !errors.Is(err, errTest) {
				t.Errorf("%s fails: Wipe returns %v", kind, err)
			}
		}
	}
}

// TestCreate fills both files with zeros, whatever was there, and syncs them.
func TestCreate(t *testing.T) {
	const size = 5<<19 + 1 // more than is written at once, and no multiple of it
	m := newMemory([]byte("something"), bytes.Repeat([]byte("x"), size+9))
	check(t, Create(m, size))
	for i, name := range Names {
		if !bytes.Equal(m.content[name], make([]byte, size)) {
			t.Errorf("%s has %d bytes, or something in them", name, len(m.content[name]))
		}
		ops := []string{"open " + name, "write " + name + " 0 1048576", "write " + name + " 1048576 1048576",
			"write " + name + " 2097152 524289", "sync " + name, "close " + name}
		if got := m.done[i*len(ops):][:len(ops)]; !slices.Equal(got, ops) {
			t.Errorf("does %q", got)
		}
	}
	for n := range m.done {
		m, seen := newMemory(), 0
		m.fail = func(string) error {
			if seen++; seen-1 == n {
				return errTest
			}
			return nil
		}
		if err := Create(m, size); !errors.Is(err, errTest) {
			t.Errorf("call %d fails: %v", n, err)
		}
	}
}

// TestCloseFails: the first error is returned, and both files are closed.
func TestCloseFails(t *testing.T) {
	m, j := create(t, 300)
	n := len(m.done)
	var seen []string
	m.fail = func(op string) error {
		seen = append(seen, op)
		if op == "close journal.0" {
			return errTest
		}
		return nil
	}
	if err := j.Close(); !errors.Is(err, errTest) || len(seen) != 2 || len(m.done) != n+1 {
		t.Errorf("%v, does %q", err, seen)
	}
}
