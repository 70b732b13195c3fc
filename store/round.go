package store

import (
	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/changes"
	"github.com/earshot-im/earshot/store/event"
	"github.com/earshot-im/earshot/store/layout"
)

// ChangeKind says what a Changed is about.
type ChangeKind uint16

const (
	RowArrived    ChangeKind = 1 << iota // a row that is new here
	RowChanged                           // a row that is another one now, or has come into view
	RowGone                              // a row that has left the view, since its log counts no longer so far
	NoticeArrived                        // a notice that is new here
	ConversationChanged
	PersonChanged
	SettingsChanged
	RowsGone // rows of a conversation, which strangers had written, have gone for good: those that are left say which

	// ConversationMoved is a conversation of which something of all the rest has changed, whoever has
	// written there: what its Overview says may be another. Each is returned once in a round.
	ConversationMoved

	// EveryChange is all kinds but ConversationMoved.
	EveryChange = RowArrived | RowChanged | RowGone | NoticeArrived | ConversationChanged | PersonChanged | SettingsChanged | RowsGone
)

// Changed is one subject that has changed, as it is now.
type Changed struct {
	N            uint64 // of the change counter, when it changed
	Kind         ChangeKind
	Row          Row                // of RowArrived and RowChanged; of RowGone without words and progress
	Notice       Notice             // of NoticeArrived
	Conversation event.Conversation // of ConversationChanged, ConversationMoved and RowsGone
	Person       crypto.PersonID    // of PersonChanged
}

// Wanted says which changes a reader wants.
type Wanted struct {
	Kinds ChangeKind // the sum of those that are wanted
	Keep  Keep       // which rows
}

// maxWords is how many bytes of text, reactions and previews a reader is given at once, but for one row more.
// A program that does not read holds as much in memory, and about a dozen times that where each byte
// of a text takes six as JSON.
const maxWords = 256 << 10

// Round is what has changed between two numbers of the change counter: what a reader has missed
// who has followed the changes up to the first. It returns each subject once, in the order in which
// they changed last, and rows in the order in which they came, each as it is when it is returned. A
// row that came within the round is returned as arrived, and not again as changed.
//
// What changes while a round is read, and was not returned yet, belongs to the next round.
type Round struct {
	s           *Store
	want        Wanted
	after, upTo uint64
	at          changes.Place // behind what was looked at
	told        uint64
	rows        map[layout.Slot]struct{}        // that were returned as changed; at most maxRowsTold
	moved       map[event.Conversation]struct{} // that were returned as moved
}

// maxRowsTold bounds the rows that a round remembers. Past it a row may be returned twice that has
// changed in two ways: an edit of it came into view, say, and it was delivered.
const maxRowsTold = 1 << 16

// Round returns the round from a number up to the change counter of now.
func (s *Store) Round(after uint64, want Wanted) *Round {
	return &Round{s: s, want: want, after: after, upTo: s.Last(), at: changes.At(after + 1), told: after, rows: map[layout.Slot]struct{}{},
		moved: map[event.Conversation]struct{}{}}
}

// Told returns the number up to which the round has returned everything that is wanted.
func (r *Round) Told() uint64 { return r.told }

// Done reports whether that is all.
func (r *Round) Done() bool { return r.told >= r.upTo }

// Next returns up to limit changes, or fewer, or none, also where the round is not done: it ends at
// what fits one short transaction.
func (r *Round) Next(limit int) ([]Changed, error) {
	if r.Done() {
		return nil, nil
	}
	p := portion{Round: *r, limit: limit}
	if err := r.s.view(p.read); err != nil {
		return nil, err
	}
	r.at, r.told = p.at, p.told
	return p.out, nil
}

// portion is a part of a round that is read in one transaction.
type portion struct {
	Round // as it is after what was read
	*reader
	limit  int
	out    []Changed
	words  int // bytes of text, reactions and previews in out
	looked int // how much was looked at
}

func (p *portion) full() bool {
	return len(p.out) >= p.limit || p.looked >= maxPassed || p.words >= maxWords
}

// read goes on from Round.at.
func (p *portion) read(r *reader) error {
	p.reader = r
	for {
		next, err := p.next()
		switch {
		case err != nil:
			return err
		case next.n > p.upTo:
			p.told = p.upTo
			return nil
		case p.full():
			p.told = max(p.told, next.n-1)
			return nil
		case next.slot != nil:
			err = p.row(&next)
		case next.notice != nil:
			err = p.notice(&next)
		case next.entry.Kind == changes.Rows || next.entry.Kind == changes.Effects:
			err = p.events(&next.entry)
		default:
			p.other(&next.entry)
		}
		if err != nil {
			return err
		}
		p.looked++
	}
}

// coming is what comes next in a round: a row that arrived, a notice or an entry of the journal.
type coming struct {
	n           uint64 // none if there is nothing
	slot        []byte // of the row
	key, notice []byte // of the notice
	entry       changes.Entry
}

// none is above every number of the change counter.
const none = 1<<64 - 1

// next returns what comes next from Round.at on. Of what stands at one number, that which arrived
// comes first.
func (p *portion) next() (c coming, err error) {
	from := p.at.N()
	if p.at.Within() {
		from++
	}
	c.n = none
	key := layout.U64(from)
	if k, v := p.firstArrival(from); k != nil {
		c = coming{n: layout.Number(k), slot: v}
	}
	if k, v := p.Seek(bucketNotices, key); k != nil && layout.Number(k) < c.n {
		c = coming{n: layout.Number(k), key: k, notice: v}
	}
	if e, ok, err := changes.Next(p.Reader, p.at); err != nil {
		return c, err
	} else if ok && e.N < c.n {
		c = coming{n: e.N, entry: e}
	}
	return c, nil
}

// pass goes on behind what arrived at a number.
func (p *portion) pass(n uint64) { p.at = append(changes.At(n), 0) }

// row returns a row that arrived.
func (p *portion) row(c *coming) error {
	p.pass(c.n)
	if slot, ok := layout.SlotAt(c.slot); ok {
		if err := p.moveLog(c.n, slot.Log); err != nil {
			return err
		}
	}
	if p.want.Kinds&RowArrived == 0 {
		return nil
	}
	at, want, err := p.view.wanted(c.slot, p.want.Keep)
	if err != nil || !want {
		return err
	}
	row, err := p.view.rowAt(at)
	if err != nil {
		return err
	}
	p.put(Changed{N: c.n, Kind: RowArrived, Row: row})
	return nil
}

// notice returns a notice.
func (p *portion) notice(c *coming) error {
	p.pass(c.n)
	if p.want.Kinds&(NoticeArrived|ConversationMoved) == 0 {
		return nil
	}
	notice, err := p.reader.notice(c.key, c.notice)
	if err != nil {
		return err
	}
	p.move(c.n, notice.Group)
	if p.want.Kinds&NoticeArrived == 0 {
		return nil
	}
	p.put(Changed{N: c.n, Kind: NoticeArrived, Notice: notice})
	return nil
}

func (p *portion) put(c Changed) {
	p.words += len(c.Row.Text) + len(c.Row.Reactions)*event.MaxEmoji
	for i := range c.Row.Files {
		p.words += len(c.Row.Files[i].Preview) + event.MaxFileName
	}
	p.out = append(p.out, c)
}

// other returns a subject that is not a part of a log.
func (p *portion) other(e *changes.Entry) {
	p.at = e.After()
	c := Changed{N: e.N}
	switch e.Kind {
	case changes.Conversation:
		c.Kind, c.Conversation = ConversationChanged, event.Conversation(e.ID)
	case changes.Person:
		c.Kind, c.Person = PersonChanged, crypto.PersonID(e.ID)
	case changes.Settings:
		c.Kind = SettingsChanged
	case changes.Cleared:
		c.Kind, c.Conversation = RowsGone, event.Conversation(e.ID)
	}
	switch e.Kind {
	case changes.Conversation, changes.Cleared:
		p.move(e.N, c.Conversation)
	case changes.Person:
		p.move(e.N, event.Direct(p.reader.s.own.Person, c.Person))
	}
	if p.want.Kinds&c.Kind != 0 {
		p.put(c)
	}
}

// move returns a conversation as moved, unless it was.
func (p *portion) move(n uint64, c event.Conversation) {
	if _, told := p.moved[c]; told || p.want.Kinds&ConversationMoved == 0 {
		return
	}
	p.moved[c] = struct{}{}
	p.put(Changed{N: n, Kind: ConversationMoved, Conversation: c})
}

// moveLog does so for the conversation of a log.
func (p *portion) moveLog(n uint64, log uint32) error {
	if p.want.Kinds&ConversationMoved == 0 {
		return nil
	}
	l, err := p.log(log)
	if err == nil {
		p.move(n, l.Name.Conversation)
	}
	return err
}

// events returns the rows that events of a log are shown in, as far as there is room for them.
func (p *portion) events(e *changes.Entry) error {
	if err := p.moveLog(e.N, e.Log); err != nil {
		return err
	}
	if p.want.Kinds&(RowChanged|RowGone) == 0 {
		p.at = e.After()
		return nil
	}
	for k := range p.From(bucketEvents, layout.Slot{Log: e.Log, Sequence: e.Events.First}.Bytes()) {
		at, ok := layout.SlotAt(k)
		if !ok {
			return damaged("slot of %d bytes", len(k))
		}
		if at.Log != e.Log || at.Sequence > e.Events.Last {
			break
		}
		if p.full() {
			p.at = e.Behind(at.Sequence - 1)
			return nil
		}
		if err := p.changed(e, at); err != nil {
			return err
		}
		p.looked++
	}
	p.at = e.After()
	return nil
}

// again reports whether a row was returned as changed before, and notes that it was.
func (p *portion) again(row layout.Slot) bool {
	if _, told := p.rows[row]; told {
		return true
	}
	if len(p.rows) == maxRowsTold {
		clear(p.rows)
	}
	p.rows[row] = struct{}{}
	return false
}

// changed returns the row that shows an event, or what it does.
func (p *portion) changed(e *changes.Entry, at layout.Slot) error {
	x, err := p.entry(at)
	if err != nil {
		return err
	}
	if e.Kind == changes.Effects && isEdit(x.header.Kind) {
		x, err = p.view.rowEntry(x.header.Target)
	} else {
		x, err = p.view.shownFor(x)
	}
	switch {
	case err == ErrNoEvent:
		return nil
	case err != nil:
		return err
	case p.want.Kinds&RowArrived != 0 && x.Arrival > p.after: // it was returned when it arrived
		return nil
	case p.again(x.Slot):
		return nil
	case p.want.Keep != nil && !p.want.Keep(Source{Conversation: x.in.Name.Conversation, Author: x.in.Person}):
		return nil
	}
	c := Changed{N: e.N, Kind: RowChanged}
	if p.hidden(x) {
		c.Kind, c.Row = RowGone, p.view.bareRow(x)
	} else if c.Row, err = p.view.row(x); err != nil {
		return err
	}
	if p.want.Kinds&c.Kind != 0 {
		p.put(c)
	}
	return nil
}
