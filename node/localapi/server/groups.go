package server

import (
	"context"
	"fmt"
	"slices"

	"github.com/earshot-im/earshot/node/contacts"
	"github.com/earshot-im/earshot/node/localapi"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
	"github.com/earshot-im/earshot/node/localapi/view"
	"github.com/earshot-im/earshot/node/membership"
)

// Groups is the groups that the owner is or was in; *membership.Groups is one.
type Groups interface {
	// CreateGroup and RenameGroup return *contacts.NameTakenError if the name is taken, unless the
	// owner wants it anyway.
	CreateGroup(ctx context.Context, name string, anyway bool) (contacts.Group, error)
	// Groups returns the groups that the owner is in, by name, then those that they were in; hidden
	// ones too.
	Groups(ctx context.Context) ([]contacts.Group, error)
	Group(ctx context.Context, group string) (contacts.Group, error)
	// Members returns owners first, then admins, then by name.
	Members(ctx context.Context, group string) ([]membership.Member, error)
	// Invite invites all or none.
	Invite(ctx context.Context, group string, who []string) (membership.Invitation, error)
	Leave(ctx context.Context, group string) (contacts.Group, error)
	// Where who fits several persons equally, RemoveMember and SetRole mean the member.
	RemoveMember(ctx context.Context, group, who string) (contacts.Group, error)
	SetRole(ctx context.Context, group, who, role string) (contacts.Group, error)
	RenameGroup(ctx context.Context, group, name string, anyway bool) (contacts.Group, error)
	SetTopic(ctx context.Context, group, topic string) (contacts.Group, error)
	// SetHistory takes contacts.HistoryJoined, contacts.HistoryAll or days as "7d".
	SetHistory(ctx context.Context, group, history string) (contacts.Group, error)
	Hide(ctx context.Context, group string, hidden bool) (contacts.Group, error)
}

// groupsService answers the calls of service Groups.
type groupsService struct{ groups Groups }

var _ earshotv1.GroupsHandler = groupsService{}

func (s groupsService) CreateGroup(ctx context.Context, r *earshotv1.CreateGroupRequest) (*earshotv1.Group, error) {
	return oneGroup(s.groups.CreateGroup(ctx, r.Name, r.Anyway))
}

func (s groupsService) Groups(ctx context.Context, r *earshotv1.GroupsRequest) (*earshotv1.GroupsResponse, error) {
	groups, err := s.groups.Groups(ctx)
	groups = slices.DeleteFunc(slices.Clone(groups), func(g contacts.Group) bool { return g.Hidden && !r.All })
	return &earshotv1.GroupsResponse{Groups: view.Each(groups, view.Group)}, err
}

func (s groupsService) GetGroup(ctx context.Context, r *earshotv1.GetGroupRequest) (*earshotv1.Group, error) {
	return oneGroup(s.groups.Group(ctx, r.Group))
}

func (s groupsService) Members(ctx context.Context, r *earshotv1.MembersRequest) (*earshotv1.MembersResponse, error) {
	members, err := s.groups.Members(ctx, r.Group)
	return &earshotv1.MembersResponse{Members: view.Each(members, view.Member)}, err
}

func (s groupsService) Invite(ctx context.Context, r *earshotv1.InviteRequest) (*earshotv1.InviteResponse, error) {
	if len(r.Who) == 0 || len(r.Who) > localapi.MaxInvited {
		return nil, fmt.Errorf("%w: nobody was invited: 1 to %d persons are invited at once", errInvalid, localapi.MaxInvited)
	}
	v, err := s.groups.Invite(ctx, r.Group, r.Who)
	return &earshotv1.InviteResponse{Group: view.Group(v.Group), Invited: view.Each(v.Invited, view.Person), Already: view.Each(v.Already, view.Person)}, err
}

func (s groupsService) Leave(ctx context.Context, r *earshotv1.LeaveRequest) (*earshotv1.Group, error) {
	return oneGroup(s.groups.Leave(ctx, r.Group))
}

func (s groupsService) RemoveMember(ctx context.Context, r *earshotv1.RemoveMemberRequest) (*earshotv1.Group, error) {
	return oneGroup(s.groups.RemoveMember(ctx, r.Group, r.Who))
}

func (s groupsService) SetRole(ctx context.Context, r *earshotv1.SetRoleRequest) (*earshotv1.Group, error) {
	switch r.Role {
	case membership.RoleOwner, membership.RoleAdmin, membership.RoleMember:
		return oneGroup(s.groups.SetRole(ctx, r.Group, r.Who, r.Role))
	}
	return nil, fmt.Errorf("%w: no such role: %q", errInvalid, r.Role)
}

func (s groupsService) RenameGroup(ctx context.Context, r *earshotv1.RenameGroupRequest) (*earshotv1.Group, error) {
	return oneGroup(s.groups.RenameGroup(ctx, r.Group, r.Name, r.Anyway))
}

func (s groupsService) SetTopic(ctx context.Context, r *earshotv1.SetTopicRequest) (*earshotv1.Group, error) {
	if len(r.Topic) > localapi.MaxTopic {
		return nil, fmt.Errorf("%w: a topic has at most %d bytes", errInvalid, localapi.MaxTopic)
	}
	return oneGroup(s.groups.SetTopic(ctx, r.Group, r.Topic))
}

func (s groupsService) SetHistory(ctx context.Context, r *earshotv1.SetHistoryRequest) (*earshotv1.Group, error) {
	return oneGroup(s.groups.SetHistory(ctx, r.Group, r.History))
}

func (s groupsService) Hide(ctx context.Context, r *earshotv1.HideRequest) (*earshotv1.Group, error) {
	return oneGroup(s.groups.Hide(ctx, r.Group, r.Hidden))
}

func oneGroup(g contacts.Group, err error) (*earshotv1.Group, error) { return view.Group(g), err }
