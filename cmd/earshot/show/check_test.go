package show

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/earshot-im/earshot/cmd/earshot/advice"
	"github.com/earshot-im/earshot/cmd/earshot/object"
	"github.com/earshot-im/earshot/cmd/earshot/terminal"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

var closed = &earshotv1.Check{Check: "reachable", Code: "closed", Detail: "dial tcp4 192.0.2.7:27830: i/o timeout",
	Person: &earshotv1.Person{Person: strings.Repeat("c4", 32), Name: strings.Repeat("山", 21), KnownAs: strings.Repeat("山", 21), Contact: true},
	Values: &earshotv1.Values{Port: 27830, Outcome: "timed_out"}}

var linux = advice.Adviser{System: "linux"}

func checkOf(t *testing.T, p Printer, c *earshotv1.Check) string {
	t.Helper()
	var b strings.Builder
	if err := p.Check(&b, c, linux); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// A failing check says what is wrong, below it what to do, with the command, and last what only an
// administrator needs.
func TestFailingCheckSaysWhatToDo(t *testing.T) {
	text := checkOf(t, Printer{}, closed)
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if !strings.HasPrefix(lines[0], "WRONG  way in for others: ") || !strings.HasPrefix(lines[len(lines)-1], "       For an administrator: dial tcp4") {
		t.Errorf("%s", text)
	}
	todo, command := strings.Index(text, "\n       What to do: "), strings.Index(text, "\n           sudo ufw allow 27830/tcp\n")
	if todo < 0 || command < todo {
		t.Errorf("%s", text)
	}
	for _, line := range lines[1:] {
		if !strings.HasPrefix(line, "       ") {
			t.Errorf("%q may be taken for another check", line)
		}
	}
}

// What is fine takes a line, and tells nobody what to do.
func TestFineCheckIsShort(t *testing.T) {
	if text := checkOf(t, Printer{}, &earshotv1.Check{Check: "limits", Ok: true}); text != "ok     limits: none was reached\n" {
		t.Errorf("%q", text)
	}
	if text := checkOf(t, Printer{}, &earshotv1.Check{Check: "mdns_port", Code: "off", Ok: true, Detail: "x"}); !strings.HasPrefix(text, "note   finding others") || strings.Contains(text, "administrator") {
		t.Errorf("%q", text)
	}
}

// Nothing but a command, which is copied as a whole, and a word that can't be divided is wider than a
// terminal.
func TestChecksFitIntoTheTerminal(t *testing.T) {
	for has, most := range map[int]int{0: 80, 40: 40, 200: 80, 3: 30} {
		for _, line := range strings.Split(checkOf(t, Printer{Columns: has}, closed), "\n") {
			if terminal.Width(line) > most && !strings.HasPrefix(line, "           ") && strings.Contains(strings.TrimSpace(line), " ") {
				t.Errorf("%d of %d columns: %q", terminal.Width(line), most, line)
			}
		}
	}
}

// What may be the cause of the rest comes first, and what helps against several is said once.
func TestSeveralFaults(t *testing.T) {
	peer := func(n int) *earshotv1.Check {
		who := &earshotv1.Person{Person: strings.Repeat(fmt.Sprint(n), 64), KnownAs: "Bob", Contact: true}
		return &earshotv1.Check{Check: "multicast", Code: "deaf", Person: who}
	}
	var b strings.Builder
	if err := (Printer{}).Checks(&b, []*earshotv1.Check{peer(1), {Check: "later"}, peer(2), {Check: "interfaces", Code: "none"}, {Check: "node", Code: "stopped"}}, linux); err != nil {
		t.Fatal(err)
	}
	var found []string
	for line := range strings.Lines(b.String()) {
		if what, is := strings.CutPrefix(line, "WRONG  "); is {
			found = append(found, what[:strings.Index(what, ":")])
		}
	}
	if want := "earshot, network, finding others, finding others, later"; strings.Join(found, ", ") != want {
		t.Errorf("%q, want %q", found, want)
	}
	if strings.Count(b.String(), "ufw allow 5353/udp") != 1 || strings.Count(b.String(), "\n       What to do: the same as above\n") != 1 {
		t.Errorf("%s", &b)
	}
}

func TestCheckAsJSON(t *testing.T) {
	line := checkOf(t, Printer{JSON: true}, closed)
	var got object.Check
	if err := json.Unmarshal([]byte(line), &got); err != nil || strings.Count(line, "\n") != 1 {
		t.Fatal(line, err)
	}
	if got.Check != "reachable" || got.OK || got.Code != "closed" || got.About != strings.Repeat("c4", 32) ||
		!strings.HasSuffix(got.Detail, "(dial tcp4 192.0.2.7:27830: i/o timeout)") || !strings.Contains(got.Fix, "\n    sudo ufw allow 27830/tcp") {
		t.Errorf("%+v", got)
	}
	if line := checkOf(t, Printer{JSON: true}, &earshotv1.Check{Check: "limits", Ok: true}); line != `{"check":"limits","ok":true,"detail":"none was reached"}`+"\n" {
		t.Error(line)
	}
}
