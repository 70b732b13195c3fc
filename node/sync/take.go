package sync

import (
	"bytes"
	"cmp"
	"maps"
	"slices"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/event"
)

// taking is what a session knows of what the peer brings.
type taking struct {
	last      Ticket
	pending   []*pending // not answered, by ticket
	requested bool       // Request was given

	// What is with the shell, see Busy.
	runs, bytes, records int

	// Waiting for cards.
	held, heldBytes int
	persons         []crypto.PersonID // whose; the first one's was asked for
	learning        bool              // and has come
	fetching        bool              // the peer waits for one
}

// pending is a run or a record that the peer brought and that is not answered.
type pending struct {
	ticket Ticket
	conv   *conversation
	run    *event.Run    // nil for a record
	record *event.Record // nil for a run
	weight int

	held   bool // waits for a card of person
	asked  bool // has waited for one
	person crypto.PersonID
}

// Busy reports that the shell has as much in hand as the peer may cause: read no
// more frames until answers to Ingest and IngestRecord have been given. A peer that
// keeps to its window is never the cause.
func (s *Session) Busy() bool {
	t := &s.taking
	return t.runs > WindowRuns || t.bytes > WindowBytes || t.records >= maxPendingRecords
}

// takeRun hands a run to the shell. What the peer brings it holds, so it is not
// pushed back.
func (s *Session) takeRun(run event.Run) {
	c := s.byTag[string(run.Tag)]
	if c == nil && len(run.Tag) == 0 {
		s.request(run)
		return
	}
	if c = s.at(run.Tag); c == nil {
		return
	}
	name := run.Log()
	if name.Conversation != c.id {
		s.close(broken("run of another conversation"))
		return
	}
	if c.left {
		if c != s.direct {
			s.refuse(c, name, NotPermitted)
		}
		return
	}
	l := s.claimed(c, name, event.MaxSegments)
	switch {
	case l == nil:
		s.refuse(c, name, OverBudget)
		return
	case l.refused:
		return
	}
	if theirs, err := l.theirs.Add(run.Segment()); err == nil {
		s.picture(l, theirs)
		l.sent = l.sent.Union(theirs.Ranges())
		s.check(l)
	}
	s.ingest(&pending{conv: c, run: &run, weight: weigh(&run)})
}

// request hands over the first run of a peer that is not served, if it keeps to the
// limits, and forgets everything else: it looks as if the peer were blocked.
func (s *Session) request(run event.Run) {
	if s.phase == joined && !s.serve && !s.blocked && !s.taking.requested &&
		len(run.Events) <= OpeningEvents && weigh(&run) <= OpeningBytes {
		s.taking.requested = true
		s.emit(Request{run})
	}
}

func (s *Session) takeRecord(r *Record) {
	c := s.at(r.Tag)
	if c == nil || c.left {
		return
	}
	s.seeRecord(c, headOf(&r.Record))
	s.ingest(&pending{conv: c, record: &r.Record, weight: len(r.Record.Bytes)})
}

// ingest gives p a ticket, if it has none, and to the shell.
func (s *Session) ingest(p *pending) {
	t := &s.taking
	if p.ticket == 0 {
		t.last++
		p.ticket = t.last
		t.pending = append(t.pending, p)
	}
	s.count(p, 1)
	if p.run != nil {
		s.emit(Ingest{p.ticket, p.conv.id, *p.run})
	} else {
		s.emit(IngestRecord{p.ticket, p.conv.id, *p.record})
	}
}

// count adds p to what is with the shell or waits for cards, or takes it away.
func (s *Session) count(p *pending, n int) {
	t := &s.taking
	switch {
	case p.held:
		t.held += n
		t.heldBytes += n * p.weight
	case p.run != nil:
		t.runs += n
		t.bytes += n * p.weight
	default:
		t.records += n
	}
}

// find returns what the shell has under a ticket, nil if it has nothing.
func (s *Session) find(ticket Ticket) *pending {
	for _, p := range s.taking.pending {
		if p.ticket == ticket && !p.held {
			return p
		}
	}
	return nil
}

// awaited reports whether a run of l is with the shell: the answer will tell the peer
// all that is here.
func (s *Session) awaited(l *log) bool {
	return slices.ContainsFunc(s.taking.pending, func(p *pending) bool {
		return p.run != nil && p.run.Log() == l.name
	})
}

// done forgets p, which is answered. It may have been the last of a round.
func (s *Session) done(p *pending) {
	s.count(p, -1)
	s.taking.pending = slices.DeleteFunc(s.taking.pending, func(q *pending) bool { return q == p })
	s.endRound(p.conv)
}

// stored answers the peer: only now is what it brought on this disk.
func (s *Session) stored(in Stored) {
	p := s.find(in.Ticket)
	switch {
	case p == nil:
		return
	case in.Err != nil:
		s.close(in.Err)
		return
	case p.run != nil && in.Refused != 0:
		s.refuse(p.conv, p.run.Log(), in.Refused)
	case p.run != nil:
		l := s.logOf(p.conv, p.run.Log())
		s.grow(l, in.Segments)
		if !p.conv.left && len(l.mine) > 0 {
			s.sendHave([]*log{l})
		}
		s.want(l)
	}
	s.done(p)
}

// refuse says that no more of a log is taken.
func (s *Session) refuse(c *conversation, name event.Log, why Reason) {
	if l := c.logs[name]; l != nil {
		l.refused = true
		s.mention(l) // what is here came another way
	}
	s.send(Frame{Refused: &Refused{Tag: c.mine, Device: name.Device, Instance: name.Instance, Reason: why}})
}

// settled begins to wait for the end of a round.
func (s *Session) settled(f *Settled) {
	c := s.at(f.Tag)
	if c == nil {
		return
	}
	if c.owed == 0 {
		s.close(broken("settled twice"))
		return
	}
	c.owed--
	c.settling = max(s.taking.last, 1)
	s.endRound(c)
}

// endRound gives RoundEnded if everything is answered that came before Settled.
func (s *Session) endRound(c *conversation) {
	if c.settling == 0 {
		return
	}
	for _, p := range s.taking.pending {
		if p.conv == c && p.ticket <= c.settling {
			return
		}
	}
	c.settling = 0
	s.emit(RoundEnded{c.id})
}

// needCard keeps p until its author's card has come.
func (s *Session) needCard(in NeedCard) {
	p, t := s.find(in.Ticket), &s.taking
	if p == nil {
		return
	}
	full := t.held == maxHeld || t.heldBytes+p.weight > maxHeldBytes
	if p.asked || full {
		if p.run != nil {
			why := NotPermitted
			if full {
				why = OverBudget
			}
			s.refuse(p.conv, p.run.Log(), why)
		}
		s.done(p)
		return
	}
	s.count(p, -1)
	p.held, p.person = true, in.Person
	s.count(p, 1)
	if !slices.Contains(t.persons, in.Person) {
		t.persons = append(t.persons, in.Person)
		if len(t.persons) == 1 {
			s.askForCard()
		}
	}
}

func (s *Session) askForCard() {
	s.send(Frame{CardRequest: &CardRequest{Person: s.taking.persons[0]}})
}

// card takes the answer to the one request under way.
func (s *Session) card(f *Card) {
	t := &s.taking
	if len(t.persons) == 0 || t.learning {
		s.close(broken("card that was not asked for"))
		return
	}
	t.learning = true
	s.emit(LearnCard{t.persons[0], f.Card})
}

// cardLearned tries again what has waited for the card.
func (s *Session) cardLearned() {
	t := &s.taking
	if !t.learning {
		return
	}
	t.learning = false
	person := t.persons[0]
	t.persons = t.persons[1:]
	for _, p := range t.pending {
		if p.held && p.person == person {
			s.count(p, -1)
			p.held, p.asked = false, true
			s.ingest(p)
		}
	}
	if len(t.persons) > 0 {
		s.askForCard()
	}
}

// cardRequest looks for a card that the peer needs. Whoever is served nothing has
// had nothing to need one for.
func (s *Session) cardRequest(f *CardRequest) {
	switch t := &s.taking; {
	case len(s.byTag) == 0:
	case t.fetching:
		s.close(broken("two card requests"))
	default:
		t.fetching = true
		s.emit(FetchCard{f.Person})
	}
}

func (s *Session) cardFetched(in CardFetched) {
	if s.taking.fetching {
		s.taking.fetching = false
		s.send(Frame{Card: &Card{in.Card}})
	}
}

// heldRecord takes a newer record of this node.
func (s *Session) heldRecord(in HeldRecord) {
	if c := s.byID[in.Conversation]; c != nil {
		s.pushRecord(c, s.keepRecord(c, &in.Record))
	}
}

// keepRecord replaces the picture of a record that is held here, if it is newer.
func (s *Session) keepRecord(c *conversation, r *event.Record) *record {
	head := headOf(r)
	rec := c.records[head.key()]
	if rec == nil {
		rec = &record{}
		c.records[head.key()] = rec
	} else if rec.mine == nil {
		s.claims--
	}
	if rec.mine == nil || head.newer(&rec.head) {
		rec.mine, rec.head = r, head
	}
	return rec
}

// seeRecord replaces the picture of a record at the peer, if it is newer.
func (s *Session) seeRecord(c *conversation, head RecordHead) {
	rec := c.records[head.key()]
	if rec == nil {
		if s.claims == maxClaims {
			return
		}
		s.claims++
		rec = &record{}
		c.records[head.key()] = rec
	}
	if head.newer(&rec.theirs) {
		rec.theirs = head
	}
}

func (s *Session) pushRecord(c *conversation, rec *record) {
	if c.live() && rec.mine != nil && rec.head.newer(&rec.theirs) {
		rec.theirs = rec.head
		s.send(Frame{Record: &Record{Tag: c.mine, Record: *rec.mine}})
	}
}

func (s *Session) pushRecords(c *conversation) {
	for _, key := range slices.SortedFunc(maps.Keys(c.records), recordKey.compare) {
		s.pushRecord(c, c.records[key])
	}
}

func (k recordKey) compare(o recordKey) int {
	return cmp.Or(bytes.Compare(k.device[:], o.device[:]), cmp.Compare(k.kind, o.kind), cmp.Compare(k.subject, o.subject))
}
