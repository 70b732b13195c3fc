package node_test

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/authority"
	"github.com/earshot-im/earshot/node/groups"
	"github.com/earshot-im/earshot/node/sync"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/event"
)

// perform does one effect and returns its answer, if it has one.
func (p *party) perform(e sync.Effect) sync.Input {
	ctx, w := p.talk.t.Context(), p.talk
	switch e := e.(type) {
	case sync.Send:
		w.queue = append(w.queue, sent{p, e.Frame.Marshal()})
	case sync.Identify:
		card, err := crypto.ParseCard(e.Card)
		w.check(err)
		if !card.Speaks(p.peer.own.Device.ID()) || !e.Profile.Verify() {
			w.t.Fatal("not who they say")
		}
		p.peerNonce, p.known = e.Nonce, true
		return p.joined()
	case sync.Load:
		run, err := p.store.LoadRun(e.Log, e.First, e.Events, e.Bytes)
		w.check(err)
		p.withhold(&run)
		return sync.Loaded{Log: e.Log, Run: run}
	case sync.LoadControl:
		events, more, err := p.groups.Missing(e.Conversation, p.peer.own.Person, e.Known, e.Events, e.Bytes)
		w.check(err)
		return sync.LoadedControl{Conversation: e.Conversation, Events: events, More: more}
	case sync.Ingest:
		return p.ingest(e)
	case sync.IngestRecord:
		w.check(p.ingestRecord(e.Record))
		return sync.Stored{Ticket: e.Ticket}
	case sync.IngestControl:
		w.check(p.groups.Admit(ctx, e.Conversation, e.Events))
		return sync.Stored{Ticket: e.Ticket}
	case sync.LoadWelcome:
		welcome, err := p.groups.WelcomeOf(e.Conversation, p.peer.own.Person)
		w.check(err)
		return sync.LoadedWelcome{Conversation: e.Conversation, Welcome: welcome}
	case sync.IngestWelcome:
		_, err := p.groups.Welcome(ctx, e.Welcome, "")
		w.check(err)
		return sync.Stored{Ticket: e.Ticket}
	case sync.Acked:
		w.check(p.store.NoteDelivered(ctx, []store.Delivery{{Log: e.Log, Person: p.peer.own.Person, Segments: e.Segments}}))
	case sync.Drain:
		return sync.Drained{}
	case sync.Wake:
		p.wake = e.At
	case sync.Heeds, sync.Brings, sync.RoundBegan, sync.RoundDropped, sync.RoundEnded, sync.Sighted, sync.Recognize, sync.TypingShared, sync.PresenceShared:
	default:
		w.t.Fatalf("%s: %T %+v", p.name, e, e)
	}
	return nil
}

// joined is what the peer may have now.
func (p *party) joined() sync.Input {
	w := p.talk
	direct := sync.Conversation{ID: w.direct(), Records: []event.Record{p.profile}}
	var err error
	direct.Logs, err = p.store.Logs(direct.ID)
	w.check(err)
	receipts, err := p.store.Book().Records(event.KindReceipt, direct.ID[:])
	w.check(err)
	direct.Records = append(direct.Records, receipts...)
	in := sync.Joined{Own: p.own.Card.Devices(), Serve: true, Conversations: []sync.Conversation{direct}}
	for _, g := range append(p.groups.Shared(p.peer.own.Person), p.groups.Arriving()...) {
		c := sync.Conversation{ID: g.ID, Locator: p.groups.Locator(g.ID), Welcome: g.Welcome, Quiet: g.Quiet, Follow: true, Logs: make(map[event.Log]event.Segments),
			OurTag:  groups.Tag(g.Secret, p.nonce, p.peerNonce, p.own.Device.ID()),
			PeerTag: groups.Tag(g.Secret, p.nonce, p.peerNonce, p.peer.own.Device.ID())}
		if g.Quiet {
			in.Conversations = append(in.Conversations, c)
			continue
		}
		logs, err := p.store.Logs(g.ID)
		w.check(err)
		for log, segments := range logs {
			if segments = p.visible(log, segments); len(segments) > 0 {
				c.Logs[log] = segments
			}
		}
		c.Records, err = p.store.Book().Records(event.KindReceipt, slices.Concat(g.ID[:], p.peer.own.Person[:]))
		w.check(err)
		in.Conversations = append(in.Conversations, c)
	}
	return in
}

// floor is the first sequence of a log that the peer may have.
func (p *party) floor(log event.Log) uint64 {
	if !p.groups.Known(log.Conversation) || log.Device == p.peer.own.Device.ID() {
		return 1
	}
	floor, err := p.groups.Floor(log, nil, p.peer.own.Person)
	p.talk.check(err)
	return floor
}

func (p *party) visible(log event.Log, segments event.Segments) (out event.Segments) {
	floor := p.floor(log)
	for _, g := range segments {
		if g.First = max(g.First, floor); g.First <= g.Last {
			out = append(out, g)
		}
	}
	return out
}

// withhold marks what the peer may not have of what comes before the first event of a run.
func (p *party) withhold(run *event.Run) {
	if h := &run.Events[0].Header; h.Sequence > 1 && h.Sequence == p.floor(h.Log()) {
		run.Events[0].Withheld = event.WithholdPrevious
	}
}

func (p *party) ingest(e sync.Ingest) sync.Input {
	w, run := p.talk, e.Run
	w.check(run.Prove())
	author := p.peer.own.Person
	inGroup := p.groups.Known(e.Conversation)
	if inGroup {
		if err := p.groups.Accepts(author, &run); errors.Is(err, authority.ErrParent) {
			return sync.NeedControl{Ticket: e.Ticket}
		} else {
			w.check(err)
		}
		var err error
		run, err = p.groups.Readable(run, p.own.Person)
		w.check(err)
	}
	result, err := p.store.BeginIngest(w.t.Context(), run, store.Origin{Author: author})()
	w.check(err)
	p.held[run.Log()] = result.Segments // what is stored is answered, and need not be told as well
	return sync.Stored{Ticket: e.Ticket, Segments: p.visible(run.Log(), result.Segments)}
}

func (p *party) ingestRecord(r event.Record) error {
	if !r.Verify() {
		return fmt.Errorf("record of kind %d not proven", r.Kind)
	}
	_, err := p.store.Book().PutRecord(p.talk.t.Context(), r)
	return err
}

// Author, Owner and Keep make a party what groups ask for cards.
func (p *party) Author(head crypto.Hash, device crypto.DeviceID) (crypto.PersonID, error) {
	for _, one := range []*party{p, p.peer} {
		if one.own.Card.SpeaksAt(head, device) {
			return one.own.Person, nil
		}
	}
	return crypto.PersonID{}, &groups.NeedsCardError{Head: head}
}

func (p *party) Owner(device crypto.DeviceID) (crypto.PersonID, bool) {
	person, err := p.Author(p.own.Card.Head(), device)
	return person, err == nil
}

func (p *party) Keep(context.Context, crypto.PersonID) error { return nil }
func (p *party) Card(crypto.PersonID) []byte                 { return nil }
func (p *party) Brings(crypto.PersonID) bool                 { return true }
func (p *party) Ignores(crypto.PersonID) bool                { return false }
