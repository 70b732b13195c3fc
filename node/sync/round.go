package sync

import "github.com/earshot-im/earshot/node/wire"

// rounds tells the shell when a round with the peer begins and ends. A round begins with an offer
// that asks for everything. It ends when the peer has said Settled for that offer, and everything
// that came before this Settled is answered: then this node holds all that the peer had.
type rounds struct {
	*turn
	take *take
}

// round is what rounds keeps of a conversation: the offers that this node has made of it.
type round struct {
	offers  uint64 // how many
	settled uint64 // how many, up to the last for which the peer has said Settled
	whole   uint64 // how many, up to the last that asks for everything; 0: its round is over
	short   bool   // the last one was a short one
	ending  Ticket // the round ends when everything up to it is answered; 0: no round ends
}

// offer returns the number of an offer that is about to be made.
func (r *rounds) offer(c *conversation) uint64 {
	number := c.round.offers
	c.round.offers++
	c.round.short = false
	return number
}

// begin begins a round, by the offer that was made last.
func (r *rounds) begin(c *conversation) {
	c.round.whole = c.round.offers
	r.emit(RoundBegan{c.id})
}

// shorten notes that the offer that was made last is a short one.
func (r *rounds) shorten(c *conversation) { c.round.short = true }

// short reports whether the last offer was a short one that the peer has not settled.
func (r *rounds) short(c *conversation) bool { return c.round.short }

// settled takes the peer's Settled. If it answers an offer that asked for everything, the round
// ends as soon as everything is answered that came before.
func (r *rounds) settled(c *conversation, f *wire.Settled) {
	own := &c.round
	if f.Number >= own.offers || f.Number < own.settled {
		r.close(broken("settled twice"))
		return
	}
	own.settled = f.Number + 1
	if own.whole == 0 || own.settled < own.whole {
		return
	}
	own.whole, own.short = 0, false
	if c.want == wire.WantNothing { // it held back
		r.emit(RoundDropped{c.id})
		return
	}
	own.ending = max(r.take.latest(), 1)
	r.end(c)
}

// end ends the round if everything that came before Settled is answered.
func (r *rounds) end(c *conversation) {
	if c == nil || c.round.ending == 0 || !r.take.answered(c, c.round.ending) {
		return
	}
	c.round.ending = 0
	r.emit(RoundEnded{c.id})
}

// drop gives up the round that is under way.
func (r *rounds) drop(c *conversation) {
	if c.round.whole != 0 || c.round.ending != 0 {
		r.emit(RoundDropped{c.id})
	}
	c.round.whole, c.round.ending = 0, 0
}
