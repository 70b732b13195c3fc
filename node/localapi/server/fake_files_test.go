package server

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"sync"

	"github.com/earshot-im/earshot/node/chat"
	"github.com/earshot-im/earshot/node/files"
	"github.com/earshot-im/earshot/store/event"
)

// fakeFiles takes in whatever it is given, and has the attachments of one message.
type fakeFiles struct {
	Files // what no test needs

	mu      sync.Mutex
	adding  files.Adding
	content []byte   // of adding
	done    []string // what was asked for
	page    files.Page

	attached  []files.Attached
	now       files.Attachment
	holds     []byte
	err       error
	transfers func(ctx context.Context, id *event.ID, tell func([]files.Transfer) error) error
}

func (f *fakeFiles) rooms() Rooms {
	n := newFake()
	r := n.rooms()
	n.state = chat.StateQueued // what Wait finds without waiting
	r.Files = f
	return r
}

func (f *fakeFiles) note(what string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.done = append(f.done, fmt.Sprintf(what, args...))
}

func (f *fakeFiles) Add(_ context.Context, in files.Adding, tell func(read, size uint64) error) (files.Added, error) {
	f.mu.Lock()
	f.adding = in
	f.mu.Unlock()
	if f.err != nil {
		return files.Added{}, f.err
	}
	var size uint64 = 1000
	if in.Content != nil {
		b, err := io.ReadAll(in.Content)
		if err != nil {
			return files.Added{}, err
		}
		f.content, size = b, uint64(len(b))
	}
	for read := range size {
		if err := tell(read, size); err != nil {
			return files.Added{}, err
		}
	}
	return files.Added{File: "f1", Attachment: files.Attachment{N: 1, Name: "a.txt", Size: size, State: files.StateKept}, Skipped: []string{"link\xff"}, Others: 2}, nil
}

func (f *fakeFiles) Sendable(_ context.Context, names []string) (all []event.Attachment, err error) {
	for _, name := range names {
		if name != "f1" {
			return nil, fmt.Errorf("%w %q", files.ErrNoFile, name)
		}
		all = append(all, event.Attachment{Name: name})
	}
	return all, nil
}

func (f *fakeFiles) List(_ context.Context, page files.Page) ([]files.Attached, bool, error) {
	f.page = page
	return f.attached, false, f.err
}

func (f *fakeFiles) settle(what string, id event.ID, n int) ([]files.Attachment, error) {
	f.note("%s %x %d", what, id[:1], n)
	return []files.Attachment{f.now}, f.err
}

func (f *fakeFiles) Accept(_ context.Context, id event.ID, n int) ([]files.Attachment, error) {
	return f.settle("accept", id, n)
}

func (f *fakeFiles) Decline(_ context.Context, id event.ID, n int) ([]files.Attachment, error) {
	return f.settle("decline", id, n)
}

func (f *fakeFiles) Pause(_ context.Context, id event.ID, n int) ([]files.Attachment, error) {
	return f.settle("pause", id, n)
}

func (f *fakeFiles) Cancel(_ context.Context, id event.ID, n int) ([]files.Attachment, error) {
	return f.settle("cancel", id, n)
}

func (f *fakeFiles) Drop(_ context.Context, id event.ID, n int) ([]files.Attachment, error) {
	return f.settle("drop", id, n)
}

func (f *fakeFiles) Save(_ context.Context, id event.ID, n int, to string) ([]files.Attachment, error) {
	return f.settle("save to "+to, id, n)
}

func (f *fakeFiles) Transfers(ctx context.Context, id *event.ID, tell func([]files.Transfer) error) error {
	return f.transfers(ctx, id, tell)
}

// content notes when it is closed.
type content struct {
	*bytes.Reader
	closed func()
}

// Pack writes the content in two pieces, and fails in between if it is not whole.
func (c content) Pack(to io.Writer) error {
	if c.Len() == 0 {
		return errPack
	}
	b := make([]byte, c.Len())
	_, _ = c.Read(b)
	if _, err := to.Write(b[:1]); err != nil {
		return err
	}
	if string(b) == "torn" {
		return errPack
	}
	_, err := to.Write(b[1:])
	return err
}

var errPack = fmt.Errorf("pack: %w", files.ErrChanged)

func (c content) Close() error {
	c.closed()
	return nil
}

func (f *fakeFiles) Open(_ context.Context, id event.ID, n int) (files.Attachment, files.Content, error) {
	if f.err != nil {
		return files.Attachment{}, nil, f.err
	}
	f.note("open %x %d", id[:1], n)
	return f.now, content{bytes.NewReader(f.holds), func() { f.note("close") }}, nil
}
