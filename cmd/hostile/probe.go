package main

import (
	"context"
	"time"

	"github.com/earshot-im/earshot/cmd/hostile/rogue"
	"github.com/earshot-im/earshot/node/wire"
	"github.com/earshot-im/earshot/store/event"
)

// probeWithin is how long to wait for what a probe leads to.
const probeWithin = 3 * time.Second

func init() {
	add(map[string]attack{
		"probe": {about: "everything that might tell whether one is blocked; the n-th person of the seed", run: (*attacker).probe},
	})
}

// probes are what a person says to find out whether somebody has blocked them.
var probes = []struct {
	name string
	say  func(a *attacker, s *rogue.Session) error
}{
	{"an opening run", func(a *attacker, s *rogue.Session) error {
		l := s.Direct()
		return s.Send(rogue.Opening(l.Sign(l.Text("hello"))))
	}},
	{"a run that is out of order", func(a *attacker, s *rogue.Session) error {
		l := s.Direct()
		return s.Send(s.Run(nil, l.Sign(l.Text("hello"))), s.Run(nil, l.Sign(l.Text("hello"))))
	}},
	{"a run of a false signature", func(a *attacker, s *rogue.Session) error {
		l := s.Direct()
		events := l.Sign(l.Text("hello"))
		events[0].Signature[3] ^= 1
		return s.Send(rogue.Opening(events))
	}},
	{"a card request", func(a *attacker, s *rogue.Session) error {
		return s.Send(wire.Frame{CardRequest: &wire.CardRequest{CardOf: wire.CardOf{Person: s.Victim}}})
	}},
	{"a record", func(a *attacker, s *rogue.Session) error {
		return s.Send(wire.Frame{Record: &wire.Record{Record: s.By.Profile(7, "Probe")}})
	}},
	{"a record of a false signature", func(a *attacker, s *rogue.Session) error {
		r := s.By.Profile(8, "Probe")
		r.Signature[3] ^= 1
		return s.Send(wire.Frame{Record: &wire.Record{Record: r}})
	}},
	{"a welcome", func(a *attacker, s *rogue.Session) error {
		return s.Send(found(s, "probe").Welcome(2))
	}},
	{"a welcome by somebody whose card nobody has", func(a *attacker, s *rogue.Session) error {
		other := a.Person(1000, "Other")
		a.Hide(other)
		g := other.Found("probe")
		g.Invite(s.Victim)
		w := g.Welcome(2)
		w.Welcome.Card = nil
		return s.Send(w)
	}},
	{"a welcome of a false signature", func(a *attacker, s *rogue.Session) error {
		g := found(s, "probe")
		g.Set[1].Signature[3] ^= 1
		return s.Send(g.Welcome(2))
	}},
	{"control events of no group", func(a *attacker, s *rogue.Session) error {
		g := found(s, "probe")
		return s.Send(wire.Frame{Control: &wire.Control{Tag: g.Tag(s), Events: []event.Event{*g.Last()}}})
	}},
	{"an answer to nothing", func(a *attacker, s *rogue.Session) error {
		return s.Send(wire.Frame{Settled: &wire.Settled{Number: 5}})
	}},
}

// probe tells for each probe what came back, and whether the session went on: the kinds of frames
// and their sizes, in order.
func (a *attacker) probe(ctx context.Context) error {
	for _, p := range probes {
		s, err := a.Open(ctx, a.AnySource(), a.Person(a.n, "Probe"))
		if err != nil {
			return err
		}
		frames := make(chan int)
		go func() { // ends with the session
			defer close(frames)
			for {
				f, err := s.Read()
				if err != nil {
					return
				}
				frames <- len(f.Marshal())
			}
		}()
		err = s.Offer()
		if err == nil {
			err = p.say(a, s)
		}
		a.Failed(ctx, p.name, err)
		var came []int
		ended, patience := false, time.After(probeWithin)
		for waiting := true; waiting; {
			select {
			case size, more := <-frames:
				if ended = !more; ended {
					waiting = false
				} else {
					came = append(came, size)
				}
			case <-patience:
				waiting = false
			}
		}
		tell(map[string]any{"probe": p.name, "frames": came, "ended": ended})
		go func() { // ends with frames
			for range frames {
			}
		}()
		_ = s.Close()
	}
	return nil
}
