package attachment

import (
	"strings"
	"testing"

	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

func TestSize(t *testing.T) {
	for n, want := range map[uint64]string{0: "0 B", 999: "999 B", 1000: "1.0 kB", 9949: "9.9 kB", 9951: "10 kB", 999_499: "999 kB", 999_500: "1.0 MB", 2_100_000: "2.1 MB", 1 << 44: "18 TB", 1<<64 - 1: "18 EB"} {
		if got := Size(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
	for _, test := range []struct {
		done, of uint64
		want     string
	}{{0, 0, "100 %"}, {0, 3, "0 %"}, {1, 3, "33 %"}, {2999, 3000, "99 %"}, {3, 3, "100 %"}, {1 << 43, 1 << 44, "50 %"}} {
		if got := Part(test.done, test.of); got != test.want {
			t.Errorf("%d of %d: %s, want %s", test.done, test.of, got, test.want)
		}
	}
}

func TestMark(t *testing.T) {
	for _, test := range []struct {
		a    *earshotv1.Attachment
		want string
	}{
		{&earshotv1.Attachment{Name: "photo.jpg", Size: 2_100_000, State: "held"}, "[photo.jpg 2.1 MB, held]"},
		{&earshotv1.Attachment{Name: "trip", Folder: true, Size: 5, State: "offered", Reason: "by_hand"}, "[trip/ 5 B, waits for you]"},
		{&earshotv1.Attachment{Name: "v.ogg", Voice: true, Duration: 64_600, Size: 96_000, State: "fetching", Had: 48_000}, "[v.ogg 96 kB 1:05, fetching 50 %]"},
		{&earshotv1.Attachment{Name: "a", State: "paused", Reason: "no_room"}, "[a 0 B, paused: this disk is full]"},
		{&earshotv1.Attachment{Name: "a", State: "paused", Reason: "no_source"}, "[a 0 B, waits for somebody who has it]"},
		{&earshotv1.Attachment{Name: "a", State: "paused", Reason: "owner"}, "[a 0 B, paused]"},
		{&earshotv1.Attachment{Name: "a", State: "fetching", Reason: "no_folder"}, "[a 0 B, can't be written: the folder can't be written to]"},
		{&earshotv1.Attachment{Name: "a", State: "declined", Reason: "refused"}, "[a 0 B, refused: it has paths that no folder may have]"},
		{&earshotv1.Attachment{Name: "a", State: "held", Reason: "damaged"}, "[a 0 B, held, but not saved: the copy that was here is damaged]"},
		{&earshotv1.Attachment{Name: "a", State: "kept"}, "[a 0 B]"},
		{&earshotv1.Attachment{Name: "a", State: "in_place"}, "[a 0 B, sent from where it is]"},
		{&earshotv1.Attachment{Name: "a", State: "changed"}, "[a 0 B, changed since it was sent]"},
		{&earshotv1.Attachment{Name: "a", State: "later"}, "[a 0 B, later]"},
	} {
		if got := Mark(test.a); got != test.want {
			t.Errorf("%s, want %s", got, test.want)
		}
	}
}

// Of what is gone here before somebody had it, it is said what helps.
func TestFilesAtSomebody(t *testing.T) {
	bob, eve := &earshotv1.Person{Person: strings.Repeat("b0", 32)}, &earshotv1.Person{Person: strings.Repeat("e7", 32)}
	m := &earshotv1.Attached{Own: true, Holders: []*earshotv1.Holder{{Person: bob, States: []string{"held", "offered", "paused", "declined"}}}}
	for i, test := range []struct{ state, want string }{{"kept", "held"}, {"kept", "not fetched yet"}, {"kept", "paused"}, {"gone", "declined"}, {"gone", "offered"}} {
		m.Attachments = append(m.Attachments, &earshotv1.Attachment{N: uint32(i + 1), Name: "a", State: test.state})
		if i == 4 {
			test.want = "gone here: send it again"
		}
		one := &earshotv1.Attached{Own: true, Holders: m.Holders, Attachments: m.Attachments[i:]}
		if got := AtOnScreen(one, bob); got != "a "+test.want {
			t.Errorf("%q, want %q", got, test.want)
		}
	}
	if got := AtOnScreen(m, eve) + AtOnScreen(nil, bob); got != "" {
		t.Errorf("of nobody: %q", got)
	}
}
