package store

import (
	"bytes"
	"iter"
	"slices"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/event"
	"github.com/earshot-im/earshot/store/layout"
)

// maxPassed is how many rows that are not wanted are passed over in one transaction. While one
// lasts, the space of what is written meanwhile can't be used again.
const maxPassed = 4096

// fewRows and manyRows are how many rows a page is made for at first, and when it is likely to be full.
const (
	fewRows  = 16
	manyRows = 100
)

// Source is where a row comes from, as far as that is known without reading it.
type Source struct {
	Conversation event.Conversation
	Author       crypto.PersonID
}

// Keep says whether rows are wanted; nil wants all. It must not call the store.
type Keep func(Source) bool

// wanted returns the slot in a value of an index, and whether the row there is shown and wanted. It
// reads neither. Notices are wanted.
func (v *view) wanted(value []byte, keep Keep) (layout.Slot, bool, error) {
	p, ok := layout.SlotAt(value)
	if !ok {
		return p, false, damaged("slot of %d bytes", len(value))
	}
	if _, notice := p.Notice(); notice {
		return p, true, nil
	}
	l, err := v.log(p.Log)
	if err != nil || p.Sequence > v.visibleTo(l) {
		return p, false, err
	}
	return p, keep == nil || keep(Source{Conversation: l.Name.Conversation, Author: l.Person}), nil
}

// collect reads rows from an index until there are as many as a page has, maxPassed were passed over, or
// the index ends. It returns the last key that it looked at, nil if it looked at none.
func (v *view) collect(rows []Row, page Page, index iter.Seq2[[]byte, []byte]) (_ []Row, last []byte, err error) {
	passed := 0
	for key, value := range index {
		if len(rows) >= page.Limit || passed >= maxPassed {
			break
		}
		p, want, err := v.wanted(value, page.Keep)
		if err != nil {
			return rows, last, err
		}
		last = key
		if _, notice := p.Notice(); !want || notice && !page.Notices {
			passed++
			continue
		}
		row, err := v.rowAt(p)
		if err != nil {
			return rows, last, err
		}
		if len(rows) == fewRows { // as many as that have come: so many more may
			rows = slices.Grow(rows, min(page.Limit-fewRows, manyRows))
		}
		rows = append(rows, row)
	}
	return rows, last, nil
}

// Page says which of the wanted rows of a conversation to return: the last Limit rows before a row,
// the first Limit rows after a row, or the last Limit rows of all.
type Page struct {
	Before, After *event.ID // at most one of them
	Limit         int
	Keep          Keep
	Notices       bool // of the group are wanted in their place
}

// Rows returns a page of a conversation in its order. There are fewer rows than Limit only where
// there are no more.
func (s *Store) Rows(conv event.Conversation, page Page) ([]Row, error) {
	var rows []Row
	var from []byte // the key beyond which to go on, nil at first
	for more := true; more && len(rows) < page.Limit; {
		if err := s.view(func(r *reader) error {
			c, err := r.conversation(conv)
			if err == nil && from == nil {
				from, err = r.view.pageStart(&c, page)
			}
			if err != nil {
				return err
			}
			var last []byte
			rows, last, err = r.view.collect(rows, page, r.view.beyond(&c, from, page.After != nil))
			if more = last != nil; more {
				from = bytes.Clone(last)
			}
			return err
		}); err != nil {
			return nil, err
		}
	}
	if page.After == nil {
		slices.Reverse(rows)
	}
	return rows, nil
}

// pageStart returns the key beyond which a page begins.
func (v *view) pageStart(c *layout.Conversation, page Page) ([]byte, error) {
	switch {
	case page.After != nil:
		return v.viewKey(c, *page.After)
	case page.Before != nil:
		return v.viewKey(c, *page.Before)
	}
	return layout.U32(c.Number + 1), nil
}

// beyond goes over the rows of a conversation: forward from behind a key, or backward from before
// it.
func (v *view) beyond(c *layout.Conversation, from []byte, forward bool) iter.Seq2[[]byte, []byte] {
	index, prefix := v.Back(bucketView, from), layout.U32(c.Number)
	if forward {
		index = v.From(bucketView, after(from))
	}
	return func(yield func(k, v []byte) bool) {
		for k, v := range index {
			if !bytes.HasPrefix(k, prefix) || !yield(k, v) {
				return
			}
		}
	}
}

// Arrivals returns rows of all conversations in the order in which they came: up to limit rows that
// are wanted, from the first whose Arrival is above after. It also returns the arrival up to which
// it has looked, from which to go on; that is after itself if there are no more rows.
func (s *Store) Arrivals(after uint64, limit int, keep Keep) ([]Row, uint64, error) {
	return s.page((*reader).arrivals, after, limit, keep)
}

// Unread is Arrivals of others' messages that were not read.
func (s *Store) Unread(after uint64, limit int, keep Keep) ([]Row, uint64, error) {
	return s.page((*reader).unreadFrom, after, limit, keep)
}

// page returns the rows of an index of arrivals, as Arrivals says.
func (s *Store) page(index func(*reader, uint64) iter.Seq2[[]byte, []byte], after uint64, limit int, keep Keep) (rows []Row, looked uint64, err error) {
	looked = after
	err = s.view(func(r *reader) error {
		var last []byte
		rows, last, err = r.view.collect(nil, Page{Limit: limit, Keep: keep}, index(r, after+1))
		if last != nil {
			looked = layout.Number(last)
		}
		return err
	})
	return rows, looked, err
}

// More reports whether a conversation has rows that a page wants before a row, or after it.
func (s *Store) More(conv event.Conversation, page Page) (more bool, err error) {
	page.Limit = 1
	rows, err := s.Rows(conv, page)
	return len(rows) > 0, err
}
