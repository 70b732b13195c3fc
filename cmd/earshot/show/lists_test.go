package show

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/earshot-im/earshot/cmd/earshot/object"
	"github.com/earshot-im/earshot/cmd/earshot/terminal"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

var (
	uncle     = &earshotv1.Person{Person: bob.Person, Name: "Bob", Pinned: "Bob", Petname: "Uncle", KnownAs: "Uncle", Contact: true, Verified: true, Online: true}
	yamada    = &earshotv1.Person{Person: strings.Repeat("a5", 32), Name: strings.Repeat("山田太郎", 16)}
	longest   = &earshotv1.Person{Person: strings.Repeat("1f", 32), Name: strings.Repeat("W", 64), Petname: strings.Repeat("M", 64), KnownAs: strings.Repeat("M", 64), Contact: true, Verified: true}
	yesterday = timestamppb.New(time.Date(2026, 2, 28, 9, 5, 0, 0, time.UTC))
)

// peerOf makes a row of `peers`, with all that there can be.
func peerOf(p *earshotv1.Person, seen *timestamppb.Timestamp) object.Peer {
	return object.OfPeer(&earshotv1.Peer{Person: p.Person, Name: p.Name, Petname: p.Petname, Pinned: p.Pinned, KnownAs: p.KnownAs, Device: "12D3KooW" + strings.Repeat("x", 44), Online: p.Online,
		Contact: p.Contact, Verified: p.Verified, Blocked: p.Blocked, LastSeen: seen, FoundBy: []string{"mdns", "beacon", "saved", "manual", "peer"},
		Addresses: []string{"/ip4/192.0.2.7/tcp/4001", "/ip6/2001:db8::1/tcp/4001"}})
}

// Lists are for a terminal of 100 columns: what doesn't fit is cut by columns and marked, and what
// tells two people of one name apart is never cut. --long prints everything.
func TestListsFitIntoHundredColumns(t *testing.T) {
	group := func(name, role string) *earshotv1.Group {
		return &earshotv1.Group{Id: id, Name: name, Topic: strings.Repeat("topic ", 50), History: "7d", Role: role, Members: 500, Online: 500, Joined: yesterday, InvitedBy: longest}
	}
	pendingTo := func(p *earshotv1.Person, why, reason string, queued *timestamppb.Timestamp) *earshotv1.Pending {
		return &earshotv1.Pending{Id: id, Person: p, Queued: queued, WaitingFor: why, Reason: reason}
	}
	for _, test := range []struct {
		name  string
		write func(Printer, *bytes.Buffer) error
		want  []string
	}{
		{"peers", func(p Printer, b *bytes.Buffer) error {
			blocked := &earshotv1.Person{Person: eve.Person, Name: "Eve", Blocked: true}
			return p.Peers(b, []object.Peer{peerOf(uncle, at), peerOf(bob, at), peerOf(eve, yesterday), peerOf(blocked, yesterday), peerOf(yamada, at), peerOf(longest, at)})
		}, []string{
			`Uncle                                             online                           calls themselves…`,
			`Bob (b0b0b0b0b0b0b0b0)                            offline  since 12:30`,
			`"Eve" (not a contact yet e7e7e7e7e7e7e7e7)        offline  since 2026-02-28 09:05`,
			`"Eve" (not a contact yet e7e7e7e7e7e7e7e7)        blocked  since 2026-02-28 09:05`,
			`"山田太郎…" (not a contact yet a5a5a5a5a5a5a5a5)  offline  since 12:30`,
			`MMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMM…   offline  since 12:30             calls themselves…`,
		}},
		{"a short list", func(p Printer, b *bytes.Buffer) error { return p.Peers(b, []object.Peer{peerOf(bob, at)}) }, []string{
			`Bob (b0b0b0b0b0b0b0b0)  offline  since 12:30`,
		}},
		{"contacts", func(p Printer, b *bytes.Buffer) error {
			blocked := &earshotv1.Person{Person: eve.Person, Name: "Eve", Pinned: "Eva", KnownAs: "Eva", Blocked: true, Contact: true}
			return p.Contacts(b, []*earshotv1.Person{uncle, bob, blocked, longest})
		}, []string{
			`Uncle                                            online   verified, calls themselves "Bob"`,
			`Bob (b0b0b0b0b0b0b0b0)                           offline`,
			`Eva (e7e7e7e7e7e7e7e7)                           blocked  now "Eve"`,
			`MMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMM…  offline  verified, calls themselves "WWWWWWWWWWWWW…`,
		}},
		{"group list", func(p Printer, b *bytes.Buffer) error {
			frozen := group("new", "member")
			frozen.Frozen = true
			return p.Groups(b, []*earshotv1.Group{{Id: id, Name: "own", Role: "owner", Members: 1, Online: 1, Joined: at}, group(strings.Repeat("昼", 64), "member"),
				group("a, b", "admin"), frozen, group("old", ""),
				{Id: id, Name: "two", Alike: true, Role: "owner", Members: 1, Joined: at}, group("", "member")})
		}, []string{
			`#own                                      1 member, 1 online, owner        since 12:30`,
			`#"昼昼昼昼昼昼昼昼昼昼昼昼昼昼昼昼昼昼…"  500 members, 500 online, member  since 2026-02-28 09:05`,
			`#"a, b"                                   500 members, 500 online, admin   since 2026-02-28 09:05`,
			`#new                                      needs a newer earshot            since 2026-02-28 09:05`,
			`#old                                      you are not in it any more`,
			`#two (1d1d1d1d1d1d1d1d)                   1 member, 0 online, owner        since 12:30`,
			`#(1d1d1d1d1d1d1d1d)                       500 members, 500 online, member  since 2026-02-28 09:05`,
		}},
		{"outbox", func(p Printer, b *bytes.Buffer) error {
			unreachable := pendingTo(yamada, "unreachable", "", yesterday)
			unreachable.Dials, unreachable.Error = 3, "/ip4/192.0.2.7/tcp/4001: connection refused"
			return p.Outbox(b, []*earshotv1.Pending{pendingTo(bob, "offline", "", at), unreachable,
				pendingTo(uncle, "unanswered", "blocked", at), pendingTo(eve, "incompatible", "", at), pendingTo(eve, "later", "anything", at),
				pendingTo(eve, "no_network", "", at), {Id: id, Person: longest, Queued: at, WaitingFor: "offline", LastSeen: yesterday}}, nil)
		}, []string{
			`to Bob (b0b0b0b0b0b0b0b0)                        queued 12:30             offline`,
			`to "山田…" (not a contact yet a5a5a5a5a5a5a5a5)  queued 2026-02-28 09:05  can't be reached: connect…`,
			`to Uncle                                         queued 12:30             you have blocked them`,
			`to "Eve" (not a contact yet e7e7e7e7e7e7e7e7)    queued 12:30             runs another version of e…`,
			`to "Eve" (not a contact yet e7e7e7e7e7e7e7e7)    queued 12:30             later: anything`,
			`to "Eve" (not a contact yet e7e7e7e7e7e7e7e7)    queued 12:30             this machine is on no net…`,
			`to MMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMM…   queued 12:30             offline since 2026-02-28…`,
		}},
		{"group members", func(p Printer, b *bytes.Buffer) error {
			self := &earshotv1.Person{Person: "aa", Name: "Ann", Online: true}
			return p.Members(b, []*earshotv1.Member{{Person: self, Role: "owner", Joined: at, Self: true}, {Person: uncle, Role: "admin", Joined: at}, {Person: yamada, Role: "member", Joined: yesterday}})
		}, []string{
			`Ann (you)                                         owner   online   since 12:30`,
			`Uncle                                             admin   online   since 12:30`,
			`"山田太郎…" (not a contact yet a5a5a5a5a5a5a5a5)  member  offline  since 2026-02-28 09:05`,
		}},
		{"receipts", func(p Printer, b *bytes.Buffer) error {
			return p.Receipts(b, []*earshotv1.Reached{{Person: uncle, State: "read"}, {Person: yamada, State: "undelivered", Reason: "removed"}}, nil)
		}, []string{
			`Uncle                                             read`,
			`"山田太郎…" (not a contact yet a5a5a5a5a5a5a5a5)  not delivered: you were removed`,
		}},
		{"requests", func(p Printer, b *bytes.Buffer) error {
			return p.Requests(b, []*earshotv1.Request{{Person: eve.Person, Name: "Eve", Received: at, Text: "hello"}})
		}, []string{
			`2026-03-01 12:30:00  "Eve" (not a contact yet e7e7e7e7e7e7e7e7): hello`,
		}},
	} {
		var b bytes.Buffer
		if err := test.write(Printer{}, &b); err != nil {
			t.Fatal(err)
		}
		want := strings.Join(test.want, "\n") + "\n"
		if b.String() != want {
			t.Errorf("%s:\n got\n%s\nwant\n%s", test.name, &b, want)
		}
		for row := range strings.Lines(b.String()) {
			if n := terminal.Width(strings.TrimSuffix(row, "\n")); n > 100 {
				t.Errorf("%s: %d columns: %s", test.name, n, row)
			}
		}
		b.Reset()
		if err := test.write(Printer{Long: true}, &b); err != nil || strings.Contains(b.String(), "…") {
			t.Errorf("%s with --long: %v\n%s", test.name, err, &b)
		}
	}
}

func TestLongListsNameIDs(t *testing.T) {
	for name, test := range map[string]struct {
		write func(Printer, *bytes.Buffer) error
		want  string
	}{
		"peers": {func(p Printer, b *bytes.Buffer) error { return p.Peers(b, []object.Peer{peerOf(bob, at)}) },
			"offline  Bob (b0b0b0b0b0b0b0b0)  device 12D3KooW" + strings.Repeat("x", 44) + "  person " + bob.Person +
				"  found by mdns+beacon+saved+manual+peer  /ip4/192.0.2.7/tcp/4001 /ip6/2001:db8::1/tcp/4001"},
		"contacts": {func(p Printer, b *bytes.Buffer) error { return p.Contacts(b, []*earshotv1.Person{uncle}) },
			bob.Person + "  Uncle, calls themselves \"Bob\", verified, online"},
		"group list": {func(p Printer, b *bytes.Buffer) error {
			return p.Groups(b, []*earshotv1.Group{{Id: id, Name: "lunch", Topic: "Pizza", History: "7d", Role: "admin", Members: 3, Online: 2, InvitedBy: bob}})
		}, id + "  #lunch  3 members, 2 online; you are admin; added by Bob (b0b0b0b0b0b0b0b0); newcomers read the last 7 days; topic: \"Pizza\""},
		"outbox": {func(p Printer, b *bytes.Buffer) error {
			return p.Outbox(b, []*earshotv1.Pending{{Id: id, Person: bob, Queued: at, WaitingFor: "unreachable", Dials: 3, Error: "no route"}}, nil)
		}, id + "  2026-03-01 12:30:00  to Bob (b0b0b0b0b0b0b0b0)  can't be reached: no route (dials that failed: 3)"},
		"members": {func(p Printer, b *bytes.Buffer) error {
			return p.Members(b, []*earshotv1.Member{{Person: &earshotv1.Person{Person: "aa", Name: "Ann"}, Role: "admin", Self: true}, {Person: eve, Role: "member"}})
		}, "aa  admin   Ann (you)\n" + eve.Person + "  member  \"Eve\" (not a contact yet e7e7e7e7e7e7e7e7)"},
		"receipts": {func(p Printer, b *bytes.Buffer) error {
			return p.Receipts(b, []*earshotv1.Reached{{Person: bob, State: "undelivered", Reason: "left"}}, nil)
		}, bob.Person + "  not delivered: you left  Bob (b0b0b0b0b0b0b0b0)"},
		"requests": {func(p Printer, b *bytes.Buffer) error {
			return p.Requests(b, []*earshotv1.Request{{Person: eve.Person, Name: "Eve", Received: at, Text: "hello"}})
		}, "2026-03-01 12:30:00  " + eve.Person + "  \"Eve\" (not a contact yet e7e7e7e7e7e7e7e7): hello"},
	} {
		var b bytes.Buffer
		if err := test.write(Printer{Long: true}, &b); err != nil || b.String() != test.want+"\n" {
			t.Errorf("%s: %v\n got %s\nwant %s", name, err, &b, test.want)
		}
	}
}

func TestListsAsJSON(t *testing.T) {
	uncle := &earshotv1.Person{Person: bob.Person, Name: "Bob", Pinned: "Bob", Petname: "Uncle", KnownAs: "Uncle", Contact: true, Online: true}
	member := func(m *earshotv1.Member) func(Printer, *bytes.Buffer) error {
		return func(p Printer, b *bytes.Buffer) error { return p.Members(b, []*earshotv1.Member{m}) }
	}
	for name, test := range map[string]struct {
		write func(Printer, *bytes.Buffer) error
		want  string
	}{
		"member": {member(&earshotv1.Member{Person: uncle, Role: "owner", Joined: at}),
			`{"person":"` + bob.Person + `","name":"Bob","petname":"Uncle","known_as":"Uncle","contact":true,"verified":false,"role":"owner","online":true,"joined":"2026-03-01T12:30:00.000Z","self":false}`},
		"not a contact": {member(&earshotv1.Member{Person: eve, Role: "member"}),
			`{"person":"` + eve.Person + `","name":"Eve","contact":false,"verified":false,"role":"member","online":false,"self":false}`},
		"self": {member(&earshotv1.Member{Person: &earshotv1.Person{Person: "aa", Name: "Ann", Online: true}, Role: "admin", Self: true}),
			`{"person":"aa","name":"Ann","contact":false,"verified":false,"role":"admin","online":true,"self":true}`},
		"reached": {func(p Printer, b *bytes.Buffer) error {
			return p.Receipts(b, []*earshotv1.Reached{{Person: uncle, State: "delivered"}}, nil)
		}, `{"person":"` + bob.Person + `","name":"Bob","petname":"Uncle","known_as":"Uncle","contact":true,"verified":false,"state":"delivered"}`},
		"never reached": {func(p Printer, b *bytes.Buffer) error {
			return p.Receipts(b, []*earshotv1.Reached{{Person: bob, State: "undelivered", Reason: "left"}}, nil)
		}, `{"person":"` + bob.Person + `","name":"Bob","known_as":"Bob","contact":true,"verified":false,"state":"undelivered","reason":"left"}`},
	} {
		var b bytes.Buffer
		if err := test.write(Printer{JSON: true}, &b); err != nil || b.String() != test.want+"\n" {
			t.Errorf("%s: %v\n got %s\nwant %s", name, err, &b, test.want)
		}
	}
}
