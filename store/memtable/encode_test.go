package memtable_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/earshot-im/earshot/store/memtable"
)

// decode notes what is decoded in a table.
func decode(b []byte) (*memtable.Table, error) {
	t := memtable.New()
	for c, err := range memtable.Decode(b) {
		if err != nil {
			return nil, err
		}
		t.Note(c)
	}
	return t, nil
}

// example has one of everything.
func example() *memtable.Table {
	t := memtable.New()
	t.SetSequence("a", 300)
	t.SetSequence("b", 0)
	t.Put("a", []byte("k"), []byte("value"))
	t.Put("a", []byte("l"), nil)
	t.Delete("ab", []byte("k"))
	t.Put("b", []byte("m"), []byte("w"))
	return t
}

// TestAppendGolden: the bytes, which are on disks.
func TestAppendGolden(t *testing.T) {
	const want = "\x01a\x03\xac\x02\x00" + "\x01b\x03\x00\x00" + // sequences
		"\x01a\x01\x01k\x05value\x01\x01l\x00\x00" + "\x02ab\x02\x01k\x00" + "\x01b\x01\x01m\x01w"
	if got := example().Append([]byte("before")); string(got) != "before"+want {
		t.Fatalf("got %q, want %q", got, want)
	}
	if got := memtable.New().Append(nil); len(got) != 0 {
		t.Fatalf("%q of nothing", got)
	}
}

// TestDecodeRefuses: what Append does not write.
func TestDecodeRefuses(t *testing.T) {
	good := string(example().Append(nil))
	for name, b := range map[string]string{
		"zero":                            "\x00",
		"a bucket without name":           "\x00\x01\x01k\x01v",
		"only a name":                     "\x01a",
		"a bucket of nothing":             "\x01a\x00\x01b\x01\x01k\x01v",
		"an end after the last":           good + "\x00",
		"two ends":                        "\x01a\x01\x01k\x01v\x00\x00",
		"a name that is too long":         "\x02a",
		"a name with a zero":              "\x02a\x00\x01\x01k\x01v",
		"no key":                          "\x01a\x01\x00\x01v",
		"no key deleted":                  "\x01a\x02\x00",
		"no value":                        "\x01a\x01\x01k",
		"a value that is too long":        "\x01a\x01\x01k\x02v",
		"a key that is too long":          "\x01a\x02\x02k",
		"no sequence":                     "\x01a\x03",
		"half a sequence":                 "\x01a\x03\x80",
		"a sequence that is too large":    "\x01a\x03\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02",
		"a sequence with a zero too many": "\x01a\x03\x81\x00",
		"a length with a zero too many":   "\x81\x00a\x01\x01k\x01v",
		"a length past everything":        "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01a",
		"another kind":                    "\x01a\x04\x01k\x01v",
		"the same key twice":              "\x01a\x01\x01k\x01v\x01\x01k\x01v",
		"a key put and deleted":           "\x01a\x01\x01k\x01v\x02\x01k",
		"keys out of order":               "\x01a\x01\x01l\x01v\x01\x01k\x01v",
		"buckets out of order":            "\x01b\x01\x01k\x01v\x00\x01a\x01\x01k\x01v",
		"a bucket twice":                  "\x01a\x01\x01k\x01v\x00\x01a\x01\x01l\x01v",
		"a sequence twice":                "\x01a\x03\x01\x03\x01",
		"a sequence after rows":           "\x01a\x01\x01k\x01v\x03\x01",
		"sequences out of order":          "\x01b\x03\x01\x00\x01a\x03\x01",
	} {
		if _, err := decode([]byte(b)); !errors.Is(err, memtable.ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	whole := 0 // what is whole where the bytes end
	for n := range len(good) {
		if table, err := decode([]byte(good[:n])); err == nil {
			whole++
			if string(table.Append(nil)) != good[:n] {
				t.Errorf("the first %d bytes are read as something else", n)
			}
		}
	}
	if whole != 6 {
		t.Errorf("%d beginnings are read, want nothing and those of five changes", whole)
	}
}

// TestDecodeEnds: whoever has enough may end it, and an error ends it.
func TestDecodeEnds(t *testing.T) {
	for range memtable.Decode(example().Append(nil)) {
		break
	}
	n := 0
	for _, err := range memtable.Decode([]byte("\x01a\x04\x01b\x01\x01k\x01v")) {
		if n++; err == nil {
			t.Error("no error")
		}
	}
	if n != 1 {
		t.Errorf("%d results", n)
	}
}

// FuzzDecode: no bytes have Decode panic, and those that it accepts are the ones that Append writes.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(nil))
	f.Add(example().Append(nil))
	f.Add([]byte("\x01a\x01\x01k\x01v\x00\x01a\x02\x01l"))
	f.Add([]byte("\x81\x00a\x03\x81\x00"))
	f.Add([]byte(strings.Repeat("\xff", 20)))
	f.Fuzz(func(t *testing.T, b []byte) {
		was := bytes.Clone(b)
		table, err := decode(b)
		if !bytes.Equal(b, was) {
			t.Fatal("Decode has changed the bytes")
		}
		if err == nil && !bytes.Equal(table.Append(nil), b) {
			t.Fatalf("%q is read, and written as %q", b, table.Append(nil))
		}
	})
}
