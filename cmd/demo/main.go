// Command demo shows earshot on one machine: three real nodes find each other by real mDNS, talk,
// hand over a folder, and lose nothing when one is off or killed, with each other and in a group. It
// prints each step and what came of it, and exits 1 at the first that fails.
//
//	demo EARSHOT_BINARY
//
// On Linux it runs in a network namespace of its own, made as root or in an unprivileged user
// namespace, so that it needs no network and disturbs none; elsewhere on the host's network.
// Everything that it makes is removed again.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/earshot-im/earshot/cmd/isolate"
)

// patience bounds each wait. Steps take well under a second each; a slow machine may need more.
const patience = 30 * time.Second

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) != 1 {
		return errors.New("usage: demo EARSHOT_BINARY")
	}
	binary, err := filepath.Abs(args[0])
	if err != nil {
		return err
	}
	// On Linux it is an error if there can be no namespace. Other systems show the demo on the
	// host's network.
	if done, err := isolate.Run(ctx); done || err != nil && runtime.GOOS == "linux" {
		return err
	}
	// Socket paths are short on every system; the default temporary folder of some is not.
	dir, err := os.MkdirTemp("", "earshot")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	d := &demo{binary: binary, dir: dir}
	defer d.stopAll()
	return d.play(ctx)
}

// play is the demo, step by step.
func (d *demo) play(ctx context.Context) error {
	steps := []struct {
		title string
		do    func(context.Context) error
	}{
		{"Three nodes start: Ann, Bob and Cleo", d.start},
		{"They find each other by mDNS", d.discover},
		{"Ann writes to Bob; Bob reads it; Ann gets the receipt", d.talk},
		{"Bob's machine is off; Ann writes, her node is killed (kill -9) and started again; Bob starts", d.absent},
		{"Cleo sends 300 lines to Bob; Bob's node is killed (kill -9) in between", d.crash},
		{"Ann makes the group #lunch with Bob and Cleo", d.group},
		{"Cleo's machine is off; Ann and Bob talk; Ann's goes off, too; Cleo starts, and has it all from Bob", d.catchUp},
		{"Ann sends a folder to Cleo, whose machine is off; Cleo's node is killed (kill -9) while it fetches", d.folder},
	}
	began := time.Now()
	for i, s := range steps {
		fmt.Printf("\n%d. %s\n", i+1, s.title)
		if err := s.do(ctx); err != nil {
			return fmt.Errorf("step %d: %w", i+1, err)
		}
	}
	fmt.Printf("\nAll of it happened, in %.1f s.\n", time.Since(began).Seconds())
	return nil
}

func (d *demo) start(ctx context.Context) error {
	for _, name := range []string{"Ann", "Bob", "Cleo"} {
		if err := d.up(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

func (d *demo) discover(ctx context.Context) error {
	for name := range d.nodes {
		if err := d.seesOthers(ctx, name); err != nil {
			return err
		}
	}
	out, err := d.earshot(ctx, "Ann", "", "peers")
	if err == nil {
		d.show(out)
	}
	return err
}

func (d *demo) seesOthers(ctx context.Context, name string) error {
	return d.until(ctx, name+" sees the other two", func() (bool, error) {
		peers, err := d.lines(ctx, name, "peers")
		online := 0
		for _, p := range peers {
			if p["online"] == true {
				online++
			}
		}
		return online >= 2, err
	})
}

func (d *demo) talk(ctx context.Context) error {
	if _, err := d.earshot(ctx, "Ann", "", "send", "Bob", "Lunch at one?", "--wait", "delivered", "--timeout", patience.String()); err != nil {
		return err
	}
	d.say("Ann: sent, and it is on Bob's disk")
	if err := d.receive(ctx, "Bob", []string{"Lunch at one?"}); err != nil {
		return err
	}
	return d.until(ctx, "Ann knows that Bob has read it", func() (bool, error) {
		history, err := d.lines(ctx, "Ann", "history", "Bob")
		return len(history) == 1 && history[0]["state"] == "read", err
	})
}

func (d *demo) absent(ctx context.Context) error {
	if err := d.terminate(ctx, "Bob"); err != nil {
		return err
	}
	if _, err := d.earshot(ctx, "Ann", "", "send", "Bob", "See you tomorrow"); err != nil {
		return err
	}
	if err := d.until(ctx, "Ann's outbox says that it waits because Bob is offline", func() (bool, error) {
		outbox, err := d.lines(ctx, "Ann", "outbox")
		return len(outbox) == 1 && outbox[0]["waiting_for"] == "offline", err
	}); err != nil {
		return err
	}
	if err := d.kill("Ann"); err != nil {
		return err
	}
	if err := d.up(ctx, "Ann"); err != nil {
		return err
	}
	outbox, err := d.lines(ctx, "Ann", "outbox")
	if err != nil {
		return err
	}
	if len(outbox) != 1 {
		return fmt.Errorf("after the restart the outbox has %d messages, want 1", len(outbox))
	}
	d.say("Ann's node is back; the message still waits")
	if err := d.up(ctx, "Bob"); err != nil {
		return err
	}
	return d.receive(ctx, "Bob", []string{"See you tomorrow"})
}

func (d *demo) crash(ctx context.Context) error {
	var want []string
	for i := range 300 {
		want = append(want, fmt.Sprintf("line %d of 300", i+1))
	}
	if err := d.until(ctx, "Cleo sees Bob", func() (bool, error) {
		peers, err := d.lines(ctx, "Cleo", "peers")
		return slices.ContainsFunc(peers, func(p map[string]any) bool { return p["name"] == "Bob" && p["online"] == true }), err
	}); err != nil {
		return err
	}
	sent := make(chan error, 1)
	go func() {
		_, err := d.earshot(ctx, "Cleo", strings.Join(want, "\n")+"\n", "send", "Bob", "--lines")
		sent <- err
	}()
	err := d.until(ctx, "some have arrived", func() (bool, error) {
		got, err := d.lines(ctx, "Bob", "recv", "--peek")
		return len(got) > 0, err
	})
	if err == nil {
		err = d.kill("Bob")
	}
	if err = errors.Join(err, <-sent); err != nil {
		return err
	}
	if err := d.up(ctx, "Bob"); err != nil {
		return err
	}
	return d.receive(ctx, "Bob", want)
}

func (d *demo) group(ctx context.Context) error {
	if err := d.seesOthers(ctx, "Ann"); err != nil {
		return err
	}
	for _, name := range []string{"Bob", "Cleo"} { // else they would be asked first
		if _, err := d.earshot(ctx, name, "", "accept", "Ann"); err != nil {
			return err
		}
	}
	for _, command := range [][]string{{"create", "lunch"}, {"invite", "lunch", "Bob", "Cleo"}} {
		if _, err := d.earshot(ctx, "Ann", "", append([]string{"group"}, command...)...); err != nil {
			return err
		}
	}
	if err := d.tell(ctx, "Ann", "Who comes along?"); err != nil {
		return err
	}
	for _, name := range []string{"Bob", "Cleo"} {
		if err := d.receive(ctx, name, []string{"Who comes along?"}); err != nil {
			return err
		}
	}
	out, err := d.earshot(ctx, "Cleo", "", "group", "members", "lunch")
	if err == nil {
		d.show(out)
	}
	return err
}

// tell writes to the group and returns when it is on every member's disk.
func (d *demo) tell(ctx context.Context, name, text string) error {
	_, err := d.earshot(ctx, name, "", "send", "#lunch", text, "--wait", "delivered", "--timeout", patience.String())
	if err == nil {
		d.say("%s: %q, and it is on every member's disk", name, text)
	}
	return err
}

func (d *demo) catchUp(ctx context.Context) error {
	if err := d.terminate(ctx, "Cleo"); err != nil {
		return err
	}
	talk := []struct{ from, to, text string }{{"Ann", "Bob", "At one?"}, {"Bob", "Ann", "Fine"}, {"Ann", "Bob", "At the door, then"}}
	var texts []string
	var last map[string]any
	for _, t := range talk {
		sent, err := d.lines(ctx, t.from, "send", "#lunch", t.text)
		if err != nil {
			return err
		}
		if err := d.receive(ctx, t.to, []string{t.text}); err != nil {
			return err
		}
		last = sent[0]
		texts = append(texts, t.text)
	}
	if err := d.terminate(ctx, "Ann"); err != nil {
		return err
	}
	if err := d.up(ctx, "Cleo"); err != nil {
		return err
	}
	if err := d.receive(ctx, "Cleo", texts); err != nil {
		return err
	}
	out, err := d.earshot(ctx, "Cleo", "", "history", "#lunch", "--limit", fmt.Sprint(len(texts)))
	if err != nil {
		return err
	}
	d.show(out)
	if err := d.up(ctx, "Ann"); err != nil {
		return err
	}
	return d.until(ctx, "Ann knows that both have read it", func() (bool, error) {
		receipts, err := d.lines(ctx, "Ann", "receipts", fmt.Sprint(last["id"]))
		read := 0
		for _, r := range receipts {
			if r["state"] == "read" {
				read++
			}
		}
		return read == 2, err
	})
}

// receive waits until name has read exactly these texts, in this order.
func (d *demo) receive(ctx context.Context, name string, want []string) error {
	got, err := d.lines(ctx, name, "recv", "--count", fmt.Sprint(len(want)), "--timeout", patience.String())
	if err != nil {
		return err
	}
	more, err := d.lines(ctx, name, "recv")
	if err != nil {
		return err
	}
	got = append(got, more...)
	if len(got) != len(want) {
		return fmt.Errorf("%s received %d messages, want %d", name, len(got), len(want))
	}
	for i, m := range got {
		if m["text"] != want[i] {
			return fmt.Errorf("%s received %q as number %d, want %q", name, m["text"], i+1, want[i])
		}
	}
	if len(want) == 1 {
		d.say("%s: received %q, once", name, want[0])
	} else {
		d.say("%s: received all %d, each once, in order", name, len(want))
	}
	return nil
}
