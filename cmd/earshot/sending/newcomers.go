package sending

import (
	"context"
	"fmt"

	"github.com/earshot-im/earshot/cmd/earshot/show"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// newcomers says on standard error who may have come in place of the contact to whom messages go.
// They may be waiting for a directory that is lost. Where the node can't say, nothing is printed:
// that must not stop the messages. For programs nothing is printed either: there standard error has
// nothing but errors.
func (s *Sender) newcomers(ctx context.Context, to *earshotv1.Target) {
	if s.Out.JSON || to.GetKind() != "person" {
		return
	}
	r, err := s.Client.Newcomers(ctx, &earshotv1.NewcomersRequest{Who: to.Id})
	if err != nil {
		return
	}
	for _, line := range show.Newcomers(r) {
		fmt.Fprintln(s.Stderr, line)
	}
}
