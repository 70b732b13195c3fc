package canon

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
)

// sample is a message that uses every kind of field.
type sample struct {
	number   uint64
	body     []byte
	text     string
	key      []byte
	maybe    []byte
	elements [][]byte
	far      uint64
}

func (s sample) marshal() []byte {
	var w Writer
	w.Uint(1, s.number)
	w.Bytes(4, s.body)
	w.String(5, s.text)
	w.Bytes(6, s.key)
	w.Bytes(7, s.maybe)
	for _, e := range s.elements {
		w.Element(8, e)
	}
	w.Uint(16, s.far)
	return w.Out()
}

func parse(b []byte) (sample, error) {
	r := NewReader(b)
	s := sample{
		number:   r.Uint(1),
		body:     r.Bytes(4, 200),
		text:     r.String(5, 20),
		key:      r.Fixed(6, 4),
		maybe:    r.Optional(7, 2),
		elements: r.Repeated(8, 3, 5),
		far:      r.Uint(16),
	}
	return s, r.End()
}

func TestRoundTrip(t *testing.T) {
	for _, c := range []struct {
		name string
		in   sample
		want string
	}{
		{"all", sample{300, []byte{9}, "é", []byte("abcd"), []byte("xy"), [][]byte{{}, {7}}, 1<<64 - 1},
			"08ac02" + "220109" + "2a02c3a9" + "320461626364" + "3a027879" + "4200" + "420107" + "8001ffffffffffffffffff01"},
		{"least", sample{key: []byte{0, 0, 0, 0}}, "320400000000"},
	} {
		got := c.in.marshal()
		if hex.EncodeToString(got) != c.want {
			t.Errorf("%s: encoded %x, want %s", c.name, got, c.want)
		}
		back, err := parse(got)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if again := back.marshal(); !bytes.Equal(again, got) {
			t.Errorf("%s: came back as %x", c.name, again)
		}
	}
}

func TestRefuses(t *testing.T) {
	const key = "320461626364"
	for _, c := range []struct{ name, in, cause string }{
		{"empty", "", "field 6: missing"},
		{"default number", "0800" + key, "field 1: default written"},
		{"long varint", "088100" + key, "field 1: bad varint"},
		{"overflowing varint", "08ffffffffffffffffff02" + key, "field 1: bad varint"},
		{"truncated varint", "08ff", "field 1: bad varint"},
		{"long tag", "888000" + "01" + key, "bad tag"},
		{"field zero", "0001" + key, "unexpected field 0"},
		{"huge field", "f8ffffffff7f01" + key, "unexpected field"},
		{"64-bit wire type", "090100000000000000" + key, "wire type 1, not 0"},
		{"empty bytes", "2200" + key, "field 4: default written"},
		{"truncated bytes", "220501", "field 4: truncated"},
		{"too many bytes", "22c901" + strings.Repeat("01", 201) + key, "201 bytes, more than 200"},
		{"length past int", "22ffffffffffffffffff01" + key, "more than 200"},
		{"invalid UTF-8", "2a01ff" + key, "invalid UTF-8"},
		{"short fixed", "3203616263", "3 bytes, not 4"},
		{"short optional", key + "3a0178", "1 bytes, not 2"},
		{"too many elements", key + "4200420042004200", "more than 3 elements"},
		{"element too large", key + "4206010101010101", "6 bytes, more than 5"},
		{"wrong wire type", "0a0101" + key, "wire type 2, not 0"},
		{"32-bit wire type", "0d01010101" + key, "wire type 5, not 0"},
		{"twice", "08010802" + key, "unexpected field 1"},
		{"descending", key + "0801", "unexpected field 1"},
		{"unknown between", key + "5a0101", "unexpected field 11"},
		{"unknown last", key + "900101", "unexpected field 18"},
		{"trailing", key + "00", "unexpected field 0"},
	} {
		in, err := hex.DecodeString(c.in)
		if err != nil {
			t.Fatal(err)
		}
		_, err = parse(in)
		if !errors.Is(err, ErrEncoding) || !strings.Contains(err.Error(), c.cause) {
			t.Errorf("%s: %v, want %q", c.name, err, c.cause)
		}
	}
}

func TestTrailingAfterLastField(t *testing.T) {
	for _, in := range [][]byte{{0x08, 0x01, 0x00}, {0x08, 0x01, 0x80}, {0x08, 0x01, 0x08, 0x01}} {
		r := NewReader(in)
		r.Uint(1)
		if err := r.End(); !errors.Is(err, ErrEncoding) {
			t.Errorf("%x: %v", in, err)
		}
	}
}

func TestFixedIsLongAfterAnError(t *testing.T) {
	r := NewReader([]byte{0xff})
	if got := [32]byte(r.Fixed(1, 32)); got != [32]byte{} {
		t.Errorf("got %x", got)
	}
	if r.End() == nil {
		t.Error("no error")
	}
}

func TestAppendingToAFieldLeavesTheRest(t *testing.T) {
	in := sample{body: []byte("ab"), text: "cd", key: []byte("efgh")}.marshal()
	want := bytes.Clone(in)
	s, err := parse(in)
	if err != nil {
		t.Fatal(err)
	}
	_ = append(s.body, "overwritten"...)
	if !bytes.Equal(in, want) {
		t.Errorf("input is now %x", in)
	}
}

func TestWriterPanicsOutOfOrder(t *testing.T) {
	for name, write := range map[string]func(*Writer){
		"descending":       func(w *Writer) { w.Uint(2, 0); w.Uint(1, 1) },
		"twice":            func(w *Writer) { w.Bytes(1, nil); w.Bytes(1, nil) },
		"element then one": func(w *Writer) { w.Element(1, nil); w.Bytes(1, nil) },
		"zero":             func(w *Writer) { w.Element(0, nil) },
		"too large":        func(w *Writer) { w.Uint(maxField+1, 1) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			write(new(Writer))
		}()
	}
}

// FuzzReader checks that whatever parses has no second encoding.
func FuzzReader(f *testing.F) {
	f.Add(sample{300, []byte{9}, "é", []byte("abcd"), []byte("xy"), [][]byte{{}, {7}}, 5}.marshal())
	f.Add(sample{key: []byte("abcd")}.marshal())
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := parse(b)
		if err != nil {
			if !errors.Is(err, ErrEncoding) {
				t.Fatal(err)
			}
			return
		}
		if again := s.marshal(); !bytes.Equal(again, b) {
			t.Fatalf("%x came back as %x", b, again)
		}
	})
}
