package show

import "sync"

const (
	// shortDigits is how much of the ID of a message people see: commands take that much.
	shortDigits = 8

	// maxShort bounds how many IDs are remembered.
	maxShort = 1 << 12
)

// IDs shortens the IDs of messages. Those of one run that begin alike get more digits, so that what is
// printed tells them apart. The zero value is ready, for any number of goroutines; nil gives each the same
// few digits.
type IDs struct {
	mu      sync.Mutex
	printed map[string]string // by the first digits, the last ID that has them
}

// Short returns the first digits of an ID.
func (s *IDs) Short(id string) string {
	if len(id) <= shortDigits {
		return id
	}
	short := id[:shortDigits]
	if s == nil {
		return short
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	other, also := s.printed[short]
	if len(s.printed) >= maxShort || s.printed == nil {
		s.printed = make(map[string]string)
	}
	s.printed[short] = id
	if !also || other == id {
		return short
	}
	same := shortDigits
	for same < len(id)-1 && same < len(other) && id[same] == other[same] {
		same++
	}
	return id[:same+1]
}
