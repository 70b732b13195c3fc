package sync

import (
	"slices"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/wire"
)

// cards is what a session asks the peer for.
type cards struct {
	wanted   []wire.CardOf // heads first; the first one may have been asked for
	asked    bool          // so it has
	learning bool          // and has come
	fetching bool          // the peer waits for one
}

// needCard keeps p until an author's card has come.
func (s *Session) needCard(in NeedCard) {
	p := s.find(in.Ticket)
	if p == nil {
		return
	}
	if p.head == in.Head {
		s.giveUp(p, wire.NotPermitted)
		return
	}
	p.head = in.Head
	if s.hold(p, forCard) {
		k := &s.cards
		card := wire.CardOf{Head: in.Head}
		if !slices.Contains(k.wanted, card) {
			at := slices.IndexFunc(k.wanted, func(c wire.CardOf) bool { return c.Head == crypto.Hash{} })
			if at < 0 {
				at = len(k.wanted)
			} else if k.asked {
				at = max(at, 1)
			}
			k.wanted = slices.Insert(k.wanted, at, card)
		}
	}
}

func (s *Session) wantCard(in WantCard) {
	card := wire.CardOf{Person: in.Person}
	if len(s.cards.wanted) < maxWanted && !slices.Contains(s.cards.wanted, card) {
		s.cards.wanted = append(s.cards.wanted, card)
	}
}

// ask asks for the next card, one at a time. A peer that serves nothing would not answer.
func (s *Session) ask() {
	k := &s.cards
	if k.asked || len(k.wanted) == 0 || s.peerStore == nil && k.wanted[0].Head == (crypto.Hash{}) {
		return
	}
	k.asked = true
	s.send(wire.Frame{CardRequest: &wire.CardRequest{CardOf: k.wanted[0]}})
}

// card takes the answer to the one request under way.
func (s *Session) card(f *wire.Card) {
	k := &s.cards
	if !k.asked || k.learning {
		s.close(broken("card that was not asked for"))
		return
	}
	k.learning = true
	s.emit(LearnCard{k.wanted[0], f.Card, f.Profile})
}

// cardLearned tries again what has waited for the card.
func (s *Session) cardLearned() {
	k := &s.cards
	if !k.learning {
		return
	}
	card := k.wanted[0]
	k.wanted = k.wanted[1:]
	k.asked, k.learning = false, false
	for _, p := range s.taking.pending {
		if p.waits == forCard && p.head == card.Head {
			s.again(p)
		}
	}
}

// cardRequest looks for a card that the peer needs. Whoever is served nothing has
// had nothing to need one for.
func (s *Session) cardRequest(f *wire.CardRequest) {
	switch k := &s.cards; {
	case len(s.byTag) == 0:
	case k.fetching:
		s.close(broken("two card requests"))
	default:
		k.fetching = true
		s.emit(FetchCard{f.CardOf})
	}
}

func (s *Session) cardFetched(in CardFetched) {
	if s.cards.fetching {
		s.cards.fetching = false
		s.send(wire.Frame{Card: &wire.Card{Card: in.Card, Profile: in.Profile}})
	}
}
