package screens

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/earshot-im/earshot/cmd/bench/nodes"
	"github.com/earshot-im/earshot/cmd/bench/process"
	"github.com/earshot-im/earshot/cmd/bench/report"
	"github.com/earshot-im/earshot/cmd/window"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

const (
	w9Conversations = 200
	w9Messages      = 1_000_000
	w9Turns         = 9 // of listing them; the median counts

	w9Columns, w9Rows = 120, 40
	w9Starts          = 5   // the median counts
	w9Keys            = 300 // typed, one after the other
	w9Line            = 40  // of them are in the composer at most
	w9Pages           = 250 // that the screen is scrolled back, of about 285

	// w9Rest is how long a screen is left alone before it counts as idle: for a minute after the last key
	// its owner is taken to look at it, which it tells the node.
	w9Rest = 65 * time.Second

	pageUp   = "\x1b[5~"
	killLine = "\x15"
)

// Terminal is W9: it has a screen show many conversations, in which Bob has written what Ann has not read. idle is how
// long the screen is watched while nothing happens.
func Terminal(ctx context.Context, p *nodes.Place, idle time.Duration) (err error) {
	ann, bob, err := p.Pair(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ann.Stop(), bob.Stop()) }()
	if err := ann.Hear(ctx, bob, slices.Repeat([]int{w9Messages / w9Conversations}, w9Conversations)); err != nil {
		return err
	}
	took, err := list(ctx, ann)
	if err != nil {
		return err
	}
	report.Versus("W9", "conversations_unread_ms", report.Millis(took), 5)
	if _, err := ann.MarkAllRead(ctx, &earshotv1.MarkAllReadRequest{}); err != nil {
		return err
	}
	if took, err = list(ctx, ann); err != nil {
		return err
	}
	report.Versus("W9", "conversations_ms", report.Millis(took), 5)
	return watchTerminal(ctx, p.Binary, ann.Dir, idle)
}

// list lists all conversations, and returns how long that takes.
func list(ctx context.Context, n *nodes.Node) (time.Duration, error) {
	var all []time.Duration
	for range w9Turns {
		began := time.Now()
		r, err := n.Conversations(ctx, &earshotv1.ConversationsRequest{Limit: w9Conversations})
		if err != nil {
			return 0, err
		}
		all = append(all, time.Since(began))
		if len(r.Conversations) != w9Conversations {
			return 0, fmt.Errorf("%d conversations, want %d", len(r.Conversations), w9Conversations)
		}
	}
	return report.Median(all), nil
}

// watchTerminal measures the terminal screen of a node.
func watchTerminal(ctx context.Context, binary, dir string, idle time.Duration) (err error) {
	var firsts []time.Duration
	var s *window.Window
	for turn := range w9Starts {
		if turn > 0 {
			if err := s.Close(); err != nil {
				return err
			}
		}
		began := time.Now()
		if s, err = window.Start(exec.CommandContext(ctx, binary, "--dir", dir, "tui"), w9Columns, w9Rows); err != nil {
			return err
		}
		if err := s.Shows("Table "); err != nil { // a conversation
			return errors.Join(err, s.Close())
		}
		firsts = append(firsts, time.Since(began))
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	report.Versus("W9", "first_frame_ms", report.Millis(report.Median(firsts)), 100)
	opened := func() bool {
		x, y := s.Cursor()
		composing := y == w9Rows-1 && strings.HasSuffix(strings.TrimRight(s.Text(), " \n"), "│ >") && x > 0
		return composing && strings.Contains(s.Text(), " Bob ")
	}
	if err := errors.Join(s.Type("\r"), s.Until("what Bob has said", opened)); err != nil {
		return err
	}
	if err := typeKeys(s); err != nil {
		return err
	}
	for range w9Pages {
		before := s.Text()
		if err := errors.Join(s.Type(pageUp), s.Until("the page before", func() bool { return s.Text() != before })); err != nil {
			return err
		}
	}
	memory := func() (mib float64, err error) {
		_, bytes, err := process.Usage(s.PID())
		return float64(bytes) / (1 << 20), err
	}
	mib, err := memory()
	if errors.Is(err, errors.ErrUnsupported) {
		return nil
	} else if err != nil {
		return err
	}
	report.Versus("W9", "screen_scrolled_rss_mib", mib, 30)
	if err := process.Pause(ctx, w9Rest); err != nil {
		return err
	}
	if mib, err = memory(); err != nil {
		return err
	}
	report.Versus("W9", "screen_rss_mib", mib, 25)
	before, err := process.Switches(s.PID())
	if err != nil {
		return err
	}
	if err := process.Pause(ctx, idle); err != nil {
		return err
	}
	after, err := process.Switches(s.PID())
	if err == nil {
		report.Versus("W9", "screen_idle_wakeups_a_minute", float64(after-before)/idle.Minutes(), 0)
	}
	return err
}

// typeKeys measures how long it takes until a key that was typed is seen: the cursor moves then.
func typeKeys(s *window.Window) error {
	var all []time.Duration
	for i := range w9Keys {
		at, _ := s.Cursor()
		began := time.Now()
		if err := errors.Join(s.Type("x"), s.Until("what was typed", func() bool { x, _ := s.Cursor(); return x == at+1 })); err != nil {
			return err
		}
		all = append(all, time.Since(began))
		if i%w9Line == w9Line-1 {
			if err := errors.Join(s.Type(killLine), s.Until("an empty composer", func() bool { x, _ := s.Cursor(); return x == at+1-w9Line })); err != nil {
				return err
			}
		}
	}
	report.Out("earshot", "W9", "key_to_frame_p50_ms", report.Millis(report.Median(all)))
	report.Versus("W9", "key_to_frame_p95_ms", report.Millis(report.Quantile(all, 0.95)), 20)
	return nil
}
