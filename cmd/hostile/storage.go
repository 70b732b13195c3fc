package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/earshot-im/earshot/node/wire"
	"github.com/earshot-im/earshot/store/event"
)

func init() {
	add(map[string]attack{
		"budget":  {about: "n persons who write as much as is taken, down to the last byte", n: 20, run: (*attacker).budget},
		"refused": {about: "n persons who write on where nothing more is taken", n: 4, run: (*attacker).refused},
		"forks":   {about: "n persons whose logs fork, each in another instance", n: 4, run: (*attacker).forks},
		"repeats": {about: "n persons who send a run of 256 signed events again and again", n: 4, run: (*attacker).repeats},
		"renames": {about: "n persons who change their names without end", n: 4, run: (*attacker).renames},
	})
}

// takenWithin is how long a run may go unanswered before the next.
const takenWithin = 15 * time.Millisecond

// budget fills what strangers may have.
func (a *attacker) budget(ctx context.Context) error {
	a.again(ctx, func(i int) error {
		s, err := a.Enter(ctx, a.AnySource(), a.Person(i, "Budget"))
		if err != nil {
			return err
		}
		defer s.Close()
		for _, size := range []int{60_000, 20_000, 5_000, 1_000, 200, 1} {
			l := s.Direct()
			for full := false; !full && ctx.Err() == nil; {
				if err := s.Send(s.Run(nil, l.Sign(l.Text(strings.Repeat("x", size))))); err != nil {
					return err
				}
				a.Count("runs", 1)
				f := s.Answer(ctx, takenWithin)
				full = f != nil && f.Refused != nil
			}
		}
		s.Until(ctx)
		return nil
	})
	return nil
}

// refused begins log after log, of which nothing is taken.
func (a *attacker) refused(ctx context.Context) error {
	a.again(ctx, func(i int) error {
		s, err := a.Enter(ctx, a.Source(i), a.Person(i, "Refused"))
		if err != nil {
			return err
		}
		defer s.Close()
		for ctx.Err() == nil {
			l := s.Direct()
			if err := s.Send(s.Run(nil, l.Sign(l.Text("x")))); err != nil {
				return err
			}
			a.Count("runs", 1)
		}
		return nil
	})
	return nil
}

// forks sends two events for one place, and both again.
func (a *attacker) forks(ctx context.Context) error {
	a.again(ctx, func(i int) error {
		s, err := a.Enter(ctx, a.Source(i), a.Person(i, "Forks"))
		if err != nil {
			return err
		}
		defer s.Close()
		for ctx.Err() == nil {
			one := s.Direct()
			two := *one
			first, second := one.Sign(one.Text("one")), two.Sign(two.Text("two"))
			for range 2 {
				if err := s.Send(s.Run(nil, first), s.Run(nil, second)); err != nil {
					return err
				}
			}
			a.Count("forks", 1)
		}
		return nil
	})
	return nil
}

// repeats sends what is held already.
func (a *attacker) repeats(ctx context.Context) error {
	a.again(ctx, func(i int) error {
		s, err := a.Enter(ctx, a.Source(i), a.Person(i, "Repeats"))
		if err != nil {
			return err
		}
		defer s.Close()
		l := s.Direct()
		events := l.Texts(event.MaxRunEvents, "x")
		for i := range events {
			events[i].Sign(s.By.Key)
		}
		for ctx.Err() == nil {
			if err := s.Send(s.Run(nil, events)); err != nil {
				return err
			}
			a.Count("runs", 1)
		}
		return nil
	})
	return nil
}

// renames sends profile after profile of somebody whom the victim has a message of.
func (a *attacker) renames(ctx context.Context) error {
	a.size = 100
	a.again(ctx, func(i int) error {
		p := a.Person(i, "Renames")
		s, err := a.write(ctx, a.Source(i), p)
		if err != nil {
			return err
		}
		defer s.Close()
		for k := uint64(2); ctx.Err() == nil; k++ {
			if err := s.Send(wire.Frame{Record: &wire.Record{Record: p.Profile(k, fmt.Sprint("Renames ", k))}}); err != nil {
				return err
			}
			a.Count("renames", 1)
		}
		return nil
	})
	return nil
}
