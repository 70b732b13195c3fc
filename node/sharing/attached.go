package sharing

import (
	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/people"
	"github.com/earshot-im/earshot/store/event"
)

// Attachment returns an attachment of a message, by its number from 0, if a person may have the words of
// that message now. Any goroutine may call it.
func (s *Sharing) Attachment(to crypto.PersonID, message event.ID, n int) (a event.Attachment, ok bool) {
	h, err := s.cfg.Store.Header(message)
	if err != nil || !s.reads(to, &h) {
		return a, false
	}
	files, err := s.cfg.Store.Files(message)
	if err != nil || n < 0 || n >= len(files) {
		return a, false
	}
	return files[n].Attachment, true
}

// reads says whether a person may have an event now.
func (s *Sharing) reads(to crypto.PersonID, h *event.Header) bool {
	c := h.Conversation
	if !s.cfg.Groups.Known(c) {
		them, _ := s.cfg.People.Get(to)
		return c == event.Direct(s.own.Person, to) && !them.Blocked && (them.Contact || s.cfg.Owner.Accepts() == people.AcceptEveryone)
	}
	if !s.cfg.Groups.Serves(c, to, h.Control) {
		return false
	}
	if author, known := s.cfg.People.Of(h.Device); known && author.ID == to {
		return true
	}
	first, err := s.cfg.Groups.Floor(h.Log(), nil, to)
	return err == nil && h.Sequence >= first
}
