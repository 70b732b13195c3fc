package show

import (
	"bytes"
	"strings"
	"testing"

	"github.com/earshot-im/earshot/cmd/earshot/object"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// A contact who renames herself is shown under the name by which WHO finds her, in every row, and
// what she calls herself now stands beside it where there is room.
func TestRenamedContactIsShownByTheKnownName(t *testing.T) {
	robert := &earshotv1.Person{Person: bob.Person, Name: "Robert", Pinned: "Bob", KnownAs: "Bob", Contact: true}
	peer := func(long bool) func(Printer, *bytes.Buffer) error {
		return func(p Printer, b *bytes.Buffer) error {
			p.Long = long
			return p.Peers(b, []object.Peer{peerOf(robert, nil)})
		}
	}
	for what, test := range map[string]struct {
		write func(Printer, *bytes.Buffer) error
		want  string
	}{
		"person":       {func(p Printer, b *bytes.Buffer) error { return p.Person(b, robert) }, `Bob (b0b0b0b0b0b0b0b0, now "Robert")`},
		"peers":        {peer(false), `Bob (b0b0b0b0b0b0b0b0)  offline    now "Robert"`},
		"peers --long": {peer(true), `offline  Bob (b0b0b0b0b0b0b0b0, now "Robert")  device`},
		"contacts":     {func(p Printer, b *bytes.Buffer) error { return p.Contacts(b, []*earshotv1.Person{robert}) }, `Bob (b0b0b0b0b0b0b0b0)  offline  now "Robert"`},
		"message": {func(p Printer, b *bytes.Buffer) error {
			return p.Message(b, &earshotv1.Message{From: by(robert), Kind: "text", Text: "hi", Time: at})
		}, `2026-03-01 12:30:00  Bob (b0b0b0b0b0b0b0b0, now "Robert"): hi`},
		"member": {func(p Printer, b *bytes.Buffer) error {
			return p.Members(b, []*earshotv1.Member{{Person: robert, Role: "admin"}})
		}, `Bob (b0b0b0b0b0b0b0b0)  admin  offline    now "Robert"`},
		"notice": {func(p Printer, b *bytes.Buffer) error {
			return p.Notice(b, &earshotv1.Notice{Notice: "left", Whom: []*earshotv1.Person{robert}, Name: "lunch", Time: at})
		}, `2026-03-01 12:30:00  * Bob (b0b0b0b0b0b0b0b0, now "Robert") left #lunch`},
	} {
		var b bytes.Buffer
		if err := test.write(Printer{}, &b); err != nil || !strings.HasPrefix(b.String(), test.want) {
			t.Errorf("%s: %v\n got %s\nwant %s", what, err, &b, test.want)
		}
	}
	for name, v := range map[string]any{"person": object.OfPerson(robert), "peer": peerOf(robert, nil), "author": object.OfMessage(&earshotv1.Message{From: by(robert)}), "member": object.OfNamed(robert)} {
		var b bytes.Buffer
		if err := object.Write(&b, v); err != nil || !strings.Contains(b.String(), `"name":"Robert","known_as":"Bob"`) {
			t.Errorf("%s: %v: %s", name, err, &b)
		}
	}
}
