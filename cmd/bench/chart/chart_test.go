package chart

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/earshot-im/earshot/cmd/bench/report"
)

// aRun returns the lines of a real run, which has all that is drawn.
func aRun(t *testing.T) (lines []report.Line) {
	t.Helper()
	f, err := os.Open("testdata/run.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := report.Scan(f, func(l report.Line, text string, err error) {
		if err != nil {
			t.Errorf("%q: %v", text, err)
		}
		lines = append(lines, l)
	}); err != nil {
		t.Fatal(err)
	}
	return lines
}

// element is one of a picture.
type element struct {
	name, class string
	width       float64
	text        string
}

// drawn draws lines, and returns the elements of the picture below its legend.
func drawn(t *testing.T, lines []report.Line) (all []element) {
	t.Helper()
	var b bytes.Buffer
	if err := Draw(&b, lines); err != nil {
		t.Fatal(err)
	}
	for d := xml.NewDecoder(&b); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		switch x := token.(type) {
		case xml.StartElement:
			e := element{name: x.Name.Local}
			for _, a := range x.Attr {
				switch a.Name.Local {
				case "class":
					e.class = a.Value
				case "width":
					if e.width, err = strconv.ParseFloat(a.Value, 64); err != nil {
						t.Fatal(err)
					}
				}
			}
			all = append(all, e)
		case xml.CharData:
			if len(all) > 0 {
				all[len(all)-1].text += string(x)
			}
		}
	}
	first := slices.IndexFunc(all, func(e element) bool { return e.class == "title" })
	if first < 0 {
		t.Fatal("no panel")
	}
	return all[first:]
}

// texts are those of one class, and of the same in bold.
func texts(all []element, class string) (found []string) {
	for _, e := range all {
		if c, _, _ := strings.Cut(e.class, " "); e.name == "text" && c == class {
			found = append(found, strings.TrimSpace(e.text))
		}
	}
	return found
}

// bars are the lengths of all.
func bars(all []element) (lengths []float64) {
	for _, e := range all {
		if e.name == "rect" {
			lengths = append(lengths, e.width)
		}
	}
	return lengths
}

func parse(t *testing.T, texts ...string) (lines []report.Line) {
	t.Helper()
	for _, text := range texts {
		l, err := report.Parse(text)
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		lines = append(lines, l)
	}
	return lines
}

func TestPictureOfARun(t *testing.T) {
	var got bytes.Buffer
	if err := Draw(&got, aRun(t)); err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile("testdata/run.svg")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), want) {
		t.Error("it looks otherwise now: go run ./cmd/bench -from cmd/bench/chart/testdata/run.txt -chart cmd/bench/chart/testdata/run.svg")
	}
}

// Every bar is of something that is measured, and has a figure.
func TestEveryBarHasAFigure(t *testing.T) {
	all, want := drawn(t, aRun(t)), 0
	for _, p := range panels {
		want += len(p.bars)
	}
	lengths, figures, names := bars(all), texts(all, "figure"), texts(all, "name")
	if len(lengths) != want || len(figures) != want || len(names) != want {
		t.Errorf("%d bars, %d figures and %d names, want %d each", len(lengths), len(figures), len(names), want)
	}
	for i, f := range figures {
		if f == "" || f[0] < '0' || f[0] > '9' {
			t.Errorf("%s has the figure %q", names[i], f)
		}
	}
}

func TestWhatIsMissingIsLeftOut(t *testing.T) {
	run := aRun(t)
	for _, p := range panels {
		all := drawn(t, slices.DeleteFunc(slices.Clone(run), func(l report.Line) bool { return l.Workload == p.workload }))
		var want []string
		for _, other := range panels {
			if other.workload != p.workload {
				want = append(want, other.title)
			}
		}
		if got := texts(all, "title"); !slices.Equal(got, want) {
			t.Errorf("without %s there are %q", p.workload, got)
		}
	}
	all := drawn(t, slices.DeleteFunc(slices.Clone(run), func(l report.Line) bool { return l.Peer == "prosody" }))
	if names := texts(all, "name"); slices.Contains(names, "Prosody") || !slices.Contains(names, "NATS") {
		t.Errorf("without Prosody there are %q", names)
	}
	for name, lines := range map[string][]report.Line{
		"no lines":           nil,
		"earshot alone":      parse(t, "earshot W1 p50_us 1000", "machine all processors 2"),
		"everybody else":     parse(t, "floor W1 p50_us 1000", "nats-js-always W1 p50_us 500"),
		"nothing that it is": parse(t, "earshot W1 p50_us -1000", "nats-js-always W1 p50_us 500"),
	} {
		if err := Draw(io.Discard, lines); !errors.Is(err, ErrNothing) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The best stands first, and a bar is twice as long where the figure is twice as large; of several figures of one
// thing the median counts.
func TestBarsAreAsLongAsTheFigures(t *testing.T) {
	all := drawn(t, parse(t, "earshot W2 msgs_per_s 9", "earshot W2 msgs_per_s 20000", "earshot W2 msgs_per_s 30000",
		"nats-js-default W2 msgs_per_s 40000", "prosody W2 msgs_per_s 5000"))
	if names := texts(all, "name"); !slices.Equal(names, []string{"NATS", "earshot", "Prosody"}) {
		t.Errorf("%q", names)
	}
	if figures := texts(all, "figure"); !slices.Equal(figures, []string{"40,000/s", "20,000/s", "5,000/s"}) {
		t.Errorf("%q", figures)
	}
	l := bars(all)
	if l[0] != barMost || math.Abs(l[1]-l[0]/2) > 0.1 || math.Abs(l[2]-l[0]/8) > 0.1 {
		t.Errorf("lengths %v", l)
	}
	if dim := strings.Join(texts(all, "dim"), "\n"); strings.Contains(dim, "×10") || !strings.Contains(dim, "more is better") {
		t.Errorf("%q", dim)
	}
}

// Where the shortest would not be seen, ten times as much is always as much longer, and the picture says so.
func TestBarsWithFiguresFarApart(t *testing.T) {
	all := drawn(t, parse(t, "earshot W1 p50_us 2000", "nats-js-always W1 p50_us 100", "tox-api W1 p50_us 40000"))
	if figures := texts(all, "figure"); !slices.Equal(figures, []string{"0.1 ms", "2 ms", "40 ms"}) {
		t.Errorf("%q", figures)
	}
	l := bars(all)
	if l[2] != barMost || math.Abs((l[1]-l[0])-(l[2]-l[1])) > 0.1 || l[0] < 1 {
		t.Errorf("lengths %v", l)
	}
	if dim := strings.Join(texts(all, "dim"), "\n"); !strings.Contains(dim, "×10") || !strings.Contains(dim, "less is better") {
		t.Errorf("%q", dim)
	}
}

func TestNumber(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0", 0.00004: "0.00004", 0.01234: "0.0123", 0.5: "0.5", 1.911: "1.91", 38.06: "38.1", 999.4: "999", 999.9: "1,000",
		1000: "1,000", 70727: "70,700", 1234567: "1,230,000",
	} {
		if got := number(v); got != want {
			t.Errorf("%v is %q, want %q", v, got, want)
		}
	}
}

func TestTextsAreEscaped(t *testing.T) {
	var p picture
	p.text("x", 1, 2, `a < b & "c"`)
	if got := p.String(); got != `<text class="x" x="1.0" y="2">a &lt; b &amp; &#34;c&#34;</text>`+"\n" {
		t.Error(got)
	}
}
