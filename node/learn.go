package node

import (
	"context"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/crypto/names"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/event"
)

// renamed takes in what a person calls themselves now.
func (p *people) renamed(ctx context.Context, id crypto.PersonID, name string) error {
	a, ok := p.get(id)
	if !ok || a.Claimed == name {
		return nil
	}
	p.mu.Lock()
	p.edit(id, func(a *acquaintance) { a.Claimed = name })
	p.mu.Unlock()
	if !a.saved {
		return nil
	}
	return p.update(ctx, id, func(*store.Person) error { return nil })
}

// introduced takes in a proven profile, for those who ask for the person's card: at once if the store has the person,
// else when it does.
func (p *people) introduced(ctx context.Context, id crypto.PersonID, profile event.Record) error {
	p.mu.Lock()
	a := p.known[id]
	if a == nil {
		p.mu.Unlock()
		return nil
	}
	if a.profile == nil || event.Newer(profile, *a.profile) {
		p.edit(id, func(a *acquaintance) { a.profile = &profile })
	}
	p.mu.Unlock()
	if !a.saved {
		return nil
	}
	_, err := p.store.PutRecord(ctx, profile)
	return err
}

// learnt takes in a proven card that was asked for, and what its person calls themselves, if nobody has said yet. Who
// was not known stays for a while, as strangers do who have gone, unless they are kept.
func (p *people) learnt(ctx context.Context, card crypto.Card, name string) error {
	p.mu.Lock()
	for _, d := range card.Devices() { // one that two persons claim is whose it was, as when it is met
		if owner, taken := p.devices[d]; taken && owner != card.Person() {
			p.mu.Unlock()
			return nil
		}
	}
	p.edit(card.Person(), func(a *acquaintance) {
		if a.card.Bytes() != nil {
			card, _ = crypto.Choose(a.card, card)
		}
		a.card, a.Card = card, card.Bytes()
		if a.Claimed == "" {
			a.Claimed = name
		}
		a.gone = time.Now()
	})
	saved := p.known[card.Person()].saved
	p.forget(time.Now())
	p.mu.Unlock()
	if !saved {
		return nil
	}
	return p.update(ctx, card.Person(), func(*store.Person) error { return nil })
}

// profileName is the name in a profile, or "" if it claims none that could be one.
func profileName(r *event.Record) string {
	if r == nil {
		return ""
	}
	profile, err := event.ParseProfile(r.Value)
	if err != nil {
		return ""
	}
	name, err := names.Parse(profile.Name)
	if err != nil {
		return ""
	}
	return name
}
