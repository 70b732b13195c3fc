package sync_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/crypto/canon"
	"github.com/earshot-im/earshot/node/sync"
	"github.com/earshot-im/earshot/store/event"
)

var update = flag.Bool("update", false, "write testdata/frames.txt anew")

const vectorsFile = "testdata/frames.txt"

type namedFrame struct {
	name  string
	frame sync.Frame
}

// frames has every kind of frame, with all that it may hold.
func frames(t testing.TB) []namedFrame {
	record, err := event.NewRecord(deviceKeys[0], event.Record{Kind: 9, Counter: 3, Subject: []byte("subject"), Value: []byte("value")})
	if err != nil {
		t.Fatal(err)
	}
	log := write(t, direct, self, 2, 3)
	run := log.run(1, 2)
	run.Trim()
	tagged := log.run(2, 2)
	tagged.Tag = mineTag
	logs := []sync.LogSegments{
		{Device: crypto.DeviceID{1}, Instance: event.Instance{2}, Segments: event.Segments{{First: 1, Last: 7, ID: event.ID{8}}}},
		{Device: crypto.DeviceID{1}, Instance: event.Instance{3}, Segments: event.Segments{{First: 2, Last: 2, ID: event.ID{9}}, {First: 300, Last: 1 << 40, ID: event.ID{10}}}},
	}
	return []namedFrame{
		{"hello", sync.Frame{Hello: &sync.Hello{Version: 1, Nonce: [32]byte(make32(3))}}},
		{"hello of later", sync.Frame{Hello: &sync.Hello{Version: 2, Capabilities: 5, Nonce: [32]byte(make32(3))}}},
		{"admission", sync.Frame{Admission: &sync.Admission{Mode: 1}}},
		{"admission with proof", sync.Frame{Admission: &sync.Admission{Mode: 2, Proof: []byte("proof")}}},
		{"identity", sync.Frame{Identity: &sync.Identity{Card: []byte("card"), Profile: &record}}},
		{"identity without profile", sync.Frame{Identity: &sync.Identity{Card: []byte("card")}}},
		{"offers", sync.Frame{Offers: &sync.Offers{Offers: []sync.Offer{
			{Store: event.Instance{1}},
			{Tag: mineTag, Store: event.Instance{1}, Logs: logs, Records: []sync.RecordHead{
				{Device: crypto.DeviceID{4}, Kind: 1, Subject: []byte("a"), Counter: 1, Hash: crypto.Hash{5}},
				{Device: crypto.DeviceID{4}, Kind: 2, Counter: 70, Hash: crypto.Hash{6}},
			}},
		}}}},
		{"offer of a group", sync.Frame{Offers: &sync.Offers{Offers: []sync.Offer{
			{Tag: mineTag, Store: event.Instance{1}, Logs: logs, Control: []crypto.Hash{{2}, {1}}, Want: sync.WantOwn, Number: 300},
		}}}},
		{"short offer", sync.Frame{Offers: &sync.Offers{Offers: []sync.Offer{
			{Tag: mineTag, Store: event.Instance{1}, Control: []crypto.Hash{{2}}, Digest: &crypto.Hash{7}, Want: sync.WantNow},
		}}}},
		{"quiet offer", sync.Frame{Offers: &sync.Offers{Offers: []sync.Offer{
			{Tag: mineTag, Store: event.Instance{1}, Control: []crypto.Hash{{2}}, Want: sync.WantNothing},
		}}}},
		{"no offers", sync.Frame{Offers: &sync.Offers{Offers: []sync.Offer{}}}},
		{"run", sync.Frame{Run: &run}},
		{"run with a tag", sync.Frame{Run: &tagged}},
		{"record", sync.Frame{Record: &sync.Record{Tag: mineTag, Record: record}}},
		{"have", sync.Frame{Have: &sync.Have{Store: event.Instance{1}, Logs: logs}}},
		{"have that answers a run", sync.Frame{Have: &sync.Have{Tag: mineTag, Store: event.Instance{1}, Answers: 300}}},
		{"settled", sync.Frame{Settled: &sync.Settled{Tag: mineTag}}},
		{"settled in the direct conversation", sync.Frame{Settled: &sync.Settled{}}},
		{"settled again", sync.Frame{Settled: &sync.Settled{Tag: mineTag, Number: 2}}},
		{"log refused", sync.Frame{Refused: &sync.Refused{Device: crypto.DeviceID{1}, Instance: event.Instance{2}, Reason: sync.Forked}}},
		{"refused", sync.Frame{Refused: &sync.Refused{Tag: mineTag, Device: crypto.DeviceID{1}, Instance: event.Instance{2}, Reason: sync.TooEarly, Run: 7}}},
		{"card request", sync.Frame{CardRequest: &sync.CardRequest{CardOf: sync.CardOf{Head: crypto.Hash{1}}}}},
		{"card request of a person", sync.Frame{CardRequest: &sync.CardRequest{CardOf: sync.CardOf{Person: crypto.PersonID{1}}}}},
		{"card", sync.Frame{Card: &sync.Card{Card: []byte("card")}}},
		{"card with profile", sync.Frame{Card: &sync.Card{Card: []byte("card"), Profile: &record}}},
		{"no card", sync.Frame{Card: &sync.Card{}}},
		{"sightings", sync.Frame{Sightings: &sync.Sightings{Sightings: []sync.Sighting{
			{Device: crypto.DeviceID{1}, Addresses: []netip.AddrPort{netip.MustParseAddrPort("192.0.2.1:4001"), netip.MustParseAddrPort("[2001:db8::1]:65535")}},
			{Device: crypto.DeviceID{2}},
		}}}},
		{"control", sync.Frame{Control: &sync.Control{Tag: mineTag, Events: founded(t)}}},
		{"welcome", sync.Frame{Welcome: &sync.Control{Events: founded(t)}}},
		{"epoch", sync.Frame{Epoch: &sync.Epoch{Tag: mineTag, ID: [16]byte{1}, Key: [32]byte{2}, Control: []crypto.Hash{{3}, {4}}, Age: 70}}},
	}
}

// founded is a group that A has created and renamed.
func founded(t testing.TB) []event.Event {
	var events []event.Event
	for _, act := range []event.Control{
		event.Create{Person: crypto.PersonID{1}, Name: "Team", Secret: [32]byte{9}, History: event.History{Policy: event.HistoryJoined}},
		event.Rename{Name: "Crew"},
	} {
		content, err := act.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		h := event.Header{Device: self, Instance: event.Instance{1}, Sequence: 1, Card: crypto.Hash{1}, Clock: 1, Kind: act.Kind(), Flags: event.FlagCritical}
		if len(events) > 0 {
			first := &events[0]
			h.Conversation, h.Sequence, h.Previous = first.Header.Conversation, 2, first.ID
			h.Control = []crypto.Hash{first.ID}
		}
		e, err := event.New(h, event.Body{Content: content})
		if err != nil {
			t.Fatal(err)
		}
		e.Sign(deviceKeys[0])
		events = append(events, e)
	}
	return events
}

func TestVectors(t *testing.T) {
	var out strings.Builder
	for _, f := range frames(t) {
		b := f.frame.Marshal()
		fmt.Fprintf(&out, "%s\n%x\n", f.name, b)
		again, err := sync.ParseFrame(b)
		if err != nil {
			t.Errorf("%s: %v", f.name, err)
		} else if !bytes.Equal(again.Marshal(), b) || !reflect.DeepEqual(again, f.frame) {
			t.Errorf("%s came back as another", f.name)
		}
	}
	if *update {
		if err := os.WriteFile(vectorsFile, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(vectorsFile)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != out.String() {
		t.Errorf("frames are not those of %s; after a change of the format: go test -run Vectors -update", vectorsFile)
	}
}

func TestParseFrameRefuses(t *testing.T) {
	offer := func(o ...sync.Offer) sync.Frame { return sync.Frame{Offers: &sync.Offers{Offers: o}} }
	segments := func(g ...event.Segment) sync.Frame {
		return sync.Frame{Have: &sync.Have{Logs: []sync.LogSegments{{Segments: g}}}}
	}
	one := event.Segment{First: 1, Last: 1}
	logs := func(devices ...byte) (l []sync.LogSegments) {
		for _, d := range devices {
			l = append(l, sync.LogSegments{Device: crypto.DeviceID{d}, Segments: event.Segments{one}})
		}
		return l
	}
	many := make([]sync.Offer, sync.MaxOffers+1)
	for i := range many {
		many[i].Tag = append(make([]byte, 30), byte(i>>8), byte(i))
	}
	for name, f := range map[string]sync.Frame{
		"tags out of order":     offer(sync.Offer{Tag: theirTag}, sync.Offer{Tag: mineTag}),
		"a tag twice":           offer(sync.Offer{}, sync.Offer{}),
		"a short tag":           offer(sync.Offer{Tag: []byte{1}}),
		"too many offers":       offer(many...),
		"logs out of order":     offer(sync.Offer{Logs: logs(2, 1)}),
		"a log twice":           offer(sync.Offer{Logs: logs(1, 1)}),
		"heads out of order":    offer(sync.Offer{Records: []sync.RecordHead{{Kind: 2, Counter: 1}, {Kind: 1, Counter: 1}}}),
		"have nothing":          {Have: &sync.Have{}},
		"no segments":           segments(),
		"segment from 0":        segments(event.Segment{First: 0, Last: 1}),
		"segment backwards":     segments(event.Segment{First: 2, Last: 1}),
		"segment without end":   segments(event.Segment{First: 1, Last: 1 << 60}),
		"segments that touch":   segments(one, event.Segment{First: 2, Last: 3}),
		"too many segments":     segments(gapped(33)...),
		"identity without card": {Identity: &sync.Identity{}},
		"a large card":          {Card: &sync.Card{Card: make([]byte, sync.MaxCard+1)}},
		"reason 0":              {Refused: &sync.Refused{}},
		"reason 6":              {Refused: &sync.Refused{Reason: 6}},
		"no want":               offer(sync.Offer{Tag: mineTag, Want: 4}),
		"digest and logs":       offer(sync.Offer{Tag: mineTag, Logs: logs(1), Digest: &crypto.Hash{1}}),
		"a long locator":        offer(sync.Offer{Tag: mineTag, Control: make([]crypto.Hash, sync.MaxLocator+1)}),
		"want, in private":      offer(sync.Offer{Want: sync.WantOwn}),
		"control, in private":   offer(sync.Offer{Control: []crypto.Hash{{1}}}),
		"card of nobody":        {CardRequest: &sync.CardRequest{}},
		"card of two":           {CardRequest: &sync.CardRequest{CardOf: sync.CardOf{Head: crypto.Hash{1}, Person: crypto.PersonID{1}}}},
		"profile without card":  {Card: &sync.Card{Profile: frames(t)[4].frame.Identity.Profile}},
		"no control events":     {Control: &sync.Control{Tag: mineTag}},
		"control without tag":   {Control: &sync.Control{Events: founded(t)}},
		"welcome with tag":      {Welcome: &sync.Control{Tag: mineTag, Events: founded(t)}},
		"words for control":     {Control: &sync.Control{Tag: mineTag, Events: write(t, direct, self, 1, 1).events}},
		"two groups":            {Welcome: &sync.Control{Events: append(founded(t), write(t, group, self, 1, 1).events...)}},
		"too many for control":  {Control: &sync.Control{Tag: mineTag, Events: slices.Repeat(founded(t)[1:], sync.MaxControl+1)}},
		"epoch without tag":     {Epoch: &sync.Epoch{Control: []crypto.Hash{{1}}}},
		"epoch without heads":   {Epoch: &sync.Epoch{Tag: mineTag}},
		"heads of an epoch":     {Epoch: &sync.Epoch{Tag: mineTag, Control: []crypto.Hash{{2}, {1}}}},
		"too many heads":        {Epoch: &sync.Epoch{Tag: mineTag, Control: make([]crypto.Hash, event.MaxControl+1)}},
		"a run of nothing":      {Run: &event.Run{}},
		"a record of nothing":   {Record: &sync.Record{}},
	} {
		if _, err := sync.ParseFrame(f.Marshal()); !errors.Is(err, sync.ErrProtocol) {
			t.Errorf("%s: %v", name, err)
		}
	}
	padded := func(n int) []byte {
		var w, frame canon.Writer
		w.Bytes(2, make([]byte, n))
		frame.Element(4, w.Out())
		return frame.Out()
	}
	dirty := padded(506)
	dirty[300] = 1
	if _, err := sync.ParseFrame(padded(506)); err != nil {
		t.Error(err)
	}
	hello, settled := frames(t)[0].frame.Marshal(), sync.Frame{Settled: &sync.Settled{}}.Marshal()
	for name, b := range map[string][]byte{
		"nothing":        nil,
		"two":            append(bytes.Clone(hello), settled...),
		"one kind twice": append(bytes.Clone(settled), settled...),
		"unknown":        {0x82, 1, 0},
		"no padding":     {0x22, 0},
		"odd padding":    padded(505),
		"much padding":   padded(506 + 512),
		"dirty padding":  dirty,
		"truncated":      hello[:len(hello)-1],
		"too large":      make([]byte, sync.MaxFrame+1),
		"mapped address": unhex("622e0a2c0a20" + strings.Repeat("01", 32) + "1206" + "000000000fa1" + "1200"),
		"IPv4 as IPv6":   unhex("623a0a380a20" + strings.Repeat("01", 32) + "1212" + "00000000000000000000ffff010203040fa1"),
	} {
		if _, err := sync.ParseFrame(b); !errors.Is(err, sync.ErrProtocol) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

func gapped(n int) (g event.Segments) {
	for i := range n {
		g = append(g, event.Segment{First: uint64(3*i + 1), Last: uint64(3*i + 1)})
	}
	return g
}

// FuzzParseFrame: what parses has no second encoding.
func FuzzParseFrame(f *testing.F) {
	for _, frame := range frames(f) {
		f.Add(frame.frame.Marshal())
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		frame, err := sync.ParseFrame(b)
		if err != nil {
			if !errors.Is(err, sync.ErrProtocol) {
				t.Fatal(err)
			}
			return
		}
		if again := frame.Marshal(); !bytes.Equal(again, b) {
			t.Fatalf("%x came back as %x", b, again)
		}
	})
}
