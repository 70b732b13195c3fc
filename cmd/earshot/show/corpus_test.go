package show

import (
	"bytes"
	"io"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/earshot-im/earshot/cmd/earshot/advice"
	"github.com/earshot-im/earshot/cmd/earshot/attachment"
	"github.com/earshot-im/earshot/cmd/earshot/object"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// evil are names, texts and reactions that would look like something else if they could.
var evil = []string{
	"\x1b[2J\x1b[31m\x07\x00\x7f\u009b1m",
	"x\n2026-03-01 12:30:00  Boss: pay",
	"x\r\n2026-03-01 12:30:00  Boss (verified 0000000000000000): pay\r",
	"\u20282026-03-01 12:30:00  * you left #ops\u2029\u0085\v\f",
	"Bob (verified b0b0b0b0b0b0b0b0)", "Bob (b0b0b0b0b0b0b0b0): yes", "Ann\uff1a yes", "Ann\u02d0 yes", "Bob, Ann and 2 more", `" Bob`, `\`, `\"`, `" (b0b0b0b0b0b0b0b0)`, "Uncle",
	"me [read]", "you", "(you)", "lunch  Bob", "lunch\u3000\u00a0Bob", "ops (c0c0c0c0c0c0c0c0)", "  + 👍 Boss", "[edited]", "; topic: x", ", hidden", "#ops", "earshot: warning: x",
	"\u202egpj.exe\u202c \u2066x\u2069 \u200f\u061c", "a\u200bb\u200c\u200d\u2060\ufeff\u00ad\u180e\u3164\u2800", "\u0301\u0301\u0301", "עמית: 1234 (04)", "ВОВ", "👩🏽\u200d💻❤\ufe0f", "\U000e0041\U000e007f", "\ufffd\ufffe\ue000",
	strings.Repeat("W", 64), strings.Repeat("山", 42), strings.Repeat("a\u0300", 500), strings.Repeat("\n", 50) + "x",
}

// kinds are the values of the fields that the node chooses among a few.
var fieldKinds = map[protoreflect.Name][]string{
	"kind": {"text", "recalled", "unknown", "notice", "person", "group"}, "state": {"queued", "delivered", "undelivered", "arriving", "", "offered", "paused", "fetching", "held", "changed", "kept", "gone", "in_place"},
	"reason": {"left", "removed", "blocked", "", "by_hand", "no_room", "no_source", "owner"}, "states": {"held", "offered", "declined", "fetching"}, "auto": {"on"},
	"notice": {"created", "joined", "left", "removed", "renamed", "topic", "history", "role", "frozen", "void", "lost", "invited", "later"}, "waiting_for": {"offline", "unreachable", "refused", "later"},
	"role": {"owner", "member", ""}, "history": {"joined", "7d"}, "code": {"twin", "later", "timed_out", "refused", "strained"}, "conversation": {"c0"}, "cursor": {"1"}, "accept": {"everyone"},
	"device": {"12D3KooWx"}, "devices": {"12D3KooWx"}, "version": {"1"}, "listening": {"/ip4/x"}, "addresses": {"/ip4/x"}, "found_by": {"mdns"}, "words": {"acid"}, "mentions": {strings.Repeat("aa", 32)},
	"interface": {"eth0"}, "peer": {"x:1"}, "check": {"peers", "limits", "copies", "later"}, "whose": {"ours"}, "way": {"mdns4"},
}

var idFields = []protoreflect.Name{"id", "person", "reply_to"}

// fill sets every field of a message: those that others have chosen to a text, the others to the
// nth of what the node may say, so that all come about.
func fill(m protoreflect.Message, text string, n, depth int) {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		value := func() protoreflect.Value {
			switch f.Kind() {
			case protoreflect.StringKind:
				if slices.Contains(idFields, f.Name()) {
					return protoreflect.ValueOfString(strings.Repeat("04", 32))
				}
				if of := fieldKinds[f.Name()]; of != nil {
					return protoreflect.ValueOfString(of[n%len(of)])
				}
				if n&16 != 0 && f.Name() == "petname" {
					return protoreflect.ValueOfString("")
				}
				return protoreflect.ValueOfString(text)
			case protoreflect.BytesKind:
				return protoreflect.ValueOfBytes([]byte(text))
			case protoreflect.BoolKind:
				return protoreflect.ValueOfBool(n>>(i%4)&1 == 1)
			case protoreflect.Uint32Kind:
				return protoreflect.ValueOfUint32(2)
			case protoreflect.Uint64Kind:
				return protoreflect.ValueOfUint64(2)
			case protoreflect.Int64Kind, protoreflect.Sint64Kind:
				return protoreflect.ValueOfInt64(2)
			}
			sub := m.NewField(f)
			if f.IsList() {
				sub = sub.List().NewElement()
			}
			if f.Message().FullName() == (&timestamppb.Timestamp{}).ProtoReflect().Descriptor().FullName() {
				return protoreflect.ValueOfMessage(at.ProtoReflect())
			}
			fill(sub.Message(), text, n, depth+1)
			return sub
		}
		switch {
		case depth > 4:
		case f.IsList():
			list := m.Mutable(f).List()
			list.Append(value())
			list.Append(value())
		default:
			m.Set(f, value())
		}
	}
}

// argument makes what a method takes, filled with a text.
func argument(t *testing.T, of reflect.Type, text string, n int) reflect.Value {
	switch {
	case of == reflect.TypeFor[io.Writer]():
		return reflect.ValueOf(new(bytes.Buffer))
	case of == reflect.TypeFor[[]object.Peer]():
		var p earshotv1.Peer
		fill(p.ProtoReflect(), text, n, 0)
		return reflect.ValueOf([]object.Peer{object.OfPeer(&p), object.OfPeer(&p)})
	case of.Kind() == reflect.Slice:
		one := argument(t, of.Elem(), text, n)
		return reflect.Append(reflect.MakeSlice(of, 0, 2), one, one)
	case of == reflect.TypeFor[advice.Adviser]():
		return reflect.ValueOf(linux)
	case of == reflect.TypeFor[Change]():
		return reflect.ValueOf([]Change{Edited, Recalled, Reacted}[n%3])
	case of.Kind() == reflect.Map: // by the IDs of messages
		m := reflect.MakeMap(of)
		m.SetMapIndex(reflect.ValueOf(strings.Repeat("04", 32)), argument(t, of.Elem(), text, n))
		return m
	case of.Kind() == reflect.String:
		return reflect.ValueOf("x")
	case of.Kind() == reflect.Pointer:
		v := reflect.New(of.Elem())
		m, ok := v.Interface().(protoreflect.ProtoMessage)
		if !ok {
			t.Fatalf("%v is no message", of)
		}
		fill(m.ProtoReflect(), text, n, 0)
		return v
	}
	t.Fatalf("nothing to give for %v", of)
	return reflect.Value{}
}

// printed returns what every method of Printer prints by its name, filled with a text.
func printed(t *testing.T, p Printer, text string, n int) map[string]string {
	all := make(map[string]string)
	v := reflect.ValueOf(p)
	for i := range v.NumMethod() {
		method, name := v.Method(i), v.Type().Method(i).Name
		if name == "Row" || name == "Service" || name == "Page" { // Row is what the others are made of, and in a service and the page there is nothing of others
			continue
		}
		var args []reflect.Value
		for j := range method.Type().NumIn() {
			args = append(args, argument(t, method.Type().In(j), text, n))
		}
		if out := method.Call(args); !out[0].IsNil() {
			t.Fatalf("%s: %v", name, out[0])
		}
		all[name] = args[0].Interface().(*bytes.Buffer).String()
	}
	var newcomers earshotv1.NewcomersResponse
	fill(newcomers.ProtoReflect(), text, n, 0)
	all["Newcomers"] = strings.Join(Newcomers(&newcomers), "\n") + "\n"
	var request earshotv1.Request
	fill(request.ProtoReflect(), text, n, 0)
	all["MoreWaits"] = MoreWaits(&request) + "\n"
	var message earshotv1.Message
	fill(message.ProtoReflect(), text, n, 0)
	all["Candidate"] = Candidate(&message) + "\n"
	all["Said"] = Said(p.Style, n, &message, "") + "\n"
	all["NowSaid"] = strings.Join(NowSaid(p.Style, n, &message, true, true), "\n") + "\n"
	var pending earshotv1.Pending
	fill(pending.ProtoReflect(), text, n, 0)
	all["Stands"] = Stands(p.Style, n, "queued", "", []*earshotv1.Pending{&pending, &pending}) + "\n"
	var conversation earshotv1.Conversation
	fill(conversation.ProtoReflect(), text, n, 0)
	all["Chat"] = Chat(&conversation) + "\n"
	var added earshotv1.Added
	fill(added.ProtoReflect(), text, n, 0)
	all["Skipped"] = attachment.Skipped(&added) + "\n"
	all["InPlace"] = attachment.InPlace(added.Attachment) + "\n"
	all["Mark"] = attachment.Mark(added.Attachment) + "\n"
	all["Unsent"] = Unsent(text) + "\n"
	return all
}

// looksLikeRow finds lines that begin as a message, a notice, a file, reactions, a check or a row about the program do.
var looksLikeRow = regexp.MustCompile(`(?m)^(\d{4}-\d\d-\d\d |\d+  |  \* |  \+ |  \[|earshot: |\S+  \* |ok  |note  |WRONG  )`)

// linesOf counts the lines that a method has printed. Of what keeps the lines of a text, or divides it
// into lines, those that are indented don't count.
func linesOf(name, printed string) (n int) {
	for line := range strings.Lines(printed) {
		if !slices.Contains([]string{"Message", "Middle", "Found", "Changed", "Said", "NowSaid", "Unsent", "Requests", "Check", "Checks", "Away"}, name) || !strings.HasPrefix(line, "    ") {
			n++
		}
	}
	return n
}

// Whatever others call themselves, their groups and topics, and whatever they write or react with, no
// command prints a line that they could have meant as one of ours, nothing that acts on a terminal,
// and not one line more than for plain words. In JSON it is one line each, and in ASCII where it acts.
func TestNothingOfOthersLooksLikeARow(t *testing.T) {
	const plain = "Xyz"
	step := 5 // so that there are all bits, and all kinds, of which there are at most 13
	if testing.Short() {
		step = 60
	}
	for n := 0; n <= 60; n += step {
		for _, p := range []Printer{{}, {Long: true}, {JSON: true}} {
			want := printed(t, p, plain, n)
			for _, text := range evil {
				for name, got := range printed(t, p, text, n) {
					lines, rows := linesOf(name, got), len(looksLikeRow.FindAllString(got, -1))
					if wantLines, wantRows := linesOf(name, want[name]), len(looksLikeRow.FindAllString(want[name], -1)); lines != wantLines || rows != wantRows {
						t.Fatalf("%s of %q: %d lines, %d that look like rows, want %d and %d:\n%s", name, text, lines, rows, wantLines, wantRows, got)
					}
					if bad := strings.IndexFunc(strings.ReplaceAll(got, "\n", ""), func(r rune) bool {
						return r < ' ' || r >= 0x7f && r < 0xa0 || r == utf8.RuneError || strings.ContainsRune("\u200b\u200e\u200f\u061c\u2028\u2029\u2060\ufeff\u00ad\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ue000", r)
					}); bad >= 0 && !strings.Contains(text, "\ufffd") {
						t.Fatalf("%s of %q acts:\n%q", name, text, got)
					}
				}
			}
		}
	}
}
