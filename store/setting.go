package store

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"slices"
)

func settingAAD(name string) []byte { return []byte("setting" + name) }

// SetSetting keeps a value under a name that the program has chosen. An empty value
// removes it.
func (s *Store) SetSetting(ctx context.Context, name, value string) error {
	return s.do(ctx, func(b *batch) error {
		if value == "" {
			b.Delete(bucketSettings, []byte(name))
		} else {
			b.Put(bucketSettings, []byte(name), s.disk.Keyring.Seal([]byte(value), settingAAD(name)))
		}
		b.visible = true
		return nil
	})
}

// Setting returns a value, empty if there is none.
func (s *Store) Setting(name string) (string, error) {
	var value string
	err := s.view(func(r *reader) error {
		v := r.Get(bucketSettings, []byte(name))
		if v == nil {
			return nil
		}
		plain, err := s.disk.Keyring.Open(v, settingAAD(name))
		if err != nil {
			return damaged("setting: %w", err)
		}
		value = string(plain)
		return nil
	})
	return value, err
}

// cursorKey hides the name of a cursor, which somebody typed.
func (s *Store) cursorKey(name string) []byte {
	h := hmac.New(sha256.New, s.mac[:])
	h.Write([]byte(name))
	return slices.Clip(h.Sum(nil)[:shortID])
}

// SetCursor keeps how far a named reader has followed the arrivals.
func (s *Store) SetCursor(ctx context.Context, name string, n uint64) error {
	return s.do(ctx, func(b *batch) error {
		b.Put(bucketCursors, s.cursorKey(name), u64(n))
		return nil
	})
}

// Cursor returns what SetCursor kept, 0 if it has kept nothing.
func (s *Store) Cursor(name string) (uint64, error) {
	var n uint64
	err := s.view(func(r *reader) error {
		n = number(r.Get(bucketCursors, s.cursorKey(name)))
		return nil
	})
	return n, err
}
