package linear

import (
	"bytes"
	"context"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/earshot-im/earshot/cmd/earshot/attachment"
	"github.com/earshot-im/earshot/cmd/earshot/problem"
	"github.com/earshot-im/earshot/cmd/earshot/reading"
	"github.com/earshot-im/earshot/cmd/earshot/show"
	"github.com/earshot-im/earshot/cmd/earshot/transfer"
	"github.com/earshot-im/earshot/node/localapi"
)

// task is something about files that takes its time and is done beside the conversation. What it has to say is
// printed when it has ended, so that it doesn't mix with a line that is being typed.
type task struct {
	said bytes.Buffer
	err  error
	then func(context.Context) // what is left to do, in the conversation; nil: nothing
	file string                // that is to be sent; "": it gets some
}

// beside does a task beside the conversation.
func (c *Chat) beside(ctx context.Context, t *task, do func(context.Context, *transfer.Mover) error) {
	if t.file != "" {
		c.sending++
	}
	m := &transfer.Mover{Client: c.Client, Out: show.Printer{IDs: c.Out.IDs}, Stdout: &t.said, Stderr: &t.said}
	go func() { // until it is done, or Run ends
		t.err = do(ctx, m)
		select {
		case c.tasks <- t:
		case <-ctx.Done():
		}
	}()
}

// finish does in the conversation what is left of a task, and says what has become of it.
func (c *Chat) finish(ctx context.Context, t *task) {
	if t.file != "" {
		c.sending--
	}
	for line := range strings.Lines(t.said.String()) {
		if line = strings.TrimSuffix(line, "\n"); t.file == "" {
			line = "saved as " + line
		}
		c.note("%s", line)
	}
	switch {
	case t.err != nil && ctx.Err() == nil && t.file == "":
		c.tell(problem.OfFiles(t.err))
	case t.err != nil && ctx.Err() == nil:
		c.tell(t.err)
		c.say("%s", show.Unsent(t.file))
	case t.err == nil && t.then != nil:
		t.then(ctx)
	}
}

// finishSending waits for the files that are to be sent: who leaves has said that they are.
func (c *Chat) finishSending(ctx context.Context) {
	if c.sending > 0 {
		c.note("waiting until what you send is read; Ctrl+C ends it")
	}
	for c.sending > 0 {
		select {
		case t := <-c.tasks:
			c.finish(ctx, t)
		case <-ctx.Done():
			return
		}
	}
}

// file sends a file or folder.
func (c *Chat) file(ctx context.Context, args string) error {
	if args == "" {
		return wrong("which file?")
	}
	path := transfer.Path(args)
	t := &task{file: path}
	c.beside(ctx, t, func(ctx context.Context, m *transfer.Mover) error {
		added, err := m.Add(ctx, []string{path}, transfer.How{})
		if err != nil {
			return err
		}
		t.then = func(ctx context.Context) {
			c.note("%s", attachment.Mark(added[0].Attachment))
			c.send(ctx, outgoing{text: filepath.Base(path), file: added[0].File})
		}
		return nil
	})
	return nil
}

// get fetches and saves the files of a message, or one of them.
func (c *Chat) get(ctx context.Context, args string) error {
	id, rest, err := c.means(args, func(arg string) (string, error) { return reading.WhichFiles(ctx, c.Client, arg, c.who) })
	if err != nil {
		return err
	}
	n := uint64(0)
	if rest != "" {
		if n, err = strconv.ParseUint(rest, 10, 32); err != nil || n < 1 || n > localapi.MaxFiles {
			return wrong("behind the message stands the number of a file, from 1 to " + strconv.Itoa(localapi.MaxFiles))
		}
	}
	c.note("being fetched; it is told when it is saved")
	c.beside(ctx, &task{}, func(ctx context.Context, m *transfer.Mover) error { return m.Save(ctx, id, uint32(n), "") })
	return nil
}
