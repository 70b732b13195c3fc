package event

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/crypto/canon"
	"github.com/earshot-im/earshot/store/blob"
)

func TestHeaderRefuses(t *testing.T) {
	key := fixedKey(t, 1)
	cause := func(device, instance byte) Position {
		return Position{Device: crypto.DeviceID{device}, Instance: Instance{instance}, Sequence: 1}
	}
	for _, c := range []struct {
		name   string
		change func(h *Header)
	}{
		{"sequence 0", func(h *Header) { h.Sequence = 0; h.Previous = ID{} }},
		{"huge sequence", func(h *Header) { h.Sequence = MaxInteger + 1 }},
		{"17 causes", func(h *Header) {
			h.Seen = nil
			for i := range byte(17) {
				h.Seen = append(h.Seen, cause(3, i))
			}
		}},
		{"causes descending", func(h *Header) { h.Seen = []Position{cause(4, 1), cause(3, 1)} }},
		{"instances descending", func(h *Header) { h.Seen = []Position{cause(3, 2), cause(3, 1)} }},
		{"two causes in a log", func(h *Header) {
			h.Seen = []Position{cause(3, 1), cause(3, 1)}
			h.Seen[1].Sequence = 2
		}},
		{"cause in its own log", func(h *Header) { h.Seen = []Position{{Device: h.Device, Instance: h.Instance, Sequence: 299}} }},
		{"cause at sequence 0", func(h *Header) { h.Seen[0].Sequence = 0 }},
		{"cause at a huge sequence", func(h *Header) { h.Seen[0].Sequence = MaxInteger + 1 }},
		{"9 control heads", func(h *Header) {
			h.Control = nil
			for i := range byte(9) {
				h.Control = append(h.Control, crypto.Hash{i})
			}
		}},
		{"control heads descending", func(h *Header) { h.Control = []crypto.Hash{{2}, {1}} }},
		{"control head twice", func(h *Header) { h.Control = []crypto.Hash{{1}, {1}} }},
		{"clock before 1970", func(h *Header) { h.Clock = -1 }},
		{"clock past 9999", func(h *Header) { h.Clock = MaxClock + 1 }},
		{"kind 0", func(h *Header) { h.Kind = 0 }},
		{"kind 128", func(h *Header) { h.Kind = 128 }},
		{"huge lifetime", func(h *Header) { h.Lifetime = MaxLifetime + 1 }},
		{"no body", func(h *Header) { h.BodySize = 0 }},
		{"body too small", func(h *Header) { h.BodySize = minBody - 1 }},
		{"body too large", func(h *Header) { h.BodySize = MaxBody + 1 }},
		{"control without parents", func(h *Header) { h.Kind, h.Control = KindInvite, nil }},
		{"unknown control without parents", func(h *Header) { h.Kind, h.Control = lastControl, nil }},
		{"control that is not critical", func(h *Header) { h.Kind, h.Flags = KindMerge, 2 }},
		{"create at sequence 300", func(h *Header) { h.Kind, h.Control, h.Seen = KindCreate, nil, nil }},
		{"create after causes", func(h *Header) { h.Kind, h.Control, h.Sequence, h.Previous = KindCreate, nil, 1, ID{} }},
		{"text with a target", func(h *Header) { h.Target = ID{1} }},
		{"act without a target", func(h *Header) { h.Kind = KindEdit }},
		{"control event with a target", func(h *Header) { h.Kind, h.Target = KindMerge, ID{1} }},
		{"create with parents", func(h *Header) { h.Kind, h.Seen, h.Sequence, h.Previous = KindCreate, nil, 1, ID{} }},
	} {
		h := fullHeader(key.ID())
		h.BodySize = 100
		if _, err := ParseHeader(h.marshal()); err != nil {
			t.Fatalf("before: %v", err)
		}
		c.change(&h)
		if _, err := ParseHeader(h.marshal()); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: parsed: %v", c.name, err)
		}
		if strings.Contains(c.name, "body") {
			continue // New fills it in
		}
		if _, err := New(h, Body{Content: mustContent(t, "x")}); !errors.Is(err, ErrMalformed) && c.name != "kind 0" {
			t.Errorf("%s: made: %v", c.name, err)
		}
	}
}

// TestHeaderAtTheLimits makes the largest header there can be.
func TestHeaderAtTheLimits(t *testing.T) {
	h := fullHeader(fixedKey(t, 1).ID())
	h.Sequence, h.Clock, h.Kind, h.Flags, h.Lifetime = MaxInteger, MaxClock, lastControl, 1<<64-1, MaxLifetime
	h.Seen, h.Control = nil, nil
	for i := range byte(MaxSeen) {
		h.Seen = append(h.Seen, Position{Instance: Instance{i}, Sequence: MaxInteger})
	}
	for i := range byte(MaxControl) {
		h.Control = append(h.Control, crypto.Hash{i})
	}
	e := mustNew(t, h, Body{Content: make([]byte, MaxBody-minBody-4)})
	if len(e.HeaderBytes) > MaxHeader/2 || e.Header.BodySize != MaxBody {
		t.Errorf("header of %d bytes, body of %d", len(e.HeaderBytes), e.Header.BodySize)
	}
	if back, err := ParseHeader(e.HeaderBytes); err != nil || !bytes.Equal(back.marshal(), e.HeaderBytes) {
		t.Errorf("came back as %v, %v", back, err)
	}
	if _, err := ParseHeader(append(e.HeaderBytes, make([]byte, MaxHeader)...)); !errors.Is(err, ErrMalformed) {
		t.Errorf("larger: %v", err)
	}
}

// A kind of control event that is not known here says itself whether one must know it.
func TestUnknownControlNeedNotBeCritical(t *testing.T) {
	h := fullHeader(fixedKey(t, 1).ID())
	h.BodySize, h.Kind, h.Flags = 100, lastKnown+1, 0
	if _, err := ParseHeader(h.marshal()); err != nil {
		t.Error(err)
	}
}

// A target of zeros would be a second way to write that there is none.
func TestTargetOfZeros(t *testing.T) {
	head := append(bytes.Clone(vectors(t)["header full"]), 0x92, 0x01, 32)
	if _, err := ParseHeader(append(head, make([]byte, 32)...)); !errors.Is(err, ErrMalformed) {
		t.Error(err)
	}
}

func TestShortControlHead(t *testing.T) {
	head := vectors(t)["header full"]
	control := append([]byte{10<<3 | 2, 32}, pattern(32, 0x60)...)
	short := append([]byte{10<<3 | 2, 31}, pattern(31, 0x60)...)
	b := bytes.Replace(head, control, short, 1)
	if len(b) != len(head)-1 {
		t.Fatal("bytes not found")
	}
	if _, err := ParseHeader(b); !errors.Is(err, ErrMalformed) {
		t.Error(err)
	}
}

func TestPreviousIsAbsentExactlyAtOne(t *testing.T) {
	head := vectors(t)["header full"]
	link := append([]byte{7<<3 | 2, 32}, pattern(32, 0x30)...)
	sequence := []byte{6 << 3, 0xac, 0x02}
	without := bytes.Replace(head, link, nil, 1)
	atOne := bytes.Replace(head, sequence, []byte{6 << 3, 1}, 1)
	if len(without) != len(head)-len(link) || len(atOne) != len(head)-1 {
		t.Fatal("bytes not found")
	}
	for name, b := range map[string][]byte{"absent at 300": without, "present at 1": atOne} {
		if _, err := ParseHeader(b); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := New(Header{Sequence: 1, Previous: ID{1}, Kind: KindText}, Body{}); !errors.Is(err, ErrMalformed) {
		t.Errorf("made with a previous at 1: %v", err)
	}
}

func TestVersions(t *testing.T) {
	v := vectors(t)
	for name, change := range map[string]func(b []byte){
		"version":   func(b []byte) { b[1] = 2 },
		"algorithm": func(b []byte) { b[3] = 2 },
	} {
		b := bytes.Clone(v["header full"])
		change(b)
		if _, err := ParseHeader(b); !errors.Is(err, ErrVersion) || !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := ParseHeader(v["header full"][2:]); !errors.Is(err, ErrMalformed) || errors.Is(err, ErrVersion) {
		t.Errorf("no version: %v", err)
	}
	without := append(bytes.Clone(v["header full"][:2]), v["header full"][4:]...)
	if _, err := ParseHeader(without); !errors.Is(err, ErrMalformed) || errors.Is(err, ErrVersion) {
		t.Errorf("no algorithm: %v", err)
	}
	b := bytes.Clone(v["record profile"])
	b[1] = 2
	if _, err := ParseRecord(b, make([]byte, 64)); !errors.Is(err, ErrVersion) {
		t.Errorf("record: %v", err)
	}
}

func TestBodyLimits(t *testing.T) {
	h := Header{Device: fixedKey(t, 1).ID(), Sequence: 1, Kind: 5}
	many := func(n int) (x []Extension) {
		for i := range n {
			x = append(x, Extension{Name: string(rune('a' + i))})
		}
		return x
	}
	attached := func(n int) []Attachment { return slices.Repeat([]Attachment{{Name: "a"}}, n) }
	one := func(change func(a *Attachment)) Body {
		a := Attachment{Name: "a"}
		change(&a)
		return Body{Attachments: []Attachment{a}}
	}
	for _, c := range []struct {
		name string
		body Body
		want error
	}{
		{"at the limits", Body{Attachments: attached(MaxAttachments), Extensions: many(MaxExtensions), Fallback: strings.Repeat("x", MaxFallback)}, nil},
		{"parts at the limits", Body{
			Attachments: []Attachment{{
				Size: blob.MaxSize, Name: strings.Repeat("x", MaxFileName), Type: strings.Repeat("x", MaxFileType), Flags: AttachedPicture,
				Preview: make([]byte, MaxPreview), Width: MaxPixels, Height: MaxPixels, Duration: MaxDuration, Wave: make([]byte, MaxWave),
			}},
			Extensions: []Extension{{Name: strings.Repeat("x", MaxExtensionName)}},
		}, nil},
		{"largest", Body{Content: make([]byte, MaxBody-minBody-4)}, nil},
		{"one byte more", Body{Content: make([]byte, MaxBody-minBody-3)}, ErrTooLarge},
		{"33 attachments", Body{Attachments: attached(MaxAttachments + 1)}, ErrMalformed},
		{"huge attachment", one(func(a *Attachment) { a.Size = blob.MaxSize + 1 }), ErrMalformed},
		{"attachment without a name", one(func(a *Attachment) { a.Name = "" }), ErrMalformed},
		{"long name of an attachment", one(func(a *Attachment) { a.Name = strings.Repeat("x", MaxFileName+1) }), ErrMalformed},
		{"name of an attachment not UTF-8", one(func(a *Attachment) { a.Name = "\xff" }), ErrMalformed},
		{"long type", one(func(a *Attachment) { a.Type = strings.Repeat("x", MaxFileType+1) }), ErrMalformed},
		{"type not UTF-8", one(func(a *Attachment) { a.Type = "\xff" }), ErrMalformed},
		{"folder and picture", one(func(a *Attachment) { a.Flags = AttachedFolder | AttachedPicture }), ErrMalformed},
		{"unknown flag", one(func(a *Attachment) { a.Flags = AttachedPicture << 1 }), ErrMalformed},
		{"large preview", one(func(a *Attachment) { a.Preview = make([]byte, MaxPreview+1) }), ErrMalformed},
		{"too wide", one(func(a *Attachment) { a.Width = MaxPixels + 1 }), ErrMalformed},
		{"too high", one(func(a *Attachment) { a.Height = MaxPixels + 1 }), ErrMalformed},
		{"too long", one(func(a *Attachment) { a.Duration = MaxDuration + 1 }), ErrMalformed},
		{"long wave", one(func(a *Attachment) { a.Wave = make([]byte, MaxWave+1) }), ErrMalformed},
		{"17 extensions", Body{Extensions: many(MaxExtensions + 1)}, ErrMalformed},
		{"extensions descending", Body{Extensions: []Extension{{Name: "b"}, {Name: "a"}}}, ErrMalformed},
		{"extension twice", Body{Extensions: []Extension{{Name: "a"}, {Name: "a"}}}, ErrMalformed},
		{"extension without a name", Body{Extensions: []Extension{{}}}, ErrMalformed},
		{"long name of an extension", Body{Extensions: []Extension{{Name: strings.Repeat("x", MaxExtensionName+1)}}}, ErrMalformed},
		{"name not UTF-8", Body{Extensions: []Extension{{Name: "\xff"}}}, ErrMalformed},
		{"long fallback", Body{Fallback: strings.Repeat("x", MaxFallback+1)}, ErrMalformed},
		{"fallback not UTF-8", Body{Fallback: "\xff"}, ErrMalformed},
	} {
		e, err := New(h, c.body)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
		if c.want == nil {
			if _, err := Parse(e.HeaderBytes, e.Body, Present, nil); err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
		}
	}
}

// TestBodyRefuses is about bodies that New wouldn't make.
func TestBodyRefuses(t *testing.T) {
	salt := func(w *canon.Writer) { w.Bytes(1, make([]byte, 16)) }
	extension := func(name string) []byte {
		var w canon.Writer
		w.String(1, name)
		return w.Out()
	}
	for name, write := range map[string]func(w *canon.Writer){
		"no salt":          func(w *canon.Writer) { w.Bytes(2, make([]byte, 20)) },
		"short salt":       func(w *canon.Writer) { w.Bytes(1, make([]byte, 15)) },
		"unknown field":    func(w *canon.Writer) { salt(w); w.Uint(6, 1) },
		"nameless":         func(w *canon.Writer) { salt(w); w.Element(4, nil) },
		"descending":       func(w *canon.Writer) { salt(w); w.Element(4, extension("b")); w.Element(4, extension("a")) },
		"empty attachment": func(w *canon.Writer) { salt(w); w.Element(3, nil) },
		"fallback":         func(w *canon.Writer) { salt(w); w.String(5, "\xff") },
		"too large":        func(w *canon.Writer) { salt(w); w.Bytes(2, make([]byte, MaxBody)) },
	} {
		var w canon.Writer
		write(&w)
		if _, err := parseBody(w.Out()); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestContent(t *testing.T) {
	if _, err := (Text{Text: strings.Repeat("x", MaxText)}).Marshal(); err != nil {
		t.Errorf("longest text: %v", err)
	}
	if _, err := (Text{Text: strings.Repeat("x", MaxText+1)}).Marshal(); !errors.Is(err, ErrTooLarge) {
		t.Errorf("longer text: %v", err)
	}
	if _, err := (Text{Text: "\xc3\x28"}).Marshal(); !errors.Is(err, ErrMalformed) {
		t.Errorf("no UTF-8: %v", err)
	}
	h := Header{Device: fixedKey(t, 1).ID(), Sequence: 1}
	for _, c := range []struct {
		name    string
		kind    Kind
		content []byte
		ok      bool
	}{
		{"no text", KindText, nil, true},
		{"text not UTF-8", KindText, []byte{0x0a, 1, 0xff}, false},
		{"text with an unknown field", KindText, []byte{0x18, 1}, false},
		{"short reply", KindText, []byte{0x12, 1, 1}, false},
		{"recall", KindRecall, nil, true},
		{"recall with a reason", KindRecall, []byte{0x0a, 1, 'x'}, false},
		{"kind to come", 5, []byte{0xff}, true},
		{"edit", KindEdit, nil, true},
		{"edit with an unknown field", KindEdit, []byte{0x18, 1}, false},
		{"reaction with an unknown field", KindReaction, []byte{0x10, 1}, false},
		{"rename to nothing", KindRename, nil, false},
		{"merge with a field", KindMerge, []byte{8, 1}, false},
		{"control to come", lastControl, []byte{0xff}, true},
	} {
		h.Kind, h.Flags, h.Control, h.Target = c.kind, 0, nil, ID{}
		if c.kind.Class() == ClassAct {
			h.Target = ID{1}
		}
		if c.kind >= firstControl {
			h.Flags, h.Control = FlagCritical, []crypto.Hash{{1}}
		}
		if _, err := New(h, Body{Content: c.content}); (err == nil) != c.ok || err != nil && !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: made: %v", c.name, err)
		}
		// The same from outside.
		var w canon.Writer
		w.Bytes(1, make([]byte, 16))
		w.Bytes(2, c.content)
		h.BodyHash, h.BodySize = crypto.Digest(domainBody, w.Out()), uint64(len(w.Out()))
		if _, err := Parse(h.marshal(), w.Out(), Present, make([]byte, 64)); (err == nil) != c.ok || err != nil && !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: parsed: %v", c.name, err)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	w := newWriter(t, 1)
	text, other := w.text("one"), w.text("two")
	recall, control := w.recall(text.ID), w.append(lastControl, nil)
	w.next.Lifetime = 60
	mortal := w.text("three")
	sig := make([]byte, 64)
	for _, c := range []struct {
		name   string
		e      Event
		body   []byte
		absent Absence
		sig    []byte
		ok     bool
	}{
		{"text", text, text.Body, Present, nil, true},
		{"signed text", text, text.Body, Present, sig, true},
		{"dropped", text, nil, Dropped, nil, true},
		{"recalled", text, nil, Recalled, nil, true},
		{"expired", mortal, nil, Expired, nil, true},
		{"recall", recall, recall.Body, Present, sig, true},
		{"control", control, control.Body, Present, sig, true},

		{"short signature", text, text.Body, Present, sig[:63], false},
		{"empty signature", text, text.Body, Present, sig[:0], false},
		{"swapped body", text, other.Body, Present, nil, false},
		{"cut body", text, text.Body[:len(text.Body)-1], Present, nil, false},
		{"empty body", text, []byte{}, Present, nil, false},
		{"no body", text, nil, Present, nil, false},
		{"body that is dropped", text, text.Body, Dropped, nil, false},
		{"unknown absence", text, nil, Dropped + 1, nil, false},
		{"expired, but lives for ever", text, nil, Expired, nil, false},
		{"recall without signature", recall, recall.Body, Present, nil, false},
		{"recall without body", recall, nil, Dropped, sig, false},
		{"control without signature", control, control.Body, Present, nil, false},
		{"control without body", control, nil, Recalled, sig, false},
	} {
		if _, err := Parse(c.e.HeaderBytes, c.body, c.absent, c.sig); (err == nil) != c.ok || err != nil && !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	absent := gone(text, Dropped)
	if _, err := absent.ParseBody(); err == nil {
		t.Error("absent body parsed")
	}
	if !mortal.Header.Expired(mortal.Header.Clock+60_000) || mortal.Header.Expired(mortal.Header.Clock+59_999) || text.Header.Expired(MaxClock) {
		t.Error("expired at the wrong time")
	}
}

func TestKinds(t *testing.T) {
	for _, c := range []struct {
		first, last Kind
		class       Class
		proven      bool
	}{
		{1, 1, ClassMessage, false}, {2, 2, ClassAct, true}, {3, 4, ClassAct, false}, {5, 63, ClassOther, false}, {64, 127, ClassControl, true},
	} {
		for k := c.first; k <= c.last; k++ {
			if k.Class() != c.class || k.SelfProven() != c.proven {
				t.Errorf("kind %d: class %d, %t", k, k.Class(), k.SelfProven())
			}
		}
	}
}

func TestSignNeedsTheLogsDevice(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	e := newWriter(t, 1).text("x")
	e.Sign(fixedKey(t, 2))
}
