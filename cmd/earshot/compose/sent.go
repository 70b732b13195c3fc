package compose

// maxSent is how many sent texts are kept.
const maxSent = 100

// Sent is what was sent before, to be sent again or put right.
type Sent struct {
	texts []string
	at    int    // which is shown; len(texts): none
	begun string // what was being written before
}

// Add notes a text that was sent.
func (s *Sent) Add(text string) {
	if n := len(s.texts); n == 0 || s.texts[n-1] != text {
		s.texts = append(s.texts, text)
	}
	if len(s.texts) > maxSent {
		s.texts = s.texts[1:]
	}
	s.at = len(s.texts)
}

// Back returns the text that was sent before the one that is shown; now is what stands in the editor.
func (s *Sent) Back(now string) (text string, there bool) {
	if s.at == 0 {
		return "", false
	}
	if s.at == len(s.texts) {
		s.begun = now
	}
	s.at--
	return s.texts[s.at], true
}

// Forward returns the one after it, or in the end what was being written.
func (s *Sent) Forward() (text string, there bool) {
	if s.at >= len(s.texts) {
		return "", false
	}
	if s.at++; s.at == len(s.texts) {
		return s.begun, true
	}
	return s.texts[s.at], true
}

// Leave says that what is shown is being changed: it is a new text then.
func (s *Sent) Leave() { s.at = len(s.texts) }
