package show

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

func TestConversationRows(t *testing.T) {
	lunch := &earshotv1.Conversation{Conversation: room.Id, With: room, Unread: 3, Mentions: 1, FirstUnread: id, Notify: "mentions", Pinned: true, Archived: true, Waiting: true,
		MutedUntil: timestamppb.New(at.AsTime().Add(time.Hour)), Draft: &earshotv1.Draft{Text: "At", ReplyTo: id, Time: at},
		Last: &earshotv1.Message{Id: id, Kind: "text", From: by(bob), Text: strings.Repeat("long ", 99), Time: at}}
	private := &earshotv1.Conversation{Conversation: "c1", With: &earshotv1.Target{Kind: "person", Id: eve.Person, Name: "Eve"}, Person: eve, Unread: 1000, Mentions: 2, Notify: "none",
		MutedUntil: timestamppb.New(Forever)}
	empty := &earshotv1.Conversation{Conversation: "c2", With: &earshotv1.Target{Kind: "person", Id: bob.Person, Name: "Bob"}, Person: bob, Notify: "mentions",
		Last: &earshotv1.Message{Id: id, Kind: "notice", Time: timestamppb.New(at.AsTime().Add(-24 * time.Hour))}}
	var b bytes.Buffer
	if err := (Printer{}).Conversations(&b, []*earshotv1.Conversation{lunch, private, empty}); err != nil {
		t.Fatal(err)
	}
	want := `#lunch                                      3 unread       12:30             1 mentions you, pinned…
"Eve" (not a contact yet e7e7e7e7e7e7e7e7)  1,000+ unread  -                 2 mention you, muted,…
Bob (b0b0b0b0b0b0b0b0)                      read           2026-02-28 12:30  notifies of mentions
`
	if b.String() != want {
		t.Errorf("got\n%swant\n%s", &b, want)
	}
	for _, c := range []struct {
		c    *earshotv1.Conversation
		want string
	}{
		{lunch, "#lunch  3 unread, 1 mentions you, pinned, archived, muted until 13:30, draft, not all is delivered"},
		{private, `"Eve" (not a contact yet e7e7e7e7e7e7e7e7)  1,000+ unread, 2 mention you, muted, never notifies`},
		{empty, "Bob (b0b0b0b0b0b0b0b0)  nothing unread, notifies of mentions"},
	} {
		b.Reset()
		if err := (Printer{}).Conversation(&b, c.c); err != nil || b.String() != c.want+"\n" {
			t.Errorf("%v\n got %swant %s", err, &b, c.want)
		}
	}
	check(t, "marked", func(p Printer, b *bytes.Buffer) error { return p.Marked(b, &earshotv1.MarkAllReadResponse{Marked: 2}) }, "2 messages were unread", `{"marked":2}`)
	check(t, "one", func(p Printer, b *bytes.Buffer) error { return p.Marked(b, &earshotv1.MarkAllReadResponse{Marked: 1}) }, "1 message was unread", `{"marked":1}`)
	b.Reset()
	if err := (Printer{JSON: true}).Conversation(&b, lunch); err != nil || !strings.Contains(b.String(), `"text":"long long long long long long long long long long long long…"},"unread":3,`) ||
		!strings.HasSuffix(b.String(), `"notify":"mentions","muted_until":"2026-03-01T13:30:00.000Z","pinned":true,"archived":true,"waiting":true}`+"\n") {
		t.Errorf("%v\n%s", err, &b)
	}
}

// A line has the place behind which nothing is missed if it was the last that was dealt with.
func TestWatchedLines(t *testing.T) {
	arrived := &earshotv1.Change{Change: &earshotv1.Change_Arrived{Arrived: &earshotv1.Message{Id: id, Text: "hi"}}}
	requests := &earshotv1.Change{Change: &earshotv1.Change_Requests{}}
	for _, test := range []struct {
		name string
		r    *earshotv1.ChangesResponse
		want []string
	}{
		{"several", &earshotv1.ChangesResponse{Cursor: "a:7", Changes: []*earshotv1.Change{arrived, {}, requests}}, []string{`{"change":"arrived","cursor":"a:5","message":{"id":"1d`, `{"change":"requests","cursor":"a:7","requests":0}`}},
		{"one", &earshotv1.ChangesResponse{Cursor: "a:7", Changes: []*earshotv1.Change{arrived}}, []string{`{"change":"arrived","cursor":"a:7",`}},
		{"live", &earshotv1.ChangesResponse{Cursor: "a:7", Live: true, Changes: []*earshotv1.Change{arrived}}, []string{`{"change":"arrived","cursor":"a:5",`, `{"change":"live","cursor":"a:7"}`}},
		{"reset", &earshotv1.ChangesResponse{Cursor: "b:1", Reset_: true}, []string{`{"change":"reset","cursor":"b:1"}`}},
		{"of a newer node", &earshotv1.ChangesResponse{Cursor: "a:7", Changes: []*earshotv1.Change{{}}}, nil},
		{"gone", &earshotv1.ChangesResponse{Cursor: "a:7", Changes: []*earshotv1.Change{{Change: &earshotv1.Change_Gone{Gone: &earshotv1.Gone{Id: id, Conversation: "c0"}}}}}, []string{`"id":"1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d","in":"c0"}`}},
	} {
		for _, p := range []Printer{{}, {JSON: true}} {
			var b bytes.Buffer
			if err := p.Watched(&b, "a:5", test.r); err != nil {
				t.Fatal(err)
			}
			lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
			if b.Len() == 0 {
				lines = nil
			}
			if len(lines) != len(test.want) {
				t.Fatalf("%s: %q", test.name, lines)
			}
			for i, want := range test.want {
				if !strings.Contains(lines[i], want) {
					t.Errorf("%s: %s\nwant %s", test.name, lines[i], want)
				}
			}
		}
	}
}
