package show

import (
	"fmt"
	"io"
	"strings"

	"github.com/earshot-im/earshot/cmd/earshot/attachment"
	"github.com/earshot-im/earshot/cmd/earshot/label"
	"github.com/earshot-im/earshot/cmd/earshot/object"
	"github.com/earshot-im/earshot/cmd/earshot/terminal"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// fileRow is one attachment in a list.
type fileRow struct {
	m *earshotv1.Attached
	a *earshotv1.Attachment
}

// Files writes a row for each attachment of some messages.
func (p Printer) Files(w io.Writer, list []*earshotv1.Attached) error {
	var all []fileRow
	for _, m := range list {
		for _, a := range m.Attachments {
			all = append(all, fileRow{m, a})
		}
	}
	return rows(p, w, all, kind[fileRow]{
		object: func(r fileRow) any { return object.OfListed(r.m, r.a) },
		long: func(r fileRow) string {
			row := []string{fmt.Sprintf("%s %d", r.m.Id, r.a.N), clock(r.m.Time), p.Style.Bold(label.File(r.a)), attachment.Size(r.a.Size), attachment.Standing(r.m, r.a), attachment.Whose(label.Whole, r.m)}
			for _, h := range r.m.Holders {
				row = append(row, label.Who(h.Person)+": "+terminal.Line(object.StateAt(h, r.a)))
			}
			for _, path := range r.a.Saved {
				row = append(row, "saved as "+terminal.Line(path))
			}
			return strings.Join(row, "  ")
		},
		cells: func(r fileRow) []cell {
			which := p.IDs.Short(r.m.Id)
			if len(r.m.Attachments) > 1 {
				which += fmt.Sprint(" ", r.a.N)
			}
			return []cell{p.bold(label.FileWithin(attachment.Columns, r.a)), p.dim(which), {Text: attachment.Size(r.a.Size)}, {Text: attachment.Standing(r.m, r.a)}, p.dim(when(r.m.Time.AsTime())), {Text: attachment.Whose(alsoColumns, r.m)}}
		},
	})
}

// Settled writes what has become of attachments of a message after a command.
func (p Printer) Settled(w io.Writer, id string, list []*earshotv1.Attachment) error {
	return Rows(w, list, func(w io.Writer, a *earshotv1.Attachment) error {
		return p.Row(w, object.OfTransfer(&earshotv1.Transfer{Id: id, Attachment: a}), "%s", attachment.Mark(a))
	})
}

// Saved writes where a file was saved.
func (p Printer) Saved(w io.Writer, t *earshotv1.Transfer, path string) error {
	return p.Row(w, object.OfTransfer(t), "%s", terminal.Line(path))
}
