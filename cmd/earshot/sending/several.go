package sending

import (
	"context"
	"strconv"
	"time"

	"github.com/earshot-im/earshot/cmd/earshot/problem"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// To is somebody to whom something is sent, by a name that the user gave.
type To struct {
	Who string // as it was given
	id  string // what the node is given
}

// Resolve finds out whom names mean, each once. It fails at the first that means nobody, or several.
func (s *Sender) Resolve(ctx context.Context, whos []string) ([]To, error) {
	var all []To
	known := make(map[string]bool)
	for _, who := range whos {
		r, err := s.Client.Resolve(ctx, &earshotv1.ResolveRequest{Who: who})
		if err != nil {
			return nil, err
		}
		id := r.Id
		if r.Kind == "group" {
			id = "#" + id
		}
		if !known[id] {
			all = append(all, To{who, id})
		}
		known[id] = true
	}
	return all, nil
}

// SendEach sends a message of their own to each, and then waits for one after the other, all within the
// timeout. If some can't be sent it, the others are sent it all the same; standard error says which.
func (s *Sender) SendEach(ctx context.Context, all []To, text string) error {
	if len(all) == 1 {
		return s.Send(ctx, all[0].id, text)
	}
	start := time.Now()
	sent := make([]*earshotv1.Sent, len(all))
	failed := 0
	tell := func(to To, err error) {
		p := *problem.Explain(err)
		p.Text = "to " + strconv.Quote(to.Who) + ": " + p.Text
		p.Print(s.Stderr, s.Out.JSON)
	}
	for i, to := range all {
		var err error
		if sent[i], err = s.send(ctx, to.id, text); err != nil {
			failed++
			tell(to, err)
		}
	}
	exit := 0
	for i, to := range all {
		if sent[i] == nil {
			continue
		}
		if err := s.follow(ctx, sent[i], start); err != nil {
			tell(to, err)
			exit = problem.Explain(err).Exit
		}
	}
	switch {
	case failed > 0:
		return problem.Failed(problem.CodeForward, "%d of %d could not be sent", failed, len(all))
	case exit != 0:
		return problem.Told(exit)
	}
	return nil
}
