package disk

import "sync"

// maxSkipped bounds what a Skipped remembers. When there are more, all are told anew.
const maxSkipped = 1024

// Skipped remembers which rows were left out since they are damaged, so that each is told once though it is met
// again and again. Any goroutine may use it.
type Skipped struct {
	mu   sync.Mutex
	told map[string]struct{}
}

// Add reports whether a row was not told yet.
func (s *Skipped) Add(key []byte) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, told := s.told[string(key)]; told {
		return false
	}
	if s.told == nil || len(s.told) >= maxSkipped {
		s.told = make(map[string]struct{})
	}
	s.told[string(key)] = struct{}{}
	return true
}
