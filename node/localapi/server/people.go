package server

import (
	"context"
	"fmt"

	"github.com/earshot-im/earshot/node/chat"
	"github.com/earshot-im/earshot/node/contacts"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
	"github.com/earshot-im/earshot/node/localapi/view"
)

// People is who is known here and what the owner says of them; *contacts.Contacts is one.
type People interface {
	// Target returns the person or group that WHO means. kind is "person" or "group" if it must be
	// one of these, else empty.
	Target(ctx context.Context, who, kind string) (contacts.Target, error)
	Contacts(ctx context.Context) ([]contacts.Person, error)
	// Like returns the contacts whose names look like what WHO, who is none, calls themselves.
	Like(ctx context.Context, who string) ([]contacts.Person, error)
	NameContact(ctx context.Context, who, petname string, anyway bool) (contacts.Person, error)
	SafetyWords(ctx context.Context, who string) ([10]string, contacts.Person, error)
	// Verify returns contacts.ErrWords unless words are the safety words of who.
	Verify(ctx context.Context, who, words, petname string) (contacts.Person, error)
	Requests(ctx context.Context) ([]contacts.Request, error)
	// ForgetRequests returns of whom something was taken away.
	ForgetRequests(ctx context.Context, who []string, all bool) ([]contacts.Person, error)
	Accept(ctx context.Context, who, petname string) (contacts.Person, error)
	Block(ctx context.Context, who string) (contacts.Person, error)
	Unblock(ctx context.Context, who string) (contacts.Person, error)
	// Newcomers returns a few who may have come in place of the contact whom WHO means.
	Newcomers(ctx context.Context, who string) (contacts.Newcomers, error)
}

// Replacing is how a contact ends as one; *chat.Messages is one, since it takes groups and what is
// still to be delivered.
type Replacing interface {
	// ReplaceContact returns contacts.ErrWords unless the words are those of the new person, or are
	// not to be compared.
	ReplaceContact(context.Context, chat.Replacement) (chat.Replaced, error)
	// RemoveContact returns also how many messages still wait for the person.
	RemoveContact(ctx context.Context, who string) (contacts.Person, int, error)
}

// peopleService answers the calls of service People.
type peopleService struct {
	people    People
	replacing Replacing
	node      Node // says who is here
}

var _ earshotv1.PeopleHandler = peopleService{}

func (s peopleService) Peers(ctx context.Context, _ *earshotv1.PeersRequest) (*earshotv1.PeersResponse, error) {
	peers, err := s.node.Peers(ctx)
	return &earshotv1.PeersResponse{Peers: view.Each(peers, view.Peer), Finding: view.Finding(s.node.Finding())}, err
}

func (s peopleService) Resolve(ctx context.Context, r *earshotv1.ResolveRequest) (*earshotv1.Target, error) {
	switch r.Kind {
	case "", "person", "group":
	default:
		return nil, fmt.Errorf("%w: no such kind: %q", errInvalid, r.Kind)
	}
	t, err := s.people.Target(ctx, r.Who, r.Kind)
	return view.Target(t), err
}

func (s peopleService) Contacts(ctx context.Context, r *earshotv1.ContactsRequest) (*earshotv1.ContactsResponse, error) {
	find := s.people.Contacts
	if r.Like != "" {
		find = func(ctx context.Context) ([]contacts.Person, error) { return s.people.Like(ctx, r.Like) }
	}
	persons, err := find(ctx)
	return &earshotv1.ContactsResponse{Persons: view.Each(persons, view.Person)}, err
}

func (s peopleService) NameContact(ctx context.Context, r *earshotv1.NameContactRequest) (*earshotv1.Person, error) {
	return one(s.people.NameContact(ctx, r.Who, r.Petname, r.Anyway))
}

func (s peopleService) SafetyWords(ctx context.Context, r *earshotv1.SafetyWordsRequest) (*earshotv1.SafetyWordsResponse, error) {
	words, p, err := s.people.SafetyWords(ctx, r.Who)
	return &earshotv1.SafetyWordsResponse{Person: view.Person(p), Words: words[:]}, err
}

func (s peopleService) Verify(ctx context.Context, r *earshotv1.VerifyRequest) (*earshotv1.Person, error) {
	return one(s.people.Verify(ctx, r.Who, r.Words, r.Petname))
}

func (s peopleService) Requests(ctx context.Context, _ *earshotv1.RequestsRequest) (*earshotv1.RequestsResponse, error) {
	requests, err := s.people.Requests(ctx)
	return &earshotv1.RequestsResponse{Requests: view.Each(requests, view.Request)}, err
}

func (s peopleService) Accept(ctx context.Context, r *earshotv1.AcceptRequest) (*earshotv1.Person, error) {
	return one(s.people.Accept(ctx, r.Who, r.Petname))
}

func (s peopleService) ForgetRequests(ctx context.Context, r *earshotv1.ForgetRequestsRequest) (*earshotv1.ForgetRequestsResponse, error) {
	if r.All == (len(r.Who) > 0) {
		return nil, fmt.Errorf("%w: either who or all", errInvalid)
	}
	persons, err := s.people.ForgetRequests(ctx, r.Who, r.All)
	return &earshotv1.ForgetRequestsResponse{Persons: view.Each(persons, view.Person)}, err
}

func (s peopleService) Block(ctx context.Context, r *earshotv1.BlockRequest) (*earshotv1.Person, error) {
	return one(s.people.Block(ctx, r.Who))
}

func (s peopleService) Unblock(ctx context.Context, r *earshotv1.UnblockRequest) (*earshotv1.Person, error) {
	return one(s.people.Unblock(ctx, r.Who))
}

func (s peopleService) Newcomers(ctx context.Context, r *earshotv1.NewcomersRequest) (*earshotv1.NewcomersResponse, error) {
	found, err := s.people.Newcomers(ctx, r.Who)
	return view.Newcomers(found), err
}

func (s peopleService) ReplaceContact(ctx context.Context, r *earshotv1.ReplaceContactRequest) (*earshotv1.ReplaceContactResponse, error) {
	done, err := s.replacing.ReplaceContact(ctx, chat.Replacement{Old: r.Old, New: r.New, Words: r.Words, Unverified: r.Unverified, Resend: r.Resend})
	return &earshotv1.ReplaceContactResponse{
		Person:  view.Person(done.Person),
		Old:     view.Person(done.Old),
		Groups:  view.Each(done.Groups, view.Target),
		Others:  view.Each(done.Others, view.Target),
		Waiting: uint32(done.Waiting),
		Resent:  uint32(done.Resent),
		Lost: view.Each(done.Lost, func(l chat.Lost) *earshotv1.Lost {
			return &earshotv1.Lost{Group: view.Target(l.Group), Role: l.Role}
		}),
	}, err
}

func (s peopleService) RemoveContact(ctx context.Context, r *earshotv1.RemoveContactRequest) (*earshotv1.RemoveContactResponse, error) {
	p, waiting, err := s.replacing.RemoveContact(ctx, r.Who)
	return &earshotv1.RemoveContactResponse{Person: view.Person(p), Waiting: uint32(waiting)}, err
}

func one(p contacts.Person, err error) (*earshotv1.Person, error) { return view.Person(p), err }
