package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"strings"
	"time"

	"github.com/earshot-im/earshot/cmd/hostile/rogue"
	"github.com/earshot-im/earshot/node/wire"
	"github.com/earshot-im/earshot/store/event"
)

func init() {
	add(map[string]attack{
		"cards":  {about: "n sessions that ask for cards and never read", n: 300, run: (*attacker).askAndNeverRead},
		"claims": {about: "n sessions that claim to hold as much as is remembered", n: 60, run: (*attacker).claims},
		"held":   {about: "n sessions with size runs under cards that nobody gives", n: 60, size: 20, run: (*attacker).held},
		"kept":   {about: "n sessions with welcomes into size groups each", n: 60, size: 256, run: (*attacker).kept},
	})
}

// askAndNeverRead has the answers pile up at the victim.
func (a *attacker) askAndNeverRead(ctx context.Context) error {
	a.again(ctx, func(i int) error {
		s, err := a.Open(ctx, a.Source(i), a.Person(i, "Cards"))
		if err != nil {
			return err
		}
		defer s.Close()
		if err := s.Offer(); err != nil {
			return err
		}
		many := bytes.Repeat(rogue.Framed(wire.Frame{CardRequest: &wire.CardRequest{CardOf: wire.CardOf{Person: s.Victim}}}), 1000)
		for ctx.Err() == nil {
			if err := s.Stream.SetWriteDeadline(time.Now().Add(3 * time.Second)); err != nil {
				return err
			}
			n, err := s.Stream.Write(many)
			a.Count("bytes", n)
			if err != nil {
				a.Failed(ctx, "ask", err)
				break
			}
		}
		s.Until(ctx) // the victim's answers wait as long as the session lasts
		return nil
	})
	return nil
}

const (
	// claimsEach and claimFrames are as many logs as a session remembers.
	claimsEach, claimFrames = 4000, 5
	unknownEach             = 1000 // offers of conversations that the victim is not in
)

// claims says that it holds logs which do not exist.
func (a *attacker) claims(ctx context.Context) error {
	a.again(ctx, func(i int) error {
		s, err := a.Enter(ctx, a.Source(i), a.Person(i, "Claims"))
		if err != nil {
			return err
		}
		defer s.Close()
		for k := range claimFrames {
			if err := s.Send(wire.Frame{Have: &wire.Have{Store: s.By.Store, Logs: invented(k, claimsEach)}}); err != nil {
				return err
			}
			a.Count("claims", claimsEach)
		}
		for k := range claimFrames {
			if err := s.Send(unknown(s.By, byte(k+1))); err != nil {
				return err
			}
			a.Count("claims", unknownEach)
		}
		s.Until(ctx)
		return nil
	})
	return nil
}

// invented are logs of a device that does not exist, by ascending instance.
func invented(k, many int) (logs []wire.LogSegments) {
	var l wire.LogSegments
	rogue.Random(l.Device[:])
	for j := range many {
		binary.BigEndian.PutUint64(l.Instance[:], uint64(k)<<32|uint64(j))
		l.Segments = event.Segments{{First: 1, Last: 2, ID: event.ID{1, byte(j), byte(j >> 8)}}}
		logs = append(logs, l)
	}
	return logs
}

// unknown are offers of conversations that the victim is not in, by ascending tag.
func unknown(by *rogue.Person, k byte) wire.Frame {
	var offers []wire.Offer
	for j := range unknownEach {
		tag := make([]byte, 32)
		tag[0] = k
		binary.BigEndian.PutUint32(tag[1:], uint32(j))
		offers = append(offers, wire.Offer{Tag: tag, Store: by.Store})
	}
	return wire.Frame{Offers: &wire.Offers{Offers: offers}}
}

// held sends runs that can't be proven before a card has come, and gives none.
func (a *attacker) held(ctx context.Context) error {
	a.again(ctx, func(i int) error {
		s, err := a.Enter(ctx, a.Source(i), a.Person(i, "Held"))
		if err != nil {
			return err
		}
		defer s.Close()
		for range a.size {
			l := s.Direct()
			rogue.Random(l.Card[:])
			if err := s.Send(s.Run(nil, l.Sign(l.Text(strings.Repeat("x", openingText))))); err != nil {
				return err
			}
			a.Count("bytes", openingText)
		}
		s.Until(ctx)
		return nil
	})
	return nil
}

// kept leaves as many welcomes with the victim as a session may bring, each of another group.
func (a *attacker) kept(ctx context.Context) error {
	a.again(ctx, func(i int) error {
		s, err := a.Enter(ctx, a.Source(i), a.Person(i, "Kept"))
		if err != nil {
			return err
		}
		defer s.Close()
		for range a.size {
			if err := s.Send(found(s, "kept").Welcome(2)); err != nil {
				return err
			}
			a.Count("groups", 1)
		}
		s.Until(ctx)
		return nil
	})
	return nil
}
