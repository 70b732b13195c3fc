package server

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/earshot-im/earshot/node/chat"
	"github.com/earshot-im/earshot/node/localapi"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
	"github.com/earshot-im/earshot/node/localapi/view"
	"github.com/earshot-im/earshot/node/people"
	"github.com/earshot-im/earshot/store/event"
	"github.com/earshot-im/earshot/store/fold"
)

// searchAll returns what a search gives, and the error that ends it.
func searchAll(ctx context.Context, client *localapi.Client, r *earshotv1.SearchRequest) (all []*earshotv1.SearchResponse, err error) {
	stream, err := client.Search(ctx, r)
	if err != nil {
		return nil, err
	}
	defer stream.Close()
	for stream.Receive() {
		all = append(all, proto.CloneOf(stream.Msg()))
	}
	return all, stream.Err()
}

func TestSearch(t *testing.T) {
	fake := newFake()
	since, before := time.Unix(1_600_000_000, 5_000_000).UTC(), time.Unix(1_700_000_000, 0).UTC()
	var asked chat.Search
	fake.search = func(_ context.Context, s chat.Search, tell func(chat.SearchBatch) error) error {
		asked = s
		const text = "añ🎂 b ñ"
		return errors.Join(
			tell(chat.SearchBatch{Made: 5, Of: 9}),
			tell(chat.SearchBatch{Back: since}),
			tell(chat.SearchBatch{Found: []chat.Found{{Message: chat.Message{ID: event.ID{7}, Text: text}, Person: &bob,
				Marks: []fold.Range{{Start: 1, End: 7}, {Start: 10, End: 12}}}}, Back: before, More: true}),
		)
	}
	client, _ := serve(t, privateDir(t), fake.rooms())
	got, err := searchAll(t.Context(), client, &earshotv1.SearchRequest{Words: "ñ", Filter: &earshotv1.Filter{From: "bob", In: "lunch"},
		Since: timestamppb.New(since), Before: timestamppb.New(before), After: view.EventID(event.ID{9}), Limit: localapi.MaxPage})
	if err != nil || len(got) != 3 {
		t.Fatalf("%v, %v", got, err)
	}
	if want := (chat.Search{Words: "ñ", Filter: chat.Filter{From: "bob", In: "lunch"}, Since: since, Before: before, After: &event.ID{9}, Limit: localapi.MaxPage}); !reflect.DeepEqual(asked, want) {
		t.Errorf("asked for %v, want %v", asked, want)
	}
	if got[0].Made != 5 || got[0].Of != 9 || got[0].Back != nil || !got[1].Back.AsTime().Equal(since) || got[1].Of != 0 {
		t.Errorf("%v", got[:2])
	}
	last := got[2]
	if f := last.Found; !last.More || !last.Back.AsTime().Equal(before) || len(f) != 1 || f[0].Message.Id != view.EventID(event.ID{7}) || f[0].Person.Person != bob.ID.String() ||
		fmt.Sprint(f[0].Marks[0].Start, f[0].Marks[0].End, f[0].Marks[1].Start, f[0].Marks[1].End) != "1 3 6 7" {
		t.Errorf("%v", last)
	}

	asked = chat.Search{}
	if _, err := searchAll(t.Context(), client, &earshotv1.SearchRequest{Words: "x"}); err != nil || !reflect.DeepEqual(asked, chat.Search{Words: "x", Limit: localapi.DefaultFound}) {
		t.Errorf("by default asked for %v, %v", asked, err)
	}
}

func TestSearchProblems(t *testing.T) {
	fake := newFake()
	var result error
	fake.search = func(context.Context, chat.Search, func(chat.SearchBatch) error) error { return result }
	client, _ := serve(t, privateDir(t), fake.rooms())
	at := func(seconds int64) *timestamppb.Timestamp { return &timestamppb.Timestamp{Seconds: seconds} }
	for _, test := range []struct {
		name    string
		request *earshotv1.SearchRequest
		err     error
		want    string
	}{
		{"no words", &earshotv1.SearchRequest{}, chat.ErrNoWords, localapi.CodeQuery},
		{"many words", &earshotv1.SearchRequest{}, chat.ErrTooManyWords, localapi.CodeQuery},
		{"nobody", &earshotv1.SearchRequest{}, &people.UnknownError{Who: "eve"}, localapi.CodeUnknown},
		{"behind nothing", &earshotv1.SearchRequest{}, chat.ErrNoMessage, localapi.CodeNoMessage},
		{"no ID", &earshotv1.SearchRequest{After: "abc"}, nil, localapi.CodeInvalid},
		{"too many", &earshotv1.SearchRequest{Limit: localapi.MaxPage + 1}, nil, localapi.CodeInvalid},
		{"no time", &earshotv1.SearchRequest{Since: &timestamppb.Timestamp{Nanos: -1}}, nil, localapi.CodeInvalid},
		{"no time at the end", &earshotv1.SearchRequest{Before: at(1 << 60)}, nil, localapi.CodeInvalid},
		{"no time between", &earshotv1.SearchRequest{Since: at(7), Before: at(7)}, nil, localapi.CodeInvalid},
	} {
		result = test.err
		if _, err := searchAll(t.Context(), client, test.request); code(err) != test.want {
			t.Errorf("%s: %v, want %q", test.name, err, test.want)
		}
	}
}

// A search that nobody waits for any more ends.
func TestSearchEndsWithItsCaller(t *testing.T) {
	fake := newFake()
	ended := make(chan error, 1)
	fake.search = func(ctx context.Context, _ chat.Search, tell func(chat.SearchBatch) error) error {
		if err := tell(chat.SearchBatch{Made: 1, Of: 2}); err != nil {
			return err
		}
		<-ctx.Done()
		ended <- ctx.Err()
		return ctx.Err()
	}
	client, _ := serve(t, privateDir(t), fake.rooms())
	ctx, cancel := context.WithCancel(t.Context())
	stream, err := client.Search(ctx, &earshotv1.SearchRequest{Words: "x"})
	if err != nil || !stream.Receive() {
		t.Fatalf("%v, %v", err, stream.Err())
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("ended with %v", err)
	}
	if stream.Receive() || connect.CodeOf(stream.Err()) != connect.CodeCanceled {
		t.Errorf("its caller learns %v", stream.Err())
	}
}

func TestHistoryAround(t *testing.T) {
	fake := newFake()
	var asked chat.HistoryRange
	long := strings.Repeat("x", 64<<10)
	var messages []chat.Message
	for i := range 200 {
		messages = append(messages, chat.Message{ID: event.ID{byte(i)}, Text: long})
	}
	fake.history = func(_ string, r chat.HistoryRange) ([]chat.Message, error) {
		asked = r
		return messages, nil
	}
	client, _ := serve(t, privateDir(t), fake.rooms())
	around := func(i byte) []*earshotv1.Message {
		t.Helper()
		r, err := client.History(t.Context(), &earshotv1.HistoryRequest{Who: "bob", Around: view.EventID(event.ID{i}), Limit: 200})
		if err != nil || asked.Around == nil || *asked.Around != (event.ID{i}) || asked.Before != nil || asked.After != nil || asked.Limit != 200 {
			t.Fatalf("asked for %v, %v", asked, err)
		}
		return r.Messages
	}
	most := localapi.PageBytes / len(long) / 2 // before it, and behind it, with itself
	for _, c := range []struct{ i, from, to int }{{100, 100 - most + 1, 100 + most}, {0, 0, most}, {199, 200 - most, 200}} {
		got := around(byte(c.i))
		if len(got) != c.to-c.from || got[0].Id != view.EventID(event.ID{byte(c.from)}) {
			t.Errorf("around %d are %d", c.i, len(got))
		}
	}
	id := strings.Repeat("0", 64)
	for _, r := range []*earshotv1.HistoryRequest{{Around: "abc"}, {Around: id, Before: id}, {Around: id, After: id}, {Before: id, After: id}} {
		if _, err := client.History(t.Context(), r); code(err) != localapi.CodeInvalid {
			t.Errorf("%v: %v", r, err)
		}
	}
}
