// Package peers measures other messengers beside earshot, by a script that is no part of earshot and has its own ways
// to install and start them:
//
//	run.sh -n 1 -p PROGRAM WORKLOAD
//
// prints `PEER WORKLOAD METRIC VALUE` lines of one of its programs, each of which measures one kind of messenger, or
// what the machine allows. Measure calls it for the programs that are built and have what they need.
//
// Nothing that goes wrong there ends the bench. What isn't installed is left out, and what fails or prints anything
// else is told, with what it said; the lines that it printed before count, since each stands for itself. The script
// runs in a PID namespace of its own, so whatever it has started ends with it, however deep; each of the others'
// programs is given a network namespace of its own by the script.
//
// Only the bench uses it. A Script belongs to one goroutine.
package peers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/earshot-im/earshot/cmd/bench/report"
)

const (
	// patience bounds one call of the script, which itself gives up on each of at most four commands after five minutes.
	patience = 21 * time.Minute

	// delay is how long standard error may stay open after the script has ended. With a PID namespace it doesn't.
	delay = time.Second

	maxSaid = 2 << 10 // bytes that are told of what a program says on standard error

	// atOnce is the workload in which nothing happens for a minute. All wait together.
	atOnce = "W6"
)

// program is one of the script's.
type program struct {
	name      string
	workloads string
	needs     string // what has to be installed
}

var programs = []program{
	{"limits", "W1 W2 W3 W4 W5 W6 W7", "limits"},
	{"nats", "W1 W2 W4 W5 W6", "nats nats-server"},
	{"mqtt", "W1 W2 W4 W5 W6", "mqtt mosquitto"},
	{"xmpp", "W1 W2 W4 W5 W6 W7", "xmpp prosody"},
	{"tox", "W1 W2 W3 W6", "tox"},
	{"irc", "W4 W6", "irc ngircd"},
	{"files", "W3", "files scp sshd"},
	{"history", "W7", "python3"},
}

// ours are peers of whom only the bench itself says anything.
var ours = []string{"earshot", "floor", "gossipsub", "machine", "ssh", "target"}

// around starts a command in a PID namespace of its own.
var around = []string{"unshare", "--pid", "--mount-proc", "--fork", "--kill-child", "--"}

// Script measures peers.
type Script struct {
	path   string
	built  string   // where it keeps what it has built
	system []string // folders of installed programs
	around []string // stands before each call
	tell   io.Writer
}

// Open finds the script, and what it has built: in the folder `.build` beside it, or where BENCH_DIR says. What is
// left out or goes wrong will be told to tell.
func Open(path string, tell io.Writer) (*Script, error) {
	path, err := exec.LookPath(path)
	if err == nil {
		path, err = filepath.Abs(path)
	}
	if err != nil {
		return nil, fmt.Errorf("peers: %w", err)
	}
	built := os.Getenv("BENCH_DIR")
	if built == "" {
		built = ".build"
	}
	if !filepath.IsAbs(built) {
		built = filepath.Join(filepath.Dir(path), built)
	}
	system := append(filepath.SplitList(os.Getenv("PATH")), "/usr/sbin", "/sbin") // as the script has it
	return &Script{path: path, built: built, system: system, around: around, tell: tell}, nil
}

// Measure measures one workload of all peers that are there, and hands over each line as it comes. The only error is
// that ctx has ended.
func (s *Script) Measure(ctx context.Context, workload string, out func(report.Line)) error {
	var mu sync.Mutex // guards out and tell
	tell := func(program, format string, args ...any) {
		fmt.Fprintf(s.tell, "bench: %s: %s: %s\n", workload, program, fmt.Sprintf(format, args...))
	}
	var running sync.WaitGroup
	for _, p := range programs {
		if !slices.Contains(strings.Fields(p.workloads), workload) {
			continue
		}
		if lacks := s.lacks(p); lacks != "" {
			mu.Lock()
			tell(p.name, "left out, since %s is not installed", lacks)
			mu.Unlock()
			continue
		}
		run := func() {
			found := 0
			err := s.run(ctx, p.name, workload, func(l report.Line, text string, malformed error) {
				mu.Lock()
				defer mu.Unlock()
				if malformed != nil || l.Workload != workload || slices.Contains(ours, l.Peer) {
					tell(p.name, "this does not count: %q", text)
					return
				}
				found++
				out(l)
			})
			if err == nil && found == 0 {
				err = errors.New("it measured nothing")
			}
			mu.Lock()
			defer mu.Unlock()
			if err != nil && ctx.Err() == nil {
				tell(p.name, "%v", err)
			}
		}
		if workload == atOnce {
			running.Go(run) // is waited for below
		} else {
			run()
		}
	}
	running.Wait()
	return ctx.Err()
}

// lacks names something that a program needs and that is not installed, or is empty.
func (s *Script) lacks(p program) string {
	for name := range strings.FieldsSeq(p.needs) {
		there := func(dir string) bool { _, err := exec.LookPath(filepath.Join(dir, name)); return err == nil }
		if !there(filepath.Join(s.built, "bin")) && !slices.ContainsFunc(s.system, there) {
			return name
		}
	}
	return ""
}

// run calls the script once. The error has what was said on standard error, also where the script says that it has
// succeeded: it does so when programs that it called have failed.
func (s *Script) run(ctx context.Context, name, workload string, each func(report.Line, string, error)) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	args := slices.Concat(s.around, []string{s.path, "-n", "1", "-p", name, workload})
	c := exec.CommandContext(ctx, args[0], args[1:]...)
	c.WaitDelay = delay
	var said saying
	c.Stderr = &said
	out, err := c.StdoutPipe()
	if err != nil {
		return err
	}
	if err := c.Start(); err != nil {
		return err
	}
	err = report.Scan(out, each)
	if err != nil {
		cancel() // it may have more to say
	}
	if ended := c.Wait(); err == nil {
		err = ended
	}
	text := bytes.TrimSpace(said.text)
	switch {
	case len(text) == 0:
		return err
	case err == nil:
		return fmt.Errorf("it said %q", text)
	}
	return fmt.Errorf("%w; it said %q", err, text)
}

// saying keeps the beginning of what is written to it.
type saying struct{ text []byte }

func (s *saying) Write(p []byte) (int, error) {
	s.text = append(s.text, p[:min(len(p), maxSaid-len(s.text))]...)
	return len(p), nil
}
