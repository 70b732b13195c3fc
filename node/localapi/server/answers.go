package server

import (
	"context"

	"connectrpc.com/connect"
)

// answers is the interceptor that turns every error into an answer.
type answers struct{}

func (answers) WrapUnary(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, r connect.AnyRequest) (connect.AnyResponse, error) {
		w, err := next(ctx, r)
		if err != nil {
			return nil, answer(ctx, err)
		}
		return w, nil
	}
}

func (answers) WrapStreamingHandler(next connect.StreamingHandlerFunc) connect.StreamingHandlerFunc {
	return func(ctx context.Context, c connect.StreamingHandlerConn) error {
		return answer(ctx, next(ctx, c))
	}
}

func (answers) WrapStreamingClient(next connect.StreamingClientFunc) connect.StreamingClientFunc {
	return next
}
