package show

import (
	"fmt"
	"io"
	"time"
	"unicode/utf8"

	"github.com/earshot-im/earshot/cmd/earshot/label"
	"github.com/earshot-im/earshot/cmd/earshot/object"
	"github.com/earshot-im/earshot/cmd/earshot/terminal"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// excerptRows is how many rows of the terminal the text of a found message takes, about.
const excerptRows = 4

// Found writes the row of a message that a search has found, with what was looked for marked in it. A
// long text is cut to what is around the first mark.
func (p Printer) Found(w io.Writer, f *earshotv1.Found) error {
	m := f.Message
	author := label.Who(m.GetFrom())
	if m.GetOwn() {
		author = "me"
		if f.Person != nil { // in a direct conversation nothing else says where it is
			author += " → " + label.Who(f.Person)
		}
	}
	text, marks := m.GetText(), toRanges(m.GetText(), f.Marks)
	id := m.GetId() + "  "
	if !p.Long {
		text, marks = terminal.Excerpt(text, marks, excerptRows*p.columns(), p.columns())
		id = ""
	}
	return p.Row(w, object.OfFound(f), "%s%s", id, p.rowOf(m, author, terminal.Marked(text, marks, p.Style.Bold)))
}

// toRanges finds the marks of a text in its bytes. What doesn't fit the text is left out.
func toRanges(text string, marks []*earshotv1.Mark) (ranges []terminal.Range) {
	at, n := 0, uint32(0) // a place in the text, in bytes and in code points
	place := func(to uint32) int {
		for ; n < to && at < len(text); n++ {
			_, size := utf8.DecodeRuneInString(text[at:])
			at += size
		}
		return at
	}
	for _, m := range marks {
		if from, to := place(m.Start), place(m.End); from < to {
			ranges = append(ranges, terminal.Range{Start: from, End: to})
		}
	}
	return ranges
}

// Progress says how far a search is that has not found anything for a while.
func Progress(r *earshotv1.SearchResponse) string {
	if r.Of > 0 {
		return fmt.Sprintf("preparing the search: %d %%", 100*r.Made/r.Of)
	}
	return "searched back to " + r.Back.AsTime().Local().Format(time.DateOnly)
}

// MoreFound says that a search has found as many as it was to, how far it has come, and how to go on
// behind the last message.
func MoreFound(count int, r *earshotv1.SearchResponse, last string) string {
	back := r.Back.AsTime().Local().Format(time.DateTime)
	return fmt.Sprintf("%d found, searched back to %s; more with --limit N, or --after %s", count, back, last)
}
