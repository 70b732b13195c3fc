package transfer

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"mime"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/earshot-im/earshot/cmd/earshot/attachment"
	"github.com/earshot-im/earshot/cmd/earshot/object"
	"github.com/earshot-im/earshot/cmd/earshot/problem"
	"github.com/earshot-im/earshot/node/localapi"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// How is how files are taken in.
type How struct {
	Keep    bool // make a copy, however large a file is
	InPlace bool // make none
	Picture bool // take out what tells place and device
	Voice   bool
	Anyway  bool // send a picture as it is if that can't be done
}

// Add has the node take in files and folders, one after the other, and tells what its sender has to know
// of them. It ends at the first that can't be taken in; what was taken in before is dropped by itself.
func (m *Mover) Add(ctx context.Context, paths []string, how How) ([]*earshotv1.Added, error) {
	paths = slices.Clone(paths)
	for i, path := range paths {
		if _, err := os.Stat(path); err != nil {
			return nil, problem.Failed(localapi.CodeNoFile, "%s: %s", path, reason(err))
		}
		absolute, err := filepath.Abs(path)
		if err != nil {
			return nil, problem.Failed(localapi.CodeNoFile, "%v", err)
		}
		paths[i] = absolute
	}
	shown := m.progress()
	defer shown.end()
	var all []*earshotv1.Added
	for _, path := range paths {
		added, err := m.add(ctx, path, how, shown)
		if localapi.ProblemOf(err).GetCode() == localapi.CodePicture && m.Ask != nil {
			shown.end()
			yes, asked := m.Ask(ctx, attachment.MayTell(path))
			if asked != nil {
				return nil, asked
			}
			if yes {
				how := how
				how.Anyway = true
				added, err = m.add(ctx, path, how, shown)
			}
		}
		if err != nil {
			return nil, of(path, err)
		}
		all = append(all, added)
	}
	shown.end()
	for _, added := range all {
		if m.Out.JSON {
			if len(added.Skipped) > 0 {
				if err := object.Write(m.Stdout, object.OfLeftOut(added)); err != nil {
					return nil, err
				}
			}
			continue
		}
		if len(added.Skipped) > 0 {
			fmt.Fprintln(m.Stderr, attachment.Skipped(added))
		}
		if added.Attachment.GetState() == "in_place" && !how.InPlace {
			fmt.Fprintln(m.Stderr, attachment.InPlace(added.Attachment))
		}
	}
	return all, nil
}

// of says in an error which file it is about.
func of(path string, err error) error {
	p := *problem.Explain(err)
	if localapi.ProblemOf(err) != nil {
		p.Text = filepath.Base(path) + ": " + p.Text
	}
	return &p
}

// reason is an error without the path, which its reader is told anyway.
func reason(err error) string {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Err.Error()
	}
	return err.Error()
}

func (m *Mover) add(ctx context.Context, path string, how How, shown progress) (*earshotv1.Added, error) {
	stream, err := m.Client.Add(ctx, &earshotv1.AddRequest{Path: path, Keep: how.Keep, InPlace: how.InPlace, Picture: how.Picture, Voice: how.Voice, Anyway: how.Anyway})
	if err != nil {
		return nil, err
	}
	defer stream.Close()
	reading := newReading(filepath.Base(path), shown)
	var added *earshotv1.Added
	for stream.Receive() {
		if r := stream.Msg(); r.Added != nil {
			added = r.Added
		} else if err := reading.tell(r.Read, r.Size); err != nil {
			return nil, err
		}
	}
	switch err := stream.Err(); {
	case localapi.ProblemOf(err).GetCode() == localapi.CodeNoFile:
		return m.upload(ctx, path, how, reading, err)
	case err != nil:
		return nil, err
	case added == nil:
		return nil, errors.New("the node has not said what it took in")
	}
	return added, reading.tell(added.Attachment.GetSize(), added.Attachment.GetSize())
}

// upload sends the content of a file or folder to a node that can't read it. If it can't be read here either, nothing
// is lost but the reason of the node, which is given.
func (m *Mover) upload(ctx context.Context, path string, how How, reading *reading, why error) (*earshotv1.Added, error) {
	info, err := os.Stat(path) // before it is opened: that of a pipe would wait
	switch {
	case err != nil:
		return nil, why
	case !info.IsDir() && !info.Mode().IsRegular(), info.IsDir() && (how.Picture || how.Voice):
		return nil, why
	case how.InPlace:
		p := problem.Failed(localapi.CodeNoFile, "%s can't be sent from where it is: the node can't read it there", filepath.Base(path))
		p.Hint = "leave out --in-place, or give the user of the node the right to read it"
		return nil, p
	}
	if info.IsDir() {
		return m.folder(ctx, path, reading)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, why
	}
	defer f.Close()
	content := &counted{File: f, ctx: ctx, size: uint64(info.Size()), reading: reading}
	return m.Client.Upload(ctx, localapi.Upload{
		Name: filepath.Base(path), Type: mime.TypeByExtension(filepath.Ext(path)), Size: info.Size(),
		Picture: how.Picture, Voice: how.Voice, Anyway: how.Anyway, Content: content,
	})
}

// counted tells how far a file was read.
type counted struct {
	*os.File
	ctx     context.Context // of the upload, which ends reading
	size    uint64
	read    uint64
	reading *reading
}

func (c *counted) Read(b []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := c.File.Read(b)
	c.read += uint64(n)
	if told := c.reading.tell(c.read, c.size); told != nil && err == nil {
		err = told
	}
	return n, err
}

// pace is how much time lies at least between two steps that are told.
const pace = 250 * time.Millisecond

// reading tells how far a file was taken in, and how fast.
type reading struct {
	name  string
	shown progress
	last  time.Time // when a step was told
	read  uint64    // by then
}

func newReading(name string, shown progress) *reading {
	return &reading{name: name, shown: shown, last: time.Now()}
}

func (r *reading) tell(read, size uint64) error {
	now := time.Now()
	took := now.Sub(r.last)
	if took < pace {
		return nil
	}
	t := &earshotv1.Transfer{
		Attachment: &earshotv1.Attachment{Name: r.name, Had: read, Size: size, State: "reading"},
		Rate:       uint64(float64(read-r.read) / took.Seconds()),
	}
	r.last, r.read = now, read
	return r.shown.tell(t)
}
