package show

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/earshot-im/earshot/cmd/earshot/terminal"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// foundIn makes what a search for some words has found, each where it first stands in a text.
func foundIn(m *earshotv1.Message, words ...string) *earshotv1.Found {
	f := &earshotv1.Found{Message: m}
	for _, w := range words {
		before, _, _ := strings.Cut(m.Text, w)
		from := uint32(len([]rune(before)))
		f.Marks = append(f.Marks, &earshotv1.Mark{Start: from, End: from + uint32(len([]rune(w)))})
	}
	return f
}

func TestFoundRows(t *testing.T) {
	lorem := strings.Repeat("The quick brown fox jumps over the lazy dog, and nobody minds. ", 20)
	me := &earshotv1.Message{Id: id, To: &earshotv1.Target{Kind: "person", Id: bob.Person, Name: "Bob"}, From: by(eve), Text: "Dinner with the Größte?", Time: at, Own: true, State: "read"}
	own := foundIn(me, "Dinner", "Größte")
	own.Person = bob
	lost := foundIn(me, "Dinner")
	group := foundIn(&earshotv1.Message{Id: id, To: room, From: by(bob), Text: lorem + "Here is the needle.\nAnd " + lorem, Time: at, Mentioned: true}, "needle")
	group.Message.Reactions = []*earshotv1.Reaction{reacted(eve, "👍")}
	chinese := foundIn(&earshotv1.Message{Id: id, To: room, From: by(bob), Text: strings.Repeat("明天中午", 90) + "厨房" + strings.Repeat("请带蛋糕", 90), Time: at}, "厨房")
	lines := foundIn(&earshotv1.Message{Id: id, To: room, From: by(bob), Text: strings.Repeat("a\n", 99) + "\x1b[2Jneedle\u202e\r\n\tb\n" + strings.Repeat("c\n", 99), Time: at}, "needle\u202e\r\n\tb")
	for _, test := range []struct {
		name    string
		found   *earshotv1.Found
		columns int
		want    string
	}{
		{"own", own, 80, "2026-03-01 12:30:00  1d1d1d1d  me → Bob (b0b0b0b0b0b0b0b0) [read]: <Dinner> with the <Größte>?"},
		{"own, to somebody who was forgotten", lost, 80, "2026-03-01 12:30:00  1d1d1d1d  me [read]: <Dinner> with the Größte?"},
		{"long", group, 80, "2026-03-01 12:30:00  1d1d1d1d  #lunch  Bob (b0b0b0b0b0b0b0b0) [mentions you]: …and nobody minds. The quick brown fox jumps over the lazy dog," +
			" and nobody minds. The quick brown fox jumps over the lazy dog, and nobody minds. Here is the <needle>.\n" +
			"    And The quick brown fox jumps over the lazy dog, and nobody minds. The…\n  + 👍 \"Eve\" (not a contact yet e7e7e7e7e7e7e7e7)"},
		{"long", group, 40, "2026-03-01 12:30:00  1d1d1d1d  #lunch  Bob (b0b0b0b0b0b0b0b0) [mentions you]: …The quick brown fox jumps over the lazy dog, and nobody minds. Here is the <needle>.\n" +
			"    And The quick brown fox jumps…\n  + 👍 \"Eve\" (not a contact yet e7e7e7e7e7e7e7e7)"},
		{"without spaces", chinese, 40, "2026-03-01 12:30:00  1d1d1d1d  #lunch  Bob (b0b0b0b0b0b0b0b0): …" + strings.Repeat("明天中午", 10) + "<厨房>" + strings.Repeat("请带蛋糕", 9) + "请带…"},
		{"lines", lines, 80, "2026-03-01 12:30:00  1d1d1d1d  #lunch  Bob (b0b0b0b0b0b0b0b0): …a\n    \\x1b[2J<needle\\u202e\n        b>\n    c…"},
	} {
		p := Printer{Style: terminal.Style{On: true}, Columns: test.columns}
		var b bytes.Buffer
		if err := p.Found(&b, test.found); err != nil {
			t.Fatal(err)
		}
		if got := asBrackets(b.String()); got != test.want+"\n" {
			t.Errorf("%s at %d:\n%s\nwant\n%s", test.name, test.columns, got, test.want)
		}
		var plain bytes.Buffer
		if err := (Printer{Columns: test.columns}).Found(&plain, test.found); err != nil || plain.String() != strings.NewReplacer("<", "", ">", "").Replace(test.want)+"\n" {
			t.Errorf("%s at %d without colours: %v\n%s", test.name, test.columns, err, &plain)
		}
	}
	var b bytes.Buffer
	if err := (Printer{Long: true}).Found(&b, group); err != nil || !strings.HasPrefix(b.String(), id+"  2026-03-01 12:30:00  #lunch") || !strings.Contains(b.String(), lorem+"Here is the needle.\n    And "+lorem) {
		t.Errorf("with IDs: %v\n%s", err, &b)
	}
}

// asBrackets has brackets where a text is bold, but for the name of the author, and nothing else that
// colours do.
func asBrackets(row string) string {
	head, text, _ := strings.Cut(row, ": ")
	text = strings.NewReplacer("\x1b[1m", "<", "\x1b[2m", "", "\x1b[0m", ">").Replace(text)
	if before, reactions, found := strings.Cut(text, "\n  + "); found {
		text = before + "\n  + " + strings.TrimSuffix(reactions, ">\n") + "\n"
	}
	for _, code := range []string{"\x1b[1m", "\x1b[2m", "\x1b[0m"} {
		head = strings.ReplaceAll(head, code, "")
	}
	return head + ": " + text
}

// Wherever it is marked, a short text is shown as in any row, so nothing in it can act or look like another
// row.
func TestFoundRowsAreThoseOfMessages(t *testing.T) {
	for _, text := range evil {
		n := uint32(len([]rune(text)))
		m := &earshotv1.Message{Id: id, To: room, From: by(eve), Text: text, Time: at}
		var want bytes.Buffer
		if err := (Printer{Long: true}).Message(&want, m); err != nil {
			t.Fatal(err)
		}
		for from := uint32(0); from < n; from++ {
			f := &earshotv1.Found{Message: m, Marks: []*earshotv1.Mark{{Start: from, End: from + 1}, {Start: from + 2, End: n}}}
			var got bytes.Buffer
			if err := (Printer{Long: true}).Found(&got, f); err != nil || got.String() != id+"  "+want.String() {
				t.Fatalf("%q marked at %d: %v\n got %q\nwant %q", text, from, err, &got, &want)
			}
		}
	}
}

func TestFoundObject(t *testing.T) {
	f := foundIn(&earshotv1.Message{Id: id, Conversation: "c0", To: room, From: by(eve), Kind: "text", Text: "🎂 at ONE\u202e", Time: at}, "🎂", "ONE")
	var whole, b bytes.Buffer
	p := Printer{JSON: true}
	if err := p.Message(&whole, f.Message); err != nil {
		t.Fatal(err)
	}
	want := strings.TrimSuffix(whole.String(), "}\n") + `,"marks":[[0,1],[5,8]]}` + "\n"
	if err := p.Found(&b, f); err != nil || b.String() != want {
		t.Errorf("%v\n got %s\nwant %s", err, &b, want)
	}
}

// Marks that don't fit the text, which no node tells, are left out.
func TestMarksThatDontFit(t *testing.T) {
	f := &earshotv1.Found{Message: &earshotv1.Message{Text: "añb", From: by(bob), To: room, Time: at}}
	for _, m := range [][2]uint32{{1, 1}, {2, 1}, {1, 2}, {0, 1}, {1, 2}, {2, 99}, {50, 1 << 31}} {
		f.Marks = append(f.Marks, &earshotv1.Mark{Start: m[0], End: m[1]})
	}
	var b bytes.Buffer
	if err := (Printer{Style: terminal.Style{On: true}}).Found(&b, f); err != nil || !strings.HasSuffix(b.String(), ": añ\x1b[1mb\x1b[0m\n") {
		t.Errorf("%v %q", err, &b)
	}
}

func TestMiddleRow(t *testing.T) {
	m := &earshotv1.Message{Id: id, To: room, From: by(bob), Text: "hi", Time: at, Own: true, State: "read"}
	var b bytes.Buffer
	if err := (Printer{}).Middle(&b, m); err != nil || b.String() != "2026-03-01 12:30:00  1d1d1d1d  #lunch  me [this one, read]: hi\n" {
		t.Errorf("%v %s", err, &b)
	}
}

func TestProgressOfSearch(t *testing.T) {
	back := timestamppb.New(time.Date(2026, 2, 1, 9, 0, 0, 1_000_000, time.UTC))
	for _, test := range []struct{ got, want string }{
		{Progress(&earshotv1.SearchResponse{Made: 250, Of: 1000}), "preparing the search: 25 %"},
		{Progress(&earshotv1.SearchResponse{Back: back}), "searched back to 2026-02-01"},
		{MoreFound(20, &earshotv1.SearchResponse{Back: back, More: true}, "0123"), "20 found, searched back to 2026-02-01 09:00:00; more with --limit N, or --after 0123"},
	} {
		if test.got != test.want {
			t.Errorf("%q, want %q", test.got, test.want)
		}
	}
}
