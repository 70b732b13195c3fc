package store

import (
	"errors"
	"strings"
	"testing"

	"github.com/earshot-im/earshot/store/event"
)

// AppendAll returned nothing where the draft that can't be written was found out early, or had made
// a log by then: what was good before it was not written, whatever the comment said.
func TestAppendAllKeepsWhatCameBeforeABadDraft(t *testing.T) {
	used := event.KeyFor("used")
	long := []byte(strings.Repeat("x", event.MaxBody))
	for _, test := range []struct {
		name string
		bad  func(c, unwritten event.Conversation) Draft
		want error
	}{
		{"kind", func(c, _ event.Conversation) Draft { return Draft{Conversation: c, Kind: event.KindRecall} }, ErrKind},
		{"conversation", func(event.Conversation, event.Conversation) Draft {
			return Draft{Conversation: event.Conversation{1}, Kind: event.KindText, Content: text("bad")}
		}, ErrNoConversation},
		{"content", func(c, _ event.Conversation) Draft {
			return Draft{Conversation: c, Kind: event.KindText, Content: []byte{0xff}}
		}, event.ErrMalformed},
		{"content in a new log", func(_, c event.Conversation) Draft {
			return Draft{Conversation: c, Kind: event.KindText, Content: []byte{0xff}}
		}, event.ErrMalformed},
		{"size in a new log", func(_, c event.Conversation) Draft {
			return Draft{Conversation: c, Kind: event.Kind(40), Content: long, Fallback: "bad"}
		}, event.ErrTooLarge},
		{"key", func(c, _ event.Conversation) Draft {
			return Draft{Conversation: c, Kind: event.KindText, Content: text("bad"), Key: &used}
		}, ErrKeyUsed},
		{"target", func(c, _ event.Conversation) Draft {
			return Draft{Conversation: c, Kind: event.KindEdit, Content: text("bad"), Target: event.ID{1}}
		}, ErrNoEvent},
	} {
		t.Run(test.name, func(t *testing.T) {
			a, _, c := pair(t)
			other := newNode(t)
			a.know(other)
			unwritten := event.Direct(a.own.Person, other.own.Person)
			a.sayKey(c, "used", "used")
			good := func(words string) Draft { return Draft{Conversation: c, Kind: event.KindText, Content: text(words)} }
			got, err := a.AppendAll(ctx, []Draft{good("1"), good("2"), test.bad(c, unwritten), good("3"), {Conversation: c, Kind: event.KindRecall}})
			if !errors.Is(err, test.want) {
				t.Errorf("%v, want %v", err, test.want)
			}
			if len(got) != 2 || got[0].Text != "1" || got[1].Text != "2" {
				t.Fatalf("%d messages are returned", len(got))
			}
			a.reopen()
			a.wait(1)
			a.say(c, "4")
			equalWords(t, "rows", words(a.rows(c)), "used", "1", "2", "4")
			if a.rows(c)[1].ID != got[0].ID {
				t.Error("another message is returned than was written")
			}
			run, err := a.LoadRun(a.log(c), 1, event.MaxRunEvents, event.MaxRunSent)
			check(t, err)
			check(t, run.Prove())
		})
	}
}
