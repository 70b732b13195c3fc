// Package view shows what the rooms of a node give as messages of the schema of its local API.
//
// It decides nothing and asks nobody: each function takes a value of a room and returns the message
// that callers get. Text that an answer can't carry, since it is not valid UTF-8, is mended; times
// and IDs that are not there are left out. Only the server of the local API and `earshot up` may
// call it.
package view

import (
	"encoding/hex"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node"
	"github.com/earshot-im/earshot/node/chat"
	"github.com/earshot-im/earshot/node/contacts"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
	"github.com/earshot-im/earshot/node/membership"
	"github.com/earshot-im/earshot/node/people"
	"github.com/earshot-im/earshot/node/quiet"
	"github.com/earshot-im/earshot/node/waiting"
	"github.com/earshot-im/earshot/node/warnings"
	"github.com/earshot-im/earshot/store/event"
)

// Each returns what each makes of every element.
func Each[From, To any](from []From, each func(From) To) []To {
	to := make([]To, len(from))
	for i, f := range from {
		to[i] = each(f)
	}
	return to
}

// Valid mends what an answer can't carry, so that one bad string does not make a page of messages
// unreadable for ever.
func Valid(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

// Text returns the text of an ID.
func Text[T fmt.Stringer](id T) string { return id.String() }

// Stamp returns a time, nil for the zero time.
func Stamp(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}

// EventID returns the text of a message's ID.
func EventID(id event.ID) string { return hex.EncodeToString(id[:]) }

func Peer(p node.Peer) *earshotv1.Peer {
	v := &earshotv1.Peer{
		Name:      Valid(p.Name),
		Petname:   Valid(p.Petname),
		Pinned:    Valid(p.Pinned),
		KnownAs:   Valid(p.KnownAs),
		Device:    p.Device.String(),
		Online:    p.Online,
		Contact:   p.Contact,
		Verified:  p.Verified,
		Blocked:   p.Blocked,
		Addresses: p.Addresses,
		FoundBy:   p.FoundBy,
		LastSeen:  Stamp(p.LastSeen),
		Unreached: p.Unreached,
	}
	if p.Person != (crypto.PersonID{}) { // not known before the first connection
		v.Person = p.Person.String()
	}
	return v
}

func Finding(f node.Finding) *earshotv1.Finding {
	return &earshotv1.Finding{
		LeftOut: Each(f.LeftOut, func(l node.LeftOut) *earshotv1.LeftOut {
			return &earshotv1.LeftOut{Interface: Valid(l.Interface), Reason: l.Reason}
		}),
		Troubles: Each(f.Troubles, func(t node.Trouble) *earshotv1.Trouble {
			return &earshotv1.Trouble{Code: t.Code, Detail: Valid(t.Detail)}
		}),
		Unreached: Each(f.Unreached, func(u node.Unreached) *earshotv1.Unreached {
			return &earshotv1.Unreached{Peer: Valid(u.Peer), Detail: Valid(u.Detail)}
		}),
	}
}

func Person(p contacts.Person) *earshotv1.Person {
	return &earshotv1.Person{
		Person:   p.ID.String(),
		Name:     Valid(p.Name),
		Petname:  Valid(p.Petname),
		Pinned:   Valid(p.Pinned),
		KnownAs:  Valid(p.KnownAs()),
		Contact:  p.Contact,
		Verified: p.Verified,
		Blocked:  p.Blocked,
		Online:   p.Online,
		Away:     p.Away,
		Devices:  Each(p.Devices, Text),
		LastSeen: Stamp(p.LastSeen),
	}
}

func Me(m people.Me) *earshotv1.MeResponse {
	return &earshotv1.MeResponse{
		Person:       m.Person.String(),
		Name:         m.Name,
		Device:       m.Device.String(),
		Accept:       m.Accept,
		ReadReceipts: m.ReadReceipts,
		Typing:       m.Typing,
		Presence:     m.Presence,
		Alerts:       m.Alerts,
		QuietHours: Each(m.QuietHours, func(h quiet.Hours) *earshotv1.QuietHours {
			return &earshotv1.QuietHours{Days: Each(h.Days, func(d int) uint32 { return uint32(d) }), From: uint32(h.From), To: uint32(h.To)}
		}),
		QuietUntil: Stamp(m.QuietUntil),
		Files:      &earshotv1.FileSettings{Auto: m.Filing.Auto, Dir: Valid(m.Filing.Dir), Keep: m.Filing.Keep, Max: m.Filing.Max},

		RecoveryKept:  m.RecoveryKept,
		RecoveryLater: Stamp(m.RecoveryLater),
	}
}

func Newcomers(n contacts.Newcomers) *earshotv1.NewcomersResponse {
	return &earshotv1.NewcomersResponse{
		Contact: Person(n.Contact),
		Newcomers: Each(n.First, func(n contacts.Newcomer) *earshotv1.Newcomer {
			return &earshotv1.Newcomer{Person: Person(n.Person), Since: Stamp(n.Since)}
		}),
		More: uint32(n.More),
	}
}

func Target(t contacts.Target) *earshotv1.Target {
	return &earshotv1.Target{Kind: t.Kind, Id: t.ID, Name: Valid(t.Name), Alike: t.Alike}
}

func Sent(m chat.Message) *earshotv1.Sent {
	return &earshotv1.Sent{
		Id:           EventID(m.ID),
		Conversation: Text(m.Conversation),
		To:           Target(m.To),
		State:        m.State,
		Reason:       m.Reason,
		Time:         Stamp(m.Time),
	}
}

func Message(m chat.Message) *earshotv1.Message {
	v := &earshotv1.Message{
		Id:           EventID(m.ID),
		Conversation: Text(m.Conversation),
		To:           Target(m.To),
		With:         Target(m.With),
		From:         Author(m.From),
		Kind:         m.Kind,
		Text:         Valid(m.Text),
		Time:         Stamp(m.Time),
		Received:     Stamp(m.Received),
		Own:          m.Own,
		State:        m.State,
		Reason:       m.Reason,
		Gap:          m.Gap,
		Forked:       m.Forked,
		Cursor:       m.Cursor,
		T:            m.T,
		Unread:       m.Unread,

		Edited:    m.Edited,
		Mentions:  Each(m.Mentions, Text),
		Mentioned: m.Mentioned,
		Reactions: Each(m.Reactions, Reaction),
	}
	for i := range m.Files {
		v.Attachments = append(v.Attachments, File(i+1, &m.Files[i]))
	}
	if m.ReplyTo != nil {
		v.ReplyTo = EventID(*m.ReplyTo)
	}
	if m.Notice != nil {
		v.From, v.Notice = nil, Notice(*m.Notice)
	}
	if q := m.Quote; q != nil {
		v.Quote = &earshotv1.Quote{Id: EventID(q.ID), From: Author(q.From), Own: q.Own, Kind: q.Kind, Text: Valid(q.Text), Files: uint32(q.Files)}
		if q.File != nil {
			v.Quote.File = File(1, q.File)
			v.Quote.File.Preview, v.Quote.File.Wave = nil, nil // each row would carry them
		}
	}
	if w := m.Waiting; w != nil {
		v.Waiting = &earshotv1.Waiting{First: Pending(w.First), Others: uint32(w.Others)}
	}
	return v
}

// Found shows a message that a search has found.
func Found(f chat.Found) *earshotv1.Found {
	v := &earshotv1.Found{Message: Message(f.Message)}
	if f.Person != nil {
		v.Person = Person(*f.Person)
	}
	at, n := 0, 0 // a place in the text, in bytes and in code points
	point := func(to int) uint32 {
		n += utf8.RuneCountInString(f.Text[at:to])
		at = to
		return uint32(n)
	}
	for _, m := range f.Marks {
		v.Marks = append(v.Marks, &earshotv1.Mark{Start: point(m.Start), End: point(m.End)})
	}
	return v
}

func Author(a chat.Author) *earshotv1.Author {
	v := &earshotv1.Author{
		Person:   a.Person.String(),
		Name:     Valid(a.Name),
		Petname:  Valid(a.Petname),
		Pinned:   Valid(a.Pinned),
		KnownAs:  Valid(a.KnownAs),
		Contact:  a.Contact,
		Verified: a.Verified,
	}
	if a.Device != (crypto.DeviceID{}) {
		v.Device = a.Device.String()
	}
	return v
}

func Reaction(r chat.Reaction) *earshotv1.Reaction {
	return &earshotv1.Reaction{From: Author(r.From), Emoji: Valid(r.Emoji), Own: r.Own}
}

func Reached(r chat.Reached) *earshotv1.Reached {
	v := &earshotv1.Reached{Person: Person(r.Person), State: r.State, Reason: r.Reason}
	if r.Waiting != nil {
		v.Waiting = Pending(*r.Waiting)
	}
	return v
}

func Group(g contacts.Group) *earshotv1.Group {
	v := &earshotv1.Group{
		Id:      g.ID.String(),
		Name:    Valid(g.Name),
		Topic:   Valid(g.Topic),
		History: g.History,
		Role:    g.Role,
		Members: uint32(g.Members),
		Online:  uint32(g.Online),
		Joined:  Stamp(g.Joined),
		Frozen:  g.Frozen,
		Hidden:  g.Hidden,
		Alike:   g.Alike,
		State:   g.State,
	}
	if g.InvitedBy != nil {
		v.InvitedBy = Person(*g.InvitedBy)
	}
	return v
}

func Member(m membership.Member) *earshotv1.Member {
	return &earshotv1.Member{Person: Person(m.Person), Role: m.Role, Joined: Stamp(m.Joined), Self: m.Self}
}

// Warning is a warning as Status gives it.
func Warning(w warnings.Warning) *earshotv1.Warning {
	v := &earshotv1.Warning{Code: w.Code, Detail: Valid(w.Detail), Since: Stamp(w.Since)}
	if p := w.Person; p != nil {
		v.Person = Person(contacts.Person{ID: p.ID, Name: p.Claimed, Petname: p.Petname, Pinned: p.Pinned, Contact: p.Contact, Verified: p.Verified, Blocked: p.Blocked,
			Devices: p.Parsed.Devices()})
		if w.InGroup {
			v.Group = &earshotv1.Target{Kind: "group", Id: w.Conversation.String(), Name: Valid(w.Detail)}
		}
	}
	return v
}

func Pending(p waiting.Pending) *earshotv1.Pending {
	return &earshotv1.Pending{
		Id:         EventID(p.ID),
		To:         Target(p.To),
		Person:     Person(p.Person),
		Queued:     Stamp(p.Queued),
		WaitingFor: p.WaitingFor,
		Reason:     p.Reason,
		Dials:      uint32(p.Dials),
		Error:      Valid(p.Error),
		LastSeen:   Stamp(p.LastSeen),
	}
}

func Request(r contacts.Request) *earshotv1.Request {
	v := &earshotv1.Request{
		Person:    r.Person.String(),
		Name:      Valid(r.Name),
		Device:    r.Device.String(),
		Received:  Stamp(r.Received),
		Text:      Valid(r.Text),
		MoreWaits: r.MoreWaits,
		Kind:      "text",
	}
	if r.Group != nil {
		v.Kind, v.Notice, v.Group, v.Members = "notice", "invited", Target(*r.Group), uint32(r.Members)
	}
	if r.Namesake != nil {
		v.Namesake = Person(*r.Namesake)
	}
	return v
}

// notice is a notice as Changes gives it.
func Notice(n contacts.Notice) *earshotv1.Notice {
	v := &earshotv1.Notice{
		Notice:  n.What,
		Group:   Target(n.Group),
		Own:     n.Own,
		Whom:    Each(n.Whom, Person),
		Mine:    n.Mine,
		Others:  uint32(n.Others),
		Name:    Valid(n.Name),
		Was:     Valid(n.Was),
		Text:    Valid(n.Text),
		Role:    n.Role,
		History: n.History,
		Time:    Stamp(n.Time),
		Cursor:  n.Cursor,
	}
	if n.By != nil {
		v.By = Person(*n.By)
	}
	return v
}
