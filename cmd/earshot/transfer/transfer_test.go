package transfer

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/earshot-im/earshot/cmd/earshot/problem"
	"github.com/earshot-im/earshot/cmd/earshot/show"
	"github.com/earshot-im/earshot/node/files"
	"github.com/earshot-im/earshot/node/localapi"
	"github.com/earshot-im/earshot/node/localapi/server"
	"github.com/earshot-im/earshot/node/people"
	"github.com/earshot-im/earshot/store/event"
)

// room is a node that may not read what its owner's commands can, and has the files of one message.
type room struct {
	server.Files
	server.Owner
	server.Node

	reads   bool // it may
	added   files.Adding
	content string
	now     []files.Attachment // at first
	moves   func(tell func([]files.Transfer) error) error
	after   []files.Attachment // when nothing moves
}

func (r *room) Add(_ context.Context, in files.Adding, tell func(read, size uint64) error) (files.Added, error) {
	r.added = in
	if in.Path != "" && !r.reads {
		return files.Added{}, files.ErrNoFile
	}
	a := files.Attachment{N: 1, Name: in.Name, Size: 5, State: files.StateKept}
	if in.Content != nil {
		b, err := io.ReadAll(in.Content)
		r.content = string(b)
		return files.Added{File: "f1", Attachment: a}, err
	}
	if in.Picture && !in.Anyway {
		return files.Added{}, files.ErrPicture
	}
	a.State = files.StateInPlace
	return files.Added{File: "f1", Attachment: a, Skipped: []string{"link"}}, tell(1, 5)
}

func (r *room) Me(context.Context) (people.Me, error) {
	return people.Me{Filing: people.Filing{Dir: "/usual"}}, nil
}

func (r *room) Save(context.Context, event.ID, int, string) ([]files.Attachment, error) {
	return r.now, nil
}

func (r *room) Accept(context.Context, event.ID, int) ([]files.Attachment, error) { return r.now, nil }

func (r *room) Transfers(ctx context.Context, _ *event.ID, tell func([]files.Transfer) error) error {
	if r.moves == nil {
		<-ctx.Done()
		return ctx.Err()
	}
	return r.moves(tell)
}

func (r *room) List(context.Context, files.Page) ([]files.Attached, bool, error) {
	return []files.Attached{{Attachments: r.after}}, false, nil
}

// bytesOf is a content in memory.
type bytesOf struct{ *strings.Reader }

func (bytesOf) Close() error { return nil }

func (b bytesOf) Pack(to io.Writer) error {
	_, err := io.Copy(to, b)
	return err
}

func (r *room) Open(context.Context, event.ID, int) (files.Attachment, files.Content, error) {
	if r.now[0].State != files.StateHeld {
		r.now[0].State = files.StateHeld // the next time it is here
		return files.Attachment{}, nil, files.ErrNotHeld
	}
	return r.now[0], bytesOf{strings.NewReader("hello")}, nil
}

// mover asks a room until the test ends.
func mover(t *testing.T, r *room) (m *Mover, out, told *bytes.Buffer) {
	dir, err := os.MkdirTemp("", "tr") // short enough for a socket
	if err != nil {
		t.Fatal(err)
	}
	s := server.New(server.Config{Dir: dir, Rooms: server.Rooms{Node: r, Owner: r, Files: r}})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	<-s.Ready()
	client := localapi.Dial(dir)
	t.Cleanup(func() {
		client.Close()
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		os.RemoveAll(dir)
	})
	out, told = new(bytes.Buffer), new(bytes.Buffer)
	return &Mover{Client: client, Stdout: out, Stderr: told}, out, told
}

var id = hex.EncodeToString(make([]byte, 32))

// A node of another user gets the content of what it can't read.
func TestNodeThatCantReadGetsTheContent(t *testing.T) {
	r := new(room)
	m, _, _ := mover(t, r)
	dir := t.TempDir()
	file := filepath.Join(dir, "a.png")
	if err := os.WriteFile(file, []byte("hello"), 0o600); err != nil {
		t.Fatal(err)
	}
	added, err := m.Add(t.Context(), []string{file}, How{Picture: true, Anyway: true})
	if err != nil || len(added) != 1 || added[0].File != "f1" || r.content != "hello" {
		t.Fatalf("%v, %q, %v", added, r.content, err)
	}
	if in := r.added; in.Name != "a.png" || in.Type != "image/png" || !in.Picture || !in.Anyway || in.Size != 5 || in.Path != "" {
		t.Errorf("%+v", in)
	}
	for _, test := range []struct {
		path string
		how  How
		want string
	}{
		{dir, How{InPlace: true}, "can't be sent from where it is"},
		{dir, How{Picture: true}, "no such file"},
		{file, How{InPlace: true}, "can't be sent from where it is"},
		{filepath.Join(dir, "nothing"), How{}, "no such file"},
		{os.DevNull, How{}, "no such file"},
	} {
		var p *problem.Problem
		if _, err := m.Add(t.Context(), []string{test.path}, test.how); !errors.As(err, &p) || p.Code != localapi.CodeNoFile || !strings.Contains(p.Text, test.want) {
			t.Errorf("%s %+v: %v", test.path, test.how, err)
		}
	}
}

// The content of a folder is an archive, with the paths of what is no file, so that the node says what it
// leaves out.
func TestNodeThatCantReadGetsTheFolder(t *testing.T) {
	r := new(room)
	m, _, _ := mover(t, r)
	dir := filepath.Join(t.TempDir(), "trip")
	err := errors.Join(os.MkdirAll(filepath.Join(dir, "a", "empty"), 0o700), os.WriteFile(filepath.Join(dir, "a", "b"), []byte("hello"), 0o700),
		os.WriteFile(filepath.Join(dir, "c"), nil, 0o600))
	if err != nil {
		t.Fatal(err)
	}
	links := os.Symlink(t.TempDir(), filepath.Join(dir, "link")) == nil // not on every Windows
	if added, err := m.Add(t.Context(), []string{dir}, How{}); err != nil || len(added) != 1 || r.added.Name != "trip" || !r.added.Folder || r.added.Path != "" {
		t.Fatalf("%v, %+v, %v", added, r.added, err)
	}
	var got []string
	for in := tar.NewReader(strings.NewReader(r.content)); ; {
		h, err := in.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		if h.Uname != "" || h.Gname != "" || h.Uid != 0 || h.Linkname != "" {
			t.Errorf("tells of this machine: %+v", h)
		}
		got = append(got, fmt.Sprintf("%c %s %t %s", h.Typeflag, h.Name, h.Mode&0o100 != 0, b))
	}
	want := []string{"5 a/ false ", "0 a/b true hello", "5 a/empty/ false ", "0 c false "}
	if links {
		want = append(want, "2 link false ")
	}
	if runtime.GOOS != "windows" && !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := m.Add(ctx, []string{dir}, How{}); err == nil {
		t.Errorf("interrupted: %v", err)
	}
}

// The sender is told what is left out, and what has to stay; a picture that may tell too much is asked for.
func TestSenderIsTold(t *testing.T) {
	r := &room{reads: true}
	m, _, told := mover(t, r)
	file := filepath.Join(t.TempDir(), "a.heic")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Add(t.Context(), []string{file}, How{}); err != nil || !strings.Contains(told.String(), "link") || !strings.Contains(told.String(), "leave it there") {
		t.Errorf("%q, %v", told, err)
	}
	asJSON, out, told := mover(t, r)
	asJSON.Out.JSON = true
	want := `{"file":"","bytes":5,"size":5,"rate":0,"sources":0,"state":"reading","left_out":["link"]}` + "\n"
	if _, err := asJSON.Add(t.Context(), []string{file}, How{}); err != nil || out.String() != want || told.Len() > 0 {
		t.Errorf("%q, %q, %v", out, told, err)
	}
	var p *problem.Problem
	if _, err := m.Add(t.Context(), []string{file}, How{Picture: true}); !errors.As(err, &p) || p.Code != localapi.CodePicture {
		t.Errorf("%v", err)
	}
	for _, yes := range []bool{true, false} {
		asked := ""
		m.Ask = func(_ context.Context, question string) (bool, error) {
			asked = question
			return yes, nil
		}
		if _, err := m.Add(t.Context(), []string{file}, How{Picture: true}); (err == nil) != yes || !strings.HasPrefix(asked, "a.heic may tell") {
			t.Errorf("%t: %q, %v", yes, asked, err)
		}
	}
}

func TestSave(t *testing.T) {
	fetching := []files.Attachment{{N: 1, Name: "a", Size: 9, State: files.StateFetching}, {N: 2, Name: "b", Size: 9, State: files.StateFetching}}
	saved := func(n int, path string) files.Attachment {
		return files.Attachment{N: n, Name: "a", Size: 9, State: files.StateHeld, Saved: []string{"/elsewhere/x", path}}
	}
	for _, test := range []struct {
		name      string
		room      room
		json      bool
		out, code string
	}{
		{"while it is watched", room{now: fetching, moves: func(tell func([]files.Transfer) error) error {
			return errors.Join(tell([]files.Transfer{{Attachment: saved(2, "/usual/b")}, {Attachment: fetching[0], Rate: 7}}), tell([]files.Transfer{{Attachment: saved(1, "/usual/a")}}))
		}}, false, "/usual/a\n/usual/b\n", ""},
		{"before it is watched", room{now: fetching, moves: func(func([]files.Transfer) error) error { return nil },
			after: []files.Attachment{saved(1, "/usual/a"), saved(2, "/usual/b")}}, false, "/usual/a\n/usual/b\n", ""},
		{"at once", room{now: []files.Attachment{saved(1, "/usual/a")}}, false, "/usual/a\n", ""},
		{"as JSON", room{now: fetching[:1], moves: func(tell func([]files.Transfer) error) error {
			return errors.Join(tell([]files.Transfer{{Attachment: fetching[0], Rate: 7}}), tell([]files.Transfer{{Attachment: saved(1, "/usual/a")}}))
		}}, true, `{"id":"` + id + `","n":1,"file":"a","bytes":0,"size":9,"rate":7,"sources":0,"state":"fetching"}` + "\n" +
			`{"id":"` + id + `","n":1,"file":"a","bytes":0,"size":9,"rate":0,"sources":0,"state":"held","saved":["/elsewhere/x","/usual/a"]}` + "\n", ""},
		{"changed", room{now: fetching[:1], moves: func(func([]files.Transfer) error) error { return nil },
			after: []files.Attachment{{N: 1, State: files.StateChanged}}}, false, "", localapi.CodeChanged},
		{"paused", room{now: fetching[:1], moves: func(func([]files.Transfer) error) error { return nil },
			after: []files.Attachment{{N: 1, State: files.StatePaused, Reason: files.ReasonOwner}}}, false, "", localapi.CodeNotHeld},
		{"gone", room{now: []files.Attachment{{N: 1, State: files.StateGone}}}, false, "", localapi.CodeGone},
	} {
		// The room gives transfers of this message; their IDs are its own.
		m, out, _ := mover(t, &test.room)
		m.Out = show.Printer{JSON: test.json}
		err := m.Save(t.Context(), id, 0, "")
		code := ""
		var p *problem.Problem
		if errors.As(err, &p) {
			code = p.Code
		}
		if out.String() != test.out || code != test.code || (err != nil) != (test.code != "") {
			t.Errorf("%s: printed %q, %v; want %q, %s", test.name, out, err, test.out, test.code)
		}
	}
}

// Whoever waits no longer is told that the node goes on.
func TestNodeGoesOn(t *testing.T) {
	for _, exit := range []int{problem.ExitTimeout, problem.ExitFailed} {
		ctx, interrupt := context.WithCancel(t.Context())
		r := &room{now: []files.Attachment{{N: 1, Name: "a", Size: 9, State: files.StateFetching}}}
		if exit == problem.ExitFailed {
			r.moves = func(func([]files.Transfer) error) error {
				interrupt() // while it waits
				select {}
			}
		}
		m, _, _ := mover(t, r)
		if exit == problem.ExitTimeout {
			m.Timeout = time.Second
		}
		var p *problem.Problem
		if err := m.Save(ctx, id, 0, ""); !errors.As(err, &p) || p.Exit != exit || !strings.Contains(p.Text, "goes on") || !strings.Contains(p.Hint, "files cancel 00000000") {
			t.Errorf("%v, %+v", err, p)
		}
		interrupt()
	}
}

// However early the time is over, it is said that it is.
func TestLateAtOnce(t *testing.T) {
	m, _, _ := mover(t, &room{now: []files.Attachment{{N: 1, Name: "a", Size: 9, State: files.StateFetching}}})
	m.Timeout = time.Nanosecond
	for name, get := range map[string]func() error{
		"save":  func() error { return m.Save(t.Context(), id, 0, "") },
		"write": func() error { return m.Write(t.Context(), id, 1, io.Discard) },
	} {
		var p *problem.Problem
		if err := get(); !errors.As(err, &p) || p.Exit != problem.ExitTimeout {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWrite(t *testing.T) {
	r := &room{now: []files.Attachment{{N: 1, Name: "a", Size: 5, State: files.StateFetching}}, moves: func(tell func([]files.Transfer) error) error {
		return tell([]files.Transfer{{Attachment: files.Attachment{N: 1, State: files.StateHeld}}})
	}}
	m, _, _ := mover(t, r)
	for range 2 { // not here yet, and here
		var b bytes.Buffer
		if err := m.Write(t.Context(), id, 1, &b); err != nil || b.String() != "hello" {
			t.Errorf("%q, %v", &b, err)
		}
	}
}
