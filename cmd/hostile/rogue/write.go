package rogue

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"slices"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/wire"
	"github.com/earshot-im/earshot/store/event"
)

// Log is a log of a person's in a conversation. Its events come out unsigned.
type Log struct {
	by       *Person
	In       event.Conversation
	instance event.Instance
	last     event.Event
	Control  []crypto.Hash // the heads under which its author writes
	Card     crypto.Hash   // the head of their card; zero: the right one
}

// Log begins one, with a new instance.
func (p *Person) Log(in event.Conversation) *Log {
	l := &Log{by: p, In: in}
	Random(l.instance[:])
	return l
}

// Direct begins a log of the conversation with the victim.
func (s *Session) Direct() *Log { return s.By.Log(event.Direct(s.By.ID, s.Victim)) }

func (l *Log) next(kind event.Kind, flags uint64, content []byte) event.Event {
	return l.with(kind, flags, content, nil)
}

func (l *Log) with(kind event.Kind, flags uint64, content []byte, files []event.Attachment) event.Event {
	h := event.Header{Conversation: l.In, Device: l.by.Key.ID(), Instance: l.instance, Sequence: l.last.Header.Sequence + 1,
		Previous: l.last.ID, Card: l.by.Card.Head(), Clock: time.Now().UnixMilli(), Kind: kind, Flags: flags, Control: l.Control}
	if l.Card != (crypto.Hash{}) {
		h.Card = l.Card
	}
	body := event.Body{Content: content, Attachments: files}
	Random(h.Key[:])
	Random(body.Salt[:])
	l.last = Must(event.New(h, body))
	return l.last
}

func (l *Log) Text(text string) event.Event {
	return l.next(event.KindText, 0, Must(event.Text{Text: text}.Marshal()))
}

// Texts are so many events of one text.
func (l *Log) Texts(many int, text string) (events []event.Event) {
	for range many {
		events = append(events, l.Text(text))
	}
	return events
}

// Sign signs the last of some events, which proves the others.
func (l *Log) Sign(events ...event.Event) []event.Event {
	events[len(events)-1].Sign(l.by.Key)
	return events
}

// Run is the session's next run.
func (s *Session) Run(tag []byte, events []event.Event) wire.Frame {
	return wire.Frame{Run: &event.Run{Tag: tag, Events: events, Number: s.runs.Add(1)}}
}

// Opening is a run for somebody who has offered nothing.
func Opening(events []event.Event) wire.Frame {
	return wire.Frame{Run: &event.Run{Events: events}}
}

// Group is a control set in the making, whose founder does most of it.
type Group struct {
	Founder *Log
	secret  [32]byte
	Set     []event.Event
}

// Found makes a group.
func (p *Person) Found(name string) *Group {
	g := &Group{Founder: p.Log(event.Conversation{})}
	Random(g.secret[:])
	g.Act(g.Founder, event.Create{Person: p.ID, Name: name, Secret: g.secret, History: event.History{Policy: event.HistoryAll}})
	g.Founder.In = g.ID()
	return g
}

func (g *Group) ID() event.Conversation { return g.Set[0].Header.Conversation }

func (g *Group) Last() *event.Event { return &g.Set[len(g.Set)-1] }

// Act has somebody do something after all that was done.
func (g *Group) Act(by *Log, act event.Control) event.Event {
	if len(g.Set) > 0 {
		by.Control = []crypto.Hash{g.Last().ID}
	}
	e := by.next(act.Kind(), event.FlagCritical, Must(act.Marshal()))
	e.Sign(by.by.Key)
	g.Set = append(g.Set, e)
	return e
}

// Invite brings persons in, as many by one event as there may be.
func (g *Group) Invite(persons ...crypto.PersonID) {
	persons = slices.SortedFunc(slices.Values(persons), func(a, b crypto.PersonID) int { return bytes.Compare(a[:], b[:]) })
	for some := range slices.Chunk(persons, event.MaxInvited) {
		g.Act(g.Founder, event.Invite{Persons: some})
	}
}

// Tag names the group in what a session's owner says.
func (g *Group) Tag(s *Session) []byte { return g.tagOf(s, s.By.Key.ID()) }

// TheirTag names the group in what the victim says.
func (g *Group) TheirTag(s *Session) []byte {
	return g.tagOf(s, Must(crypto.DeviceFromPeer(s.client.Peer)))
}

func (g *Group) tagOf(s *Session, device crypto.DeviceID) []byte {
	low, high := s.nonce, s.theirs
	if bytes.Compare(low[:], high[:]) > 0 {
		low, high = high, low
	}
	mac := hmac.New(sha256.New, g.secret[:])
	mac.Write(slices.Concat([]byte("earshot/tag/1\x00"), low[:], high[:], device[:]))
	return mac.Sum(nil)
}

// Welcome tells somebody that they were brought into the group by its second event.
func (g *Group) Welcome(members int) wire.Frame {
	return wire.Frame{Welcome: &wire.Welcome{Create: g.Set[0], Join: g.Set[1], Card: g.Founder.by.Card.Bytes(), Members: uint64(members)}}
}

// Offer offers the group.
func (g *Group) Offer(s *Session) error {
	return s.Send(wire.Frame{Offers: &wire.Offers{Offers: []wire.Offer{{Tag: g.Tag(s), Store: s.By.Store, Locator: []crypto.Hash{g.Last().ID}}}}})
}
