package show

import (
	"bytes"
	"strings"
	"testing"

	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// What has happened in a group is put into words here, whoever did it and whomever it concerns.
func TestNoticeInWords(t *testing.T) {
	me := &earshotv1.Person{Person: "aa", Name: "Ann"}
	four := []*earshotv1.Person{bob, {Person: "cccccccc", Name: "Cem", Petname: "Cem"}, {Person: "dddddddd", Name: "Dee"}, {Person: "ffffffff", Name: "Fay"}}
	for _, test := range []struct {
		n    *earshotv1.Notice
		want string
	}{
		{&earshotv1.Notice{Notice: "created", By: me, Own: true}, "you made #lunch"},
		{&earshotv1.Notice{Notice: "joined", By: bob, Whom: []*earshotv1.Person{me}, Mine: true}, "Bob (b0b0b0b0b0b0b0b0) added you to #lunch"},
		{&earshotv1.Notice{Notice: "joined", By: me, Own: true, Whom: four, Others: 60}, `you added Bob (b0b0b0b0b0b0b0b0), Cem, "Dee" (not a contact yet dddddddd) and 61 more to #lunch`},
		{&earshotv1.Notice{Notice: "joined", Whom: four[:2]}, "Bob (b0b0b0b0b0b0b0b0), Cem are in #lunch now"},
		{&earshotv1.Notice{Notice: "left", Whom: four[:1]}, "Bob (b0b0b0b0b0b0b0b0) left #lunch"},
		{&earshotv1.Notice{Notice: "left", Whom: []*earshotv1.Person{me}, Mine: true}, "you left #lunch"},
		{&earshotv1.Notice{Notice: "removed", By: bob, Whom: []*earshotv1.Person{me}, Mine: true}, "Bob (b0b0b0b0b0b0b0b0) removed you from #lunch"},
		{&earshotv1.Notice{Notice: "removed", Whom: []*earshotv1.Person{me}, Mine: true}, "you are not in #lunch any more"},
		{&earshotv1.Notice{Notice: "removed", Whom: four[:1]}, "Bob (b0b0b0b0b0b0b0b0) is not in #lunch any more"},
		{&earshotv1.Notice{Notice: "renamed", By: bob, Was: "dinner"}, "Bob (b0b0b0b0b0b0b0b0) renamed #dinner to #lunch"},
		{&earshotv1.Notice{Notice: "renamed", Was: "dinner"}, "#dinner is called #lunch now"},
		{&earshotv1.Notice{Notice: "topic", By: bob, Text: "Soup\x1b[2J\nTea"}, `Bob (b0b0b0b0b0b0b0b0) set the topic of #lunch: Soup\x1b[2J\nTea`},
		{&earshotv1.Notice{Notice: "topic", By: bob}, "Bob (b0b0b0b0b0b0b0b0) cleared the topic of #lunch"},
		{&earshotv1.Notice{Notice: "topic"}, "#lunch has no topic any more"},
		{&earshotv1.Notice{Notice: "topic", Text: "Soup"}, "the topic of #lunch is another now: Soup"},
		{&earshotv1.Notice{Notice: "history", By: bob, History: "7d"}, "Bob (b0b0b0b0b0b0b0b0) changed #lunch: newcomers read the last 7 days"},
		{&earshotv1.Notice{Notice: "history", History: "all"}, "#lunch was changed: newcomers read everything"},
		{&earshotv1.Notice{Notice: "role", By: bob, Whom: []*earshotv1.Person{me}, Mine: true, Role: "admin"}, "Bob (b0b0b0b0b0b0b0b0) gave you the role admin in #lunch"},
		{&earshotv1.Notice{Notice: "role", Whom: four[:1], Role: "owner"}, "Bob (b0b0b0b0b0b0b0b0) is owner in #lunch now"},
		{&earshotv1.Notice{Notice: "frozen"}, "#lunch was changed by a newer earshot, which you need too"},
		{&earshotv1.Notice{Notice: "void", By: bob, Whom: four[1:2]}, `Bob (b0b0b0b0b0b0b0b0)'s invitation to the group "lunch" (17) doesn't count, says the node of Cem; somebody else who is in it has to invite you`},
		{&earshotv1.Notice{Notice: "void", By: bob}, `Bob (b0b0b0b0b0b0b0b0)'s invitation to the group "lunch" (17) doesn't count; somebody else who is in it has to invite you`},
		{&earshotv1.Notice{Notice: "lost", By: bob}, `nobody who is in the group "lunch" (17) was here for 30 days, so Bob (b0b0b0b0b0b0b0b0)'s invitation to it is given up`},
		{&earshotv1.Notice{Notice: "later"}, "#lunch was changed"},
	} {
		test.n.Name, test.n.Time = "lunch", at
		if test.n.Notice == "void" || test.n.Notice == "lost" {
			test.n.Group = &earshotv1.Target{Kind: "group", Id: "17", Name: "lunch"}
		}
		var b bytes.Buffer
		if err := (Printer{}).Notice(&b, test.n); err != nil || b.String() != "2026-03-01 12:30:00  * "+test.want+"\n" {
			t.Errorf("%s: %q, %v", test.want, &b, err)
		}
	}
}

func TestNoticeAsJSON(t *testing.T) {
	n := &earshotv1.Notice{Notice: "renamed", Group: &earshotv1.Target{Kind: "group", Id: "17", Name: "lunch"}, By: bob, Name: "lunch", Was: "dinner", Time: at,
		Whom: []*earshotv1.Person{bob}, Mine: true, Own: true, Others: 2, Text: "t", Role: "admin", History: "7d", Cursor: 9}
	person := `{"person":"` + bob.Person + `","name":"Bob","known_as":"Bob","contact":true,"verified":false}`
	want := `{"kind":"notice","notice":"renamed","group":{"kind":"group","id":"17","name":"lunch"},"by":` + person + `,"own":true,"whom":[` + person +
		`],"mine":true,"others":2,"name":"lunch","was":"dinner","text":"t","role":"admin","history":"7d","time":"2026-03-01T12:30:00.000Z"}` + "\n"
	var b bytes.Buffer
	if err := (Printer{JSON: true}).Notice(&b, n); err != nil || b.String() != want {
		t.Errorf("%s, %v, want %s", &b, err, want)
	}
}

// An invitation that waits is put into words here, and names the group for programs.
func TestInvitationAmongRequests(t *testing.T) {
	r := &earshotv1.Request{Person: eve.Person, Name: "Eve", Received: at, Kind: "notice", Notice: "invited", Members: 7, Group: &earshotv1.Target{Kind: "group", Id: "17", Name: "a: b"}}
	var text, object bytes.Buffer
	if err := (Printer{}).Requests(&text, []*earshotv1.Request{r}); err != nil || !strings.HasSuffix(text.String(), `) invites you to the group "a: b" (17) of 7 members`+"\n") {
		t.Errorf("%q, %v", &text, err)
	}
	if err := (Printer{JSON: true}).Requests(&object, []*earshotv1.Request{r}); err != nil || !strings.HasSuffix(object.String(), `,"kind":"notice","notice":"invited","group":{"kind":"group","id":"17","name":"a: b"},"members":7}`+"\n") {
		t.Errorf("%q, %v", &object, err)
	}
}

// A group that is arriving is named as a claim, and says why the owner is not in it.
func TestGroupThatArrivesInWords(t *testing.T) {
	for state, want := range map[string]string{
		"arriving": "you are let in when a member is here",
		"void":     "the invitation doesn't count, says a member",
		"later":    "later",
	} {
		g := &earshotv1.Group{Id: "17", Name: "lunch", Members: 3, Joined: at, InvitedBy: bob, State: state}
		var short, long bytes.Buffer
		if err := (Printer{}).Groups(&short, []*earshotv1.Group{g}); err != nil || !strings.HasPrefix(short.String(), `"lunch" (17) `) || !strings.Contains(short.String(), "  "+want+"  since ") {
			t.Errorf("%q, %v", &short, err)
		}
		if err := (Printer{Long: true}).Groups(&long, []*earshotv1.Group{g}); err != nil || long.String() != `17  "lunch" (17)  `+want+"; invited by Bob (b0b0b0b0b0b0b0b0)\n" {
			t.Errorf("%q, %v", &long, err)
		}
	}
}

// Whoever is at their limit is named, with the group where there is one, and it is said what helps.
func TestLimitInWords(t *testing.T) {
	group := &earshotv1.Target{Kind: "group", Id: "17", Name: "lunch"}
	const middle = " is not taken any more, since this node keeps as much of it as it may; the rest waits where it was written: "
	for want, w := range map[string]*earshotv1.Warning{
		"what Bob (b0b0b0b0b0b0b0b0) writes" + middle + "make room on the disk":                                                       {Person: bob},
		`what "Eve" (not a contact yet e7e7e7e7e7e7e7e7) writes in #lunch` + middle + "a contact may have more, see `earshot accept`": {Person: eve, Group: group},
	} {
		w.Code = "limit"
		var b bytes.Buffer
		if err := (Printer{}).Warning(&b, w); err != nil || b.String() != "earshot: warning: "+want+"\n" {
			t.Errorf("%q, %v", &b, err)
		}
	}
}
