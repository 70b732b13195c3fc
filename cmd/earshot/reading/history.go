package reading

import (
	"context"
	"slices"

	"github.com/earshot-im/earshot/cmd/earshot/problem"
	"github.com/earshot-im/earshot/node/localapi"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// History returns at most limit messages of a conversation, oldest first: those before the ID
// before, those after the ID after, or, with neither, the newest. It asks for page after page of
// what WHO means at the start.
func History(ctx context.Context, client *localapi.Client, who string, limit uint32, before, after string) ([]*earshotv1.Message, error) {
	who, err := idOf(ctx, client, who, "")
	if err != nil {
		return nil, err
	}
	return pages(ctx, client, who, limit, before, after)
}

// Around returns the message with an ID, and what was written before and after it, half of limit each.
func Around(ctx context.Context, client *localapi.Client, who string, limit uint32, id string) ([]*earshotv1.Message, error) {
	who, err := idOf(ctx, client, who, "")
	if err != nil {
		return nil, err
	}
	one, err := client.History(ctx, &earshotv1.HistoryRequest{Who: who, Limit: 1, Around: id})
	if err != nil {
		return nil, err
	}
	before, err := pages(ctx, client, who, limit/2, id, "")
	if err != nil {
		return nil, err
	}
	after, err := pages(ctx, client, who, (limit-1)/2, "", id)
	return slices.Concat(before, one.Messages, after), err
}

func pages(ctx context.Context, client *localapi.Client, who string, limit uint32, before, after string) (all []*earshotv1.Message, err error) {
	for uint32(len(all)) < limit {
		page, err := client.History(ctx, &earshotv1.HistoryRequest{
			Who: who, Limit: min(limit-uint32(len(all)), localapi.MaxPage), Before: before, After: after})
		if err != nil {
			return nil, err
		}
		if len(page.Messages) == 0 {
			break
		}
		if after != "" {
			all = append(all, page.Messages...)
			after = all[len(all)-1].Id
		} else {
			all = slices.Concat(page.Messages, all)
			before = all[0].Id
		}
	}
	return all, nil
}

// ByKey returns the own message that was sent to WHO with a key.
func ByKey(ctx context.Context, client *localapi.Client, who, key string) (*earshotv1.Message, error) {
	m, err := client.ByKey(ctx, &earshotv1.ByKeyRequest{Who: who, Key: key})
	if localapi.ProblemOf(err).GetCode() == localapi.CodeNoMessage {
		p := problem.Failed(localapi.CodeNoMessage, "no message was sent to %s with this key", who)
		p.Hint = "`earshot send WHO TEXT --key KEY` sends it, once"
		return nil, p
	}
	return m, err
}
