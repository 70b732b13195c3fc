package panes

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/earshot-im/earshot/cmd/earshot/act"
	"github.com/earshot-im/earshot/cmd/earshot/screen"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// fake is a node in memory, as far as a screen asks one. What it isn't made for fails.
type fake struct {
	earshotv1.UnimplementedNodeHandler
	earshotv1.UnimplementedPeopleHandler
	earshotv1.UnimplementedMessagesHandler
	earshotv1.UnimplementedGroupsHandler
	earshotv1.UnimplementedConversationsHandler
	earshotv1.UnimplementedAttentionHandler
	broken error // what Send fails with

	me       *earshotv1.MeResponse
	status   *earshotv1.StatusResponse
	list     []*earshotv1.Conversation
	history  map[string][]*earshotv1.Message // by WHO
	messages []*earshotv1.Message            // what GetMessages gives
	members  []*earshotv1.Member
	peers    []*earshotv1.Peer
	contacts []*earshotv1.Person
	alike    []*earshotv1.Person // contacts whose names look like that of whoever is asked about
	requests []*earshotv1.Request
	reached  []*earshotv1.Reached
	waits    []*earshotv1.Pending
	found    []*earshotv1.Found
	attached []*earshotv1.Attached
	calls    []string
}

func (f *fake) did(format string, args ...any) {
	f.calls = append(f.calls, fmt.Sprintf(format, args...))
}

func (f *fake) Me(context.Context, *earshotv1.MeRequest) (*earshotv1.MeResponse, error) {
	return f.me, nil
}
func (f *fake) UpdateMe(_ context.Context, r *earshotv1.UpdateMeRequest) (*earshotv1.MeResponse, error) {
	if r.RecoveryLater != nil {
		f.me.RecoveryLater = r.RecoveryLater
	}
	if r.Name != nil {
		f.me.Name = *r.Name
	}
	if r.ReadReceipts != nil {
		f.me.ReadReceipts = *r.ReadReceipts
	}
	return f.me, nil
}
func (f *fake) Status(context.Context, *earshotv1.StatusRequest) (*earshotv1.StatusResponse, error) {
	return f.status, nil
}
func (f *fake) Conversations(context.Context, *earshotv1.ConversationsRequest) (*earshotv1.ConversationsResponse, error) {
	return &earshotv1.ConversationsResponse{Conversations: f.list}, nil
}
func (f *fake) GetConversation(_ context.Context, r *earshotv1.GetConversationRequest) (*earshotv1.Conversation, error) {
	for _, c := range f.list {
		if screen.Who(c.With) == r.Who || c.Person.GetName() == r.Who {
			return c, nil
		}
	}
	return nil, fmt.Errorf("nobody is called %s", r.Who)
}
func (f *fake) History(_ context.Context, r *earshotv1.HistoryRequest) (*earshotv1.MessagesResponse, error) {
	return &earshotv1.MessagesResponse{Messages: f.history[r.Who]}, nil
}
func (f *fake) GetMessages(_ context.Context, r *earshotv1.GetMessagesRequest) (*earshotv1.MessagesResponse, error) {
	return &earshotv1.MessagesResponse{Messages: f.messages}, nil
}
func (f *fake) Members(context.Context, *earshotv1.MembersRequest) (*earshotv1.MembersResponse, error) {
	return &earshotv1.MembersResponse{Members: f.members}, nil
}
func (f *fake) MarkRead(_ context.Context, r *earshotv1.MarkReadRequest) (*earshotv1.MarkReadResponse, error) {
	f.did("read %v", r.Ids)
	return &earshotv1.MarkReadResponse{}, nil
}
func (f *fake) SetDraft(_ context.Context, r *earshotv1.SetDraftRequest) (*earshotv1.Draft, error) {
	f.did("draft %q", r.Text)
	return &earshotv1.Draft{Text: r.Text, Revision: 7}, nil
}
func (f *fake) Send(_ context.Context, r *earshotv1.SendRequest) (*earshotv1.Sent, error) {
	f.did("send %s %q", r.To, r.Text)
	if len(r.Files) > 0 {
		f.did("with %v", r.Files)
	}
	if f.broken != nil {
		return nil, f.broken
	}
	return &earshotv1.Sent{Id: "new", State: "queued"}, nil
}
func (f *fake) SetTyping(context.Context, *earshotv1.SetTypingRequest) (*earshotv1.SetTypingResponse, error) {
	return &earshotv1.SetTypingResponse{}, nil
}
func (f *fake) Attend(_ context.Context, r *earshotv1.AttendRequest) (*earshotv1.AttendResponse, error) {
	return &earshotv1.AttendResponse{}, nil
}
func (f *fake) Peers(context.Context, *earshotv1.PeersRequest) (*earshotv1.PeersResponse, error) {
	return &earshotv1.PeersResponse{Peers: f.peers}, nil
}
func (f *fake) Contacts(_ context.Context, r *earshotv1.ContactsRequest) (*earshotv1.ContactsResponse, error) {
	if r.Like != "" {
		return &earshotv1.ContactsResponse{Persons: f.alike}, nil
	}
	return &earshotv1.ContactsResponse{Persons: f.contacts}, nil
}
func (f *fake) Requests(context.Context, *earshotv1.RequestsRequest) (*earshotv1.RequestsResponse, error) {
	return &earshotv1.RequestsResponse{Requests: f.requests}, nil
}
func (f *fake) Receipts(context.Context, *earshotv1.ReceiptsRequest) (*earshotv1.ReceiptsResponse, error) {
	return &earshotv1.ReceiptsResponse{Reached: f.reached}, nil
}
func (f *fake) SafetyWords(ctx context.Context, r *earshotv1.SafetyWordsRequest) (*earshotv1.SafetyWordsResponse, error) {
	who := eve
	if c, err := f.GetConversation(ctx, &earshotv1.GetConversationRequest{Who: r.Who}); err == nil {
		who = c.Person
	}
	return &earshotv1.SafetyWordsResponse{Person: who, Words: strings.Fields("abandon ability able about above absent absorb abstract absurd abuse")}, nil
}
func (f *fake) Resolve(ctx context.Context, r *earshotv1.ResolveRequest) (*earshotv1.Target, error) {
	c, err := f.GetConversation(ctx, &earshotv1.GetConversationRequest{Who: r.Who})
	return c.GetWith(), err
}
func (f *fake) ReplaceContact(_ context.Context, r *earshotv1.ReplaceContactRequest) (*earshotv1.ReplaceContactResponse, error) {
	f.did("replace %.8s by %.8s, resend %t: %s", r.Old, r.New, r.Resend, r.Words)
	return &earshotv1.ReplaceContactResponse{Person: &earshotv1.Person{Person: r.New, Name: "Bob", Pinned: "Bob", KnownAs: "Bob", Contact: true, Verified: true, Online: true}, Old: eve, Others: []*earshotv1.Target{lunch}}, nil
}
func (f *fake) Waits(_ context.Context, most uint32) ([]*earshotv1.Pending, error) {
	return f.waits[:min(len(f.waits), int(most))], nil
}
func (f *fake) Find(context.Context, *earshotv1.SearchRequest) ([]*earshotv1.Found, error) {
	return f.found, nil
}

// The streams, which no screen asks for through this interface.

var errStream = errors.New("not here")

func (*fake) Watch(context.Context, *earshotv1.WatchRequest) (*connect.ServerStreamForClient[earshotv1.WatchResponse], error) {
	return nil, errStream
}
func (*fake) Alerts(context.Context, *earshotv1.AlertsRequest) (*connect.ServerStreamForClient[earshotv1.AlertsResponse], error) {
	return nil, errStream
}
func (*fake) Search(context.Context, *earshotv1.SearchRequest) (*connect.ServerStreamForClient[earshotv1.SearchResponse], error) {
	return nil, errStream
}
func (*fake) Outbox(context.Context, *earshotv1.OutboxRequest) (*connect.ServerStreamForClient[earshotv1.OutboxResponse], error) {
	return nil, errStream
}
func (*fake) SendLines(context.Context) (*connect.BidiStreamForClientSimple[earshotv1.SendLinesRequest, earshotv1.SendLinesResponse], error) {
	return nil, errStream
}

// Those who are in the stories.
var (
	noon = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

	ann = &earshotv1.Person{Person: strings.Repeat("a1", 32), Name: "Ann"}
	bob = &earshotv1.Person{Person: "c4b3bf631f00aa22" + strings.Repeat("0", 48), Name: "Bob", Pinned: "Bob", KnownAs: "Bob", Contact: true, Online: true}
	eve = &earshotv1.Person{Person: "d2a8e6f10b1c2d3e" + strings.Repeat("0", 48), Name: "Eve", Online: true}
	cy  = &earshotv1.Person{Person: "00ff00ff00ff00ff" + strings.Repeat("0", 48), Name: "Cy", Pinned: "Cy", KnownAs: "Cy", Contact: true, LastSeen: at(-166)}

	lunch = &earshotv1.Target{Kind: "group", Id: "2c26b46b68ffc68f" + strings.Repeat("0", 48), Name: "lunch"}
)

func at(minutes int) *timestamppb.Timestamp {
	return timestamppb.New(noon.Add(time.Duration(minutes) * time.Minute))
}

func authorOf(p *earshotv1.Person) *earshotv1.Author {
	return &earshotv1.Author{Person: p.Person, Name: p.Name, Petname: p.Petname, Pinned: p.Pinned, KnownAs: p.KnownAs, Contact: p.Contact, Verified: p.Verified}
}

var serial int

// said is a message of somebody's in a group; nil is the owner.
func said(minutes int, who *earshotv1.Person, text string, more ...func(*earshotv1.Message)) *earshotv1.Message {
	serial++
	m := &earshotv1.Message{
		Id: fmt.Sprintf("%064x", 1000+serial), Conversation: lunch.Id, With: lunch, To: lunch, Kind: "text", Text: text, Time: at(minutes), Received: at(minutes),
		T: at(minutes).AsTime().UnixMilli(),
	}
	if who == nil {
		m.Own, m.State, m.From = true, "delivered", authorOf(ann)
	} else {
		m.From = authorOf(who)
	}
	for _, f := range more {
		f(m)
	}
	return m
}

func group(name string, more ...func(*earshotv1.Conversation)) *earshotv1.Conversation {
	id := fmt.Sprintf("%x%s", name, strings.Repeat("0", 64))[:64]
	t := &earshotv1.Target{Kind: "group", Id: id, Name: name}
	if name == "lunch" {
		t = lunch
	}
	c := &earshotv1.Conversation{
		Conversation: t.Id, With: t, Notify: "mentions",
		Group: &earshotv1.Group{Id: t.Id, Name: name, Members: 5, Online: 3, Role: "admin", Topic: "where we eat"},
	}
	for _, f := range more {
		f(c)
	}
	return c
}

func with(p *earshotv1.Person, more ...func(*earshotv1.Conversation)) *earshotv1.Conversation {
	c := &earshotv1.Conversation{Conversation: p.Person, With: &earshotv1.Target{Kind: "person", Id: p.Person, Name: p.Name}, Person: p, Notify: "all"}
	for _, f := range more {
		f(c)
	}
	return c
}

// office is a node on which something is going on.
func office() *fake {
	serial = 0
	talk := []*earshotv1.Message{
		said(-24*60-10, bob, "See you tomorrow"),
		said(1, bob, "At one?"),
		said(2, nil, "Half past. I have to wait for the printer, which takes its time as always, and then I come down by the stairs.", func(m *earshotv1.Message) {
			m.State = "queued"
			m.Waiting = &earshotv1.Waiting{First: &earshotv1.Pending{WaitingFor: "offline", LastSeen: cy.LastSeen, Person: cy}, Others: 1}
		}),
		said(4, eve, "Yes", func(m *earshotv1.Message) {
			m.Unread = true
			m.Reactions = []*earshotv1.Reaction{{Emoji: "👍", From: authorOf(bob)}, {Emoji: "👍", Own: true}}
		}),
		said(5, bob, "@Ann bring the cards", func(m *earshotv1.Message) { m.Unread, m.Mentioned, m.Edited = true, true, true }),
	}
	talk[3].ReplyTo = talk[1].Id
	talk[3].Quote = &earshotv1.Quote{Id: talk[1].Id, From: authorOf(bob), Kind: "text", Text: "At one?"}
	return &fake{
		me:      &earshotv1.MeResponse{Person: ann.Person, Name: "Ann", Accept: "everyone", ReadReceipts: true, Typing: true, Presence: true, Alerts: "full"},
		status:  &earshotv1.StatusResponse{Online: 7, Known: 3, Requests: 1},
		members: []*earshotv1.Member{{Person: ann, Role: "admin", Self: true}, {Person: bob, Role: "owner"}, {Person: eve, Role: "member"}, {Person: cy, Role: "member"}},
		list: []*earshotv1.Conversation{
			group("lunch", func(c *earshotv1.Conversation) {
				c.Unread, c.Mentions, c.FirstUnread, c.Last = 2, 1, talk[3].Id, talk[4]
			}),
			with(bob, func(c *earshotv1.Conversation) { c.Unread = 1 }),
			with(eve, func(c *earshotv1.Conversation) { c.Draft = &earshotv1.Draft{Text: "hm"} }),
			with(cy, func(c *earshotv1.Conversation) { c.MutedUntil = at(1e6) }),
		},
		history: map[string][]*earshotv1.Message{"#" + lunch.Id: talk},
	}
}

// viewer is a screen with a fake node, whose acts are done at once.
type viewer struct {
	t   testing.TB
	s   *screen.State
	api *fake
	now time.Time
}

func look(t testing.TB, api *fake, columns, rows int) *viewer {
	v := &viewer{t: t, s: screen.New("test", time.UTC, act.Menu{}), api: api, now: noon.Add(6 * time.Minute)}
	v.do(screen.Size{Columns: columns, Rows: rows})
	v.acts(v.s.Start())
	v.draw()
	return v
}

func (v *viewer) acts(acts []screen.Act) {
	for len(acts) > 0 {
		a := acts[0]
		acts = acts[1:]
		if then := a.Do(v.t.Context(), v.api); then != nil {
			acts = append(acts, v.s.Do(v.now.UnixMilli(), then)...)
		}
	}
}

// do takes an event, and lays out until nothing moves any more.
func (v *viewer) do(e screen.Event) {
	v.now = v.now.Add(100 * time.Millisecond)
	v.acts(v.s.Do(v.now.UnixMilli(), e))
	v.draw()
}

func (v *viewer) draw() {
	for range 4 {
		_, l := Draw(v.s)
		v.acts(v.s.Do(v.now.UnixMilli(), screen.Laid{Layout: l}))
	}
}

// press presses keys: names between blanks, or 'text' that is typed.
func (v *viewer) press(keys ...string) {
	for _, k := range keys {
		text, typed := strings.CutPrefix(k, "'")
		if !typed {
			v.do(screen.Key{Code: k, Text: printed(k)})
			continue
		}
		for _, r := range text {
			v.do(screen.Key{Code: string(r), Text: string(r)})
		}
	}
}

func printed(k string) string {
	if k == "space" {
		return " "
	}
	if len([]rune(k)) == 1 {
		return k
	}
	return ""
}

func (f *fake) ListFiles(context.Context, *earshotv1.ListFilesRequest) (*earshotv1.ListFilesResponse, error) {
	return &earshotv1.ListFilesResponse{Attached: f.attached}, nil
}

func (f *fake) settle(what string, r *earshotv1.FileRequest, state string) (*earshotv1.FilesResponse, error) {
	f.did("%s %s %d", what, r.Id, r.N)
	return &earshotv1.FilesResponse{Attachments: []*earshotv1.Attachment{{N: 1, Name: "menu.pdf", Size: 40_000_000, State: state}}}, nil
}
func (f *fake) AcceptFiles(_ context.Context, r *earshotv1.FileRequest) (*earshotv1.FilesResponse, error) {
	return f.settle("accept", r, "fetching")
}
func (f *fake) DeclineFiles(_ context.Context, r *earshotv1.FileRequest) (*earshotv1.FilesResponse, error) {
	return f.settle("decline", r, "declined")
}
func (f *fake) PauseFiles(_ context.Context, r *earshotv1.FileRequest) (*earshotv1.FilesResponse, error) {
	return f.settle("pause", r, "paused")
}
func (f *fake) CancelFiles(_ context.Context, r *earshotv1.FileRequest) (*earshotv1.FilesResponse, error) {
	return f.settle("cancel", r, "offered")
}
func (f *fake) DropFiles(_ context.Context, r *earshotv1.FileRequest) (*earshotv1.FilesResponse, error) {
	return f.settle("drop", r, "gone")
}
func (f *fake) SaveFiles(_ context.Context, r *earshotv1.SaveFilesRequest) (*earshotv1.FilesResponse, error) {
	return f.settle("save to "+r.To, &earshotv1.FileRequest{Id: r.Id, N: r.N}, "fetching")
}
func (f *fake) Take(_ context.Context, path string, picture bool) (*earshotv1.Added, error) {
	f.did("take %s %t", path, picture)
	return &earshotv1.Added{File: "f1", Attachment: &earshotv1.Attachment{Name: "a.txt", State: "kept"}}, nil
}
