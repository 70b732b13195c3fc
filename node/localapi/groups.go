package localapi

import (
	"context"
	"fmt"

	"github.com/earshot-im/earshot/node/chat"
	"github.com/earshot-im/earshot/node/contacts"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

const (
	// maxInvited is how many members groups are designed for.
	maxInvited = 500

	// maxTopic bounds a topic in bytes, as event.MaxTopic does.
	maxTopic = 1 << 10
)

func (s service) CreateGroup(ctx context.Context, r *earshotv1.CreateGroupRequest) (*earshotv1.Group, error) {
	return oneGroup(s.node.CreateGroup(ctx, r.Name))
}

func (s service) Groups(ctx context.Context, _ *earshotv1.GroupsRequest) (*earshotv1.GroupsResponse, error) {
	groups, err := s.node.Groups(ctx)
	return &earshotv1.GroupsResponse{Groups: convert(groups, group)}, err
}

func (s service) GetGroup(ctx context.Context, r *earshotv1.GetGroupRequest) (*earshotv1.Group, error) {
	return oneGroup(s.node.Group(ctx, r.Group))
}

func (s service) Members(ctx context.Context, r *earshotv1.MembersRequest) (*earshotv1.MembersResponse, error) {
	members, err := s.node.Members(ctx, r.Group)
	return &earshotv1.MembersResponse{Members: convert(members, member)}, err
}

func (s service) Invite(ctx context.Context, r *earshotv1.InviteRequest) (*earshotv1.Group, error) {
	if len(r.Who) == 0 || len(r.Who) > maxInvited {
		return nil, fmt.Errorf("%w: 1 to %d persons are invited at once", errInvalid, maxInvited)
	}
	return oneGroup(s.node.Invite(ctx, r.Group, r.Who))
}

func (s service) Leave(ctx context.Context, r *earshotv1.LeaveRequest) (*earshotv1.Group, error) {
	return oneGroup(s.node.Leave(ctx, r.Group))
}

func (s service) RemoveMember(ctx context.Context, r *earshotv1.RemoveMemberRequest) (*earshotv1.Group, error) {
	return oneGroup(s.node.RemoveMember(ctx, r.Group, r.Who))
}

func (s service) SetRole(ctx context.Context, r *earshotv1.SetRoleRequest) (*earshotv1.Group, error) {
	switch r.Role {
	case chat.RoleOwner, chat.RoleAdmin, chat.RoleMember:
		return oneGroup(s.node.SetRole(ctx, r.Group, r.Who, r.Role))
	}
	return nil, fmt.Errorf("%w: no such role: %q", errInvalid, r.Role)
}

func (s service) RenameGroup(ctx context.Context, r *earshotv1.RenameGroupRequest) (*earshotv1.Group, error) {
	return oneGroup(s.node.RenameGroup(ctx, r.Group, r.Name))
}

func (s service) SetTopic(ctx context.Context, r *earshotv1.SetTopicRequest) (*earshotv1.Group, error) {
	if len(r.Topic) > maxTopic {
		return nil, fmt.Errorf("%w: a topic has at most %d bytes", errInvalid, maxTopic)
	}
	return oneGroup(s.node.SetTopic(ctx, r.Group, r.Topic))
}

func (s service) SetHistory(ctx context.Context, r *earshotv1.SetHistoryRequest) (*earshotv1.Group, error) {
	return oneGroup(s.node.SetHistory(ctx, r.Group, r.History))
}

func oneGroup(g contacts.Group, err error) (*earshotv1.Group, error) { return group(g), err }
