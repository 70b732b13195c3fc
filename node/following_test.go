package node

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/chat"
	"github.com/earshot-im/earshot/node/contacts"
	"github.com/earshot-im/earshot/node/conversations"
	"github.com/earshot-im/earshot/node/journal"
	"github.com/earshot-im/earshot/node/people"
	"github.com/earshot-im/earshot/store/event"
)

// client is a program that follows a node's journal, and keeps a picture of all that it was told. It
// is killed at times: then it has what it has kept, and the last cursor that it has kept.
type client struct {
	cursor string
	reader *journal.Reader
	has    map[string]string
	by     map[string]crypto.PersonID // who wrote what it has
	resets int
}

// everyKind is all that a cursor covers.
var everyKind = []string{journal.Arrived, journal.Changed, journal.Gone, journal.Noticed, journal.Group, journal.Person, journal.Settings,
	journal.Requests, journal.Conversation}

// what renders a message, without the names of others, which people change without a word of it.
func what(m *chat.Message) string {
	text := fmt.Sprintf("%s %q %s/%s edited %t gap %t forked %t unread %t T %d at %s, mentions %v", m.Kind, m.Text, m.State, m.Reason, m.Edited,
		m.Gap, m.Forked, m.Unread, m.T, m.Cursor, m.Mentions)
	for _, r := range m.Reactions {
		text += fmt.Sprintf(", %s by %s", r.Emoji, r.From.Person)
	}
	return text
}

func personSeen(p *contacts.Person) string {
	return fmt.Sprintf("%q %q %q %t %t %t", p.Name, p.Petname, p.Pinned, p.Contact, p.Verified, p.Blocked)
}

func groupSeen(g *contacts.Group) string {
	return fmt.Sprintf("%q %q %s %s %d %v", g.Name, g.Topic, g.History, g.Role, g.Members, g.Joined)
}

func meSeen(me *people.Me) string {
	return fmt.Sprintf("%q %s %t", me.Name, me.Accept, me.ReadReceipts)
}

func conversationSeen(c *conversations.Conversation) string {
	last := "nothing"
	if c.Last != nil {
		last = what(c.Last)
	}
	return fmt.Sprintf("%d unread from %v, %d mentions, %s %t %t waiting %t, last %s", c.Unread, c.FirstUnread, c.Mentions, c.Notify, c.Pinned, c.Archived, c.Waiting, last)
}

func noticeSeen(n *contacts.Notice) string {
	return fmt.Sprintf("%s %q %q %v %d", n.What, n.Name, n.Was, n.Mine, len(n.Whom))
}

// look is all that there is to be seen at a machine of some persons and groups.
func (c *client) look(m *machine, with []*machine, groups []event.Conversation) map[string]string {
	t := m.w.t
	t.Helper()
	fail := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	out := map[string]string{}
	who := []string{}
	for _, o := range with {
		p := m.Contacts().Person(o.who.person)
		out["person "+p.ID.String()] = personSeen(&p)
		who = append(who, p.ID.String())
	}
	for _, g := range groups {
		who = append(who, "#"+g.String())
		view, err := m.Contacts().Group(g)
		fail(err)
		out["group "+g.String()] = groupSeen(&view)
	}
	for _, w := range who {
		conversation := m.conversation(w)
		out["conversation "+conversation.ID.String()] = conversationSeen(&conversation)
		if _, first, err := m.store.FirstPending(conversation.ID); err != nil || (first != 0) != conversation.Waiting {
			t.Errorf("%s: waiting %t, and %d is the first that somebody lacks: %v", w, conversation.Waiting, first, err)
		}
		messages, err := m.Messages().History(t.Context(), w, chat.HistoryRange{Limit: 1000})
		fail(err)
		for i := range messages {
			if p := m.Contacts().Person(messages[i].From.Person); !p.Blocked {
				c.keep(out, &messages[i])
			}
		}
	}
	notices, err := m.Groups().Notices(t.Context(), 0, 1000)
	fail(err)
	for i := range notices {
		out[fmt.Sprint("notice ", notices[i].Cursor)] = noticeSeen(&notices[i])
	}
	me, err := m.Owner().Me(t.Context())
	fail(err)
	out["me"] = meSeen(&me)
	return out
}

func (c *client) keep(out map[string]string, m *chat.Message) {
	key := fmt.Sprintf("message %x", m.ID[:])
	out[key] = what(m)
	c.by[key] = m.From.Person
}

// take takes in one change.
func (c *client) take(ch *journal.Change) {
	switch ch.Kind {
	case journal.Arrived, journal.Changed:
		c.keep(c.has, ch.Message)
	case journal.Gone:
		delete(c.has, fmt.Sprintf("message %x", ch.Message.ID[:]))
	case journal.Noticed:
		c.has[fmt.Sprint("notice ", ch.Notice.Cursor)] = noticeSeen(ch.Notice)
	case journal.Group:
		c.has["group "+ch.Group.ID.String()] = groupSeen(ch.Group)
	case journal.Person:
		c.has["person "+ch.Person.ID.String()] = personSeen(ch.Person)
		if ch.Person.Blocked {
			maps.DeleteFunc(c.has, func(key, _ string) bool { return c.by[key] == ch.Person.ID })
		}
	case journal.Settings:
		c.has["me"] = meSeen(ch.Settings)
	case journal.Conversation:
		c.has["conversation "+ch.Conversation.ID.String()] = conversationSeen(ch.Conversation)
	}
}

// follow takes up to so many batches, as they come within a while. Where killed is set, it dies in
// the middle of the last one.
func (c *client) follow(m *machine, while time.Duration, batches int, killed bool, look func() map[string]string) {
	t := m.w.t
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), while)
	defer cancel()
	for n := 1; n <= batches; n++ {
		if c.reader == nil {
			var err error
			if c.reader, err = m.Journal().Read(c.cursor, everyKind, chat.Filter{}); err != nil {
				t.Fatal(err)
			}
		}
		b, err := c.reader.Next(ctx)
		if errors.Is(err, context.DeadlineExceeded) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if b.Reset {
			c.resets++
			c.has, c.cursor = look(), b.Cursor
			continue
		}
		some := b.Changes
		if killed && n == batches {
			some = some[:len(some)/2]
		}
		for i := range some {
			c.take(&some[i])
		}
		if len(some) == len(b.Changes) {
			c.cursor = b.Cursor
		}
	}
	if killed {
		c.reader = nil
	}
}

// A client that is killed at random, and resumes by its cursor, has seen every change: what all
// write, edit, react to, recall and read, what comes late, who is named and blocked, what happens to
// the group, also where the node is killed or a backup is put back.
func TestClientMissesNothing(t *testing.T) {
	t.Parallel()
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			inWorld(t, 300+seed, func(t *testing.T, w *world) {
				all := w.people("Ann", "Bob", "Cleo")
				ann, bob, cleo := all[0], all[1], all[2]
				ann.meets(soon, bob, cleo)
				bob.meets(soon, cleo)
				g := ann.makes("lunch", bob, cleo)
				ann.say(bob, "hello")
				ann.say(cleo, "hello")
				group := "#" + g.String()
				c := &client{cursor: "0", has: map[string]string{}, by: map[string]crypto.PersonID{}}
				look := func() map[string]string { return c.look(ann, []*machine{bob, cleo}, []event.Conversation{g}) }
				last := map[*machine][]event.ID{}
				send := func(m *machine, to string) {
					if sent, err := m.Messages().Send(t.Context(), chat.Outgoing{To: to, Text: fmt.Sprint(m.name, " ", w.random.IntN(1e6))}); err == nil {
						last[m] = append(last[m], sent.ID)
					}
				}
				some := func() (event.ID, *machine) { // a message, and who has written it
					m := all[w.random.IntN(3)]
					if len(last[m]) == 0 {
						return event.ID{}, m
					}
					return last[m][w.random.IntN(len(last[m]))], m
				}
				var backup string
				for step := range 80 {
					m := all[w.random.IntN(3)]
					switch w.random.IntN(20) {
					case 0, 1, 2:
						send(m, group)
					case 3:
						send(ann, bob.who.person.String())
						send(cleo, ann.who.person.String())
					case 4:
						id, by := some()
						_, _ = by.Messages().Edit(t.Context(), id, fmt.Sprint("edited ", step))
					case 5:
						id, _ := some()
						_, _ = m.Messages().React(t.Context(), id, []string{"", "x", "y"}[step%3])
					case 6:
						id, by := some()
						_, _ = by.Messages().Recall(t.Context(), id)
					case 7:
						id, _ := some()
						_, _ = ann.Messages().Cancel(t.Context(), id)
					case 8, 9:
						id, _ := some()
						_ = m.Messages().MarkRead(t.Context(), id)
					case 10:
						_, _ = ann.Contacts().NameContact(t.Context(), cleo.who.person.String(), fmt.Sprint("Cleo ", step), false)
						_ = bob.Owner().SetName(t.Context(), fmt.Sprint("Bob ", step))
					case 11:
						if w.random.IntN(2) == 0 {
							_, _ = ann.Contacts().Block(t.Context(), cleo.who.person.String())
						} else {
							_, _ = ann.Contacts().Unblock(t.Context(), cleo.who.person.String())
						}
					case 12:
						_ = ann.Owner().SetReadReceipts(t.Context(), step%2 == 0)
						_ = ann.Owner().SetName(t.Context(), fmt.Sprint("Ann ", step))
					case 13:
						if o := all[1+w.random.IntN(2)]; w.random.IntN(2) == 0 {
							w.cut(ann.addr(), o.addr())
						} else {
							w.heal(ann.addr(), bob.addr())
							w.heal(ann.addr(), cleo.addr())
						}
					case 14:
						if w.random.IntN(2) == 0 {
							_, _ = ann.Groups().RenameGroup(t.Context(), group, fmt.Sprint("lunch ", step), true)
						} else if _, err := ann.Groups().RemoveMember(t.Context(), group, cleo.who.person.String()); err != nil {
							_, _ = ann.Groups().Invite(t.Context(), group, []string{cleo.who.person.String()})
						}
					case 17:
						with := []string{group, bob.who.person.String(), cleo.who.person.String()}[step%3]
						if first := ann.conversation(with).FirstUnread; first != nil && w.random.IntN(2) == 0 {
							_, _ = ann.Conversations().MarkReadTo(t.Context(), with, first)
						} else {
							_, _ = ann.Conversations().MarkReadTo(t.Context(), with, nil)
						}
					case 18:
						id, _ := some()
						_, _ = ann.Conversations().MarkUnread(t.Context(), group, id)
					case 19:
						yes, none := w.random.IntN(2) == 0, conversations.NotifyNone
						if _, err := ann.Conversations().Set(t.Context(), group, conversations.Choice{Pinned: &yes, Archived: &yes, Notify: &none}); err != nil {
							t.Error(err)
						}
					case 15:
						c.reader = nil
						ann.kill()
						ann.start(bob.address(), cleo.address())
					case 16:
						c.reader = nil
						switch {
						case backup == "":
							time.Sleep(time.Second)
							backup = snapshot(t, ann.dir)
						case c.resets == 0 && step > 40:
							ann.stop()
							ann.dir, ann.file = backup, "another"
							ann.start(bob.address(), cleo.address())
						}
					}
					time.Sleep(w.upTo(2 * time.Second))
					if w.random.IntN(3) == 0 {
						c.follow(ann, w.upTo(3*time.Second), 1+w.random.IntN(6), w.random.IntN(2) == 0, look)
					}
				}
				w.heal(ann.addr(), bob.addr())
				w.heal(ann.addr(), cleo.addr())
				time.Sleep(2 * time.Minute)
				c.follow(ann, 5*time.Second, 1<<20, false, look)
				want := look()
				for _, key := range slices.Sorted(maps.Keys(want)) {
					if c.has[key] != want[key] {
						t.Errorf("%s\n has  %s\n want %s", key, c.has[key], want[key])
					}
				}
				for key := range c.has {
					if _, ok := want[key]; !ok && len(key) > 8 && key[:7] == "message" {
						t.Errorf("%s is there no more", key)
					}
				}
			})
		})
	}
}

// told reads batches until nothing has come for a while, and returns the messages in them.
func (m *machine) told(r *journal.Reader, while time.Duration) (messages []journal.Change, cursor string) {
	m.w.t.Helper()
	for {
		ctx, cancel := context.WithTimeout(m.w.t.Context(), while)
		b, err := r.Next(ctx)
		cancel()
		if errors.Is(err, context.DeadlineExceeded) {
			return messages, cursor
		} else if err != nil {
			m.w.t.Fatal(err)
		}
		cursor = b.Cursor
		for _, c := range b.Changes {
			if c.Message != nil {
				messages = append(messages, c)
			}
		}
	}
}

// Changes of one message are told at most once a second, and in the end as it is then. Meanwhile
// everything else is told, under a cursor by which a client that is killed still learns of them.
func TestChangesOfOneMessageComeOnceASecond(t *testing.T) {
	t.Parallel()
	inWorld(t, 320, func(t *testing.T, w *world) {
		ann := w.people("Ann")[0]
		g := ann.makes("lunch")
		sent := ann.tell(g, "one")
		read := func(after string) *journal.Reader {
			r, err := ann.Journal().Read(after, []string{journal.Arrived, journal.Changed}, chat.Filter{})
			if err != nil {
				t.Fatal(err)
			}
			return r
		}
		edit := func(text string) {
			if _, err := ann.Messages().Edit(t.Context(), sent.ID, text); err != nil {
				t.Fatal(err)
			}
		}
		is := func(what string, got []journal.Change, want ...string) {
			t.Helper()
			var texts []string
			for _, c := range got {
				texts = append(texts, c.Kind+" "+c.Message.Text)
			}
			if !slices.Equal(texts, want) {
				t.Fatalf("%s: %q, want %q", what, texts, want)
			}
		}
		r := read("")
		got, _ := ann.told(r, time.Second)
		is("from now on", got)
		edit("two")
		got, _ = ann.told(r, time.Millisecond)
		is("the first change", got, "changed two")
		edit("three")
		time.Sleep(100 * time.Millisecond)
		edit("four")
		ann.tell(g, "other")
		got, cursor := ann.told(r, time.Millisecond)
		is("what comes at once", got, "arrived other")
		again, _ := ann.told(read(cursor), time.Millisecond)
		is("a client that was killed", again, "changed four", "arrived other")
		got, _ = ann.told(r, 2*time.Second)
		is("after a second", got, "changed four")
		edit("five")
		got, cursor = ann.told(r, 5*time.Second)
		is("long after that", got, "changed five")
		again, _ = ann.told(read(cursor), time.Second)
		is("nothing is told twice", again)
	})
}

// The names of a filter mean whom they meant when a program began to follow.
func TestFilterOfAJournalIsResolvedOnce(t *testing.T) {
	t.Parallel()
	inWorld(t, 321, func(t *testing.T, w *world) {
		all := w.people("Ann", "Bob", "Cleo")
		ann, bob, cleo := all[0], all[1], all[2]
		ann.meets(soon, bob, cleo)
		ann.say(bob, "hello")
		ann.say(cleo, "hello")
		time.Sleep(5 * time.Second)
		r, err := ann.Journal().Read("", []string{journal.Arrived}, chat.Filter{From: "Bob"})
		if err != nil {
			t.Fatal(err)
		}
		for _, names := range [][2]string{{bob.who.person.String(), "Robert"}, {cleo.who.person.String(), "Bob"}} {
			if _, err := ann.Contacts().NameContact(t.Context(), names[0], names[1], true); err != nil {
				t.Fatal(err)
			}
		}
		bob.say(ann, "of Bob")
		cleo.say(ann, "of Cleo")
		got, _ := ann.told(r, 10*time.Second)
		if len(got) != 1 || got[0].Message.Text != "of Bob" {
			t.Errorf("%d messages: %+v", len(got), got)
		}
		if _, err := ann.Journal().Read("", []string{"news"}, chat.Filter{}); !errors.Is(err, journal.ErrKind) {
			t.Errorf("an unknown kind: %v", err)
		}
	})
}
