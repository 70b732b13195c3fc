package show

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/earshot-im/earshot/cmd/earshot/terminal"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

func TestLimit(t *testing.T) {
	for n, want := range map[uint64]string{0: "0 B", 1023: "1.0 kB", 1024: "1.0 kB", 256 << 20: "256 MiB", 3 << 30: "3 GiB", 1<<30 + 1<<20: "1025 MiB", 2e9: "2.0 GB"} {
		if got := limit(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}

// What is attached stands below the text, and the first file that waits for the reader says what to do.
func TestMessagesNameTheirFiles(t *testing.T) {
	to := &earshotv1.Target{Kind: "person", Id: bob.Person}
	m := &earshotv1.Message{Id: id, To: to, From: by(bob), Kind: "text", Time: at, Attachments: []*earshotv1.Attachment{
		{N: 1, Name: "menu.pdf", Size: 40_000_000, State: "offered", Reason: "by_hand"},
		{N: 2, Name: strings.Repeat("long ", 20) + "name.txt", State: "offered", Reason: "by_hand"},
		{N: 3, Name: "x] [y", State: "held"},
	}}
	for text, first := range map[string]string{"": "2026-03-01 12:30:00  1d1d1d1d  Bob (b0b0b0b0b0b0b0b0):", "Look\n  [a.txt, held]": "2026-03-01 12:30:00  1d1d1d1d  Bob (b0b0b0b0b0b0b0b0): Look\n      [a.txt, held]"} {
		m.Text = text
		var b bytes.Buffer
		if err := (Printer{}).Message(&b, m); err != nil {
			t.Fatal(err)
		}
		want := first + "\n  [menu.pdf 40 MB, waits for you: earshot get 1d1d1d1d]\n" +
			"  [long long long long long lo….txt 0 B, waits for you]\n  [\"x] [y\" 0 B, held]\n"
		if b.String() != want {
			t.Errorf("got\n%s\nwant\n%s", &b, want)
		}
	}
	m.Own, m.Attachments = true, []*earshotv1.Attachment{{N: 1, Name: "a.txt", Size: 5, State: "gone"}}
	m.Text, m.State = "", "read"
	var b bytes.Buffer
	if err := (Printer{}).Message(&b, m); err != nil || b.String() != "2026-03-01 12:30:00  1d1d1d1d  me [read]:\n  [a.txt 5 B]\n" {
		t.Errorf("%s", &b)
	}
}

// Who answers a message without words has answered its files.
func TestFilesAreAnswered(t *testing.T) {
	menu := &earshotv1.Attachment{N: 1, Name: "menu.pdf", Size: 40_000}
	for _, test := range []struct {
		q    *earshotv1.Quote
		want string
	}{
		{nil, ""},
		{&earshotv1.Quote{}, ""},
		{&earshotv1.Quote{Text: "Look", File: menu, Files: 1}, ""},
		{&earshotv1.Quote{File: menu, Files: 1}, " [menu.pdf 40 kB]"},
		{&earshotv1.Quote{File: menu, Files: 3}, " [menu.pdf 40 kB] and 2 more"},
	} {
		m := &earshotv1.Message{Id: id, From: by(bob), Text: "Thanks", Time: at, ReplyTo: id, Quote: test.q}
		var b bytes.Buffer
		want := "2026-03-01 12:30:00  1d1d1d1d  Bob (b0b0b0b0b0b0b0b0) [reply to 1d1d1d1d" + test.want + "]: Thanks\n"
		if err := (Printer{}).Message(&b, m); err != nil || b.String() != want {
			t.Errorf("%q, %v; want %q", &b, err, want)
		}
	}
}

func TestFileRows(t *testing.T) {
	file := func(n uint32, name, state string) *earshotv1.Attachment {
		return &earshotv1.Attachment{N: n, Name: name, Size: 2_100_000, State: state}
	}
	held := func(states ...string) (all []*earshotv1.Holder) {
		for _, s := range states {
			all = append(all, &earshotv1.Holder{Person: bob, States: []string{s}})
		}
		return all
	}
	direct := &earshotv1.Target{Kind: "person", Id: bob.Person}
	list := []*earshotv1.Attached{
		{Id: id, With: direct, From: bob, Time: at, Attachments: []*earshotv1.Attachment{file(1, "a.jpg", "held"), file(2, "b.jpg", "fetching")}},
		{Id: id, With: room, From: eve, Time: at, Attachments: []*earshotv1.Attachment{file(1, strings.Repeat("w", 60)+".pdf", "paused")}},
		{Id: id, With: direct, Own: true, Time: at, Attachments: []*earshotv1.Attachment{file(1, "c.jpg", "kept")}, Holders: held("fetching")},
		{Id: id, With: direct, Own: true, Time: at, Attachments: []*earshotv1.Attachment{file(1, "d.jpg", "gone")}, Holders: held("held")},
		{Id: id, With: room, Own: true, Time: at, Attachments: []*earshotv1.Attachment{file(1, "e.jpg", "kept")}, Holders: held("held", "declined", "offered")},
		{Id: id, With: room, Own: true, Time: at, Attachments: []*earshotv1.Attachment{file(1, "f.jpg", "changed")}, Holders: held("held", "offered")},
	}
	var b bytes.Buffer
	if err := (Printer{}).Files(&b, list); err != nil {
		t.Fatal(err)
	}
	want := []string{
		`a.jpg                             1d1d1d1d 1  2.1 MB  held                        12:30  from Bob`,
		`b.jpg                             1d1d1d1d 2  2.1 MB  fetching 0 %                12:30  from Bob`,
		`wwwwwwwwwwwwwwwwwwwwwwwwwww….pdf  1d1d1d1d    2.1 MB  paused                      12:30  from "Eve"…`,
		`c.jpg                             1d1d1d1d    2.1 MB  they fetch it               12:30  to Bob`,
		`d.jpg                             1d1d1d1d    2.1 MB  they have it                12:30  to Bob`,
		`e.jpg                             1d1d1d1d    2.1 MB  1 of 3 have it, 1 declined  12:30  to #lunch`,
		`f.jpg                             1d1d1d1d    2.1 MB  changed: send it again      12:30  to #lunch`,
	}
	got := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
	for i := range got {
		if terminal.Width(got[i]) > rowColumns {
			t.Errorf("%q is too wide", got[i])
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestReceiptsAndOutboxNameFiles(t *testing.T) {
	m := &earshotv1.Attached{Attachments: []*earshotv1.Attachment{{N: 1, Name: "a.jpg"}, {N: 2, Name: "b.jpg"}}, Holders: []*earshotv1.Holder{{Person: bob, States: []string{"held", "declined"}}}}
	check(t, "receipts", func(p Printer, b *bytes.Buffer) error {
		return p.Receipts(b, []*earshotv1.Reached{{Person: bob, State: "read"}}, m)
	}, "Bob (b0b0b0b0b0b0b0b0)  read  a.jpg held, b.jpg declined",
		`{"person":"`+bob.Person+`","name":"Bob","known_as":"Bob","contact":true,"verified":false,"state":"read","files":["held","declined"]}`)
	var b bytes.Buffer
	err := (Printer{}).Outbox(&b, []*earshotv1.Pending{{Id: id, Person: bob, Queued: at, WaitingFor: "offline"}}, map[string][]*earshotv1.Attachment{id: {{Name: "a.jpg", Size: 5}, {Name: "b.jpg"}}})
	if want := "to Bob (b0b0b0b0b0b0b0b0)  queued 12:30  offline  [a.jpg 5 B] and 1 more\n"; err != nil || b.String() != want {
		t.Errorf("%q, want %q", &b, want)
	}
}
