package reading

import (
	"context"
	"fmt"

	"github.com/earshot-im/earshot/cmd/earshot/show"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// membership is which groups the owner was in at a count of the node's changes. Both are empty at
// first.
type membership struct {
	reader  *Reader
	groups  map[string]bool
	changed uint64
}

// tell prints on standard error who added the owner to which group since the last call. Where the
// node can't say, nothing is printed: that must not stop the messages.
func (known *membership) tell(ctx context.Context, changed uint64) {
	if known.groups != nil && known.changed == changed {
		return
	}
	r, err := known.reader.Client.Groups(ctx, &earshotv1.GroupsRequest{})
	if err != nil {
		return
	}
	now := make(map[string]bool)
	for _, g := range r.Groups {
		if g.Role == "" {
			continue
		}
		now[g.Id] = true
		if known.groups != nil && !known.groups[g.Id] && g.InvitedBy != nil {
			fmt.Fprintln(known.reader.Stderr, show.Added(g))
		}
	}
	known.groups, known.changed = now, changed
}
