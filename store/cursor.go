package store

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/earshot-im/earshot/store/event"
)

// Errors of At.
var (
	// ErrCursor: the text is no cursor.
	ErrCursor = errors.New("that is no cursor")
	// ErrOtherCursor: the cursor is of another store, or of this one before it was put back to an
	// earlier time. What was read by it may be no part of this store: begin anew.
	ErrOtherCursor = errors.New("that is a cursor of another directory, or of this one before it was put back")
)

// Cursor returns the text that callers get for a number of the change counter, or for what arrived
// at that number. It names the store, so that it is not taken for one of another.
func (s *Store) Cursor(n uint64) string {
	return hex.EncodeToString(s.own.Store[:]) + ":" + strconv.FormatUint(n, 10)
}

// At returns the number that a cursor stands for. "0" is the beginning of every store.
func (s *Store) At(cursor string) (uint64, error) {
	if cursor == "0" {
		return 0, nil
	}
	name, number, _ := strings.Cut(cursor, ":")
	instance, err := hex.DecodeString(name)
	n, wrong := strconv.ParseUint(number, 10, 64)
	switch {
	case err != nil, wrong != nil, len(instance) != len(event.Instance{}):
		return 0, fmt.Errorf("%w: %q", ErrCursor, cursor)
	}
	switch reached, err := s.reached(n); {
	case err != nil:
		return 0, err
	case !reached || event.Instance(instance) != s.own.Store:
		return 0, fmt.Errorf("%w: %q", ErrOtherCursor, cursor)
	}
	return n, nil
}

// reached reports whether the change counter has come to a number. A reader sees what was committed
// a moment before Last tells of it.
func (s *Store) reached(n uint64) (bool, error) {
	if n <= s.Last() {
		return true, nil
	}
	var now uint64
	err := s.view(func(r *reader) error {
		now = r.Sequence(bucketArrivals)
		return nil
	})
	return n <= now, err
}
