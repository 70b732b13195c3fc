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
	more     map[string]bool // of whom was said that more waits; at most maxMore
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

// tellRequests says how many requests wait, if they are more than at the last call, and of each
// person once that more waits.
func (k *remarks) tellRequests(ctx context.Context) {
	if k.reader.Out.JSON {
		return
	}
	r, err := k.reader.Client.Requests(ctx, &earshotv1.RequestsRequest{})
	if err != nil {
		return
	}
	for _, line := range k.news(r.Requests) {
		fmt.Fprintln(k.reader.Stderr, line)
	}
}

// maxMore bounds the persons of whom it is said that more waits. Somebody with many identities
// could have it said without end.
const maxMore = 256

// news returns what to say of the requests that wait now.
func (k *remarks) news(requests []*earshotv1.Request) (lines []string) {
	waiting := 0
	for _, q := range requests {
		switch {
		case !q.GetMoreWaits():
			waiting++
		case !k.more[q.Person] && len(k.more) < maxMore:
			if k.more == nil {
				k.more = make(map[string]bool)
			}
			k.more[q.Person] = true
			lines = append(lines, show.MoreWaits(q))
		}
	}
	if waiting > k.requests {
		lines = append(lines, count(waiting, "request waits", "requests wait")+": earshot requests")
	}
	k.requests = waiting
	return lines
}

// count puts a number before one of two texts.
func count(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprint(n, " ", more)
}
