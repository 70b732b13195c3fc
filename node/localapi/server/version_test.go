package server

import (
	"context"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"testing"

	"github.com/earshot-im/earshot/node/localapi"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// Whatever is asked, the answer says which version of the program runs the node, and a client tells it
// once.
func TestEachAnswerTellsTheVersion(t *testing.T) {
	dir := privateDir(t)
	serveAs(t, Config{Dir: dir, Version: "v1.2.3", Rooms: newFake().rooms()})
	for name, call := range map[string]func(*localapi.Client) error{
		"answer": func(c *localapi.Client) error {
			_, err := c.Status(t.Context(), &earshotv1.StatusRequest{})
			return err
		},
		"error": func(c *localapi.Client) error {
			if _, err := c.Send(t.Context(), &earshotv1.SendRequest{To: "eve", Text: "x"}); code(err) != localapi.CodeUnknown {
				return err
			}
			return nil
		},
		"stream": func(c *localapi.Client) error {
			stream, err := c.Watch(t.Context(), &earshotv1.WatchRequest{})
			if err != nil {
				return err
			}
			stream.Receive()
			return stream.Close()
		},
	} {
		client := localapi.Dial(dir)
		defer client.Close()
		var told []string
		client.OnVersion(func(version string) { told = append(told, version) })
		for range 2 {
			if err := call(client); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if !slices.Equal(told, []string{"v1.2.3"}) {
			t.Errorf("%s: told %q", name, told)
		}
	}
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(dir, "control.sock"))
	}}
	defer transport.CloseIdleConnections()
	alive, err := (&http.Client{Transport: transport}).Get("http://" + localapi.Host + localapi.AlivePath)
	if err != nil {
		t.Fatal(err)
	}
	defer alive.Body.Close()
	if got := alive.Header.Get(localapi.VersionHeader); got != "v1.2.3" {
		t.Errorf("alive: %q", got)
	}
}
