package server

import (
	"context"
	"sync/atomic"

	"connectrpc.com/connect"

	"github.com/earshot-im/earshot/node/localapi"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// answers is the interceptor that turns every error into an answer, and refuses more calls that last
// than the node can serve at once.
type answers struct {
	long atomic.Int32 // calls that last, under way
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
		return answer(ctx, next(ctx, c))
	}
}

func (*answers) WrapStreamingClient(next connect.StreamingClientFunc) connect.StreamingClientFunc {
	return next
}
