package reading

import (
	"context"
	"fmt"

	"github.com/earshot-im/earshot/cmd/earshot/show"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// waiting is of whom more waits than is kept until they are accepted, at a count of who is here.
// Both are empty at first.
type waiting struct {
	reader *Reader
	known  map[string]bool
	peers  uint64
}

// tell prints on standard error of whom more waits since the last call. Where the node can't say,
// nothing is printed: that must not stop the messages.
func (w *waiting) tell(ctx context.Context, peers uint64) {
	if w.known != nil && w.peers == peers {
		return
	}
	r, err := w.reader.Client.Requests(ctx, &earshotv1.RequestsRequest{})
	if err != nil {
		return
	}
	now := make(map[string]bool)
	for _, q := range r.Requests {
		if q.MoreWaits && !now[q.Person] {
			now[q.Person] = true
			if !w.known[q.Person] {
				fmt.Fprintln(w.reader.Stderr, show.MoreWaits(q))
			}
		}
	}
	w.known, w.peers = now, peers
}
