// Package journal is what the owner's programs follow: one journal of all that people see. It tells
// what has changed since a cursor, each message, group and person once and as it is now, and then
// what changes, as soon as it does.
//
// The store knows what has changed (store.Round); this package makes of it what the owner sees, by
// the rooms that show these things, waits for more, and tells the changes of one message, and those of
// one conversation, at most once a second. A [Reader] is for one caller, who takes what it has when they are ready: it has no
// goroutine, and keeps nothing for a slow caller but their place.
//
// A cursor says which store it is of, and up to which number of its change counter everything was
// told. Whoever resumes by a cursor that they were given has missed nothing, whenever either side was
// killed: nothing is told before it is on the disk, and rooms that keep what they show in memory
// bring that up to date before anybody is told of the commit. A cursor that is of another store, or
// from the future of this one, which has gone back in time, is answered by a reset. Nothing else is.
//
// What people do at the moment, who writes and who is here, is no part of what a cursor covers: a reader
// who asks for it is told what is so when they begin, and what becomes another. Nor are drafts,
// which are told as they are set to who follows then. Nor is who
// waits to be accepted, since identities are free, and not all of that is on the disk: a reader is
// told at its beginning how many wait, and again when that may have changed.
package journal

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/earshot-im/earshot/node/chat"
	"github.com/earshot-im/earshot/node/contacts"
	"github.com/earshot-im/earshot/node/conversations"
	"github.com/earshot-im/earshot/node/notify"
	"github.com/earshot-im/earshot/node/people"
	"github.com/earshot-im/earshot/node/presence"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/event"
)

// ErrKind: there is no such kind of change. The other errors of Read are those of store.Store.At and,
// for the names in the filter, of package contacts.
var ErrKind = errors.New("no such kind of change")

// Kinds of changes.
const (
	Arrived  = "arrived"  // a message that is new here
	Changed  = "changed"  // a message that is another one now, or has come into view
	Gone     = "gone"     // a message that is not shown any more, or some of a conversation
	Noticed  = "notice"   // something has happened in a group
	Group    = "group"    // a group is another one now
	Person   = "person"   // a person is another one now
	Settings = "settings" // the owner has set something
	Requests = "requests" // who waits to be accepted; told at first, and when that may have changed

	// These are told only to who asks for them.
	Typing       = "typing"       // who writes in a conversation now
	Presence     = "presence"     // a contact or fellow member has come, gone or is away
	Online       = "online"       // how many people are in earshot; told at first, and when that is another number
	Conversation = "conversation" // it is another one now, by anything that a list shows of it
	Draft        = "draft"        // the owner has set one, or has sent it, while the reader reads
)

var kinds = map[string]store.ChangeKind{
	Arrived:  store.RowArrived,
	Changed:  store.RowChanged,
	Gone:     store.RowGone | store.RowsGone,
	Noticed:  store.NoticeArrived,
	Group:    store.ConversationChanged,
	Person:   store.PersonChanged,
	Settings: store.SettingsChanged,
	Typing:   0,
	Presence: 0,
	Online:   0,
	Requests: store.PersonChanged, // requests that are on the disk are noted with their persons

	Conversation: store.ConversationMoved,
	Draft:        0,
}

// Change is one thing that has changed, as it is now.
type Change struct {
	Kind     string
	Message  *chat.Message      // of Arrived and Changed; of Gone what of it does not depend on its words
	Cleared  event.Conversation // of Gone without a Message: messages of it have gone for good
	Notice   *contacts.Notice
	Group    *contacts.Group
	Person   *contacts.Person
	Settings *people.Me
	Requests int // how many wait
	Online   int
	Writing  *Writing

	Conversation *conversations.Conversation
	Draft        *conversations.DraftChange
}

// Batch is what a reader is told at once. It may have no changes, and only move the cursor.
type Batch struct {
	Changes []Change
	Cursor  string
	Reset   bool // the cursor that was given is not of this store, or from its future; it goes on from now
	Live    bool // all that had changed when the reader began was told
}

// Config is what a Journal is made of.
type Config struct {
	Store    *store.Store
	Messages *chat.Messages
	Contacts *contacts.Contacts
	Owner    *people.Owner
	Shown    *notify.Counter // moves after each commit that has changed something
	Waiting  *notify.Counter // moves when a request has come that is kept in memory only
	Presence *presence.Presence
	Typing   *notify.Counter // moves when somebody begins to write or stops
	Moved    *notify.Counter // moves when somebody comes, goes or is away
	Online   func() int      // how many people are in earshot

	Conversations *conversations.Conversations
	Drafted       *notify.Counter // moves when a draft was set or sent
}

// Journal gives out readers. Its methods may be called by any goroutine.
type Journal struct{ cfg Config }

// New returns the journal of a store.
func New(cfg Config) *Journal { return &Journal{cfg: cfg} }

// Follow gives a caller the batches of a reader, each when tell has taken the one before, until ctx
// ends or tell fails. The errors are those of Read, of the store and of tell.
func (j *Journal) Follow(ctx context.Context, after string, of []string, f chat.Filter, tell func(Batch) error) error {
	r, err := j.Read(after, of, f)
	for err == nil {
		var b Batch
		if b, err = r.Next(ctx); err == nil {
			err = tell(b)
		}
	}
	return err
}

// Read returns a reader of what has changed after a cursor: from now on if that is empty, from the
// beginning if it is "0". It tells only the kinds that are named, or all if none is. The filter is
// about messages only; its names are resolved here, once.
func (j *Journal) Read(after string, of []string, f chat.Filter) (*Reader, error) {
	keep, err := j.cfg.Messages.Shown(f)
	if err != nil {
		return nil, err
	}
	want, requests, persons := store.Wanted{Keep: keep}, len(of) == 0, len(of) == 0
	typing, here, online := false, false, false
	for _, name := range of {
		kind, ok := kinds[name]
		if !ok {
			return nil, fmt.Errorf("%w: %q", ErrKind, name)
		}
		want.Kinds |= kind
		requests = requests || name == Requests
		persons = persons || name == Person
		typing, here, online = typing || name == Typing, here || name == Presence, online || name == Online
	}
	if len(of) == 0 {
		want.Kinds = store.EveryChange
	}
	n, reset, err := j.parse(after)
	if err != nil {
		return nil, err
	}
	r := newReader(j, want, n, reset)
	r.moment = newMoment(typing, here, online)
	r.drafts.begin(&j.cfg, slices.Contains(of, Draft))
	r.persons, r.requests.wanted, r.requests.dirty = persons, requests, requests
	return r, nil
}

// parse returns the number that a cursor stands for, and whether it is answered by a reset.
func (j *Journal) parse(cursor string) (n uint64, reset bool, err error) {
	now := j.cfg.Store.Last()
	if cursor == "" {
		return now, false, nil
	}
	n, err = j.cfg.Store.At(cursor)
	if errors.Is(err, store.ErrOtherCursor) {
		return now, true, nil
	}
	return n, false, err
}
