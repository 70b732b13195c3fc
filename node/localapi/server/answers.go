package server

import (
	"context"
	"slices"
	"sync/atomic"

	"connectrpc.com/connect"

	"github.com/earshot-im/earshot/node/localapi"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// answers is the interceptor that turns every error into an answer, and refuses more calls that last
// than the node can serve at once. Before a call it has settled what the calls before it have told.
type answers struct {
	delivery Delivery     // nil: nothing is told before it is settled
	long     atomic.Int32 // calls that last, under way
}

// ahead are the calls that may tell of what is not settled. So nothing is settled for them.
var ahead = []string{earshotv1.MessagesSendProcedure, earshotv1.MessagesSendLinesProcedure, earshotv1.MessagesWaitProcedure}

func (a *answers) before(ctx context.Context, s connect.Spec) {
	if a.delivery != nil && !slices.Contains(ahead, s.Procedure) {
		a.delivery.Settle(ctx)
	}
}

// begin counts a call that lasts, until done is called. It fails if there are as many as may be.
func (a *answers) begin() (done func(), err error) {
	if a.long.Add(1) > localapi.MaxLong {
		a.long.Add(-1)
		return nil, errBusy
	}
	return func() { a.long.Add(-1) }, nil
}

func (a *answers) WrapUnary(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, r connect.AnyRequest) (connect.AnyResponse, error) {
		if r.Spec().Procedure == earshotv1.MessagesWaitProcedure {
			done, err := a.begin()
			if err != nil {
				return nil, answer(ctx, err)
			}
			defer done()
		}
		a.before(ctx, r.Spec())
		w, err := next(ctx, r)
		if err != nil {
			return nil, answer(ctx, err)
		}
		return w, nil
	}
}

func (a *answers) WrapStreamingHandler(next connect.StreamingHandlerFunc) connect.StreamingHandlerFunc {
	return func(ctx context.Context, c connect.StreamingHandlerConn) error {
		done, err := a.begin()
		if err != nil {
			return answer(ctx, err)
		}
		defer done()
		a.before(ctx, c.Spec())
		return answer(ctx, next(ctx, c))
	}
}

func (*answers) WrapStreamingClient(next connect.StreamingClientFunc) connect.StreamingClientFunc {
	return next
}
