package server

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/earshot-im/earshot/node/localapi"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// A script that began readers without end had the node serve them all, until it was of no use to
// anybody.
func TestNoMoreFollowThanAreServed(t *testing.T) {
	client, _ := serve(t, privateDir(t), newFake().rooms())
	follow := func(ctx context.Context) error {
		stream, err := client.Watch(ctx, &earshotv1.WatchRequest{})
		if err == nil && !stream.Receive() {
			err = stream.Err()
		}
		return err
	}
	wait := func(ctx context.Context) error {
		_, err := client.Wait(ctx, &earshotv1.WaitRequest{Id: strings.Repeat("0", 64), State: "read"})
		return err
	}
	first, leave := context.WithCancel(t.Context())
	defer leave()
	for i := range localapi.MaxLong {
		ctx := t.Context()
		if i == 0 {
			ctx = first
		}
		if err := follow(ctx); err != nil {
			t.Fatalf("reader %d: %v", i, err)
		}
	}
	for what, more := range map[string]func(context.Context) error{"reader": follow, "who waits": wait} {
		if err := more(t.Context()); code(err) != localapi.CodeBusy || localapi.Refused(err) {
			t.Errorf("one %s more: %v", what, err)
		}
	}
	if _, err := client.Status(t.Context(), &earshotv1.StatusRequest{}); err != nil {
		t.Errorf("meanwhile: %v", err)
	}
	leave()
	deadline := time.Now().Add(time.Minute)
	err := follow(t.Context())
	for ; code(err) == localapi.CodeBusy && time.Now().Before(deadline); err = follow(t.Context()) {
		time.Sleep(time.Millisecond)
	}
	if err != nil {
		t.Errorf("when one has left: %v", err)
	}
}
