package node_test

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

// schema is the messages of the field lists in PROTOCOL.md and FORMAT.md, by document and name.
// Bytes are taken apart by what the documents say, so a list that is not what the code writes fails
// a test.
type schema map[string]message

// message is the fields of one message, by number.
type message map[uint64]field

type field struct {
	name string
	kind string // uint64, bytes, string, or the name of a message
	in   string // the document
}

const protocolDoc, formatDoc = "PROTOCOL.md", "../store/FORMAT.md"

var (
	messageLine = regexp.MustCompile(`^message (\w+) \{`)
	fieldLine   = regexp.MustCompile(`^  (?:repeated )?(\w+) (\w+) = (\d+);`)
)

// readSchema reads the field lists of both documents.
func readSchema(t *testing.T) schema {
	t.Helper()
	s := schema{}
	for _, doc := range []string{protocolDoc, formatDoc} {
		b, err := os.ReadFile(doc)
		if err != nil {
			t.Fatal(err)
		}
		var current message
		for line := range strings.Lines(string(b)) {
			if m := messageLine.FindStringSubmatch(line); m != nil {
				current = message{}
				s[doc+m[1]] = current
			} else if m := fieldLine.FindStringSubmatch(line); m != nil {
				number, _ := strconv.ParseUint(m[3], 10, 64)
				current[number] = field{m[2], m[1], doc}
			}
		}
	}
	return s
}

// inBytes names the messages of FORMAT.md that travel in fields of type bytes.
var inBytes = map[string]string{
	"RunEvent.header": "Header", "RunEvent.body": "Body", "RecordFrame.record": "Record",
	"Identity.card": "Card", "Card.card": "Card", "Welcome.card": "Card",
}

// contents and values name the messages of Body.content and Record.value, by kind.
var (
	contents = map[uint64]string{1: "Text", 3: "Edit", 4: "Reaction", 64: "Create", 65: "Invite", 66: "Leave",
		67: "Remove", 68: "Role", 69: "Rename", 70: "Topic", 71: "History", 72: "Merge", 73: "Cuts"}
	values = map[uint64]string{1: "Profile", 2: "Receipt", 4: "Holdings"}
)

// dump writes a message with one line for each field: its name, and its bytes, which together are
// those of the message. Many zeros are counted, as in 00*440.
func (s schema) dump(doc, name string, b []byte) (string, error) {
	d := dumper{schema: s}
	err := d.message(doc, name, b, "")
	return d.out.String(), err
}

type dumper struct {
	schema
	out    strings.Builder
	kind   uint64 // of the event or record in hand
	opaque bool   // cards are not looked into
}

func (d *dumper) line(name string, parts ...string) {
	fmt.Fprintln(&d.out, strings.TrimRight(fmt.Sprintf("%-22s %s", name, strings.Join(parts, " ")), " "))
}

func (d *dumper) message(doc, name string, b []byte, indent string) error {
	form, ok := d.schema[doc+name]
	if !ok {
		return fmt.Errorf("no message %s in %s", name, doc)
	}
	for len(b) > 0 {
		tag, n := binary.Uvarint(b)
		value, m := binary.Uvarint(b[n:])
		if n <= 0 || m <= 0 {
			return fmt.Errorf("%s: not a message", name)
		}
		f, ok := form[tag>>3]
		if !ok {
			return fmt.Errorf("%s: field %d is not listed", name, tag>>3)
		}
		start := fmt.Sprintf("%x", b[:n+m])
		b = b[n+m:]
		if wire := map[bool]uint64{true: 0, false: 2}[f.kind == "uint64"]; tag&7 != wire {
			return fmt.Errorf("%s.%s is no %s", name, f.name, f.kind)
		}
		if f.kind == "uint64" {
			if f.name == "kind" {
				d.kind = value
			}
			d.line(indent+f.name, start, fmt.Sprintf(" %d", value))
			continue
		}
		if value > uint64(len(b)) {
			return fmt.Errorf("%s.%s is cut off", name, f.name)
		}
		data := b[:value]
		b = b[value:]
		if inner, at := d.inside(name, f); inner != "" {
			d.line(indent+f.name, start, fmt.Sprintf(" %d bytes:", value))
			if err := d.message(at, inner, data, indent+"  "); err != nil {
				return err
			}
			continue
		}
		d.data(indent+f.name, f, start, data)
	}
	return nil
}

// inside returns which message a field holds, if it holds one.
func (d *dumper) inside(name string, f field) (inner, doc string) {
	switch {
	case name == "Body" && f.name == "content":
		return contents[d.kind], formatDoc
	case name == "Record" && f.name == "value":
		return values[d.kind], formatDoc
	case f.name == "card" && d.opaque:
		return "", ""
	case f.kind == "bytes" && f.in == protocolDoc:
		return inBytes[name+"."+f.name], formatDoc
	case f.kind == "bytes" || f.kind == "string":
		return "", ""
	}
	return f.kind, f.in
}

func (d *dumper) data(name string, f field, start string, data []byte) {
	switch {
	case f.kind == "string" && utf8.Valid(data):
		d.line(name, start, fmt.Sprintf("%x", data), fmt.Sprintf(" %q", data))
		return
	case len(data) > 32 && strings.Trim(string(data), "\x00") == "":
		d.line(name, start, fmt.Sprintf("00*%d", len(data)))
		return
	}
	first := min(len(data), 32)
	d.line(name, start, fmt.Sprintf("%x", data[:first]))
	for data = data[first:]; len(data) > 0; data = data[first:] {
		first = min(len(data), 32)
		d.line("", strings.Repeat(" ", len(start)), fmt.Sprintf("%x", data[:first]))
	}
}

// Every golden vector of a frame, event, record or card is read by the field lists: none has a
// field that is not listed.
func TestFieldListsReadTheVectors(t *testing.T) {
	s := readSchema(t)
	read := map[string]int{}
	check := func(doc, name, hexed string) {
		t.Helper()
		b, err := hex.DecodeString(hexed)
		if err != nil {
			t.Fatal(err)
		}
		d := dumper{schema: s, opaque: name == "Frame"} // what stands for cards there is none
		if err := d.message(doc, name, b, ""); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		read[name]++
	}
	frames, err := filepath.Glob("*/testdata/frames.txt")
	if err != nil || len(frames) != 1 {
		t.Fatal(frames, err)
	}
	for _, line := range linesOf(t, frames[0]) {
		if _, err := hex.DecodeString(line); err == nil {
			check(protocolDoc, "Frame", line)
		}
	}
	ofKind := map[string]string{"header": "Header", "run": "Run", "record": "Record"}
	for name, message := range map[string]string{"text": "Text", "edit": "Edit", "reaction": "Reaction", "create": "Create",
		"invite": "Invite", "leave": "Leave", "remove": "Remove", "role": "Role", "rename": "Rename", "topic": "Topic",
		"history": "History", "cuts": "Cuts"} {
		ofKind[name] = message
	}
	for _, line := range linesOf(t, "../store/event/testdata/vectors.txt") {
		name, value, _ := strings.Cut(line, ": ")
		name, _, _ = strings.Cut(name, " ")
		if message := ofKind[name]; message != "" {
			doc := formatDoc
			if message == "Run" {
				doc = protocolDoc
			}
			check(doc, message, value)
		}
	}
	check(formatDoc, "Card", strings.Join(linesOf(t, "../crypto/testdata/card.hex"), ""))
	if read["Frame"] < 20 || read["Header"] < 5 || read["Run"] < 2 || read["Record"] < 2 || read["Cuts"] != 1 {
		t.Errorf("read %v", read)
	}
}

func linesOf(t *testing.T, file string) []string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(b)), "\n")
}
