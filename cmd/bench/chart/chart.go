// Package chart draws what the bench has measured: an SVG with a panel for each question, and in it a bar for
// earshot and for each of those that it was measured beside. panels.go has what is drawn.
//
// Draw is a function of the lines and of nothing else. A figure that the lines don't have gets no bar, and a panel
// without one of earshot's or with no other beside it is left out. Where a figure was measured several times, the
// median counts. The picture has the colours of light and of dark pages, and takes those of whoever looks at it. It holds
// no script, no font and no link.
package chart

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/earshot-im/earshot/cmd/bench/report"
)

// Sizes in pixels.
const (
	columns  = 2
	width    = columns*panelWidth + (columns-1)*gap + 2*margin
	margin   = 20
	gap      = 32 // between panels
	headRoom = 98 // for what stands above all panels

	panelWidth = 400
	titleRoom  = 46 // above the bars of a panel
	rowHeight  = 21
	barHeight  = 13
	barLeft    = 138
	barMost    = 178 // the longest; its figure stands behind it
	baseline   = 11  // of a text beside a bar, below the upper edge of that
)

// spread is the ratio of the largest figure to the smallest from which on a panel has a logarithmic scale, without
// which the bar of the smallest would not be seen. Below it, twice the figure is twice the bar.
const spread = 150

// ErrNothing: the lines have nothing that could be drawn.
var ErrNothing = errors.New("nothing to draw")

// measured has all that was measured in each metric.
type measured map[[3]string][]float64

func (m measured) median(peer, workload, metric string) (v float64, is bool) {
	all := m[[3]string{peer, workload, metric}]
	if len(all) == 0 {
		return 0, false
	}
	return report.Median(all), true
}

// figure is a bar, and what it shows in the unit of its panel.
type figure struct {
	bar
	value float64
}

// Draw writes the picture of a run.
func Draw(w io.Writer, lines []report.Line) error {
	m := make(measured)
	for _, l := range lines {
		key := [3]string{l.Peer, l.Workload, l.Metric}
		m[key] = append(m[key], l.Value)
	}
	var body picture
	y, lowest, column := headRoom, 0, 0
	for _, p := range panels {
		figures := p.figures(m)
		if len(figures) == 0 {
			continue
		}
		if column == columns {
			y, column = lowest+gap, 0
		}
		body.panel(p, figures, margin+column*(panelWidth+gap), y)
		lowest = max(lowest, y+titleRoom+len(figures)*rowHeight)
		column++
	}
	if lowest == 0 {
		return ErrNothing
	}
	height := lowest + margin
	var all picture
	all.add(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %[1]d %[2]d" width="%[1]d" height="%[2]d"`, width, height)
	all.add(`role="img" aria-label="earshot beside others, as bars">`)
	all.WriteString(style)
	all.add(`<rect class="page" x="0.5" y="0.5" width="%d" height="%d" rx="8"/>`, width-1, height-1)
	all.text("head", margin, 34, "earshot beside others")
	all.text("dim", margin, 54, onWhat(m))
	all.legend()
	all.Write(body.Bytes())
	all.add("</svg>")
	_, err := all.WriteTo(w)
	return err
}

// onWhat says what it was measured on, as far as that is known.
func onWhat(m measured) string {
	on := "All on one machine"
	if n, is := m.median("machine", "all", "processors"); is && n == 1 {
		on += " with one processor"
	} else if is {
		on += fmt.Sprintf(" with %.0f processors", n)
	}
	if us, is := m.median("floor", "W1", "commit_p50_us"); is {
		on += ", whose disk takes " + number(us*millis) + " ms for a commit"
	}
	return on
}

// figures are the bars of a panel for which there is a figure, the best first.
func (p panel) figures(m measured) (all []figure) {
	ours := 0
	for _, b := range p.bars {
		if v, is := m.median(b.peer, p.workload, b.metric); is && v >= 0 {
			all = append(all, figure{b, v * b.unit})
			if b.kind == us {
				ours++
			}
		}
	}
	if ours == 0 || ours == len(all) {
		return nil
	}
	slices.SortStableFunc(all, func(a, b figure) int {
		switch {
		case a.value == b.value:
			return 0
		case (a.value < b.value) != p.more:
			return -1
		}
		return 1
	})
	return all
}

// scale says how long the bars of figures are.
type scale struct {
	from, to float64 // logarithms with a logarithmic scale
	log      bool
}

func scaleOf(figures []figure) scale {
	longest := slices.MaxFunc(figures, func(a, b figure) int { return int(math.Copysign(1, a.value-b.value)) }).value
	shortest := slices.MinFunc(figures, func(a, b figure) int { return int(math.Copysign(1, a.value-b.value)) }).value
	if shortest <= 0 || longest < spread*shortest {
		return scale{to: longest}
	}
	// The scale begins with a power of ten, and the shortest bar is still to be seen.
	return scale{log: true, from: math.Floor(math.Log10(shortest / 2)), to: math.Log10(longest)}
}

// length is that of a bar, in pixels.
func (s scale) length(v float64) float64 {
	if s.log {
		v = math.Log10(v)
	}
	if s.to <= s.from {
		return 0
	}
	return (v - s.from) / (s.to - s.from) * barMost
}

// picture is what has been drawn.
type picture struct{ bytes.Buffer }

func (p *picture) add(format string, args ...any) { fmt.Fprintf(p, format+"\n", args...) }

// text writes a text as it is.
func (p *picture) text(class string, x float64, y int, text string) {
	var b bytes.Buffer
	_ = xml.EscapeText(&b, []byte(text)) // to a buffer, which takes everything
	p.add(`<text class="%s" x="%.1f" y="%d">%s</text>`, class, x, y, b.String())
}

// legend says what the kinds of bars are.
func (p *picture) legend() {
	x := float64(margin)
	for _, kind := range []struct {
		class, name string
		room        float64
	}{
		{us, "earshot", 72},
		{other, "what else there is", 132},
		{least, "the least that it takes: what this machine allows", 0},
	} {
		p.add(`<rect class="%s" x="%.1f" y="68" width="12" height="12"/>`, kind.class, x)
		p.text("dim", x+18, 78, kind.name)
		x += 18 + kind.room
	}
}

func (p *picture) panel(what panel, figures []figure, left, top int) {
	s := scaleOf(figures)
	better := "less is better"
	if what.more {
		better = "more is better"
	}
	p.text("title", float64(left), top+14, what.title)
	p.text("dim", float64(left), top+31, what.means+"; "+better)
	bars := float64(left) + barLeft
	bottom := top + titleRoom + len(figures)*rowHeight - rowHeight + barHeight
	if s.log {
		for power := s.from; power <= s.to; power++ {
			x := bars + s.length(math.Pow(10, power))
			p.add(`<path class="line" d="M%.1f %dV%d"/>`, x, top+titleRoom-4, bottom+4)
		}
		p.text("dim end", float64(left)+panelWidth, top+14, "each line ×10")
	}
	for i, f := range figures {
		y := top + titleRoom + i*rowHeight
		length := max(1, s.length(f.value))
		p.text("name"+ifUs(f), bars-8, y+baseline, f.name)
		p.add(`<rect class="%s" x="%.1f" y="%d" width="%.1f" height="%d"/>`, f.kind, bars, y, length, barHeight)
		p.text("figure"+ifUs(f), bars+length+6, y+baseline, number(f.value)+what.unit)
	}
}

func ifUs(f figure) string {
	if f.kind == us {
		return " bold"
	}
	return ""
}

// number has three digits that count, and commas between thousands.
func number(v float64) string {
	if v <= 0 {
		return "0"
	}
	size := int(math.Floor(math.Log10(v)))
	power := math.Pow10(size - 2)
	whole, part, _ := strings.Cut(strconv.FormatFloat(math.Round(v/power)*power, 'f', max(0, 2-size), 64), ".")
	for at := len(whole) - 3; at > 0; at -= 3 {
		whole = whole[:at] + "," + whole[at:]
	}
	return strings.TrimSuffix(whole+"."+strings.TrimRight(part, "0"), ".")
}

const style = `<style>
text { font: 12px -apple-system, BlinkMacSystemFont, "Segoe UI", "Noto Sans", "DejaVu Sans", Helvetica, Arial, sans-serif; fill: #1f2328 }
.head { font-size: 16px; font-weight: bold } .title { font-size: 13.5px; font-weight: bold } .bold { font-weight: bold }
.name, .end { text-anchor: end } .dim { fill: #59636e }
.figure { paint-order: stroke; stroke: #ffffff; stroke-width: 4px }
.page { fill: #ffffff; stroke: #d0d7de } .line { stroke: #d0d7de; stroke-width: 1 }
.us { fill: #0969da } .other { fill: #9aa4af } .least { fill: #ffffff; stroke: #818b98 }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 } .dim { fill: #9198a1 } .figure { stroke: #0d1117 }
.page { fill: #0d1117; stroke: #30363d } .line { stroke: #30363d }
.us { fill: #4493f8 } .other { fill: #6e7681 } .least { fill: #0d1117; stroke: #9198a1 }
}
</style>
`
