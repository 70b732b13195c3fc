package panes

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"
	"google.golang.org/protobuf/proto"

	"github.com/earshot-im/earshot/cmd/earshot/screen"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// wait lets a time pass, with what wakes the screen in it.
func (v *viewer) wait(d time.Duration) {
	until := v.now.Add(d)
	for at := v.s.WakeAt(); at > 0 && at <= until.UnixMilli(); at = v.s.WakeAt() {
		v.now = time.UnixMilli(at).UTC()
		v.acts(v.s.Do(at, screen.Woke{}))
		v.draw()
	}
	v.now = until
}

func (v *viewer) called(what string) bool {
	return slices.ContainsFunc(v.api.calls, func(c string) bool { return strings.HasPrefix(c, what) })
}

func (v *viewer) text() string {
	f, _ := Draw(v.s)
	return ansi.Strip(shown(f, false))
}

func TestEnterSendsWhatIsWritten(t *testing.T) {
	v := look(t, office(), 80, 24)
	v.press("enter", "'At one", "enter")
	if want := `send #` + lunch.Id + ` "At one"`; !v.called(want) {
		t.Errorf("%q was not sent, but %q", want, v.api.calls)
	}
	if !v.s.Editor.Empty() {
		t.Errorf("the composer has %q", v.s.Editor.Text())
	}
}

// A text that the node has not taken stays, and what has gone wrong is said.
func TestTextStaysWhereSendingFails(t *testing.T) {
	v := look(t, office(), 80, 24)
	v.api.broken = errors.New("the disk is full")
	v.press("enter", "'At one", "enter")
	if v.s.Editor.Text() != "At one" || !strings.Contains(v.text(), "the disk is full") {
		t.Errorf("the composer has %q, and the screen shows:\n%s", v.s.Editor.Text(), v.text())
	}
	v.do(screen.Gone{Err: errors.New("no node is running")})
	v.press("enter")
	if v.s.Editor.Text() != "At one" {
		t.Errorf("without a node the composer has %q", v.s.Editor.Text())
	}
	if v.do(screen.Back{}); strings.Contains(v.text(), "gone") {
		t.Errorf("the node is back, and the screen shows:\n%s", v.text())
	}
}

// A paste into a terminal that doesn't mark pastes must not send.
func TestEnterInAPasteIsANewLine(t *testing.T) {
	v := look(t, office(), 80, 24)
	v.press("enter")
	for _, k := range []string{"a", "enter", "b", "enter"} {
		v.now = v.now.Add(time.Millisecond)
		v.acts(v.s.Do(v.now.UnixMilli(), screen.Key{Code: k, Text: printed(k)}))
	}
	if v.called("send") || v.s.Editor.Text() != "a\nb\n" {
		t.Errorf("the composer has %q, after %q", v.s.Editor.Text(), v.api.calls)
	}
	v.do(screen.Paste{Text: "c\r\nd\r"})
	if v.called("send") || v.s.Editor.Text() != "a\nb\nc\nd\n" {
		t.Errorf("after a paste the composer has %q", v.s.Editor.Text())
	}
}

func TestSlashes(t *testing.T) {
	v := look(t, office(), 80, 24)
	v.press("enter", "'//etc/hosts is wrong", "enter")
	if !v.called(`send #` + lunch.Id + ` "/etc/hosts is wrong"`) {
		t.Errorf("sent: %q", v.api.calls)
	}
	v.press("'/nonsense", "enter")
	if v.s.Editor.Text() != "/nonsense" || !v.s.Note.Bad {
		t.Errorf("the composer has %q, and %q is said", v.s.Editor.Text(), v.s.Note.Text)
	}
}

// A command is no draft, and what was written before it comes back.
func TestCommandsAreNoDrafts(t *testing.T) {
	v := look(t, office(), 80, 24)
	v.press("enter", "'/help")
	v.wait(5 * time.Second)
	v.press("enter", "esc", "'hello")
	v.wait(5 * time.Second)
	if v.called(`draft "/`) || !v.called(`draft "hello"`) {
		t.Errorf("%q", v.api.calls)
	}
}

// What ends the screen keeps what was written.
func TestEndingKeepsTheDraft(t *testing.T) {
	v := look(t, office(), 80, 24)
	v.press("enter", "'hello")
	v.do(screen.Ending{})
	if !v.called(`draft "hello"`) {
		t.Errorf("%q", v.api.calls)
	}
}

// Only what has stood on the screen is marked read, and only while the owner is there.
func TestReadIsWhatWasSeen(t *testing.T) {
	v := look(t, office(), 80, 24)
	v.press("enter")
	v.do(screen.Focus{Here: false})
	v.wait(5 * time.Second)
	if v.called("read") {
		t.Errorf("without the focus: %q", v.api.calls)
	}
	v.do(screen.Focus{Here: true})
	v.press("left")
	v.wait(2 * time.Second)
	if !v.called("read") {
		t.Error("what was seen is not read")
	}
}

// Behind a locked screen nothing is seen, whatever was open before or comes to be.
func TestNothingIsReadBehindALock(t *testing.T) {
	for _, first := range []string{"opened", "locked"} {
		v := look(t, office(), 80, 24)
		lock, open := func() { v.do(screen.Lock{Locked: true}) }, func() { v.press("enter") }
		if first == "opened" {
			open()
			lock()
		} else {
			lock()
			open()
		}
		v.wait(5 * time.Second)
		if v.called("read") {
			t.Errorf("%s first: %q", first, v.api.calls)
		}
		v.do(screen.Lock{})
		v.press("left")
		v.wait(2 * time.Second)
		if !v.called("read") {
			t.Errorf("%s first: what was seen is not read", first)
		}
	}
}

func TestScrollingStaysWhereItIs(t *testing.T) {
	api := office()
	for i := range 200 {
		api.history["#"+lunch.Id] = append(api.history["#"+lunch.Id], said(10+i, bob, fmt.Sprintf("line %d", i)))
	}
	v := look(t, api, 80, 24)
	v.press("enter", "ctrl+end")
	if !strings.Contains(v.text(), "line 199") {
		t.Fatalf("the end is not shown:\n%s", v.text())
	}
	v.press("pgup", "pgup")
	before := v.text()
	v.acts(v.s.Do(v.now.UnixMilli(), screen.Changes{Answer: &earshotv1.ChangesResponse{Changes: []*earshotv1.Change{
		{Change: &earshotv1.Change_Arrived{Arrived: said(300, eve, "a late one", func(m *earshotv1.Message) { m.Unread = true })}},
	}}}))
	v.draw()
	after := v.text()
	cut := func(s string) string { // the line above the composer says that there is more below
		rows := strings.Split(s, "\n")
		return strings.Join(rows[:len(rows)-4], "\n")
	}
	if cut(before) != cut(after) {
		t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
	if !strings.Contains(after, "1 new message below") {
		t.Errorf("nothing says that there is more below:\n%s", after)
	}
	v.press("ctrl+end")
	if !strings.Contains(v.text(), "a late one") {
		t.Errorf("the end is not shown:\n%s", v.text())
	}
}

// TestAnyKeys presses keys at random, at all sizes, and draws: no state may end the program, be drawn
// outside the screen, or say that something was sent that was not.
func TestAnyKeys(t *testing.T) {
	keys := strings.Fields("enter esc up down left right tab shift+tab pgup pgdown home end backspace delete ctrl+a ctrl+e ctrl+k ctrl+u ctrl+w ctrl+y ctrl+t " +
		"ctrl+g ctrl+n ctrl+p ctrl+j ctrl+end alt+u alt+up alt+down alt+b alt+f alt+d f1 ctrl+l j k r e + x f c i u q s ? y n o 0 1 a b v d / @ : 日 👍🏽 space")
	steps := 800
	if testing.Short() {
		steps = 100
	}
	for _, seed := range []uint64{1, 2, 3, 4} {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 7))
			apis := []func() *fake{office, people, kinds, scripts, hostile, nobody, fresh}
			v := look(t, apis[r.IntN(len(apis))](), 80, 24)
			for range steps {
				switch r.IntN(24) {
				case 0:
					v.do(screen.Size{Columns: r.IntN(130), Rows: r.IntN(40)})
				case 1:
					v.do(screen.Click{Column: r.IntN(130), Row: r.IntN(40)})
				case 2:
					v.do(screen.Wheel{By: 1 - 2*r.IntN(2), Column: r.IntN(130)})
				case 3:
					v.wait(time.Duration(r.IntN(3000)) * time.Millisecond)
				case 4:
					v.press("'/" + v.s.Commands()[r.IntN(len(v.s.Commands()))])
				default:
					v.press(keys[r.IntN(len(keys))])
				}
				v.s.Take()
				f, _ := Draw(v.s)
				for y, row := range f.Rows {
					for _, s := range row {
						if s.Column < 0 || s.Column+s.Line.Width() > f.Columns {
							t.Fatalf("row %d: %q at %d is wider than %d", y, s.Line.String(), s.Column, f.Columns)
						}
					}
				}
				if c := f.Cursor; c.Shown && (c.Row < 0 || c.Row >= len(f.Rows)) {
					t.Fatalf("the cursor is in row %d of %d", c.Row, len(f.Rows))
				}
			}
		})
	}
}

// The stream of changes tells of no strangers, and the first who come are strangers.
func TestStrangersWhoComeAreCounted(t *testing.T) {
	api := nobody()
	v := look(t, api, 80, 24)
	if !strings.Contains(v.text(), "Nobody is on this network yet.") {
		t.Fatalf("the screen shows:\n%s", v.text())
	}
	api.status.Online = 2
	v.do(screen.Met{})
	if !strings.Contains(v.text(), "2 people are here.") {
		t.Errorf("the screen shows:\n%s", v.text())
	}
}

// A message that is higher than the screen can be read to its end, and is read then, whatever else is
// new; but where it comes its beginning stays.
func TestHighMessageIsReadToItsEnd(t *testing.T) {
	for lines := 5; lines < 60; lines += 3 {
		v := look(t, office(), 80, 24)
		v.press("enter", "ctrl+end")
		v.wait(3 * time.Second)
		high := said(30, bob, strings.TrimSpace(strings.Repeat("line\n", lines))+" the end", func(m *earshotv1.Message) { m.Unread = true })
		v.do(screen.Changes{Answer: &earshotv1.ChangesResponse{Changes: []*earshotv1.Change{{Change: &earshotv1.Change_Arrived{Arrived: high}}}}})
		if !strings.Contains(v.text(), "Bob          line") {
			t.Errorf("%d lines have come:\n%s", lines, v.text())
		}
		for range 4 {
			v.press("pgdown")
			v.wait(100 * time.Millisecond)
		}
		v.wait(3 * time.Second)
		if !v.s.AtEnd() || !v.called("read ["+high.Id) {
			t.Errorf("%d lines, at the end:\n%s\n%q", lines, v.text(), v.api.calls)
		}
	}
}

// Why nothing can be sent is said before somebody tries, also where a text has been begun.
func TestClosedSaysWhy(t *testing.T) {
	v := look(t, office(), 80, 24)
	v.press("enter", "'half a text")
	out := group("lunch", func(c *earshotv1.Conversation) { c.Last, c.Group.Role = said(0, bob, "hello"), "" })
	v.do(screen.Changes{Answer: &earshotv1.ChangesResponse{Changes: []*earshotv1.Change{{Change: &earshotv1.Change_Conversation{Conversation: out}}}}})
	if text := v.text(); !strings.Contains(text, "not in this group") || !strings.Contains(text, "> half a text") {
		t.Errorf("the screen shows:\n%s", text)
	}
}

// A paste that a message can't have is not cut in silence.
func TestPasteGoesInAsAWhole(t *testing.T) {
	v := look(t, office(), 80, 24)
	v.press("enter", "'before")
	v.do(screen.Paste{Text: strings.Repeat("x", 64<<10)})
	if v.s.Editor.Text() != "before" || !strings.Contains(v.text(), "64 KiB") {
		t.Errorf("%d bytes are in the composer, and the screen shows:\n%s", len(v.s.Editor.Text()), v.text())
	}
	v.do(screen.Paste{Text: strings.Repeat("x", 64<<10-len("before"))})
	if len(v.s.Editor.Text()) != 64<<10 || strings.Contains(v.text(), "64 KiB") {
		t.Errorf("%d bytes are in the composer, and the screen shows:\n%s", len(v.s.Editor.Text()), v.text())
	}
}

// A stranger whose request waits has a conversation, in which there is nothing yet.
func TestRequestsAreNotInTheList(t *testing.T) {
	v := look(t, nobody(), 80, 24)
	v.do(screen.Changes{Answer: &earshotv1.ChangesResponse{Changes: []*earshotv1.Change{{Change: &earshotv1.Change_Conversation{Conversation: with(eve)}}}}})
	if strings.Contains(v.text(), "Eve") {
		t.Errorf("the screen shows:\n%s", v.text())
	}
	said := with(eve, func(c *earshotv1.Conversation) { c.Last = said(0, eve, "hello") })
	v.do(screen.Changes{Answer: &earshotv1.ChangesResponse{Changes: []*earshotv1.Change{{Change: &earshotv1.Change_Conversation{Conversation: said}}}}})
	if !strings.Contains(v.text(), "Eve") {
		t.Errorf("the screen shows:\n%s", v.text())
	}
}

// The end is the end, also where the row at the upper edge is cut and nobody has read it yet.
func TestEndIsOnTheScreen(t *testing.T) {
	api := office()
	for i := range 30 {
		api.history["#"+lunch.Id] = append(api.history["#"+lunch.Id], said(10+i, bob, fmt.Sprint("row ", i, strings.Repeat(" of several lines", 8)), func(m *earshotv1.Message) { m.Unread = true }))
	}
	for rows := 12; rows < 24; rows++ {
		v := look(t, api, 40, rows)
		v.press("enter", "ctrl+end", "left", "right")
		v.wait(3 * time.Second)
		if !v.s.AtEnd() {
			t.Errorf("%d rows:\n%s", rows, v.text())
		}
	}
}

// Whoever is a contact now is so in each row that is loaded, and in the list: a change of somebody is told
// once, and not for each message.
func TestNewNamesReachTheRows(t *testing.T) {
	for _, who := range []string{"group", "person"} {
		api := office()
		if who == "person" {
			api.list = []*earshotv1.Conversation{with(eve)}
			api.history[eve.Person] = []*earshotv1.Message{said(1, eve, "Hello")}
		}
		v := look(t, api, 80, 24)
		v.press("enter")
		if !strings.Contains(v.text(), `"Eve"`) {
			t.Fatalf("%s: a stranger has no quotation marks:\n%s", who, v.text())
		}
		known := &earshotv1.Person{Person: eve.Person, Name: "Evie", Pinned: "Evie", KnownAs: "Evie", Contact: true, Online: true}
		for _, rows := range api.history {
			for i, m := range rows {
				if m.From.Person == eve.Person {
					rows[i] = proto.Clone(m).(*earshotv1.Message)
					rows[i].From = authorOf(known)
				}
			}
		}
		for i, c := range api.list {
			if c.Person == eve {
				api.list[i] = with(known)
			}
		}
		v.do(screen.Changes{Answer: &earshotv1.ChangesResponse{Changes: []*earshotv1.Change{{Change: &earshotv1.Change_Person{Person: known}}}}})
		if strings.Contains(v.text(), `"Eve"`) || !strings.Contains(v.text(), "Evie") {
			t.Errorf("%s: who is known still has a stranger's name:\n%s", who, v.text())
		}
	}
}

// Why a message waits is asked for when it is queued; the answer may come after it was delivered.
func TestDeliveredMessageDoesNotWaitAgain(t *testing.T) {
	v := look(t, office(), 80, 24)
	v.press("enter", "ctrl+end")
	in := func(state string) *earshotv1.Message {
		m := said(6, nil, "On my way", func(m *earshotv1.Message) { m.State = state })
		m.Id = strings.Repeat("ab", 32)
		return m
	}
	change := func(m *earshotv1.Message) []screen.Act {
		return v.s.Do(v.now.UnixMilli(), screen.Changes{Answer: &earshotv1.ChangesResponse{Changes: []*earshotv1.Change{{Change: &earshotv1.Change_Changed{Changed: m}}}}})
	}
	waits := in("queued")
	waits.Waiting = &earshotv1.Waiting{First: &earshotv1.Pending{WaitingFor: "offline", Person: cy}}
	v.api.messages = []*earshotv1.Message{waits}
	v.acts(change(in("queued")))
	v.draw()
	if !strings.Contains(v.text(), "waiting: Cy") {
		t.Errorf("why it waits is not shown:\n%s", v.text())
	}
	asked := change(in("queued"))
	v.acts(change(in("delivered")))
	v.acts(asked)
	v.draw()
	if !strings.Contains(v.text(), "On my way  ✓ delivered") {
		t.Errorf("it is not delivered any more:\n%s", v.text())
	}
}
