package sharing

import (
	"errors"
	"slices"
	"testing"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/groups"
	"github.com/earshot-im/earshot/node/people"
	"github.com/earshot-im/earshot/node/sync"
	"github.com/earshot-im/earshot/node/wire"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/book"
	"github.com/earshot-im/earshot/store/event"
)

// Who is served, and with whom there is a direct conversation at all.
func TestWhoIsServed(t *testing.T) {
	inStudies(t, func(t *testing.T, ann, bob, dora *study) {
		for _, c := range []struct {
			what             string
			accept           string
			contact, blocked bool
			serves           bool
		}{
			{"a stranger", people.AcceptEveryone, false, false, true},
			{"a stranger, where contacts are", people.AcceptContacts, false, false, false},
			{"a contact, where contacts are", people.AcceptContacts, true, false, true},
			{"a contact who is blocked", people.AcceptContacts, true, true, false},
			{"a stranger who is blocked", people.AcceptEveryone, false, true, false},
		} {
			ann.check(ann.owner.SetAccept(t.Context(), c.accept))
			ann.sets(bob, func(p *book.Person) { p.Contact, p.Blocked = c.contact, c.blocked })
			share, session := ann.with(bob)
			in := share.Join()
			direct := event.Direct(ann.id(), bob.id())
			_, joined := session.joined[direct]
			if in.Err != nil || in.Serve != c.serves || joined != c.serves || (len(in.Conversations) == 1) != c.serves {
				t.Errorf("%s: %+v, joined: %t", c.what, in, joined)
			}
			if len(in.Own) != 1 || in.Own[0] != ann.own.Device.ID() {
				t.Errorf("own devices: %v", in.Own)
			}
		}
		unknown := newStudy(t)
		share, _ := ann.with(unknown)
		if in := share.Join(); !errors.Is(in.Err, sync.ErrPeerProof) {
			t.Errorf("somebody who was forgotten: %+v", in)
		}
	})
}

// What is told of the direct conversation: what is held of it, what the peer lacks of the owner's
// words, and what the owner is called.
func TestDirectConversation(t *testing.T) {
	inStudies(t, func(t *testing.T, ann, bob, _ *study) {
		c := event.Direct(ann.id(), bob.id())
		share, _ := ann.with(bob)
		if in := share.Join(); in.Err != nil || len(in.Conversations[0].Logs) != 0 || in.Conversations[0].Opening.First != 0 {
			t.Errorf("before a word: %+v", in)
		}
		ann.check(ann.people.Keep(t.Context(), bob.id()))
		ann.check(ann.owner.SetName(t.Context(), "Ann"))
		run := ann.says(c, "hello")
		told := func() sync.Conversation {
			t.Helper()
			in := share.Join()
			if in.Err != nil || len(in.Conversations) != 1 {
				t.Fatalf("%+v", in)
			}
			return in.Conversations[0]
		}
		out := told()
		if out.ID != c || !slices.Equal(out.Logs[run.Log()], event.Segments{run.Segment()}) || out.Opening != (sync.Opening{Log: run.Log(), First: 1}) || out.Locator != nil {
			t.Errorf("told: %+v", out)
		}
		if len(out.Records) != 1 || out.Records[0].Kind != event.KindProfile {
			t.Errorf("%d records", len(out.Records))
		}
		if out.Doubted != nil {
			t.Errorf("doubted: %v", out.Doubted)
		}
		ann.doubted[run.Log()] = bob.id()
		if segments, ok := told().Doubted[run.Log()]; !ok || len(segments) != 0 {
			t.Errorf("of a log that Bob claims to have more of, he has acknowledged nothing: %v, %t", segments, ok)
		}
		ann.check(ann.store.NoteDelivered(t.Context(), []store.Delivery{{Person: bob.id(), Log: run.Log(), Segments: event.Segments{run.Segment()}}}))
		if segments := told().Doubted[run.Log()]; !slices.Equal(segments, event.Segments{run.Segment()}) {
			t.Errorf("of what he has acknowledged he is told %v", segments)
		}
		if told().Opening.First != 0 {
			t.Error("he lacks what he has acknowledged")
		}
	})
}

// What is told of groups: only of those that both are in, under tags of this session, and nothing
// but control events of one that the peer is out of.
func TestGroups(t *testing.T) {
	inStudies(t, func(t *testing.T, ann, bob, dora *study) {
		stranger := newStudy(t)
		lunch, others := ann.makes("lunch", bob, dora), ann.makes("others", dora)
		ann.invites(lunch, stranger)
		ann.tells(lunch, bob, dora)
		run := ann.says(lunch, "hello", bob)
		share, session := ann.with(bob)
		told := func() sync.Conversation {
			t.Helper()
			in := share.Join()
			if in.Err != nil || len(in.Conversations) != 2 { // the direct one and lunch
				t.Fatalf("%+v", in)
			}
			return in.Conversations[1]
		}
		out := told()
		secret, err := ann.groups.Secret(lunch)
		ann.check(err)
		if out.ID != lunch || string(out.OurTag) != string(groups.Tag(secret, [32]byte{2}, [32]byte{1}, ann.own.Device.ID())) ||
			string(out.PeerTag) != string(groups.Tag(secret, [32]byte{2}, [32]byte{1}, bob.own.Device.ID())) {
			t.Errorf("the group and its tags: %+v", out)
		}
		if _, ok := session.joined[others]; ok || !session.joined[lunch] {
			t.Errorf("hears of: %v", session.joined)
		}
		if out.Quiet || !out.Follow || !out.Logs[run.Log()].Covers(run.Segment().Last) || len(out.Locator) == 0 {
			t.Errorf("told: %+v", out)
		}
		if !slices.Equal(session.wanted, []crypto.PersonID{stranger.id()}) || !slices.Equal(session.epochs, []event.Conversation{lunch}) || len(session.unfollowed) != 0 {
			t.Errorf("of the session: %+v", session)
		}
		ann.removes(lunch, bob)
		out = told()
		if all, ok := session.joined[lunch]; !out.Quiet || out.Follow || len(out.Logs) != 0 || all || !ok || !slices.Equal(session.unfollowed, []event.Conversation{lunch}) {
			t.Errorf("of a group that he is out of: %+v, %+v", out, session)
		}
		if len(session.wanted) != 1 || len(session.epochs) != 1 {
			t.Error("cards are wanted and keys shared in a group that he is out of")
		}
	})
}

// Members who came late are told nothing of what was said before, except of their own logs.
func TestNothingFromBefore(t *testing.T) {
	inStudies(t, func(t *testing.T, ann, bob, dora *study) {
		g := ann.makes("lunch", bob)
		bob.says(g, "b1", ann)
		bob.says(g, "b2", ann)
		a1 := ann.says(g, "a1", bob)
		ann.invites(g, dora)
		ann.tells(g, bob, dora)
		b3 := bob.says(g, "b3", ann)
		log := b3.Log()
		of := func(who *study) *Portion { share, _ := ann.with(who); return share }
		held := ann.held(log)
		sees := func(what string, share *Portion, log event.Log, segments, want event.Segments) {
			t.Helper()
			got := share.Visible(log, segments)
			if len(got) != len(want) {
				t.Errorf("%s: %v, want %v", what, got, want)
				return
			}
			for i := range got {
				if got[i].First != want[i].First || got[i].Last != want[i].Last {
					t.Errorf("%s: %v, want %v", what, got, want)
				}
			}
		}
		seg := func(first, last uint64) event.Segment { return event.Segment{First: first, Last: last} }
		doras := of(dora)
		for _, when := range []string{"first asked", "asked again"} {
			sees(when+", Bob's log, for Dora", doras, log, held, event.Segments{seg(3, 3)})
			sees(when+", of the beginning only", doras, log, event.Segments{seg(1, 2)}, nil)
			sees(when+", Ann's log, which ends with what Dora was brought in by", doras, a1.Log(), ann.held(a1.Log()), event.Segments{seg(4, 4)})
		}
		sees("for Bob, who was there", of(bob), log, held, held)
		sees("for Ann's other device", of(ann), log, held, held)
		sees("of nothing", doras, log, nil, nil)
		sees("of no group", doras, event.Log{Conversation: event.Conversation{1}}, held, held)
		own := event.Log{Conversation: g, Device: dora.own.Device.ID(), Instance: event.Instance{1}}
		sees("Dora's own log", doras, own, event.Segments{seg(1, 9)}, event.Segments{seg(1, 9)})
		in := doras.Join()
		if logs := in.Conversations[1].Logs; len(logs) != 2 || logs[log][0].First != 3 || logs[a1.Log()][0].First != 4 {
			t.Errorf("told when she joins: %v", logs)
		}
		// She goes and comes back: what was said meanwhile is not for her either, and before it
		// only what she said herself.
		d1 := dora.says(g, "d1", ann)
		ann.removes(g, dora)
		ann.tells(g, bob)
		bob.says(g, "b4", ann)
		ann.invites(g, dora)
		ann.tells(g, bob)
		bob.says(g, "b5", ann)
		doras.Join()
		sees("when she has come back", doras, log, ann.held(log), event.Segments{seg(5, 5)})
		sees("her own log from before", doras, d1.Log(), ann.held(d1.Log()), ann.held(d1.Log()))
	})
}

// Where what a peer may read begins is found anew when something comes that was missing there.
func TestBeginningIsFoundAnew(t *testing.T) {
	inStudies(t, func(t *testing.T, ann, bob, dora *study) {
		g := ann.makes("lunch", bob)
		b1 := bob.says(g, "b1", ann)
		ann.invites(g, dora)
		ann.tells(g, bob, dora)
		share, _ := ann.with(dora)
		sees := func(log event.Log, first, last uint64) {
			t.Helper()
			got := share.Visible(log, ann.held(log))
			if len(got) == 0 || got[0].First != first || got[len(got)-1].Last != last {
				t.Errorf("of %v Dora sees %v, want %d to %d", ann.held(log), got, first, last)
			}
		}
		b2 := bob.says(g, "b2")
		bob.says(g, "b3", ann)
		sees(b1.Log(), 3, 3)
		bob.gives(b2, ann)
		sees(b1.Log(), 2, 3)
		d1 := dora.says(g, "d1")
		dora.says(g, "d2", ann)
		share, _ = ann.with(bob)
		sees(d1.Log(), 2, 2)
		dora.gives(d1, ann)
		sees(d1.Log(), 1, 2)
	})
}

// The causes of a message that are from before the peer came are marked, so that it does not wait
// for them.
func TestCausesFromBeforeAreWithheld(t *testing.T) {
	inStudies(t, func(t *testing.T, ann, bob, dora *study) {
		g := ann.makes("lunch", bob)
		bob.says(g, "b1", ann)
		a1 := ann.says(g, "a1", bob)
		ann.invites(g, dora)
		ann.tells(g, bob, dora)
		b2 := bob.says(g, "b2", ann)
		a2 := ann.says(g, "a2", bob)
		if len(b2.Events[0].Header.Seen) != 1 || len(a2.Events[0].Header.Seen) != 1 {
			t.Fatalf("seen: %v, %v", b2.Events[0].Header.Seen, a2.Events[0].Header.Seen)
		}
		loads := func(who *study, run event.Run) (uint32, bool) {
			t.Helper()
			share, _ := ann.with(who)
			in, ok := share.Load(sync.Load{Log: run.Log(), First: run.Segment().First, Events: 1, Bytes: 1 << 20}).(sync.Loaded)
			if !ok || in.Err != nil || in.Run.Segment() != run.Segment() {
				t.Fatalf("%+v", in)
			}
			return in.Run.Events[0].Withheld, in.Apart
		}
		for range 2 { // what is remembered of a run is not changed for one who gets it
			for what, c := range map[string]struct {
				who  *study
				run  event.Run
				want uint32
			}{
				"Bob's, after what Dora may not have": {dora, b2, event.WithholdPrevious | event.WithholdSeen(0)},
				"Ann's, after what Dora may have":     {dora, a2, 0},
				"Bob's, for himself":                  {bob, b2, 0},
				"Ann's, for Bob":                      {bob, a2, 0},
			} {
				if w, apart := loads(c.who, c.run); w != c.want || apart {
					t.Errorf("%s: withheld %b, want %b; apart: %t", what, w, c.want, apart)
				}
			}
		}
		// The first that Dora may have is no cause that she lacks, also where that was found
		// before.
		b3 := bob.says(g, "b3", ann)
		share, _ := ann.with(dora)
		share.Join()
		if in := share.Load(sync.Load{Log: b3.Log(), First: b3.Segment().First, Events: 1, Bytes: 1 << 20}).(sync.Loaded); in.Run.Events[0].Withheld != 0 {
			t.Errorf("after the first that Dora may have: withheld %b", in.Run.Events[0].Withheld)
		}
		ann.removes(g, bob)
		if _, apart := loads(bob, ann.says(g, "a3")); !apart {
			t.Error("Bob gets what was said when he was out")
		}
		if _, apart := loads(bob, a2); apart {
			t.Error("Bob does not get what was said when he was in")
		}
		if in := share.Load(sync.Load{Log: a1.Log(), First: 9, Events: 1, Bytes: 1}).(sync.Loaded); in.Err == nil || in.Log != a1.Log() {
			t.Errorf("what is not here: %+v", in)
		}
	})
}

// A peer gets the owner's card, their own, and those of people in a group with them.
func TestFetchCard(t *testing.T) {
	inStudies(t, func(t *testing.T, ann, bob, dora *study) {
		ann.check(ann.owner.SetName(t.Context(), "Ann"))
		ann.check(ann.people.Keep(t.Context(), bob.id()))
		for _, name := range []string{"Rob", "Bob"} {
			bob.check(bob.owner.SetName(t.Context(), name))
			ann.check(ann.people.PutProfile(t.Context(), bob.id(), *bob.owner.Profile()))
		}
		fetches := func(what string, by, of *study, card bool, name string) {
			t.Helper()
			share, _ := ann.with(by)
			for how, asked := range map[string]wire.CardOf{"head": {Head: of.own.Card.Head()}, "person": {Person: of.id()}} {
				got := share.FetchCard(sync.FetchCard{CardOf: asked}).(sync.CardFetched)
				if string(got.Card) == string(of.own.Card.Bytes()) != card || people.NameIn(got.Profile) != name {
					t.Errorf("%s, by %s: a card of %d bytes, called %q", what, how, len(got.Card), people.NameIn(got.Profile))
				}
			}
		}
		fetches("the owner's", dora, ann, true, "Ann")
		fetches("their own", bob, bob, true, "Bob")
		fetches("a third person's", dora, bob, false, "")
		g := ann.makes("lunch", bob, dora)
		fetches("a fellow member's", dora, bob, true, "Bob")
		ann.removes(g, bob)
		fetches("of one who was a fellow member", dora, bob, true, "Bob")
		fetches("for one who was one", bob, dora, false, "")
	})
}

// Control events are for members, and of those who are out up to the event that says so.
func TestLoadControl(t *testing.T) {
	inStudies(t, func(t *testing.T, ann, bob, dora *study) {
		g := ann.makes("lunch", bob)
		loads := func(who *study, most int) (int, bool) {
			share, _ := ann.with(who)
			in := share.LoadControl(sync.LoadControl{Conversation: g, Events: most, Bytes: 1 << 20}).(sync.LoadedControl)
			if in.Conversation != g {
				t.Errorf("of %v", in.Conversation)
			}
			return len(in.Events), in.More
		}
		if n, more := loads(bob, 10); n != 2 || more {
			t.Errorf("a member gets %d, more: %t", n, more)
		}
		if n, more := loads(bob, 1); n != 1 || !more {
			t.Errorf("of one at a time: %d, more: %t", n, more)
		}
		if n, _ := loads(dora, 10); n != 0 {
			t.Errorf("one who is no member gets %d", n)
		}
	})
}

// Who offers a group that is known here has its secret. If they are no member by what is known, control
// events may be lacking here, as after this disk went back: they are answered, quietly, as if nothing
// but the create event were here. Nobody else is.
func TestGroupIsRecognized(t *testing.T) {
	inStudies(t, func(t *testing.T, ann, bob, dora *study) {
		g := ann.makes("lunch", dora)
		share, _ := ann.with(bob)
		in := share.Join()
		if len(in.Conversations) != 1 {
			t.Fatalf("%d conversations", len(in.Conversations))
		}
		secret, err := ann.groups.Secret(g)
		ann.check(err)
		tag := func(of *study) []byte {
			return groups.Tag(secret, share.peer.Ours, share.peer.Nonce, of.own.Device.ID())
		}
		if got := share.Recognize(sync.Recognize{Tags: [][]byte{tag(ann), make([]byte, 32)}}); got != nil {
			t.Errorf("by another's tag: %+v", got)
		}
		got, ok := share.Recognize(sync.Recognize{Tags: [][]byte{make([]byte, 32), tag(bob)}}).(sync.Joined)
		if !ok || len(got.Conversations) != 2 {
			t.Fatalf("by his tag: %+v", got)
		}
		c := got.Conversations[1]
		if c.ID != g || !c.Quiet || c.Welcome || len(c.Logs)+len(c.Records) > 0 || !slices.Equal(c.Locator, []crypto.Hash{crypto.Hash(g)}) {
			t.Errorf("he is given %+v", c)
		}
		if got := share.Recognize(sync.Recognize{Tags: [][]byte{tag(bob)}}); got != nil {
			t.Errorf("once more: %+v", got)
		}
		if got, ok := share.LoadControl(sync.LoadControl{Conversation: g, Events: 10, Bytes: 1 << 20}).(sync.LoadedControl); !ok || len(got.Events) > 0 {
			t.Errorf("he is sent %d control events", len(got.Events))
		}
	})
}
