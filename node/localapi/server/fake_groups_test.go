package server

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/chat"
	"github.com/earshot-im/earshot/node/contacts"
	"github.com/earshot-im/earshot/node/membership"
	"github.com/earshot-im/earshot/store/event"
)

var lunch = contacts.Group{
	ID: event.Conversation{0x17}, Name: "lunch", Topic: "Pizza", History: "7d", Role: membership.RoleAdmin,
	Members: 3, Online: 2, Joined: time.Unix(1700000000, 0), InvitedBy: &bob, Frozen: true,
}

// groupNode knows one group and notes what is asked of it. Where err is set, it answers
// with that.
type groupNode struct {
	Writing
	Delivery
	err   error
	asked string
}

func (n *groupNode) Settle(context.Context) {}

func (n *groupNode) rooms() Rooms { return Rooms{Writing: n, Delivery: n, Groups: n} }

func (n *groupNode) ask(method string, args ...string) error {
	n.asked = strings.TrimSpace(method + " " + strings.Join(args, ","))
	return n.err
}

func (n *groupNode) group(method string, args ...string) (contacts.Group, error) {
	return lunch, n.ask(method, args...)
}

func (n *groupNode) CreateGroup(_ context.Context, name string, anyway bool) (contacts.Group, error) {
	return n.group("create", name, fmt.Sprint(anyway))
}

func (n *groupNode) Groups(context.Context) ([]contacts.Group, error) {
	return []contacts.Group{lunch, {ID: event.Conversation{0x19}, Hidden: true}, {ID: event.Conversation{0x18}, Name: "\xff"}}, n.ask("groups")
}

func (n *groupNode) Group(_ context.Context, group string) (contacts.Group, error) {
	return n.group("group", group)
}

func (n *groupNode) Members(_ context.Context, group string) ([]membership.Member, error) {
	return []membership.Member{
		{Person: bob, Role: membership.RoleOwner, Joined: lunch.Joined},
		{Person: contacts.Person{ID: crypto.PersonID{1}, Name: "Ann"}, Role: membership.RoleAdmin, Self: true},
	}, n.ask("members", group)
}

func (n *groupNode) Invite(_ context.Context, group string, who []string) (membership.Invitation, error) {
	return membership.Invitation{Group: lunch, Invited: []contacts.Person{bob}, Already: []contacts.Person{{Name: "Eve"}}},
		n.ask("invite", append([]string{group}, who...)...)
}

func (n *groupNode) Hide(_ context.Context, group string, hidden bool) (contacts.Group, error) {
	return n.group("hide", group, fmt.Sprint(hidden))
}

func (n *groupNode) Leave(_ context.Context, group string) (contacts.Group, error) {
	return n.group("leave", group)
}

func (n *groupNode) RemoveMember(_ context.Context, group, who string) (contacts.Group, error) {
	return n.group("remove", group, who)
}

func (n *groupNode) SetRole(_ context.Context, group, who, role string) (contacts.Group, error) {
	return n.group("role", group, who, role)
}

func (n *groupNode) RenameGroup(_ context.Context, group, name string, anyway bool) (contacts.Group, error) {
	return n.group("rename", group, name, fmt.Sprint(anyway))
}

func (n *groupNode) SetTopic(_ context.Context, group, topic string) (contacts.Group, error) {
	return n.group("topic", group, topic)
}

func (n *groupNode) SetHistory(_ context.Context, group, history string) (contacts.Group, error) {
	return n.group("history", group, history)
}

func (n *groupNode) message(id event.ID, method string, args ...string) (chat.Message, error) {
	return chat.Message{
		ID:        id,
		To:        contacts.Target{Kind: "group", ID: lunch.ID.String(), Name: "lunch"},
		Edited:    true,
		Mentions:  []crypto.PersonID{{1}, bob.ID},
		Mentioned: true,
		Reactions: []chat.Reaction{{From: chat.Author{Person: bob.ID, Name: "Bob"}, Emoji: "\xffx"}},
	}, n.ask(method, append([]string{fmt.Sprintf("%x", id[:1])}, args...)...)
}

func (n *groupNode) Edit(_ context.Context, id event.ID, text string) (chat.Message, error) {
	return n.message(id, "edit", text)
}

func (n *groupNode) Recall(_ context.Context, id event.ID) (chat.Message, error) {
	return n.message(id, "recall")
}

func (n *groupNode) React(_ context.Context, id event.ID, emoji string) (chat.Message, error) {
	return n.message(id, "react", emoji)
}

func (n *groupNode) Receipts(_ context.Context, id event.ID) ([]chat.Reached, error) {
	return []chat.Reached{{Person: bob, Progress: chat.Progress{State: chat.StateRead}}}, n.ask("receipts", fmt.Sprintf("%x", id[:1]))
}
