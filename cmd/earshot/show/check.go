package show

import (
	"cmp"
	"io"
	"slices"
	"strings"

	"github.com/earshot-im/earshot/cmd/earshot/advice"
	"github.com/earshot-im/earshot/cmd/earshot/object"
	"github.com/earshot-im/earshot/cmd/earshot/terminal"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// textColumns and leastTextColumns are how wide a text is at most, and at least, whatever the terminal
// has. Commands are not divided, since they are copied.
const (
	textColumns      = 80
	leastTextColumns = 30
)

// columns is how wide a text may be.
func (p Printer) columns() int {
	if p.Columns == 0 {
		return textColumns
	}
	return min(max(p.Columns, leastTextColumns), textColumns)
}

// Check writes what was found at one thing, and, if it is wrong, what to do.
func (p Printer) Check(w io.Writer, c *earshotv1.Check, by advice.Adviser) error {
	v := by.Of(c)
	return p.Row(w, object.OfCheck(c, v), "%s", strings.Join(p.checkRows(c, v, false), "\n"))
}

// Checks writes several, with what may be the cause of others first, and of one kind with what is about
// this machine before what is about a person. What is to be done against more than one is said once.
func (p Printer) Checks(w io.Writer, checks []*earshotv1.Check, by advice.Adviser) error {
	sorted := slices.Clone(checks)
	slices.SortStableFunc(sorted, func(a, b *earshotv1.Check) int {
		return cmp.Or(cmp.Compare(advice.Rank(a.Check), advice.Rank(b.Check)), cmp.Compare(a.Person.GetPerson(), b.Person.GetPerson()),
			cmp.Compare(a.Code, b.Code), cmp.Compare(a.About, b.About))
	})
	before := ""
	for i, c := range sorted {
		v := by.Of(c)
		if i > 0 && !p.JSON {
			if _, err := io.WriteString(w, "\n"); err != nil {
				return err
			}
		}
		same := v.Text() == before && before != ""
		if err := p.Row(w, object.OfCheck(c, v), "%s", strings.Join(p.checkRows(c, v, same), "\n")); err != nil {
			return err
		}
		before = v.Text()
	}
	return nil
}

// checkRows are the rows of a check; same says that what to do is what was said just before.
func (p Printer) checkRows(c *earshotv1.Check, v advice.Advice, same bool) (rows []string) {
	const mark, inner = "       ", "           "
	text := func(first, text string) {
		for i, row := range terminal.Wrap(text, p.columns()-len(mark)) {
			if i == 0 {
				rows = append(rows, first+row)
			} else {
				rows = append(rows, mark+row)
			}
		}
	}
	word := "ok     "
	switch {
	case !c.Ok:
		word = p.Style.Call("WRONG") + "  "
	case c.Code != "":
		word = "note   "
	}
	text(word, v.Subject+": "+v.Found)
	if c.Ok {
		return rows
	}
	if same {
		text(mark, "What to do: the same as above")
		v.Fix = nil
	}
	for i, l := range v.Fix {
		switch {
		case l.Command:
			rows = append(rows, inner+p.Style.Bold(l.Text))
		case i == 0:
			text(mark, "What to do: "+l.Text)
		default:
			text(mark, l.Text)
		}
	}
	if v.Raw != "" {
		text(mark, "For an administrator: "+v.Raw)
	}
	return rows
}

// Away writes of checks by advice.IsAway what they come to.
func (p Printer) Away(w io.Writer, checks []*earshotv1.Check) error {
	return writeLines(w, p.checkRows(checks[0], advice.Away(checks), false))
}

// Paragraph writes a text for people.
func (p Printer) Paragraph(w io.Writer, text string) error {
	return writeLines(w, terminal.Wrap(text, p.columns()))
}
