package server

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/earshot-im/earshot/node/chat"
	"github.com/earshot-im/earshot/node/localapi"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
	"github.com/earshot-im/earshot/node/localapi/view"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/event"
)

// privateDir is short enough for a socket on every system.
func privateDir(t testing.TB) string {
	dir, err := os.MkdirTemp("", "ctl")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// serve runs a server until the test ends, or until stop is called.
func serve(t testing.TB, dir string, r Rooms) (client *localapi.Client, stop func()) {
	return serveAs(t, Config{Dir: dir, Rooms: r})
}

func serveAs(t testing.TB, cfg Config) (client *localapi.Client, stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	s := New(cfg)
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	select {
	case <-s.Ready():
	case err := <-ended:
		t.Fatal(err)
	}
	client = localapi.Dial(cfg.Dir)
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
		client.Close()
	}
	t.Cleanup(stop)
	return client, stop
}

func code(err error) string { return localapi.ProblemOf(err).GetCode() }

func TestUnaryCalls(t *testing.T) {
	client, _ := serve(t, privateDir(t), newFake().rooms())
	ctx := t.Context()
	status, err := client.Status(ctx, &earshotv1.StatusRequest{})
	if err != nil || status.Name != "Ann" || status.Peers != 2 {
		t.Fatalf("Status: %v, %v", status, err)
	}
	sent, err := client.Send(ctx, &earshotv1.SendRequest{To: "bob", Text: "hi"})
	if err != nil || sent.State != chat.StateQueued || len(sent.Id) != 64 {
		t.Fatalf("Send: %v, %v", sent, err)
	}
	sent, err = client.Send(ctx, &earshotv1.SendRequest{To: "bob", Text: "hi", Wait: chat.StateDelivered})
	if err != nil || sent.State != chat.StateDelivered {
		t.Fatalf("Send and wait: %v, %v", sent, err)
	}
	// The timeout passes, the message stays.
	sent, err = client.Wait(ctx, &earshotv1.WaitRequest{Id: sent.Id, State: chat.StateRead, Timeout: durationpb.New(time.Millisecond)})
	if err != nil || sent.State != chat.StateQueued {
		t.Fatalf("Wait: %v, %v", sent, err)
	}
}

func TestProblems(t *testing.T) {
	client, _ := serve(t, privateDir(t), newFake().rooms())
	ctx := t.Context()
	send := func(r *earshotv1.SendRequest) error { _, err := client.Send(ctx, r); return err }
	wait := func(id, state string) error {
		_, err := client.Wait(ctx, &earshotv1.WaitRequest{Id: id, State: state})
		return err
	}
	unread := func(limit uint32) error {
		_, err := client.Unread(ctx, &earshotv1.UnreadRequest{Limit: limit})
		return err
	}
	cursor := func(name string) error {
		_, err := client.GetCursor(ctx, &earshotv1.GetCursorRequest{Name: name})
		return err
	}
	for _, test := range []struct {
		name string
		err  error
		want string
	}{
		{"nobody", send(&earshotv1.SendRequest{To: "eve", Text: "x"}), localapi.CodeUnknown},
		{"several", send(&earshotv1.SendRequest{To: "twin", Text: "x"}), localapi.CodeAmbiguous},
		{"no text", send(&earshotv1.SendRequest{To: "bob"}), localapi.CodeEmpty},
		{"short reply ID", send(&earshotv1.SendRequest{To: "bob", Text: "x", ReplyTo: "abc"}), localapi.CodeInvalid},
		{"no such state", send(&earshotv1.SendRequest{To: "bob", Text: "x", Wait: "eaten"}), localapi.CodeInvalid},
		{"no such message", wait(strings.Repeat("0", 64), chat.StateRead), localapi.CodeNoMessage},
		{"large page", unread(localapi.MaxPage + 1), localapi.CodeInvalid},
		{"no cursor", cursor(""), localapi.CodeInvalid},
		{"long cursor", cursor(strings.Repeat("c", localapi.MaxReader+1)), localapi.CodeInvalid},
	} {
		if got := code(test.err); got != test.want {
			t.Errorf("%s: %q (%v), want %q", test.name, got, test.err, test.want)
		}
	}
	if p := localapi.ProblemOf(send(&earshotv1.SendRequest{To: "twin", Text: "x"})); len(p.Persons) != 2 || p.Persons[0].Person != bob.ID.String() {
		t.Errorf("candidates: %v", p)
	}
	err := send(&earshotv1.SendRequest{To: "bob", Text: strings.Repeat("x", localapi.MaxRequest)})
	if connect.CodeOf(err) != connect.CodeResourceExhausted {
		t.Errorf("large request: %v", err)
	}
}

func TestJSONAndStrangers(t *testing.T) {
	dir := privateDir(t)
	serve(t, dir, newFake().rooms())
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(dir, "control.sock"))
	}}
	defer transport.CloseIdleConnections()
	post := func(host, origin string) (int, string) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://earshot/earshot.v1.Messages/Send",
			strings.NewReader(`{"to":"bob","text":"from curl"}`))
		if err != nil {
			t.Fatal(err)
		}
		r.Host = host
		r.Header.Set("Content-Type", "application/json")
		if origin != "" {
			r.Header.Set("Origin", origin)
		}
		w, err := transport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		defer w.Body.Close()
		body, _ := io.ReadAll(w.Body)
		return w.StatusCode, string(body)
	}
	status, body := post("earshot", "")
	var sent struct{ ID, State, Time string }
	if err := json.Unmarshal([]byte(body), &sent); status != 200 || err != nil || sent.State != "queued" || sent.Time != "2023-11-14T22:13:20Z" {
		t.Errorf("%d %s", status, body)
	}
	for _, stranger := range [][2]string{{"localhost", ""}, {"evil.example", ""}, {"earshot:80", ""}, {"earshot", "null"}, {"earshot", "http://earshot"}} {
		if status, body := post(stranger[0], stranger[1]); status != http.StatusForbidden {
			t.Errorf("Host %q, Origin %q: %d %s", stranger[0], stranger[1], status, body)
		}
	}
}

func TestNotRunning(t *testing.T) {
	dir := privateDir(t)
	client := localapi.Dial(dir)
	defer client.Close()
	status := func() error {
		_, err := client.Status(t.Context(), &earshotv1.StatusRequest{})
		return err
	}
	if err := status(); !errors.Is(err, localapi.ErrNotRunning) {
		t.Errorf("no socket: %v", err)
	}
	left, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, "control.sock"), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	left.SetUnlinkOnClose(false)
	left.Close()
	if err := status(); !errors.Is(err, localapi.ErrNotRunning) {
		t.Errorf("socket left behind: %v", err)
	}
	_, stop := serve(t, dir, newFake().rooms()) // replaces it
	if err := status(); err != nil {
		t.Errorf("running: %v", err)
	}
	stream, err := client.Watch(t.Context(), &earshotv1.WatchRequest{})
	if err != nil || !stream.Receive() {
		t.Fatal(err, stream.Err())
	}
	defer stream.Close()
	stop()
	for stream.Receive() {
	}
	if !errors.Is(stream.Err(), localapi.ErrNotRunning) {
		t.Errorf("stopped while watching: %v", stream.Err())
	}
	if err := status(); !errors.Is(err, localapi.ErrNotRunning) {
		t.Errorf("stopped: %v", err)
	}
	if _, err := os.Lstat(filepath.Join(dir, "control.sock")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket is still there: %v", err)
	}
}

func TestPrivate(t *testing.T) {
	dir := privateDir(t)
	if err := os.Chmod(dir, 0o750); err != nil {
		t.Fatal(err)
	}
	ended, end := context.WithCancel(t.Context())
	end() // it would listen and end, if it did not refuse
	if err := New(Config{Dir: dir, Rooms: newFake().rooms()}).Run(ended); !errors.Is(err, localapi.ErrNotPrivate) {
		t.Errorf("server: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "control.sock"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	client := localapi.Dial(dir)
	if _, err := client.Status(t.Context(), &earshotv1.StatusRequest{}); !errors.Is(err, localapi.ErrNotPrivate) {
		t.Errorf("client: %v", err)
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	serve(t, dir, newFake().rooms())
	info, err := os.Lstat(filepath.Join(dir, "control.sock"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("socket: %v, %v", info.Mode(), err)
	}
}

func TestLongPath(t *testing.T) {
	dir := filepath.Join(privateDir(t), strings.Repeat("d", 120))
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	client, stop := serve(t, dir, newFake().rooms())
	if _, err := client.Status(t.Context(), &earshotv1.StatusRequest{}); err != nil {
		t.Error(err)
	}
	stop()
	if _, err := os.Lstat(filepath.Join(dir, "control.sock")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket is still there: %v", err)
	}
}

func TestWatchSkipsForTheSlow(t *testing.T) {
	fake := newFake()
	client, _ := serve(t, privateDir(t), fake.rooms())
	stream, err := client.Watch(t.Context(), &earshotv1.WatchRequest{})
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	if !stream.Receive() {
		t.Fatal(stream.Err())
	}
	const sends = 20_000 // far over what the connection could buffer
	for range sends {
		if _, err := fake.Send(t.Context(), chat.Outgoing{To: "bob", Text: "x"}); err != nil {
			t.Fatal(err)
		}
	}
	for got := 0; ; got++ {
		if stream.Msg().Changed == sends && stream.Msg().Peers == 7 {
			if got >= sends {
				t.Errorf("%d answers for %d changes", got, sends)
			}
			return
		}
		if !stream.Receive() {
			t.Fatal(stream.Err())
		}
	}
}

func TestPagesAreBounded(t *testing.T) {
	fake := newFake()
	long := strings.Repeat("x", 64<<10)
	fake.unread = func(_ string, f chat.Filter, limit int) (page chat.Page, _ error) {
		if f != (chat.Filter{From: "a", In: "b"}) {
			t.Errorf("filter: %v", f)
		}
		for i := range limit {
			page.Messages = append(page.Messages, chat.Message{Text: long, Cursor: strconv.Itoa(i)})
		}
		page.Cursor = "5000" // what is passed over behind the last one
		return page, nil
	}
	client, _ := serve(t, privateDir(t), fake.rooms())
	page, err := client.Unread(t.Context(), &earshotv1.UnreadRequest{Limit: localapi.MaxPage, Filter: &earshotv1.Filter{From: "a", In: "b"}})
	if err != nil || len(page.Messages) != localapi.PageBytes/len(long) || page.Messages[1].Cursor != "1" {
		t.Errorf("%d messages, %v", len(page.GetMessages()), err)
	}
	if last := page.Messages[len(page.Messages)-1].Cursor; page.Cursor != last {
		t.Errorf("goes on after %s, the last message that was kept is at %s", page.Cursor, last)
	}
	if page, err = client.Unread(t.Context(), &earshotv1.UnreadRequest{Limit: 2, Filter: &earshotv1.Filter{From: "a", In: "b"}}); err != nil || page.Cursor != "5000" {
		t.Errorf("a page that is whole goes on after %s, %v", page.GetCursor(), err)
	}
	// The newest are kept where history is read from its end.
	messages := make([]chat.Message, 100)
	for i := range messages {
		messages[i] = chat.Message{Text: long, Cursor: strconv.Itoa(i)}
	}
	if kept := clip(messages, localapi.PageBytes, true); len(kept) != 64 || kept[63].Cursor != "99" {
		t.Errorf("kept %d", len(kept))
	}
	if kept := clip([]chat.Message{{Text: strings.Repeat("x", localapi.PageBytes+1)}}, localapi.PageBytes, false); len(kept) != 1 {
		t.Errorf("kept %d of one", len(kept))
	}
}

func TestReadingByIDs(t *testing.T) {
	fake := newFake()
	fake.unread = func(string, chat.Filter, int) (chat.Page, error) { return chat.Page{Cursor: "7", Revealed: 3}, nil }
	client, _ := serve(t, privateDir(t), fake.rooms())
	ctx := t.Context()
	if to, err := client.Resolve(ctx, &earshotv1.ResolveRequest{Who: "lunch"}); err != nil || to.Kind != "group" || to.Id != lunch.ID.String() {
		t.Errorf("lunch is %v, %v", to, err)
	}
	if _, err := client.Resolve(ctx, &earshotv1.ResolveRequest{Who: "lunch", Kind: "person"}); code(err) != localapi.CodeUnknown {
		t.Errorf("a person called lunch: %v", err)
	}
	if _, err := client.Resolve(ctx, &earshotv1.ResolveRequest{Who: "lunch", Kind: "team"}); code(err) != localapi.CodeInvalid {
		t.Errorf("no such kind: %v", err)
	}
	for i, f := range []*earshotv1.Filter{nil, {From: "a"}, {In: "b"}} {
		if _, err := client.SetCursor(ctx, &earshotv1.SetCursorRequest{Name: "bot", Filter: f, Cursor: strconv.Itoa(i)}); err != nil {
			t.Fatal(err)
		}
	}
	for i, f := range []*earshotv1.Filter{nil, {From: "a"}, {In: "b"}} {
		if got, err := client.GetCursor(ctx, &earshotv1.GetCursorRequest{Name: "bot", Filter: f}); err != nil || got.Cursor != strconv.Itoa(i) {
			t.Errorf("filter %v: %v, %v", f, got, err)
		}
	}
	if page, err := client.Unread(ctx, &earshotv1.UnreadRequest{}); err != nil || page.Cursor != "7" || page.Revealed != 3 {
		t.Errorf("an empty page: %v, %v", page, err)
	}
}

// What an ID begins with is all IDs that begin so, and nothing else is taken.
func TestFindMessages(t *testing.T) {
	fake := newFake()
	var low, high event.ID
	fake.matching = func(l, h event.ID, who string) []chat.Message {
		low, high = l, h
		return []chat.Message{{Text: who}}
	}
	client, _ := serve(t, privateDir(t), fake.rooms())
	for prefix, want := range map[string][2]string{
		"0123abcd":               {"0123abcd" + strings.Repeat("00", 28), "0123abcd" + strings.Repeat("ff", 28)},
		"0123abcde":              {"0123abcde0" + strings.Repeat("00", 27), "0123abcdef" + strings.Repeat("ff", 27)},
		strings.Repeat("ab", 32): {strings.Repeat("ab", 32), strings.Repeat("ab", 32)},
	} {
		r, err := client.FindMessages(t.Context(), &earshotv1.FindMessagesRequest{Prefix: prefix, In: "bob"})
		if err != nil || len(r.Messages) != 1 || r.Messages[0].Text != "bob" || hex.EncodeToString(low[:]) != want[0] || hex.EncodeToString(high[:]) != want[1] {
			t.Errorf("%s: from %x to %x, %v, %v", prefix, low, high, r, err)
		}
	}
	for _, prefix := range []string{"", "0123abc", "0123abcx", "0123abc\x00", strings.Repeat("ab", 33)} {
		if _, err := client.FindMessages(t.Context(), &earshotv1.FindMessagesRequest{Prefix: prefix}); code(err) != localapi.CodeInvalid {
			t.Errorf("%q: %v", prefix, err)
		}
	}
}

// A page with a text that can't be carried must still be readable.
func TestInvalidTextIsMended(t *testing.T) {
	fake := newFake()
	fake.unread = func(string, chat.Filter, int) (chat.Page, error) {
		return chat.Page{Messages: []chat.Message{{Text: "a\xffb", From: chat.Author{Name: "\xfe"}}}}, nil
	}
	client, _ := serve(t, privateDir(t), fake.rooms())
	page, err := client.Unread(t.Context(), &earshotv1.UnreadRequest{})
	if err != nil || page.Messages[0].Text != "a\uFFFDb" {
		t.Error(page, err)
	}
}

// A node that ends answers as one that is not there.
func TestNodeEnds(t *testing.T) {
	fake := newFake()
	fake.unread = func(string, chat.Filter, int) (chat.Page, error) { return chat.Page{}, store.ErrClosed }
	client, _ := serve(t, privateDir(t), fake.rooms())
	if _, err := client.Unread(t.Context(), &earshotv1.UnreadRequest{}); !errors.Is(err, localapi.ErrNotRunning) || code(err) != localapi.CodeStopping {
		t.Error(err)
	}
}

func openLines(t testing.TB, client *localapi.Client, open *earshotv1.SendLinesRequest_Open) *connect.BidiStreamForClientSimple[earshotv1.SendLinesRequest, earshotv1.SendLinesResponse] {
	stream, err := client.SendLines(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Send(&earshotv1.SendLinesRequest{Open: open}); err != nil && !errors.Is(err, io.EOF) { // EOF: Receive says why
		t.Fatal(err)
	}
	return stream
}

func TestSendLines(t *testing.T) {
	fake := newFake()
	fake.ready = make(chan struct{})
	client, _ := serve(t, privateDir(t), fake.rooms())
	stream := openLines(t, client, &earshotv1.SendLinesRequest_Open{To: "bob", Wait: chat.StateDelivered})
	const count = 3_000
	go func() {
		for i := range count {
			if i == count*2/3 { // these come while the first commit is under way
				close(fake.ready)
			}
			if err := stream.Send(&earshotv1.SendLinesRequest{Lines: []*earshotv1.SendLinesRequest_Line{{Text: strconv.Itoa(i)}}}); err != nil {
				t.Errorf("Send: %v", err)
			}
		}
		stream.CloseRequest()
	}()
	var ids []string
	for {
		r, err := stream.Receive()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range r.Sent {
			if s.State != chat.StateDelivered {
				t.Fatalf("state %q", s.State)
			}
			if fake.addressed != "bob" {
				t.Fatal("nobody was addressed before the first line")
			}
			ids = append(ids, s.Id)
		}
	}
	stream.CloseResponse()
	if len(ids) != count || len(fake.messages) != count {
		t.Fatalf("%d answers for %d messages", len(ids), len(fake.messages))
	}
	for i, m := range fake.messages {
		if m.Text != strconv.Itoa(i) || ids[i] != view.EventID(m.ID) {
			t.Fatalf("line %d: %q, answered as %s", i, m.Text, ids[i])
		}
	}
	if len(fake.batches) > count/2 {
		t.Errorf("%d commits for %d lines", len(fake.batches), count)
	}
}

// What was committed before the line that fails is answered before the stream ends.
func TestSendLinesFails(t *testing.T) {
	client, _ := serve(t, privateDir(t), newFake().rooms())
	for _, test := range []struct {
		name    string
		open    *earshotv1.SendLinesRequest_Open
		lines   []string
		answers int
		want    string
	}{
		{"nobody", &earshotv1.SendLinesRequest_Open{To: "eve"}, nil, 0, localapi.CodeUnknown},
		{"no such state", &earshotv1.SendLinesRequest_Open{To: "bob", Wait: "x"}, nil, 0, localapi.CodeInvalid},
		{"not opened", nil, []string{"a"}, 0, localapi.CodeInvalid},
		{"not in the group", &earshotv1.SendLinesRequest_Open{To: "bob"}, []string{"a", "b", "after leaving", "c"}, 2, localapi.CodeNotMember},
	} {
		t.Run(test.name, func(t *testing.T) {
			stream := openLines(t, client, test.open)
			defer stream.CloseResponse()
			for _, line := range test.lines {
				// An error says to receive; the request stays open.
				_ = stream.Send(&earshotv1.SendLinesRequest{Lines: []*earshotv1.SendLinesRequest_Line{{Text: line}}})
			}
			answers := 0
			for {
				r, err := stream.Receive()
				if err != nil {
					if code(err) != test.want {
						t.Errorf("%v, want %s", err, test.want)
					}
					break
				}
				answers += len(r.Sent)
			}
			if answers != test.answers {
				t.Errorf("%d answers, want %d", answers, test.answers)
			}
			stream.CloseRequest()
		})
	}
}

func TestSendLinesTimeout(t *testing.T) {
	fake := newFake()
	fake.state = "" // nothing is ever delivered
	client, _ := serve(t, privateDir(t), fake.rooms())
	stream := openLines(t, client, &earshotv1.SendLinesRequest_Open{To: "bob", Wait: chat.StateDelivered, Timeout: durationpb.New(time.Millisecond)})
	defer stream.CloseResponse()
	if _, err := stream.Receive(); err != nil { // the answer to opening
		t.Fatal(err)
	}
	if err := stream.Send(&earshotv1.SendLinesRequest{Lines: []*earshotv1.SendLinesRequest_Line{{Text: "a"}}}); err != nil {
		t.Fatal(err)
	}
	r, err := stream.Receive()
	if err != nil || len(r.Sent) != 1 || r.Sent[0].State != chat.StateQueued {
		t.Errorf("%v, %v", r, err)
	}
	stream.CloseRequest()
}

// What W1 pays for the API: one call, to and fro.
func BenchmarkSend(b *testing.B) {
	client, _ := serve(b, privateDir(b), newFake().rooms())
	r := &earshotv1.SendRequest{To: "bob", Text: strings.Repeat("x", 100)}
	for b.Loop() {
		if _, err := client.Send(b.Context(), r); err != nil {
			b.Fatal(err)
		}
	}
}

// What W2 pays for it: lines in flight.
func BenchmarkSendLines(b *testing.B) {
	client, _ := serve(b, privateDir(b), newFake().rooms())
	stream := openLines(b, client, &earshotv1.SendLinesRequest_Open{To: "bob"})
	defer stream.CloseResponse()
	text := strings.Repeat("x", 100)
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		for range b.N {
			_ = stream.Send(&earshotv1.SendLinesRequest{Lines: []*earshotv1.SendLinesRequest_Line{{Text: text}}})
		}
		stream.CloseRequest()
	}()
	for got := 0; got < b.N; {
		r, err := stream.Receive()
		if err != nil {
			b.Fatal(err)
		}
		got += len(r.Sent)
	}
	<-sent
}

// TestSettledBeforeALook: whoever asks after a message was said to be delivered is told the same by every other
// call.
func TestSettledBeforeALook(t *testing.T) {
	node := newFake()
	client, _ := serve(t, privateDir(t), node.rooms())
	ctx := t.Context()
	settled := func(what string, want int, err error) {
		t.Helper()
		node.mu.Lock()
		defer node.mu.Unlock()
		if err != nil || node.settled != want {
			t.Errorf("after %s: settled %d times, want %d; %v", what, node.settled, want, err)
		}
	}
	sent, err := client.Send(ctx, &earshotv1.SendRequest{To: "bob", Text: "hi", Wait: chat.StateDelivered})
	settled("Send", 0, err)
	_, err = client.Wait(ctx, &earshotv1.WaitRequest{Id: sent.GetId(), State: chat.StateDelivered})
	settled("Wait", 0, err)
	_, err = client.Status(ctx, &earshotv1.StatusRequest{})
	settled("Status", 1, err)
	stream, err := client.Watch(ctx, &earshotv1.WatchRequest{})
	if err == nil {
		stream.Receive()
		err = errors.Join(stream.Err(), stream.Close())
	}
	settled("Watch", 2, err)
}

// What is read is named by ID, by cursor, or both.
func TestMarkReadByCursor(t *testing.T) {
	fake := &markedNode{fakeNode: newFake()}
	rooms := fake.rooms()
	rooms.Reading = fake
	client, stop := serve(t, privateDir(t), rooms)
	defer stop()
	id := event.ID{7}
	if _, err := client.MarkRead(t.Context(), &earshotv1.MarkReadRequest{Ids: []string{hex.EncodeToString(id[:])}, Cursors: []string{"ab:1", "ab:2"}}); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(fake.ids, []event.ID{id}) || !slices.Equal(fake.at, []string{"ab:1", "ab:2"}) {
		t.Errorf("marked %v and %q", fake.ids, fake.at)
	}
	if _, err := client.MarkRead(t.Context(), &earshotv1.MarkReadRequest{Cursors: make([]string, localapi.MaxPage+1)}); code(err) != localapi.CodeInvalid {
		t.Error(err)
	}
}

type markedNode struct {
	*fakeNode
	ids []event.ID
	at  []string
}

func (f *markedNode) MarkRead(_ context.Context, ids ...event.ID) error {
	f.ids = append(f.ids, ids...)
	return nil
}

func (f *markedNode) MarkArrived(_ context.Context, cursors ...string) error {
	f.at = append(f.at, cursors...)
	return nil
}
