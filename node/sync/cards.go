package sync

import (
	"slices"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/wire"
)

// cards asks the peer for cards, one at a time, and answers what the peer asks.
type cards struct {
	*turn
	*pair
	wanted   []wire.CardOf // those of heads first; the first one may have been asked for
	asked    bool          // the first one was
	learning bool          // and has come, and is with the shell
	fetching bool          // the peer waits for a card
}

// need asks for the card that has a head, before all that are only wanted.
func (k *cards) need(head crypto.Hash) {
	card := wire.CardOf{Head: head}
	if slices.Contains(k.wanted, card) {
		return
	}
	at := slices.IndexFunc(k.wanted, func(c wire.CardOf) bool { return c.Head == crypto.Hash{} })
	if at < 0 {
		at = len(k.wanted)
	} else if k.asked {
		at = max(at, 1)
	}
	k.wanted = slices.Insert(k.wanted, at, card)
}

// want asks for the card of a person, unless too many are wanted.
func (k *cards) want(person crypto.PersonID) {
	card := wire.CardOf{Person: person}
	if len(k.wanted) < MaxWanted && !slices.Contains(k.wanted, card) {
		k.wanted = append(k.wanted, card)
	}
}

// ask asks for the next card. The card of a person is asked for only once the peer has offered
// something: a peer that serves nothing would not answer.
func (k *cards) ask() {
	if k.asked || len(k.wanted) == 0 || k.peerStore == nil && k.wanted[0].Head == (crypto.Hash{}) {
		return
	}
	k.asked = true
	k.send(wire.Frame{CardRequest: &wire.CardRequest{CardOf: k.wanted[0]}})
}

// came takes the answer to the request under way.
func (k *cards) came(f *wire.Card) {
	if !k.asked || k.learning {
		k.close(broken("card that was not asked for"))
		return
	}
	k.learning = true
	k.emit(LearnCard{k.wanted[0], f.Card, f.Profile})
}

// learned ends the request under way, and returns what was asked for.
func (k *cards) learned() (card wire.CardOf, ok bool) {
	if !k.learning {
		return card, false
	}
	card = k.wanted[0]
	k.wanted = k.wanted[1:]
	k.asked, k.learning = false, false
	return card, true
}

// request looks for a card that the peer asks for.
func (k *cards) request(f *wire.CardRequest) {
	if k.fetching {
		k.close(broken("two card requests"))
		return
	}
	k.fetching = true
	k.emit(FetchCard{f.CardOf})
}

func (k *cards) fetched(in CardFetched) {
	if k.fetching {
		k.fetching = false
		k.send(wire.Frame{Card: &wire.Card{Card: in.Card, Profile: in.Profile}})
	}
}
