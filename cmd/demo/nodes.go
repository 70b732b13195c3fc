package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// A demo owns the nodes that it started.
type demo struct {
	binary string
	dir    string
	nodes  map[string]*exec.Cmd // by the name of the person
}

func (d *demo) say(format string, args ...any) { fmt.Printf("   "+format+"\n", args...) }

func (d *demo) show(out string) {
	for line := range strings.Lines(out) {
		fmt.Print("   | ", line)
	}
}

func (d *demo) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	args = append([]string{"--dir", filepath.Join(d.dir, name)}, args...)
	return exec.CommandContext(ctx, d.binary, args...)
}

// up starts the node of a person and waits until it is ready.
func (d *demo) up(ctx context.Context, name string) error {
	c := d.command(ctx, name, "up", "--name", name, "--notify=off")
	stderr := new(bytes.Buffer)
	c.Stderr = stderr
	out, err := c.StdoutPipe()
	if err != nil {
		return err
	}
	began := time.Now()
	if err := c.Start(); err != nil {
		return err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "ready") {
		_ = c.Process.Kill()
		_ = c.Wait()
		return fmt.Errorf("%s's node did not start: %s%s", name, line, stderr)
	}
	if d.nodes == nil {
		d.nodes = make(map[string]*exec.Cmd)
	}
	d.nodes[name] = c
	d.say("%s: ready after %d ms", name, time.Since(began).Milliseconds())
	return nil
}

// kill ends a node as a power cut would, terminate as its user would.
func (d *demo) kill(name string) error { return d.end(name, os.Kill) }

func (d *demo) terminate(ctx context.Context, name string) error {
	if _, err := d.earshot(ctx, name, "", "down"); err != nil {
		return err
	}
	return d.end(name, nil)
}

func (d *demo) end(name string, with os.Signal) error {
	c := d.nodes[name]
	delete(d.nodes, name)
	if with != nil {
		if err := c.Process.Signal(with); err != nil {
			return err
		}
		_ = c.Wait() // says that it was killed
		d.say("%s: killed", name)
		return nil
	}
	if err := c.Wait(); err != nil {
		return fmt.Errorf("%s's node did not stop cleanly: %w", name, err)
	}
	d.say("%s: off", name)
	return nil
}

func (d *demo) stopAll() {
	for _, c := range d.nodes {
		_ = c.Process.Kill()
		_ = c.Wait()
	}
}

// earshot runs one command for a person and returns what it printed.
func (d *demo) earshot(ctx context.Context, name, stdin string, args ...string) (string, error) {
	c := d.command(ctx, name, args...)
	c.Stdin = strings.NewReader(stdin)
	out, err := c.Output()
	if exit := new(exec.ExitError); errors.As(err, &exit) {
		return "", fmt.Errorf("%s: earshot %s: %w: %s", name, strings.Join(args, " "), err, bytes.TrimSpace(exit.Stderr))
	}
	return string(out), err
}

// lines runs one command with --json.
func (d *demo) lines(ctx context.Context, name string, args ...string) ([]map[string]any, error) {
	out, err := d.earshot(ctx, name, "", append([]string{"--json"}, args...)...)
	if err != nil {
		return nil, err
	}
	var objects []map[string]any
	for line := range strings.Lines(out) {
		var o map[string]any
		if err := json.Unmarshal([]byte(line), &o); err != nil {
			return nil, fmt.Errorf("%s: not JSON: %q", strings.Join(args, " "), line)
		}
		objects = append(objects, o)
	}
	return objects, nil
}

// until asks again and again, for patience at most, and says how long it took.
func (d *demo) until(ctx context.Context, what string, ask func() (bool, error)) error {
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		ok, err := ask()
		if err != nil {
			return err
		}
		if ok {
			d.say("%s (%d ms)", what, time.Since(began).Milliseconds())
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("did not happen: %s", what)
		case <-tick.C:
		}
	}
}
