package wire_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/crypto/canon"
	"github.com/earshot-im/earshot/node/wire"
	"github.com/earshot-im/earshot/store/event"
)

var update = flag.Bool("update", false, "write testdata/frames.txt anew")

const vectorsFile = "testdata/frames.txt"

var (
	deviceKey = func() crypto.DeviceKey {
		key, err := crypto.NewDeviceKey(rand.NewChaCha8([32]byte{}))
		if err != nil {
			panic(err)
		}
		return key
	}()
	direct, group    = event.Conversation{1}, event.Conversation{3}
	oneTag, otherTag = make32(0x10), make32(0x20)
)

func make32(b byte) []byte {
	t := make([]byte, 32)
	t[0] = b
	return t
}

type namedFrame struct {
	name  string
	frame wire.Frame
}

// frames has every kind of frame, with all that it may hold.
func frames(t testing.TB) []namedFrame {
	record, err := event.NewRecord(deviceKey, event.Record{Kind: 9, Counter: 3, Subject: []byte("subject"), Value: []byte("value")})
	if err != nil {
		t.Fatal(err)
	}
	log := texts(t, direct, 2, 3)
	run := event.Run{Events: slices.Clone(log)}
	run.Trim()
	tagged := event.Run{Tag: oneTag, Events: log[1:]}
	logs := []wire.LogSegments{
		{Device: crypto.DeviceID{1}, Instance: event.Instance{2}, Segments: event.Segments{{First: 1, Last: 7, ID: event.ID{8}}}},
		{Device: crypto.DeviceID{1}, Instance: event.Instance{3}, Segments: event.Segments{{First: 2, Last: 2, ID: event.ID{9}}, {First: 300, Last: 1 << 40, ID: event.ID{10}}}},
	}
	return []namedFrame{
		{"hello", wire.Frame{Hello: &wire.Hello{Version: 1, Nonce: [32]byte(make32(3))}}},
		{"hello of later", wire.Frame{Hello: &wire.Hello{Version: 2, Capabilities: 5, Nonce: [32]byte(make32(3))}}},
		{"admission", wire.Frame{Admission: &wire.Admission{Mode: 1}}},
		{"admission with proof", wire.Frame{Admission: &wire.Admission{Mode: 2, Proof: []byte("proof")}}},
		{"identity", wire.Frame{Identity: &wire.Identity{Card: []byte("card"), Profile: &record}}},
		{"identity without profile", wire.Frame{Identity: &wire.Identity{Card: []byte("card")}}},
		{"offers", wire.Frame{Offers: &wire.Offers{Offers: []wire.Offer{
			{Store: event.Instance{1}},
			{Tag: oneTag, Store: event.Instance{1}, Logs: logs, Records: []wire.RecordSummary{
				{Device: crypto.DeviceID{4}, Kind: 1, Subject: []byte("a"), Counter: 1, Hash: crypto.Hash{5}},
				{Device: crypto.DeviceID{4}, Kind: 2, Counter: 70, Hash: crypto.Hash{6}},
			}},
		}}}},
		{"offer of a group", wire.Frame{Offers: &wire.Offers{Offers: []wire.Offer{
			{Tag: oneTag, Store: event.Instance{1}, Logs: logs, Locator: []crypto.Hash{{2}, {1}}, Want: wire.WantOwn, Number: 300},
		}}}},
		{"short offer", wire.Frame{Offers: &wire.Offers{Offers: []wire.Offer{
			{Tag: oneTag, Store: event.Instance{1}, Locator: []crypto.Hash{{2}}, Digest: &crypto.Hash{7}, Want: wire.WantNow},
		}}}},
		{"quiet offer", wire.Frame{Offers: &wire.Offers{Offers: []wire.Offer{
			{Tag: oneTag, Store: event.Instance{1}, Locator: []crypto.Hash{{2}}, Want: wire.WantNothing},
		}}}},
		{"void invitations", wire.Frame{Offers: &wire.Offers{Offers: []wire.Offer{
			{Tag: oneTag, Store: event.Instance{1}, Locator: []crypto.Hash{{2}}, Want: wire.WantNothing, Number: 1, Void: []crypto.Hash{{3}, {4}}},
		}}}},
		{"no offers", wire.Frame{Offers: &wire.Offers{Offers: []wire.Offer{}}}},
		{"run", wire.Frame{Run: &run}},
		{"run with a tag", wire.Frame{Run: &tagged}},
		{"record", wire.Frame{Record: &wire.Record{Tag: oneTag, Record: record}}},
		{"have", wire.Frame{Have: &wire.Have{Store: event.Instance{1}, Logs: logs}}},
		{"have of a log that comes directly", wire.Frame{Have: &wire.Have{Tag: oneTag, Store: event.Instance{1}, Logs: []wire.LogSegments{
			{Device: crypto.DeviceID{1}, Instance: event.Instance{2}, Segments: event.Segments{{First: 1, Last: 7, ID: event.ID{8}}}, Direct: true},
		}}}},
		{"have that answers a run", wire.Frame{Have: &wire.Have{Tag: oneTag, Store: event.Instance{1}, Answers: 300}}},
		{"settled", wire.Frame{Settled: &wire.Settled{Tag: oneTag}}},
		{"settled in the direct conversation", wire.Frame{Settled: &wire.Settled{}}},
		{"settled again", wire.Frame{Settled: &wire.Settled{Tag: oneTag, Number: 2}}},
		{"log refused", wire.Frame{Refused: &wire.Refused{Device: crypto.DeviceID{1}, Instance: event.Instance{2}, Reason: wire.Forked}}},
		{"refused", wire.Frame{Refused: &wire.Refused{Tag: oneTag, Device: crypto.DeviceID{1}, Instance: event.Instance{2}, Reason: wire.TooEarly, Run: 7}}},
		{"no room", wire.Frame{Refused: &wire.Refused{Reason: wire.NoRoom, Run: 7}}},
		{"card request", wire.Frame{CardRequest: &wire.CardRequest{CardOf: wire.CardOf{Head: crypto.Hash{1}}}}},
		{"card request of a person", wire.Frame{CardRequest: &wire.CardRequest{CardOf: wire.CardOf{Person: crypto.PersonID{1}}}}},
		{"card", wire.Frame{Card: &wire.Card{Card: []byte("card")}}},
		{"card with profile", wire.Frame{Card: &wire.Card{Card: []byte("card"), Profile: &record}}},
		{"no card", wire.Frame{Card: &wire.Card{}}},
		{"sightings", wire.Frame{Sightings: &wire.Sightings{Sightings: []wire.Sighting{
			{Device: crypto.DeviceID{1}, Addresses: []netip.AddrPort{netip.MustParseAddrPort("192.0.2.1:4001"), netip.MustParseAddrPort("[2001:db8::1]:65535")}},
			{Device: crypto.DeviceID{2}},
		}}}},
		{"control", wire.Frame{Control: &wire.Control{Tag: oneTag, Events: founded(t)}}},
		{"welcome", welcomed(t)},
		{"welcome without card", welcomed(t, func(w *wire.Welcome) { w.Card, w.Members = nil, wire.MaxMembers })},
		{"epoch", wire.Frame{Epoch: &wire.Epoch{Tag: oneTag, ID: [16]byte{1}, Key: [32]byte{2}, Control: []crypto.Hash{{3}, {4}}, Age: 70}}},
		{"typing", wire.Frame{Typing: &wire.Typing{Tag: oneTag, On: true}}},
		{"typing in the direct conversation", wire.Frame{Typing: &wire.Typing{On: true}}},
		{"typing no more", wire.Frame{Typing: &wire.Typing{Tag: oneTag}}},
		{"away", wire.Frame{Presence: &wire.Presence{Away: true}}},
		{"here", wire.Frame{Presence: &wire.Presence{}}},
	}
}

// texts is a log of n text events of one conversation.
func texts(t testing.TB, conv event.Conversation, n, size int) (events []event.Event) {
	content, err := event.Text{Text: string(make([]byte, size))}.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		h := event.Header{Conversation: conv, Device: deviceKey.ID(), Instance: event.Instance{1}, Sequence: uint64(i + 1), Kind: event.KindText, Clock: 1}
		if i > 0 {
			h.Previous = events[i-1].ID
		}
		e, err := event.New(h, event.Body{Content: content})
		if err != nil {
			t.Fatal(err)
		}
		e.Signature = make([]byte, crypto.SignatureSize)
		events = append(events, e)
	}
	return events
}

// created is the event that creates a group of a name.
func created(t testing.TB, name string) event.Event {
	history := event.History{Policy: event.HistoryJoined}
	return control(t, event.Create{Person: crypto.PersonID{1}, Name: name, Secret: [32]byte{9}, History: history}, event.Header{Sequence: 1})
}

// founded is a group that was created and renamed.
func founded(t testing.TB) []event.Event {
	first := created(t, "Team")
	second := control(t, event.Rename{Name: "Crew"}, event.Header{
		Conversation: first.Header.Conversation, Sequence: 2, Previous: first.ID, Control: []crypto.Hash{first.ID},
	})
	return []event.Event{first, second}
}

// welcomed is a welcome of somebody into that group.
func welcomed(t testing.TB, change ...func(*wire.Welcome)) wire.Frame {
	create := created(t, "Team")
	join := control(t, event.Invite{Persons: []crypto.PersonID{{9}}}, event.Header{
		Conversation: create.Header.Conversation, Sequence: 2, Previous: create.ID, Control: []crypto.Hash{crypto.Hash(create.ID)},
	})
	w := &wire.Welcome{Create: create, Join: join, Card: []byte("card"), Members: 2}
	for _, c := range change {
		c(w)
	}
	return wire.Frame{Welcome: w}
}

// control makes a control event of what its author does and of a header that lacks the rest.
func control(t testing.TB, act event.Control, h event.Header) event.Event {
	content, err := act.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	h.Device, h.Instance, h.Card, h.Clock = deviceKey.ID(), event.Instance{1}, crypto.Hash{1}, 1
	h.Kind, h.Flags = act.Kind(), event.FlagCritical
	e, err := event.New(h, event.Body{Content: content})
	if err != nil {
		t.Fatal(err)
	}
	e.Sign(deviceKey)
	return e
}

func TestVectors(t *testing.T) {
	var out strings.Builder
	for _, f := range frames(t) {
		b := f.frame.Marshal()
		fmt.Fprintf(&out, "%s\n%x\n", f.name, b)
		again, err := wire.ParseFrame(b)
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
	offer := func(o ...wire.Offer) wire.Frame { return wire.Frame{Offers: &wire.Offers{Offers: o}} }
	segments := func(g ...event.Segment) wire.Frame {
		return wire.Frame{Have: &wire.Have{Logs: []wire.LogSegments{{Segments: g}}}}
	}
	one := event.Segment{First: 1, Last: 1}
	logs := func(devices ...byte) (l []wire.LogSegments) {
		for _, d := range devices {
			l = append(l, wire.LogSegments{Device: crypto.DeviceID{d}, Segments: event.Segments{one}})
		}
		return l
	}
	direct := logs(1)
	direct[0].Direct = true
	another, withheld := created(t, "Other"), founded(t)[1]
	withheld.Withheld = 1
	many := make([]wire.Offer, wire.MaxOffers+1)
	for i := range many {
		many[i].Tag = append(make([]byte, 30), byte(i>>8), byte(i))
	}
	for name, f := range map[string]wire.Frame{
		"tags out of order":     offer(wire.Offer{Tag: otherTag}, wire.Offer{Tag: oneTag}),
		"a tag twice":           offer(wire.Offer{}, wire.Offer{}),
		"a short tag":           offer(wire.Offer{Tag: []byte{1}}),
		"too many offers":       offer(many...),
		"logs out of order":     offer(wire.Offer{Logs: logs(2, 1)}),
		"a log twice":           offer(wire.Offer{Logs: logs(1, 1)}),
		"heads out of order":    offer(wire.Offer{Records: []wire.RecordSummary{{Kind: 2, Counter: 1}, {Kind: 1, Counter: 1}}}),
		"have nothing":          {Have: &wire.Have{}},
		"no segments":           segments(),
		"segment from 0":        segments(event.Segment{First: 0, Last: 1}),
		"segment backwards":     segments(event.Segment{First: 2, Last: 1}),
		"segment without end":   segments(event.Segment{First: 1, Last: 1 << 60}),
		"segments that touch":   segments(one, event.Segment{First: 2, Last: 3}),
		"too many segments":     segments(gapped(33)...),
		"identity without card": {Identity: &wire.Identity{}},
		"a large card":          {Card: &wire.Card{Card: make([]byte, crypto.MaxCard+1)}},
		"reason 0":              {Refused: &wire.Refused{}},
		"reason 9":              {Refused: &wire.Refused{Reason: 9}},
		"no room for nothing":   {Refused: &wire.Refused{Reason: wire.NoRoom}},
		"no want":               offer(wire.Offer{Tag: oneTag, Want: 4}),
		"digest and logs":       offer(wire.Offer{Tag: oneTag, Logs: logs(1), Digest: &crypto.Hash{1}}),
		"a long locator":        offer(wire.Offer{Tag: oneTag, Locator: make([]crypto.Hash, event.MaxLocator+1)}),
		"void, and wanted":      offer(wire.Offer{Tag: oneTag, Want: wire.WantOwn, Void: []crypto.Hash{{1}}}),
		"void in disorder":      offer(wire.Offer{Tag: oneTag, Want: wire.WantNothing, Void: []crypto.Hash{{2}, {1}}}),
		"void twice":            offer(wire.Offer{Tag: oneTag, Want: wire.WantNothing, Void: []crypto.Hash{{1}, {1}}}),
		"too much void":         offer(wire.Offer{Tag: oneTag, Want: wire.WantNothing, Void: make([]crypto.Hash, wire.MaxVoid+1)}),
		"direct, in private":    offer(wire.Offer{Logs: direct}),
		"have direct, same":     {Have: &wire.Have{Logs: direct}},
		"want, in private":      offer(wire.Offer{Want: wire.WantOwn}),
		"control, in private":   offer(wire.Offer{Locator: []crypto.Hash{{1}}}),
		"card of nobody":        {CardRequest: &wire.CardRequest{}},
		"card of two":           {CardRequest: &wire.CardRequest{CardOf: wire.CardOf{Head: crypto.Hash{1}, Person: crypto.PersonID{1}}}},
		"profile without card":  {Card: &wire.Card{Profile: frames(t)[4].frame.Identity.Profile}},
		"no control events":     {Control: &wire.Control{Tag: oneTag}},
		"control without tag":   {Control: &wire.Control{Events: founded(t)}},
		"words for control":     {Control: &wire.Control{Tag: oneTag, Events: texts(t, group, 1, 1)}},
		"two groups":            {Control: &wire.Control{Tag: oneTag, Events: append(founded(t), texts(t, group, 1, 1)...)}},
		"too many for control":  {Control: &wire.Control{Tag: oneTag, Events: slices.Repeat(founded(t)[1:], wire.MaxControl+1)}},
		"epoch without tag":     {Epoch: &wire.Epoch{Control: []crypto.Hash{{1}}}},
		"epoch without heads":   {Epoch: &wire.Epoch{Tag: oneTag}},
		"heads of an epoch":     {Epoch: &wire.Epoch{Tag: oneTag, Control: []crypto.Hash{{2}, {1}}}},
		"too many heads":        {Epoch: &wire.Epoch{Tag: oneTag, Control: make([]crypto.Hash, event.MaxControl+1)}},
		"a run of nothing":      {Run: &event.Run{}},
		"a record of nothing":   {Record: &wire.Record{}},
		"digest, in private":    offer(wire.Offer{Digest: &crypto.Hash{1}}),
		"two groups founded":    {Control: &wire.Control{Tag: oneTag, Events: append(founded(t), another)}},
		"causes of control":     {Control: &wire.Control{Tag: oneTag, Events: []event.Event{withheld}}},
		"welcome to another":    welcomed(t, func(w *wire.Welcome) { w.Create = another }),
		"welcome by a rename":   welcomed(t, func(w *wire.Welcome) { w.Join = founded(t)[1] }),
		"welcome to a rename":   welcomed(t, func(w *wire.Welcome) { w.Create = founded(t)[1] }),
		"welcome without body":  welcomed(t, func(w *wire.Welcome) { w.Join.Body, w.Join.Absent = nil, event.Dropped }),
		"unsigned welcome":      welcomed(t, func(w *wire.Welcome) { w.Create.Signature = nil }),
		"welcome to one":        welcomed(t, func(w *wire.Welcome) { w.Members = 1 }),
		"welcome to too many":   welcomed(t, func(w *wire.Welcome) { w.Members = wire.MaxMembers + 1 }),
		"a large welcome":       welcomed(t, func(w *wire.Welcome) { w.Card = make([]byte, wire.MaxWelcome) }),
	} {
		if _, err := wire.ParseFrame(f.Marshal()); !errors.Is(err, wire.ErrMalformed) {
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
	if _, err := wire.ParseFrame(padded(506)); err != nil {
		t.Error(err)
	}
	inside := func(field int, message []byte) []byte {
		var w canon.Writer
		w.Element(field, message)
		return w.Out()
	}
	var taggedWelcome canon.Writer
	of := welcomed(t).Welcome
	taggedWelcome.Element(1, (&event.Run{Tag: oneTag, Events: []event.Event{of.Create, of.Join}}).Marshal())
	taggedWelcome.Uint(3, 2)
	numbered := event.Run{Tag: oneTag, Events: founded(t), Number: 1}
	record := wire.Frame{Record: &wire.Record{Tag: oneTag, Record: *frames(t)[4].frame.Identity.Profile}}.Marshal()
	_, length := binary.Uvarint(record[1:])
	var tagged, both canon.Writer
	tagged.Bytes(1, []byte("card"))
	tagged.Element(2, record[1+length:])
	both.Element(1, make([]byte, 32))
	both.Element(2, bytes.Repeat([]byte{1}, 32))
	hello, settled := frames(t)[0].frame.Marshal(), wire.Frame{Settled: &wire.Settled{}}.Marshal()
	for name, b := range map[string][]byte{
		"nothing":          nil,
		"two":              append(bytes.Clone(hello), settled...),
		"one kind twice":   append(bytes.Clone(settled), settled...),
		"unknown":          {0x92, 1, 0},
		"typing twice":     {0x82, 1, 2, 0x10, 2},
		"typing, short":    {0x82, 1, 3, 0x0a, 1, 7},
		"typing, 0":        {0x82, 1, 2, 0x10, 0},
		"away twice":       {0x8a, 1, 2, 0x08, 2},
		"away, and more":   {0x8a, 1, 4, 0x08, 1, 0x10, 1},
		"no padding":       {0x22, 0},
		"odd padding":      padded(505),
		"much padding":     padded(506 + 512),
		"dirty padding":    dirty,
		"truncated":        hello[:len(hello)-1],
		"too large":        make([]byte, wire.MaxFrame+1),
		"numbered control": inside(13, numbered.Marshal()),
		"tagged welcome":   inside(14, taggedWelcome.Out()),
		"empty welcome":    {0x72, 2, 0x18, 2},
		"tagged profile":   inside(3, tagged.Out()),
		"zero head":        inside(10, both.Out()),
		"mapped address":   unhex("622e0a2c0a20" + strings.Repeat("01", 32) + "1206" + "000000000fa1" + "1200"),
		"IPv4 as IPv6":     unhex("62380a360a20" + strings.Repeat("01", 32) + "1212" + "00000000000000000000ffff010203040fa1"),
	} {
		if _, err := wire.ParseFrame(b); !errors.Is(err, wire.ErrMalformed) {
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
		frame, err := wire.ParseFrame(b)
		if err != nil {
			if !errors.Is(err, wire.ErrMalformed) {
				t.Fatal(err)
			}
			return
		}
		if again := frame.Marshal(); !bytes.Equal(again, b) {
			t.Fatalf("%x came back as %x", b, again)
		}
	})
}
