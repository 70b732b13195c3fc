package book

import (
	"bytes"
	"testing"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/event"
)

// pieces makes control events of no use.
func pieces(t *testing.T, n int) (out []event.Event) {
	t.Helper()
	key, err := crypto.NewDeviceKey(bytes.NewReader(bytes.Repeat([]byte{7}, 64)))
	check(t, err)
	for i := range n {
		content, err := event.Topic{Topic: "x"}.Marshal()
		check(t, err)
		e, err := event.New(event.Header{Conversation: event.Conversation{9}, Device: key.ID(), Sequence: uint64(i + 1), Kind: event.KindTopic,
			Flags: event.FlagCritical, Card: crypto.Hash{1}, Control: []crypto.Hash{{1}}, Previous: event.ID{byte(i)}}, event.Body{Content: content})
		check(t, err)
		e.Sign(key)
		out = append(out, e)
	}
	return out
}

// By which join the owner is in a group is kept, with what has come of it until they are in it, and
// takes the place of the request.
func TestAccepted(t *testing.T) {
	l := newLibrary(t)
	ctx := t.Context()
	person := crypto.PersonID{1}
	check(t, l.PutRequest(ctx, Request{Person: person, Group: event.Conversation{9}, Run: []byte("welcome")}, ""))
	if waits, err := l.Waits(person, event.Conversation{9}); err != nil || !waits {
		t.Errorf("waits: %t, %v", waits, err)
	}
	for _, other := range []struct {
		p crypto.PersonID
		g event.Conversation
	}{{person, event.Conversation{8}}, {person, event.Conversation{}}, {crypto.PersonID{2}, event.Conversation{9}}} {
		if waits, err := l.Waits(other.p, other.g); err != nil || waits {
			t.Errorf("%v waits for %v: %v", other.p, other.g, err)
		}
	}
	a := Accepted{Group: event.Conversation{9}, Join: crypto.Hash{3}, By: person, Welcome: []byte("welcome")}
	first, err := l.Accept(ctx, a)
	check(t, err)
	if first.Since.IsZero() {
		t.Error("no time")
	}
	if waits, err := l.Waits(person, a.Group); err != nil || waits {
		t.Errorf("still waits, %v", err)
	}
	some := pieces(t, 3)
	check(t, l.PutPieces(ctx, a.Group, some[:2]))
	check(t, l.PutPieces(ctx, a.Group, some[1:]))
	for range 2 {
		all, err := l.AllAccepted()
		check(t, err)
		got, err := l.Pieces(a.Group)
		check(t, err)
		if len(all) != 1 || all[0].Group != a.Group || all[0].Join != a.Join || all[0].By != a.By || !all[0].Since.Equal(first.Since.Truncate(time.Millisecond)) ||
			string(all[0].Welcome) != "welcome" || len(got) != 3 {
			t.Errorf("%+v, %d pieces", all, len(got))
		}
		l.reopen()
	}
	other := Accepted{Group: event.Conversation{7}, Join: crypto.Hash{4}, By: person, Welcome: []byte("another")}
	_, err = l.Accept(ctx, other)
	check(t, err)
	check(t, l.PutPieces(ctx, other.Group, some[:1]))
	a.Welcome = nil
	again, err := l.Accept(ctx, a)
	check(t, err)
	if !again.Since.Equal(first.Since) {
		t.Error("another time")
	}
	if got, err := l.Pieces(a.Group); err != nil || len(got) > 0 {
		t.Errorf("%d pieces are left of a group that has arrived, %v", len(got), err)
	}
	if got, err := l.Pieces(other.Group); err != nil || len(got) != 1 {
		t.Errorf("%d pieces of another, %v", len(got), err)
	}
	_, err = l.Accept(ctx, Accepted{Group: event.Conversation{6}, By: person, Welcome: []byte("third")}, other.Group)
	check(t, err)
	all, err := l.AllAccepted()
	check(t, err)
	got, err := l.Pieces(other.Group)
	check(t, err)
	if len(all) != 2 || all[0].Group != (event.Conversation{6}) || all[1].Welcome != nil || len(got) > 0 {
		t.Errorf("%+v, %d pieces", all, len(got))
	}
}
