package show

import (
	"bytes"
	"strings"
	"testing"

	"github.com/earshot-im/earshot/cmd/earshot/label"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

func TestReplacedRows(t *testing.T) {
	fresh := &earshotv1.Person{Person: strings.Repeat("f0", 32), Name: "Bob", Contact: true, Verified: true}
	old := &earshotv1.Person{Person: bob.Person, Name: "Bob"}
	row := func(r *earshotv1.ReplaceContactResponse) func(Printer, *bytes.Buffer) error {
		r.Person, r.Old = fresh, old
		return func(p Printer, b *bytes.Buffer) error { return p.Replaced(b, r) }
	}
	object := func(rest string) string {
		return `{"person":{"person":"` + fresh.Person + `","name":"Bob","contact":true,"verified":true,"blocked":false,"online":false,"devices":[]},` +
			`"old":{"person":"` + bob.Person + `","name":"Bob"},` + rest + `}`
	}
	first := label.Who(fresh) + " is in place of " + label.Who(old)
	check(t, "nothing more", row(&earshotv1.ReplaceContactResponse{}), first, object(`"groups":[],"others":[],"waiting":0,"resent":0`))
	other := &earshotv1.Target{Kind: "group", Id: "c1", Name: "a: b"}
	inRoom := `{"kind":"group","id":"` + room.Id + `","name":"lunch"}`
	check(t, "all", row(&earshotv1.ReplaceContactResponse{Groups: []*earshotv1.Target{room, other}, Others: []*earshotv1.Target{room}, Waiting: 2, Resent: 1}),
		first+"\nalso in #lunch, #\"a: b\"\nthe old one is still in #lunch: ask an owner or an admin to remove them, and to invite the new one if they are not in\n"+
			"1 message sent again, to the new one\n2 messages to the old one still waiting, see `earshot outbox`",
		object(`"groups":[`+inRoom+`,{"kind":"group","id":"c1","name":"a: b"}],"others":[`+inRoom+`],"waiting":2,"resent":1`))
	check(t, "removed", func(p Printer, b *bytes.Buffer) error {
		return p.Removed(b, &earshotv1.RemoveContactResponse{Person: old, Waiting: 1})
	}, label.Who(old)+" is no contact any more; `earshot history` still shows what was said\n1 message to them still waiting, see `earshot outbox`",
		`{"person":"`+bob.Person+`","name":"Bob","waiting":1}`)
	for online, want := range map[bool]string{true: "another Cleo is here since 2026-03-01 12:30:00: ", false: "another Cleo came at 2026-03-01 12:30:00 and is offline now: "} {
		came := &earshotv1.Newcomer{Person: &earshotv1.Person{Person: id, Name: "Cleo", Online: online}, Since: at}
		if got := Newcomer(&earshotv1.Target{Id: id, Name: "Cleo"}, came); !strings.HasPrefix(got, want) {
			t.Errorf("online %t: %q", online, got)
		}
	}
	evil := &earshotv1.Target{Id: strings.Repeat("c0", 32), Name: "x\n\x1b[2J"}
	if got := Newcomer(evil, &earshotv1.Newcomer{Person: old, Since: at}); strings.Count(got, "\n") != 1 || strings.Contains(got, "\x1b") ||
		!strings.HasSuffix(got, "earshot contacts replace "+evil.Id+" "+old.Person+" --resend") {
		t.Errorf("%q", got)
	}
}
