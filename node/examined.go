package node

import (
	"context"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/doctor"
)

// newDoctor makes the room that finds out what is wrong, with what it may see of the others.
func (n *Node) newDoctor() *doctor.Doctor {
	return doctor.New(doctor.Config{
		Networks: n.networks,
		Warnings: n.warnings.All,
		Whom: func(ctx context.Context, who string) (crypto.PersonID, error) {
			t, err := n.contacts.Target(ctx, who, "person")
			if err != nil {
				return crypto.PersonID{}, err
			}
			return crypto.ParsePersonID(t.ID)
		},
	})
}
