package reading

import (
	"context"
	"fmt"

	"github.com/earshot-im/earshot/cmd/earshot/show"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// remarks says on standard error what else its reader should know: that requests wait, and of whom
// more waits than is kept until they are accepted. Where the node can't say, nothing is printed:
// that must not stop the messages. For programs nothing is printed either: there standard error has
// nothing but errors.
type remarks struct {
	reader   *Reader
	requests int             // how many waited at the last call
	more     map[string]bool // of whom more waited at the last call
	changed  uint64          // the node's counts at the last call
	peers    uint64
}

// follow says what is new at the node's counts of changes.
func (k *remarks) follow(ctx context.Context, now *earshotv1.WatchResponse) {
	if k.reader.Out.JSON {
		return
	}
	if k.changed != now.Changed || k.peers != now.Peers {
		k.tellRequests(ctx)
	}
	k.changed, k.peers = now.Changed, now.Peers
}

// tellRequests says how many requests wait, if they are more than at the last call, and of whom
// more waits since then.
func (k *remarks) tellRequests(ctx context.Context) {
	if k.reader.Out.JSON {
		return
	}
	r, err := k.reader.Client.Requests(ctx, &earshotv1.RequestsRequest{})
	if err != nil {
		return
	}
	waiting, more := 0, make(map[string]bool)
	for _, q := range r.Requests {
		switch {
		case !q.MoreWaits:
			waiting++
		case !k.more[q.Person] && !more[q.Person]:
			fmt.Fprintln(k.reader.Stderr, show.MoreWaits(q))
		}
		if q.MoreWaits {
			more[q.Person] = true
		}
	}
	if waiting > k.requests {
		fmt.Fprintf(k.reader.Stderr, "%s: earshot requests\n", count(waiting, "request waits", "requests wait"))
	}
	k.requests, k.more = waiting, more
}

// count puts a number before one of two texts.
func count(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprint(n, " ", more)
}
