package localapi

import (
	"context"

	"github.com/earshot-im/earshot/node"
	"github.com/earshot-im/earshot/node/chat"
	"github.com/earshot-im/earshot/node/contacts"
	"github.com/earshot-im/earshot/node/people"
	"github.com/earshot-im/earshot/store/event"
)

// Node is what the server needs of a *node.Node. Every method may be called from many goroutines,
// also after the node has ended: then it returns an error.
type Node interface {
	Status(ctx context.Context) (node.Status, error)
	// Down asks the node to end and does not wait for it.
	Down()
	Peers(ctx context.Context) ([]node.Peer, error)
	Me(ctx context.Context) (people.Me, error)
	SetName(ctx context.Context, name string) error
	SetAccept(ctx context.Context, accept string) error
	SetReadReceipts(ctx context.Context, on bool) error
	// Changed and PeersChanged return their counter as soon as it is past after.
	Changed(ctx context.Context, after uint64) (uint64, error)
	PeersChanged(ctx context.Context, after uint64) (uint64, error)

	// Target returns the person or group that WHO means. kind is "person" or "group" if it must be
	// one of these, else empty.
	Target(ctx context.Context, who, kind string) (contacts.Target, error)
	// Address is Target for a caller who is about to send: it makes a person a contact.
	Address(ctx context.Context, who string) (contacts.Target, error)
	Send(ctx context.Context, out chat.Outgoing) (chat.Message, error)
	// SendAll sends in order, in as few commits as it can. It stops at the first that can't be sent
	// and returns those before it, with the error.
	SendAll(ctx context.Context, out []chat.Outgoing) ([]chat.Message, error)
	// Wait returns once the message has reached the state or can't any more. When ctx ends first it
	// returns the message as it is, and the context's error.
	Wait(ctx context.Context, id event.ID, state string) (chat.Message, error)
	// WaitLeading is Wait for the first of many messages. It returns how far that message has come,
	// and the same for the messages after it that have reached the state as well, up to the first
	// that has not. If ctx ends first, it returns how far the first message has come, and the
	// context's error.
	WaitLeading(ctx context.Context, ids []event.ID, state string) ([]chat.Progress, error)
	// Unread returns unread messages whose cursor is past after, by cursor.
	Unread(ctx context.Context, after uint64, f chat.Filter, limit int) (chat.Page, error)
	MarkRead(ctx context.Context, ids ...event.ID) error
	// Arrivals returns messages of others whose cursor is past after, by cursor.
	Arrivals(ctx context.Context, after uint64, f chat.Filter, limit int) (chat.Page, error)
	// Cursor and SetCursor read and set how far a reader, known by name and filter, has read.
	Cursor(ctx context.Context, name string, f chat.Filter) (uint64, error)
	SetCursor(ctx context.Context, name string, f chat.Filter, n uint64) error
	History(ctx context.Context, who string, r chat.HistoryRange) ([]chat.Message, error)
	Outbox(ctx context.Context) ([]chat.Pending, error)
	Cancel(ctx context.Context, id event.ID) (chat.Message, error)
	Edit(ctx context.Context, id event.ID, text string) (chat.Message, error)
	Recall(ctx context.Context, id event.ID) (chat.Message, error)
	// React takes the reaction back where emoji is empty.
	React(ctx context.Context, id event.ID, emoji string) (chat.Message, error)
	Receipts(ctx context.Context, id event.ID) ([]chat.Reached, error)

	Contacts(ctx context.Context) ([]contacts.Person, error)
	NameContact(ctx context.Context, who, petname string) (contacts.Person, error)
	SafetyWords(ctx context.Context, who string) ([10]string, contacts.Person, error)
	// Verify returns contacts.ErrWords unless words are the safety words of who.
	Verify(ctx context.Context, who, words, petname string) (contacts.Person, error)
	Requests(ctx context.Context) ([]contacts.Request, error)
	Accept(ctx context.Context, who, petname string) (contacts.Person, error)
	Block(ctx context.Context, who string) (contacts.Person, error)
	Unblock(ctx context.Context, who string) (contacts.Person, error)

	CreateGroup(ctx context.Context, name string) (contacts.Group, error)
	// Groups returns the groups that the owner is in, by name, then those that they were in.
	Groups(ctx context.Context) ([]contacts.Group, error)
	Group(ctx context.Context, group string) (contacts.Group, error)
	// Members returns owners first, then admins, then by name.
	Members(ctx context.Context, group string) ([]chat.Member, error)
	Invite(ctx context.Context, group string, who []string) (contacts.Group, error)
	Leave(ctx context.Context, group string) (contacts.Group, error)
	// Where who fits several persons equally, RemoveMember and SetRole mean the member.
	RemoveMember(ctx context.Context, group, who string) (contacts.Group, error)
	SetRole(ctx context.Context, group, who, role string) (contacts.Group, error)
	RenameGroup(ctx context.Context, group, name string) (contacts.Group, error)
	SetTopic(ctx context.Context, group, topic string) (contacts.Group, error)
	// SetHistory takes contacts.HistoryJoined, contacts.HistoryAll or days as "7d".
	SetHistory(ctx context.Context, group, history string) (contacts.Group, error)
}
