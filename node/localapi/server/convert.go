package server

import (
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node"
	"github.com/earshot-im/earshot/node/chat"
	"github.com/earshot-im/earshot/node/contacts"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
	"github.com/earshot-im/earshot/node/people"
	"github.com/earshot-im/earshot/node/warnings"
	"github.com/earshot-im/earshot/store/event"
)

func convert[From, To any](from []From, each func(From) To) []To {
	to := make([]To, len(from))
	for i, f := range from {
		to[i] = each(f)
	}
	return to
}

// valid mends what an answer can't carry, so that one bad string does not make a page of messages
// unreadable for ever.
func valid(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

func text[T fmt.Stringer](id T) string { return id.String() }

func stamp(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}

func eventText(id event.ID) string { return hex.EncodeToString(id[:]) }

// eventID reads an ID, which is 64 hexadecimal digits.
func eventID(text string) (event.ID, error) {
	b, err := hex.DecodeString(text)
	if err != nil || len(b) != len(event.ID{}) {
		return event.ID{}, fmt.Errorf("%w: a message ID has %d hexadecimal digits", errInvalid, 2*len(event.ID{}))
	}
	return event.ID(b), nil
}

// optionalID is nil where there is no text.
func optionalID(text string) (*event.ID, error) {
	if text == "" {
		return nil, nil
	}
	id, err := eventID(text)
	return &id, err
}

func peer(p node.Peer) *earshotv1.Peer {
	v := &earshotv1.Peer{
		Name:      valid(p.Name),
		Petname:   valid(p.Petname),
		KnownAs:   valid(p.KnownAs),
		Device:    p.Device.String(),
		Online:    p.Online,
		Contact:   p.Contact,
		Verified:  p.Verified,
		Addresses: p.Addresses,
		FoundBy:   p.FoundBy,
		LastSeen:  stamp(p.LastSeen),
	}
	if p.Person != (crypto.PersonID{}) { // not known before the first connection
		v.Person = p.Person.String()
	}
	return v
}

func finding(f node.Finding) *earshotv1.Finding {
	return &earshotv1.Finding{
		LeftOut: convert(f.LeftOut, func(l node.LeftOut) *earshotv1.LeftOut {
			return &earshotv1.LeftOut{Interface: valid(l.Interface), Reason: l.Reason}
		}),
		Troubles: convert(f.Troubles, func(t node.Trouble) *earshotv1.Trouble {
			return &earshotv1.Trouble{Code: t.Code, Detail: valid(t.Detail)}
		}),
		Unreached: convert(f.Unreached, func(u node.Unreached) *earshotv1.Unreached {
			return &earshotv1.Unreached{Peer: valid(u.Peer), Detail: valid(u.Detail)}
		}),
	}
}

func person(p contacts.Person) *earshotv1.Person {
	return &earshotv1.Person{
		Person:   p.ID.String(),
		Name:     valid(p.Name),
		Petname:  valid(p.Petname),
		Pinned:   valid(p.Pinned),
		KnownAs:  valid(p.KnownAs()),
		Contact:  p.Contact,
		Verified: p.Verified,
		Blocked:  p.Blocked,
		Online:   p.Online,
		Devices:  convert(p.Devices, text),
	}
}

func me(m people.Me) *earshotv1.MeResponse {
	return &earshotv1.MeResponse{
		Person:       m.Person.String(),
		Name:         m.Name,
		Device:       m.Device.String(),
		Accept:       m.Accept,
		ReadReceipts: m.ReadReceipts,
	}
}

func newcomer(n contacts.Newcomer) *earshotv1.Newcomer {
	return &earshotv1.Newcomer{Person: person(n.Person), Since: stamp(n.Since)}
}

func target(t contacts.Target) *earshotv1.Target {
	return &earshotv1.Target{Kind: t.Kind, Id: t.ID, Name: valid(t.Name)}
}

func sent(m chat.Message) *earshotv1.Sent {
	return &earshotv1.Sent{
		Id:           eventText(m.ID),
		Conversation: text(m.Conversation),
		To:           target(m.To),
		State:        m.State,
		Reason:       m.Reason,
		Time:         stamp(m.Time),
	}
}

func message(m chat.Message) *earshotv1.Message {
	v := &earshotv1.Message{
		Id:           eventText(m.ID),
		Conversation: text(m.Conversation),
		To:           target(m.To),
		With:         target(m.With),
		From: &earshotv1.Author{
			Person:   m.From.Person.String(),
			Name:     valid(m.From.Name),
			Petname:  valid(m.From.Petname),
			KnownAs:  valid(m.From.KnownAs),
			Device:   m.From.Device.String(),
			Contact:  m.From.Contact,
			Verified: m.From.Verified,
		},
		Kind:     m.Kind,
		Text:     valid(m.Text),
		Time:     stamp(m.Time),
		Received: stamp(m.Received),
		Own:      m.Own,
		State:    m.State,
		Reason:   m.Reason,
		Gap:      m.Gap,
		Forked:   m.Forked,
		Cursor:   m.Cursor,
		T:        m.T,
		Unread:   m.Unread,

		Edited:    m.Edited,
		Mentions:  convert(m.Mentions, text),
		Mentioned: m.Mentioned,
		Reactions: convert(m.Reactions, reaction),
	}
	if m.ReplyTo != nil {
		v.ReplyTo = eventText(*m.ReplyTo)
	}
	return v
}

func reaction(r chat.Reaction) *earshotv1.Reaction {
	return &earshotv1.Reaction{Person: r.Person.String(), Name: valid(r.Name), Emoji: valid(r.Emoji)}
}

func reached(r chat.Reached) *earshotv1.Reached {
	return &earshotv1.Reached{Person: person(r.Person), State: r.State, Reason: r.Reason}
}

func group(g contacts.Group) *earshotv1.Group {
	v := &earshotv1.Group{
		Id:      g.ID.String(),
		Name:    valid(g.Name),
		Topic:   valid(g.Topic),
		History: g.History,
		Role:    g.Role,
		Members: uint32(g.Members),
		Online:  uint32(g.Online),
		Joined:  stamp(g.Joined),
		Frozen:  g.Frozen,
		Hidden:  g.Hidden,
	}
	if g.InvitedBy != nil {
		v.InvitedBy = person(*g.InvitedBy)
	}
	return v
}

func member(m chat.Member) *earshotv1.Member {
	return &earshotv1.Member{Person: person(m.Person), Role: m.Role, Joined: stamp(m.Joined), Self: m.Self}
}

// Warning is a warning as Status gives it.
func Warning(w warnings.Warning) *earshotv1.Warning {
	return &earshotv1.Warning{Code: w.Code, Detail: w.Detail, Since: stamp(w.Since)}
}

func pending(p chat.Pending) *earshotv1.Pending {
	return &earshotv1.Pending{
		Id:         eventText(p.ID),
		To:         target(p.To),
		Queued:     stamp(p.Queued),
		WaitingFor: p.WaitingFor,
		Detail:     valid(p.Detail),
		LastSeen:   stamp(p.LastSeen),
	}
}

func request(r contacts.Request) *earshotv1.Request {
	v := &earshotv1.Request{
		Person:    r.Person.String(),
		Name:      valid(r.Name),
		Device:    r.Device.String(),
		Received:  stamp(r.Received),
		Text:      valid(r.Text),
		MoreWaits: r.MoreWaits,
		Kind:      "text",
	}
	if r.Group != nil {
		v.Kind, v.Notice, v.Group = "notice", "invited", target(*r.Group)
	}
	return v
}

// notice is a notice as Changes gives it.
func notice(n chat.Notice) *earshotv1.Notice {
	v := &earshotv1.Notice{
		Notice:  n.What,
		Group:   target(n.Group),
		Own:     n.Own,
		Whom:    convert(n.Whom, person),
		Mine:    n.Mine,
		Others:  uint32(n.Others),
		Name:    valid(n.Name),
		Was:     valid(n.Was),
		Text:    valid(n.Text),
		Role:    n.Role,
		History: n.History,
		Time:    stamp(n.Time),
		Cursor:  n.Cursor,
	}
	if n.By != nil {
		v.By = person(*n.By)
	}
	return v
}
