package show

import (
	"io"

	"github.com/earshot-im/earshot/cmd/earshot/object"
	"github.com/earshot-im/earshot/cmd/earshot/phrase"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// Notice writes what has happened in a group.
func (p Printer) Notice(w io.Writer, n *earshotv1.Notice) error {
	return p.Row(w, object.OfNotice(n), "%s  * %s", p.Style.Dim(clock(n.Time)), phrase.Notice(n))
}
