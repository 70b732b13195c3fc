package doctor

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestFrames(t *testing.T) {
	for want, q := range map[string]question{"": {}, "0801": {announce: true}, "10b6d901": {port: 27830}, "080110ffff03": {true, 65535}} {
		b := q.marshal()
		if hex.EncodeToString(b) != want || len(b) > maxQuestion {
			t.Errorf("%+v is %x, want %s", q, b, want)
		}
		if back, err := parseQuestion(b); err != nil || back != q {
			t.Errorf("%x: %+v, %v", b, back, err)
		}
	}
	for want, a := range map[string]answer{
		"": {time: time.UnixMilli(0)},
		"08e807" + "1205302e392e31" + "1809" + "22020801" + "2205080410dc0b" + "2803": {time: time.UnixMilli(1000), version: "0.9.1",
			ways: []string{"mdns4", "beacon6"}, heard: []heard{{"mdns4", 0}, {"beacon6", 1500 * time.Millisecond}}, outcome: "timed_out"},
	} {
		b := a.marshal()
		if hex.EncodeToString(b) != want {
			t.Errorf("%+v is %x, want %s", a, b, want)
		}
		if back, err := parseAnswer(b); err != nil || !reflect.DeepEqual(back, a) {
			t.Errorf("%x: %+v, %v", b, back, err)
		}
	}
	most := answer{time: time.UnixMilli(1 << 43), version: strings.Repeat("v", maxVersion), ways: ways, outcome: "other"}
	for _, way := range ways {
		most.heard = append(most.heard, heard{way, (1 << 43) * time.Millisecond})
	}
	if b := most.marshal(); len(b) > maxAnswer {
		t.Errorf("an answer may have %d bytes", len(b))
	} else if back, err := parseAnswer(b); err != nil || !reflect.DeepEqual(back, most) {
		t.Errorf("%+v, %v", back, err)
	}
}

func TestMalformedFrames(t *testing.T) {
	for what, in := range map[string]string{"announce twice as much": "0802", "port 80": "1050", "port 1023": "10ff07", "port 65536": "10808004",
		"a field that is none": "1801", "default": "0800", "cut off": "10b6"} {
		b, _ := hex.DecodeString(in)
		if q, err := parseQuestion(b); !errors.Is(err, errFrame) {
			t.Errorf("%s: %+v, %v", what, q, err)
		}
	}
	for what, in := range map[string]string{"year 5000000": "08808080808080808001", "long version": "1241" + strings.Repeat("61", 65), "bad text": "1201ff",
		"ways": "1810", "outcome": "2805", "way 0": "22021001", "way 5": "22020805", "twice": "2202080122020801", "descending": "2202080222020801",
		"long ago": "220b0801" + "10ffffffffffffffff01", "five": "2202080122020802220208032202080422020804", "cut off": "2203"} {
		b, _ := hex.DecodeString(in)
		if a, err := parseAnswer(b); !errors.Is(err, errFrame) {
			t.Errorf("%s: %+v, %v", what, a, err)
		}
	}
	for what, in := range map[string]string{"too long": "11", "length in two bytes though one does": "8100", "length in three bytes": "818001", "cut off": "0401", "no more": "81"} {
		b, _ := hex.DecodeString(in)
		if got, err := read(bufio.NewReader(bytes.NewReader(b)), maxQuestion); !errors.Is(err, errFrame) {
			t.Errorf("%s: %x, %v", what, got, err)
		}
	}
	if _, err := read(bufio.NewReader(bytes.NewReader(nil)), maxQuestion); err != io.EOF {
		t.Errorf("nothing: %v", err)
	}
}

// FuzzFrames: what is read has one form, and is bounded.
func FuzzFrames(f *testing.F) {
	f.Add([]byte{0x06, 0x08, 0x01, 0x10, 0xff, 0xff, 0x03})
	a := answer{time: time.UnixMilli(1000), version: "0.9.1", ways: ways, heard: []heard{{"mdns6", time.Second}}, outcome: "refused"}
	f.Add(append([]byte{byte(len(a.marshal()))}, a.marshal()...))
	f.Fuzz(func(t *testing.T, in []byte) {
		r := bufio.NewReader(bytes.NewReader(in))
		for {
			b, err := read(r, maxAnswer)
			if err != nil {
				return
			}
			if q, err := parseQuestion(b); err == nil && !bytes.Equal(q.marshal(), b) {
				t.Fatalf("%x is read as %+v", b, q)
			}
			if a, err := parseAnswer(b); err == nil && !bytes.Equal(a.marshal(), b) {
				t.Fatalf("%x is read as %+v", b, a)
			}
		}
	})
}
