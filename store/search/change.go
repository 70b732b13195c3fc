package search

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"
)

// Change has rows read anew by their N, of one block. now returns the text of a row, which is nil where
// the words are gone. It returns those that are left: all that are not of that block, and some that are,
// if the block has much text by now.
func (c *Cache) Change(ns []uint64, now func(n uint64) ([]byte, error)) (rest []uint64, err error) {
	i, ok := c.holding(ns[0])
	if !ok {
		return ns[1:], nil // it is not in the cache yet
	}
	old := c.records[i] // only this goroutine changes it
	var o opened
	if err := c.open(&old, &o); err != nil {
		return ns, err
	}
	if err := o.parse(); err != nil {
		return ns, err
	}
	b := o.block()
	changed := false
	for rest = ns; len(rest) > 0 && rest[0] <= old.last && b.text < maxChanged; rest = rest[1:] {
		at, found := slices.BinarySearchFunc(b.Rows, rest[0], func(r Row, n uint64) int { return cmp.Compare(r.N, n) })
		if !found {
			continue
		}
		text, err := now(rest[0])
		if err != nil {
			return ns, err
		}
		if changed = changed || string(text) != string(b.Rows[at].Text); changed {
			b.text += len(text) - len(b.Rows[at].Text)
			b.Rows[at].Text = text
		}
	}
	if !changed {
		return rest, nil
	}
	if err := c.replace(i, old, &b); err != nil {
		return ns, err
	}
	return rest, nil
}

// holding returns the index of the record in which an N lies.
func (c *Cache) holding(n uint64) (int, bool) {
	i, _ := slices.BinarySearchFunc(c.records, n, func(r record, n uint64) int { return cmp.Compare(r.last, n) })
	return i, i < len(c.records)
}

// replace writes a block in place of an older form of it: over that if there is room, else behind
// all others, and then nothing is left of the older form. Much text becomes several blocks.
func (c *Cache) replace(i int, old record, b *Block) error {
	if b.text >= maxChanged && len(b.Rows) > 1 {
		return c.divide(i, old, b)
	}
	r := old
	sealed := c.seal(&r, b)
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(sealed) <= int(old.room) {
		r.size = uint32(len(sealed))
		whole := append(r.header(), sealed...)
		whole = append(whole, make([]byte, int(old.room)-len(sealed))...)
		if _, err := c.file.WriteAt(whole, r.at); err != nil {
			return fmt.Errorf("write the search cache: %w", err)
		}
		c.records[i] = r
		return nil
	}
	if err := c.write(&r, sealed, len(sealed)/sparePart); err != nil {
		return err
	}
	c.records[i] = r
	return c.clear(&old)
}

// divide writes several blocks in place of one. A crash in between leaves both, which load takes for
// damage.
func (c *Cache) divide(i int, old record, b *Block) error {
	var records []record
	var sealed [][]byte
	first := old.first
	for rows := b.Rows; len(rows) > 0; {
		var part Block
		for len(rows) > 0 && !part.Full(MaxRows) {
			part.Add(rows[0])
			rows = rows[1:]
		}
		r := record{first: first, last: part.Rows[len(part.Rows)-1].N}
		r.early, r.later = part.times()
		sealed = append(sealed, c.seal(&r, &part))
		records = append(records, r)
		first = r.last + 1
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	end := c.end
	for k := range records {
		if err := c.write(&records[k], sealed[k], 0); err != nil {
			c.end = end
			return errors.Join(err, c.file.Truncate(end))
		}
	}
	c.records = slices.Replace(c.records, i, i+1, records...)
	c.begun++ // whoever searches begins again
	return c.clear(&old)
}

// clear leaves a hole where a record was.
func (c *Cache) clear(r *record) error {
	hole := record{room: r.room}
	if _, err := c.file.WriteAt(append(hole.header(), make([]byte, r.room)...), r.at); err != nil {
		return fmt.Errorf("write the search cache: %w", err)
	}
	c.holes += headerSize + int64(r.room)
	return nil
}

// Compact writes the file anew if much of it is not used any more. Where that fails, it is as it was.
func (c *Cache) Compact() error {
	if c.holes < max(leastHoles, c.end/holesPart) {
		return nil
	}
	f, err := os.OpenFile(c.path+temporary, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("write the search cache: %w", err)
	}
	fresh := &Cache{path: c.path, keys: c.keys, of: c.of, file: f}
	err = fresh.Reset(c.mark)
	for i := 0; i < len(c.records) && err == nil; i++ {
		r := c.records[i]
		sealed := make([]byte, r.size)
		if _, err = c.file.ReadAt(sealed, r.at+headerSize); err == nil {
			if err = fresh.write(&r, sealed, 0); err == nil {
				fresh.records = append(fresh.records, r)
			}
		}
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(fmt.Errorf("write the search cache: %w", err), os.Remove(f.Name()))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	kept := errors.Join(c.file.Close(), os.Rename(f.Name(), c.path)) // closed, since Windows renames over no open file
	file, err := os.OpenFile(c.path, os.O_RDWR, 0)
	if err != nil {
		return errors.Join(kept, fmt.Errorf("open the search cache: %w", err))
	}
	c.file = file
	if kept != nil { // it is the old one still
		return errors.Join(fmt.Errorf("write the search cache: %w", kept), os.Remove(f.Name()))
	}
	c.records, c.end, c.holes = fresh.records, fresh.end, 0
	return nil
}
