package localapi

import (
	"context"
	"iter"

	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// Pending goes over what Outbox gives, the oldest first, up to limit lines; 0: all. An error is the last.
func (c *Client) Pending(ctx context.Context, limit uint32) iter.Seq2[*earshotv1.Pending, error] {
	return func(yield func(*earshotv1.Pending, error) bool) {
		stream, err := c.Outbox(ctx, &earshotv1.OutboxRequest{Limit: limit})
		if err != nil {
			yield(nil, err)
			return
		}
		defer stream.Close()
		for stream.Receive() {
			for _, q := range stream.Msg().Pending {
				if !yield(q, nil) {
					return
				}
			}
		}
		if err := stream.Err(); err != nil {
			yield(nil, err)
		}
	}
}
