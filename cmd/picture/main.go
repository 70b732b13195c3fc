// Command picture makes an SVG picture of a frame of the terminal screen, as the tests of package panes keep
// them in its testdata:
//
//	go run ./cmd/picture < cmd/earshot/panes/testdata/readme-100.ansi > .github/screen.svg
//
// A virtual terminal shows the frame, and each run of cells that look alike becomes a text. The picture has
// the colours of light and of dark pages, and takes those of whoever looks at it. It holds no script, no font
// and no link.
package main

import (
	"bufio"
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"os"
	"strings"

	uv "github.com/charmbracelet/ultraviolet"
	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/vt"
)

// Sizes of a cell and of the margin, in pixels.
const (
	cellWidth, cellHeight = 8.4, 18
	margin                = 14
	baseline              = 13 // of a text, below the upper edge of its cell
)

func main() {
	in, err := io.ReadAll(os.Stdin)
	if err == nil {
		out := bufio.NewWriter(os.Stdout)
		if err = picture(out, in); err == nil {
			err = out.Flush()
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "picture:", err)
		os.Exit(1)
	}
}

// picture writes the SVG of a frame.
func picture(w io.Writer, frame []byte) error {
	rows := strings.Split(strings.TrimRight(string(frame), "\n"), "\n")
	columns := 1
	for _, r := range rows {
		columns = max(columns, ansi.StringWidth(r))
	}
	e := vt.NewEmulator(columns, len(rows))
	defer e.Close()
	fmt.Fprint(e, strings.Join(rows, "\r\n"))
	width, height := float64(columns)*cellWidth+2*margin, len(rows)*cellHeight+2*margin
	fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f %d" width="%.0f" height="%d" role="img" aria-label="The terminal screen of earshot">`+"\n", width, height, width, height)
	fmt.Fprint(w, style)
	fmt.Fprintf(w, `<rect class="page" width="100%%" height="100%%" rx="8"/>`+"\n")
	for y := range rows {
		for x := 0; x < columns; {
			cell := e.CellAt(x, y)
			if cell == nil {
				x++
				continue
			}
			text, cells := cell.Content, max(1, cell.Width)
			for next := e.CellAt(x+cells, y); next != nil && x+cells < columns && next.Style.Equal(&cell.Style); next = e.CellAt(x+cells, y) {
				text += next.Content
				cells += max(1, next.Width)
			}
			run(w, x, y, cells, text, cell.Style)
			x += cells
		}
	}
	_, err := fmt.Fprintln(w, "</svg>")
	return err
}

// run writes cells that look alike.
func run(w io.Writer, x, y, cells int, text string, s uv.Style) {
	left, top := margin+float64(x)*cellWidth, margin+y*cellHeight
	class := classOf(s)
	if s.Attrs&uv.AttrReverse != 0 {
		fmt.Fprintf(w, `<rect class="back" x="%.1f" y="%d" width="%.1f" height="%d"/>`+"\n", left, top, float64(cells)*cellWidth, cellHeight)
	}
	lead := len(text) - len(strings.TrimLeft(text, " "))
	text = strings.TrimRight(text[lead:], " ")
	if text == "" {
		return
	}
	var b bytes.Buffer
	_ = xml.EscapeText(&b, []byte(text)) // to a buffer, which takes everything
	fmt.Fprintf(w, `<text%s x="%.1f" y="%d" textLength="%.1f">%s</text>`+"\n", class, left+float64(lead)*cellWidth, top+baseline, float64(ansi.StringWidth(text))*cellWidth, b.String())
}

// classOf is how a style is called in the picture.
func classOf(s uv.Style) string {
	var names []string
	for _, a := range []struct {
		attr uint8
		name string
	}{{uv.AttrBold, "bold"}, {uv.AttrFaint, "dim"}, {uv.AttrReverse, "on"}} {
		if s.Attrs&a.attr != 0 {
			names = append(names, a.name)
		}
	}
	if c, is := s.Fg.(ansi.BasicColor); is {
		names = append(names, fmt.Sprintf("c%d", c))
	}
	if len(names) == 0 {
		return ""
	}
	return ` class="` + strings.Join(names, " ") + `"`
}

const style = `<style>
text { font: 14px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; fill: #1f2328; white-space: pre }
.page { fill: #ffffff; stroke: #d0d7de } .back { fill: #1f2328 } .on { fill: #ffffff }
.bold { font-weight: bold } .dim { fill: #6e7781 } .c1 { fill: #cf222e } .c2 { fill: #1a7f37 } .c5 { fill: #8250df }
.on.dim, .on.c1, .on.c2, .on.c5 { fill: #d0d7de }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 } .page { fill: #0d1117; stroke: #30363d } .back { fill: #e6edf3 } .on { fill: #0d1117 }
.dim { fill: #8b949e } .c1 { fill: #ff7b72 } .c2 { fill: #3fb950 } .c5 { fill: #d2a8ff }
.on.dim, .on.c1, .on.c2, .on.c5 { fill: #30363d }
}
</style>
`
