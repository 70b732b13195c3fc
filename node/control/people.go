package control

import (
	"context"

	"github.com/earshot-im/earshot/node/contacts"
	controlv1 "github.com/earshot-im/earshot/node/control/v1"
)

func (s service) Status(ctx context.Context, _ *controlv1.StatusRequest) (*controlv1.StatusResponse, error) {
	v, err := s.node.Status(ctx)
	return &controlv1.StatusResponse{
		Person:    v.Person.String(),
		Name:      v.Name,
		Device:    v.Device.String(),
		Version:   v.Version,
		Listening: v.Listening,
		Peers:     uint32(v.Peers),
		Outbox:    uint32(v.Outbox),
		Warnings:  convert(v.Warnings, Warning),
	}, err
}

func (s service) Down(context.Context, *controlv1.DownRequest) (*controlv1.DownResponse, error) {
	s.node.Down()
	return &controlv1.DownResponse{}, nil
}

func (s service) Peers(ctx context.Context, _ *controlv1.PeersRequest) (*controlv1.PeersResponse, error) {
	peers, err := s.node.Peers(ctx)
	return &controlv1.PeersResponse{Peers: convert(peers, peer)}, err
}

func (s service) Me(ctx context.Context, _ *controlv1.MeRequest) (*controlv1.MeResponse, error) {
	me, err := s.node.Me(ctx)
	return &controlv1.MeResponse{
		Person:       me.Person.String(),
		Name:         me.Name,
		Device:       me.Device.String(),
		Accept:       me.Accept,
		ReadReceipts: me.ReadReceipts,
	}, err
}

func (s service) UpdateMe(ctx context.Context, r *controlv1.UpdateMeRequest) (*controlv1.MeResponse, error) {
	if r.Name != nil {
		if err := s.node.SetName(ctx, *r.Name); err != nil {
			return nil, err
		}
	}
	if r.Accept != nil {
		if err := s.node.SetAccept(ctx, *r.Accept); err != nil {
			return nil, err
		}
	}
	if r.ReadReceipts != nil {
		if err := s.node.SetReadReceipts(ctx, *r.ReadReceipts); err != nil {
			return nil, err
		}
	}
	return s.Me(ctx, nil)
}

func (s service) Contacts(ctx context.Context, _ *controlv1.ContactsRequest) (*controlv1.ContactsResponse, error) {
	persons, err := s.node.Contacts(ctx)
	return &controlv1.ContactsResponse{Persons: convert(persons, person)}, err
}

func (s service) NameContact(ctx context.Context, r *controlv1.NameContactRequest) (*controlv1.Person, error) {
	return one(s.node.NameContact(ctx, r.Who, r.Petname))
}

func (s service) SafetyWords(ctx context.Context, r *controlv1.SafetyWordsRequest) (*controlv1.SafetyWordsResponse, error) {
	words, p, err := s.node.SafetyWords(ctx, r.Who)
	return &controlv1.SafetyWordsResponse{Person: person(p), Words: words[:]}, err
}

func (s service) Verify(ctx context.Context, r *controlv1.VerifyRequest) (*controlv1.Person, error) {
	return one(s.node.Verify(ctx, r.Who, r.Words, r.Petname))
}

func (s service) Requests(ctx context.Context, _ *controlv1.RequestsRequest) (*controlv1.RequestsResponse, error) {
	requests, err := s.node.Requests(ctx)
	return &controlv1.RequestsResponse{Requests: convert(requests, request)}, err
}

func (s service) Accept(ctx context.Context, r *controlv1.AcceptRequest) (*controlv1.Person, error) {
	return one(s.node.Accept(ctx, r.Who, r.Petname))
}

func (s service) Block(ctx context.Context, r *controlv1.BlockRequest) (*controlv1.Person, error) {
	return one(s.node.Block(ctx, r.Who))
}

func (s service) Unblock(ctx context.Context, r *controlv1.UnblockRequest) (*controlv1.Person, error) {
	return one(s.node.Unblock(ctx, r.Who))
}

func one(p contacts.Person, err error) (*controlv1.Person, error) { return person(p), err }
