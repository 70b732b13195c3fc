// Package doctor is the room in which a running node finds out what keeps it from working as it
// should, and why somebody is not found.
package doctor

import (
	"context"
	"slices"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/discovery"
	"github.com/earshot-im/earshot/node/checks"
	"github.com/earshot-im/earshot/node/warnings"
)

// Config is what a Doctor is made of.
type Config struct {
	Networks func() (discovery.Network, error)
	Warnings func() ([]warnings.Warning, error)
	// Whom returns the person whom WHO means.
	Whom func(ctx context.Context, who string) (crypto.PersonID, error)
}

// Doctor examines a running node.
type Doctor struct {
	cfg Config
}

// New returns a Doctor who does nothing until asked.
func New(cfg Config) *Doctor { return &Doctor{cfg: cfg} }

// Question is what the owner asks.
type Question struct {
	Who   string // WHO, about whom all is to be said; empty: nobody
	Probe bool   // the addresses of this machine's own networks are to be tried
}

// Examine makes all checks and has each told as soon as it is done. It ends with ctx, or when
// telling fails.
func (d *Doctor) Examine(ctx context.Context, q Question, tell func(checks.Check) error) error {
	if q.Who != "" {
		if _, err := d.cfg.Whom(ctx, q.Who); err != nil {
			return err
		}
	}
	warned, err := d.cfg.Warnings()
	if err != nil {
		return err
	}
	for _, c := range slices.Concat(checks.OfInterfaces(d.cfg.Networks()), checks.OfCopies(warned), checks.OfLimits(warned, nil)) {
		if err := tell(c); err != nil {
			return err
		}
	}
	return nil
}
