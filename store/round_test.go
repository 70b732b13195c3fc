package store

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/book"
	"github.com/earshot-im/earshot/store/event"
)

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
	switch rnd.IntN(22) {
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
		if _, err := n.book.TakeRequest(ctx, p, event.Conversation{}); err == book.ErrNoRequest {
			check(s.t, n.book.PutRequest(ctx, book.Request{Person: p, Run: []byte("run")}, ""))
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
	case 20:
		append1(Draft{Conversation: conversation, Kind: event.KindText, Content: text("files"), Attachments: attachments([]string{"x", "y", "z"}[:1+rnd.IntN(3)]...)})
		return "append files"
	case 21:
		if row, ok := s.pick(func(r *Row) bool { return len(r.Files) > 0 }); ok {
			check(s.t, n.SetFiles(ctx, FileSet{row.ID, rnd.IntN(len(row.Files)), FileStatus{FileState(rnd.IntN(10)), FileReason(rnd.IntN(5)), rnd.IntN(2) == 0, rnd.IntN(4) == 0}}))
		}
		return "a file"
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
		key := func(h *event.Header) {
			if rnd.IntN(4) == 0 && len(all) > 0 {
				h.Key = all[rnd.IntN(len(all))].Header.Key
			}
		}
		if words := fmt.Sprint("pen ", rnd.IntN(1000)); k%2 == 0 {
			e = p.say(words, key)
		} else {
			e = p.attach(words, []string{"x", "pen"}, key)
		}
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

// A reader is given only so much text at once, however many long messages have come.
func TestTextOfOnePortionIsBounded(t *testing.T) {
	a, _, c := pair(t)
	const all = 3 * maxWords / event.MaxText
	for range all {
		a.say(c, strings.Repeat("x", event.MaxText))
	}
	rows := 0
	for round := a.Round(0, Wanted{Kinds: RowArrived}); !round.Done(); {
		changed, err := round.Next(1000)
		check(t, err)
		size := 0
		for i := range changed {
			size += len(changed[i].Row.Text)
		}
		if size > 320<<10 {
			t.Errorf("%d KiB at once", size>>10)
		}
		rows += len(changed)
	}
	if rows != all {
		t.Errorf("%d rows of %d", rows, all)
	}
}
