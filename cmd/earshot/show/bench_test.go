package show

import (
	"fmt"
	"io"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// A message as most are: `recv` prints a million of them.
func BenchmarkMessage(b *testing.B) {
	group := &earshotv1.Target{Kind: "group", Id: hexOf("a"), Name: "Table 1"}
	from := &earshotv1.Author{Person: hexOf("b"), Name: "Bob", Pinned: "Bob", KnownAs: "Bob", Contact: true, Device: hexOf("c")}
	m := &earshotv1.Message{Id: hexOf("d"), Conversation: hexOf("e"), To: group, With: group, From: from, Kind: "text",
		Text: "the letters of a sentence as people write them, about eighty bytes long or so",
		Time: timestamppb.New(time.Now()), Received: timestamppb.New(time.Now())}
	for _, p := range []Printer{{IDs: new(IDs)}, {JSON: true}} {
		b.Run(fmt.Sprintf("json=%t", p.JSON), func(b *testing.B) {
			for b.Loop() {
				if err := p.Message(io.Discard, m); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func hexOf(start string) string { return fmt.Sprintf("%s%063d", start, 0) }
