//go:build lab && linux

package lab

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// lineBurst is how many lines are written at a time, so that `send --lines` has something to
// gather.
const lineBurst = 5

var errHung = errors.New("hung")

// A writer writes numbered lines from one node to another by `send --lines`, as a careful script
// would: when its node dies, it looks up in the history how far it came and goes on behind that.
type writer struct {
	*node
	to      *node
	lines   int           // how many to write at least
	keys    int           // how many to write beside them, each retried under its key until it is taken
	every   time.Duration // between two bursts of lines
	size    int           // about how many bytes a line has at least
	lives   atomic.Int32  // counts kills and starts of the node: odd from a kill to the start
	stop    atomic.Bool   // not set while more than that are wanted
	acked   atomic.Int32  // lines that `send --lines` has reported
	stored  int           // lines in the history when last looked up
	ids     []string      // of the stored lines
	printed []string      // of the lines reported, in order
	runs    int
}

func (w *writer) text(number int) string {
	return fmt.Sprintf("%s's line %d", w.name, number) + strings.Repeat(".", w.size)
}

func (w *writer) keyedText(number int) string { return fmt.Sprintf("%s's keyed %d", w.name, number) }

func (w *writer) write() error {
	for w.stored < w.lines || !w.stop.Load() {
		w.runs++
		lives := w.lives.Load()
		if err := w.pump(); errors.Is(err, errHung) || err != nil && lives%2 == 0 && w.lives.Load() == lives {
			return fmt.Errorf("%s: send --lines ended without its node, or did not with it: %w", w.name, err)
		}
		if err := w.lookUp(); err != nil {
			return err
		}
	}
	return nil
}

// kill ends the node and start starts it again, so that the writer knows of both.
func (w *writer) kill()  { w.lives.Add(1); w.node.kill() }
func (w *writer) start() { w.Helper(); w.node.start(); w.lives.Add(1) }

// queue writes so many lines at once, which must succeed.
func (w *writer) queue(lines int) {
	w.Helper()
	var stdin strings.Builder
	for i := range lines {
		fmt.Fprintln(&stdin, w.text(i+1))
	}
	out, stderr, code := w.exec(stdin.String(), "send", w.to.person, "--lines")
	if reported := strings.Count(out, "\n"); code != 0 || reported != lines {
		w.Fatalf("%s: send --lines: exit %d after %d lines: %s", w.name, code, reported, stderr)
	}
}

// pump writes lines behind those stored until it has written enough, or the command ends.
func (w *writer) pump() error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*crashWithin)
	defer cancel()
	c := w.earshot(ctx, "send", w.to.person, "--lines")
	var stderr strings.Builder
	c.Stderr = &stderr
	in, err := c.StdinPipe()
	if err != nil {
		return err
	}
	out, err := c.StdoutPipe()
	if err != nil {
		return err
	}
	if err := c.Start(); err != nil {
		return err
	}
	var writing sync.WaitGroup
	writing.Go(func() {
		defer in.Close()
		tick := time.NewTicker(w.every)
		defer tick.Stop()
		for n := w.stored + 1; n <= w.lines || !w.stop.Load(); n++ {
			if _, err := io.WriteString(in, w.text(n)+"\n"); err != nil {
				return // the command has ended
			}
			if n%lineBurst == 0 {
				<-tick.C
			}
		}
	})
	for s := bufio.NewScanner(out); s.Scan(); {
		m, err := parse(s.Text())
		if err != nil || len(m) != 1 {
			return fmt.Errorf("send --lines printed %q", s.Text())
		}
		w.printed = append(w.printed, m[0].text("id"))
		w.acked.Add(1)
	}
	err = c.Wait()
	writing.Wait()
	if ctx.Err() != nil {
		return errHung
	}
	if err != nil {
		return fmt.Errorf("%w: %s", err, strings.TrimSpace(stderr.String()))
	}
	return nil
}

// lookUp waits for the node to be back and reads from its history which lines are stored.
func (w *writer) lookUp() error {
	var out, stderr string
	code := -1
	if !poll(crashWithin, func() bool {
		out, stderr, code = w.exec("", "history", w.to.person, "--limit", "100000")
		return code == 0
	}) {
		return fmt.Errorf("%s: history: exit %d %s", w.name, code, stderr)
	}
	messages, err := parse(out)
	if err != nil {
		return err
	}
	w.ids = w.ids[:0]
	for _, m := range messages {
		if !strings.HasPrefix(m.text("text"), w.name+"'s line ") {
			continue
		}
		w.ids = append(w.ids, m.text("id"))
		if want := w.text(len(w.ids)); m.text("text") != want {
			return fmt.Errorf("%s: the history has %q where %q should be", w.name, m.text("text"), want)
		}
	}
	w.stored = len(w.ids)
	return w.durable()
}

// durable checks that what was reported is there, in the order in which it was reported.
func (w *writer) durable() error {
	at := 0
	for i, id := range w.printed {
		for at < len(w.ids) && w.ids[at] != id {
			at++
		}
		if at == len(w.ids) {
			return fmt.Errorf("%s: line reported as number %d is not stored, or not in order", w.name, i+1)
		}
	}
	return nil
}

// keyed sends messages one by one, each as often as it takes under its key.
func (w *writer) keyed() error {
	for i := range w.keys {
		number := strconv.Itoa(i + 1)
		var stderr string
		code := -1
		if !poll(crashWithin, func() bool {
			_, stderr, code = w.exec("", "send", w.to.person, w.keyedText(i+1), "--key", number)
			return code == 0
		}) {
			return fmt.Errorf("%s: send --key %s: exit %d %s", w.name, number, code, stderr)
		}
	}
	return nil
}

// follow reads what arrives at the writer's reader by a cursor of its own, begins again whenever
// the reader's node has died, and is itself killed when ctx ends.
func (w *writer) follow(ctx context.Context) (seen map[string]bool) {
	seen = make(map[string]bool)
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for ; ctx.Err() == nil; <-tick.C {
		c := w.to.earshot(ctx, "recv", "--follow", "--as", "follower")
		out, err := c.StdoutPipe()
		if err == nil {
			err = c.Start()
		}
		if err != nil {
			continue // only ctx can be the reason
		}
		for s := bufio.NewScanner(out); s.Scan(); {
			if m, err := parse(s.Text()); err == nil && len(m) == 1 { // a line cut off comes again
				seen[m[0].text("id")] = true
			}
		}
		c.Wait()
	}
	return seen
}

// followed expects that a reader that was interrupted again and again has seen every line, with
// what it reads now.
func (w *writer) followed(seen map[string]bool) {
	w.Helper()
	before := len(seen)
	for _, m := range w.to.must("recv", "--as", "follower") {
		seen[m.text("id")] = true
	}
	w.Logf("%s: recv --follow saw %d messages, and %d at the end", w.to.name, before, len(seen)-before)
	for i, id := range w.ids {
		if !seen[id] {
			w.Errorf("%s: recv --follow --as missed line %d", w.to.name, i+1)
		}
	}
}

// arrived expects that the reader prints each line and each keyed message once, in order, and
// nothing else.
func (w *writer) arrived(reader ...string) {
	w.Helper()
	lines, keyed := 0, 0
	for i, m := range w.to.must(reader...) {
		switch m.text("text") {
		case w.text(lines + 1):
			lines++
			if m.text("id") != w.ids[lines-1] {
				w.Errorf("%s: line %d arrived with another ID", w.to.name, lines)
			}
		case w.keyedText(keyed + 1):
			keyed++
		default:
			w.Fatalf("%s: %v printed %q as number %d, after line %d and keyed %d", w.to.name, reader, m.text("text"), i+1, lines, keyed)
		}
	}
	if lines != w.stored || keyed != w.keys {
		w.Errorf("%s: %v printed %d lines and %d keyed, want %d and %d", w.to.name, reader, lines, keyed, w.stored, w.keys)
	}
}
