package linear

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/earshot-im/earshot/cmd/earshot/problem"
	"github.com/earshot-im/earshot/cmd/earshot/transfer"
	"github.com/earshot-im/earshot/node/localapi"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// fileNode is a node that saves files, where it is asked for more than to begin.
type fileNode struct {
	earshotv1.FilesClient
	saved []*earshotv1.SaveFilesRequest
}

func (f *fileNode) SaveFiles(_ context.Context, r *earshotv1.SaveFilesRequest) (*earshotv1.FilesResponse, error) {
	f.saved = append(f.saved, r)
	return &earshotv1.FilesResponse{Attachments: []*earshotv1.Attachment{{N: max(r.N, 1), Name: "menu.pdf", State: "held", Saved: []string{"/there/menu\x1b.pdf"}}}}, nil
}

func (f *fileNode) ListFiles(context.Context, *earshotv1.ListFilesRequest) (*earshotv1.ListFilesResponse, error) {
	return &earshotv1.ListFilesResponse{Attached: []*earshotv1.Attached{{Id: "own", Own: true}, {Id: "theirs"}}}, nil
}

// meNode says where files are saved.
type meNode struct{ earshotv1.NodeClient }

func (meNode) Me(context.Context, *earshotv1.MeRequest) (*earshotv1.MeResponse, error) {
	return &earshotv1.MeResponse{Files: &earshotv1.FileSettings{Dir: "/there"}}, nil
}

// types types a line.
func (c *Chat) types(t *testing.T, line string) {
	t.Helper()
	if err := c.line(t.Context(), typed{text: line}); err != nil {
		t.Fatal(err)
	}
}

func TestFilesOfMessagesAreSaved(t *testing.T) {
	c, _, console := newChat()
	of := &fileNode{}
	c.Client.FilesClient, c.Client.NodeClient = of, meNode{}
	c.shown.number(&earshotv1.Message{Id: "first"})
	for line, want := range map[string]string{"/get 1": "first 0", "/get 1 2": "first 2", "/get last": "theirs 0"} {
		of.saved = nil
		console.Reset()
		c.types(t, line)
		c.finish(t.Context(), <-c.tasks)
		if len(of.saved) != 1 || of.saved[0].Id != strings.Fields(want)[0] || of.saved[0].N != uint32(want[len(want)-1]-'0') {
			t.Errorf("%s: saves %v", line, of.saved)
		}
		if got := console.String(); !strings.HasSuffix(got, "  * saved as /there/menu\\x1b.pdf\n") {
			t.Errorf("%s: printed %q", line, got)
		}
	}
	for _, line := range []string{"/get", "/get 9", "/get 1 0", "/get 1 33", "/get 1 x", "/file", "/file  "} {
		console.Reset()
		of.saved = nil
		c.types(t, line)
		if len(of.saved) > 0 || c.sending > 0 || !strings.Contains(console.String(), "/help") {
			t.Errorf("%s: %q", line, console)
		}
	}
}

// What was taken in is sent as a message of its own; where that fails, it is said which file was not sent.
func TestFilesAreSent(t *testing.T) {
	c, node, console := newChat()
	file := func(err error) {
		k := &task{file: "/tmp/menu.pdf"}
		c.beside(t.Context(), k, func(context.Context, *transfer.Mover) error {
			k.said.WriteString("left out: link\n")
			k.then = func(ctx context.Context) { c.send(ctx, outgoing{text: "menu.pdf", file: "f1"}) }
			return err
		})
	}
	file(nil)
	c.finishSending(t.Context())
	if c.sending != 0 || len(node.sent) != 1 || node.sent[0].Text != "" || !slices.Equal(node.sent[0].Files, []string{"f1"}) || node.sent[0].Key == "" {
		t.Errorf("%d, %v", c.sending, node.sent)
	}
	if got := console.String(); !strings.Contains(got, "waiting until") || !strings.Contains(got, "  * left out: link\n") {
		t.Errorf("%q", got)
	}
	file(problem.Failed(localapi.CodeNoFile, "gone"))
	c.finishSending(t.Context())
	if got := console.String(); len(node.sent) != 1 || !strings.Contains(got, "gone") || !strings.Contains(got, "not sent: /tmp/menu.pdf") {
		t.Errorf("%q, %v", got, node.sent)
	}
	node.away = localapi.ErrNotRunning
	var stderr bytes.Buffer
	c.Stderr = &stderr
	file(nil)
	c.finishSending(t.Context())
	var p *problem.Problem
	if err := c.end(t.Context(), nil); !errors.As(err, &p) || !strings.Contains(stderr.String(), "not sent: menu.pdf") {
		t.Errorf("%v, %q", err, &stderr)
	}
}
