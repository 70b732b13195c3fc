package crowd

import (
	"errors"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/gossip"
	"github.com/earshot-im/earshot/node/ingest"
	"github.com/earshot-im/earshot/node/people"
	"github.com/earshot-im/earshot/store/event"
)

// newRun makes a run of a group that is as every member may get it.
func newRun(t *testing.T, g event.Conversation) event.Run {
	t.Helper()
	key, err := crypto.NewDeviceKey(zeros{})
	if err != nil {
		t.Fatal(err)
	}
	content, err := event.Text{Text: "hello"}.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	e, err := event.New(event.Header{Conversation: g, Device: key.ID(), Sequence: 2, Previous: event.ID{1}, Kind: event.KindText},
		event.Body{Content: content})
	if err != nil {
		t.Fatal(err)
	}
	e.Sign(key)
	return event.Run{Events: []event.Event{e}}
}

// zeros is a source of randomness that is none.
type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

// What is for one receiver, or not whole, or of another group, was forged by whoever gossips it. It
// is refused before anything is looked up.
func TestHeardRefuses(t *testing.T) {
	g := event.Conversation{1}
	c := &Crowd{cfg: Config{People: people.New(people.Config{Now: time.Now, Log: slog.New(slog.DiscardHandler)})}}
	for what, test := range map[string]struct {
		change func(*event.Run)
		want   error
	}{
		"a device of nobody":   {func(*event.Run) {}, ingest.ErrStranger},
		"for one receiver":     {func(r *event.Run) { r.Tag = make([]byte, 32) }, gossip.ErrForged},
		"to be answered":       {func(r *event.Run) { r.Number = 1 }, gossip.ErrForged},
		"with a body left out": {func(r *event.Run) { r.Events[0].Body, r.Events[0].Absent = nil, event.Dropped }, gossip.ErrForged},
		"with withheld causes": {func(r *event.Run) { r.Events[0].Withheld = event.WithholdPrevious }, gossip.ErrForged},
	} {
		run := newRun(t, g)
		run.Events = slices.Clone(run.Events)
		test.change(&run)
		if err := c.Heard(t.Context(), g, crypto.DeviceID{1}, run.Marshal()); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", what, err, test.want)
		}
	}
	other := newRun(t, event.Conversation{2})
	for what, payload := range map[string][]byte{"nothing": nil, "nonsense": {0xff}, "of another group": other.Marshal()} {
		if err := c.Heard(t.Context(), g, crypto.DeviceID{1}, payload); !errors.Is(err, gossip.ErrForged) {
			t.Errorf("%s: %v", what, err)
		}
	}
}
