package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/earshot-im/earshot/cmd/earshot/problem"
	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/chat"
	"github.com/earshot-im/earshot/node/contacts"
	"github.com/earshot-im/earshot/node/files"
	"github.com/earshot-im/earshot/node/localapi"
	"github.com/earshot-im/earshot/node/localapi/server"
	"github.com/earshot-im/earshot/node/membership"
	"github.com/earshot-im/earshot/store/event"
)

var (
	testBob   = contacts.Person{ID: crypto.PersonID{0xb0}, Name: "Bob", Pinned: "Bob", Contact: true}
	testLunch = contacts.Group{ID: event.Conversation{0x17}, Name: "lunch", Topic: "Pizza", History: "7d", Role: membership.RoleOwner, Members: 2, Online: 1}
	testID    = event.ID{0xab}
)

// groupNode is a fake node that notes what it is asked, and answers Groups with what the test sets.
type groupNode struct {
	changingNode
	server.Writing
	server.Delivery
	server.Reading
	asked string

	groups []contacts.Group
}

func (*groupNode) Settle(context.Context) {}

// serveGroups answers in a directory until the test ends.
func serveGroups(t *testing.T) (n *groupNode, dir string) {
	n = &groupNode{changingNode: newChangingNode()}
	return n, serve(t, server.Rooms{Node: n, Writing: n, Delivery: n, Reading: n, Groups: n, Files: noFiles{}})
}

// noFiles is a node on which no message has files.
type noFiles struct{ server.Files }

func (noFiles) List(context.Context, files.Page) ([]files.Attached, bool, error) {
	return nil, false, nil
}

// serve has the rooms of a node answer in a directory until the test ends.
func serve(t *testing.T, r server.Rooms) (dir string) {
	dir, err := os.MkdirTemp("", "cli") // short enough for a socket
	if err != nil {
		t.Fatal(err)
	}
	api := server.New(server.Config{Dir: dir, Rooms: r})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- api.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		os.RemoveAll(dir)
	})
	select {
	case <-api.Ready():
	case err := <-ended:
		t.Fatal(err)
	}
	return dir
}

func (n *groupNode) group(asked ...string) (contacts.Group, error) {
	n.asked = strings.Join(asked, "|")
	if asked[1] == "twins" {
		other := contacts.Group{ID: event.Conversation{0x18}, Name: "twins"}
		return contacts.Group{}, &contacts.AmbiguousError{Who: "twins", Candidates: []contacts.Person{testBob}, Groups: []contacts.Group{testLunch, other}}
	}
	return testLunch, nil
}

func (n *groupNode) CreateGroup(_ context.Context, name string, anyway bool) (contacts.Group, error) {
	return n.group("create", name+map[bool]string{true: " anyway"}[anyway])
}
func (n *groupNode) Group(_ context.Context, g string) (contacts.Group, error) {
	return n.group("get", g)
}
func (n *groupNode) Leave(_ context.Context, g string) (contacts.Group, error) {
	return n.group("leave", g)
}
func (n *groupNode) Invite(_ context.Context, g string, who []string) (membership.Invitation, error) {
	group, err := n.group("invite", g, strings.Join(who, ","))
	return membership.Invitation{Group: group, Invited: []contacts.Person{testBob}, Already: []contacts.Person{{ID: crypto.PersonID{0xe0}, Name: "Eve"}}}, err
}
func (n *groupNode) Hide(_ context.Context, g string, hidden bool) (contacts.Group, error) {
	group, err := n.group("hide", g, fmt.Sprint(hidden))
	group.Hidden = hidden
	return group, err
}
func (n *groupNode) RemoveMember(_ context.Context, g, who string) (contacts.Group, error) {
	return n.group("remove", g, who)
}
func (n *groupNode) SetRole(_ context.Context, g, who, role string) (contacts.Group, error) {
	return n.group("role", g, who, role)
}
func (n *groupNode) RenameGroup(_ context.Context, g, name string, anyway bool) (contacts.Group, error) {
	return n.group("rename", g, name+map[bool]string{true: " anyway"}[anyway])
}
func (n *groupNode) SetTopic(_ context.Context, g, topic string) (contacts.Group, error) {
	return n.group("topic", g, topic)
}
func (n *groupNode) SetHistory(_ context.Context, g, policy string) (contacts.Group, error) {
	return n.group("history", g, policy)
}

func (n *groupNode) Members(_ context.Context, g string) ([]membership.Member, error) {
	_, err := n.group("members", g)
	return []membership.Member{{Person: testBob, Role: membership.RoleAdmin}, {Person: contacts.Person{Name: "Ann"}, Role: membership.RoleOwner, Self: true}}, err
}

func (n *groupNode) message(asked ...string) (chat.Message, error) {
	n.asked = strings.Join(asked, "|")
	return chat.Message{ID: testID, To: contacts.Target{Kind: "group", Name: "lunch"}, Own: true, Progress: chat.Progress{State: chat.StateQueued}, Kind: "text", Text: "hi"}, nil
}

func (n *groupNode) Edit(_ context.Context, id event.ID, text string) (chat.Message, error) {
	return n.message("edit", fmt.Sprintf("%x", id), text)
}
func (n *groupNode) Recall(_ context.Context, id event.ID) (chat.Message, error) {
	return n.message("recall", fmt.Sprintf("%x", id))
}
func (n *groupNode) React(_ context.Context, id event.ID, emoji string) (chat.Message, error) {
	return n.message("react", fmt.Sprintf("%x", id), emoji)
}
func (n *groupNode) Receipts(_ context.Context, id event.ID) ([]chat.Reached, error) {
	_, err := n.message("receipts", fmt.Sprintf("%x", id))
	return []chat.Reached{{Person: testBob, Progress: chat.Progress{State: chat.StateDelivered}}}, err
}

func (n *groupNode) Groups(context.Context) ([]contacts.Group, error) { return n.groups, nil }

// Each command asks the node for what was typed, and prints what came of it.
func TestGroupCommands(t *testing.T) {
	n, dir := serveGroups(t)
	old := contacts.Group{ID: event.Conversation{0x19}, Name: "old", Hidden: true}
	n.groups = []contacts.Group{testLunch, old}
	hidden := old.ID.String() + "  #old  you are not in it any more, hidden\n"
	id, message := testLunch.ID.String(), fmt.Sprintf("%x", testID)
	row := "#lunch  2 members, 1 online; you are owner; newcomers read the last 7 days; topic: \"Pizza\"\n"
	policy := "7d  newcomers read the last 7 days\n"
	hi := "-  ab000000  #lunch  me [queued]: hi\n"
	for _, test := range []struct{ args, asked, want string }{
		{"group create lunch", "create|lunch", id + "\n"},
		{"group create #lunch", "create|lunch", id + "\n"},
		{"group create lunch --anyway", "create|lunch anyway", id + "\n"},
		{"group list", "", "#lunch            2 members, 1 online, owner\n"},
		{"group list --long", "", id + "  " + row},
		{"group list --all --long", "", id + "  " + row + hidden},
		{"group invite lunch bob eve", "invite|lunch|bob,eve", "Bob (b000000000000000) was added to #lunch\n\"Eve\" (not a contact yet e000000000000000) was in #lunch already\n"},
		{"group hide lunch", "hide|lunch|true", strings.Replace(row, "topic", "hidden; topic", 1)},
		{"group unhide lunch", "hide|lunch|false", row},
		{"group leave #lunch", "leave|#lunch", row},
		{"group remove lunch bob", "remove|lunch|bob", row},
		{"group role lunch bob admin", "role|lunch|bob|admin", row},
		{"group rename lunch #dinner", "rename|lunch|dinner", row},
		{"group rename lunch dinner --anyway", "rename|lunch|dinner anyway", row},
		{"group topic lunch", "get|lunch", "\"Pizza\"\n"},
		{"group topic lunch Soup today", "topic|lunch|Soup today", row},
		{"group topic lunch ''", "topic|lunch|", row},
		{"group history lunch", "get|lunch", policy},
		{"group history lunch 36500d", "history|lunch|36500d", policy},
		{"group history lunch all", "history|lunch|all", policy},
		{"group members lunch", "members|lunch", "Bob (b000000000000000)  admin  offline\nAnn (you)               owner  offline\n"},
		{"edit ID one two", "edit|" + message + "|one two", hi},
		{"recall ID", "recall|" + message, hi},
		{"react ID +1", "react|" + message + "|+1", hi},
		{"react ID ''", "react|" + message + "|", hi},
		{"receipts ID", "receipts|" + message, "Bob (b000000000000000)  delivered\n"},
	} {
		args := strings.Fields("--dir " + dir + " " + strings.ReplaceAll(test.args, "ID", message))
		for i := range args {
			args[i] = strings.Trim(args[i], "'")
		}
		n.asked = ""
		exit, stdout, stderr := runArgs(t, args...)
		if exit != 0 || n.asked != test.asked || stdout != test.want || stderr != "" {
			t.Errorf("%s: exit %d, asked %q, stdout %q, stderr %q", test.args, exit, n.asked, stdout, stderr)
		}
		exit, stdout, stderr = runArgs(t, append(args, "--json")...)
		lines := strings.Count(test.want, "\n")
		if strings.Contains(test.args, "invite") {
			lines = 1 // one object has all
		}
		if exit != 0 || strings.Count(stdout, "\n") != lines || !json.Valid([]byte(strings.Split(stdout, "\n")[0])) || stderr != "" {
			t.Errorf("%s as JSON: exit %d, stdout %q, stderr %q", test.args, exit, stdout, stderr)
		}
	}
}

func (n *groupNode) Send(context.Context, chat.Outgoing) (chat.Message, error) {
	return n.message("send")
}

func (n *groupNode) Wait(context.Context, event.ID, string) (chat.Message, error) {
	m, err := n.message("wait")
	m.Progress = chat.Progress{State: chat.StateUndelivered, Reason: chat.ReasonRemoved}
	return m, err
}

// Waiting for a message that can't be delivered any more ends, and says why.
func TestSendWaitEndsWhenRemoved(t *testing.T) {
	_, dir := serveGroups(t)
	for _, test := range []struct{ flag, stdout, stderr string }{
		{"--json=false", fmt.Sprintf("%x\n", testID), "earshot: not delivered: you were removed\n"},
		{"--json", `"state":"undelivered","reason":"removed"`, `"code":"undelivered"`},
	} {
		exit, stdout, stderr := runArgs(t, "--dir", dir, "send", "#lunch", "hi", "--wait", "delivered", test.flag)
		if exit != problem.ExitFailed || !strings.Contains(stdout, test.stdout) || !strings.Contains(stderr, test.stderr) {
			t.Errorf("%s: exit %d, stdout %q, stderr %q", test.flag, exit, stdout, stderr)
		}
	}
}

// A name that several persons and groups have means none of them, and all of them are listed.
func TestAmbiguousGroup(t *testing.T) {
	_, dir := serveGroups(t)
	exit, stdout, stderr := runArgs(t, "--dir", dir, "group", "leave", "twins")
	if want := `earshot: "twins" fits 1 person and 2 groups
  b000000000000000000000000000000000000000000000000000000000000000  Bob (b000000000000000)
  1700000000000000000000000000000000000000000000000000000000000000  #lunch  2 members, 1 online; you are owner; newcomers read the last 7 days; topic: "Pizza"
  1800000000000000000000000000000000000000000000000000000000000000  #twins  you are not in it any more
  say which: use an ID instead of the name
`; exit != problem.ExitWho || stdout != "" || stderr != want {
		t.Errorf("exit %d, stdout %q, stderr:\n%s", exit, stdout, stderr)
	}
	exit, _, stderr = runArgs(t, "--dir", dir, "--json", "group", "members", "twins")
	var told struct {
		Code       string
		Candidates []struct{ Person string }
		Groups     []struct{ ID, Name string }
	}
	if err := json.Unmarshal([]byte(stderr), &told); err != nil || exit != problem.ExitWho || told.Code != localapi.CodeAmbiguous || len(told.Candidates) != 1 ||
		len(told.Groups) != 2 || told.Groups[0].ID != testLunch.ID.String() || told.Groups[1].Name != "twins" {
		t.Errorf("exit %d, stderr %s", exit, stderr)
	}
}
