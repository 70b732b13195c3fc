package panes

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/charmbracelet/x/vt"

	"github.com/earshot-im/earshot/cmd/earshot/frame"
	"github.com/earshot-im/earshot/cmd/earshot/screen"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

var update = flag.Bool("update", false, "write the frames anew")

// states are what a screen looks like in each state that people meet.
var states = []struct {
	name string
	api  func() *fake
	do   func(v *viewer)
}{
	{"begin", office, func(*viewer) {}},
	{"group", office, func(v *viewer) { v.press("enter") }},
	{"writing", office, func(v *viewer) { v.press("enter", "'Half past ", "ctrl+j", "'or later") }},
	{"selecting", office, func(v *viewer) { v.press("enter", "esc") }},
	{"reply", office, func(v *viewer) { v.press("enter", "esc", "k", "r", "'ok") }},
	{"edit", office, func(v *viewer) { v.press("enter", "up") }},
	{"help", office, func(v *viewer) { v.press("enter", "f1") }},
	{"people", people, func(v *viewer) { v.press("enter", "'/people", "enter") }},
	{"request", people, func(v *viewer) { v.press("enter", "'/requests", "enter") }},
	{"receipts", people, func(v *viewer) { v.press("enter", "'/receipts", "enter") }},
	{"words", people, func(v *viewer) { v.press("enter", "'/people", "enter", "v") }},
	{"settings", office, func(v *viewer) { v.press("enter", "'/me", "enter") }},
	{"forward", office, func(v *viewer) { v.press("enter", "esc", "f", "space", "down") }},
	{"react", office, func(v *viewer) { v.press("enter", "esc", "+") }},
	{"found", people, func(v *viewer) { v.press("enter", "'/search printer", "enter") }},
	{"complete", office, func(v *viewer) { v.press("enter", "'/group ", "tab") }},
	{"gone", office, func(v *viewer) {
		v.press("enter", "'kept text")
		v.do(screen.Gone{Err: fmt.Errorf("no node is running")})
	}},
	{"typing", office, func(v *viewer) {
		v.press("enter")
		v.do(screen.Changes{Answer: &earshotv1.ChangesResponse{Changes: []*earshotv1.Change{{Change: &earshotv1.Change_Typing{
			Typing: &earshotv1.Typing{Conversation: lunch.Id, Persons: []*earshotv1.Person{bob}}}}}}})
	}},
	{"files", shared, func(v *viewer) {
		v.press("enter")
		v.do(screen.Moved{Transfers: []*earshotv1.Transfer{{Id: v.api.history["#"+lunch.Id][1].Id, Attachment: &earshotv1.Attachment{N: 2, Name: "trip", Folder: true, Size: 2_000_000_000, Had: 1_400_000_000, State: "fetching"}}}})
	}},
	{"files-list", shared, func(v *viewer) { v.press("enter", "'/files", "enter") }},
	{"nobody", nobody, func(*viewer) {}},
	{"firstrun", fresh, func(*viewer) {}},
	{"firstrun-gone", fresh, func(v *viewer) { v.do(screen.Gone{Err: fmt.Errorf("no node is running")}) }},
	{"firstrun-accept", fresh, func(v *viewer) { v.press("'Ann", "enter") }},
	{"recovery", unwritten, func(v *viewer) { v.press("esc") }},
	{"recovery-how", unwritten, func(v *viewer) { v.press("esc", "'/me recovery", "enter") }},
	{"frozen", func() *fake { f := office(); f.list[0].Group.Frozen = true; return f }, func(v *viewer) { v.press("enter") }},
	{"removed", func() *fake { f := office(); f.list[0].Group.Role = ""; return f }, func(v *viewer) { v.press("enter") }},
	{"newcomer", newcomerCalled("Eve"), func(v *viewer) { v.press("'eve", "enter") }},
	{"namesake", namesake, func(v *viewer) { v.press("'d2a8", "enter") }},
	{"replace", newcomerCalled("Bob"), func(v *viewer) { v.press("'d2a8", "enter", "'/contacts replace Bob", "enter") }},
	{"replaced", newcomerCalled("Bob"), func(v *viewer) { v.press("'d2a8", "enter", "'/contacts replace Bob", "enter", "y") }},
	{"kinds", kinds, func(v *viewer) { v.press("'lunch", "enter") }},
	{"scripts", scripts, func(v *viewer) { v.press("'lunch", "enter") }},
	{"hostile", hostile, func(v *viewer) { v.press("'lunch", "enter") }},
	{"error", office, func(v *viewer) { v.press("enter", "'/nonsense", "enter") }},
}

// unwritten is an office whose owner has not written the recovery words down.
func unwritten() *fake {
	f := office()
	f.me.RecoveryKept = true
	return f
}

// Who puts the recovery words off is not reminded for a week, on any screen.
func TestRecoveryPutOff(t *testing.T) {
	v := look(t, unwritten(), 80, 20)
	if !v.s.RecoveryDue() {
		t.Error("nobody is reminded")
	}
	v.press("esc", "'/me recovery", "enter", "l")
	until := v.api.me.RecoveryLater.AsTime().UnixMilli()
	if v.s.RecoveryDue() || until-v.s.Now() != 7*24*3_600_000 {
		t.Errorf("due %t, put off for %d ms", v.s.RecoveryDue(), until-v.s.Now())
	}
	v.s.Me.RecoveryLater = nil
	v.s.Status.Known = 0
	if v.s.RecoveryDue() {
		t.Error("without a contact")
	}
}

// Somebody is put in the place of a contact only once words were compared, and those are told to the node.
func TestReplaceContact(t *testing.T) {
	for key, want := range map[string]bool{"y": true, "n": false, "esc": false} {
		v := look(t, newcomerCalled("Bob")(), 80, 20)
		v.press("'d2a8", "enter", "'/contacts replace Bob", "enter", key)
		const call = "replace c4b3bf63 by d2a8e6f1, resend true: abandon ability able about above absent absorb abstract absurd abuse"
		if did := slices.Contains(v.api.calls, call); did != want {
			t.Errorf("%s: %t: %q", key, did, v.api.calls)
		}
	}
}

// TestGoldenFrames draws each state at each width, and has a terminal show it: what that shows must be what
// the frame says, and both what is kept in testdata.
func TestGoldenFrames(t *testing.T) {
	for _, st := range states {
		for _, columns := range []int{40, 80, 120} {
			t.Run(fmt.Sprintf("%s-%d", st.name, columns), func(t *testing.T) {
				v := look(t, st.api(), columns, 20)
				st.do(v)
				f, _ := Draw(v.s)
				golden(t, fmt.Sprintf("%s-%d.ansi", st.name, columns), shown(f, true))
				if columns == 80 {
					golden(t, fmt.Sprintf("%s-%d.no_color.ansi", st.name, columns), shown(f, false))
				}
				onTerminal(t, f)
			})
		}
	}
}

// TestReadmeFrame draws the frame of which the README has a picture.
func TestReadmeFrame(t *testing.T) {
	v := look(t, office(), 100, 16)
	v.press("enter", "'I bring the cards and the board")
	v.do(screen.Changes{Answer: &earshotv1.ChangesResponse{Changes: []*earshotv1.Change{{Change: &earshotv1.Change_Typing{
		Typing: &earshotv1.Typing{Conversation: lunch.Id, Persons: []*earshotv1.Person{bob}}}}}}})
	f, _ := Draw(v.s)
	golden(t, "readme-100.ansi", shown(f, true))
}

func golden(t *testing.T, name, now string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(now), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if now != string(want) {
		t.Errorf("%s is another frame now:\n%s\nbefore:\n%s", name, now, want)
	}
}

// shown is what a terminal shows of a frame, as text with styles, which can be looked at with cat.
func shown(f *frame.Frame, colours bool) string {
	e := vt.NewEmulator(f.Columns, len(f.Rows))
	defer e.Close()
	fmt.Fprint(e, "\x1b[?7l", frame.Draw(nil, f, colours))
	var b strings.Builder
	for row := range strings.SplitSeq(strings.ReplaceAll(e.Render(), "\r", ""), "\n") {
		b.WriteString(strings.TrimRight(row, " ") + "\n")
	}
	return b.String()
}

// onTerminal holds the bytes that Draw makes to what a terminal shows of them: whatever it showed before,
// every segment stands at its column, and nothing behind the last one.
func onTerminal(t *testing.T, f *frame.Frame) {
	t.Helper()
	e := vt.NewEmulator(f.Columns, len(f.Rows))
	defer e.Close()
	other := frame.New(f.Columns, len(f.Rows))
	for row := range other.Rows {
		other.Put(row, 0, f.Columns, frame.Text(frame.Reverse, strings.Repeat("x", f.Columns)))
	}
	fmt.Fprint(e, "\x1b[?7l", frame.Draw(nil, other, true), frame.Draw(other, f, true))
	for y, row := range f.Rows {
		for _, s := range row {
			text := strings.TrimRight(s.Line.String(), " ")
			var got strings.Builder
			for x := s.Column; x < f.Columns && got.Len() < len(text); x++ {
				if c := e.CellAt(x, y); c != nil {
					got.WriteString(c.Content)
				}
			}
			if !strings.HasPrefix(got.String(), text) {
				t.Errorf("row %d, column %d: %q, want %q", y, s.Column, got.String(), text)
			}
		}
	}
}

// people is office with more to show.
func people() *fake {
	f := office()
	f.contacts = []*earshotv1.Person{bob, cy}
	f.peers = []*earshotv1.Peer{{Person: eve.Person, Name: "Eve", Online: true}}
	f.requests = []*earshotv1.Request{{Person: eve.Person, Name: "Eve", Received: at(3), Text: "Hello, I am new here. May I ask something?", MoreWaits: true, Kind: "text"},
		{Person: strings.Repeat("5e", 32), Name: "Bob", Received: at(1), Kind: "notice", Notice: "invited", Group: &earshotv1.Target{Kind: "group", Id: strings.Repeat("77", 32), Name: "lunch"}, Members: 3}}
	f.reached = []*earshotv1.Reached{{Person: bob, State: "read"}, {Person: eve, State: "delivered"},
		{Person: cy, State: "queued", Waiting: &earshotv1.Pending{WaitingFor: "offline", LastSeen: cy.LastSeen, Person: cy}}}
	m := f.history["#"+lunch.Id][2]
	f.found = []*earshotv1.Found{{Message: m, Marks: []*earshotv1.Mark{{Start: 33, End: 40}}}, {Message: said(-60, bob, "The printer is out of paper"), Marks: []*earshotv1.Mark{{Start: 4, End: 11}}}}
	return f
}

// newcomerCalled is office with somebody who is no contact, and is called so.
func newcomerCalled(name string) func() *fake {
	return func() *fake {
		f := office()
		p := &earshotv1.Person{Person: eve.Person, Name: name, Online: true}
		f.list[2] = with(p)
		m := said(3, p, "Hello, it is me")
		m.Conversation, m.With = p.Person, f.list[2].With
		f.history[p.Person] = []*earshotv1.Message{m}
		return f
	}
}

// namesake is newcomerCalled as it looks by the name of a contact.
func namesake() *fake {
	f := newcomerCalled("B\u043eb")()
	f.alike = []*earshotv1.Person{bob}
	return f
}

// fresh is a node that has just been made.
func fresh() *fake {
	return &fake{
		me:     &earshotv1.MeResponse{Person: ann.Person, Accept: "everyone"},
		status: &earshotv1.StatusResponse{},
	}
}

func nobody() *fake {
	f := fresh()
	f.me.Name = "Ann"
	f.status.Finding = &earshotv1.Finding{LeftOut: []*earshotv1.LeftOut{{Interface: "tun0", Reason: "tunnel"}}}
	return f
}

// kinds is what is not just text.
func kinds() *fake {
	f := office()
	f.list[0].Unread, f.list[0].FirstUnread = 0, ""
	f.history["#"+lunch.Id] = []*earshotv1.Message{
		said(0, bob, "", func(m *earshotv1.Message) {
			m.Kind, m.Notice = "notice", &earshotv1.Notice{Notice: "joined", Group: lunch, By: bob, Whom: []*earshotv1.Person{cy}, Name: "lunch"}
		}),
		said(1, bob, "", func(m *earshotv1.Message) { m.Kind = "recalled" }),
		said(2, eve, "a poll: what shall we eat?", func(m *earshotv1.Message) { m.Kind = "unknown" }),
		said(3, bob, "late", func(m *earshotv1.Message) { m.Gap = true }),
		said(4, eve, "both", func(m *earshotv1.Message) { m.Forked = true }),
		said(5, nil, "one", func(m *earshotv1.Message) { m.State = "queued" }),
		said(6, nil, "two", func(m *earshotv1.Message) { m.State = "carried" }),
		said(7, nil, "three", func(m *earshotv1.Message) { m.State = "delivered" }),
		said(8, nil, "four", func(m *earshotv1.Message) { m.State = "read" }),
		said(9, nil, "five", func(m *earshotv1.Message) { m.State = "cancelled" }),
		said(10, nil, "six", func(m *earshotv1.Message) { m.State, m.Reason = "undelivered", "removed" }),
	}
	return f
}

// scripts is text in which characters and columns are not the same.
func scripts() *fake {
	f := office()
	f.list[0].Unread, f.list[0].FirstUnread = 0, ""
	f.history["#"+lunch.Id] = []*earshotv1.Message{
		said(0, bob, "日本語のメッセージはここで折り返されるはずです。とても長い文なので、二行になります。改行がうまくいくか見てみましょう。"),
		said(1, bob, "family 👨‍👩‍👧‍👦 flag 🇩🇪 thumb 👍🏽 heart ❤️ keycap 1️⃣"),
		said(2, eve, "مرحبا بالعالم، هذا نص عربي طويل"),
		said(3, bob, "שלום עולם"),
		said(4, eve, "नमस्ते दुनिया, यह एक लंबा वाक्य है"),
		said(5, bob, "e\u0301 n\u0303 combining, Zalgo h\u0300\u0301\u0302\u0303\u0304\u0305e"),
	}
	return f
}

// hostile is what somebody writes who means harm.
func hostile() *fake {
	f := office()
	f.list[0].Unread, f.list[0].FirstUnread = 0, ""
	mallory := &earshotv1.Person{Person: strings.Repeat("66", 32), Name: "you\x1b[2J\u202e│ 12:00 Bob"}
	f.list[1] = with(mallory, func(c *earshotv1.Conversation) { c.Unread = 3 })
	f.list[0].Group.Topic = "\x1b]0;owned\x07 \u200f│ topic"
	f.history["#"+lunch.Id] = []*earshotv1.Message{
		said(0, mallory, "\x1b[2J\x1b[1;1H\x1b]52;c;aGk=\x07 \x9b31m \u202ereversed \u200f\u2066 isolates\r\n12:00 Bob    forged row"),
		said(1, mallory, strings.Repeat("W", 200)),
		said(2, mallory, "", func(m *earshotv1.Message) {
			m.Text, m.Reactions = "reacted", []*earshotv1.Reaction{{Emoji: "👍 9  ✓✓ read", From: authorOf(mallory)}}
		}),
	}
	return f
}
