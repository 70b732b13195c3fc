package large

import (
	"context"
	"errors"
	"fmt"
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
	w7Messages = 1_000_000
	w7Turns    = 9 // the median counts

	w7Common  = nodes.CommonWord
	w7Missing = "qqq" // is in no message
	w7Found   = 20

	// settle is how long a node is left alone before its memory is looked at.
	settle = 3 * time.Second

	// searchFile is the search cache in a node's directory.
	searchFile = "search"
)

// Ask is W7: it asks a node that has a large store.
func Ask(ctx context.Context, at *nodes.Place) error {
	if err := searches(ctx, at); err != nil {
		return err
	}
	return much(ctx, at)
}

// searches searches a large store.
func searches(ctx context.Context, at *nodes.Place) (err error) {
	dir := at.Folder()
	ann, err := at.UpQuiet(ctx, dir, "Ann")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ann.Stop()) }()
	text, err := fill(ctx, ann)
	if err != nil {
		return err
	}
	if _, err := search(ctx, ann, w7Missing); err != nil {
		return err
	}
	cache := filepath.Join(dir, searchFile)
	info, err := os.Stat(cache)
	if err != nil {
		return err
	}
	report.Versus("W7", "search_cache_over_text", float64(info.Size())/float64(text), 1.15)

	// The cache is made anew: by the search that needs it, which does not pause.
	if err := errors.Join(ann.Stop(), os.Remove(cache)); err != nil {
		return err
	}
	if ann, err = at.UpQuiet(ctx, dir, "Ann"); err != nil {
		return err
	}
	before, _, unknown := process.Usage(ann.PID())
	took, err := search(ctx, ann, w7Missing)
	if err != nil {
		return err
	}
	report.Out("earshot", "W7", "search_first_s", took.Seconds())
	if unknown == nil {
		after, _, err := process.Usage(ann.PID())
		if err != nil {
			return err
		}
		report.Versus("W7", "search_cpu_us_a_message", report.Micros(after-before)/w7Messages, 5)
	}

	// What a node has been doing before is not what a search takes.
	if err := ann.Stop(); err != nil {
		return err
	}
	if ann, err = at.UpQuiet(ctx, dir, "Ann"); err != nil {
		return err
	}
	if err := process.Pause(ctx, settle); err != nil {
		return err
	}
	_, rest, unknown := process.Usage(ann.PID())
	cold := process.Forget(cache) == nil
	if took, err = search(ctx, ann, w7Missing); err != nil {
		return err
	}
	if cold {
		report.Out("earshot", "W7", "search_missing_cold_ms", report.Millis(took))
	}
	if _, err = search(ctx, ann, w7Common); err != nil {
		return err
	}
	grown := func() (mib float64, err error) {
		_, now, err := process.Usage(ann.PID())
		return float64(now-rest) / (1 << 20), err
	}
	if unknown == nil {
		mib, err := grown()
		if err != nil {
			return err
		}
		report.Versus("W7", "search_rss_mib", mib, 8)
	}
	for _, w := range []struct {
		words, metric string
		target        float64
	}{{w7Common, "search_common_ms", 20}, {w7Missing, "search_missing_ms", 300}} {
		var all []time.Duration
		for range w7Turns {
			if took, err = search(ctx, ann, w.words); err != nil {
				return err
			}
			all = append(all, took)
		}
		report.Versus("W7", w.metric, report.Millis(report.Median(all)), w.target)
	}
	if unknown == nil { // with what the collector leaves for later
		mib, err := grown()
		if err != nil {
			return err
		}
		report.Out("earshot", "W7", "search_rss_many_mib", mib)
	}
	return nil
}

// search looks for words, and returns how long it took until the newest w7Found were there, or it was
// clear that there are none.
func search(ctx context.Context, n *nodes.Node, words string) (time.Duration, error) {
	began := time.Now()
	stream, err := n.Search(ctx, &earshotv1.SearchRequest{Words: words, Limit: w7Found})
	if err != nil {
		return 0, err
	}
	defer stream.Close()
	found, ended := 0, false
	for stream.Receive() {
		r := stream.Msg()
		found += len(r.Found)
		ended = r.Of == 0 && (r.Back == nil || r.More)
	}
	took := time.Since(began)
	if want := map[string]int{w7Common: w7Found}[words]; stream.Err() == nil && (found != want || !ended) {
		return 0, fmt.Errorf("%q: %d found, want %d; to the end: %v", words, found, want, ended)
	}
	return took, stream.Err()
}

// fill writes w7Messages messages into a group that the owner is alone in, and returns how long their
// texts are.
func fill(ctx context.Context, n *nodes.Node) (size int, err error) {
	ctx, cancel := context.WithTimeout(ctx, 10*process.Patience)
	defer cancel()
	g, err := n.CreateGroup(ctx, &earshotv1.CreateGroupRequest{Name: "Notes"})
	if err != nil {
		return 0, err
	}
	random := rand.New(rand.NewPCG(7, 7))
	err = n.SayTexts(ctx, g.Id, w7Messages, nodes.Queued, func(int) string {
		text := nodes.Sentence(random)
		size += len(text)
		return text
	})
	return size, err
}
