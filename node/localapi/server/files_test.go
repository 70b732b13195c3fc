package server

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/chat"
	"github.com/earshot-im/earshot/node/contacts"
	"github.com/earshot-im/earshot/node/files"
	"github.com/earshot-im/earshot/node/localapi"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
	"github.com/earshot-im/earshot/node/localapi/view"
	"github.com/earshot-im/earshot/store/event"
)

func addAll(ctx context.Context, client *localapi.Client, r *earshotv1.AddRequest) (all []*earshotv1.AddResponse, err error) {
	stream, err := client.Add(ctx, r)
	if err != nil {
		return nil, err
	}
	defer stream.Close()
	for stream.Receive() {
		all = append(all, proto.CloneOf(stream.Msg()))
	}
	return all, stream.Err()
}

// What is told for each piece that is read becomes a few answers, and the last one has what was added.
func TestAdd(t *testing.T) {
	fake := new(fakeFiles)
	client, _ := serve(t, privateDir(t), fake.rooms())
	path := filepath.Join(t.TempDir(), "a.txt")
	all, err := addAll(t.Context(), client, &earshotv1.AddRequest{Path: path, Keep: true, Picture: true, Anyway: true})
	if err != nil || len(all) < 2 || len(all) > 100 {
		t.Fatalf("%d answers, %v", len(all), err)
	}
	if want := (files.Adding{Path: path, Keep: true, Picture: true, Anyway: true}); fake.adding != want {
		t.Errorf("asked for %+v", fake.adding)
	}
	last := all[len(all)-1]
	if a := last.Added; last.Read != 1000 || last.Size != 1000 || a.GetFile() != "f1" || a.Attachment.Name != "a.txt" || a.Attachment.State != "kept" || a.Skipped[0] != "link\ufffd" || a.Others != 2 {
		t.Errorf("%v", last)
	}
	if all[0].Added != nil {
		t.Errorf("first %v", all[0])
	}
	for _, r := range []*earshotv1.AddRequest{{Path: "a.txt"}, {}, {Path: path, Keep: true, InPlace: true}, {Path: path, Picture: true, Voice: true}} {
		if _, err := addAll(t.Context(), client, r); code(err) != localapi.CodeInvalid {
			t.Errorf("%v: %v", r, err)
		}
	}
}

func TestFileProblems(t *testing.T) {
	fake := new(fakeFiles)
	client, _ := serve(t, privateDir(t), fake.rooms())
	for _, test := range []struct {
		err  error
		want string
	}{
		{files.ErrNoFile, localapi.CodeNoFile}, {files.ErrTooLarge, localapi.CodeTooLarge}, {files.ErrPicture, localapi.CodePicture},
		{files.ErrVoice, localapi.CodeVoice}, {files.ErrChanged, localapi.CodeChanged}, {files.ErrNoRoom, localapi.CodeNoRoom},
		{files.ErrNoFolder, localapi.CodeNoFolder}, {files.ErrGone, localapi.CodeGone}, {files.ErrNotHeld, localapi.CodeNotHeld},
		{files.ErrNoMessage, localapi.CodeNoMessage}, {files.ErrNotYours, localapi.CodeNotYours}, {errors.New("?"), localapi.CodeInternal},
	} {
		fake.err = fmt.Errorf("it: %w", test.err)
		if _, err := addAll(t.Context(), client, &earshotv1.AddRequest{Path: "/a"}); code(err) != test.want {
			t.Errorf("%v: %v, want %s", test.err, err, test.want)
		}
	}
}

func TestListFiles(t *testing.T) {
	fake := new(fakeFiles)
	client, _ := serve(t, privateDir(t), fake.rooms())
	one := files.Attachment{N: 1, Name: "a\xff.jpg", Type: "image/jpeg", Size: 5, Picture: true, Width: 3, Height: 4, Duration: 7 * time.Second, Preview: []byte("p"), Wave: []byte("w"),
		State: files.StatePaused, Reason: files.ReasonNoRoom, Had: 2, Saved: []string{"/a"}}
	fake.attached = []files.Attached{{ID: event.ID{7}, With: contacts.Target{Kind: "person", Name: "Bob"}, From: bob, Own: true, Time: time.Unix(5, 0),
		Attachments: []files.Attachment{one}, Holders: []files.Holder{{Person: bob, States: []string{files.StateDeclined}}}}}
	got, err := client.ListFiles(t.Context(), &earshotv1.ListFilesRequest{Who: "bob", Waiting: true, Before: view.EventID(event.ID{9})})
	if err != nil || len(got.Attached) != 1 || got.More {
		t.Fatalf("%v, %v", got, err)
	}
	if p := fake.page; p.Who != "bob" || !p.Waiting || p.Limit != localapi.DefaultPage || *p.Before != (event.ID{9}) {
		t.Errorf("asked for %+v", p)
	}
	v := got.Attached[0]
	want := &earshotv1.Attachment{N: 1, Name: "a\ufffd.jpg", Type: "image/jpeg", Size: 5, Picture: true, Width: 3, Height: 4, Duration: 7000, Preview: []byte("p"), Wave: []byte("w"),
		State: "paused", Reason: "no_room", Had: 2, Saved: []string{"/a"}}
	if !proto.Equal(v.Attachments[0], want) || v.Id != view.EventID(event.ID{7}) || !v.Own || v.From.Name != "Bob" || v.Holders[0].States[0] != "declined" || v.Holders[0].Person.Name != "Bob" {
		t.Errorf("%v", v)
	}
	for _, r := range []*earshotv1.ListFilesRequest{{Limit: localapi.MaxPage + 1}, {Before: "abc"}, {Id: "abc"}} {
		if _, err := client.ListFiles(t.Context(), r); code(err) != localapi.CodeInvalid {
			t.Errorf("%v: %v", r, err)
		}
	}
	if _, err := client.ListFiles(t.Context(), &earshotv1.ListFilesRequest{Id: view.EventID(event.ID{8}), Who: "eve"}); err != nil || *fake.page.ID != (event.ID{8}) || fake.page.Who != "" {
		t.Errorf("asked for %+v, %v", fake.page, err)
	}
	many := files.Attached{Attachments: slices.Repeat([]files.Attachment{{Preview: make([]byte, event.MaxPreview)}}, localapi.MaxFiles)}
	fake.attached = slices.Repeat([]files.Attached{many}, localapi.MaxPage)
	got, err = client.ListFiles(t.Context(), &earshotv1.ListFilesRequest{Limit: localapi.MaxPage})
	if size := proto.Size(got); err != nil || !got.More || size > localapi.PageBytes || size < localapi.PageBytes/2 {
		t.Errorf("%d messages in %d bytes, more %v, %v", len(got.GetAttached()), size, got.GetMore(), err)
	}
}

func TestFilesAreSettled(t *testing.T) {
	fake := &fakeFiles{now: files.Attachment{N: 3, State: files.StateFetching}}
	client, _ := serve(t, privateDir(t), fake.rooms())
	ctx, r := t.Context(), &earshotv1.FileRequest{Id: view.EventID(event.ID{0xab}), N: 3}
	for _, do := range []func(context.Context, *earshotv1.FileRequest) (*earshotv1.FilesResponse, error){
		client.AcceptFiles, client.DeclineFiles, client.PauseFiles, client.CancelFiles, client.DropFiles,
		func(ctx context.Context, r *earshotv1.FileRequest) (*earshotv1.FilesResponse, error) {
			return client.SaveFiles(ctx, &earshotv1.SaveFilesRequest{Id: r.Id, N: r.N, To: "/tmp"})
		},
	} {
		if now, err := do(ctx, r); err != nil || len(now.Attachments) != 1 || now.Attachments[0].State != "fetching" {
			t.Errorf("%v, %v", now, err)
		}
		if _, err := do(ctx, &earshotv1.FileRequest{Id: "abc"}); code(err) != localapi.CodeInvalid {
			t.Errorf("no ID: %v", err)
		}
		if _, err := do(ctx, &earshotv1.FileRequest{Id: r.Id, N: localapi.MaxFiles + 1}); code(err) != localapi.CodeNoFile {
			t.Errorf("no number: %v", err)
		}
	}
	if got, want := strings.Join(fake.done, ", "), "accept ab 3, decline ab 3, pause ab 3, cancel ab 3, drop ab 3, save to /tmp ab 3"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if _, err := client.SaveFiles(ctx, &earshotv1.SaveFilesRequest{Id: r.Id, To: "here"}); code(err) != localapi.CodeInvalid {
		t.Errorf("relative: %v", err)
	}
}

// However fast files move, answers come at most four times a second; the room gathers meanwhile.
func TestTransfersAreGathered(t *testing.T) {
	fake := new(fakeFiles)
	var asked *event.ID
	const told = 4
	fake.transfers = func(_ context.Context, id *event.ID, tell func([]files.Transfer) error) error {
		asked = id
		for i := range told {
			to := &contacts.Person{ID: crypto.PersonID{1}, Name: "Bob"}
			if i == 0 {
				to = nil
			}
			if err := tell([]files.Transfer{{ID: event.ID{7}, Attachment: files.Attachment{N: 1, Had: uint64(i)}, Rate: 9, Sources: 2, To: to}}); err != nil {
				return err
			}
		}
		return nil
	}
	client, _ := serve(t, privateDir(t), fake.rooms())
	start := time.Now()
	stream, err := client.Transfers(t.Context(), &earshotv1.TransfersRequest{Id: view.EventID(event.ID{7})})
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	n := 0
	for ; stream.Receive(); n++ {
		v := stream.Msg().Transfers[0]
		if v.Id != view.EventID(event.ID{7}) || v.Attachment.Had != uint64(n) || v.Rate != 9 || v.Sources != 2 || v.Own != (n > 0) || (v.To != nil) != (n > 0) {
			t.Errorf("%v", v)
		}
	}
	if err := stream.Err(); err != nil || n != told || asked == nil || *asked != (event.ID{7}) {
		t.Errorf("%d answers, %v", n, err)
	}
	if took := time.Since(start); took < (told-1)*pace {
		t.Errorf("%d answers in %v", told, took)
	}
}

func TestSendFiles(t *testing.T) {
	fake := new(fakeFiles)
	rooms := fake.rooms()
	node := rooms.Writing.(*fakeNode)
	client, _ := serve(t, privateDir(t), rooms)
	ctx := t.Context()
	send := func(wait string, files ...string) (*earshotv1.Sent, error) {
		return client.Send(ctx, &earshotv1.SendRequest{To: "bob", Files: files, Wait: wait, Timeout: durationpb.New(time.Millisecond)})
	}
	sent, err := send("", "f1", "f1")
	if err != nil || sent.State != chat.StateQueued || len(node.attached) != 2 {
		t.Errorf("%v with %v, %v", sent, node.attached, err)
	}
	for found, want := range map[string]string{chat.StateHeld: chat.StateHeld, chat.StateCancelled: chat.StateCancelled, chat.StateRead: chat.StateQueued} {
		node.state = found
		if sent, err := send(chat.StateHeld, "f1"); err != nil || sent.State != want {
			t.Errorf("found %s: %v, %v", found, sent, err)
		}
	}
	node.state = chat.StateHeld
	if now, err := client.Wait(ctx, &earshotv1.WaitRequest{Id: sent.Id, State: chat.StateHeld}); err != nil || now.State != chat.StateHeld || now.Id != sent.Id {
		t.Errorf("%v, %v", now, err)
	}
	if _, err := send("", "f2"); code(err) != localapi.CodeNoFile {
		t.Errorf("dropped: %v", err)
	}
	if _, err := send("", slices.Repeat([]string{"f1"}, localapi.MaxFiles+1)...); code(err) != localapi.CodeInvalid {
		t.Errorf("too many: %v", err)
	}
	lines, err := client.SendLines(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := lines.Send(&earshotv1.SendLinesRequest{Open: &earshotv1.SendLinesRequest_Open{To: "bob", Wait: chat.StateHeld}}); err != nil {
		t.Fatal(err)
	}
	if _, err := lines.Receive(); code(err) != localapi.CodeInvalid {
		t.Errorf("lines: %v", err)
	}
}
