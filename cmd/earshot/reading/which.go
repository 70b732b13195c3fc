package reading

import (
	"context"
	"strings"

	"github.com/earshot-im/earshot/cmd/earshot/problem"
	"github.com/earshot-im/earshot/node/localapi"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// Whose says of whom the last message of a conversation is meant.
type Whose bool

const (
	Mine   Whose = true  // the owner's
	Theirs Whose = false // the other person's, or of a group anybody else's
)

const (
	// Last is how the last message of a conversation is named, with WHO behind it.
	Last = "last:"

	// wholeID is how many digits the ID of a message has.
	wholeID = 64

	// maxBack is how far back the last message is looked for.
	maxBack = 10_000
)

// Which returns the ID of the message that is meant: by its ID, by the beginning of that, or as the last
// in a conversation. The beginning of an ID means a message in the conversation with WHO, or any that is here
// if that is empty. Whether there is a message with a whole ID is left to the call that needs it.
func Which(ctx context.Context, client *localapi.Client, text, who string, whose Whose) (id string, err error) {
	if with, last := strings.CutPrefix(text, Last); last {
		return lastOf(ctx, client, with, whose)
	}
	if len(text) == wholeID {
		return text, nil
	}
	found, err := client.FindMessages(ctx, &earshotv1.FindMessagesRequest{Prefix: text, In: who})
	if err != nil {
		return "", err
	}
	switch len(found.Messages) {
	case 0:
		p := problem.Failed(localapi.CodeUnknown, "no message has an ID that begins with %s", text)
		p.Hint = problem.HintMessage
		return "", p
	case 1:
		return found.Messages[0].Id, nil
	}
	return "", problem.SeveralMessages(text, found.Messages)
}

// lastOf returns the ID of the last message in a conversation that the owner has written, or somebody else.
// One that was taken back doesn't count; nor does, as one's own, one that can't be shown, since nobody could
// tell what would become of it.
func lastOf(ctx context.Context, client *localapi.Client, who string, whose Whose) (string, error) {
	with, err := idOf(ctx, client, who, "")
	if err != nil {
		return "", err
	}
	before := ""
	for looked := 0; looked < maxBack; {
		page, err := client.History(ctx, &earshotv1.HistoryRequest{Who: with, Before: before, Limit: localapi.DefaultPage})
		if err != nil {
			return "", err
		}
		if len(page.Messages) == 0 {
			break
		}
		for i := len(page.Messages) - 1; i >= 0; i-- {
			m := page.Messages[i]
			if m.Own == bool(whose) && (m.Kind == "text" || m.Kind == "unknown" && whose == Theirs) {
				return m.Id, nil
			}
		}
		before = page.Messages[0].Id
		looked += len(page.Messages)
	}
	text := "you have written nothing to %s that could be meant"
	if whose == Theirs {
		text = "nobody else has written anything in the conversation with %s that could be meant"
	}
	p := problem.Failed(localapi.CodeUnknown, text, who)
	p.Hint = problem.HintMessage
	return "", p
}
