package journal

import (
	"slices"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/contacts"
	"github.com/earshot-im/earshot/node/presence"
	"github.com/earshot-im/earshot/store/event"
)

// Writing is who writes in a conversation now; nobody: nobody any more.
type Writing struct {
	Conversation event.Conversation
	With         contacts.Target
	Persons      []contacts.Person
}

// moment is what a reader was told of what people do now. It is no part of the cursor: who is told
// again has missed nothing that is still so. What is told is compared with what was told before, at most
// once in a pause.
type moment struct {
	typing, presence       bool // wanted
	online                 bool // the same
	seenTyping, seenMoved  uint64
	moreTyping, moreMoved  <-chan struct{} // closed when there may be something to tell; nil if that isn't wanted
	dirtyTyping, dirtyHere bool
	at                     time.Time // when it was looked at last

	writes map[event.Conversation][]crypto.PersonID
	here   map[crypto.PersonID]bool // who is, and whether they are away
	count  int                      // of all people who are; -1 at first
}

func newMoment(typing, presence, online bool) moment {
	return moment{typing: typing, presence: presence, online: online, dirtyTyping: typing, dirtyHere: presence || online, count: -1,
		writes: make(map[event.Conversation][]crypto.PersonID), here: make(map[crypto.PersonID]bool)}
}

// watch notes whether there may be something to tell. It is called before the reader looks.
func (m *moment) watch(cfg *Config) {
	if m.typing {
		n, more := cfg.Typing.Now()
		m.dirtyTyping = m.dirtyTyping || n != m.seenTyping
		m.seenTyping, m.moreTyping = n, more
	}
	if m.presence || m.online {
		n, more := cfg.Moved.Now()
		m.dirtyHere = m.dirtyHere || n != m.seenMoved
		m.seenMoved, m.moreMoved = n, more
	}
}

func (m *moment) dirty() bool { return m.dirtyTyping || m.dirtyHere }

// due returns when to look, if there may be something to tell.
func (m *moment) due() time.Time { return m.at.Add(pause) }

// look adds what is another now than was told, as much as a batch may have.
func (m *moment) look(cfg *Config, b *Batch, now time.Time) {
	if !m.dirty() || now.Before(m.due()) {
		return
	}
	m.at = now
	if m.dirtyTyping {
		m.dirtyTyping = false
		m.lookTyping(cfg, b)
	}
	if m.dirtyHere {
		m.dirtyHere = m.presence && m.lookHere(cfg, b)
		m.lookOnline(cfg, b)
	}
}

// lookTyping adds who writes. Package presence bounds in how many conversations.
func (m *moment) lookTyping(cfg *Config, b *Batch) {
	all := cfg.Presence.Typing()
	for c := range m.writes {
		if !slices.ContainsFunc(all, func(t presence.Typing) bool { return t.Conversation == c }) {
			all = append(all, presence.Typing{Conversation: c})
		}
	}
	for _, t := range all {
		if slices.Equal(m.writes[t.Conversation], t.Persons) {
			continue
		}
		if m.writes[t.Conversation] = t.Persons; len(t.Persons) == 0 {
			delete(m.writes, t.Conversation)
		}
		w := Writing{Conversation: t.Conversation, With: cfg.Contacts.TargetOf(t.Conversation)}
		for _, id := range t.Persons {
			w.Persons = append(w.Persons, cfg.Contacts.Person(id))
		}
		b.Changes = append(b.Changes, Change{Kind: Typing, Writing: &w})
	}
}

// lookOnline adds how many people are here, if that is wanted and another number than was told.
func (m *moment) lookOnline(cfg *Config, b *Batch) {
	if !m.online {
		return
	}
	if n := cfg.Online(); n != m.count {
		m.count = n
		b.Changes = append(b.Changes, Change{Kind: Online, Online: n})
	}
}

// lookHere adds who has come, gone or is away, and reports whether there is more of that.
func (m *moment) lookHere(cfg *Config, b *Batch) (more bool) {
	ids := make(map[crypto.PersonID]bool)
	for _, id := range cfg.Presence.Here() {
		ids[id] = true
	}
	for id := range m.here {
		ids[id] = true
	}
	for id := range ids {
		if len(b.Changes) >= maxBatch {
			return true
		}
		person := cfg.Contacts.Person(id)
		away, was := m.here[id]
		if person.Online == was && person.Away == away {
			continue
		}
		if delete(m.here, id); person.Online {
			m.here[id] = person.Away
		}
		b.Changes = append(b.Changes, Change{Kind: Presence, Person: &person})
	}
	return false
}
