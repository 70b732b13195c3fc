package server

import (
	"context"
	"net"
	"net/http"
	"path/filepath"
	"testing"

	"connectrpc.com/connect"

	"github.com/earshot-im/earshot/node/localapi"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// tardy lets every call come when its caller waits no more.
type tardy struct{ connect.HTTPClient }

func (t tardy) Do(r *http.Request) (*http.Response, error) {
	r.Header.Set(localapi.BeforeHeader, "1")
	return t.HTTPClient.Do(r)
}

// What comes too late is not begun, and is answered as every deadline that the node sees pass first.
func TestLateCalls(t *testing.T) {
	node := newFake()
	dir := privateDir(t)
	serve(t, dir, node.rooms())
	local := tardy{&http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(dir, "control.sock"))
	}}}}
	messages := earshotv1.NewMessagesClient(local, "http://"+localapi.Host)
	if _, err := messages.Send(t.Context(), &earshotv1.SendRequest{To: "bob", Text: "hi"}); connect.CodeOf(err) != connect.CodeDeadlineExceeded || len(node.messages) > 0 {
		t.Errorf("Send: %v, with %d messages", err, len(node.messages))
	}
	stream, err := earshotv1.NewNodeClient(local, "http://"+localapi.Host).Watch(t.Context(), &earshotv1.WatchRequest{})
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	if stream.Receive() || connect.CodeOf(stream.Err()) != connect.CodeDeadlineExceeded {
		t.Errorf("Watch: %v", stream.Err())
	}
}
