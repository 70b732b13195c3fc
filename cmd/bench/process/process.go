// Package process starts programs for the bench and measures them: earshot itself and the floors.
//
// A program says on standard output when it is ready, may be asked by lines of JSON on standard
// input, and ends when that ends. Each wait for one is bounded by Patience, after which it is
// killed, and every failure is an error that has what the program said on standard error. A Process
// belongs to one goroutine. Usage tells the processor time and memory of processes, on Linux only.
//
// Only the bench uses it. It knows nothing of what a program measures.
package process

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

// Patience bounds each wait for another process. What is waited for takes well under a second each.
const Patience = time.Minute

// Process is one that was started here and has said that it is ready.
type Process struct {
	Ready string        // what came after the word, in its first line
	Took  time.Duration // from its start until then

	cmd    *exec.Cmd
	in     io.WriteCloser
	out    *bufio.Reader
	stderr *bytes.Buffer // read only once the process has ended
}

// Start starts a program and waits for the line that begins `ready`.
func Start(ctx context.Context, program string, args ...string) (*Process, error) {
	p := &Process{cmd: exec.CommandContext(ctx, program, args...), stderr: new(bytes.Buffer)}
	p.cmd.Stderr = p.stderr
	p.cmd.Cancel = func() error { return p.cmd.Process.Signal(os.Interrupt) }
	p.cmd.WaitDelay = Patience
	var err error
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.out = bufio.NewReader(stdout)
	began := time.Now()
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	line, err := p.line()
	p.Took = time.Since(began)
	rest, ok := strings.CutPrefix(line, "ready")
	if err == nil && !ok {
		err = fmt.Errorf("it says %q", line)
	}
	if err != nil {
		return nil, errors.Join(err, p.kill())
	}
	p.Ready = strings.TrimSpace(rest)
	return p, nil
}

// line reads a line, for Patience at most.
func (p *Process) line() (string, error) {
	late := time.AfterFunc(Patience, func() { _ = p.cmd.Process.Kill() })
	defer late.Stop()
	line, err := p.out.ReadString('\n')
	return strings.TrimSpace(line), err
}

// Ask writes a question as a line of JSON, and reads the answer, which is one too. A process that
// doesn't answer is killed.
func (p *Process) Ask(question, answer any) error {
	b, err := json.Marshal(question)
	if err != nil {
		return err
	}
	if _, err := p.in.Write(append(b, '\n')); err != nil {
		return err
	}
	line, err := p.line()
	if err == nil {
		err = json.Unmarshal([]byte(line), answer)
	}
	if err != nil {
		return errors.Join(err, p.kill())
	}
	return nil
}

// PID is its number.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Ended says whether it was stopped or killed before.
func (p *Process) Ended() bool { return p.cmd.ProcessState != nil }

// Stop ends its input and waits for its end, unless that was done before. A program that doesn't
// end with its input has to be asked first in its own way.
func (p *Process) Stop() error {
	if p.Ended() {
		return nil
	}
	_ = p.in.Close()
	late := time.AfterFunc(Patience, func() { _ = p.cmd.Process.Kill() })
	defer late.Stop()
	_, _ = io.Copy(io.Discard, p.out) // Wait closes it
	return p.explain(p.cmd.Wait())
}

// Kill ends the process as it would not end itself, and waits until it is gone.
func (p *Process) Kill() error {
	if err := p.cmd.Process.Kill(); err != nil {
		return err
	}
	_ = p.cmd.Wait() // says that it was killed
	return nil
}

// kill ends a process that did not do as it should. The error has what it said.
func (p *Process) kill() error {
	if p.Ended() {
		return nil
	}
	_ = p.cmd.Process.Kill()
	return p.explain(p.cmd.Wait())
}

func (p *Process) explain(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w: %s", strings.Join(p.cmd.Args, " "), err, bytes.TrimSpace(p.stderr.Bytes()))
}

// Pause waits for a time, or for the end of ctx.
func Pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
