package control

import (
	"context"
	"fmt"

	"github.com/earshot-im/earshot/node/chat"
	"github.com/earshot-im/earshot/node/contacts"
	controlv1 "github.com/earshot-im/earshot/node/control/v1"
)

const (
	// maxInvited is how many members groups are designed for.
	maxInvited = 500

	// maxTopic bounds a topic in bytes, as event.MaxTopic does.
	maxTopic = 1 << 10
)

func (s service) CreateGroup(ctx context.Context, r *controlv1.CreateGroupRequest) (*controlv1.Group, error) {
	return oneGroup(s.node.CreateGroup(ctx, r.Name))
}

func (s service) Groups(ctx context.Context, _ *controlv1.GroupsRequest) (*controlv1.GroupsResponse, error) {
	groups, err := s.node.Groups(ctx)
	return &controlv1.GroupsResponse{Groups: convert(groups, group)}, err
}

func (s service) GetGroup(ctx context.Context, r *controlv1.GetGroupRequest) (*controlv1.Group, error) {
	return oneGroup(s.node.Group(ctx, r.Group))
}

func (s service) Members(ctx context.Context, r *controlv1.MembersRequest) (*controlv1.MembersResponse, error) {
	members, err := s.node.Members(ctx, r.Group)
	return &controlv1.MembersResponse{Members: convert(members, member)}, err
}

func (s service) Invite(ctx context.Context, r *controlv1.InviteRequest) (*controlv1.Group, error) {
	if len(r.Who) == 0 || len(r.Who) > maxInvited {
		return nil, fmt.Errorf("%w: 1 to %d persons are invited at once", errInvalid, maxInvited)
	}
	return oneGroup(s.node.Invite(ctx, r.Group, r.Who))
}

func (s service) Leave(ctx context.Context, r *controlv1.LeaveRequest) (*controlv1.Group, error) {
	return oneGroup(s.node.Leave(ctx, r.Group))
}

func (s service) RemoveMember(ctx context.Context, r *controlv1.RemoveMemberRequest) (*controlv1.Group, error) {
	return oneGroup(s.node.RemoveMember(ctx, r.Group, r.Who))
}

func (s service) SetRole(ctx context.Context, r *controlv1.SetRoleRequest) (*controlv1.Group, error) {
	switch r.Role {
	case chat.RoleOwner, chat.RoleAdmin, chat.RoleMember:
		return oneGroup(s.node.SetRole(ctx, r.Group, r.Who, r.Role))
	}
	return nil, fmt.Errorf("%w: no such role: %q", errInvalid, r.Role)
}

func (s service) RenameGroup(ctx context.Context, r *controlv1.RenameGroupRequest) (*controlv1.Group, error) {
	return oneGroup(s.node.RenameGroup(ctx, r.Group, r.Name))
}

func (s service) SetTopic(ctx context.Context, r *controlv1.SetTopicRequest) (*controlv1.Group, error) {
	if len(r.Topic) > maxTopic {
		return nil, fmt.Errorf("%w: a topic has at most %d bytes", errInvalid, maxTopic)
	}
	return oneGroup(s.node.SetTopic(ctx, r.Group, r.Topic))
}

func (s service) SetHistory(ctx context.Context, r *controlv1.SetHistoryRequest) (*controlv1.Group, error) {
	return oneGroup(s.node.SetHistory(ctx, r.Group, r.History))
}

func oneGroup(g contacts.Group, err error) (*controlv1.Group, error) { return group(g), err }
