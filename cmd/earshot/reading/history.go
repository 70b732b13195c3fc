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
		return h.forward(ctx, after, limit)
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
	return h.forward(ctx, id, (limit-1)/2)
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

// forward tells at most limit messages after an ID.
func (h history) forward(ctx context.Context, after string, limit uint32) error {
	for limit > 0 {
		page, err := h.page(ctx, limit, "", after)
		if err != nil || len(page) == 0 {
			return err
		}
		if err := h.tell(page); err != nil {
			return err
		}
		limit, after = limit-uint32(len(page)), page[len(page)-1].Id
	}
	return nil
}

// leastAgain is how many messages are read again at once at least: some of those that are looked for may have gone,
// and others have come in between.
const leastAgain = 100

// again tells those of the IDs that are after one ID and before another, if that is not empty.
func (h history) again(ctx context.Context, after, before string, ids map[string]bool) error {
	for ended := false; len(ids) > 0 && !ended; {
		page, err := h.page(ctx, uint32(max(len(ids), leastAgain)), "", after)
		if err != nil || len(page) == 0 {
			return err
		}
		after = page[len(page)-1].Id
		var some []*earshotv1.Message
		for _, m := range page {
			if ids[m.Id] {
				some = append(some, m)
				delete(ids, m.Id)
			}
			ended = ended || m.Id == before
		}
		if len(some) > 0 {
			if err := h.tell(some); err != nil {
				return err
			}
		}
	}
	return nil
}

// back tells at most limit messages before an ID, or the newest. It has to go back to the first of them. What it
// meets on the way it holds as long as that is not more than a page; where it is more, it holds the IDs, and reads
// all but the first of it again. What was written or came late meanwhile is not among them.
func (h history) back(ctx context.Context, before string, limit uint32) error {
	var held []*earshotv1.Message
	again := make(map[string]bool)
	for left, at := limit, before; left > 0; {
		page, err := h.page(ctx, left, at, "")
		if err != nil {
			return err
		}
		if len(page) == 0 {
			break
		}
		if len(page)+len(held) > localapi.MaxPage {
			for _, m := range held {
				again[m.Id] = true
			}
			held = nil
		}
		held = slices.Concat(page, held)
		left, at = left-uint32(len(page)), page[0].Id
	}
	if len(held) == 0 {
		return nil
	}
	if err := h.tell(held); err != nil {
		return err
	}
	return h.again(ctx, held[len(held)-1].Id, before, again)
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
