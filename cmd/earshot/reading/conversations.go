package reading

import (
	"context"

	"github.com/earshot-im/earshot/node/localapi"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// Conversations returns at most limit conversations, page by page, and changes wanted. One that moves
// between two pages, since something is said in it, is given once.
func Conversations(ctx context.Context, client *localapi.Client, wanted *earshotv1.ConversationsRequest, limit uint32) (all []*earshotv1.Conversation, err error) {
	given := make(map[string]bool)
	for uint32(len(all)) < limit {
		wanted.Limit = min(limit-uint32(len(all)), localapi.MaxPage)
		page, err := client.Conversations(ctx, wanted)
		if err != nil {
			return nil, err
		}
		for _, c := range page.Conversations {
			if !given[c.Conversation] {
				given[c.Conversation] = true
				all = append(all, c)
			}
			wanted.After = c.Conversation
		}
		if !page.More || len(page.Conversations) == 0 {
			break
		}
	}
	return all, nil
}

// Now returns the cursor of this moment: behind it comes what changes from now on.
func Now(ctx context.Context, client *localapi.Client) (string, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := client.Changes(ctx, &earshotv1.ChangesRequest{Kinds: []string{"settings"}})
	if err != nil {
		return "", err
	}
	defer stream.Close()
	if !stream.Receive() {
		return "", stream.Err()
	}
	return stream.Msg().Cursor, nil
}
