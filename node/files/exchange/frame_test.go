package exchange

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"

	"github.com/earshot-im/earshot/store/blob"
	"github.com/earshot-im/earshot/store/event"
)

var someEvent = event.ID{0xe0, 31: 0x0e}

const someEventHex = "e0000000000000000000000000000000000000000000000000000000000000" + "0e"

// requests are golden: what is asked for by number 7, and its bytes.
var requests = map[string]Request{
	"0807" + "1220" + someEventHex + "2001":                                        {Of: Attachment{Event: someEvent}, What: Manifest},
	"0807" + "1220" + someEventHex + "1803" + "2002" + "2805" + "3020":             {Of: Attachment{someEvent, 3}, What: Pages, First: 5, Count: 32},
	"0807" + "1220" + someEventHex + "181f" + "2003" + "28808040" + "30808040":     {Of: Attachment{someEvent, 31}, What: Bytes, First: 1 << 20, Count: 1 << 20},
	"0807" + "1220" + someEventHex + "2003" + "28ffffffffff" + "ff03" + "3001":     {Of: Attachment{Event: someEvent}, What: Bytes, First: blob.MaxSize - 1, Count: 1},
	"0807" + "1220" + someEventHex + "1801" + "2004":                               {Of: Attachment{someEvent, 1}, What: Have},
	"0807" + "2005" + "2806":                                                       {What: CallOff, First: 6},
	"0807" + "1220" + someEventHex + "2002" + "28fe7f" + "3002":                    {Of: Attachment{Event: someEvent}, What: Pages, First: 16382, Count: 2},
	"0807" + "1220" + strings.Repeat("00", 32) + "2004":                            {What: Have},
	"0807" + "1220" + someEventHex + "2003" + "28" + "ffff3f" + "3001":             {Of: Attachment{Event: someEvent}, What: Bytes, First: 1<<20 - 1, Count: 1},
	"0807" + "1220" + someEventHex + "1801" + "2003" + "28808080808020" + "308004": {Of: Attachment{someEvent, 1}, What: Bytes, First: 1 << 40, Count: 512},
}

var replies = map[string]Reply{
	"0801" + "1001" + "18" + "808010":     {ID: 1, Status: OK, Size: 256 << 10},
	"0801" + "1001" + "1848" + "2048":     {ID: 1, Status: OK, Size: 72, Had: 72},
	"08ffffffffffffff0f" + "1002":         {ID: maxID, Status: NotHere},
	"0801" + "1003":                       {ID: 1, Status: Changed},
	"0801" + "1005":                       {ID: 1, Status: Gone},
	"0801" + "1004":                       {ID: 1, Status: Busy},
	"0801" + "1001":                       {ID: 1, Status: OK},
	"0801" + "1001" + "2005" + "2a021001": {ID: 1, Status: OK, Had: 5, Some: []Chunks{{0, 1}}},
	"0801" + "1001" + "2005" + "2a0408021003" + "2a0408051001": {ID: 1, Status: OK, Had: 5, Some: []Chunks{{2, 3}, {5, 1}}},
	"0801" + "1001" + "20" + "80808008":                        {ID: 1, Status: OK, Had: maxChunks},
}

func TestFrames(t *testing.T) {
	for want, q := range requests {
		b := q.Marshal(7)
		if hex.EncodeToString(b) != want || len(b) > MaxRequest {
			t.Errorf("%+v is %x, want %s", q, b, want)
		}
		if id, back, err := ParseRequest(b); err != nil || id != 7 || back != q {
			t.Errorf("%x: %d, %+v, %v", b, id, back, err)
		}
	}
	for want, p := range replies {
		b := p.Marshal()
		if hex.EncodeToString(b) != want {
			t.Errorf("%+v is %x, want %s", p, b, want)
		}
		if back, err := ParseReply(b); err != nil || !reflect.DeepEqual(back, p) {
			t.Errorf("%x: %+v, %v", b, back, err)
		}
	}
	most := Reply{ID: maxID, Status: OK, Had: maxChunks}
	for i := range MaxStretches {
		most.Some = append(most.Some, Chunks{maxChunks - MaxStretches*(1<<20-i), 1 << 19})
	}
	if b := most.Marshal(); len(b) > MaxReply {
		t.Errorf("a reply may have %d bytes", len(b))
	}
	longest := Request{Of: Attachment{someEvent, 31}, What: Bytes, First: blob.MaxSize - MaxCount, Count: MaxCount}
	if b := longest.Marshal(maxID); len(b) > MaxRequest {
		t.Errorf("a request may have %d bytes", len(b))
	}
}

func TestMalformedFrames(t *testing.T) {
	of := "1220" + someEventHex
	for what, in := range map[string]string{
		"nothing":               "",
		"no number":             of + "2001",
		"number 2^53":           "088080808080808010" + of + "2001",
		"no event":              "0807" + "2001",
		"short event":           "0807" + "121f" + someEventHex[:62] + "2001",
		"attachment 32":         "0807" + of + "1820" + "2001",
		"nothing asked":         "0807" + of,
		"what 6":                "0807" + of + "2006",
		"manifest from 1 on":    "0807" + of + "2001" + "2801",
		"one manifest":          "0807" + of + "2001" + "3001",
		"have one":              "0807" + of + "2004" + "3001",
		"no pages":              "0807" + of + "2002" + "2801",
		"33 pages":              "0807" + of + "2002" + "3021",
		"page 16384":            "0807" + of + "2002" + "28808001" + "3001",
		"pages past the last":   "0807" + of + "2002" + "28ff7f" + "3002",
		"no bytes":              "0807" + of + "2003" + "2801",
		"more than a chunk":     "0807" + of + "2003" + "30818040",
		"over the edge":         "0807" + of + "2003" + "2801" + "30808040",
		"byte 2^44":             "0807" + of + "2003" + "288080808080" + "8004" + "3001",
		"byte 2^64-1":           "0807" + of + "2003" + "28ffffffffffffffffff01" + "3002",
		"call off with event":   "0807" + of + "2005" + "2806",
		"call off one":          "0807" + "2005" + "2806" + "3001",
		"call off nothing":      "0807" + "2005",
		"call off attachment 1": "0807" + "1801" + "2005" + "2806",
		"a field that is none":  "0807" + of + "2001" + "3801",
		"default written":       "0807" + of + "1800" + "2001",
		"out of order":          "0807" + "2001" + of,
	} {
		b, _ := hex.DecodeString(in)
		if id, q, err := ParseRequest(b); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %d, %+v, %v", what, id, q, err)
		}
	}
	for what, in := range map[string]string{
		"nothing":                "",
		"no number":              "1001",
		"no status":              "0801",
		"status 6":               "0801" + "1006",
		"256 KiB and 1":          "0801" + "1001" + "18818010",
		"not here, with bytes":   "0801" + "1002" + "1801",
		"busy, with had":         "0801" + "1004" + "2001",
		"changed, with chunks":   "0801" + "1003" + "2a021001",
		"more than all":          "0801" + "1001" + "20" + "81808008",
		"more than had":          "0801" + "1001" + "2001" + "2a021002",
		"no chunks":              "0801" + "1001" + "2005" + "2a020801",
		"chunks twice":           "0801" + "1001" + "2005" + "2a021002" + "2a0408011001",
		"chunks past the last":   "0801" + "1001" + "2005" + "2a0708ffffff071002",
		"chunks at 2^64-1":       "0801" + "1001" + "2005" + "2a0d08ffffffffffffffffff011001",
		"17 stretches":           "0801" + "1001" + "2020" + strings.Repeat("2a021001", 17),
		"a field that is none":   "0801" + "1001" + "3001",
		"a stretch with a third": "0801" + "1001" + "2005" + "2a0410011801",
	} {
		b, _ := hex.DecodeString(in)
		if p, err := ParseReply(b); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %+v, %v", what, p, err)
		}
	}
	for what, in := range map[string]string{"too long": "8101", "length in two bytes though one does": "8100", "length in three bytes": "818001",
		"cut off": "0401", "no more": "81"} {
		b, _ := hex.DecodeString(in)
		if got, err := ReadFrame(bufio.NewReader(bytes.NewReader(b)), MaxRequest, func() {}); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %x, %v", what, got, err)
		}
	}
	if _, err := ReadFrame(bufio.NewReader(bytes.NewReader(nil)), MaxRequest, func() {}); err != io.EOF {
		t.Errorf("nothing: %v", err)
	}
}

// FuzzFrames: what is read has one form, and may be asked.
func FuzzFrames(f *testing.F) {
	for b := range requests {
		b, _ := hex.DecodeString(b)
		f.Add(AppendFrame(nil, b))
	}
	for b := range replies {
		b, _ := hex.DecodeString(b)
		f.Add(AppendFrame(nil, b))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		r := bufio.NewReaderSize(bytes.NewReader(in), 1024)
		for {
			b, err := ReadFrame(r, MaxReply, func() {})
			if err != nil {
				return
			}
			if id, q, err := ParseRequest(b); err == nil && (!bytes.Equal(q.Marshal(id), b) || q.check() != nil) {
				t.Fatalf("%x is read as %+v", b, q)
			}
			p, err := ParseReply(b)
			if err != nil {
				continue
			}
			if !bytes.Equal(p.Marshal(), b) {
				t.Fatalf("%x is read as %+v", b, p)
			}
			all, end := 0, 0
			for _, c := range p.Some {
				if c.First < end || c.Count < 1 {
					t.Fatalf("%x is read as %+v", b, p)
				}
				end = c.First + c.Count
				all += c.Count
			}
			if all > p.Had || end > maxChunks || p.Size > maxRaw {
				t.Fatalf("%x is read as %+v", b, p)
			}
		}
	})
}
