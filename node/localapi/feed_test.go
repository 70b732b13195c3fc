package localapi

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"connectrpc.com/connect"

	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// ledger answers as a node does that has a number of messages: the message at N has N as its text.
type ledger struct {
	earshotv1.UnimplementedJournalHandler
	earshotv1.UnimplementedMessagesHandler

	t    *testing.T
	dir  string
	stop func() // set while it runs

	mu    sync.Mutex
	store string
	last  int            // messages
	own   map[int]bool   // those that the owner has written
	kept  map[string]int // cursors of readers
	deaf  bool           // SetCursor fails: the reader is being killed
	most  int            // the highest place to which a cursor may go
	more  chan struct{}  // closed and replaced when last grows
	batch int            // messages in one answer
	moved chan int       // if not nil: gets each place to which a cursor went
}

func newLedger(t *testing.T) *ledger {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	l := &ledger{t: t, dir: dir, store: "aa", own: map[int]bool{}, kept: map[string]int{}, more: make(chan struct{}), batch: 3, most: 1 << 30}
	l.start()
	t.Cleanup(func() { l.stop() })
	return l
}

func (l *ledger) start() {
	listener, err := Listen(l.dir)
	if err != nil {
		l.t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle(earshotv1.NewJournalHandler(l))
	mux.Handle(earshotv1.NewMessagesHandler(l))
	mux.HandleFunc(AlivePath, func(http.ResponseWriter, *http.Request) {})
	server := &http.Server{Handler: mux, Protocols: new(http.Protocols)}
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetUnencryptedHTTP2(true)
	ended := make(chan struct{})
	go func() { server.Serve(listener); close(ended) }()
	l.stop = sync.OnceFunc(func() { server.Close(); <-ended })
}

func (l *ledger) write(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last += n
	close(l.more)
	l.more = make(chan struct{})
}

func (l *ledger) cursor(n int) string { return fmt.Sprintf("%s:%d", l.store, n) }

// at returns the place of a cursor, and whether it is of this store.
func (l *ledger) at(cursor string) (int, bool) {
	if cursor == "0" {
		return 0, true
	}
	store, number, _ := strings.Cut(cursor, ":")
	n, err := strconv.Atoi(number)
	return n, err == nil && store == l.store && n <= l.last
}

func (l *ledger) Changes(ctx context.Context, r *earshotv1.ChangesRequest, s *connect.ServerStream[earshotv1.ChangesResponse]) error {
	l.mu.Lock()
	at, ok := l.at(r.After)
	store := l.store
	l.mu.Unlock()
	if !ok {
		at = l.last
		if err := s.Send(&earshotv1.ChangesResponse{Reset_: true, Cursor: l.cursor(at)}); err != nil {
			return err
		}
	}
	for live := false; ; {
		l.mu.Lock()
		if store != l.store {
			l.mu.Unlock()
			return nil
		}
		w := &earshotv1.ChangesResponse{}
		for ; at < l.last && len(w.Changes) < l.batch; at++ {
			m := &earshotv1.Message{Id: strconv.Itoa(at + 1), Cursor: l.cursor(at + 1), Own: l.own[at+1]}
			w.Changes = append(w.Changes, &earshotv1.Change{Change: &earshotv1.Change_Arrived{Arrived: m}})
		}
		w.Cursor, w.Live = l.cursor(at), at == l.last && !live
		live = live || w.Live
		done, more := at == l.last, l.more
		l.mu.Unlock()
		if len(w.Changes) > 0 || w.Live {
			if err := s.Send(w); err != nil {
				return err
			}
		}
		if !done {
			continue
		}
		select {
		case <-more:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (l *ledger) GetCursor(_ context.Context, r *earshotv1.GetCursorRequest) (*earshotv1.CursorResponse, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return &earshotv1.CursorResponse{Cursor: l.cursor(l.kept[r.Name])}, nil
}

func (l *ledger) SetCursor(ctx context.Context, r *earshotv1.SetCursorRequest) (*earshotv1.CursorResponse, error) {
	if _, hurried := ctx.Deadline(); hurried {
		l.t.Error("a busy disk has no time to move the cursor") // the loop ended then
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	n, ok := l.at(r.Cursor)
	switch {
	case l.deaf:
		return nil, errors.New("nobody hears the killed")
	case !ok:
		err := connect.NewError(connect.CodeFailedPrecondition, errors.New("cursor"))
		if d, wrong := connect.NewErrorDetail(&earshotv1.Problem{Code: CodeOtherStore}); wrong == nil {
			err.AddDetail(d)
		}
		return nil, err
	case n > l.most:
		l.t.Errorf("the cursor goes to %d, and only what came up to %d was dealt with", n, l.most)
	}
	l.kept[r.Name] = n
	if l.moved != nil {
		l.moved <- n
	}
	return &earshotv1.CursorResponse{Cursor: r.Cursor}, nil
}

// dealt says that the message at n was dealt with.
func (l *ledger) dealt(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.most = max(l.most, n)
}

func place(m *earshotv1.Message) int { n, _ := strconv.Atoi(m.Id); return n }

// A reader that leaves its loop or is killed at any moment, while the node restarts now and then,
// gets every message, in order.
func TestFeedMissesNothing(t *testing.T) {
	for seed := range uint64(8) {
		random := rand.New(rand.NewPCG(seed, 0))
		l := newLedger(t)
		l.most = 0
		const all = 200
		l.write(1)
		dealt := 0 // everything up to here
		for dealt < all {
			client := Dial(l.dir)
			ctx, cancel := context.WithCancel(t.Context())
			before := -1 // the message told before in this life
			feed := client.Feed("bot")
			feed.pause = time.Millisecond
			for m, err := range feed.Messages(ctx) {
				if err != nil {
					if ctx.Err() == nil {
						t.Fatalf("seed %d: %v", seed, err)
					}
					break
				}
				n := place(m)
				if before < 0 && n > dealt+1 || before >= 0 && n != before+1 {
					t.Fatalf("seed %d: message %d comes after %d, dealt with up to %d", seed, n, before, dealt)
				}
				before = n
				switch roll := random.IntN(30); {
				case roll == 0: // killed, and the node hears no more of it
					l.mu.Lock()
					l.deaf = true
					l.mu.Unlock()
					cancel()
				case roll == 1: // told to end
					cancel()
				case roll == 2:
					l.stop()
					l.start()
				}
				if random.IntN(30) == 0 {
					break
				}
				l.dealt(n)
				if dealt = max(dealt, n); dealt == all {
					break
				}
				if dealt == l.last {
					l.write(min(all-l.last, 1+random.IntN(20)))
				}
			}
			cancel()
			client.Close()
			l.mu.Lock()
			l.deaf = false
			l.mu.Unlock()
		}
	}
}

// collect returns the places of the messages that a feed tells, up to count.
func collect(t *testing.T, f *Feed, count int) (got []int, err error) {
	t.Helper()
	for m, err := range f.Messages(t.Context()) {
		if err != nil {
			return got, err
		}
		if got = append(got, place(m)); len(got) == count {
			break
		}
	}
	return got, nil
}

// Without Follow it ends when everything was told, and the node knows then; what the owner has
// written comes only if it is asked for, and is passed over else.
func TestFeedEnds(t *testing.T) {
	l := newLedger(t)
	client := Dial(l.dir)
	defer client.Close()
	feed := func(reader string) *Feed {
		f := client.Feed(reader)
		f.Ends = true
		return f
	}
	l.own[2], l.own[5] = true, true
	l.write(5)
	if got, err := collect(t, feed("bot"), -1); err != nil || !slices.Equal(got, []int{1, 3, 4}) {
		t.Errorf("%v, %v", got, err)
	}
	if l.kept["bot"] != 5 {
		t.Errorf("the cursor is at %d", l.kept["bot"])
	}
	if got, err := collect(t, feed("bot"), -1); err != nil || len(got) > 0 {
		t.Errorf("again: %v, %v", got, err)
	}
	all := feed("other")
	all.Own = true
	if got, err := collect(t, all, -1); err != nil || len(got) != 5 {
		t.Errorf("with one's own: %v, %v", got, err)
	}
	alone := feed("")
	alone.After = l.cursor(2)
	if got, err := collect(t, alone, -1); err != nil || !slices.Equal(got, []int{3, 4}) || len(l.kept) != 2 {
		t.Errorf("without a name: %v, %v, cursors %v", got, err, l.kept)
	}
}

func TestFeedWaitsForTheNode(t *testing.T) {
	l := newLedger(t)
	client := Dial(l.dir)
	defer client.Close()
	l.write(1)
	l.moved = make(chan int, 10)
	away := make(chan error, 10)
	follow := client.Feed("bot")
	follow.Away = func(err error) { away <- err; l.start() }
	var got []int
	for m, err := range follow.Messages(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		// What was dealt with while the node was away is told when it is back, before anything comes.
		if n := place(m); n > 1 && <-l.moved != n-1 {
			t.Errorf("the cursor did not go to %d", n-1)
		}
		if got = append(got, place(m)); len(got) == 3 {
			break
		}
		l.stop()
		l.write(1)
	}
	if !slices.Equal(got, []int{1, 2, 3}) || len(away) != 2 || !errors.Is(<-away, ErrNotRunning) {
		t.Errorf("told %v, away %d times", got, len(away))
	}
	once := client.Feed("bot")
	once.Once = true
	for m, err := range once.Messages(t.Context()) {
		if err == nil && place(m) == 3 {
			l.stop()
			continue
		}
		if !errors.Is(err, ErrNotRunning) {
			t.Errorf("once: %v, %v", m, err)
		}
	}
	if _, err := collect(t, client.Feed("bot"), 1); !errors.Is(err, ErrNotRunning) {
		t.Errorf("no node when it begins: %v", err)
	}
	l.start()
}

// A directory that was put back to an earlier time has readers where they were then.
func TestFeedAfterTheDirectoryWasPutBack(t *testing.T) {
	for _, reader := range []string{"bot", ""} {
		l := newLedger(t)
		client := Dial(l.dir)
		defer client.Close()
		l.write(6)
		feed := client.Feed(reader)
		var got []int
		for m, err := range feed.Messages(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			if got = append(got, place(m)); len(got) == 5 { // the sixth is in the same answer
				l.stop()
				l.mu.Lock()
				l.store, l.last, l.kept["bot"] = "bb", 5, 4
				l.mu.Unlock()
				l.start()
				feed.Done(m.Cursor)
				err := feed.Settle(t.Context())
				for Gone(err) { // over a connection to the node before
					err = feed.Settle(t.Context())
				}
				if reader != "" && ProblemOf(err).GetCode() != CodeOtherStore {
					t.Errorf("the node takes the cursor of another store: %v", err)
				}
			}
			if len(got) > 6 && place(m) == 5 {
				break
			}
		}
		want := []int{1, 2, 3, 4, 5, 6, 5}
		if reader == "" {
			want = []int{1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q: %v, want %v", reader, got, want)
		}
	}
	l := newLedger(t)
	client := Dial(l.dir)
	defer client.Close()
	l.write(2)
	l.kept["bot"] = 7 // no node should have that
	if got, err := collect(t, client.Feed("bot"), 2); err != nil || !slices.Equal(got, []int{1, 2}) {
		t.Errorf("with a cursor from the future: %v, %v", got, err)
	}
	feed := client.Feed("")
	feed.After = "cc:7"
	for r, err := range feed.Changes(t.Context()) {
		if err != nil || !r.Reset_ {
			t.Errorf("Changes: %v, %v", r, err)
		}
		break
	}
}

// With Acks the cursor follows Done alone, also after the loop has ended, and waits for what is
// under way.
func TestFeedFollowsAcks(t *testing.T) {
	l := newLedger(t)
	client := Dial(l.dir)
	defer client.Close()
	l.own[4] = true
	l.write(4)
	feed := client.Feed("bot")
	feed.Acks, feed.Ends = true, true
	var cursors []string
	for m, err := range feed.Messages(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		cursors = append(cursors, m.Cursor)
	}
	if len(cursors) != 3 || l.kept["bot"] != 0 {
		t.Fatalf("%v, the cursor is at %d", cursors, l.kept["bot"])
	}
	for i, want := range []int{1, 2, 4} { // behind the last there is only what the owner wrote
		feed.Done(cursors[i])
		if err := feed.Settle(t.Context()); err != nil || l.kept["bot"] != want {
			t.Errorf("after %d: the cursor is at %d, %v", i+1, l.kept["bot"], err)
		}
	}
}

// A reader that is interrupted has some seconds to tell how far it has come; one that is not has
// all the time that the disk takes.
func TestTellingOutlivesTheInterrupt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, interrupt := context.WithCancel(t.Context())
		longer, cancel := Outliving(ctx)
		defer cancel()
		time.Sleep(time.Hour)
		if longer.Err() != nil {
			t.Error("ended by itself")
		}
		interrupt()
		time.Sleep(afterEnd - time.Second)
		if longer.Err() != nil {
			t.Error("ended with the interrupt")
		}
		time.Sleep(2 * time.Second)
		if longer.Err() == nil {
			t.Error("goes on after the interrupt")
		}
	})
}
