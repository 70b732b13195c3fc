package ingest

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/earshot-im/earshot/node/authority"
	"github.com/earshot-im/earshot/node/groups"
	"github.com/earshot-im/earshot/node/sync"
	"github.com/earshot-im/earshot/store/book"
	"github.com/earshot-im/earshot/store/event"
)

// What a stranger writes to the owner is taken, and the store knows them from then on.
func TestRunOfAStranger(t *testing.T) {
	ann, bob, _ := newHalls(t)
	run := bob.writesTo(ann, "hello")
	for _, fresh := range []bool{true, false} {
		in := ann.Ingest(t.Context(), run, bob.id())
		if in.Err != nil || in.Author != bob.id() || in.New != fresh || !in.Segments.Covers(1) {
			t.Errorf("ingested: %+v, want new: %t", in, fresh)
		}
	}
	if kept, member := ann.keeps(bob); !kept || member {
		t.Errorf("kept: %t, as a member: %t", kept, member)
	}
	if words := ann.reads(event.Direct(ann.id(), bob.id())); !slices.Equal(words, []string{"hello"}) {
		t.Errorf("shown: %q", words)
	}
}

// Who brings something must be one of the two who talk, and who has written it as well.
func TestRunOfAThirdPerson(t *testing.T) {
	ann, bob, dora := newHalls(t)
	ours := event.Direct(ann.id(), bob.id())
	for what, c := range map[string]struct {
		run  event.Run
		from *hall
		ok   bool
	}{
		"Bob's to Dora, by Bob":               {bob.writesTo(dora, "for Dora"), bob, false},
		"Bob's to Dora, by Dora":              {bob.writesTo(dora, "for Dora"), dora, false},
		"Bob's to Ann, by Dora":               {bob.writesTo(ann, "for Ann"), dora, false},
		"Dora's, in Bob's conversation":       {dora.pen(ours), bob, false},
		"Dora's, in Bob's, by herself":        {dora.pen(ours), dora, false},
		"what Ann has written to Bob, by Bob": {ann.writesTo(bob, "from Ann"), bob, true},
	} {
		in := ann.Ingest(t.Context(), c.run, c.from.id())
		if c.ok && in.Err != nil || !c.ok && !errors.Is(in.Err, ErrStranger) || in.New {
			t.Errorf("%s: %+v", what, in)
		}
	}
	if kept, _ := ann.keeps(dora); kept {
		t.Error("the store knows her because of what was refused")
	}
}

// What its author has not signed is the fault of whoever brings it. What needs a card waits for
// that.
func TestRunThatIsNotProven(t *testing.T) {
	ann, bob, _ := newHalls(t)
	c := event.Direct(ann.id(), bob.id())
	forged := bob.pen(c)
	forged.Events[0].Signature = bob.pen(c).Events[0].Signature
	if in := ann.Ingest(t.Context(), forged, bob.id()); !errors.Is(in.Err, ErrUnproven) {
		t.Errorf("signed by nobody: %+v", in)
	}
	eve := newHall(t)
	run := eve.pen(event.Direct(ann.id(), eve.id()))
	var needs *groups.NeedsCardError
	if in := ann.Ingest(t.Context(), run, eve.id()); !errors.As(in.Err, &needs) || needs.Head != eve.own.Card.Head() {
		t.Errorf("by a card that is not known: %+v", in)
	}
	run = bob.pen(c, func(h *event.Header) { h.Card = ann.own.Card.Head() })
	if in := ann.Ingest(t.Context(), run, bob.id()); !errors.Is(in.Err, authority.ErrNotPermitted) {
		t.Errorf("by another's card: %+v", in)
	}
}

// A row waits for its cause while the cause's log comes, by whatever road.
func TestGossipedRunSaysThatItsLogIsComing(t *testing.T) {
	ann, bob, _ := newHalls(t)
	waits := func(run event.Run) bool { return ann.rounds.waits(run.Log(), time.Now(), nil) }
	quiet := bob.pen(event.Direct(ann.id(), bob.id()))
	if in := ann.Ingest(t.Context(), quiet, bob.id()); in.Err != nil || waits(quiet) {
		t.Errorf("nobody brings its log: %+v", in)
	}
	if in := ann.Gossiped(t.Context(), quiet, bob.id()); in.Err != nil || in.New || waits(quiet) {
		t.Errorf("had before: %+v", in)
	}
	gossiped := bob.pen(event.Direct(ann.id(), bob.id()))
	if in := ann.Gossiped(t.Context(), gossiped, bob.id()); in.Err != nil || !waits(gossiped) {
		t.Errorf("a row does not wait for a log that comes by gossip: %+v", in)
	}
	from, session := ann.from(bob)
	brought := bob.pen(event.Direct(ann.id(), bob.id()))
	answer := from.Run(t.Context(), sync.Ingest{Ticket: 7, Run: brought})()
	if stored, ok := answer.(sync.Stored); !ok || stored.Ticket != 7 || stored.Err != nil || !waits(brought) {
		t.Errorf("a row does not wait for a log that a session brings: %+v", answer)
	}
	if ann.rounds.waits(brought.Log(), time.Now(), session) {
		t.Error("it waits for the session that has brought all it can")
	}
}

// In a group, members' events are taken from anybody, of others nothing, and of what was said
// before one came nothing either.
func TestRunInAGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ann, bob, dora := newHalls(t)
		g := ann.makes("lunch", bob)
		ann.tells(g, bob)
		time.Sleep(time.Second)
		run := bob.writes(g, "hello")
		if in := ann.Ingest(t.Context(), run, dora.id()); in.Err != nil || in.Author != bob.id() || !in.New {
			t.Errorf("a member's: %+v", in)
		}
		if kept, member := ann.keeps(bob); !kept || !member {
			t.Errorf("its author is kept: %t, as a member: %t", kept, member)
		}
		if kept, _ := ann.keeps(dora); kept {
			t.Error("the store knows who brought it")
		}
		if in := ann.Ingest(t.Context(), dora.pen(g, func(h *event.Header) { h.Control = ann.groups.Heads(g) }), dora.id()); !errors.Is(in.Err, authority.ErrNotPermitted) {
			t.Errorf("of one who is no member: %+v", in)
		}
		if in := ann.Ingest(t.Context(), bob.pen(g, func(h *event.Header) { h.Control = [][32]byte{{1}} }), bob.id()); !errors.Is(in.Err, authority.ErrParent) {
			t.Errorf("by control events that are not here: %+v", in)
		}
		time.Sleep(time.Second)
		ann.invites(g, dora)
		ann.tells(g, dora)
		if in := dora.Ingest(t.Context(), run, bob.id()); !errors.Is(in.Err, ErrEarly) {
			t.Errorf("said before she came: %+v", in)
		}
		ann.tells(g, bob)
		if in := dora.Ingest(t.Context(), bob.writes(g, "welcome"), bob.id()); in.Err != nil || !in.New || !in.Segments.Covers(2) {
			t.Errorf("said after she came: %+v", in)
		}
	})
}

// The author of a direct message gets a receipt. In a group the acknowledgement tells them, and
// one's own words need none.
func TestReceiptIsOwed(t *testing.T) {
	for what, c := range map[string]struct {
		brings func(ann, bob *hall) event.Run
		owed   bool
	}{
		"direct": {func(ann, bob *hall) event.Run { return bob.writesTo(ann, "hello") }, true},
		"own":    {func(ann, bob *hall) event.Run { return ann.writesTo(bob, "hello") }, false},
		"group": {func(ann, bob *hall) event.Run {
			g := ann.makes("lunch", bob)
			ann.tells(g, bob)
			return bob.writes(g, "hello")
		}, false},
	} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ann, bob, _ := newHalls(t)
				run := c.brings(ann, bob)
				ctx, cancel := context.WithCancel(t.Context())
				ended := make(chan struct{})
				go func() { defer close(ended); ann.receipts.Run(ctx) }() // until cancel
				synctest.Wait()                                           // so that it is not found in the store
				if in := ann.Ingest(t.Context(), run, bob.id()); in.Err != nil {
					t.Error(in.Err)
				}
				time.Sleep(5 * time.Second)
				cancel()
				<-ended
				if got := len(ann.signed) > 0; got != c.owed {
					t.Errorf("signed: %t", got)
				}
			})
		})
	}
}

// Whoever is not served may ask once. What is asked must be theirs, as if they were served.
func TestRequest(t *testing.T) {
	ann, bob, dora := newHalls(t)
	from, _ := ann.from(bob)
	forged := bob.writesTo(ann, "forged")
	forged.Events[0].Signature = dora.pen(event.Direct(ann.id(), bob.id())).Events[0].Signature
	for _, run := range []event.Run{forged, dora.writesTo(ann, "Dora's"), bob.writesTo(dora, "Dora's"), ann.writesTo(bob, "Ann's own")} {
		if from.Request(t.Context(), run) != nil {
			t.Error("the peer is answered")
		}
	}
	requests := func() []book.Request {
		t.Helper()
		kept, err := ann.store.Book().Requests()
		ann.check(err)
		return kept
	}
	if len(requests()) != 0 || ann.changed != 0 {
		t.Errorf("%d requests, told %d times", len(requests()), ann.changed)
	}
	from.Request(t.Context(), bob.writesTo(ann, "may I?"))
	if kept := requests(); len(kept) != 1 || kept[0].Person != bob.id() || ann.changed != 1 {
		t.Errorf("%d requests, told %d times", len(kept), ann.changed)
	}
	if words := ann.reads(event.Direct(ann.id(), bob.id())); !slices.Equal(words, []string{"Ann's own"}) {
		t.Errorf("shown: %q", words)
	}
}

// A message whose cause is missing is shown when nobody brings that, or when the one peer that was
// asked has brought all it can.
func TestRowIsShownWithoutItsCause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ann, bob, _ := newHalls(t)
		c := event.Direct(ann.id(), bob.id())
		cause := bob.pen(c).Events[0].Position()
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { defer close(ended); ann.Run(ctx) }() // until cancel
		says := func() {
			t.Helper()
			if in := ann.Ingest(t.Context(), bob.pen(c, func(h *event.Header) { h.Seen = []event.Position{cause} }), bob.id()); in.Err != nil {
				t.Fatal(in.Err)
			}
		}
		says()
		time.Sleep(releaseAfter - time.Millisecond)
		if len(ann.reads(c)) != 0 {
			t.Error("shown before its time")
		}
		time.Sleep(releaseEvery + time.Millisecond)
		if len(ann.reads(c)) != 1 {
			t.Error("not shown though nobody brings its cause")
		}
		time.Sleep(releaseEvery / 2) // what follows is between two looks of Run, and not at the moment of one
		from, session := ann.from(bob)
		if from.RoundEnded(c) != nil {
			t.Error("a round ends that has not begun")
		}
		from.RoundBegan(c)
		time.Sleep(time.Second)
		says()
		for range 10 {
			time.Sleep(time.Second)
			session.talks()
		}
		if len(ann.reads(c)) != 1 {
			t.Error("shown while its cause may come")
		}
		show := from.RoundEnded(c)
		if show == nil || show(ctx) != nil || len(ann.reads(c)) != 1 {
			t.Error("what came after the round began is shown at its end")
		}
		from.RoundBegan(c)
		from.Left()
		if from.RoundEnded(c) != nil || len(ann.rounds.open) != 0 {
			t.Error("a session that has left is remembered")
		}
		time.Sleep(2 * releaseEvery)
		if len(ann.reads(c)) != 2 {
			t.Error("not shown after all have left")
		}
		says()
		from.RoundBegan(c)
		show = from.RoundEnded(c)
		if show == nil || show(ctx) != nil || len(ann.reads(c)) != 3 {
			t.Error("not shown when the one that was asked has brought all it can")
		}
		// One that has just brought something of the cause's log, and has ended, brings no more of
		// it.
		part := bob.pen(c)
		cause = part.Events[0].Position()
		cause.Sequence = 5
		says()
		from.RoundBegan(c)
		from.Run(ctx, sync.Ingest{Run: part})()
		show = from.RoundEnded(c)
		if before := len(ann.reads(c)); show == nil || show(ctx) != nil || len(ann.reads(c)) != before+1 {
			t.Error("it waits for more from the one that has brought all it can")
		}
		from.RoundBegan(c)
		if from.RoundDropped(c); from.RoundEnded(c) != nil {
			t.Error("a round that was dropped goes on")
		}
		cancel()
		<-ended
	})
}

// At the disk those who bring something take turns, whoever has written it.
func TestTurnIsOfWhoBringsIt(t *testing.T) {
	ann, bob, _ := newHalls(t)
	for what, c := range map[string]event.Run{
		"Bob's own":       bob.writesTo(ann, "from Bob"),
		"Ann's, from Bob": ann.writesTo(bob, "from Ann"),
	} {
		admitted, err := ann.Admit(t.Context(), c, bob.id())
		if err != nil || admitted.from.By != bob.id() {
			t.Errorf("%s: brought by %v, %v", what, admitted.from.By, err)
		}
	}
}
