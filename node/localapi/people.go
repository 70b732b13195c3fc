package localapi

import (
	"context"

	"github.com/earshot-im/earshot/node/contacts"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

func (s service) Status(ctx context.Context, _ *earshotv1.StatusRequest) (*earshotv1.StatusResponse, error) {
	v, err := s.node.Status(ctx)
	return &earshotv1.StatusResponse{
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

func (s service) Down(context.Context, *earshotv1.DownRequest) (*earshotv1.DownResponse, error) {
	s.node.Down()
	return &earshotv1.DownResponse{}, nil
}

func (s service) Peers(ctx context.Context, _ *earshotv1.PeersRequest) (*earshotv1.PeersResponse, error) {
	peers, err := s.node.Peers(ctx)
	return &earshotv1.PeersResponse{Peers: convert(peers, peer)}, err
}

func (s service) Me(ctx context.Context, _ *earshotv1.MeRequest) (*earshotv1.MeResponse, error) {
	me, err := s.node.Me(ctx)
	return &earshotv1.MeResponse{
		Person:       me.Person.String(),
		Name:         me.Name,
		Device:       me.Device.String(),
		Accept:       me.Accept,
		ReadReceipts: me.ReadReceipts,
	}, err
}

func (s service) UpdateMe(ctx context.Context, r *earshotv1.UpdateMeRequest) (*earshotv1.MeResponse, error) {
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

func (s service) Contacts(ctx context.Context, _ *earshotv1.ContactsRequest) (*earshotv1.ContactsResponse, error) {
	persons, err := s.node.Contacts(ctx)
	return &earshotv1.ContactsResponse{Persons: convert(persons, person)}, err
}

func (s service) NameContact(ctx context.Context, r *earshotv1.NameContactRequest) (*earshotv1.Person, error) {
	return one(s.node.NameContact(ctx, r.Who, r.Petname))
}

func (s service) SafetyWords(ctx context.Context, r *earshotv1.SafetyWordsRequest) (*earshotv1.SafetyWordsResponse, error) {
	words, p, err := s.node.SafetyWords(ctx, r.Who)
	return &earshotv1.SafetyWordsResponse{Person: person(p), Words: words[:]}, err
}

func (s service) Verify(ctx context.Context, r *earshotv1.VerifyRequest) (*earshotv1.Person, error) {
	return one(s.node.Verify(ctx, r.Who, r.Words, r.Petname))
}

func (s service) Requests(ctx context.Context, _ *earshotv1.RequestsRequest) (*earshotv1.RequestsResponse, error) {
	requests, err := s.node.Requests(ctx)
	return &earshotv1.RequestsResponse{Requests: convert(requests, request)}, err
}

func (s service) Accept(ctx context.Context, r *earshotv1.AcceptRequest) (*earshotv1.Person, error) {
	return one(s.node.Accept(ctx, r.Who, r.Petname))
}

func (s service) Block(ctx context.Context, r *earshotv1.BlockRequest) (*earshotv1.Person, error) {
	return one(s.node.Block(ctx, r.Who))
}

func (s service) Unblock(ctx context.Context, r *earshotv1.UnblockRequest) (*earshotv1.Person, error) {
	return one(s.node.Unblock(ctx, r.Who))
}

func one(p contacts.Person, err error) (*earshotv1.Person, error) { return person(p), err }
