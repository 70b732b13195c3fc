package show

import (
	"bytes"
	"testing"

	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// A request says that more of the person waits than is kept here.
func TestRequestSaysThatMoreWaits(t *testing.T) {
	for _, c := range []struct{ name, said, text, field string }{
		{"one message", "hello", ": hello", `,"text":"hello"`},
		{"more than one", "hello", " [more waits, accept to get it]: hello", `,"text":"hello","more_waits":true`},
		{"none is kept", "", " [more waits, accept to get it]", `,"more_waits":true`},
	} {
		r := &earshotv1.Request{Person: "aa", Name: "Ann", Device: "12D3", Received: at, Text: c.said, Kind: "text", MoreWaits: c.field != `,"text":"hello"`}
		check(t, c.name, func(p Printer, b *bytes.Buffer) error { return p.Requests(b, []*earshotv1.Request{r}) },
			`2026-03-01 12:30:00  "Ann" (not a contact yet aa)`+c.text,
			`{"person":"aa","name":"Ann","device":"12D3","received":"2026-03-01T12:30:00.000Z"`+c.field+`,"kind":"text"}`)
	}
}
