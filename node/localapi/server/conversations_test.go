package server

import (
	"context"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/earshot-im/earshot/node/chat"
	"github.com/earshot-im/earshot/node/contacts"
	"github.com/earshot-im/earshot/node/conversations"
	"github.com/earshot-im/earshot/node/journal"
	"github.com/earshot-im/earshot/node/localapi"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
	"github.com/earshot-im/earshot/node/localapi/view"
	"github.com/earshot-im/earshot/node/people"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/desk"
	"github.com/earshot-im/earshot/store/event"
)

// fakeConversations notes what it is asked for.
type fakeConversations struct {
	Conversations
	asked any
	all   []conversations.Conversation
	err   error
}

func (f *fakeConversations) List(_ context.Context, page conversations.Page) ([]conversations.Conversation, bool, error) {
	f.asked = page
	return f.all, false, f.err
}

func (f *fakeConversations) Set(_ context.Context, who string, to conversations.Choice) (conversations.Conversation, error) {
	f.asked = to
	return conversations.Conversation{}, f.err
}

func (f *fakeConversations) MarkReadTo(_ context.Context, who string, to *event.ID) (conversations.Conversation, error) {
	f.asked = to
	return conversations.Conversation{}, f.err
}

func (f *fakeConversations) SetDraft(_ context.Context, who string, d desk.Draft) (desk.Draft, error) {
	f.asked = d
	d.Revision = 7
	return d, f.err
}

func TestConversationsCalls(t *testing.T) {
	fake := &fakeConversations{}
	client, _ := serve(t, privateDir(t), Rooms{Node: newFake(), Conversations: fake})
	until := time.UnixMilli(1_700_000_000_000).UTC()
	first := event.ID{3}
	fake.all = []conversations.Conversation{{
		ID: event.Conversation{1}, With: contacts.Target{Kind: "person", ID: "x", Name: "Bob"}, Person: &bob, Last: &chat.Message{ID: event.ID{2}, Text: "hi"},
		Unread: 5, Mentions: 2, FirstUnread: &first, Draft: &desk.Draft{Text: "dr", ReplyTo: &first, Revision: 4, Set: until},
		Edit: &desk.Draft{Text: "ed", Edits: &first}, Notify: conversations.NotifyNone, MutedUntil: until, Pinned: true, Archived: true, Waiting: true,
	}, {ID: event.Conversation{4}, Group: &lunch, Last: &chat.Message{Kind: "notice", Notice: &contacts.Notice{What: contacts.NoticeTopic, Text: "t"}}}}
	after := event.Conversation{9}
	got, err := client.Conversations(t.Context(), &earshotv1.ConversationsRequest{After: after.String(), UnreadOnly: true, Archived: true})
	if err != nil || len(got.Conversations) != 2 || got.More {
		t.Fatal(got, err)
	}
	if want := (conversations.Page{Limit: localapi.DefaultPage, After: &after, UnreadOnly: true, Archived: true}); !reflect.DeepEqual(fake.asked, want) {
		t.Errorf("asked for %+v", fake.asked)
	}
	c := got.Conversations[0]
	if c.Conversation != fake.all[0].ID.String() || c.With.Name != "Bob" || c.Person.Name != "Bob" || c.Last.Text != "hi" || c.Unread != 5 || c.Mentions != 2 ||
		c.FirstUnread != view.EventID(first) || c.Draft.Text != "dr" || c.Draft.ReplyTo != view.EventID(first) || c.Draft.Revision != 4 || !c.Draft.Time.AsTime().Equal(until) ||
		c.Edit.Edits != view.EventID(first) || c.Notify != "none" || !c.MutedUntil.AsTime().Equal(until) || !c.Pinned || !c.Archived || !c.Waiting {
		t.Errorf("%v", c)
	}
	if n := got.Conversations[1].Last; n.Kind != "notice" || n.Notice.Notice != "topic" || n.Notice.Text != "t" || n.From != nil || got.Conversations[1].Group.Name != lunch.Name {
		t.Errorf("%v", n)
	}

	notify, yes := "all", true
	if _, err := client.SetConversation(t.Context(), &earshotv1.SetConversationRequest{Who: "bob", Notify: &notify, Pinned: &yes, MutedUntil: timestamppb.New(until)}); err != nil {
		t.Fatal(err)
	}
	if set := fake.asked.(conversations.Choice); *set.Notify != notify || !*set.Pinned || set.Archived != nil || !set.MutedUntil.Equal(until) {
		t.Errorf("%+v", set)
	}
	if _, err := client.MarkReadTo(t.Context(), &earshotv1.MarkReadToRequest{Who: "bob"}); err != nil || fake.asked.(*event.ID) != nil {
		t.Error(fake.asked, err)
	}
	d, err := client.SetDraft(t.Context(), &earshotv1.SetDraftRequest{Who: "bob", Text: "x", Edits: view.EventID(first)})
	if err != nil || d.Revision != 7 || *fake.asked.(desk.Draft).Edits != first || fake.asked.(desk.Draft).ReplyTo != nil {
		t.Error(d, fake.asked, err)
	}

	// An answer is bounded by the words in it, and then there are others.
	long := strings.Repeat("x", event.MaxText)
	fake.all = nil
	for range localapi.PageBytes/len(long) + 3 {
		fake.all = append(fake.all, conversations.Conversation{Last: &chat.Message{Text: long}})
	}
	got, err = client.Conversations(t.Context(), &earshotv1.ConversationsRequest{})
	if err != nil || len(got.Conversations) != localapi.PageBytes/len(long) || !got.More {
		t.Errorf("%d conversations, %v", len(got.Conversations), err)
	}

	fake.err = &people.UnknownError{Who: "x"}
	for what, err := range map[string]error{
		localapi.CodeUnknown + " 1": second(client.Conversations(t.Context(), &earshotv1.ConversationsRequest{After: after.String()})),
		localapi.CodeInvalid + " 2": second(client.Conversations(t.Context(), &earshotv1.ConversationsRequest{After: "x"})),
		localapi.CodeInvalid + " 3": second(client.Conversations(t.Context(), &earshotv1.ConversationsRequest{Limit: localapi.MaxPage + 1})),
		localapi.CodeInvalid + " 4": second(client.MarkUnread(t.Context(), &earshotv1.MarkUnreadRequest{Who: "bob"})),
		localapi.CodeInvalid + " 5": second(client.SetConversation(t.Context(), &earshotv1.SetConversationRequest{Who: "bob", MutedUntil: &timestamppb.Timestamp{Nanos: -1}})),
		localapi.CodeInvalid + " 6": second(client.SetDraft(t.Context(), &earshotv1.SetDraftRequest{Who: "bob", ReplyTo: "x"})),
	} {
		if want, _, _ := strings.Cut(what, " "); code(err) != want {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestConversationChanges(t *testing.T) {
	c := conversations.Conversation{ID: event.Conversation{1}, Unread: 3}
	if got := change(journal.Change{Kind: journal.Conversation, Conversation: &c}).GetConversation(); got.GetUnread() != 3 {
		t.Errorf("%v", got)
	}
	d := conversations.DraftChange{Conversation: event.Conversation{1}, With: contacts.Target{Name: "Bob"}, Draft: desk.Draft{Revision: 4}}
	if got := change(journal.Change{Kind: journal.Draft, Draft: &d}).GetDraft(); got.GetDraft().GetRevision() != 4 || got.With.Name != "Bob" || got.Draft.Text != "" {
		t.Errorf("%v", got)
	}
}

// Whether there are others follows from what is told of the ends, and from what was cut off.
func TestHistorySaysWhetherThereIsMore(t *testing.T) {
	fake := newFake()
	var messages []chat.Message
	fake.history = func(string, chat.HistoryRange) ([]chat.Message, error) { return messages, nil }
	client, _ := serve(t, privateDir(t), fake.rooms())
	id := view.EventID(event.ID{1})
	is := func(what string, r *earshotv1.HistoryRequest, before, after bool) {
		t.Helper()
		r.Who = "bob"
		got, err := client.History(t.Context(), r)
		if err != nil || got.MoreBefore != before || got.MoreAfter != after {
			t.Errorf("%s: before %t, after %t, %v", what, got.GetMoreBefore(), got.GetMoreAfter(), err)
		}
	}
	is("nothing", &earshotv1.HistoryRequest{}, false, false)
	is("nothing before", &earshotv1.HistoryRequest{Before: id}, false, true)
	is("nothing after", &earshotv1.HistoryRequest{After: id}, true, false)
	messages = []chat.Message{{First: true}, {}, {Last: true}}
	is("all", &earshotv1.HistoryRequest{}, false, false)
	messages[0].First = false
	is("the last", &earshotv1.HistoryRequest{}, true, false)
	long := strings.Repeat("x", localapi.PageBytes/2+1)
	messages = []chat.Message{{First: true, Text: long}, {Last: true, Text: long}}
	is("what is cut off before", &earshotv1.HistoryRequest{}, true, false)
	is("what is cut off behind", &earshotv1.HistoryRequest{After: id}, false, true)
}

func (f *fakeNode) Forward(_ context.Context, _ event.ID, to []string) (all []chat.Forwarded, err error) {
	for _, who := range to {
		t, err := f.Target(context.Background(), who, "")
		all = append(all, chat.Forwarded{Message: chat.Message{To: t}, Err: err})
	}
	return all, nil
}

func (f *fakeNode) Get(_ context.Context, ids []event.ID, waiting bool) (all []chat.Message, err error) {
	for _, id := range ids {
		m := chat.Message{ID: id, Text: strings.Repeat("x", int(id[1])<<10), Quote: &chat.Quote{ID: event.ID{5}, Kind: "text", Text: "q", From: chat.Author{Person: bob.ID}, Files: 2,
			File: &store.File{Attachment: event.Attachment{Name: "a", Preview: []byte{1}, Wave: []byte{1}}}}}
		if waiting {
			m.Waiting = &chat.Waiting{Others: 2}
		}
		all = append(all, m)
	}
	return all, nil
}

func TestForwardAndGet(t *testing.T) {
	client, _ := serve(t, privateDir(t), newFake().rooms())
	id := view.EventID(event.ID{1})
	got, err := client.Forward(t.Context(), &earshotv1.ForwardRequest{Id: id, To: []string{"bob", "nobody", "lunch"}})
	if err != nil || len(got.Sent) != 3 || got.Sent[0].Problem != nil || got.Sent[1].Problem.GetCode() != localapi.CodeUnknown || got.Sent[1].Id != "" || got.Sent[2].To.Kind != "group" {
		t.Errorf("%v, %v", got, err)
	}
	for _, to := range [][]string{nil, make([]string, localapi.MaxForwarded+1)} {
		if _, err := client.Forward(t.Context(), &earshotv1.ForwardRequest{Id: id, To: to}); code(err) != localapi.CodeInvalid {
			t.Errorf("to %d: %v", len(to), err)
		}
	}
	page, err := client.GetMessages(t.Context(), &earshotv1.GetMessagesRequest{Ids: []string{id}, Waiting: true})
	if err != nil || len(page.Messages) != 1 || page.Messages[0].Waiting.GetOthers() != 2 || page.Messages[0].Quote.GetText() != "q" || page.Messages[0].Quote.From.Person != bob.ID.String() {
		t.Errorf("%v, %v", page, err)
	}
	if q := page.Messages[0].Quote; q.GetFile().GetName() != "a" || q.Files != 2 || len(q.File.Preview)+len(q.File.Wave) > 0 {
		t.Errorf("%v", q)
	}
	if page.GetMoreAfter() {
		t.Error("there is more of one message")
	}
	long := slices.Repeat([]string{view.EventID(event.ID{1, 63})}, 100)
	page, err = client.GetMessages(t.Context(), &earshotv1.GetMessagesRequest{Ids: long})
	if n := len(page.GetMessages()); err != nil || n == 0 || n == len(long) || !page.MoreAfter {
		t.Errorf("%d of %d long messages, more: %v, %v", n, len(long), page.GetMoreAfter(), err)
	}
	if _, err := client.GetMessages(t.Context(), &earshotv1.GetMessagesRequest{Ids: make([]string, localapi.MaxPage+1)}); code(err) != localapi.CodeInvalid {
		t.Error(err)
	}
}
