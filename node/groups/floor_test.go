package groups

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/authority"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/event"
)

// office is a group in a store, with members whose devices have the IDs of their persons.
type office struct {
	t testing.TB
	*Groups
	store   *store.Store
	id      event.Conversation
	members []crypto.PersonID
	said    map[crypto.PersonID][]event.Event
	clock   time.Time
	stop    func()
}

// Author, Owner and Keep make an office its own Authors.
func (o *office) Author(_ crypto.Hash, d crypto.DeviceID) (crypto.PersonID, error) {
	if d == o.store.Own().Device.ID() {
		return o.store.Own().Person, nil
	}
	return crypto.PersonID(d), nil
}

func (o *office) Owner(d crypto.DeviceID) (crypto.PersonID, bool) { return crypto.PersonID(d), true }

func (o *office) Keep(context.Context, crypto.PersonID) error { return nil }
func (o *office) Card(crypto.PersonID) []byte                 { return nil }
func (o *office) Brings(crypto.PersonID) bool                 { return true }
func (o *office) Ignores(crypto.PersonID) bool                { return false }

func newOffice(t testing.TB) *office {
	o := &office{t: t, said: map[crypto.PersonID][]event.Event{}, clock: time.UnixMilli(1_700_000_000_000)}
	o.Groups = New(Config{Authors: o, Changed: func(Change) {}})
	var err error
	o.store, err = store.Open(store.Config{Dir: t.TempDir(), Authority: o.Groups, Now: func() time.Time { return o.clock }})
	check(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- o.store.Run(ctx) }() // ends with the test
	o.stop = sync.OnceFunc(func() { cancel(); <-done; o.store.Close() })
	t.Cleanup(o.stop)
	check(t, o.Load(o.store))
	o.id, err = o.Create(ctx, "office")
	check(t, err)
	return o
}

func (o *office) act(act event.Control) error {
	o.clock = o.clock.Add(time.Second)
	return o.Do(context.Background(), o.id, func(*authority.State) (event.Control, error) { return act, nil })
}

// hire invites one more.
func (o *office) hire() crypto.PersonID {
	var p crypto.PersonID
	binary.BigEndian.PutUint32(p[:], uint32(len(o.members)+1))
	o.members = append(o.members, p)
	check(o.t, o.act(event.Invite{Persons: []crypto.PersonID{p}}))
	return p
}

// say has a member write so many messages, by what they know of the group now. They are on the disk
// only if stored.
func (o *office) say(p crypto.PersonID, count int, stored bool) {
	o.t.Helper()
	for count > 0 {
		var run event.Run
		for range min(count, event.MaxRunEvents) {
			var last event.Event
			if n := len(o.said[p]); n > 0 {
				last = o.said[p][n-1]
			}
			o.clock = o.clock.Add(time.Hour)
			h := event.Header{Conversation: o.id, Device: crypto.DeviceID(p), Sequence: last.Header.Sequence + 1, Previous: last.ID,
				Control: o.Heads(o.id), Clock: o.clock.UnixMilli(), Kind: event.KindText}
			binary.BigEndian.PutUint64(h.Key[:], uint64(o.clock.UnixNano()))
			content, err := event.Text{Text: "hello"}.Marshal()
			check(o.t, err)
			e, err := event.New(h, event.Body{Content: content})
			check(o.t, err)
			e.Signature = make([]byte, crypto.SignatureSize) // nobody looks
			o.said[p] = append(o.said[p], e)
			run.Events = append(run.Events, e)
		}
		count -= len(run.Events)
		if stored {
			o.keep(p, run)
		}
	}
}

func (o *office) keep(p crypto.PersonID, run event.Run) {
	o.t.Helper()
	_, err := o.store.BeginIngest(context.Background(), run, store.Origin{Author: p})()
	check(o.t, err)
}

func logOf(id event.Conversation, p crypto.PersonID) event.Log {
	return event.Log{Conversation: id, Device: crypto.DeviceID(p)}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// floor is the slow way to find one.
func (o *office) floor(log event.Log, segments event.Segments, to crypto.PersonID) uint64 {
	floor := uint64(1)
	check(o.t, o.with(log.Conversation, func(it *group) error {
		p, err := it.pastOf(to)
		if err != nil || p.all || len(segments) == 0 {
			return err
		}
		floor = segments.Last() + 1
		for _, e := range slices.Backward(o.said[crypto.PersonID(log.Device)]) {
			if segments.Covers(e.Header.Sequence) && it.reads(to, p, &e.Header) {
				floor = e.Header.Sequence
			}
		}
		return nil
	}))
	return floor
}

// Floors are what they are by the store and the control set, whatever came when: messages, also
// those before others, people who come, go and come back, and other rules about what they may read.
func TestFloors(t *testing.T) {
	seeds := uint64(8)
	if testing.Short() {
		seeds = 2
	}
	for seed := range seeds {
		rnd := rand.New(rand.NewPCG(seed, 3))
		o := newOffice(t)
		out := map[crypto.PersonID]bool{}
		missing := map[crypto.PersonID][]event.Event{} // said, and not on the disk
		const writers = 3
		for range writers + 1 {
			o.hire()
		}
		reader := func() crypto.PersonID {
			for {
				if p := o.members[rnd.IntN(len(o.members))]; !out[p] {
					return p
				}
			}
		}
		for range 150 {
			switch rnd.IntN(12) {
			case 0:
				o.hire()
			case 1:
				check(t, o.act([]event.Control{event.History{Policy: event.HistoryAll}, event.History{Policy: event.HistoryJoined},
					event.History{Policy: event.HistoryDays, Days: 1 + rnd.Uint64N(9)}}[rnd.IntN(3)]))
			case 2:
				if p := o.members[writers+rnd.IntN(len(o.members)-writers)]; !out[p] {
					check(t, o.TakeOut(context.Background(), o.id, func(*authority.State) (crypto.PersonID, error) { return p, nil }))
					out[p] = true
				}
			case 3:
				for p := range out {
					check(t, o.act(event.Invite{Persons: []crypto.PersonID{p}}))
					delete(out, p)
					break
				}
			case 4, 5:
				if p := o.members[rnd.IntN(writers)]; len(missing[p]) > 0 {
					i := rnd.IntN(len(missing[p]))
					o.keep(p, event.Run{Events: missing[p][i : i+1]})
					missing[p] = slices.Delete(missing[p], i, i+1)
				}
			default:
				p := o.members[rnd.IntN(writers)]
				before, stored := len(o.said[p]), len(missing[p]) > 8 || rnd.IntN(3) > 0
				o.say(p, 1+rnd.IntN(20), stored)
				if !stored {
					missing[p] = append(missing[p], o.said[p][before:]...)
				}
			}
			for range 6 {
				log, to := logOf(o.id, o.members[rnd.IntN(writers)]), reader()
				segments, err := o.store.Held(log)
				check(t, err)
				got, err := o.Floor(log, segments, to)
				check(t, err)
				if want := o.floor(log, segments, to); got != want {
					t.Fatalf("seed %d: %d, want %d, of %v", seed, got, want, segments)
				}
				if again, err := o.Floor(log, nil, to); err != nil || again != got {
					t.Fatalf("seed %d: %d, want %d, %v", seed, again, got, err)
				}
			}
		}
		o.stop()
	}
}

// What is found out for one is not looked for again on the disk for the next.
func TestFloorsAreFoundOnce(t *testing.T) {
	o := newOffice(t)
	for range 10 {
		o.say(o.hire(), 20, true)
	}
	for i, p := range o.members {
		o.say(p, 1, i%2 == 0) // of some something is missing
		o.say(p, 20, true)
	}
	logs, err := o.store.Logs(o.id)
	check(t, err)
	floors := func(to crypto.PersonID) {
		t.Helper()
		for log, segments := range logs {
			if len(o.said[crypto.PersonID(log.Device)]) == 0 {
				continue // the owner's
			}
			got, err := o.Floor(log, segments, to)
			check(t, err)
			if want := o.floor(log, segments, to); got != want {
				t.Fatalf("%d, want %d", got, want)
			}
		}
	}
	floors(o.members[0])
	o.stop()
	for _, to := range o.members {
		floors(to)
	}
}

// What is remembered of logs is bounded, also of one whose author learns of something before each
// message.
func TestOutlinesAreBounded(t *testing.T) {
	o := newOffice(t)
	wild, tame := o.hire(), o.hire()
	to := o.hire()
	const changes = maxStretches + 1
	for i := range changes {
		check(t, o.act(event.Topic{Topic: fmt.Sprint(i)}))
		o.say(wild, 1, true)
	}
	o.say(tame, 2, true)
	floor := func(p crypto.PersonID) {
		t.Helper()
		log := logOf(o.id, p)
		segments, err := o.store.Held(log)
		check(t, err)
		got, err := o.Floor(log, segments, to)
		check(t, err)
		if got != 1 {
			t.Errorf("floor %d", got)
		}
	}
	remembered := func(logs, stretches int) {
		t.Helper()
		if len(o.outlines.of) != logs || o.outlines.count != stretches {
			t.Errorf("%d stretches of %d logs are remembered", o.outlines.count, len(o.outlines.of))
		}
	}
	floor(wild)
	remembered(0, 0)
	floor(tame)
	remembered(1, 1)
	o.say(tame, 1, true)
	floor(tame)
	remembered(1, 1)
	o.outlines.of[event.Log{}] = make([]store.Stretch, maxOutlined-1)
	o.outlines.count += maxOutlined - 1
	floor(tame)
	remembered(2, maxOutlined)
	check(t, o.act(event.Topic{Topic: "another"}))
	o.say(tame, 1, true)
	floor(tame)
	remembered(1, 2)
}

// What is found out when a session with somebody begins: where what they may have of each log
// begins.
func BenchmarkFloors(b *testing.B) {
	o := newOffice(b)
	const members, messages = 500, 100
	for i := range members {
		o.hire()
		if i == members/2 {
			for _, p := range o.members {
				o.say(p, messages, true)
			}
		}
	}
	for _, p := range o.members {
		o.say(p, messages, true)
	}
	logs, err := o.store.Logs(o.id)
	check(b, err)
	for _, who := range []struct {
		what string
		p    crypto.PersonID
	}{{"early", o.members[10]}, {"late", o.members[members*3/4]}} {
		b.Run(who.what, func(b *testing.B) {
			for b.Loop() {
				for log, segments := range logs {
					_, err := o.Floor(log, segments, who.p)
					check(b, err)
				}
			}
		})
	}
}
