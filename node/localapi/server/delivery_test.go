package server

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"connectrpc.com/connect"

	"github.com/earshot-im/earshot/node/localapi"
	"github.com/earshot-im/earshot/node/waiting"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/event"
)

// What waits comes in the parts in which the node tells it, until its caller has enough or there is no more; a
// node that ends meanwhile is no end of it.
func TestOutboxIsAStream(t *testing.T) {
	fake := newFake()
	asked, ended := make(chan int, 1), make(chan error, 1)
	var then error
	fake.outbox = func(ctx context.Context, limit int, tell func([]waiting.Pending) error) (err error) {
		asked <- limit
		for i := byte(0); i < 3 && err == nil; i++ {
			err = tell([]waiting.Pending{{ID: event.ID{2 * i}}, {ID: event.ID{2*i + 1}}})
		}
		if then == errStay {
			<-ctx.Done()
			err = ctx.Err()
		} else if err == nil {
			err = then
		}
		ended <- err
		return err
	}
	client, _ := serve(t, privateDir(t), fake.rooms())
	for _, test := range []struct {
		then error
		code string
	}{{nil, ""}, {store.ErrClosed, localapi.CodeStopping}} {
		then = test.then
		got, code := 0, ""
		for q, err := range client.Pending(t.Context(), 7) {
			if err != nil {
				code = localapi.ProblemOf(err).GetCode()
				continue
			}
			if want := fmt.Sprintf("%x", event.ID{byte(got)}); q.Id != want {
				t.Errorf("line %d is %s, want %s", got, q.Id, want)
			}
			got++
		}
		if got != 6 || code != test.code || <-asked != 7 {
			t.Errorf("%d lines, ended with %q, want %q", got, code, test.code)
		}
		<-ended
	}
	then = errStay
	for _, err := range client.Pending(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		break
	}
	if limit, err := <-asked, <-ended; limit != 0 || err == nil || connect.CodeOf(err) == connect.CodeInternal {
		t.Errorf("limit %d; whoever has enough ends the call with %v", limit, err)
	}
}

var errStay = errors.New("stays until its caller has gone")
