package localapi

import (
	"context"
	"errors"
	"net"
	"net/http"
	"testing"

	"connectrpc.com/connect"
)

type connKey struct{}

// breaking answers that a node is alive, and breaks the connection of every other call.
func breaking(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == AlivePath {
		return
	}
	w.Header().Set("Content-Type", r.Header.Get("Content-Type"))
	_, _ = w.Write([]byte{0, 0, 0})
	_ = http.NewResponseController(w).Flush()
	_ = r.Context().Value(connKey{}).(net.Conn).Close()
}

// A node that was killed and started again at once answers again when the client asks whether it is
// there. Callers got the broken connection for an error of their own, and `recv --follow` ended.
func TestNodeThatRunsAgainHasEnded(t *testing.T) {
	dir := served(t, breaking)
	for _, name := range []string{"status", "wait", "watch", "send lines"} {
		t.Run(name, func(t *testing.T) {
			client := Dial(dir)
			defer client.Close()
			if err := calls[name](t.Context(), client); !errors.Is(err, ErrNotRunning) {
				t.Error(err)
			}
		})
	}
}

// An older node that doesn't know a call was taken for one that has ended, if the call was a stream.
func TestNodeThatDoesNotKnowACallRuns(t *testing.T) {
	dir := served(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != AlivePath {
			http.NotFound(w, r)
		}
	})
	for _, name := range []string{"status", "watch"} {
		client := Dial(dir)
		defer client.Close()
		if err := calls[name](t.Context(), client); errors.Is(err, ErrNotRunning) || connect.CodeOf(err) != connect.CodeUnimplemented {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// served has somebody answer in a directory until the test ends.
func served(t *testing.T, answer http.HandlerFunc) (dir string) {
	dir = t.TempDir()
	server := &http.Server{
		Handler:     answer,
		Protocols:   new(http.Protocols),
		ConnContext: func(ctx context.Context, c net.Conn) context.Context { return context.WithValue(ctx, connKey{}, c) },
	}
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetUnencryptedHTTP2(true)
	l := listenIn(t, dir)
	go server.Serve(l) // ends by Close
	t.Cleanup(func() { server.Close() })
	return dir
}
