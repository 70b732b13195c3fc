package large

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/earshot-im/earshot/cmd/bench/nodes"
	"github.com/earshot-im/earshot/cmd/bench/process"
	"github.com/earshot-im/earshot/cmd/bench/report"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

const (
	w11Turns = 7 // the median counts; where a node was killed the slowest, since its journals are as full as it happens

	// w11More is how many messages a node writes before it is killed: more than both journals have room for.
	w11More = 20_000
)

// Start is W11: it starts a node with many messages again and again.
func Start(ctx context.Context, at *nodes.Place) (err error) {
	dir := at.Folder()
	ann, err := at.UpQuiet(ctx, dir, "Ann")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ann.Stop()) }()
	if _, err := fill(ctx, ann); err != nil {
		return err
	}
	group, err := notes(ctx, ann)
	if err != nil {
		return err
	}
	random := rand.New(rand.NewPCG(11, 11))
	stopped := func() error { return ann.Stop() }
	killed := func() error {
		if err := ann.SayTexts(ctx, group, w11More, nodes.Queued, func(int) string { return nodes.Sentence(random) }); err != nil {
			return err
		}
		return ann.Kill()
	}
	starts := func(end func() error, cold bool) (took []time.Duration, err error) {
		for range w11Turns {
			if err := end(); err != nil {
				return nil, err
			}
			if cold {
				if err := forgetAll(dir); err != nil {
					return nil, err
				}
			}
			began := time.Now()
			again, err := at.UpQuiet(ctx, dir, "Ann") // which has answered
			if err != nil {
				return nil, err
			}
			took = append(took, time.Since(began))
			ann = again
		}
		return took, nil
	}
	clean, err := starts(stopped, false)
	if err != nil {
		return err
	}
	report.Versus("W11", "ready_ms", report.Millis(report.Median(clean)), 150)
	full, err := starts(killed, false)
	if err != nil {
		return err
	}
	report.Versus("W11", "ready_killed_ms", report.Millis(report.Quantile(full, 1)), 500)
	cold, err := starts(stopped, true)
	if errors.Is(err, errors.ErrUnsupported) {
		return nil // and ann has ended
	}
	if err != nil {
		return err
	}
	report.Versus("W11", "ready_cold_ms", report.Millis(report.Median(cold)), 500)
	if cold, err = starts(killed, true); err != nil {
		return err
	}
	report.Out("earshot", "W11", "ready_killed_cold_ms", report.Millis(report.Quantile(cold, 1)))
	return nil
}

// notes returns the one group of a node.
func notes(ctx context.Context, n *nodes.Node) (id string, err error) {
	r, err := n.Groups(ctx, &earshotv1.GroupsRequest{})
	if err != nil {
		return "", err
	}
	if len(r.Groups) != 1 {
		return "", errors.New("not in one group")
	}
	return r.Groups[0].Id, nil
}

// forgetAll has the system read all files of a directory from the disk when they are read next.
func forgetAll(dir string) error {
	return filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		return process.Forget(path)
	})
}
