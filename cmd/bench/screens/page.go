package screens

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/earshot-im/earshot/cmd/bench/nodes"
	"github.com/earshot-im/earshot/cmd/bench/process"
	"github.com/earshot-im/earshot/cmd/bench/report"
	"github.com/earshot-im/earshot/cmd/earshot/web/page"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

const (
	w10Conversations = 200
	w10Messages      = 100         // in each but the last
	w10Walked        = 100_000     // of the last, back from the newest
	w10Rows          = 100         // that the page loads at once
	w10Loads         = 9           // of the page; the median counts
	w10Keys          = 300         // typed, one after the other
	w10Near          = 5           // older pages that are loaded before that
	w10Rest          = time.Second // that the page has after it was loaded, for what it loads then
	w10RestNode      = 5 * time.Second
)

// Page is W10: it has a browser show many conversations, and one of them from its end back.
func Page(ctx context.Context, p *nodes.Place) (err error) {
	program := chromium()
	if program == "" {
		fmt.Fprintln(os.Stderr, "bench: Chromium is not here: W10 is left out")
		return nil
	}
	all, err := assets()
	if err != nil {
		return err
	}
	ann, bob, err := p.Pair(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ann.Stop(), bob.Stop()) }()
	sizes := append(slices.Repeat([]int{w10Messages}, w10Conversations-1), w10Walked+2*w10Rows)
	if err := hear(ctx, ann, bob, sizes); err != nil {
		return err
	}
	if _, err := ann.MarkAllRead(ctx, &earshotv1.MarkAllReadRequest{}); err != nil {
		return err
	}
	// What a node has been doing before is not what the page takes.
	if err := ann.Stop(); err != nil {
		return err
	}
	if ann, err = p.UpQuiet(ctx, ann.Dir, ann.Name, bob); err != nil {
		return err
	}
	b, err := browse(ctx, program)
	if err != nil {
		return err
	}
	defer b.close()
	if err := beside(ctx, ann, b); err != nil {
		return err
	}
	report.Versus("W10", "assets_gz_kb", all.sum(nil), 40)
	open, err := ann.OpenWeb(ctx, &earshotv1.OpenWebRequest{})
	if err == nil {
		err = watchLoads(b, open, all)
	}
	if err == nil {
		err = watchKeys(b)
	}
	if err == nil {
		err = walk(b)
	}
	return err
}

// beside measures what a node takes while a page is open, and when the page was ended.
func beside(ctx context.Context, n *nodes.Node, b *browser) error {
	memory := func() (mib float64, err error) {
		if err := process.Pause(ctx, w10RestNode); err != nil {
			return 0, err
		}
		_, bytes, err := process.Usage(n.PID())
		return float64(bytes) / (1 << 20), err
	}
	rest, err := memory()
	if errors.Is(err, errors.ErrUnsupported) {
		return nil
	} else if err != nil {
		return err
	}
	open, err := n.OpenWeb(ctx, &earshotv1.OpenWebRequest{})
	if err != nil {
		return err
	}
	if _, err := b.load(open.Url); err != nil {
		return err
	}
	with, err := memory()
	if err != nil {
		return err
	}
	report.Versus("W10", "node_rss_open_mib", with-rest, 5)
	if _, err := n.StopWeb(ctx, &earshotv1.StopWebRequest{}); err != nil {
		return err
	}
	if with, err = memory(); err != nil {
		return err
	}
	report.Versus("W10", "node_rss_stopped_mib", with-rest, 0)
	ports := 0
	for _, host := range []string{"127.0.0.1", "::1"} {
		if c, err := net.Dial("tcp", net.JoinHostPort(host, strconv.Itoa(int(open.Port)))); err == nil {
			_ = c.Close()
			ports++
		}
	}
	report.Versus("W10", "node_ports_stopped", float64(ports), 0)
	return nil
}

// watchLoads measures how long the page takes until it shows the conversations, where it has a session.
func watchLoads(b *browser, open *earshotv1.OpenWebResponse, all sizes) error {
	if _, err := b.load(open.Url); err != nil {
		return err
	}
	for _, turn := range []struct {
		metric string
		clear  bool
	}{{"first_paint", false}, {"first_paint_uncached", true}} {
		var took []float64
		var last painted
		for range w10Loads {
			if err := b.leave(turn.clear); err != nil {
				return err
			}
			var err error
			if last, err = b.load(open.Address); err != nil {
				return err
			}
			took = append(took, last.At)
		}
		if !turn.clear {
			report.Versus("W10", "assets_first_gz_kb", all.sum(last.Loaded), 40)
			report.Versus("W10", turn.metric+"_ms", report.Median(took), 200)
			continue
		}
		report.Out("earshot", "W10", turn.metric+"_ms", report.Median(took))
	}
	return nil
}

// watchKeys measures how long it takes until a key that was typed is seen, in a conversation that was scrolled back.
func watchKeys(b *browser) error {
	if err := b.open(); err != nil {
		return err
	}
	for range w10Near {
		if _, err := b.older(1); err != nil {
			return err
		}
	}
	took, err := b.types(w10Keys)
	if err != nil {
		return err
	}
	report.Out("earshot", "W10", "key_to_paint_p50_ms", report.Median(took))
	report.Versus("W10", "key_to_paint_p95_ms", report.Quantile(took, 0.95), 16)
	return nil
}

// walk goes back in the open conversation.
func walk(b *browser) error {
	all, err := b.older(w10Walked/w10Rows - w10Near)
	if err != nil {
		return err
	}
	var took []float64
	most := 0.0
	for _, o := range all {
		took, most = append(took, o.Took), max(most, o.Moved)
	}
	report.Versus("W10", "older_page_p50_ms", report.Median(took), 25)
	report.Out("earshot", "W10", "older_page_p95_ms", report.Quantile(took, 0.95))
	report.Versus("W10", "jump_px", most, 0)
	bytes, err := b.heap()
	if err == nil {
		report.Versus("W10", "heap_walked_mb", bytes/1e6, 25)
	}
	return err
}

// sizes are those of the files of the page, gzipped, by their paths.
type sizes map[string]int

func assets() (sizes, error) {
	all := make(sizes)
	return all, fs.WalkDir(page.Assets(), ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		content, err := fs.ReadFile(page.Assets(), name)
		if err != nil {
			return err
		}
		var b bytes.Buffer
		w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
		if err == nil {
			_, err = w.Write(content)
			err = errors.Join(err, w.Close())
		}
		all["/"+strings.TrimSuffix(name, "index.html")] = b.Len()
		return err
	})
}

// sum is the size of some of them in KB; nil: of all.
func (s sizes) sum(paths []string) float64 {
	n := 0
	for path, size := range s {
		if paths == nil || slices.Contains(paths, path) {
			n += size
		}
	}
	return float64(n) / 1000
}
