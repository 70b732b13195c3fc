package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"time"

	"github.com/earshot-im/earshot/cmd/earshot/attachment"
	"github.com/earshot-im/earshot/cmd/earshot/problem"
	"github.com/earshot-im/earshot/node/localapi"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// Save has attachments fetched and saved to a folder, waits until that is done, and prints where they are.
// n is 0 for all of the message, dir "" for the usual folder.
func (m *Mover) Save(ctx context.Context, id string, n uint32, dir string) error {
	folder := dir
	if folder == "" {
		me, err := m.Client.Me(ctx, &earshotv1.MeRequest{})
		if err != nil {
			return err
		}
		folder = me.GetFiles().GetDir()
	}
	ctx, cancel := m.limit(ctx)
	defer cancel()
	r, err := m.Client.SaveFiles(ctx, &earshotv1.SaveFilesRequest{Id: id, N: n, To: dir})
	if err != nil {
		return m.goesOn(ctx, id, err)
	}
	saved := func(a *earshotv1.Attachment) string {
		for _, path := range slices.Backward(a.Saved) {
			if filepath.Dir(path) == filepath.Clean(folder) {
				return path
			}
		}
		return ""
	}
	now, err := m.follow(ctx, id, r.Attachments, func(a *earshotv1.Attachment) bool { return saved(a) != "" || ended(a) })
	if err != nil {
		return m.goesOn(ctx, id, err)
	}
	var failed []*problem.Problem
	for _, t := range now {
		if path := saved(t.Attachment); path == "" {
			failed = append(failed, unfetched(t.Attachment))
		} else if err := m.Out.Saved(m.Stdout, t, path); err != nil {
			return err
		}
	}
	return together(failed, m)
}

// together returns the only problem, or prints each and returns the first one's code.
func together(failed []*problem.Problem, m *Mover) error {
	switch len(failed) {
	case 0:
		return nil
	case 1:
		return failed[0]
	}
	for _, p := range failed {
		p.Print(m.Stderr, m.Out.JSON)
	}
	return problem.Told(failed[0].Exit)
}

// Write has an attachment fetched, and writes its content when all of it is here.
func (m *Mover) Write(ctx context.Context, id string, n uint32, w io.Writer) error {
	ctx, cancel := m.limit(ctx)
	defer cancel()
	content, _, err := m.Client.Content(ctx, id, n)
	if localapi.ProblemOf(err).GetCode() == localapi.CodeNotHeld {
		r, err := m.Client.AcceptFiles(ctx, &earshotv1.FileRequest{Id: id, N: n})
		if err != nil {
			return m.goesOn(ctx, id, err)
		}
		now, err := m.follow(ctx, id, r.Attachments, func(a *earshotv1.Attachment) bool { return a.State == "held" || ended(a) })
		if err != nil {
			return m.goesOn(ctx, id, err)
		}
		for _, t := range now {
			if t.Attachment.State != "held" {
				return unfetched(t.Attachment)
			}
		}
		content, _, err = m.Client.Content(ctx, id, n)
		if err != nil {
			return m.goesOn(ctx, id, err)
		}
	} else if err != nil {
		return m.goesOn(ctx, id, err)
	}
	defer content.Close()
	if _, err = io.Copy(w, content); err != nil {
		return m.goesOn(ctx, id, err)
	}
	return nil
}

// ended reports whether nothing more comes of an attachment until somebody does something.
func ended(a *earshotv1.Attachment) bool {
	switch a.State {
	case "declined", "changed", "gone", "kept", "in_place":
		return true
	case "paused":
		return a.Reason == "owner"
	case "held":
		return a.Reason != "" // it could not be saved
	}
	return false
}

// unfetched says why an attachment is not here.
func unfetched(a *earshotv1.Attachment) *problem.Problem {
	code, what := localapi.CodeNotHeld, "is not here: "+attachment.State(a)
	switch a.State {
	case "changed":
		code, what = localapi.CodeChanged, "has changed at its sender's since it was sent, and nobody who is here has it as it was"
	case "held":
		if what = "can't be saved: " + attachment.Unsaved(a); a.Reason == "no_folder" || a.Reason == "no_room" {
			code = a.Reason // of the same names
		}
	case "gone":
		code, what = localapi.CodeGone, "is gone: nobody who is here has it"
	}
	return problem.Failed(code, "%s %s", attachment.Called(a), what)
}

// errLate ends a wait that has lasted for the whole Timeout.
var errLate = errors.New("it takes too long")

// limit returns a context that ends with the Timeout. It has no deadline: a node that is told of one ends the
// call itself, with an error that looks like others.
func (m *Mover) limit(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	if m.Timeout == 0 {
		return ctx, func() { cancel(nil) }
	}
	timer := time.AfterFunc(m.Timeout, func() { cancel(errLate) })
	return ctx, func() {
		timer.Stop()
		cancel(nil)
	}
}

// goesOn tells whoever waits no more that the node goes on.
func (m *Mover) goesOn(ctx context.Context, id string, err error) error {
	if ctx.Err() == nil {
		return err
	}
	p := *problem.Explain(ctx.Err())
	if errors.Is(context.Cause(ctx), errLate) {
		p = *problem.TimedOut("not all of it is here in time", "")
	}
	short := m.Out.IDs.Short(id)
	p.Text += "; the node goes on"
	p.Hint = fmt.Sprintf("`earshot files` shows how far it has come; `earshot files pause %s` holds it up, `earshot files cancel %s` ends it", short, short)
	return &p
}

// follow tells how far attachments of a message come, until each is done. It returns them as they are then,
// in their order.
func (m *Mover) follow(ctx context.Context, id string, list []*earshotv1.Attachment, done func(*earshotv1.Attachment) bool) ([]*earshotv1.Transfer, error) {
	now := make([]*earshotv1.Transfer, len(list))
	for i, a := range list {
		now[i] = &earshotv1.Transfer{Id: id, Attachment: a}
	}
	all := func() bool {
		return !slices.ContainsFunc(now, func(t *earshotv1.Transfer) bool { return !done(t.Attachment) })
	}
	if all() {
		return now, nil
	}
	shown := m.progress()
	defer shown.end()
	stream, err := m.Client.Transfers(ctx, &earshotv1.TransfersRequest{Id: id})
	if err != nil {
		return nil, err
	}
	defer stream.Close()
	for stream.Receive() {
		for _, t := range stream.Msg().Transfers {
			i := slices.IndexFunc(list, func(a *earshotv1.Attachment) bool { return a.N == t.GetAttachment().GetN() })
			if i < 0 || t.Own {
				continue
			}
			now[i] = t
			if m.Out.JSON && done(t.Attachment) {
				continue // it is printed when all are
			}
			if err := shown.tell(t); err != nil {
				return nil, err
			}
		}
		if all() {
			return now, nil
		}
	}
	if err := stream.Err(); err != nil {
		return nil, err
	}
	// Nothing of it moves any more. What was done before the stream began it has not told.
	page, err := m.Client.ListFiles(ctx, &earshotv1.ListFilesRequest{Id: id})
	if err != nil {
		return nil, err
	}
	for _, listed := range page.Attached {
		for _, a := range listed.Attachments {
			if i := slices.IndexFunc(list, func(one *earshotv1.Attachment) bool { return one.N == a.N }); i >= 0 {
				now[i] = &earshotv1.Transfer{Id: id, Attachment: a}
			}
		}
	}
	return now, nil
}

// Watch tells how far the attachments of an own message come at those whom it is for, until ctx ends. That
// it can't be told is no error: it is only shown.
func (m *Mover) Watch(ctx context.Context, id string) {
	shown := m.progress()
	defer shown.end()
	stream, err := m.Client.Transfers(ctx, &earshotv1.TransfersRequest{Id: id})
	if err != nil {
		return
	}
	defer stream.Close()
	for stream.Receive() {
		for _, t := range stream.Msg().Transfers {
			if shown.tell(t) != nil {
				return
			}
		}
	}
}
