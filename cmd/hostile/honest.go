package main

import (
	"context"
	"encoding/hex"
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/earshot-im/earshot/cmd/hostile/rogue"
	"github.com/earshot-im/earshot/node/localapi"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// sendWithin is how long the meter waits for one message to be delivered.
const sendWithin = 20 * time.Second

func init() {
	add(map[string]attack{
		"rest":   {about: "no attack: does nothing", run: (*attacker).rest},
		"people": {about: "no attack: n persons who each write once, and try until they are answered", n: 1, size: 20, run: (*attacker).people},
		"meter":  {about: "no attack: the owner of -dir writes to -to, a message at a time", run: (*attacker).meter},
	})
}

// rest has the same done to a node as the attacks, without one.
func (a *attacker) rest(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

// people are who would have been here without the attack.
func (a *attacker) people(ctx context.Context) error {
	persons := make([]*rogue.Person, a.n)
	for i := range persons {
		persons[i] = a.Person(i, "Person")
		tell(map[string]any{"person": hex.EncodeToString(persons[i].ID[:])})
	}
	began := time.Now()
	a.each(func(i int) {
		for ctx.Err() == nil {
			s, err := a.Enter(ctx, a.Source(i), persons[i])
			if err == nil && a.saysHello(ctx, s) {
				a.Count("through", 1)
				tell(map[string]any{"through": i, "after_ms": time.Since(began).Milliseconds()})
				if s.Until(ctx) {
					a.Count("here until the end", 1)
				}
				return
			}
			a.Failed(ctx, "try", err)
			sleep(ctx, pause)
		}
	})
	return nil
}

// saysHello says whether what was written was acknowledged.
func (a *attacker) saysHello(ctx context.Context, s *rogue.Session) bool {
	l := s.Direct()
	events := l.Sign(l.Text(fmt.Sprint(a.text, " of ", s.By.Name)))
	f := rogue.Opening(events)
	if s.Served(ctx) {
		f = s.Run(nil, events)
	}
	if err := s.Send(f); err != nil {
		a.Failed(ctx, "hello", err)
		return false
	}
	answer := s.Answer(ctx, answerWithin)
	return answer != nil && answer.Have != nil
}

// sample is how long one message took.
type sample struct {
	Sample int    `json:"sample"`
	At     int64  `json:"at"`   // when it was sent, ns
	Took   int64  `json:"took"` // until it was delivered, ns
	State  string `json:"state"`
}

// meter tells how long each message took, also those that were not delivered in time.
func (a *attacker) meter(ctx context.Context) error {
	c := localapi.Dial(a.dir)
	defer c.Close()
	for i := 0; ctx.Err() == nil; i++ {
		at := time.Now()
		// What was begun ends, so that each message that was sent is told of.
		sending, cancel := context.WithTimeout(context.WithoutCancel(ctx), sendWithin+time.Second)
		sent, err := c.Send(sending, &earshotv1.SendRequest{To: a.to, Text: fmt.Sprint(a.text, " ", i), Wait: "delivered", Timeout: durationpb.New(sendWithin)})
		cancel()
		if err != nil {
			return err
		}
		tell(sample{i, at.UnixNano(), time.Since(at).Nanoseconds(), sent.State})
	}
	return nil
}
