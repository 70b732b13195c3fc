package room

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"

	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

var update = flag.Bool("update", false, "write the effects and views of testdata as they are")

// vector is a file of testdata: see the README there.
type vector struct {
	What  string `json:"what"`
	Steps []step `json:"steps"`
}

type step struct {
	What    string          `json:"what,omitempty"`
	At      int64           `json:"at"`
	In      json.RawMessage `json:"in"`
	Effects json.RawMessage `json:"effects,omitempty"`
	View    json.RawMessage `json:"view,omitempty"`
}

var inputs = []Input{Open{}, Leave{}, Loaded{}, LoadFailed{}, Saved{}, SaveFailed{}, Sent{}, SendFailed{}, MarkFailed{}, Put{}, Gone{}, Reset{}, Counted{},
	DraftChanged{}, Focus{}, Touch{}, Lock{}, Woke{}, Shown{}, ToEnd{}, JumpTo{}, JumpUnread{}, Retry{}, MarkUnread{}, Select{}, Step{}, Deselect{},
	Typed{}, Reply{}, BeginEdit{}, EndEdit{}, Submit{}}

// nameOf is the name of an input or effect in a vector.
func nameOf(v any) string {
	name := reflect.TypeOf(v).Name()
	return strings.ToLower(name[:1]) + name[1:]
}

func strictly(data []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	return d.Decode(v)
}

// UnmarshalJSON reads a row of a vector.
func (r *Row) UnmarshalJSON(data []byte) error {
	var v struct {
		Message json.RawMessage `json:"message"`
		Day     string          `json:"day"`
	}
	if err := strictly(data, &v); err != nil {
		return err
	}
	*r = Row{new(earshotv1.Message), v.Day}
	return protojson.Unmarshal(v.Message, r.Message)
}

// many stands for rows in a row.
type many struct {
	From, To    int
	Unread, Own bool
}

func (m many) rows() (rows []Row) {
	for n := m.From; n <= m.To; n++ {
		rows = append(rows, Row{&earshotv1.Message{Id: fmt.Sprintf("m%04d", n), T: int64(n) * 1000, Kind: "text", Text: fmt.Sprint(n), Unread: m.Unread, Own: m.Own},
			fmt.Sprintf("day %d", (n-1)/50+1)})
	}
	return rows
}

func readDraft(data json.RawMessage) (*earshotv1.Draft, error) {
	if data == nil {
		return nil, nil
	}
	d := new(earshotv1.Draft)
	return d, protojson.Unmarshal(data, d)
}

// readInputs reads the input of a step, which may stand for several.
func readInputs(data []byte) (all []Input, err error) {
	var some struct{ Gone struct{ From, To int } }
	if strictly(data, &some) == nil && some.Gone.To > 0 {
		for _, row := range (many{From: some.Gone.From, To: some.Gone.To}).rows() {
			all = append(all, Gone{row.Message.Id})
		}
		return all, nil
	}
	in, err := readInput(data)
	return []Input{in}, err
}

func readInput(data []byte) (Input, error) {
	var one map[string]json.RawMessage
	if err := json.Unmarshal(data, &one); err != nil || len(one) != 1 {
		return nil, fmt.Errorf("an input has one name: %s, %w", data, err)
	}
	for name, data := range one {
		i := slices.IndexFunc(inputs, func(in Input) bool { return nameOf(in) == name })
		if i < 0 {
			return nil, fmt.Errorf("%s is no input", name)
		}
		switch inputs[i].(type) {
		case Open:
			var v struct {
				Open
				Draft, Edit json.RawMessage
			}
			err := strictly(data, &v)
			if err == nil {
				v.Open.Draft, err = readDraft(v.Draft)
			}
			if err == nil {
				v.Open.Edit, err = readDraft(v.Edit)
			}
			return v.Open, err
		case DraftChanged:
			d, err := readDraft(data)
			return DraftChanged{d}, err
		case Loaded:
			var v struct {
				Loaded
				Rows []json.RawMessage
			}
			if err := strictly(data, &v); err != nil {
				return nil, err
			}
			for _, data := range v.Rows {
				var m many
				if strictly(data, &m) == nil {
					v.Loaded.Rows = append(v.Loaded.Rows, m.rows()...)
					continue
				}
				var row Row
				if err := strictly(data, &row); err != nil {
					return nil, err
				}
				v.Loaded.Rows = append(v.Loaded.Rows, row)
			}
			return v.Loaded, nil
		}
		in := reflect.New(reflect.TypeOf(inputs[i]))
		err := strictly(data, in.Interface())
		return in.Elem().Interface().(Input), err
	}
	panic("unreachable")
}

// shownRows writes down rows: what stands above them, and their IDs and texts. Several that are like those
// of many are one line.
func shownRows(lines []Line) []string {
	out := []string{}
	plain := 0
	for i, l := range lines {
		m := l.Message
		text := m.Id
		if m.Kind != "text" {
			text += " (" + m.Kind + ")"
		}
		if m.Text != "" && m.Text != strings.TrimLeft(strings.TrimPrefix(m.Id, "m"), "0") {
			text += " " + m.Text
		}
		if l.Date != "" {
			out = append(out, "-- "+l.Date)
		}
		if l.New > 0 {
			out = append(out, fmt.Sprintf("-- new: %d", l.New))
		}
		if l.Date != "" || l.New > 0 || text != m.Id || i == 0 {
			plain = 0
		}
		if plain++; text != m.Id {
			plain = 0
		}
		switch {
		case plain < 3:
			out = append(out, text)
		case plain == 3:
			out = append(out[:len(out)-1], "...", text)
		default:
			out[len(out)-1] = text
		}
	}
	return out
}

// shownView is a view as in a vector.
func shownView(v View) []byte {
	return marshal(struct {
		Rows       []string `json:"rows"`
		Before     Edge     `json:"before,omitempty"`
		After      Edge     `json:"after,omitempty"`
		Place      Place    `json:"place"`
		Moves      int      `json:"moves,omitempty"`
		UnreadLine bool     `json:"unreadLine,omitempty"`
		Below      int      `json:"below,omitempty"`
		Selecting  bool     `json:"selecting,omitempty"`
		Selected   string   `json:"selected,omitempty"`
		Missing    string   `json:"missing,omitempty"`
		Composer   any      `json:"composer"`
	}{shownRows(v.Rows), v.Before, v.After, v.Place, v.Moves, v.UnreadLine, v.Below, v.Selecting, v.Selected, v.Missing, struct {
		Text    string `json:"text"`
		Sets    int    `json:"sets"`
		ReplyTo string `json:"replyTo,omitempty"`
		Edits   string `json:"edits,omitempty"`
		Sending bool   `json:"sending,omitempty"`
	}(v.Composer)})
}

func marshal(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err)
	}
	return bytes.TrimSpace(b.Bytes())
}

// one is a JSON object with one member.
func one(name string, v any) []byte {
	return slices.Concat([]byte(`{`), marshal(name), []byte(`: `), marshal(v), []byte(`}`))
}

// write writes a vector, a line each for what comes in and goes out.
func (v vector) write() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "{\n  \"what\": %s,\n  \"steps\": [\n", marshal(v.What))
	for i, s := range v.Steps {
		b.WriteString("    {")
		if s.What != "" {
			fmt.Fprintf(&b, "\"what\": %s,\n     ", marshal(s.What))
		}
		fmt.Fprintf(&b, "\"at\": %d, \"in\": %s", s.At, s.In)
		if s.Effects != nil {
			fmt.Fprintf(&b, ",\n     \"effects\": %s", s.Effects)
		}
		if s.View != nil {
			fmt.Fprintf(&b, ",\n     \"view\": %s", s.View)
		}
		b.WriteString("}")
		if i < len(v.Steps)-1 {
			b.WriteString(",")
		}
		b.WriteString("\n")
	}
	b.WriteString("  ]\n}\n")
	return b.Bytes()
}

func TestVectors(t *testing.T) {
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files: %v", len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var v vector
			if err := strictly(data, &v); err != nil {
				t.Fatal(err)
			}
			r, last := New(), []byte(nil)
			for i := range v.Steps {
				s := &v.Steps[i]
				inputs, err := readInputs(s.In)
				if err != nil {
					t.Fatalf("step %d: %v", i, err)
				}
				var effects [][]byte
				for _, in := range inputs {
					for _, e := range r.Do(s.At, in) {
						effects = append(effects, one(nameOf(e), e))
					}
				}
				got := step{What: s.What, At: s.At, In: s.In}
				if len(effects) > 0 {
					got.Effects = slices.Concat([]byte("["), bytes.Join(effects, []byte(",\n                 ")), []byte("]"))
				}
				view := shownView(r.View())
				if !bytes.Equal(view, last) {
					got.View, last = view, view
				}
				if !*update && (!same(got.Effects, s.Effects) || !same(got.View, s.View)) {
					t.Errorf("step %d, %s %s:\n%s\n%s\nwant\n%s\n%s", i, s.What, s.In, got.Effects, got.View, s.Effects, s.View)
				}
				*s = got
			}
			if *update {
				if err := os.WriteFile(file, v.write(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// same compares JSON, whatever blanks are in it.
func same(a, b []byte) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	var x, y any
	return json.Unmarshal(a, &x) == nil && json.Unmarshal(b, &y) == nil && reflect.DeepEqual(x, y)
}
