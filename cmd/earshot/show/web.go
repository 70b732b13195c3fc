package show

import (
	"fmt"
	"io"

	"github.com/earshot-im/earshot/cmd/earshot/object"
	"github.com/earshot-im/earshot/cmd/earshot/terminal"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// Page writes where the page in a browser is, which was opened; with a command for another machine, also the
// link and that.
func (p Printer) Page(w io.Writer, r *earshotv1.OpenWebResponse, ssh string) error {
	v := object.OfPage(r, ssh)
	if ssh == "" {
		return p.Row(w, v, "the page is open in your browser, at %s; the node runs on when you close it", terminal.Line(r.Address))
	}
	return p.Row(w, v, "%s\n%s", terminal.Line(r.Url), terminal.Line(ssh))
}

// WebSessions writes a row for each browser that may use the page.
func (p Printer) WebSessions(w io.Writer, all []*earshotv1.WebSession) error {
	return rows(p, w, all, kind[*earshotv1.WebSession]{
		object: func(v *earshotv1.WebSession) any { return object.OfWebSession(v) },
		long: func(v *earshotv1.WebSession) string {
			return fmt.Sprintf("%s  %s  let in %s  used %s  calls %d", terminal.Line(v.Id), terminal.Line(v.Browser), clock(v.Begun), clock(v.Used), v.Calls)
		},
		cells: func(v *earshotv1.WebSession) []cell {
			state := cell{Text: "open"}
			if v.Calls == 0 {
				state = p.dim("closed")
			}
			return []cell{{Text: terminal.Line(v.Id)}, {Text: terminal.Line(v.Browser)}, state, p.dim("used " + when(v.Used.AsTime()))}
		},
	})
}
