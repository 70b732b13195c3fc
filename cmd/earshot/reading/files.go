package reading

import (
	"context"
	"strings"

	"github.com/earshot-im/earshot/cmd/earshot/problem"
	"github.com/earshot-im/earshot/node/localapi"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// maxWaiting bounds how many messages with attachments are looked at beside what waits to be delivered.
const maxWaiting = 10_000

// Files returns messages with attachments, the newest first: as many as there are, up to limit.
func Files(ctx context.Context, client *localapi.Client, r *earshotv1.ListFilesRequest, limit int) (all []*earshotv1.Attached, err error) {
	for {
		r.Limit = uint32(min(limit-len(all), localapi.MaxPage))
		page, err := client.ListFiles(ctx, r)
		if err != nil {
			return nil, err
		}
		if all = append(all, page.Attached...); !page.More || len(page.Attached) == 0 || len(all) >= limit {
			return all, nil
		}
		r.Before = page.Attached[len(page.Attached)-1].Id
	}
}

// FilesOf returns an own message with what has become of its attachments at each; nil if it has none.
func FilesOf(ctx context.Context, client *localapi.Client, id string) (*earshotv1.Attached, error) {
	page, err := client.ListFiles(ctx, &earshotv1.ListFilesRequest{Id: id})
	if problem.UnknownTo(err) { // a node that knows no files
		return nil, nil
	} else if err != nil || len(page.Attached) == 0 {
		return nil, err
	}
	return page.Attached[0], nil
}

// FilesWaiting returns what is attached to own messages that somebody may not have yet, by their IDs.
func FilesWaiting(ctx context.Context, client *localapi.Client) (map[string][]*earshotv1.Attachment, error) {
	list, err := Files(ctx, client, &earshotv1.ListFilesRequest{Waiting: true}, maxWaiting)
	if problem.UnknownTo(err) {
		return nil, nil
	}
	all := make(map[string][]*earshotv1.Attachment)
	for _, m := range list {
		if m.Own {
			all[m.Id] = m.Attachments
		}
	}
	return all, err
}

// WhichFiles is Which for a message with files: the last one in a conversation is the last of others that has
// some.
func WhichFiles(ctx context.Context, client *localapi.Client, text, who string) (string, error) {
	with, last := strings.CutPrefix(text, Last)
	if !last {
		return Which(ctx, client, text, who, Theirs)
	}
	before := ""
	for looked := 0; looked < maxBack; {
		page, err := client.ListFiles(ctx, &earshotv1.ListFilesRequest{Who: with, Before: before})
		if err != nil {
			return "", err
		}
		for _, m := range page.Attached {
			if !m.Own {
				return m.Id, nil
			}
			before = m.Id
		}
		if looked += len(page.Attached); !page.More || len(page.Attached) == 0 {
			break
		}
	}
	p := problem.Failed(localapi.CodeUnknown, "nobody else has sent a file in the conversation with %s", with)
	p.Hint = "`earshot files` shows which files go with which message"
	return "", p
}
