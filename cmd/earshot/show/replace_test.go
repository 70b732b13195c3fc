package show

import (
	"bytes"
	"slices"
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
	lost := []*earshotv1.Lost{{Group: room, Role: "admin"}}
	check(t, "a role", row(&earshotv1.ReplaceContactResponse{Groups: []*earshotv1.Target{room}, Lost: lost}),
		first+"\nalso in #lunch\nthe old one was admin in #lunch, and the new one is not; if they are to be: earshot group role "+room.Id+" "+fresh.Person+" admin",
		object(`"groups":[`+inRoom+`],"others":[],"lost":[{"group":`+inRoom+`,"role":"admin"}],"waiting":0,"resent":0`))
	check(t, "removed", func(p Printer, b *bytes.Buffer) error {
		return p.Removed(b, &earshotv1.RemoveContactResponse{Person: old, Waiting: 1})
	}, label.Who(old)+" is no contact any more; `earshot history` still shows what was said\n1 message to them still waiting, see `earshot outbox`",
		`{"person":"`+bob.Person+`","name":"Bob","waiting":1}`)
	cleo := &earshotv1.Person{Person: strings.Repeat("c1", 32), Name: "Cleopatra", Pinned: "Cleo", KnownAs: "Cleo", Contact: true}
	const instead = `in place of Cleo (c1c1c1c1c1c1c1c1, now "Cleopatra") there may be "Cleo" (not a contact yet 1d1d1d1d1d1d1d1d): `
	for online, want := range map[bool]string{true: "here since 2026-03-01 12:30:00 or earlier", false: "came at 2026-03-01 12:30:00 or earlier, offline now"} {
		came := &earshotv1.Newcomer{Person: &earshotv1.Person{Person: id, Name: "Cleo", Online: online}, Since: at}
		got := Newcomers(&earshotv1.NewcomersResponse{Contact: cleo, Newcomers: []*earshotv1.Newcomer{came}})
		if !slices.Equal(got, []string{instead + want, "  if it is the same person: earshot contacts replace " + cleo.Person + " " + id + " --resend"}) {
			t.Errorf("online %t: %q", online, got)
		}
	}
	// Those who came first can't hide whoever came after them.
	got := Newcomers(&earshotv1.NewcomersResponse{Contact: cleo, Newcomers: []*earshotv1.Newcomer{{Person: eve, Since: at}}, More: 2})
	if last := got[len(got)-1]; last != "  2 more call themselves so: `earshot peers` shows who of them is here" {
		t.Errorf("%q", last)
	}
}
