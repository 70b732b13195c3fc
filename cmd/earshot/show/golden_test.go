package show

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/earshot-im/earshot/cmd/earshot/phrase"
	"github.com/earshot-im/earshot/cmd/earshot/terminal"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

func TestMain(m *testing.M) {
	time.Local = time.UTC // the rows hold times as their reader's clock shows them
	now = func() time.Time { return time.Date(2026, 3, 1, 18, 0, 0, 0, time.UTC) }
	os.Exit(m.Run())
}

var (
	at   = timestamppb.New(time.Date(2026, 3, 1, 12, 30, 0, 0, time.UTC))
	id   = strings.Repeat("1d", 32)
	room = &earshotv1.Target{Kind: "group", Id: strings.Repeat("c0", 32), Name: "lunch"}
	bob  = &earshotv1.Person{Person: strings.Repeat("b0", 32), Name: "Bob", Pinned: "Bob", KnownAs: "Bob", Contact: true}
	eve  = &earshotv1.Person{Person: strings.Repeat("e7", 32), Name: "Eve"}
)

func by(p *earshotv1.Person) *earshotv1.Author {
	return &earshotv1.Author{Person: p.Person, Name: p.Name, Petname: p.Petname, Pinned: p.Pinned, KnownAs: p.KnownAs, Device: "12D3KooWx", Contact: p.Contact, Verified: p.Verified}
}

func reacted(p *earshotv1.Person, emoji string) *earshotv1.Reaction {
	return &earshotv1.Reaction{From: by(p), Emoji: emoji}
}

// check compares what write prints with want, without the first line end, as it is for people and
// as JSON.
func check(t *testing.T, name string, write func(Printer, *bytes.Buffer) error, want, wantJSON string) {
	t.Helper()
	for _, form := range []struct {
		json bool
		want string
	}{{false, want}, {true, wantJSON}} {
		var b bytes.Buffer
		if err := write(Printer{JSON: form.json}, &b); err != nil || b.String() != form.want+"\n" {
			t.Errorf("%s: %v\n got %s\nwant %s", name, err, &b, form.want)
		}
	}
}

func TestMessageRows(t *testing.T) {
	const (
		prefix   = `{"id":"1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d","conversation":"c0","to":`
		toRoom   = `{"kind":"group","id":"c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0","name":"lunch"}`
		fromBob  = `,"from":{"person":"b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0","name":"Bob","known_as":"Bob","contact":true,"verified":false,"device":"12D3KooWx"}`
		fromEve  = `,"from":{"person":"e7e7e7e7e7e7e7e7e7e7e7e7e7e7e7e7e7e7e7e7e7e7e7e7e7e7e7e7e7e7e7e7","name":"Eve","contact":false,"verified":false,"device":"12D3KooWx"}`
		textKind = `,"kind":"text","text":`
		time     = `,"time":"2026-03-01T12:30:00.000Z"`
	)
	for _, test := range []struct {
		name       string
		message    *earshotv1.Message
		want, json string
	}{
		{"in a group",
			&earshotv1.Message{To: room, From: by(bob), Kind: "text", Text: "Pizza?"},
			`2026-03-01 12:30:00  1d1d1d1d  #lunch  Bob (b0b0b0b0b0b0b0b0): Pizza?`,
			prefix + toRoom + fromBob + textKind + `"Pizza?"` + time + `}`},
		{"own",
			&earshotv1.Message{To: room, From: by(bob), Kind: "text", Text: "a\nb", Own: true, State: "delivered", ReplyTo: id, Edited: true},
			"2026-03-01 12:30:00  1d1d1d1d  #lunch  me [delivered, reply to 1d1d1d1d, edited]: a\n    b",
			prefix + toRoom + fromBob + textKind + `"a\nb"` + time + `,"reply_to":"` + id + `","state":"delivered","edited":true}`},
		{"own, to a group that the owner was taken out of",
			&earshotv1.Message{To: room, From: by(bob), Kind: "text", Text: "a", Own: true, State: "undelivered", Reason: "removed"},
			"2026-03-01 12:30:00  1d1d1d1d  #lunch  me [not delivered: you were removed]: a",
			prefix + toRoom + fromBob + textKind + `"a"` + time + `,"state":"undelivered","reason":"removed"}`},
		{"mentions the reader",
			&earshotv1.Message{To: room, From: by(eve), Kind: "text", Text: "@Ann hi", Mentions: []string{"aa"}, Mentioned: true},
			`2026-03-01 12:30:00  1d1d1d1d  #lunch  "Eve" (not a contact yet e7e7e7e7e7e7e7e7) [mentions you]: @Ann hi`,
			prefix + toRoom + fromEve + textKind + `"@Ann hi"` + time + `,"mentions":["aa"],"mentioned":true}`},
		{"recalled",
			&earshotv1.Message{To: room, From: by(bob), Kind: "recalled"},
			`2026-03-01 12:30:00  1d1d1d1d  #lunch  Bob (b0b0b0b0b0b0b0b0) [taken back]:`,
			prefix + toRoom + fromBob + `,"kind":"recalled","text":""` + time + `}`},
		{"reactions",
			&earshotv1.Message{To: room, From: by(bob), Kind: "text", Text: "Pizza?",
				Reactions: []*earshotv1.Reaction{reacted(bob, "❤️"), reacted(eve, "👍"), {From: &earshotv1.Author{Person: "a0", Name: "Ann"}, Own: true, Emoji: "👍"}, reacted(uncle, "ok")}},
			"2026-03-01 12:30:00  1d1d1d1d  #lunch  Bob (b0b0b0b0b0b0b0b0): Pizza?\n  + 👍 \"Eve\" (not a contact yet e7e7e7e7e7e7e7e7), me; \"ok\" Uncle; ❤️ Bob (b0b0b0b0b0b0b0b0)",
			prefix + toRoom + fromBob + textKind + `"Pizza?"` + time + `,"reactions":[{"person":"` + bob.Person + `","name":"Bob","known_as":"Bob","contact":true,"verified":false,"emoji":"❤️"},` +
				`{"person":"` + eve.Person + `","name":"Eve","contact":false,"verified":false,"emoji":"👍"},{"person":"a0","name":"Ann","contact":false,"verified":false,"own":true,"emoji":"👍"},` +
				`{"person":"` + bob.Person + `","name":"Bob","petname":"Uncle","known_as":"Uncle","contact":true,"verified":true,"emoji":"ok"}]}`},
	} {
		test.message.Id, test.message.Conversation, test.message.Time = id, "c0", at
		check(t, test.name, func(p Printer, b *bytes.Buffer) error { return p.Message(b, test.message) }, test.want, test.json)
	}
}

// No text, name or reaction of others looks like another row, or like something that the program
// says.
func TestHostileRows(t *testing.T) {
	evil := "\x1b[2J\n2026-03-01 12:30:00  Boss: pay\u202e\r"
	shown := `\x1b[2J\n2026-03-01 12:30:00  Boss: pay\u202e\r`
	name := `"` + shown + `"`
	mallory := &earshotv1.Person{Person: strings.Repeat("66", 32), Name: evil}
	group := &earshotv1.Group{Id: id, Name: evil, Topic: evil, History: evil, Role: "member", Members: 2, InvitedBy: mallory}
	m := &earshotv1.Message{Id: id, To: &earshotv1.Target{Kind: "group", Name: evil}, From: by(mallory), Kind: "text", Time: at,
		Text: "x\n  + 👍 Boss\n" + evil, Mentioned: true, Reactions: []*earshotv1.Reaction{reacted(mallory, evil)}}
	for what, test := range map[string]struct {
		write func(Printer, *bytes.Buffer) error
		want  string
	}{
		"message": {func(p Printer, b *bytes.Buffer) error { return p.Message(b, m) },
			"2026-03-01 12:30:00  1d1d1d1d  #" + name + "  " + name + " (not a contact yet 6666666666666666) [mentions you]: x\n" +
				"      + 👍 Boss\n    \\x1b[2J\n    2026-03-01 12:30:00  Boss: pay\\u202e\\r\n" +
				"  + " + name + " " + name + " (not a contact yet 6666666666666666)\n"},
		"group": {func(p Printer, b *bytes.Buffer) error { return p.Group(b, group) },
			"#" + name + "  2 members, 0 online; you are member; added by " + name + " (not a contact yet 6666666666666666); " + shown + "; topic: " + name + "\n"},
		"topic": {func(p Printer, b *bytes.Buffer) error { return p.Topic(b, group) }, name + "\n"},
		"member": {func(p Printer, b *bytes.Buffer) error {
			return p.Members(b, []*earshotv1.Member{{Person: mallory, Role: "member"}})
		}, `"\x1b[2J\…" (not a contact yet 6666666666666666)  member  offline` + "\n"},
		"reached": {func(p Printer, b *bytes.Buffer) error {
			return p.Receipts(b, []*earshotv1.Reached{{Person: mallory, State: "read"}}, nil)
		}, `"\x1b[2J\…" (not a contact yet 6666666666666666)  read` + "\n"},
		"notice": {func(p Printer, b *bytes.Buffer) error {
			return p.Notice(b, &earshotv1.Notice{Notice: "renamed", By: mallory, Name: group.Name, Was: group.Name, Time: at})
		}, "2026-03-01 12:30:00  * " + name + " (not a contact yet 6666666666666666) renamed #" + name + " to #" + name + "\n"},
	} {
		var b bytes.Buffer
		if err := test.write(Printer{}, &b); err != nil || b.String() != test.want {
			t.Errorf("%s: %v\n got %q\nwant %q", what, err, &b, test.want)
		}
	}
}

func TestMentionStandsOut(t *testing.T) {
	p := Printer{Style: terminal.Style{On: true}}
	for mentioned, want := range map[bool]string{true: ": \x1b[1;33mhi\x1b[0m\n", false: ": hi\n"} {
		var b bytes.Buffer
		if err := p.Message(&b, &earshotv1.Message{Text: "hi", Mentioned: mentioned}); err != nil || !strings.HasSuffix(b.String(), want) {
			t.Errorf("%v: %q", err, &b)
		}
	}
}

func TestGroupRows(t *testing.T) {
	lunch := &earshotv1.Group{Id: id, Name: "lunch", Topic: "Pizza", History: "7d", Role: "admin", Members: 3, Online: 2, Joined: at, InvitedBy: bob}
	own := &earshotv1.Group{Id: id, Name: "own", History: "joined", Role: "owner", Members: 1, Online: 1, Joined: at}
	left := &earshotv1.Group{Id: id, Name: "old", Topic: "Soup", History: "all", Frozen: true}
	jsonOf := func(rest string) string { return `{"id":"` + id + `",` + rest }
	lunchJSON := jsonOf(`"name":"lunch","topic":"Pizza","history":"7d","role":"admin","members":3,"online":2,"joined":"2026-03-01T12:30:00.000Z",` +
		`"invited_by":{"person":"` + bob.Person + `","name":"Bob","known_as":"Bob","contact":true,"verified":false},"frozen":false}`)
	row := func(g *earshotv1.Group) func(Printer, *bytes.Buffer) error {
		return func(p Printer, b *bytes.Buffer) error { return p.Group(b, g) }
	}
	check(t, "added", row(lunch),
		"#lunch  3 members, 2 online; you are admin; added by Bob (b0b0b0b0b0b0b0b0); newcomers read the last 7 days; topic: \"Pizza\"", lunchJSON)
	check(t, "own", row(own), "#own  1 member, 1 online; you are owner",
		jsonOf(`"name":"own","history":"joined","role":"owner","members":1,"online":1,"joined":"2026-03-01T12:30:00.000Z","frozen":false}`))
	check(t, "left", row(left), "#old  you are not in it any more",
		jsonOf(`"name":"old","topic":"Soup","history":"all","members":0,"online":0,"frozen":true}`))
	check(t, "ID", func(p Printer, b *bytes.Buffer) error { return p.GroupID(b, lunch) }, id, lunchJSON)
	check(t, "topic", func(p Printer, b *bytes.Buffer) error { return p.Topic(b, lunch) }, `"Pizza"`, lunchJSON)
	check(t, "history", func(p Printer, b *bytes.Buffer) error { return p.History(b, lunch) }, "7d  newcomers read the last 7 days", lunchJSON)

	left.Role = "member"
	if got, want := phrase.Group(left), "#old  0 members, 0 online; you are member; newcomers read everything; changed by a newer earshot, which you need too; topic: \"Soup\""; got != want {
		t.Errorf("%q", got)
	}
	for policy, want := range map[string]string{"joined": "newcomers read what is said from then on", "1d": "newcomers read the last day"} {
		if got := phrase.Policy(policy); got != want {
			t.Errorf("%s: %q", policy, got)
		}
	}
}

func TestStatusWarns(t *testing.T) {
	status := func(warnings ...*earshotv1.Warning) func(Printer, *bytes.Buffer) error {
		return func(p Printer, b *bytes.Buffer) error {
			return p.Status(b, &earshotv1.StatusResponse{Person: "aa", Name: "Ann", Device: "12D3", Version: "1", Listening: []string{"/ip4/x"}, Warnings: warnings})
		}
	}
	const text, object = "Ann\nperson     aa\ndevice     12D3\nversion    1\nlistening  /ip4/x\nonline     0 on this network\ncontacts   0\nunread     0\nrequests   0\noutbox     0",
		`{"person":"aa","name":"Ann","device":"12D3","version":"1","listening":["/ip4/x"],"peers":0,"outbox":0,"unread":0,"requests":0,"online":0,"known":0`
	check(t, "nothing", status(), text, object+"}")
	twin := &earshotv1.Warning{Code: "twin", Detail: "10.0.0.9:4001\x1b[2J", Since: at}
	const says = "another machine seems to run a copy of this directory, at 10.0.0.9:4001\\x1b[2J. Anybody on this network can pretend that; if you know of such a machine, stop one of the two for good, and begin anew there with an empty directory"
	check(t, "twin", status(twin), text+"\nwarning    "+says+" (last seen 2026-03-01 12:30:00)",
		object+`,"warnings":[{"code":"twin","text":"`+strings.ReplaceAll(says, `\x`, `\\x`)+`","detail":"10.0.0.9:4001\u001b[2J","since":"2026-03-01T12:30:00.000Z"}]}`)
	for code, begins := range map[string]string{"copied": "this directory seems to be a copy", "restored": "this directory was put back", "newer": "newer"} {
		var b bytes.Buffer
		if err := (Printer{}).Warning(&b, &earshotv1.Warning{Code: code}); err != nil || !strings.HasPrefix(b.String(), "earshot: warning: "+begins) {
			t.Errorf("%s: %q, %v", code, &b, err)
		}
	}
	check(t, "while it runs", func(p Printer, b *bytes.Buffer) error {
		return p.Warning(b, &earshotv1.Warning{Code: "newer", Since: at})
	},
		"earshot: warning: newer", `{"warning":{"code":"newer","text":"newer","since":"2026-03-01T12:30:00.000Z"}}`)
}

func TestBecomingRows(t *testing.T) {
	m := &earshotv1.Message{Id: id, To: room, From: by(eve), Kind: "text", Text: "a\n\x1b[2Jb", Time: at}
	for _, test := range []struct {
		change Change
		want   string
	}{
		{Edited, "#lunch  * \"Eve\" (not a contact yet e7e7e7e7e7e7e7e7) edited it: a\n    \\x1b[2Jb"},
		{Recalled, "#lunch  * \"Eve\" (not a contact yet e7e7e7e7e7e7e7e7) took it back"},
		{Reacted, "#lunch  + nobody has reacted any more"},
	} {
		var b bytes.Buffer
		if err := (Printer{}).Changed(&b, m, test.change); err != nil || b.String() != "2026-03-01 18:00:00  1d1d1d1d  "+test.want+"\n" {
			t.Errorf("%s: %v\n%s", test.change, err, &b)
		}
	}
	m.To, m.Reactions = &earshotv1.Target{Kind: "person"}, []*earshotv1.Reaction{reacted(bob, "👍"), reacted(eve, "x: y")}
	var b bytes.Buffer
	if err := (Printer{}).Changed(&b, m, Reacted); err != nil || b.String() != "2026-03-01 18:00:00  1d1d1d1d  + \"x: y\" \"Eve\" (not a contact yet e7e7e7e7e7e7e7e7); 👍 Bob (b0b0b0b0b0b0b0b0)\n" {
		t.Errorf("%v\n%s", err, &b)
	}
}
