package event

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/crypto/canon"
)

func TestControlsComeBack(t *testing.T) {
	for _, want := range sampleControls() {
		b, err := want.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		if got, err := ParseControl(want.Kind(), b); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%#v came back as %#v, %v", want, got, err)
		}
	}
	if c, err := ParseControl(lastKnown+1, []byte{0xff}); c != nil || err != nil {
		t.Errorf("unknown kind: %v, %v", c, err)
	}
}

// TestControlsRefuse makes contents that break one limit, and what a program without the limit
// would send.
func TestControlsRefuse(t *testing.T) {
	cut := func(i int) Position {
		return Position{Instance: Instance{byte(i >> 8), byte(i)}, Sequence: 1}
	}
	var persons []crypto.PersonID
	for i := range MaxInvited + 1 {
		persons = append(persons, crypto.PersonID{byte(i)})
	}
	var cuts []Position
	for i := range MaxCuts + 1 {
		cuts = append(cuts, cut(i))
	}
	var devices []Position
	for i := range MaxCutDevices + 1 {
		devices = append(devices, Position{Device: crypto.DeviceID{byte(i)}, Sequence: 1})
	}
	var lists []crypto.Hash
	for i := range MaxLists + 1 {
		lists = append(lists, crypto.Hash{byte(i)})
	}
	long := strings.Repeat("x", MaxTopic+1)
	joined := History{Policy: HistoryJoined}
	for name, c := range map[string]Control{
		"name empty":          Create{History: joined},
		"name long":           Create{Name: long[:MaxName+1], History: joined},
		"no history":          Create{Name: "x"},
		"history of no days":  Create{Name: "x", History: History{Policy: HistoryDays}},
		"nobody":              Invite{},
		"too many":            Invite{persons},
		"persons descending":  Invite{[]crypto.PersonID{{2}, {1}}},
		"person twice":        Invite{[]crypto.PersonID{{1}, {1}}},
		"cuts descending":     Leave{Cuts: []Position{cut(2), cut(1)}},
		"cut twice":           Remove{Cuts: []Position{cut(1), cut(1)}},
		"cut at 0":            Remove{Cuts: []Position{{}}},
		"cut at a huge one":   Leave{Cuts: []Position{{Sequence: MaxInteger + 1}}},
		"too many cuts":       Remove{Cuts: cuts},
		"too many in a list":  CutList{Cuts: cuts},
		"too many devices":    Remove{Cuts: devices},
		"list of nothing":     CutList{},
		"list descending":     CutList{Cuts: []Position{cut(2), cut(1)}},
		"lists descending":    Remove{Lists: []crypto.Hash{{2}, {1}}},
		"list twice":          Leave{Lists: []crypto.Hash{{1}, {1}}},
		"too many lists":      Remove{Lists: lists},
		"no role":             RoleChange{},
		"unknown role":        RoleChange{Role: RoleOwner + 1},
		"rename to nothing":   Rename{},
		"rename not UTF-8":    Rename{"\xff"},
		"rename long":         Rename{long[:MaxName+1]},
		"topic long":          Topic{long},
		"topic not UTF-8":     Topic{"\xff"},
		"no policy":           History{},
		"unknown policy":      History{Policy: HistoryAll + 1},
		"days without policy": History{HistoryAll, 1},
		"too many days":       History{HistoryDays, MaxHistoryDays + 1},
	} {
		if b, err := c.Marshal(); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: made %x, %v", name, b, err)
		}
		if got, err := ParseControl(c.Kind(), careless(c)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: parsed %v, %v", name, got, err)
		}
	}
	for name, c := range map[string]Control{
		"all there may be invited": Invite{persons[:MaxInvited]},
		"all cuts there may be":    Remove{Cuts: cuts[:MaxCuts], Lists: lists[:MaxLists]},
		"the longest list":         CutList{Cuts: cuts[:MaxCuts]},
		"most devices":             Leave{Cuts: devices[:MaxCutDevices]},
		"longest name":             Rename{long[:MaxName]},
		"longest topic":            Topic{long[:MaxTopic]},
		"most days":                History{HistoryDays, MaxHistoryDays},
	} {
		b, err := c.Marshal()
		if err != nil || len(b) > MaxBody-minBody-4 {
			t.Errorf("%s: %d bytes, %v", name, len(b), err)
		}
		if _, err := ParseControl(c.Kind(), b); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// careless writes a content as it is.
func careless(c Control) []byte {
	var w canon.Writer
	switch c := c.(type) {
	case Create:
		w.Bytes(1, c.Person[:])
		w.String(2, c.Name)
		w.Bytes(3, c.Secret[:])
		var h canon.Writer
		c.History.write(&h)
		w.Bytes(4, h.Out())
	case Invite:
		writePersons(&w, 1, c.Persons)
	case Leave:
		writePositions(&w, 1, c.Cuts)
		writeLists(&w, 2, c.Lists)
	case Remove:
		w.Bytes(1, c.Person[:])
		writePositions(&w, 2, c.Cuts)
		writeLists(&w, 3, c.Lists)
	case CutList:
		w.Bytes(1, c.Person[:])
		writePositions(&w, 2, c.Cuts)
	case RoleChange:
		w.Bytes(1, c.Person[:])
		w.Uint(2, uint64(c.Role))
	case Rename:
		w.String(1, c.Name)
	case Topic:
		w.String(1, c.Topic)
	case History:
		c.write(&w)
	}
	return w.Out()
}

// A number too large for its type must not come back as a good one.
func TestRoleBeyondItsType(t *testing.T) {
	var w canon.Writer
	w.Bytes(1, make([]byte, 32))
	w.Uint(2, 256+uint64(RoleOwner))
	if c, err := ParseControl(KindRole, w.Out()); !errors.Is(err, ErrMalformed) {
		t.Errorf("%v, %v", c, err)
	}
	var h canon.Writer
	h.Uint(1, 256+uint64(HistoryAll))
	if c, err := ParseControl(KindHistory, h.Out()); !errors.Is(err, ErrMalformed) {
		t.Errorf("%v, %v", c, err)
	}
}

func TestMentions(t *testing.T) {
	var all []crypto.PersonID
	for i := range MaxMentions + 1 {
		all = append(all, crypto.PersonID{byte(i)})
	}
	for name, c := range map[string]struct {
		mentions []crypto.PersonID
		ok       bool
	}{
		"as many as may be": {all[:MaxMentions], true},
		"too many":          {all, false},
		"descending":        {[]crypto.PersonID{{2}, {1}}, false},
		"twice":             {[]crypto.PersonID{{1}, {1}}, false},
	} {
		_, text := Text{Mentions: c.mentions}.Marshal()
		_, edit := Edit{Mentions: c.mentions}.Marshal()
		var w, v canon.Writer
		writePersons(&w, 3, c.mentions)
		_, parsedText := ParseText(w.Out())
		writePersons(&v, 2, c.mentions)
		_, parsedEdit := ParseEdit(v.Out())
		for _, err := range []error{text, edit, parsedText, parsedEdit} {
			if (err == nil) != c.ok || err != nil && !errors.Is(err, ErrMalformed) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	var w canon.Writer
	w.Element(3, make([]byte, 31))
	if _, err := ParseText(w.Out()); !errors.Is(err, ErrMalformed) {
		t.Errorf("short mention: %v", err)
	}
}

func TestActsTooLarge(t *testing.T) {
	if _, err := (Edit{Text: strings.Repeat("x", MaxText+1)}).Marshal(); !errors.Is(err, ErrTooLarge) {
		t.Error(err)
	}
	if _, err := (Edit{Text: "\xff"}).Marshal(); !errors.Is(err, ErrMalformed) {
		t.Error(err)
	}
	if _, err := (Reaction{Emoji: strings.Repeat("x", MaxEmoji+1)}).Marshal(); !errors.Is(err, ErrTooLarge) {
		t.Error(err)
	}
	if _, err := (Reaction{Emoji: "\xff"}).Marshal(); !errors.Is(err, ErrMalformed) {
		t.Error(err)
	}
}

// The conversation of a create event is its own ID: absent in the header, and the log's in memory.
func TestCreateIsItsConversation(t *testing.T) {
	w := newWriter(t, 1)
	content, err := sampleControls()[0].Marshal()
	if err != nil {
		t.Fatal(err)
	}
	e := w.append(KindCreate, content)
	if e.Header.Conversation != Conversation(e.ID) || e.Header.Log().Conversation != Conversation(e.ID) {
		t.Error("made with another conversation than its ID")
	}
	h, err := ParseHeader(e.HeaderBytes)
	if err != nil || h.Conversation != Conversation(e.ID) {
		t.Errorf("header came back in %v, %v", h.Conversation, err)
	}
	back, err := Parse(e.HeaderBytes, e.Body, Present, e.Signature)
	if err != nil || back.Header.Log() != e.Header.Log() || back.ID != e.ID {
		t.Errorf("came back as %v, %v", back, err)
	}
	w.next.Conversation = Conversation(e.ID)
	next := w.text("first words") // under no heads here, so that both make one run
	next.Sign(w.key)
	run := Run{Events: []Event{e, next}}
	if err := run.Prove(); err != nil {
		t.Errorf("with what comes after it: %v", err)
	}
	if parsed, err := ParseRun(run.Marshal()); err != nil || parsed.Prove() != nil || parsed.Log() != next.Header.Log() {
		t.Errorf("run came back: %v", err)
	}

	other := newWriter(t, 1).text("x")
	var zero Conversation
	for name, head := range map[string][]byte{
		"create in a conversation":   insert(e.HeaderBytes, 4, append([]byte{3<<3 | 2, 32}, other.Header.Conversation[:]...)),
		"create in none, written":    insert(e.HeaderBytes, 4, append([]byte{3<<3 | 2, 32}, zero[:]...)),
		"text without conversation":  append(append([]byte(nil), other.HeaderBytes[:4]...), other.HeaderBytes[4+34:]...),
		"merge without conversation": without(t, w),
	} {
		if _, err := ParseHeader(head); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func insert(b []byte, at int, what []byte) []byte {
	return append(append(append([]byte(nil), b[:at]...), what...), b[at:]...)
}

// without returns the header of a merge whose conversation was taken out.
func without(t *testing.T, w *writer) []byte {
	e := w.append(KindMerge, nil)
	return append(append([]byte(nil), e.HeaderBytes[:4]...), e.HeaderBytes[4+34:]...)
}
