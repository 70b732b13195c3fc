package reading

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/earshot-im/earshot/node/localapi"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// conversation answers as a node does, which gives fewer messages than were asked for where it likes.
type conversation struct {
	random *rand.Rand
	all    []*earshotv1.Message
	said   int
	given  int                   // messages in answers
	meet   func(c *conversation) // is called after each answer
}

func (c *conversation) History(_ context.Context, r *earshotv1.HistoryRequest) (*earshotv1.MessagesResponse, error) {
	at := func(id string) int {
		return slices.IndexFunc(c.all, func(m *earshotv1.Message) bool { return m.Id == id })
	}
	if r.Limit == 0 || r.Limit > localapi.MaxPage {
		return nil, fmt.Errorf("%d at once", r.Limit)
	}
	limit := 1 + c.random.IntN(int(r.Limit))
	from, to := max(0, len(c.all)-limit), len(c.all)
	switch {
	case r.Before != "":
		to = at(r.Before)
		from = max(0, to-limit)
	case r.After != "":
		from = at(r.After) + 1
		to = min(len(c.all), from+limit)
	}
	page := slices.Clone(c.all[from:to])
	c.given += len(page)
	if c.meet != nil {
		c.meet(c)
	}
	return &earshotv1.MessagesResponse{Messages: page}, nil
}

func (c *conversation) say(n int) {
	for range n {
		c.said++
		c.all = append(c.all, &earshotv1.Message{Id: fmt.Sprintf("%064x", c.said)})
	}
}

// All of a conversation was held before any of it was printed.
func TestHistoryHoldsOnePage(t *testing.T) {
	const n = 3500
	for seed := range uint64(40) {
		c := &conversation{random: rand.New(rand.NewPCG(seed, 1))}
		c.say(n)
		limit := 1 + c.random.IntN(n+500)
		anywhere := c.random.IntN(n)
		id := c.all[anywhere].Id
		before := c.all[max(0, anywhere-limit):anywhere]
		after := c.all[anywhere+1 : min(n, anywhere+1+limit)]
		for _, test := range []struct {
			what string
			read func(history) error
			want []*earshotv1.Message
			most int // messages that are read for it
		}{
			{"the newest", func(h history) error { return h.back(t.Context(), "", uint32(limit)) }, c.all[max(0, n-limit):], 2},
			{"before", func(h history) error { return h.back(t.Context(), id, uint32(limit)) }, before, 2},
			{"after", func(h history) error { return h.forward(t.Context(), id, uint32(limit)) }, after, 1},
		} {
			c.given = 0
			var got []*earshotv1.Message
			err := test.read(history{c, "", func(some []*earshotv1.Message) error {
				if len(some) > localapi.MaxPage {
					t.Errorf("%d at once", len(some))
				}
				got = append(got, some...)
				return nil
			}})
			if len(test.want) <= localapi.MaxPage {
				test.most = 1
			}
			if err != nil || !slices.Equal(got, test.want) || c.given > test.most*len(test.want)+leastAgain {
				t.Errorf("seed %d, %s, up to %d: %d of %d, for which %d were read: %v",
					seed, test.what, limit, len(got), len(test.want), c.given, err)
			}
		}
	}
}

// Messages that come late were taken for as many of those that had been met, and the last ones were left out.
func TestHistoryLeavesOutWhatComesLate(t *testing.T) {
	c := &conversation{random: rand.New(rand.NewPCG(1, 1))}
	c.say(3500)
	c.meet = func(c *conversation) {
		late := &earshotv1.Message{Id: fmt.Sprintf("late %d", len(c.all))}
		c.all = slices.Insert(c.all, 100+c.random.IntN(len(c.all)-100), late)
	}
	want := slices.Clone(c.all)
	var got []*earshotv1.Message
	h := history{c, "", func(some []*earshotv1.Message) error { got = append(got, some...); return nil }}
	if err := h.back(t.Context(), "", uint32(len(want)+1000)); err != nil {
		t.Fatal(err)
	}
	at := 0
	for _, m := range want {
		for at < len(got) && got[at] != m {
			at++
		}
	}
	if at == len(got) || len(got) > len(want)+1000 {
		t.Errorf("%d messages, without some of the %d", len(got), len(want))
	}
}

// One of those before a message goes while they are read: the rest of the conversation was read one by one, up to the
// newest.
func TestHistoryEndsWhereItShould(t *testing.T) {
	c := &conversation{random: rand.New(rand.NewPCG(1, 1))}
	c.say(10_000)
	before, want := c.all[3000].Id, slices.Delete(slices.Clone(c.all[:3000]), 2500, 2501)
	calls := 0
	c.meet = func(c *conversation) { calls++ }
	var got []*earshotv1.Message
	h := history{c, "", func(some []*earshotv1.Message) error {
		if len(some) == 0 {
			t.Error("nothing is told")
		}
		if got == nil {
			c.all = slices.Delete(c.all, 2500, 2501)
			calls = 0
		}
		got = append(got, some...)
		return nil
	}}
	if err := h.back(t.Context(), before, 3000); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got, want) || calls > 100 {
		t.Errorf("%d messages, want %d, in %d pages", len(got), len(want), calls)
	}
}

// What is said while a long conversation is read on is not part of what was the newest.
func TestHistoryEndsWithTheNewestOfItsBeginning(t *testing.T) {
	c := &conversation{random: rand.New(rand.NewPCG(1, 1)), meet: func(c *conversation) { c.say(1) }}
	c.say(3000)
	want := slices.Clone(c.all[100:])
	var got []*earshotv1.Message
	h := history{c, "", func(some []*earshotv1.Message) error { got = append(got, some...); return nil }}
	if err := h.back(t.Context(), "", uint32(len(want))); err != nil || !slices.Equal(got, want) {
		t.Errorf("%d messages, want %d: %v", len(got), len(want), err)
	}
	// One of them is gone by the second time: others are not put in its place, whichever it is.
	c.say(1)
	middle := c.all[len(c.all)-1000]
	want, got = slices.Clone(c.all[len(c.all)-2000:]), nil
	want = slices.DeleteFunc(want, func(m *earshotv1.Message) bool { return m == middle })
	c.meet = nil
	h.tell = func(some []*earshotv1.Message) error {
		if got == nil {
			c.all = slices.DeleteFunc(c.all, func(m *earshotv1.Message) bool { return m == middle })
			c.say(5)
		}
		got = append(got, some...)
		return nil
	}
	if err := h.back(t.Context(), "", 2000); err != nil || !slices.Equal(got, want) {
		t.Errorf("without one in the middle: %d messages, want %d: %v", len(got), len(want), err)
	}
	got = nil
	newest := c.all[len(c.all)-1]
	want = slices.Clone(c.all[len(c.all)-2000 : len(c.all)-1])
	h.tell = func(some []*earshotv1.Message) error {
		if got == nil {
			c.all = slices.DeleteFunc(c.all, func(m *earshotv1.Message) bool { return m == newest })
		}
		got = append(got, some...)
		return nil
	}
	if err := h.back(t.Context(), "", 2000); err != nil || !slices.Equal(got, want) {
		t.Errorf("%d messages, want %d: %v", len(got), len(want), err)
	}
}
