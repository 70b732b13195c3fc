package show

import (
	"io"

	"github.com/earshot-im/earshot/cmd/earshot/advice"
	"github.com/earshot-im/earshot/cmd/earshot/object"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// Warning writes a warning while a node runs, on standard error.
func (p Printer) Warning(w io.Writer, v *earshotv1.Warning) error {
	return p.Row(w, object.OfWarning(v), "earshot: warning: %s", advice.Warning(v))
}
