//go:build lab && linux

package lab

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
	"slices"
	"strings"
	"syscall"
	"time"
)

const (
	// promised is how soon after a change of the network peers are visible and messages arrive.
	promised = 10 * time.Second
	// noticed is how soon a peer that vanished without a word is shown offline.
	noticed = 15 * time.Second

	pollEvery = 100 * time.Millisecond
)

// A node is an earshot with a directory of its own on a host.
type node struct {
	*host
	name   string
	dir    string
	binary string
	env    []string
	flags  []string  // of up
	log    string    // the file that its diagnostics go to
	slow   *slowDisk // that it runs on, if any
	runsIn []string  // what doctor and ufw are started by, if anything
	fill   []string  // what its user puts in place of words in a fix, in pairs
	typed  []string  // which commands its user has typed
	cmd    *exec.Cmd

	person, device string
	texts          map[string]int // how often recv --as has printed each text
}

// up starts a new node and waits until it is ready.
func (h *host) up(name string, flags ...string) *node {
	h.Helper()
	n := h.node(name, flags...)
	n.start()
	return n
}

// node makes a node that has not been started.
func (h *host) node(name string, flags ...string) *node {
	h.Helper()
	folder, err := os.MkdirTemp(root, "n")
	if err != nil {
		h.Fatal(err)
	}
	n := &node{host: h, name: name, dir: filepath.Join(folder, "d"), log: filepath.Join(folder, "log"), binary: binary,
		flags: flags, texts: make(map[string]int)}
	h.nodes = append(h.nodes, n)
	h.Cleanup(func() {
		if h.Failed() {
			for _, other := range h.nodes { // before any of them ends
				other.tell()
			}
			h.nodes = nil
		}
		if n.cmd != nil {
			n.cmd.Process.Kill()
			n.cmd.Wait()
		}
		os.RemoveAll(folder)
	})
	return n
}

// start runs the node and waits until it is ready. Its name is given each time, as people do.
func (n *node) start() {
	n.Helper()
	began := time.Now()
	if err := n.launch(); err != nil {
		n.Fatalf("%s: %v", n.name, err)
	}
	if n.person == "" {
		me := n.one("status")
		n.person, n.device = me.text("person"), me.text("device")
	}
	n.Logf("%s: ready after %d ms", n.name, time.Since(began).Milliseconds())
}

func (n *node) launch() error {
	c := n.inside(append([]string{n.binary, "--dir", n.dir, "up", "--name", n.name, "--notify=off"}, n.flags...)...)
	c.Env = n.environ()
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	log, err := os.OpenFile(n.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	c.Stderr = log
	out, err := c.StdoutPipe()
	if err != nil {
		return err
	}
	if n.slow != nil {
		err = n.slow.start(c)
	} else {
		err = c.Start()
	}
	if err != nil {
		return err
	}
	n.cmd = c
	late := time.AfterFunc(promised, func() { c.Process.Kill() })
	defer late.Stop()
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "ready") {
		return fmt.Errorf("did not get ready within %v: %q %v", promised, line, err)
	}
	return nil
}

// kill ends the node as a power cut would.
func (n *node) kill() {
	n.cmd.Process.Kill()
	n.cmd.Wait() // says that it was killed
	n.cmd = nil
}

// down ends the node as its user would.
func (n *node) down() {
	n.Helper()
	n.must("down")
	err := n.cmd.Wait()
	n.cmd = nil
	if err != nil {
		n.Fatalf("%s did not stop cleanly: %v", n.name, err)
	}
}

// environ keeps what the user of this machine has set away from the node.
func (n *node) environ() []string {
	return append(os.Environ(), append(n.env, "HOME="+filepath.Dir(n.dir), "XDG_RUNTIME_DIR=", "EARSHOT_DIR=")...)
}

// earshot is a command of this node's user. It needs no network, so it runs beside the host.
func (n *node) earshot(ctx context.Context, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, n.binary, append([]string{"--json", "--dir", n.dir}, args...)...)
	c.Env = n.environ()
	return c
}

// exec runs a command of this node's user.
func (n *node) exec(stdin string, args ...string) (stdout, stderr string, code int) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute) // above every --timeout here
	defer cancel()
	c := n.earshot(ctx, args...)
	c.Stdin = strings.NewReader(stdin)
	var out, diagnostics bytes.Buffer
	c.Stdout, c.Stderr = &out, &diagnostics
	switch err := c.Run(); {
	case ctx.Err() != nil:
		return out.String(), "hung: " + diagnostics.String(), -1
	case err != nil && !errors.As(err, new(*exec.ExitError)):
		return "", err.Error(), -1
	}
	return out.String(), diagnostics.String(), c.ProcessState.ExitCode()
}

// An object is a line that a command printed.
type object map[string]any

func (o object) text(field string) string { s, _ := o[field].(string); return s }
func (o object) yes(field string) bool    { b, _ := o[field].(bool); return b }
func (o object) in(field string) object   { m, _ := o[field].(map[string]any); return m }
func (o object) list(field string) (texts []string) {
	list, _ := o[field].([]any)
	for _, e := range list {
		s, _ := e.(string)
		texts = append(texts, s)
	}
	return texts
}

func parse(out string) (objects []object, err error) {
	for line := range strings.Lines(out) {
		var o object
		if err := json.Unmarshal([]byte(line), &o); err != nil {
			return nil, fmt.Errorf("not an object: %q", line)
		}
		objects = append(objects, o)
	}
	return objects, nil
}

// must runs a command that must succeed and returns what it printed.
func (n *node) must(args ...string) []object {
	n.Helper()
	out, stderr, code := n.exec("", args...)
	objects, err := parse(out)
	if code != 0 || err != nil {
		n.Fatalf("%s: earshot %s: exit %d, %v\n%s%s", n.name, strings.Join(args, " "), code, err, out, stderr)
	}
	return objects
}

// one runs a command that must print one object.
func (n *node) one(args ...string) object {
	n.Helper()
	objects := n.must(args...)
	if len(objects) != 1 {
		n.Fatalf("%s: earshot %s printed %d lines, want 1", n.name, strings.Join(args, " "), len(objects))
	}
	return objects[0]
}

// online is how many devices are in earshot, and whether all of those asked for are among them.
func (n *node) online(others ...*node) (count int, all bool) {
	n.Helper()
	var here []string
	for _, p := range n.must("peers") {
		if p.yes("online") {
			here = append(here, p.text("device"))
		}
	}
	all = true
	for _, o := range others {
		all = all && slices.Contains(here, o.device)
	}
	return len(here), all
}

// sees waits until all the others are online for n.
func (n *node) sees(within time.Duration, others ...*node) time.Duration {
	n.Helper()
	return n.until(within, n.name+" sees the others", func() bool { _, all := n.online(others...); return all })
}

// waiting is how many messages wait in the outbox.
func (n *node) waiting() int {
	n.Helper()
	count, _ := n.one("status")["outbox"].(float64)
	return int(count)
}

// meet waits until every node sees every other.
func meet(within time.Duration, nodes ...*node) {
	nodes[0].Helper()
	began := time.Now()
	for i, n := range nodes {
		others := slices.Concat(nodes[:i], nodes[i+1:])
		n.sees(time.Until(began.Add(within)), others...)
	}
	nodes[0].Logf("%d nodes see each other after %v", len(nodes), since(began))
}

// send has n write to somebody and wait until it is on their disk.
func (n *node) send(within time.Duration, to *node, text string) object {
	n.Helper()
	began := time.Now()
	m := n.one("send", to.person, text, "--wait", "delivered", "--timeout", within.String())
	n.Logf("%s → %s delivered after %v", n.name, to.name, since(began))
	return m
}

// talk sends a message each way, both to be delivered within a time from now.
func talk(within time.Duration, a, b *node) {
	a.Helper()
	began := time.Now()
	for _, way := range [][2]*node{{a, b}, {b, a}} {
		text := fmt.Sprintf("%s to %s, %d", way[0].name, way[1].name, numbered.Add(1))
		way[0].send(max(time.Until(began.Add(within)), time.Second), way[1], text)
		way[1].got(text)
	}
}

// got expects that n has received these texts, each once so far.
func (n *node) got(texts ...string) {
	n.Helper()
	for _, m := range n.must("recv", "--as", "lab") {
		n.texts[m.text("text")]++
		if n.texts[m.text("text")] > 1 {
			n.Errorf("%s received %q twice", n.name, m.text("text"))
		}
	}
	for _, t := range texts {
		if n.texts[t] != 1 {
			n.Errorf("%s received %q %d times, want once", n.name, t, n.texts[t])
		}
	}
}

// until asks until the answer is yes, and returns how long that took.
func (n *node) until(within time.Duration, what string, ask func() bool) time.Duration {
	n.Helper()
	began := time.Now()
	if !poll(within, ask) {
		n.Fatalf("not within %v: %s", within, what)
	}
	n.Logf("%s: after %v", what, since(began))
	return time.Since(began)
}

// stays asks for a time whether something is still so.
func (n *node) stays(during time.Duration, what string, ask func() bool) {
	n.Helper()
	if poll(during, func() bool { return !ask() }) {
		n.Fatalf("no longer so: %s", what)
	}
}

func poll(within time.Duration, ask func() bool) bool {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for end := time.Now().Add(within); ; <-tick.C {
		if ask() {
			return true
		}
		if time.Now().After(end) {
			return false
		}
	}
}

func since(t time.Time) time.Duration { return time.Since(t).Round(time.Millisecond) }

// tell logs what a node thinks, for whoever reads why a test failed.
func (n *node) tell() {
	const enough = 30
	for _, command := range []string{"status", "peers", "outbox"} {
		out, stderr, code := n.exec("", command)
		lines := slices.Collect(strings.Lines(out))
		n.Logf("%s: %s: exit %d, %d lines\n%s%s", n.name, command, code, len(lines), strings.Join(lines[:min(len(lines), enough)], ""), stderr)
	}
	log, _ := os.ReadFile(n.log)
	lines := slices.Collect(strings.Lines(string(log)))
	n.Logf("%s: last diagnostics:\n%s", n.name, strings.Join(lines[max(0, len(lines)-enough):], ""))
}
