//go:build unix && !darwin

package desktop

import "testing"

// What the test of a desktop with two nodes needs.

func NewBus(t *testing.T) string { return newBus(t) }
func NewServer(t *testing.T, address string, can ...string) *server {
	return newServer(t, address, can...)
}

// Shows waits until exactly one notification is shown, by its title and body.
func (s *server) Shows(title, body string) (id uint32) {
	s.t.Helper()
	id, _ = s.one(title, func(n shown) bool { return n.title == title && n.body == body })
	return id
}

// None waits until none is shown.
func (s *server) None() { s.t.Helper(); s.none() }

// Emit has the desktop say that the owner has done something.
func (s *server) Emit(name string, id uint32, value any) {
	s.t.Helper()
	if err := s.conn.Emit(object, service+"."+name, id, value); err != nil {
		s.t.Fatal(err)
	}
}
