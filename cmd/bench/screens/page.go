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
	w10Rows          = 60          // that the page loads at once
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
	sizes := append(slices.Repeat([]int{w10Messages}, w10Conversations-1), w10Walked+10*w10Rows)
	if err := ann.Hear(ctx, bob, sizes); err != nil {
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
	b, err := browse(ctx, program, false)
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
		err = watchFloor(ctx, b)
	}
	if err == nil {
		err = watchLoads(b, open, all)
	}
	if err == nil {
		err = watchPaced(b)
	}
	if err != nil {
		return err
	}
	return watchUnpaced(ctx, ann, program)
}

// watchPaced measures what people see: whatever the page does, it is painted when the screen takes its next picture, up
// to 17 ms later, and an older page is two of them away at least, since the browser tells of scrolling once for each.
func watchPaced(b *browser) error {
	keys, near, err := watchKeys(b)
	if err != nil {
		return err
	}
	report.Out("earshot", "W10", "key_to_paint_60hz_p50_ms", report.Median(keys))
	report.Out("earshot", "W10", "key_to_paint_60hz_p95_ms", report.Quantile(keys, 0.95))
	report.Out("earshot", "W10", "older_page_60hz_p50_ms", report.Median(near))
	return nil
}

// watchUnpaced measures what the page itself takes of that: with a browser that paints at once.
func watchUnpaced(ctx context.Context, n *nodes.Node, program string) error {
	open, err := n.OpenWeb(ctx, &earshotv1.OpenWebRequest{})
	if err != nil {
		return err
	}
	b, err := browse(ctx, program, true)
	if err != nil {
		return err
	}
	defer b.close()
	if _, err := b.load(open.Url); err != nil {
		return err
	}
	keys, _, err := watchKeys(b)
	if err != nil {
		return err
	}
	report.Out("earshot", "W10", "key_to_paint_p50_ms", report.Median(keys))
	report.Versus("W10", "key_to_paint_p95_ms", report.Quantile(keys, 0.95), 16)
	return walk(b)
}

// beside measures what a node takes while a page is open, and when the page was ended: all of its memory, in which are the
// parts of its program and of its files that it has read, and what it holds for itself.
func beside(ctx context.Context, n *nodes.Node, b *browser) error {
	memory := func() (all, own float64, err error) {
		if err := process.Pause(ctx, w10RestNode); err != nil {
			return 0, 0, err
		}
		_, bytes, err := process.Usage(n.PID())
		if err != nil {
			return 0, 0, err
		}
		held, err := process.Own(n.PID())
		return float64(bytes) / (1 << 20), float64(held) / (1 << 20), err
	}
	rest, restOwn, err := memory()
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
	with, own, err := memory()
	if err != nil {
		return err
	}
	report.Versus("W10", "node_rss_open_mib", with-rest, 5)
	report.Out("earshot", "W10", "node_own_open_mib", own-restOwn)
	if _, err := n.StopWeb(ctx, &earshotv1.StopWebRequest{}); err != nil {
		return err
	}
	if with, own, err = memory(); err != nil {
		return err
	}
	report.Versus("W10", "node_rss_stopped_mib", with-rest, 0)
	report.Out("earshot", "W10", "node_own_stopped_mib", own-restOwn)
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

// loads are how long the page took each time: until it showed the conversations, and until it showed anything.
type loads struct {
	at, first []float64
	last      painted
}

// loadAll loads a page again and again.
func loadAll(b *browser, address string, clear bool) (l loads, err error) {
	for range w10Loads {
		if err := b.leave(clear); err != nil {
			return l, err
		}
		if l.last, err = b.load(address); err != nil {
			return l, err
		}
		l.at, l.first = append(l.at, l.last.At), append(l.first, l.last.First)
	}
	return l, nil
}

// watchLoads measures how long the page takes until it shows the conversations, where it has a session.
func watchLoads(b *browser, open *earshotv1.OpenWebResponse, all sizes) error {
	if _, err := b.load(open.Url); err != nil {
		return err
	}
	again, err := loadAll(b, open.Address, false)
	if err != nil {
		return err
	}
	report.Versus("W10", "assets_first_gz_kb", all.sum(again.last.Loaded), 40)
	report.Out("earshot", "W10", "first_contentful_paint_ms", report.Median(again.first))
	report.Versus("W10", "first_paint_ms", report.Median(again.at), 200)
	var here []float64
	for range w10Loads {
		l, err := b.reload()
		if err != nil {
			return err
		}
		here = append(here, l.At)
	}
	report.Out("earshot", "W10", "first_paint_reloaded_ms", report.Median(here))
	anew, err := loadAll(b, open.Address, true)
	if err == nil {
		report.Out("earshot", "W10", "first_paint_uncached_ms", report.Median(anew.at))
	}
	return err
}

// watchKeys measures how long it takes until a key that was typed is seen, in a conversation that was scrolled back;
// and the older pages until there.
func watchKeys(b *browser) (keys, near []float64, err error) {
	if err := b.open(); err != nil {
		return nil, nil, err
	}
	all, err := b.older(w10Near)
	for _, o := range all {
		near = append(near, o.Took)
	}
	if err == nil {
		keys, err = b.types(w10Keys)
	}
	return keys, near, err
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
