package journal

import (
	"fmt"
	"io"

	"github.com/earshot-im/earshot/store/disk"
)

// chain are the records of one file that follow each other from its beginning.
type chain struct {
	first  uint64
	before Sum // that the first names as the one before it
	last   Link
	at     int64 // where the last begins
	end    int64 // where it ends; 0: there are none
}

// chain reads the records of a file, and gives each to take.
func (k *Key) chain(b []byte, take func(l Link, body []byte) error) (c chain, err error) {
	for {
		h, s, body, ok := k.record(b[c.end:])
		switch {
		case !ok:
			return c, nil
		case c.end == 0 && h.number == h.generation:
			c.first, c.before = h.number, h.previous
		case c.end == 0 || h.generation != c.first || h.number != c.last.Number+1 || h.previous != c.last.Sum:
			return c, nil
		}
		c.last, c.at = Link{h.number, s}, c.end
		c.end += int64(HeaderSize + len(body))
		if err := take(c.last, body); err != nil {
			return c, err
		}
	}
}

// read finds out what the files have, and replays it.
func (j *Journal) read(has Last, writes bool, replay func(Replay) error) error {
	b := make([]byte, j.size)
	var chains [2]chain
	var sum Sum // of the last batch of the database, as a file has it
	for i := range chains {
		if err := j.content(i, b); err != nil {
			return err
		}
		chains[i], _ = j.key.chain(b, func(l Link, _ []byte) error {
			if l.Number == has.Number {
				sum = l.Sum
			}
			return nil
		})
	}
	if chains[1].last.Number > chains[0].last.Number {
		j.active = 1
	}
	newer, older := chains[j.active], chains[1-j.active]
	if err := j.whole(b, newer, max(newer.last.Number, has.Number)); err != nil {
		return err
	}
	needs := newer.last.Number > has.Number
	needsOlder := needs && newer.first > has.Number+1
	first := newer
	if needsOlder {
		first = older
		if older.last.Sum != newer.before {
			return disk.Damaged("the journal has batches from %d on, the database ends with %d", newer.first, has.Number)
		}
	}
	switch {
	case newer.last.Number < has.Journaled:
		return disk.Damaged("the journal ends with batch %d, the database knows of %d: one of them was put back from a copy, or is gone",
			newer.last.Number, has.Journaled)
	case needs && first.first > has.Number+1:
		return disk.Damaged("the journal has batches from %d on, the database ends with %d", first.first, has.Number)
	case needs && first.first == has.Number+1:
		sum = first.before
	}
	if (needs || sum != Sum{}) && sum != has.Sum {
		return disk.Damaged("the journal is that of another database, or one of them was put back from a copy")
	}
	j.written = newer.last.Number
	if newer.last.Number >= has.Number {
		j.last, j.begun, j.end = newer.last, newer.first, newer.end
		if newer.end == 0 { // the next batch follows what the database has, whatever that is
			j.last = has.Link
		}
	} else {
		j.Turn()
	}
	if needs && writes {
		if err := j.settle(newer); err != nil {
			return err
		}
	}
	for i, c := range []chain{older, newer} {
		old := i == 0
		if !needs || old && !needsOlder {
			continue
		}
		at := j.active
		if old {
			at = 1 - j.active
		}
		if err := j.replay(at, b, c, has.Number, func(l Link, body []byte) error { return replay(Replay{l, body, old}) }); err != nil {
			return err
		}
	}
	return nil
}

// settle writes the last record once more. It can be read, but may not be on the disk: whoever wrote it was
// ended before it was synced, or the disk has failed then, and the system keeps in memory what it has lost.
func (j *Journal) settle(c chain) error {
	b := make([]byte, c.end-c.at)
	if _, err := j.files[j.active].ReadAt(b, c.at); err != nil && err != io.EOF {
		return fmt.Errorf("read journal: %w", err)
	}
	return j.write(b, c.at)
}

// replay gives the records of a file whose numbers are above one to take.
func (j *Journal) replay(file int, b []byte, want chain, above uint64, take func(l Link, body []byte) error) error {
	if err := j.content(file, b); err != nil {
		return err
	}
	got, err := j.key.chain(b, func(l Link, body []byte) error {
		if l.Number <= above {
			return nil
		}
		return take(l, body)
	})
	if err == nil && got != want {
		err = disk.Damaged("the journal has changed while it was read")
	}
	return err
}

// whole refuses a journal in which a batch stands that was written after the last one that is known, and can't
// be reached: one before it is not as it was written.
func (j *Journal) whole(b []byte, newest chain, last uint64) error {
	for i := range j.files {
		if err := j.content(i, b); err != nil {
			return err
		}
		end := int64(0) // where a crash may have torn the next record
		if i == j.active {
			end = newest.end
		}
		if j.key.any(b[min(end+1, j.size):], last, 2*uint64(j.size)/HeaderSize) {
			return disk.Damaged("%s: a record is not as it was written, and others stand after it", Names[i])
		}
	}
	return nil
}
