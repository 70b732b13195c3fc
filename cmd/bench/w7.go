package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/earshot-im/earshot/cmd/bench/process"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

const (
	w7Messages = 1_000_000
	w7Turns    = 9 // the median counts

	// w7Common is in every third message, or so; w7Missing in none.
	w7Common, w7Missing = "the", "qqq"
	w7Found             = 20

	// searchFile is the search cache in a node's directory.
	searchFile = "search"
)

// w7 searches a large store.
func (b *bench) w7(ctx context.Context) (err error) {
	dir := b.folder()
	ann, err := b.upQuiet(ctx, dir, "Ann")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ann.Stop()) }()
	text, err := ann.fill(ctx)
	if err != nil {
		return err
	}
	if _, err := ann.search(ctx, w7Missing); err != nil {
		return err
	}
	cache := filepath.Join(dir, searchFile)
	info, err := os.Stat(cache)
	if err != nil {
		return err
	}
	versus("W7", "search_cache_over_text", float64(info.Size())/float64(text), 1.15)

	// The cache is made anew: by the search that needs it, which does not pause.
	if err := errors.Join(ann.Stop(), os.Remove(cache)); err != nil {
		return err
	}
	if ann, err = b.upQuiet(ctx, dir, "Ann"); err != nil {
		return err
	}
	before, _, unknown := process.Usage(ann.PID())
	took, err := ann.search(ctx, w7Missing)
	if err != nil {
		return err
	}
	out("earshot", "W7", "search_first_s", took.Seconds())
	if unknown == nil {
		after, _, err := process.Usage(ann.PID())
		if err != nil {
			return err
		}
		versus("W7", "search_cpu_us_a_message", micros(after-before)/w7Messages, 5)
	}

	// What a node has been doing before is not what a search takes.
	if err := ann.Stop(); err != nil {
		return err
	}
	if ann, err = b.upQuiet(ctx, dir, "Ann"); err != nil {
		return err
	}
	if err := pause(ctx, w6Rest); err != nil {
		return err
	}
	_, rest, unknown := process.Usage(ann.PID())
	cold := process.Forget(cache) == nil
	if took, err = ann.search(ctx, w7Missing); err != nil {
		return err
	}
	if cold {
		out("earshot", "W7", "search_missing_cold_ms", millis(took))
	}
	if _, err = ann.search(ctx, w7Common); err != nil {
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
		versus("W7", "search_rss_mib", mib, 8)
	}
	for _, w := range []struct {
		words, metric string
		target        float64
	}{{w7Common, "search_common_ms", 20}, {w7Missing, "search_missing_ms", 300}} {
		var all []time.Duration
		for range w7Turns {
			if took, err = ann.search(ctx, w.words); err != nil {
				return err
			}
			all = append(all, took)
		}
		versus("W7", w.metric, millis(median(all)), w.target)
	}
	if unknown == nil { // with what the collector leaves for later
		mib, err := grown()
		if err != nil {
			return err
		}
		out("earshot", "W7", "search_rss_many_mib", mib)
	}
	return nil
}

// search looks for words, and returns how long it took until the newest w7Found were there, or it was
// clear that there are none.
func (n *node) search(ctx context.Context, words string) (time.Duration, error) {
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
func (n *node) fill(ctx context.Context) (size int, err error) {
	ctx, cancel := context.WithTimeout(ctx, 10*process.Patience)
	defer cancel()
	g, err := n.CreateGroup(ctx, &earshotv1.CreateGroupRequest{Name: "Notes"})
	if err != nil {
		return 0, err
	}
	random := rand.New(rand.NewPCG(7, 7))
	err = n.sayTexts(ctx, g.Id, w7Messages, queued, func(int) string {
		text := sentence(random)
		size += len(text)
		return text
	})
	return size, err
}

// sentence returns words as people write them: about 80 bytes, of some 5,000 words of which a few are
// frequent.
func sentence(random *rand.Rand) string {
	var b strings.Builder
	for b.Len() < 75 {
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		n := int(math.Pow(5000, random.Float64()))
		if n == 1 {
			b.WriteString(w7Common)
			continue
		}
		for range 2 + n%7 {
			b.WriteByte("etaoinshrdlucmfwyp"[n%18])
			n = n*31 + 7
		}
	}
	return b.String()
}
