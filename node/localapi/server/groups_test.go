package server

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/earshot-im/earshot/node/chat"
	"github.com/earshot-im/earshot/node/contacts"
	"github.com/earshot-im/earshot/node/journal"
	"github.com/earshot-im/earshot/node/localapi"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
	"github.com/earshot-im/earshot/node/localapi/view"
	"github.com/earshot-im/earshot/node/membership"
	"github.com/earshot-im/earshot/node/people"
	"github.com/earshot-im/earshot/store"
)

var messageID = "ab" + strings.Repeat("0", 62)

// Each call reaches the node as it was made, and what the node says comes back whole.
func TestGroupCalls(t *testing.T) {
	fake := new(groupNode)
	client, _ := serve(t, privateDir(t), fake.rooms())
	ctx := t.Context()
	asGroup := func(g *earshotv1.Group, err error) (proto.Message, error) { return g, err }
	asMessage := func(m *earshotv1.Message, err error) (proto.Message, error) { return m, err }
	wantGroup := view.Group(lunch)
	changed, _ := fake.message([32]byte{0xab}, "")
	wantMessage := view.Message(changed)
	for _, test := range []struct {
		asked string
		call  func() (proto.Message, error)
		want  proto.Message
	}{
		{"create lunch,true", func() (proto.Message, error) {
			return asGroup(client.CreateGroup(ctx, &earshotv1.CreateGroupRequest{Name: "lunch", Anyway: true}))
		}, wantGroup},
		{"group #lunch", func() (proto.Message, error) {
			return asGroup(client.GetGroup(ctx, &earshotv1.GetGroupRequest{Group: "#lunch"}))
		}, wantGroup},
		{"invite lunch,bob,eve", func() (proto.Message, error) {
			return client.Invite(ctx, &earshotv1.InviteRequest{Group: "lunch", Who: []string{"bob", "eve"}})
		}, &earshotv1.InviteResponse{Group: wantGroup, Invited: []*earshotv1.Person{view.Person(bob)}, Already: []*earshotv1.Person{view.Person(contacts.Person{Name: "Eve"})}}},
		{"hide lunch,true", func() (proto.Message, error) {
			return asGroup(client.Hide(ctx, &earshotv1.HideRequest{Group: "lunch", Hidden: true}))
		}, wantGroup},
		{"leave lunch", func() (proto.Message, error) {
			return asGroup(client.Leave(ctx, &earshotv1.LeaveRequest{Group: "lunch"}))
		}, wantGroup},
		{"remove lunch,bob", func() (proto.Message, error) {
			return asGroup(client.RemoveMember(ctx, &earshotv1.RemoveMemberRequest{Group: "lunch", Who: "bob"}))
		}, wantGroup},
		{"role lunch,bob,owner", func() (proto.Message, error) {
			return asGroup(client.SetRole(ctx, &earshotv1.SetRoleRequest{Group: "lunch", Who: "bob", Role: "owner"}))
		}, wantGroup},
		{"rename lunch,dinner,true", func() (proto.Message, error) {
			return asGroup(client.RenameGroup(ctx, &earshotv1.RenameGroupRequest{Group: "lunch", Name: "dinner", Anyway: true}))
		}, wantGroup},
		{"topic lunch,", func() (proto.Message, error) {
			return asGroup(client.SetTopic(ctx, &earshotv1.SetTopicRequest{Group: "lunch"}))
		}, wantGroup},
		{"history lunch,7d", func() (proto.Message, error) {
			return asGroup(client.SetHistory(ctx, &earshotv1.SetHistoryRequest{Group: "lunch", History: "7d"}))
		}, wantGroup},
		{"edit ab,better", func() (proto.Message, error) {
			return asMessage(client.Edit(ctx, &earshotv1.EditRequest{Id: messageID, Text: "better"}))
		}, wantMessage},
		{"recall ab", func() (proto.Message, error) {
			return asMessage(client.Recall(ctx, &earshotv1.RecallRequest{Id: messageID}))
		}, wantMessage},
		{"react ab,", func() (proto.Message, error) {
			return asMessage(client.React(ctx, &earshotv1.ReactRequest{Id: messageID}))
		}, wantMessage},
	} {
		got, err := test.call()
		if err != nil || fake.asked != test.asked || !proto.Equal(got, test.want) {
			t.Errorf("asked %q, want %q: %v, %v", fake.asked, test.asked, got, err)
		}
	}

	groups, err := client.Groups(ctx, &earshotv1.GroupsRequest{})
	if err != nil || len(groups.Groups) != 2 || !proto.Equal(groups.Groups[0], wantGroup) || groups.Groups[1].Name != "\uFFFD" {
		t.Errorf("Groups: %v, %v", groups, err)
	}
	if all, err := client.Groups(ctx, &earshotv1.GroupsRequest{All: true}); err != nil || len(all.Groups) != 3 || !all.Groups[1].Hidden {
		t.Errorf("all groups: %v, %v", all, err)
	}
	members, err := client.Members(ctx, &earshotv1.MembersRequest{Group: "lunch"})
	if err != nil || fake.asked != "members lunch" || len(members.Members) != 2 || members.Members[0].Person.GetName() != "Bob" ||
		members.Members[0].Role != "owner" || members.Members[0].Self || members.Members[0].Joined.GetSeconds() != 1700000000 ||
		!members.Members[1].Self || members.Members[1].Joined != nil {
		t.Errorf("Members: %v, %v", members, err)
	}
	receipts, err := client.Receipts(ctx, &earshotv1.ReceiptsRequest{Id: messageID})
	if err != nil || len(receipts.Reached) != 1 || receipts.Reached[0].Person.GetPerson() != bob.ID.String() || receipts.Reached[0].State != "read" {
		t.Errorf("Receipts: %v, %v", receipts, err)
	}
}

// What the schema names is filled from what the node says.
func TestGroupConverted(t *testing.T) {
	g := view.Group(lunch)
	if g.Id != lunch.ID.String() || g.Name != "lunch" || g.Topic != "Pizza" || g.History != "7d" || g.Role != "admin" || g.Members != 3 ||
		g.Online != 2 || g.Joined.GetSeconds() != 1700000000 || g.InvitedBy.GetPerson() != bob.ID.String() || !g.Frozen {
		t.Errorf("group: %v", g)
	}
	if g := view.Group(contacts.Group{}); g.InvitedBy != nil || g.Joined != nil || g.Role != "" {
		t.Errorf("empty group: %v", g)
	}
	changed, _ := new(groupNode).message([32]byte{}, "")
	m := view.Message(changed)
	if !m.Edited || !m.Mentioned || len(m.Mentions) != 2 || m.Mentions[1] != bob.ID.String() || len(m.Reactions) != 1 ||
		m.Reactions[0].From.Person != bob.ID.String() || m.Reactions[0].From.Name != "Bob" || m.Reactions[0].From.Device != "" || m.Reactions[0].Emoji != "\uFFFDx" {
		t.Errorf("message: %v", m)
	}
}

func TestGroupProblems(t *testing.T) {
	fake := new(groupNode)
	client, _ := serve(t, privateDir(t), fake.rooms())
	ctx := t.Context()
	for _, test := range []struct {
		err  error
		want string
	}{
		{contacts.ErrNotMember, localapi.CodeNotMember},
		{membership.ErrNotPermitted, localapi.CodeNotPermitted},
		{membership.ErrGroupFull, localapi.CodeGroupFull},
		{chat.ErrNotYours, localapi.CodeNotYours},
		{chat.ErrTooLate, localapi.CodeTooLate},
		{fmt.Errorf("commit: %w", store.ErrFull), localapi.CodeNoRoom},
		{chat.ErrEmoji, localapi.CodeEmoji},
		{&people.UnknownError{Who: "x"}, localapi.CodeUnknown},
		{&contacts.AmbiguousError{Who: "x"}, localapi.CodeAmbiguous},
		{&contacts.RenamedError{Who: "x", Persons: []contacts.Person{bob}}, localapi.CodeRenamed},
	} {
		fake.err = fmt.Errorf("lunch: %w", test.err)
		_, err := client.Leave(ctx, &earshotv1.LeaveRequest{Group: "lunch"})
		if got := code(err); got != test.want {
			t.Errorf("%v: %q, want %q", test.err, got, test.want)
		}
	}

	// Who has taken another name is told, and what a mistyped name may have been.
	renamed := contacts.Person{ID: bob.ID, Name: "Robert", Pinned: "Bob", Contact: true}
	fake.err = &contacts.RenamedError{Who: "Robert", Persons: []contacts.Person{renamed}}
	if _, err := client.Leave(ctx, &earshotv1.LeaveRequest{}); len(localapi.ProblemOf(err).GetPersons()) != 1 || localapi.ProblemOf(err).Persons[0].KnownAs != "Bob" {
		t.Errorf("renamed: %v", localapi.ProblemOf(err))
	}
	fake.err = &people.UnknownError{Who: "Bop", Near: []string{"Bob", "#Bo\xff"}, Claims: 1}
	if _, err := client.Leave(ctx, &earshotv1.LeaveRequest{}); !slices.Equal(localapi.ProblemOf(err).GetNear(), []string{"Bob", "#Bo\uFFFD"}) || localapi.ProblemOf(err).NearClaims != 1 {
		t.Errorf("mistyped: %v", localapi.ProblemOf(err))
	}

	// Persons and groups that one name fits are both told.
	fake.err = &contacts.AmbiguousError{Who: "x", Candidates: []contacts.Person{bob}, Groups: []contacts.Group{lunch, {ID: [32]byte{0x18}, Name: "Lunch"}}}
	_, err := client.GetGroup(ctx, &earshotv1.GetGroupRequest{Group: "x"})
	if p := localapi.ProblemOf(err); len(p.GetPersons()) != 1 || len(p.GetGroups()) != 2 || p.Groups[0].Id != lunch.ID.String() || p.Groups[1].Name != "Lunch" {
		t.Errorf("candidates: %v", p)
	}
}

// What can't be right does not reach the node.
func TestGroupRequestsAreBounded(t *testing.T) {
	fake := new(groupNode)
	client, _ := serve(t, privateDir(t), fake.rooms())
	ctx := t.Context()
	invite := func(who int) error {
		_, err := client.Invite(ctx, &earshotv1.InviteRequest{Group: "lunch", Who: make([]string, who)})
		return err
	}
	topic := func(size int) error {
		_, err := client.SetTopic(ctx, &earshotv1.SetTopicRequest{Group: "lunch", Topic: strings.Repeat("x", size)})
		return err
	}
	role := func(role string) error {
		_, err := client.SetRole(ctx, &earshotv1.SetRoleRequest{Group: "lunch", Who: "bob", Role: role})
		return err
	}
	_, edit := client.Edit(ctx, &earshotv1.EditRequest{Id: "ab", Text: "x"})
	_, recall := client.Recall(ctx, &earshotv1.RecallRequest{})
	_, react := client.React(ctx, &earshotv1.ReactRequest{Id: messageID + "00"})
	_, receipts := client.Receipts(ctx, &earshotv1.ReceiptsRequest{Id: "x" + messageID[1:]})
	for i, err := range []error{invite(0), invite(localapi.MaxInvited + 1), topic(localapi.MaxTopic + 1), role(""), role("king"), edit, recall, react, receipts} {
		if code(err) != localapi.CodeInvalid {
			t.Errorf("%d: %v", i, err)
		}
	}
	if fake.asked != "" {
		t.Errorf("asked %q", fake.asked)
	}
	for i, err := range []error{invite(localapi.MaxInvited), topic(localapi.MaxTopic), role(membership.RoleMember)} {
		if err != nil {
			t.Errorf("%d: %v", i, err)
		}
	}
}

// Lines go to the group that the name meant when the stream was opened.
func TestSendLinesToGroup(t *testing.T) {
	client, _ := serve(t, privateDir(t), newFake().rooms())
	stream := openLines(t, client, &earshotv1.SendLinesRequest_Open{To: "lunch"})
	defer stream.CloseResponse()
	if _, err := stream.Receive(); err != nil { // the answer to opening
		t.Fatal(err)
	}
	if err := stream.Send(&earshotv1.SendLinesRequest{Lines: []*earshotv1.SendLinesRequest_Line{{Text: "a"}}}); err != nil {
		t.Fatal(err)
	}
	r, err := stream.Receive()
	if err != nil || len(r.Sent) != 1 || r.Sent[0].To.GetKind() != "group" || r.Sent[0].To.GetId() != lunch.ID.String() {
		t.Errorf("%v, %v", r, err)
	}
	stream.CloseRequest()
	if _, err := stream.Receive(); !errors.Is(err, io.EOF) {
		t.Error(err)
	}
}

// A notice says all that the node says, in no words of its own.
func TestNoticeConverted(t *testing.T) {
	n := view.Notice(contacts.Notice{Cursor: 7, What: contacts.NoticeRole, Group: contacts.Target{Kind: "group", ID: "17", Name: "\xff"}, By: &bob, Own: true,
		Whom: []contacts.Person{bob}, Mine: true, Others: 3, Name: "lunch", Was: "dinner", Text: "t", Role: membership.RoleAdmin, History: "7d", Time: lunch.Joined})
	want := &earshotv1.Notice{Cursor: 7, Notice: "role", Group: &earshotv1.Target{Kind: "group", Id: "17", Name: "\uFFFD"}, By: view.Person(bob), Own: true,
		Whom: []*earshotv1.Person{view.Person(bob)}, Mine: true, Others: 3, Name: "lunch", Was: "dinner", Text: "t", Role: "admin", History: "7d", Time: view.Stamp(lunch.Joined)}
	if !proto.Equal(n, want) {
		t.Errorf("%v, want %v", n, want)
	}
	if n := view.Notice(contacts.Notice{}); n.By != nil || n.Time != nil {
		t.Errorf("empty notice: %v", n)
	}
	invited := view.Request(contacts.Request{Group: &contacts.Target{Kind: "group", ID: "17", Name: "lunch"}})
	if invited.Kind != "notice" || invited.Notice != "invited" || invited.Group.GetName() != "lunch" || invited.Text != "" {
		t.Errorf("invitation: %v", invited)
	}
	if wrote := view.Request(contacts.Request{Text: "hi"}); wrote.Kind != "text" || wrote.Notice != "" || wrote.Group != nil || wrote.Text != "hi" {
		t.Errorf("message: %v", wrote)
	}
}

// What has happened in a group comes with what else changes.
func TestChangesTellNotices(t *testing.T) {
	n := contacts.Notice{What: contacts.NoticeRemoved, Name: "lunch", Whom: []contacts.Person{bob}}
	if got := change(journal.Change{Kind: journal.Noticed, Notice: &n}).GetNotice(); !proto.Equal(got, view.Notice(n)) {
		t.Errorf("%v", got)
	}
}
