package reading

import (
	"context"
	"slices"

	"github.com/earshot-im/earshot/cmd/earshot/problem"
	"github.com/earshot-im/earshot/node/localapi"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// told is called with messages, oldest first and many at once.
type told func([]*earshotv1.Message) error

// History tells at most limit messages of a conversation, oldest first and many at once: those before the ID
// before, those after the ID after, or, with neither, the newest. It asks for page after page of what WHO means at
// the start.
func History(ctx context.Context, client *localapi.Client, who string, limit uint32, before, after string, tell told) error {
	who, err := idOf(ctx, client, who, "")
	if err != nil {
		return err
	}
	h := history{client, who, tell}
	if after != "" {
		return h.forward(ctx, after, limit, "")
	}
	return h.back(ctx, before, limit)
}

// Around tells the message with an ID, and what was written before and after it, half of limit each.
func Around(ctx context.Context, client *localapi.Client, who string, limit uint32, id string, tell told) error {
	who, err := idOf(ctx, client, who, "")
	if err != nil {
		return err
	}
	one, err := client.History(ctx, &earshotv1.HistoryRequest{Who: who, Limit: 1, Around: id})
	if err != nil {
		return err
	}
	h := history{client, who, tell}
	if err := h.back(ctx, id, limit/2); err != nil {
		return err
	}
	if err := tell(one.Messages); err != nil {
		return err
	}
	return h.forward(ctx, id, (limit-1)/2, "")
}

// history reads a conversation.
type history struct {
	pages interface {
		History(context.Context, *earshotv1.HistoryRequest) (*earshotv1.MessagesResponse, error)
	}
	who  string
	tell told
}

// page asks for some messages, as many as one answer may have.
func (h history) page(ctx context.Context, limit uint32, before, after string) ([]*earshotv1.Message, error) {
	limit = min(limit, localapi.MaxPage)
	r, err := h.pages.History(ctx, &earshotv1.HistoryRequest{Who: h.who, Limit: limit, Before: before, After: after})
	return r.GetMessages(), err
}

// forward tells at most limit messages after an ID, up to the ID last if that is among them.
func (h history) forward(ctx context.Context, after string, limit uint32, last string) error {
	for limit > 0 {
		all, err := h.page(ctx, limit, "", after)
		if err != nil || len(all) == 0 {
			return err
		}
		end := slices.IndexFunc(all, func(m *earshotv1.Message) bool { return m.Id == last })
		if end >= 0 {
			all = all[:end+1]
		}
		if err := h.tell(all); err != nil || end >= 0 {
			return err
		}
		limit, after = limit-uint32(len(all)), all[len(all)-1].Id
	}
	return nil
}

// back tells at most limit messages before an ID, or the newest. It has to go back to the first of them. What it
// meets on the way it holds as long as that is not more than a page; where it is more, it reads all but the first
// of it again.
func (h history) back(ctx context.Context, before string, limit uint32) error {
	var held []*earshotv1.Message
	count, last := uint32(0), ""
	for count < limit {
		page, err := h.page(ctx, limit-count, before, "")
		if err != nil {
			return err
		}
		n := len(page)
		if n == 0 {
			break
		}
		if count == 0 {
			last = page[n-1].Id
		}
		if n+len(held) > localapi.MaxPage {
			held = nil
		}
		held = slices.Concat(page, held)
		count, before = count+uint32(n), page[0].Id
	}
	if len(held) == 0 {
		return nil
	}
	if err := h.tell(held); err != nil {
		return err
	}
	return h.forward(ctx, held[len(held)-1].Id, count-uint32(len(held)), last)
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
