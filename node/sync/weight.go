package sync

import "slices"

// About how many bytes something takes in memory, with the maps and lists in which it stands.
const (
	pictureWeight = 640 // the pictures of a log, without segments of the peer's
	claimWeight   = 288 // a segment, or a record of which nothing is here
	keptWeight    = 160 // a part of an offer that is kept
	eventWeight   = 640 // an event that waits, beside its bytes
	hashWeight    = 32
)

// Weight says about how many bytes the session takes in memory on account of its peer, beside what
// is with the shell. It is a sum of counters, and may be asked for after each Step.
func (s *Session) Weight() int {
	return s.pictured*pictureWeight + s.claims.count*claimWeight + s.offers.size*keptWeight +
		s.take.keptWeight + s.control.remembered*hashWeight + len(s.cards.wanted)*2*hashWeight
}

// Forget forgets what the session remembers only because the peer said so: what the peer holds of
// logs and records of which nothing is here, and what offers that are kept list. Some of it may then
// be pushed in vain, as past maxClaims.
func (s *Session) Forget() {
	for _, c := range s.byID {
		c.order = slices.DeleteFunc(c.order, func(l *log) bool {
			if !l.onlyClaimed() {
				return false
			}
			s.claims.add(-len(l.peers))
			s.pictured--
			delete(c.logs, l.name)
			return true
		})
		for key, r := range c.records.known {
			if r.ours == nil {
				s.claims.add(-1)
				delete(c.records.known, key)
			}
		}
	}
	s.offers.forget()
}

// onlyClaimed says that the pictures of a log hold nothing but what the peer says, and that nothing
// is under way with them.
func (l *log) onlyClaimed() bool {
	return len(l.ours) == 0 && !l.doubt && !l.listed && !l.push.queued && l.push.waits == nil && l.push.loading == 0 && l.push.target == 0
}

// forget forgets what the offers that are kept list: they are as if the peer held nothing.
func (o *offers) forget() {
	for tag, offer := range o.kept {
		offer.Logs, offer.Records, offer.Locator = nil, nil, nil
		o.kept[tag] = offer
	}
	o.size = len(o.kept)
}

// weightInMemory is about how many bytes something that is kept takes.
func (p *pending) weightInMemory() int {
	n := len(p.control)
	if p.run != nil {
		n = len(p.run.Events) + len(p.run.Recalls)
	}
	return 2*p.weight + (n+1)*eventWeight
}
