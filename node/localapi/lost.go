package localapi

import (
	"context"
	"errors"
	"fmt"
	"io"

	"connectrpc.com/connect"
)

// lost is the client's interceptor: when a call failed without an answer, it asks whether the node
// is still there, since a broken connection looks different each time.
type lost struct {
	dir string
	patience
}

func (l lost) explain(ctx context.Context, err error) error {
	if err == nil || ctx.Err() != nil || errors.Is(err, io.EOF) || errors.Is(err, ErrNotRunning) || errors.Is(err, ErrNotAnswering) {
		return err
	}
	if p := ProblemOf(err); p != nil {
		if p.Code == CodeStopping {
			return fmt.Errorf("%w: %w", ErrNotRunning, err)
		}
		return err
	}
	gone := l.knock(ctx, l.dir)
	switch {
	case errors.Is(gone, ErrNotRunning), errors.Is(gone, ErrNotAnswering):
		return gone
	case gone == nil && broken(err): // the node that answers now is another one
		return fmt.Errorf("%w: it has ended, and was started again: %w", ErrNotRunning, err)
	}
	return err
}

// broken reports whether an error says that the connection has ended before the answer, of a call
// whose context goes on. Broken connections look different each time, so it knows what else there
// is: answers, also of a node of another version that doesn't know what is called, and deadlines that
// the node was the first to see pass.
func broken(err error) bool {
	code := connect.CodeOf(err)
	return !connect.IsWireError(err) && code != connect.CodeDeadlineExceeded && code != connect.CodeUnimplemented
}

func (l lost) WrapUnary(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, r connect.AnyRequest) (connect.AnyResponse, error) {
		w, err := next(ctx, r)
		if err != nil {
			return nil, l.explain(ctx, err)
		}
		return w, nil
	}
}

func (l lost) WrapStreamingClient(next connect.StreamingClientFunc) connect.StreamingClientFunc {
	return func(ctx context.Context, spec connect.Spec) connect.StreamingClientConn {
		return lostStream{next(ctx, spec), ctx, l}
	}
}

func (l lost) WrapStreamingHandler(next connect.StreamingHandlerFunc) connect.StreamingHandlerFunc {
	return next
}

// lostStream explains what Receive returns; a Send that fails only tells the caller to receive.
type lostStream struct {
	connect.StreamingClientConn
	ctx  context.Context // the context of the call, which the stream itself holds too
	lost lost
}

func (s lostStream) Receive(m any) error {
	return s.lost.explain(s.ctx, s.StreamingClientConn.Receive(m))
}
