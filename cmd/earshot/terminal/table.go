package terminal

import "strings"

// gap is what stands between two columns.
const gap = "  "

// Cell is what stands in one column of a row: a text that has been through Line, and how it is
// marked.
type Cell struct {
	Text string
	Mark func(string) string // nil: not at all
}

func (c Cell) marked(text string) string {
	if c.Mark == nil {
		return text
	}
	return c.Mark(text)
}

// Table puts cells into columns, each as wide as what is widest in it, the first at least so wide. A
// row ends with its last text, and is cut where it would be wider than most.
func Table(table [][]Cell, first, most int) (rows []string) {
	widths := []int{first}
	for _, row := range table {
		for i, c := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], Width(c.Text))
		}
	}
	for _, row := range table {
		rows = append(rows, inColumns(row, widths, most))
	}
	return rows
}

func inColumns(row []Cell, widths []int, most int) string {
	var b strings.Builder
	at, next := 0, 0 // how wide the row is so far, and where the next cell begins
	for i, c := range row {
		if text := Cut(c.Text, most-next); text != "" {
			b.WriteString(strings.Repeat(" ", next-at))
			b.WriteString(c.marked(text))
			at = next + Width(text)
		}
		next += widths[i] + len(gap)
	}
	return b.String()
}
