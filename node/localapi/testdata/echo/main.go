// Command echo answers every message with its own words, where it was said. Start it with the
// directory of a node, as `earshot --dir` takes it.
package main

import (
	"context"
	"log"
	"os"

	"github.com/earshot-im/earshot/node/localapi"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

func main() { log.Fatal(echo(context.Background(), os.Args[1])) }

// echo can be killed at any moment: a message counts as dealt with when the loop asks for the next,
// and the key keeps an answer that is sent again from arriving twice.
func echo(ctx context.Context, dir string) error {
	earshot := localapi.Dial(dir)
	defer earshot.Close()
	for m, err := range earshot.Feed("echo").Messages(ctx) {
		if err != nil {
			return err
		}
		answer := &earshotv1.SendRequest{To: m.With.Id, Text: "echo: " + m.Text, ReplyTo: m.Id, Key: "echo" + m.Id}
		if _, err := earshot.Send(ctx, answer); localapi.Refused(err) {
			log.Print(err) // it never can be sent, as when it is too long, or the group was left
		} else if err != nil {
			return err
		}
	}
	return nil
}
