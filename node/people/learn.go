package people

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/crypto/names"
	"github.com/earshot-im/earshot/store/book"
	"github.com/earshot-im/earshot/store/event"
)

// Prove parses the card that a device shows, and checks that the device speaks for the card's
// person and that the profile is that person's too. shown may be nil. It returns the profile that is
// to be believed. What is known already is not proven again.
func (p *People) Prove(device crypto.DeviceID, card []byte, shown *event.Record) (crypto.Card, *event.Record, error) {
	known, _ := p.Of(device)
	parsed, err := known.ParseCard(card)
	switch {
	case err != nil:
		return parsed, nil, fmt.Errorf("card: %w", err)
	case !parsed.Speaks(device):
		return parsed, nil, fmt.Errorf("the card does not name the device")
	}
	profile, ok := known.Profile(shown, parsed)
	if !ok {
		return parsed, nil, fmt.Errorf("the profile is not of the card's person")
	}
	return parsed, profile, nil
}

// ParseCard is crypto.ParseCard. The card that is known of the person is not proven again.
func (a *Person) ParseCard(card []byte) (crypto.Card, error) {
	if len(card) > 0 && bytes.Equal(card, a.Card) {
		return a.Parsed, nil
	}
	return crypto.ParseCard(card)
}

// Profile returns the profile that is to be believed of a card's person where one is shown: the one
// that is known if the other is no newer, which then need not be proven. It is not ok if what is
// shown is not that person's profile. shown may be nil.
func (a *Person) Profile(shown *event.Record, card crypto.Card) (profile *event.Record, ok bool) {
	switch {
	case shown == nil:
		return nil, true
	case a.Knows(shown):
		return a.profile, true
	}
	return shown, IsProfile(shown, card)
}

// Knows says that a record is the profile that is known of the person, or an older one of the same
// device. It says nothing of the record's signature.
func (a *Person) Knows(r *event.Record) bool {
	return a.profile != nil && r.Kind == event.KindProfile && r.Device == a.profile.Device &&
		string(r.Subject) == string(a.profile.Subject) && !event.Newer(*r, *a.profile)
}

// IsProfile says that a record is the profile of a card's person, signed by a device of theirs.
func IsProfile(r *event.Record, card crypto.Card) bool {
	person := card.Person()
	return r.Kind == event.KindProfile && string(r.Subject) == string(event.ProfileSubject(person)) &&
		card.SpeaksAt(r.Card, r.Device) && r.Verify()
}

// NameIn returns the name in a profile, or "" if it has none or one that is not allowed.
func NameIn(profile *event.Record) string {
	if profile == nil {
		return ""
	}
	parsed, err := event.ParseProfile(profile.Value)
	if err != nil {
		return ""
	}
	name, err := names.Claim(parsed.Name)
	if err != nil {
		return ""
	}
	return name
}

// Meet takes in the proven card that a connected device shows, and the name that came with it. ctx
// is that of the device's session. A session that has ended changes nothing, since a newer one may
// have brought something newer.
func (p *People) Meet(ctx context.Context, device crypto.DeviceID, card crypto.Card, name string) error {
	if owner, ok := p.Of(device); ok && owner.ID != card.Person() {
		return ErrOtherPerson
	}
	p.mu.Lock()
	if ctx.Err() != nil {
		p.mu.Unlock()
		return context.Cause(ctx)
	}
	old := p.known[card.Person()]
	saved := old != nil && old.saved
	if old != nil {
		if card, _ = crypto.Choose(old.Parsed, card); !card.Speaks(device) {
			p.mu.Unlock()
			return ErrRevoked
		}
	}
	longer := old == nil || !bytes.Equal(old.Parsed.Bytes(), card.Bytes())
	renamed := old == nil || name != "" && name != old.Claimed
	p.edit(card.Person(), func(a *Person) {
		a.Parsed = card
		a.Card = card.Bytes()
		if name != "" {
			a.Claimed = name
		}
	})
	if !saved {
		p.gone.put(card.Person(), p.known[card.Person()].via, time.Now()) // until they are shown as connected
	}
	p.mu.Unlock()
	switch {
	case saved && longer:
		return p.Update(ctx, card.Person(), func(*book.Person) error { return nil })
	case saved && renamed:
		return p.saveName(ctx, card.Person())
	}
	return nil
}

// Parted takes in that a device is connected no more.
func (p *People) Parted(id crypto.PersonID, device crypto.DeviceID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.known[id] == nil {
		return
	}
	p.edit(id, func(a *Person) {
		at := a.places[device]
		at.seen = p.cfg.Now()
		a.setPlace(device, at)
	})
	p.leave(id)
}

// Rename takes in what a person calls themselves now.
func (p *People) Rename(ctx context.Context, id crypto.PersonID, name string) error {
	a, ok := p.Get(id)
	if !ok || a.Claimed == name {
		return nil
	}
	p.mu.Lock()
	p.edit(id, func(a *Person) { a.Claimed = name })
	p.mu.Unlock()
	if !a.saved {
		return nil
	}
	return p.saveName(ctx, id)
}

// PutProfile takes in a proven profile, to give it to whoever asks for the person's card. It is
// written down as names are if the store has the person, else when it does.
func (p *People) PutProfile(ctx context.Context, id crypto.PersonID, profile event.Record) error {
	p.mu.Lock()
	a := p.known[id]
	if a == nil {
		p.mu.Unlock()
		return nil
	}
	newer := a.profile == nil || event.Newer(profile, *a.profile)
	if newer {
		p.edit(id, func(a *Person) { a.profile = &profile })
	}
	p.mu.Unlock()
	if !a.saved || !newer {
		return nil
	}
	return p.saveName(ctx, id)
}

// Learn takes in a proven card that a peer was asked for, and the name that came with it if no
// other is known. Somebody new is known for a while, as a stranger who has gone, unless they are
// kept.
func (p *People) Learn(ctx context.Context, card crypto.Card, name string) error {
	p.mu.Lock()
	for _, d := range card.Devices() { // a device that two persons claim stays with the one who had it, as in Meet
		if owner, taken := p.devices[d]; taken && owner != card.Person() {
			p.mu.Unlock()
			return nil
		}
	}
	p.edit(card.Person(), func(a *Person) {
		if a.Parsed.Bytes() != nil {
			card, _ = crypto.Choose(a.Parsed, card)
		}
		a.Parsed, a.Card = card, card.Bytes()
		if a.Claimed == "" {
			a.Claimed = name
		}
	})
	saved := p.known[card.Person()].saved
	p.leave(card.Person())
	p.mu.Unlock()
	if !saved {
		return nil
	}
	return p.Update(ctx, card.Person(), func(*book.Person) error { return nil })
}
