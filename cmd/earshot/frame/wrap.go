package frame

import (
	"strings"

	"github.com/rivo/uniseg"

	"github.com/earshot-im/earshot/cmd/earshot/terminal"
)

// tab is what stands for a tab.
const tab = "    "

// Wrap divides a text of somebody, which may have lines of its own, into rows of at most so many columns:
// at its blanks, and where a word is wider than a row between two characters. No more than most rows
// are made; cut says that there is more.
func Wrap(text string, columns, most int) (rows []string, cut bool) {
	columns = max(columns, 2) // the widest character
	text = strings.ReplaceAll(text, "\r\n", "\n")
	for line := range strings.SplitSeq(strings.TrimRight(text, "\n"), "\n") {
		line = terminal.Line(strings.ReplaceAll(line, "\t", tab))
		for {
			if len(rows) == most {
				return rows, true
			}
			row, rest := first(line, columns)
			rows = append(rows, row)
			if line = rest; line == "" {
				break
			}
		}
	}
	return rows, false
}

// first returns the first row of a line, and what comes after it.
func first(line string, columns int) (row, rest string) {
	width, blank := 0, -1 // blank: behind which the line may be divided
	state, left := -1, line
	for at := 0; left != ""; {
		var cluster string
		cluster, left, _, state = uniseg.FirstGraphemeClusterInString(left, state)
		w := Columns(cluster)
		if width+w > columns && at > 0 {
			switch {
			case cluster == " ": // it ends the row, and would not be seen
				return line[:at], strings.TrimPrefix(line[at:], " ")
			case blank > 0 && strings.TrimSpace(line[:blank]) != "":
				return strings.TrimRight(line[:blank], " "), line[blank:]
			}
			return line[:at], line[at:]
		}
		width, at = width+w, at+len(cluster)
		if cluster == " " {
			blank = at
		}
	}
	return line, ""
}

// Columns is how many columns one character takes with all that is drawn onto it: not less than one, so
// that whoever moves over it sees that.
func Columns(cluster string) int { return max(1, terminal.Width(cluster)) }

// Clusters divides a text into characters as people count them.
func Clusters(text string) (all []string) {
	for state := -1; text != ""; {
		var cluster string
		cluster, text, _, state = uniseg.FirstGraphemeClusterInString(text, state)
		all = append(all, cluster)
	}
	return all
}
