package localapi

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"testing"
	"time"

	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// calls are one of each kind: one that answers at once, one that waits for peers, and a stream.
var calls = map[string]func(context.Context, *Client) error{
	"status": func(ctx context.Context, c *Client) error {
		_, err := c.Status(ctx, &earshotv1.StatusRequest{})
		return err
	},
	"wait": func(ctx context.Context, c *Client) error {
		_, err := c.Wait(ctx, &earshotv1.WaitRequest{})
		return err
	},
	"watch": func(ctx context.Context, c *Client) error {
		stream, err := c.Watch(ctx, &earshotv1.WatchRequest{})
		if err != nil {
			return err
		}
		defer stream.Close()
		for stream.Receive() {
		}
		return stream.Err()
	},
	"send lines": func(ctx context.Context, c *Client) error {
		stream, err := c.SendLines(ctx)
		if err != nil {
			return err
		}
		_ = stream.Send(&earshotv1.SendLinesRequest{})
		_, err = stream.Receive()
		return err
	},
	"end": func(ctx context.Context, c *Client) error { return c.calls.ended(ctx, c.calls.dir) },
}

// listenIn takes connections to the socket of a directory until the test ends. Nobody answers them.
func listenIn(t *testing.T, dir string) net.Listener {
	t.Helper()
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	l, err := Listen(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// A node that takes connections and never answers.
func TestNodeThatNeverAnswersIsNoticed(t *testing.T) {
	dir := t.TempDir()
	listenIn(t, dir)
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			client := DialImpatient(dir)
			defer client.Close()
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			if err := call(ctx, client); !errors.Is(err, ErrNotAnswering) {
				t.Error(err)
			}
		})
	}
}

// A call may take for ever as long as the node says that it is alive.
func TestSlowCallIsNotGivenUp(t *testing.T) {
	dir := t.TempDir()
	var knocks atomic.Int32
	often := make(chan struct{})
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == AlivePath {
			if knocks.Add(1) == 3 {
				close(often)
			}
			return
		}
		select {
		case <-often:
		case <-r.Context().Done():
			return
		}
		w.Header().Set("Content-Type", r.Header.Get("Content-Type"))
	})}
	l := listenIn(t, dir)
	go server.Serve(l)
	defer server.Close()
	client := dialPatient(dir, patience{quiet: time.Millisecond, answer: time.Minute}, false)
	defer client.Close()
	if _, err := client.Status(t.Context(), &earshotv1.StatusRequest{}); err != nil {
		t.Error(err)
	}
}

// A client that rests asks once whether the node is alive, and not again: what the owner does next finds out
// that it is frozen, and ends the streams.
func TestRestingStreamsEndWithTheNextCall(t *testing.T) {
	dir := t.TempDir()
	knocks := make(chan struct{}, 100)
	var frozen atomic.Bool
	server := &http.Server{Protocols: new(http.Protocols), Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == AlivePath && !frozen.Load() {
			knocks <- struct{}{}
			return
		}
		if r.URL.Path == earshotv1.JournalChangesProcedure {
			w.Header().Set("Content-Type", r.Header.Get("Content-Type"))
			_ = http.NewResponseController(w).Flush()
		}
		<-r.Context().Done()
	})}
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetUnencryptedHTTP2(true)
	l := listenIn(t, dir)
	go server.Serve(l)
	defer server.Close()
	client := dialPatient(dir, impatient, true)
	defer client.Close()
	streams := make(chan error)
	go func() { // ends with the stream
		s, err := client.Changes(t.Context(), &earshotv1.ChangesRequest{})
		if err == nil {
			defer s.Close()
			s.Receive()
			err = s.Err()
		}
		streams <- err
	}()
	go func() { // ends with the stream
		s, err := client.Alerts(t.Context(), &earshotv1.AlertsRequest{}) // which has nothing to say yet
		if err == nil {
			defer s.Close()
			s.Receive()
			err = s.Err()
		}
		streams <- err
	}()
	<-knocks
	<-knocks
	frozen.Store(true)
	if _, err := client.Status(t.Context(), &earshotv1.StatusRequest{}); !errors.Is(err, ErrNotAnswering) {
		t.Errorf("a call: %v", err)
	}
	for range 2 {
		if err := <-streams; !errors.Is(err, ErrNotAnswering) {
			t.Errorf("a stream: %v", err)
		}
	}
}

// The caller's own context ends a call as ever.
func TestCallersContextCounts(t *testing.T) {
	dir := t.TempDir()
	listenIn(t, dir)
	client := Dial(dir)
	defer client.Close()
	for name, call := range calls {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Millisecond, cancel)
		if err := call(ctx, client); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
