package server

import (
	"context"

	"connectrpc.com/connect"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/checks"
	"github.com/earshot-im/earshot/node/contacts"
	"github.com/earshot-im/earshot/node/doctor"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
	"github.com/earshot-im/earshot/node/localapi/view"
)

// Doctor says what keeps the node from working; *doctor.Doctor is one.
type Doctor interface {
	// Examine has each check told as soon as it is done, by one goroutine at a time.
	Examine(ctx context.Context, q doctor.Question, tell func(checks.Check) error) error
}

// Named says who a person is; *contacts.Contacts is one.
type Named interface {
	Person(crypto.PersonID) contacts.Person
}

// doctorService answers the calls of service Doctor.
type doctorService struct {
	doctor Doctor
	named  Named
}

var _ earshotv1.DoctorHandler = doctorService{}

func (s doctorService) Examine(ctx context.Context, r *earshotv1.ExamineRequest, stream *connect.ServerStream[earshotv1.Check]) error {
	return s.doctor.Examine(ctx, doctor.Question{Who: r.Who, Probe: r.Probe}, func(c checks.Check) error {
		shown := view.Check(c)
		if c.Person != (crypto.PersonID{}) {
			shown.Person = view.Person(s.named.Person(c.Person))
		}
		return stream.Send(shown)
	})
}
