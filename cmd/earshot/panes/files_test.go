package panes

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/earshot-im/earshot/cmd/earshot/screen"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// shared is an office in which files were sent.
func shared() *fake {
	f := office()
	talk := f.history["#"+lunch.Id][:2]
	talk[1].Attachments = []*earshotv1.Attachment{
		{N: 1, Name: "menu.pdf", Size: 40_000_000, State: "offered", Reason: "by_hand"},
		{N: 2, Name: "trip", Folder: true, Size: 2_000_000_000, State: "fetching"},
		{N: 3, Name: "x, held] [y.exe", Size: 5, State: "held"},
	}
	bare := said(2, eve, "", func(m *earshotv1.Message) {
		m.Attachments = []*earshotv1.Attachment{{N: 1, Name: "voice.ogg", Voice: true, Duration: 12_000, Size: 96_000, State: "held"}}
	})
	own := said(3, nil, "", func(m *earshotv1.Message) {
		m.Attachments = []*earshotv1.Attachment{{N: 1, Name: "cake.jpg", Picture: true, Size: 2_100_000, State: "kept"}}
	})
	f.history["#"+lunch.Id] = append(talk, bare, own)
	f.list[0].Unread, f.list[0].FirstUnread, f.list[0].Last, f.list[1].Unread = 0, "", own, 0
	f.attached = []*earshotv1.Attached{
		{Id: own.Id, With: lunch, Own: true, Time: own.Time, Attachments: own.Attachments, Holders: []*earshotv1.Holder{{Person: bob, States: []string{"held"}}, {Person: eve, States: []string{"offered"}}}},
		{Id: talk[1].Id, With: lunch, From: bob, Time: talk[1].Time, Attachments: talk[1].Attachments},
	}
	return f
}

// What can be done with files is done by keys and by commands alike.
func TestFilesOnTheScreen(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("USERPROFILE", home) // on Windows
	f := shared()
	of := f.history["#"+lunch.Id][1].Id
	bare := f.history["#"+lunch.Id][2].Id
	v := look(t, f, 80, 24)
	v.press("enter")
	for _, test := range []struct {
		keys []string
		want []string
		note string
	}{
		{[]string{"esc", "k", "k", "s"}, []string{"save to  " + of + " 0"}, "[menu.pdf 40 MB, fetching 0 %]"},
		{[]string{"a"}, []string{"accept " + of + " 0"}, "[menu.pdf 40 MB, fetching 0 %]"},
		{[]string{"d"}, []string{"decline " + of + " 0"}, "[menu.pdf 40 MB, declined]"},
		{[]string{"p"}, []string{"pause " + of + " 0"}, "[menu.pdf 40 MB, paused]"},
		{[]string{"k", "s"}, nil, "this message has no file"},
		{[]string{"esc", "'/files accept", "enter"}, []string{"accept " + bare + " 0"}, "fetching"},
		{[]string{"'/get ~/there", "enter"}, []string{"save to " + filepath.Join(home, "there") + " " + bare + " 0"}, "fetching"},
		{[]string{"'/file '/tmp/a b.txt'", "enter"}, []string{"take /tmp/a b.txt false", "send #" + lunch.Id + ` ""`, "with [f1]"}, "sent"},
		{[]string{"'/file picture /tmp/a.jpg", "enter"}, []string{"take /tmp/a.jpg true", "send #" + lunch.Id + ` ""`, "with [f1]"}, "sent"},
		{[]string{"'/files", "enter", "down", "d"}, []string{"decline " + of + " 1"}, ""},
		{[]string{"down", "s"}, []string{"save to  " + of + " 2"}, ""},
	} {
		f.calls = nil
		v.press(test.keys...)
		var got []string
		for _, c := range f.calls {
			if !strings.HasPrefix(c, "draft") && !strings.HasPrefix(c, "read") {
				got = append(got, c)
			}
		}
		if !slices.Equal(got, test.want) || !strings.Contains(v.s.Note.Text, test.note) {
			t.Errorf("%q: asked %q and says %q, want %q and %q", test.keys, got, v.s.Note.Text, test.want, test.note)
		}
	}
}

// Progress is shown as long as a file is fetched, and what the message says otherwise.
func TestProgressOnTheScreen(t *testing.T) {
	v := look(t, shared(), 80, 24)
	m := v.api.history["#"+lunch.Id][1]
	move := func(n uint32, state string, had uint64) {
		v.do(screen.Moved{Transfers: []*earshotv1.Transfer{{Id: m.Id, Attachment: &earshotv1.Attachment{N: n, State: state, Had: had}}}})
	}
	trip := m.Attachments[1]
	move(2, "fetching", 7)
	if got := v.s.File(m, trip); got.Had != 7 {
		t.Errorf("%v", got)
	}
	move(2, "paused", 8)
	if got := v.s.File(m, trip); got.Had != 8 || got.State != "paused" {
		t.Errorf("%v", got)
	}
	if got := v.s.File(m, &earshotv1.Attachment{N: 2, State: "held"}); got.State != "held" {
		t.Errorf("the message is newer: %v", got)
	}
	move(2, "held", 9)
	if got := v.s.File(m, trip); got != trip {
		t.Errorf("%v", got)
	}
	move(2, "fetching", 7)
	v.do(screen.Moved{Transfers: []*earshotv1.Transfer{{Id: m.Id, Attachment: &earshotv1.Attachment{N: 2, State: "held", Saved: []string{"/there/trip"}}}}})
	if v.s.Note.Text != "saved as /there/trip" {
		t.Errorf("says %q", v.s.Note.Text)
	}
	v.do(screen.Moved{Transfers: []*earshotv1.Transfer{{Id: m.Id, Own: true, Attachment: &earshotv1.Attachment{N: 2, State: "fetching", Had: 3}}}})
	if got := v.s.File(m, trip); got != trip {
		t.Errorf("somebody else's: %v", got)
	}
}

// At an own file stands how far it has come at those who fetch it, and what has become of it at each of all.
func TestGivingOnTheScreen(t *testing.T) {
	f := shared()
	own := f.history["#"+lunch.Id][len(f.history["#"+lunch.Id])-1]
	f.reached = []*earshotv1.Reached{{Person: bob, State: "read"}, {Person: eve, State: "delivered"}}
	v := look(t, f, 120, 24)
	v.press("enter")
	move := func(to *earshotv1.Person, had, rate uint64) {
		v.do(screen.Moved{Transfers: []*earshotv1.Transfer{{Id: own.Id, Own: true, To: to, Rate: rate, Attachment: &earshotv1.Attachment{N: 1, State: "fetching", Had: had, Size: 2_100_000}}}})
	}
	shows := func(want string, is bool) {
		t.Helper()
		if got := v.text(); strings.Contains(got, want) != is {
			t.Errorf("%q is shown: %t, in\n%s", want, !is, got)
		}
	}
	move(eve, 210_000, 7)
	move(bob, 1_050_000, 7)
	shows("[cake.jpg 2.1 MB, to Bob 50 %, \"Eve\" d2a8", true)
	move(bob, 1_050_000, 0)
	shows("[cake.jpg 2.1 MB, to \"Eve\" d2a8", true)
	move(cy, 7, 7)
	move(bob, 1_050_000, 7)
	shows("[cake.jpg 2.1 MB, to 3 people: 0 % to 50 %]", true)
	move(cy, 7, 0)
	move(bob, 1_050_000, 0)
	move(eve, 2_100_000, 0)
	shows("[cake.jpg 2.1 MB]", true)
	v.press("esc", "i")
	shows("read  cake.jpg held", true)
	shows("delivered  cake.jpg not fetched yet", true)
	f.attached[0] = &earshotv1.Attached{Id: f.attached[1].Id, Attachments: []*earshotv1.Attachment{{N: 1, Name: "menu.pdf", Size: 9, State: "held", Saved: []string{"/there/menu\x1b.pdf"}}}}
	v.press("esc", "k", "k", "i")
	shows(`saved as /there/menu\x1b.pdf`, true)
}
