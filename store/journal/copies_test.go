package journal

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
)

// copies is a journal at four moments, with what the database had then.
type copies struct {
	*history
	at  [4]*memory
	has [4]Last
}

// newCopies makes: 1 to 3 in the first file; 4, 5 in the second; 6, 7 in the first; 8 behind them.
func newCopies(t *testing.T) *copies {
	c := &copies{history: newHistory(t, 300)}
	c.add(t, "one", "two", "three")
	c.at[0] = c.files()
	c.turn()
	c.add(t, "four", "five")
	c.at[1], c.has[1] = c.files(), Last{c.link(3), 3}
	c.turn()
	c.add(t, "six", "seven")
	c.at[2], c.has[2] = c.files(), Last{c.link(5), 5}
	c.add(t, "eight")
	c.at[3], c.has[3] = c.files(), Last{c.link(5), 5}
	return c
}

// TestCopies: files that do not belong together are refused, where that can be known, and it says why.
func TestCopies(t *testing.T) {
	c := newCopies(t)
	with := func(first, second []byte) *memory { return newMemory(first, second) }
	file := func(moment, i int) []byte { return c.at[moment].content[Names[i]] }
	foreign := func() *memory { // as the journal, but of another key
		m := newMemory()
		check(t, Create(m, 300))
		j, err := Open(m, os.O_RDWR, Key{9}, Last{}, func(Replay) error { return nil })
		check(t, err)
		for _, b := range c.all[:3] {
			check(t, j.Append(record(b.body)))
		}
		return m
	}()
	another := func() *memory { // of the same key, but other batches
		_, j := create(t, 300)
		m := j.files[0].(*memoryFile).m
		for range c.all {
			if j.Room() < 10 {
				j.Turn()
			}
			add(t, j, "another")
		}
		return m
	}()
	zeros := make([]byte, 300)
	for name, test := range map[string]struct {
		files *memory
		has   Last
		says  string // "": it is right
		want  []batch
	}{
		"as it is":                  {c.at[3], c.has[3], "", c.all[5:]},
		"files exchanged":           {with(file(3, 1), file(3, 0)), c.has[3], "", c.all[5:]},
		"an older database":         {c.at[3], c.has[1], "", c.all[3:]},
		"a database that is newer":  {c.at[3], Last{c.link(8), 8}, "", nil},
		"all of one earlier moment": {c.at[1], c.has[1], "", c.all[3:5]},

		"a database that is too old":                    {c.at[3], c.has[0], "batches from 4 on, the database ends with 0", nil},
		"one that is too old by one":                    {c.at[3], Last{Link: c.link(2)}, "batches from 4 on, the database ends with 2", nil},
		"both files older":                              {c.at[1], Last{c.link(7), 7}, "ends with batch 5, the database knows of 7", nil},
		"both files older, and the database has it all": {c.at[1], Last{c.link(7), 6}, "ends with batch 5, the database knows of 6", nil},
		"both files empty":                              {with(zeros, zeros), c.has[3], "ends with batch 0, the database knows of 5", nil},
		"the file written last is empty":                {with(zeros, file(3, 1)), Last{c.link(7), 7}, "ends with batch 5, the database knows of 7", nil},
		"the file before it is empty":                   {with(file(3, 0), zeros), c.has[1], "batches from 6 on, the database ends with 3", nil},
		"it is empty, and not needed":                   {with(file(3, 0), zeros), c.has[3], "", c.all[5:]},
		"the file written last is older":                {with(file(1, 0), file(3, 1)), Last{c.link(7), 7}, "ends with batch 5, the database knows of 7", nil},
		"the file before it is older":                   {with(file(3, 0), file(0, 1)), c.has[1], "batches from 6 on, the database ends with 3", nil},
		"one file twice":                                {with(file(3, 0), file(3, 0)), c.has[1], "batches from 6 on, the database ends with 3", nil},
		"one file twice, and not needed":                {with(file(3, 0), file(3, 0)), c.has[3], "", c.all[5:]},
		"of another database":                           {another, c.has[3], "another database", nil},
		"of another database, which ends there":         {another, Last{c.link(8), 8}, "another database", nil},
		"of another database, which begins there":       {another, c.has[1], "another database", nil},
		"one file of another database":                  {with(file(3, 0), another.content[Names[1]]), c.has[1], "the database ends with 3", nil},
		"of another key":                                {foreign, Last{c.link(3), 3}, "ends with batch 0, the database knows of 3", nil},
		"of another key, and first":                     {foreign, Last{c.link(1), 1}, "ends with batch 0, the database knows of 1", nil},
		"a file is shorter":                             {with(file(3, 0), file(3, 1)[:299]), c.has[3], "journal.1 has 299 bytes", nil},
		"the other one is":                              {with(file(3, 0)[:299], file(3, 1)), c.has[3], "journal.1 has 300 bytes", nil},
		"a file is longer":                              {with(file(3, 0), append(slices.Clone(file(3, 1)), 0)), c.has[3], "journal.1 has 301 bytes", nil},
		"a file has nothing":                            {with(nil, file(3, 1)), c.has[3], "journal.0 has 0 bytes", nil},
		"both have next to nothing":                     {with(zeros[:HeaderSize-1], zeros[:HeaderSize-1]), Last{}, "journal.0 has 43 bytes", nil},
		"both are cut where the database knows better":  {with(file(3, 0)[:90], file(3, 1)[:90]), Last{c.link(7), 7}, "the database knows of 7", nil},
	} {
		if test.says == "" {
			replays(t, newMemory(test.files.content[Names[0]], test.files.content[Names[1]]), test.has, test.want...)
			continue
		}
		if says := refuses(t, test.files, test.has); !strings.Contains(says, test.says) {
			t.Errorf("%s: %s", name, says)
		}
	}
}

// TestOldIsWhatTheOtherFileHas: the first of the files, as they were written, is the one that a checkpoint was
// to write.
func TestOldIsWhatTheOtherFileHas(t *testing.T) {
	c := newCopies(t)
	for n, want := range map[uint64][]uint64{3: {4, 5}, 4: {5}, 5: nil, 7: nil} {
		_, got, err := reopen(c.files(), Last{Link: c.link(n)})
		check(t, err)
		var old []uint64
		for _, r := range got {
			if r.Old {
				old = append(old, r.Number)
			}
		}
		if !slices.Equal(old, want) || len(got) != 8-int(n) {
			t.Errorf("has %d: %v of %v are old, want %v", n, old, numbers(got), want)
		}
	}
}

// TestReplayFails: the error of whoever takes a batch is returned, and all files are closed.
func TestReplayFails(t *testing.T) {
	c := newCopies(t)
	for fails := uint64(4); fails <= 8; fails++ {
		files, last := c.files(), uint64(0)
		j, err := Open(files, os.O_RDONLY, testKey, c.has[1], func(r Replay) error {
			if last = r.Number; last == fails {
				return errTest
			}
			return nil
		})
		if j != nil || !errors.Is(err, errTest) || last != fails {
			t.Errorf("batch %d fails: %v, after %d", fails, err, last)
		}
		if n := len(files.since(0, "close")); n != 2 {
			t.Errorf("%d files are closed", n)
		}
	}
}

// TestOpenFails: an error of the disk is no damage, and everything is closed.
func TestOpenFails(t *testing.T) {
	c := newCopies(t)
	files := c.files()
	j, _, err := reopen(files, c.has[1])
	check(t, err)
	check(t, j.Close())
	for n := range files.since(0, "open", "size", "read", "write", "sync") {
		files, seen := c.files(), 0
		files.fail = func(op string) error {
			if seen++; seen-1 == n && !strings.HasPrefix(op, "close") {
				return errTest
			}
			return nil
		}
		j, _, err := reopen(files, c.has[1])
		if j != nil || !errors.Is(err, errTest) {
			t.Errorf("call %d fails: %v", n, err)
		}
		if opened, closed := len(files.since(0, "open")), len(files.since(0, "close")); opened != closed {
			t.Errorf("call %d fails: %d files of %d are closed", n, closed, opened)
		}
	}
}

// TestChangedMeanwhile: files that change while they are read are refused.
func TestChangedMeanwhile(t *testing.T) {
	c := newCopies(t)
	files, reads := c.files(), 0
	files.fail = func(op string) error {
		if op == "read journal.1 0 300" {
			if reads++; reads == 3 {
				files.content[Names[1]][c.all[4].at]++
			}
		}
		return nil
	}
	_, got, err := reopen(files, c.has[1])
	if err == nil || !strings.Contains(err.Error(), "has changed") {
		t.Errorf("%v, replays %v", err, numbers(got))
	}
}
