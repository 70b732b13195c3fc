package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"
)

// process is one that we started and that has said that it is ready.
type process struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    *bufio.Reader
	stderr *bytes.Buffer // to be read once it has ended
	ready  string        // what came after the word, in the first line
	began  time.Time     // when it was started
	took   time.Duration // from then until ready
}

// start starts a program and waits for the line that begins `ready`.
func start(ctx context.Context, program string, args ...string) (*process, error) {
	p := &process{cmd: exec.CommandContext(ctx, program, args...), stderr: new(bytes.Buffer)}
	p.cmd.Stderr = p.stderr
	p.cmd.Cancel = func() error { return p.cmd.Process.Signal(os.Interrupt) }
	p.cmd.WaitDelay = patience
	var err error
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.out = bufio.NewReader(stdout)
	p.began = time.Now()
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	line, err := p.line()
	p.took = time.Since(p.began)
	rest, ok := strings.CutPrefix(line, "ready")
	if err == nil && !ok {
		err = fmt.Errorf("it says %q", line)
	}
	if err != nil {
		return nil, errors.Join(err, p.kill())
	}
	p.ready = strings.TrimSpace(rest)
	return p, nil
}

// startFloor starts a process of a floor in a folder.
func startFloor(ctx context.Context, kind, dir string, more ...string) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return start(ctx, self, append([]string{floorCommand, kind, dir}, more...)...)
}

// line reads a line, for patience at most.
func (p *process) line() (string, error) {
	late := time.AfterFunc(patience, func() { _ = p.cmd.Process.Kill() })
	defer late.Stop()
	line, err := p.out.ReadString('\n')
	return strings.TrimSpace(line), err
}

// do asks a driver.
func (p *process) do(what string, n int) ([]time.Duration, error) { return p.ask(ask{Do: what, N: n}) }

func (p *process) ask(a ask) (took []time.Duration, err error) {
	b, err := json.Marshal(a)
	if err != nil {
		return nil, err
	}
	if _, err := p.in.Write(append(b, '\n')); err != nil {
		return nil, err
	}
	line, err := p.line()
	if err == nil {
		err = json.Unmarshal([]byte(line), &took)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("floor: %s: %w", a.Do, err), p.kill())
	}
	return took, nil
}

// stop waits for the end of a floor, which the end of its input brings about, or of a node that was asked.
func (p *process) stop() error {
	if p.cmd.ProcessState != nil {
		return nil
	}
	_ = p.in.Close() // ends a floor; a node has been asked
	late := time.AfterFunc(patience, func() { _ = p.cmd.Process.Kill() })
	defer late.Stop()
	_, _ = io.Copy(io.Discard, p.out) // Wait closes it
	return p.explain(p.cmd.Wait())
}

// kill ends a process that did not do as it should, and tells what it said.
func (p *process) kill() error {
	if p.cmd.ProcessState != nil {
		return nil
	}
	_ = p.cmd.Process.Kill()
	return p.explain(p.cmd.Wait())
}

func (p *process) explain(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w: %s", strings.Join(p.cmd.Args, " "), err, bytes.TrimSpace(p.stderr.Bytes()))
}
