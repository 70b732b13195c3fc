package reading

import (
	"context"
	"fmt"

	"github.com/earshot-im/earshot/cmd/earshot/show"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// remarks says on standard error what else its reader should know: that requests wait, of whom more
// waits than is kept until they are accepted, and who added the owner to which group. Where the
// node can't say, nothing is printed: that must not stop the messages. For programs nothing is
// printed either: there standard error has nothing but errors.
type remarks struct {
	reader   *Reader
	groups   map[string]bool // those the owner was in at the last call; nil before the first
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
	if k.groups == nil || k.changed != now.Changed {
		k.tellGroups(ctx)
		k.tellRequests(ctx)
	} else if k.peers != now.Peers {
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

// tellGroups says who added the owner to which group since the last call.
func (k *remarks) tellGroups(ctx context.Context) {
	r, err := k.reader.Client.Groups(ctx, &earshotv1.GroupsRequest{})
	if err != nil {
		return
	}
	now := make(map[string]bool)
	for _, g := range r.Groups {
		if g.Role == "" {
			continue
		}
		now[g.Id] = true
		if k.groups != nil && !k.groups[g.Id] && g.InvitedBy != nil {
			fmt.Fprintln(k.reader.Stderr, show.Added(g))
		}
	}
	k.groups = now
}

// count puts a number before one of two texts.
func count(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprint(n, " ", more)
}
