package main

import (
	"context"
	"encoding/binary"
	"net/netip"
	"strings"
	"time"

	"github.com/earshot-im/earshot/cmd/hostile/rogue"
	"github.com/earshot-im/earshot/node/wire"
)

const (
	answerWithin = 5 * time.Second
	// openingText is as much as an opening run may have, nearly.
	openingText = 60_000
)

func init() {
	add(map[string]attack{
		"sybils":  {about: "n persons who each write size bytes and stay", n: 64, size: 200, run: (*attacker).sybils},
		"flood":   {about: "new persons without end, n at once, who each write size bytes and go", n: 16, size: openingText, run: (*attacker).flood},
		"churn":   {about: "new sessions without end on n links", n: 4, run: (*attacker).churn},
		"garbage": {about: "sessions of nonsense on n links", n: 8, run: (*attacker).garbage},
		"slow":    {about: "n sessions that begin the largest frame and go on by a byte a second", n: 64, run: (*attacker).slow},
	})
}

// sybils are many persons who write once.
func (a *attacker) sybils(ctx context.Context) error {
	a.each(func(i int) {
		for ctx.Err() == nil {
			s, err := a.write(ctx, a.AnySource(), a.Person(i, "Sybil"))
			if err != nil {
				a.Failed(ctx, "try", err)
				sleep(ctx, pause)
				continue
			}
			if s.Until(ctx) {
				a.Count("sessions until the end", 1)
			}
		}
	})
	return nil
}

// flood is persons of whom each comes once.
func (a *attacker) flood(ctx context.Context) error {
	a.again(ctx, func(i int) error {
		s, err := a.write(ctx, a.Source(i), a.Person(0, "Flood"))
		if err != nil {
			return err
		}
		return s.Close()
	})
	return nil
}

// write begins a session, writes a message and waits for an answer. The text goes as a run to who
// has offered the conversation, as an opening run to who has not.
func (a *attacker) write(ctx context.Context, from netip.Addr, p *rogue.Person) (*rogue.Session, error) {
	s, err := a.Enter(ctx, from, p)
	if err != nil {
		return nil, err
	}
	l := s.Direct()
	events := l.Sign(l.Text(strings.Repeat("x", a.size)))
	if s.Served(ctx) {
		err = s.Send(s.Run(nil, events))
	} else {
		a.Count("opening runs", 1)
		err = s.Send(rogue.Opening(events))
	}
	if err != nil {
		_ = s.Close()
		return nil, err
	}
	if s.Answer(ctx, answerWithin) == nil {
		a.Count("no answer", 1)
	}
	return s, nil
}

// churn begins a session where it has one.
func (a *attacker) churn(ctx context.Context) error {
	a.again(ctx, func(i int) error {
		l, err := a.Link(ctx, a.Source(i), a.Person(i, "Churn"))
		if err != nil {
			return err
		}
		defer l.Close()
		for ctx.Err() == nil {
			s, err := a.Begin(ctx, l)
			if err == nil {
				err = s.Greet()
			}
			if err != nil {
				return err
			}
			a.Count("sessions", 1)
		}
		return nil
	})
	return nil
}

// garbage says nonsense after the greeting, or instead of it, as a frame or as it is.
func (a *attacker) garbage(ctx context.Context) error {
	a.again(ctx, func(i int) error {
		l, err := a.Link(ctx, a.AnySource(), a.Person(i, "Garbage"))
		if err != nil {
			return err
		}
		defer l.Close()
		nonsense := make([]byte, 30_000)
		for turn := 0; ctx.Err() == nil; turn++ {
			s, err := a.Begin(ctx, l)
			if err != nil {
				return err
			}
			if turn%2 == 0 {
				if err := s.Greet(); err != nil {
					return err
				}
			}
			rogue.Random(nonsense)
			if turn%3 > 0 {
				err = s.SendRaw(binary.AppendUvarint(nil, uint64(len(nonsense))))
			}
			if err == nil {
				err = s.SendRaw(nonsense)
			}
			a.Count("sessions", 1)
			s.Listen(ctx)
			if err != nil {
				return err
			}
		}
		return nil
	})
	return nil
}

// slow keeps the victim waiting for the rest of a frame.
func (a *attacker) slow(ctx context.Context) error {
	a.again(ctx, func(i int) error {
		s, err := a.Enter(ctx, a.Source(i), a.Person(i, "Slow"))
		if err != nil {
			return err
		}
		defer s.Close()
		err = s.SendRaw(binary.AppendUvarint(nil, wire.MaxFrame))
		for err == nil && sleep(ctx, time.Second) {
			err = s.SendRaw([]byte{0})
		}
		return err
	})
	return nil
}
