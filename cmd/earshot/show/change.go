package show

import (
	"io"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/earshot-im/earshot/cmd/earshot/label"
	"github.com/earshot-im/earshot/cmd/earshot/object"
	"github.com/earshot-im/earshot/cmd/earshot/phrase"
	"github.com/earshot-im/earshot/cmd/earshot/terminal"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// Change is what has become of a message.
type Change string

const (
	Edited   Change = "edited"    // it has another text
	Recalled Change = "recalled"  // its author took it back
	Reacted  Change = "reactions" // somebody has reacted, or taken that back
)

// Changed writes what has become of a message that was printed before.
func (p Printer) Changed(w io.Writer, m *earshotv1.Message, c Change) error {
	author := label.Who(m.GetFrom())
	if m.Own {
		author = "me"
	}
	var text string
	switch c {
	case Edited:
		text = "* " + author + " edited it: " + terminal.Text(m.Text)
	case Recalled:
		text = "* " + author + " took it back"
	case Reacted:
		text = "+ nobody has reacted any more"
		if len(m.Reactions) > 0 {
			text = "+ " + phrase.Reactions(m.Reactions)
		}
	}
	where := ""
	if m.To.GetKind() == "group" {
		where = label.Group(m.To) + "  "
	}
	when := clock(timestamppb.New(now())) + "  " + p.IDs.Short(m.Id)
	return p.Row(w, object.OfBecoming(string(c), m), "%s  %s%s", p.Style.Dim(when), where, text)
}
