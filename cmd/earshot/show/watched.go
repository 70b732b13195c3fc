package show

import (
	"io"

	"github.com/earshot-im/earshot/cmd/earshot/object"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// Watched writes a line for each change that the node tells at once, as an object in any case. The cursor
// before is that of the answer before: after all but the last line it is not yet certain that all was
// written.
func (p Printer) Watched(w io.Writer, before string, r *earshotv1.ChangesResponse) error {
	var all []object.Change
	if r.Reset_ {
		all = append(all, object.Change{Change: "reset"})
	}
	for _, c := range r.Changes {
		if v := object.OfChange(c); v.Change != "" {
			all = append(all, v)
		}
	}
	if r.Live {
		all = append(all, object.Change{Change: "live"})
	}
	for i, v := range all {
		v.Cursor = before
		if i == len(all)-1 {
			v.Cursor = r.Cursor
		}
		if err := object.Write(w, v); err != nil {
			return err
		}
	}
	return nil
}
