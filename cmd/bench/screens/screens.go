// Package screens measures the screens of earshot: W9 is the list of conversations and the terminal screen, W10 the
// page in a browser. The doc of the bench says what each prints.
//
// Each workload starts two nodes, has one write to the other, and stops them when it ends, also when it fails. What
// is shown is what real nodes have in their stores; the terminal is package window, the browser is Chromium. Each
// belongs to one goroutine. Where Chromium is missing, W10 says so on standard error, and is left out.
package screens

import (
	"context"
	"fmt"
	"math/rand/v2"

	"github.com/earshot-im/earshot/cmd/bench/nodes"
	"github.com/earshot-im/earshot/cmd/bench/process"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// hear has another write messages to a node: in a group of the two for each of sizes, so many. It waits until all
// are there.
func hear(ctx context.Context, n, other *nodes.Node, sizes []int) error {
	ctx, cancel := context.WithTimeout(ctx, 20*process.Patience)
	defer cancel()
	random := rand.New(rand.NewPCG(9, 9))
	for i, messages := range sizes {
		g, err := other.CreateGroup(ctx, &earshotv1.CreateGroupRequest{Name: fmt.Sprint("Table ", i)})
		if err == nil {
			_, err = other.Invite(ctx, &earshotv1.InviteRequest{Group: g.Id, Who: []string{n.Person}})
		}
		if err == nil {
			err = other.SayTexts(ctx, g.Id, messages, nodes.Delivered, func(int) string { return nodes.Sentence(random) })
		}
		if err != nil {
			return err
		}
	}
	return nil
}
