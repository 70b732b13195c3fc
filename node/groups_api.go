package node

import (
	"context"
	"errors"

	"github.com/earshot-im/earshot/store/event"
)

// Target returns whom or what WHO means. Persons only, until groups are here.
func (n *Node) Target(ctx context.Context, who string) (Target, error) {
	p, err := n.Resolve(ctx, who)
	if err != nil {
		return Target{}, err
	}
	return Target{Kind: "person", ID: p.ID.String(), Name: p.Name}, nil
}

func (n *Node) CreateGroup(context.Context, string) (Group, error) {
	return Group{}, errors.ErrUnsupported
}

func (n *Node) Groups(context.Context) ([]Group, error) { return nil, nil }

func (n *Node) Group(context.Context, string) (Group, error) { return Group{}, errors.ErrUnsupported }

func (n *Node) Members(context.Context, string) ([]Member, error) { return nil, errors.ErrUnsupported }

func (n *Node) Invite(context.Context, string, []string) (Group, error) {
	return Group{}, errors.ErrUnsupported
}

func (n *Node) Leave(context.Context, string) (Group, error) { return Group{}, errors.ErrUnsupported }

func (n *Node) RemoveMember(context.Context, string, string) (Group, error) {
	return Group{}, errors.ErrUnsupported
}

func (n *Node) SetRole(context.Context, string, string, string) (Group, error) {
	return Group{}, errors.ErrUnsupported
}

func (n *Node) RenameGroup(context.Context, string, string) (Group, error) {
	return Group{}, errors.ErrUnsupported
}

func (n *Node) SetTopic(context.Context, string, string) (Group, error) {
	return Group{}, errors.ErrUnsupported
}

func (n *Node) SetHistory(context.Context, string, string) (Group, error) {
	return Group{}, errors.ErrUnsupported
}

func (n *Node) Edit(context.Context, event.ID, string) (Message, error) {
	return Message{}, errors.ErrUnsupported
}

func (n *Node) Recall(context.Context, event.ID) (Message, error) {
	return Message{}, errors.ErrUnsupported
}

func (n *Node) React(context.Context, event.ID, string) (Message, error) {
	return Message{}, errors.ErrUnsupported
}

func (n *Node) Receipts(context.Context, event.ID) ([]Reached, error) {
	return nil, errors.ErrUnsupported
}
