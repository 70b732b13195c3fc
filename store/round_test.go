package store

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/book"
	"github.com/earshot-im/earshot/store/event"
)

// picture is all that people see of a store, by subject.
type picture map[string]string

// seen renders a row with all that it has.
func (n *node) seen(r Row, lax bool) string {
	if lax && r.Conversation != event.Direct(n.own.Person, r.Author) {
		n.view(func(rd *reader) error {
			if c, err := rd.conversation(r.Conversation); err == nil && rd.isGroup(&c) {
				r.Progress = Progress{}
			}
			return nil
		})
	}
	reply := ""
	if r.ReplyTo != nil {
		reply = fmt.Sprintf("%x", *r.ReplyTo)
		r.ReplyTo = nil
	}
	return fmt.Sprintf("%+v %s", r, reply)
}

func rowSubject(id event.ID) string { return fmt.Sprintf("row %x", id[:]) }

func (n *node) personSeen(id crypto.PersonID) (string, *book.Person) {
	n.t.Helper()
	persons, err := n.book.Persons()
	check(n.t, err)
	requests, err := n.book.Requests()
	check(n.t, err)
	waits := slices.ContainsFunc(requests, func(r book.Request) bool { return r.Person == id })
	for _, p := range persons {
		if p.ID == id {
			return fmt.Sprintf("%q %q %q %t %t %t, waits %t", p.Petname, p.Pinned, p.Claimed, p.Contact, p.Verified, p.Blocked, waits), &p
		}
	}
	return fmt.Sprintf("nobody, waits %t", waits), nil
}

func (n *node) settingsSeen() string {
	n.t.Helper()
	accept, err := n.book.Setting("accept")
	check(n.t, err)
	return accept
}

// groupSeen is what the council says of who is out of a group.
func (n *node) groupSeen(event.Conversation) string {
	n.council.mu.Lock()
	defer n.council.mu.Unlock()
	return fmt.Sprint(n.council.out, n.council.how, n.council.gone)
}

// unblocked wants what nobody has written whom the owner has blocked.
func (n *node) unblocked() Keep {
	n.t.Helper()
	blocked := map[crypto.PersonID]bool{}
	persons, err := n.book.Persons()
	check(n.t, err)
	for _, p := range persons {
		blocked[p.ID] = p.Blocked
	}
	return func(s Source) bool { return !blocked[s.Author] }
}

// picture looks at everything.
func (n *node) picture(lax bool) picture {
	n.t.Helper()
	out := picture{"settings": n.settingsSeen()}
	keep := n.unblocked()
	check(n.t, n.view(func(r *reader) error {
		for _, v := range r.Prefix(bucketArrivals, nil) {
			p, want, err := r.view.wanted(v, keep)
			if err != nil {
				return err
			}
			if !want {
				continue
			}
			row, err := r.view.rowAt(p)
			if err != nil {
				return err
			}
			out[rowSubject(row.ID)] = n.seen(row, lax)
		}
		return nil
	}))
	persons, err := n.book.Persons()
	check(n.t, err)
	for _, p := range persons {
		if p.ID != n.own.Person {
			out[fmt.Sprint("person ", p.ID)], _ = n.personSeen(p.ID)
		}
	}
	notices, err := n.Notices(0, 1<<20)
	check(n.t, err)
	for _, notice := range notices {
		out[fmt.Sprint("notice ", notice.N)] = fmt.Sprintf("%+v", notice)
	}
	groups, err := n.Groups()
	check(n.t, err)
	for _, c := range groups {
		if told, err := n.Told(c); err != nil || told != nil {
			check(n.t, err)
			hidden, err := n.Hidden(c)
			check(n.t, err)
			out[fmt.Sprint("group ", c)] = fmt.Sprint(n.groupSeen(c), hidden)
		}
	}
	return out
}

// follower follows the changes of a store, as a client does.
type follower struct {
	at  uint64
	has picture
	lax bool // it has no eye for the progress of messages in groups
	mu  sync.Mutex
}

// follow reads what has changed since the follower's cursor, in parts of up to limit, but at most
// so many parts; then it was killed, and has no more than what its cursor says.
func (f *follower) follow(n *node, limit, parts int) (told []Changed) {
	n.t.Helper()
	for {
		round := n.Round(f.at, Wanted{Kinds: EveryChange, Keep: n.unblocked()})
		rows := map[event.ID]bool{}
		last := uint64(0)
		for ; !round.Done(); parts-- {
			if parts == 0 {
				return told
			}
			part, err := round.Next(limit)
			check(n.t, err)
			for _, c := range part {
				if c.N < last || c.N <= f.at {
					n.t.Fatalf("%d after %d, from %d", c.N, last, f.at)
				}
				last = c.N
				if c.Kind&(RowArrived|RowChanged|RowGone) != 0 {
					if rows[c.Row.ID] {
						n.t.Fatalf("a row is told twice: %+v", c)
					}
					rows[c.Row.ID] = true
				}
				f.take(n, c)
			}
			told = append(told, part...)
			f.at = round.Told()
		}
		f.at = round.Told()
		if f.at == n.Last() {
			return told
		}
	}
}

// take does what a client does with a change.
func (f *follower) take(n *node, c Changed) {
	n.t.Helper()
	switch c.Kind {
	case RowArrived, RowChanged:
		f.has[rowSubject(c.Row.ID)] = n.seen(c.Row, f.lax)
	case RowGone:
		delete(f.has, rowSubject(c.Row.ID))
	case NoticeArrived:
		f.has[fmt.Sprint("notice ", c.Notice.N)] = fmt.Sprintf("%+v", c.Notice)
	case ConversationChanged:
		hidden, err := n.Hidden(c.Conversation)
		check(n.t, err)
		if told, err := n.Told(c.Conversation); err != nil || told != nil {
			check(n.t, err)
			f.has[fmt.Sprint("group ", c.Conversation)] = fmt.Sprint(n.groupSeen(c.Conversation), hidden)
		}
	case PersonChanged:
		text, p := n.personSeen(c.Person)
		if p != nil { // else somebody has a request who is not kept
			f.has[fmt.Sprint("person ", c.Person)] = text
		}
		if p != nil && p.Blocked {
			check(n.t, n.view(func(r *reader) error {
				for _, v := range r.Prefix(bucketArrivals, nil) {
					at, _, err := r.view.wanted(v, nil)
					if err != nil {
						return err
					}
					if x, err := r.entry(at); err != nil {
						return err
					} else if x.in.Person == c.Person {
						delete(f.has, rowSubject(x.id))
					}
				}
				return nil
			}))
		}
	case SettingsChanged:
		f.has["settings"] = n.settingsSeen()
	default:
		n.t.Fatalf("kind %d", c.Kind)
	}
}

// agree compares what the follower has with all that people see.
func (f *follower) agree(n *node, what string) {
	n.t.Helper()
	want := n.picture(f.lax)
	if maps.Equal(f.has, want) {
		return
	}
	for _, k := range slices.Sorted(maps.Keys(want)) {
		if f.has[k] != want[k] {
			n.t.Errorf("%s: %s\n has  %s\n want %s", what, k, f.has[k], want[k])
		}
	}
	for k := range f.has {
		if _, ok := want[k]; !ok {
			n.t.Errorf("%s: has %s", what, k)
		}
	}
	n.t.FailNow()
}

// maxFollowed is up to where the change counter may go in a test for its nodes to be followed.
const maxFollowed = 1000

// newFollower returns a follower of a node from now on. When the node stops, it must have seen all
// that has changed. So every test of this package is one of the journal too. The progress of
// messages in groups is left out, since tests change the council without a word.
func (n *node) newFollower() *follower {
	n.t.Helper()
	f := &follower{at: n.Last(), lax: true}
	if f.at > maxFollowed {
		return nil
	}
	f.has = n.picture(true)
	return f
}

// goOn has the follower catch up.
func (f *follower) goOn(n *node) {
	n.t.Helper()
	if f == nil || n.Last() > maxFollowed || !f.mu.TryLock() {
		return
	}
	defer f.mu.Unlock()
	f.follow(n, 20, -1)
}

// end compares what the follower has seen with what there is.
func (f *follower) end(n *node) {
	n.t.Helper()
	if f != nil && n.Last() <= maxFollowed && !n.t.Failed() {
		f.follow(n, 20, -1)
		f.agree(n, "what was followed")
	}
}

// scene is a node at which anything happens, with a friend, a stranger who writes what they like,
// and a group.
type scene struct {
	*node
	rnd    *rand.Rand
	friend *node
	with   event.Conversation
	group  event.Conversation
	pens   []*pen
	events map[*pen][]event.Event // what each has written
	given  map[*pen][]event.Event // what the node was given of it
}

func newScene(t *testing.T, seed uint64) *scene {
	s := &scene{rnd: rand.New(rand.NewPCG(seed, 8)), events: map[*pen][]event.Event{}, given: map[*pen][]event.Event{}}
	s.node, s.friend, s.with = pair(t)
	stranger := newPen(t)
	stranger.meets(s.node, false)
	s.group = group(s.node, s.friend)
	member := newPen(t)
	member.meets(s.node, true)
	member.restart(s.group)
	s.pens = []*pen{stranger, member}
	s.council.set(s.group, s.council.heads[s.group][0], s.friend.own.Person, member.card.Person())
	return s
}

// pick returns one of the rows that are there, if there is one.
func (s *scene) pick(want func(*Row) bool) (row Row, ok bool) {
	s.t.Helper()
	var rows []Row
	for _, c := range []event.Conversation{s.with, s.group, event.Direct(s.own.Person, s.pens[0].card.Person())} {
		rows = append(rows, s.rows(c)...)
	}
	rows = slices.DeleteFunc(rows, func(r Row) bool { return !want(&r) })
	if len(rows) == 0 {
		return row, false
	}
	return rows[s.rnd.IntN(len(rows))], true
}

// act does one thing at random, and says what.
func (s *scene) act() string {
	s.t.Helper()
	n, rnd := s.node, s.rnd
	own := func(r *Row) bool { return r.Own && !r.Recalled }
	others := func(r *Row) bool { return !r.Own }
	conversation := []event.Conversation{s.with, s.group}[rnd.IntN(2)]
	append1 := func(d Draft) {
		if _, err := n.Append(ctx, d); err != nil && err != ErrNoEvent && err != ErrNoConversation {
			s.t.Fatal(err)
		}
	}
	switch rnd.IntN(20) {
	case 0, 1:
		s.many(s.t, conversation, 1+rnd.IntN(5))
		return "append"
	case 2:
		if row, ok := s.pick(own); ok {
			content, _ := event.Edit{Text: fmt.Sprint("edited ", rnd.IntN(1000))}.Marshal()
			append1(Draft{Conversation: row.Conversation, Kind: event.KindEdit, Content: content, Target: row.ID})
		}
		return "edit"
	case 3:
		if row, ok := s.pick(func(r *Row) bool { return !r.Recalled }); ok {
			content, _ := event.Reaction{Emoji: []string{"", "x", "y"}[rnd.IntN(3)]}.Marshal()
			append1(Draft{Conversation: row.Conversation, Kind: event.KindReaction, Content: content, Target: row.ID})
		}
		return "react"
	case 4:
		if row, ok := s.pick(own); ok {
			if _, err := n.Recall(ctx, row.ID); err != nil && err != ErrTooLate {
				s.t.Fatal(err)
			}
		}
		return "recall"
	case 5:
		if row, ok := s.pick(own); ok {
			if _, err := n.Cancel(ctx, row.ID); err != nil && err != ErrAcknowledged && err != ErrUndelivered {
				s.t.Fatal(err)
			}
		}
		return "cancel"
	case 6:
		s.friend.many(s.t, conversation, 1+rnd.IntN(3))
		s.carry(s.friend, n, conversation)
		return "the friend writes"
	case 7:
		s.carry(n, s.friend, conversation)
		return "the friend acknowledges"
	case 8:
		for _, row := range s.friend.rows(conversation) {
			if !row.Own && rnd.IntN(2) == 0 {
				log := event.Log{Conversation: conversation, Device: row.Device, Instance: n.log(conversation).Instance}
				check(s.t, n.NoteDelivered(ctx, []Delivery{{Person: s.friend.own.Person, Log: log, Read: true,
					Segments: []event.Segment{{First: row.Sequence, Last: row.Sequence, ID: row.ID}}}}))
			}
		}
		return "the friend reads"
	case 9:
		if row, ok := s.pick(others); ok {
			check(s.t, n.MarkRead(ctx, rnd.IntN(2) == 0, row.ID))
		}
		return "read"
	case 10, 11:
		p := s.pens[rnd.IntN(2)]
		return s.write(p)
	case 12, 13:
		p := s.pens[rnd.IntN(2)]
		if all := s.events[p]; len(all) > 0 {
			first := rnd.IntN(len(all))
			run := all[first:min(len(all), first+1+rnd.IntN(3))]
			for i := range run[1:] {
				if run[i+1].Header.Previous != run[i].ID {
					run = run[:i+1] // a fork
					break
				}
			}
			if _, err := p.give(n, run...); err != nil && err != ErrForked && err != ErrCut {
				s.t.Fatal(err)
			}
		}
		return "a part of a log comes"
	case 14:
		n.wait(time.Duration(rnd.IntN(100)) * time.Second)
		check(s.t, n.Release(ctx, nil, n.now().Add(-3*time.Second), nil))
		return "release"
	case 15:
		limits := map[event.Log]uint64{}
		if rnd.IntN(2) == 0 {
			limits[s.pens[1].log] = uint64(rnd.IntN(8))
		}
		if rnd.IntN(4) == 0 {
			limits[n.log(s.group)] = uint64(1 + rnd.IntN(8))
		}
		check(s.t, n.SetLimits(ctx, s.group, limits))
		return "limits"
	case 16:
		p := s.pens[rnd.IntN(2)].card.Person()
		check(s.t, n.book.UpdatePerson(ctx, p, func(q *book.Person) error {
			if rnd.IntN(2) == 0 {
				q.Blocked = !q.Blocked
			} else {
				q.Petname = fmt.Sprint("name ", rnd.IntN(100))
			}
			return nil
		}))
		return "person"
	case 17:
		p := s.pens[0].card.Person()
		if _, err := n.book.TakeRequest(ctx, p); err == book.ErrNoRequest {
			check(s.t, n.book.PutRequest(ctx, p, []byte("run")))
		} else {
			check(s.t, err)
		}
		check(s.t, n.book.SetSetting(ctx, "accept", fmt.Sprint(rnd.IntN(3))))
		return "request and setting"
	case 18:
		who := []crypto.PersonID{s.friend.own.Person, s.pens[1].card.Person(), n.own.Person}[rnd.IntN(3)]
		n.council.mu.Lock()
		if who == n.own.Person {
			n.council.out, n.council.how = !n.council.out, Removed
		} else if i := slices.Index(n.council.gone, who); i >= 0 {
			n.council.gone = slices.Delete(n.council.gone, i, i+1)
		} else {
			n.council.gone = append(n.council.gone, who)
		}
		n.council.mu.Unlock()
		check(s.t, n.Tell(ctx, s.group, News{Heads: []crypto.Hash{{byte(rnd.IntN(100))}}, Moved: []crypto.PersonID{who},
			Notices: []Notice{{What: GroupRemoved, Whom: []crypto.PersonID{who}}}}))
		return "the group changes"
	}
	n.reopen()
	return "reopen"
}

// carry gives one what it lacks of what the other has written, and has it acknowledge that.
func (s *scene) carry(from, to *node, c event.Conversation) {
	s.t.Helper()
	log := from.log(c)
	if log == (event.Log{}) {
		return
	}
	for _, missing := range from.logs(c)[log].Missing(to.logs(c)[log]) {
		for seq := missing.First; seq <= missing.Last; {
			run, err := from.LoadRun(log, seq, event.MaxRunEvents, event.MaxRunSent)
			check(s.t, err)
			if _, err := to.take(run, Origin{Author: from.own.Person}); err == ErrCut {
				return
			} else {
				check(s.t, err)
			}
			seq = run.Segment().Last + 1
		}
	}
	check(s.t, from.NoteDelivered(ctx, []Delivery{{Person: to.own.Person, Log: log, Segments: to.logs(c)[log]}}))
}

// write has a pen write something that the node is not given yet.
func (s *scene) write(p *pen) string {
	rnd, all := s.rnd, s.events[p]
	at := epoch.Add(time.Duration(len(all)) * time.Second)
	some := func() event.ID { return all[rnd.IntN(len(all))].ID }
	var e event.Event
	switch k := rnd.IntN(8); {
	case k < 4 || len(all) == 0:
		e = p.say(fmt.Sprint("pen ", rnd.IntN(1000)), func(h *event.Header) {
			if rnd.IntN(4) == 0 && len(all) > 0 {
				h.Key = all[rnd.IntN(len(all))].Header.Key
			}
		})
	case k == 4:
		e = p.edits(some(), fmt.Sprint("edit ", rnd.IntN(1000)), at)
	case k == 5:
		e = p.reacts(some(), "z", at)
	case k == 6:
		e = p.recalls(some(), at)
	default: // a fork
		q := *p
		if len(all) > 2 {
			q.last = all[len(all)-2]
		}
		e = q.say(fmt.Sprint("fork ", rnd.IntN(1000)))
		s.events[p] = append(all, e)
		return "fork"
	}
	s.events[p] = append(all, e)
	return "a pen writes"
}

// Whatever happens, a follower that was killed anywhere and resumes by its cursor has seen every
// change, and each row once in a round.
func TestChangesTellEverything(t *testing.T) {
	seeds, steps := uint64(12), 120
	if testing.Short() {
		seeds = 3
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			s := newScene(t, seed)
			followers := []*follower{{has: picture{}}, {at: s.Last(), has: s.picture(false)}}
			for step := range steps {
				what := fmt.Sprintf("seed %d, step %d: %s", seed, step, s.act())
				if s.rnd.IntN(6) == 0 && len(followers) < 12 {
					followers = append(followers, &follower{at: s.Last(), has: s.picture(false)})
				}
				for _, f := range followers {
					switch s.rnd.IntN(6) {
					case 0:
						f.follow(s.node, 1+s.rnd.IntN(5), 1+s.rnd.IntN(4))
					case 1:
						f.follow(s.node, 1+s.rnd.IntN(5), -1)
						f.agree(s.node, what)
					}
				}
				crash := s.rnd.IntN(30) == 0
				if crash {
					n := &node{t: t, dir: s.backup(), at: s.now(), file: s.file}
					n.council.heads, n.council.readers = s.council.heads, s.council.readers
					n.council.gone, n.council.out, n.council.how = s.council.gone, s.council.out, s.council.how
					n.open()
					old := followers[s.rnd.IntN(len(followers))]
					f := &follower{at: old.at, has: maps.Clone(old.has)}
					f.follow(n, 3, -1)
					f.agree(n, what+", after a crash")
					n.stop()
				}
			}
			for _, f := range followers {
				f.follow(s.node, 100, -1)
				f.agree(s.node, "in the end")
			}
		})
	}
}
