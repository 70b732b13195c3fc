package store

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

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
		for _, v := range r.arrivals(0) {
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
	case RowsGone:
		f.clear(n, c.Conversation)
	case NoticeArrived:
		f.has[fmt.Sprint("notice ", c.Notice.N)] = fmt.Sprintf("%+v", c.Notice)
	case ConversationChanged:
		hidden, err := n.Hidden(c.Conversation)
		check(n.t, err)
		if told, err := n.Told(c.Conversation); err != ErrNoConversation && (err != nil || told != nil) {
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
				for _, v := range r.arrivals(0) {
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

// clear forgets the rows of a conversation that are not here any more. What else the follower has of
// people of whom nothing is kept does no harm.
func (f *follower) clear(n *node, c event.Conversation) {
	left := map[string]bool{}
	if rows, err := n.Rows(c, Page{Limit: 1 << 20}); err == nil {
		for _, r := range rows {
			left[rowSubject(r.ID)] = true
		}
	}
	for subject, text := range f.has {
		if strings.HasPrefix(subject, "row ") && strings.Contains(text, fmt.Sprintf("Conversation:%v", c)) && !left[subject] {
			delete(f.has, subject)
		}
	}
}

// forget forgets persons who are not kept any more. Nobody is told of that: they are strangers who
// are as well known as others who were only met.
func (f *follower) forget(want picture) {
	for subject := range f.has {
		if _, ok := want[subject]; !ok && strings.HasPrefix(subject, "person ") {
			delete(f.has, subject)
		}
	}
}

// agree compares what the follower has with all that people see.
func (f *follower) agree(n *node, what string) {
	n.t.Helper()
	want := n.picture(f.lax)
	f.forget(want)
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
