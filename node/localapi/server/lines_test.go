package server

import (
	"errors"
	"io"
	"slices"
	"testing"

	"github.com/earshot-im/earshot/node/chat"
	"github.com/earshot-im/earshot/node/localapi"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// A line that can't be sent ended the stream, and the lines after it were not sent.
func TestBadLineIsAnsweredInItsPlace(t *testing.T) {
	for _, wait := range []string{chat.StateQueued, chat.StateDelivered} {
		t.Run(wait, func(t *testing.T) {
			fake := newFake()
			client, _ := serve(t, privateDir(t), fake.rooms())
			stream := openLines(t, client, &earshotv1.SendLinesRequest_Open{To: "bob", Wait: wait})
			defer stream.CloseResponse()
			var lines []*earshotv1.SendLinesRequest_Line
			for _, text := range []string{"", "a", "b", "", "", "c", ""} {
				lines = append(lines, &earshotv1.SendLinesRequest_Line{Text: text})
			}
			if err := stream.Send(&earshotv1.SendLinesRequest{Lines: lines}); err != nil {
				t.Fatal(err)
			}
			stream.CloseRequest()
			var got []string
			for {
				r, err := stream.Receive()
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				for _, s := range r.Sent {
					switch {
					case s.Problem == nil:
						got = append(got, s.State)
					case s.Problem.Text == "" || s.Id != "":
						t.Errorf("refused: %v", s)
					default:
						got = append(got, s.Problem.Code)
					}
				}
			}
			bad := localapi.CodeEmpty
			if want := []string{bad, wait, wait, bad, bad, wait, bad}; !slices.Equal(got, want) {
				t.Errorf("%v, want %v", got, want)
			}
			if len(fake.messages) != 3 {
				t.Errorf("%d messages were sent", len(fake.messages))
			}
		})
	}
}
