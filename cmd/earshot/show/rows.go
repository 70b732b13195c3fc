package show

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/earshot-im/earshot/cmd/earshot/label"
	"github.com/earshot-im/earshot/cmd/earshot/object"
	"github.com/earshot-im/earshot/cmd/earshot/terminal"
)

// A row of a list has a name, a state, and since when it is so, and fits into rowColumns. With
// --long there are also IDs, addresses and sources, and nothing is cut.
const (
	rowColumns = 100

	// nameColumns is the most that a name takes in a row, with what tells two of one name apart.
	// leastColumns lines up the short names of lists that are printed one after the other, as by
	// `peers --watch`.
	nameColumns  = 48
	leastColumns = 16

	// groupColumns is the most that the name of a group takes.
	groupColumns = 40

	// receiverColumns is the most that a name takes in the outbox, where the reason needs more room.
	receiverColumns = 44

	// alsoColumns is the most that a second name takes: what somebody calls themselves who has a
	// nickname here.
	alsoColumns = 24
)

// now is the time; a test sets it.
var now = time.Now

// since says when a state began.
func since(t time.Time) string { return "since " + when(t) }

// when is a time as people read it: the time of day if it is today.
func when(t time.Time) string {
	t, today := t.Local(), now().Local()
	if t.Year() == today.Year() && t.YearDay() == today.YearDay() {
		return t.Format("15:04")
	}
	return t.Format("2006-01-02 15:04")
}

// Forever is until when something is so that is so for good: as late as a time can be told.
var Forever = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)

// until says when something ends, if it does.
func until(t *timestamppb.Timestamp) string {
	if t == nil || !t.AsTime().Before(Forever) {
		return ""
	}
	return " until " + when(t.AsTime())
}

// cell is what stands in one column of a row.
type cell = terminal.Cell

func (p Printer) bold(text string) cell { return cell{Text: text, Mark: p.Style.Bold} }
func (p Printer) dim(text string) cell  { return cell{Text: text, Mark: p.Style.Dim} }

// person is the first cell of a row about a person.
func (p Printer) person(v label.Somebody) cell { return p.bold(label.WhoWithin(nameColumns, v)) }

// now is the cell that says what somebody calls themselves now.
func (p Printer) now(v label.Somebody) cell {
	return p.dim(strings.Join(label.Now(alsoColumns, v), ""))
}

// otherName is the cell that says what somebody calls themselves, if their name says something else.
func (p Printer) otherName(v label.Somebody) cell {
	return p.dim(strings.Join(label.OtherName(alsoColumns, v), ""))
}

// kind is how the rows of one kind of list are made.
type kind[T any] struct {
	object func(T) any    // for --json
	long   func(T) string // for --long
	cells  func(T) []cell // otherwise: at least a name, a state and since when
}

// rows writes a list, and nothing where it is empty.
func rows[T any](p Printer, w io.Writer, list []T, kind kind[T]) error {
	b := bufio.NewWriter(w)
	var table [][]cell
	for _, v := range list {
		switch {
		case p.JSON:
			if err := object.Write(b, kind.object(v)); err != nil {
				return err
			}
		case p.Long:
			fmt.Fprintln(b, kind.long(v))
		default:
			table = append(table, kind.cells(v))
		}
	}
	for _, row := range terminal.Table(table, leastColumns, rowColumns) {
		fmt.Fprintln(b, row)
	}
	return b.Flush()
}
