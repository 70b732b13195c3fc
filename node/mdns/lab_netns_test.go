//go:build lab && linux

package mdns

// Hosts in network namespaces on a bridge, for tests that need real multicast. A test runs again as
// a process in a namespace of its own; every host is a further process that holds a namespace until
// its standard input ends. So nothing is left behind when the test ends, in whatever way, and
// nothing reaches the machine's own network.

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	labInside = "EARSHOT_LAB_INSIDE" // set in the test that runs in its namespace
	labRole   = "EARSHOT_LAB_ROLE"   // what a process on a host is to do
)

// labRoles are what a process on a host can be; each ends with its input.
var labRoles = map[string]func(){"holder": func() { io.Copy(io.Discard, os.Stdin) }}

// runLabRole makes this process what its environment says. A TestMain calls it
// before anything else.
func runLabRole() {
	if role := os.Getenv(labRole); role != "" {
		labRoles[role]()
		os.Exit(0)
	}
}

// inLab runs body in a network namespace of its own, as any user.
func inLab(t *testing.T, body func(*lab)) {
	t.Helper()
	if os.Getenv(labInside) != "" {
		l := &lab{T: t}
		l.command("ip", "link", "set", "lo", "up")
		body(l)
		return
	}
	t.Parallel() // they do little but wait
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v", "-test.timeout=2m")
	cmd.Env = append(os.Environ(), labInside+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	if uid := os.Geteuid(); uid != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: uid, Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getegid(), Size: 1}}
	}
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Fatalf("in its namespace: %v", err)
	}
}

type lab struct {
	*testing.T
	hosts int
}

func (l *lab) command(name string, args ...string) {
	l.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		l.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
}

// bridge makes a network to plug hosts into.
func (l *lab) bridge(name string) {
	l.Helper()
	l.command("ip", "link", "add", name, "type", "bridge", "mcast_snooping", "0")
	l.command("ip", "link", "set", name, "up")
}

type labHost struct {
	*lab
	number int
	pid    string // of the process that holds the namespace
}

func (l *lab) host() *labHost {
	l.Helper()
	l.hosts++
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), labRole+"=holder")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	in, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		l.Fatalf("start host: %v", err)
	}
	l.Cleanup(func() { in.Close(); cmd.Wait() })
	h := &labHost{lab: l, number: l.hosts, pid: strconv.Itoa(cmd.Process.Pid)}
	h.run("ip", "link", "set", "lo", "up")
	return h
}

// run executes a command on the host.
func (h *labHost) run(args ...string) {
	h.Helper()
	h.command("nsenter", append([]string{"-t", h.pid, "-n"}, args...)...)
}

// plug connects an interface of the host to a bridge and gives it addresses.
func (h *labHost) plug(bridge, name string, addrs ...string) {
	h.Helper()
	far := h.far(name)
	h.command("ip", "link", "add", far, "type", "veth", "peer", "name", name, "netns", h.pid)
	h.command("ip", "link", "set", far, "master", bridge, "up")
	h.run("ip", "link", "set", name, "up")
	for _, a := range addrs {
		h.address("add", name, a)
	}
}

// far is the end in the bridge of an interface: set down, the cable is out.
func (h *labHost) far(name string) string { return fmt.Sprintf("h%d%s", h.number, name) }

// address adds or deletes an address.
func (h *labHost) address(verb, name, addr string) {
	h.Helper()
	args := []string{"ip", "addr", verb, addr, "dev", name}
	if verb == "add" && strings.Contains(addr, ":") {
		args = append(args, "nodad")
	}
	h.run(args...)
}

// labProcess is a process on a host. Lines that it prints come from lines, which
// is closed when it ends.
type labProcess struct {
	*labHost
	cmd   *exec.Cmd
	in    io.WriteCloser
	lines chan string
}

func (h *labHost) start(role string, env ...string) *labProcess {
	h.Helper()
	p := &labProcess{labHost: h, lines: make(chan string, 1024)}
	p.cmd = exec.Command("nsenter", "-t", h.pid, "-n", os.Args[0])
	p.cmd.Env = append(append(os.Environ(), labRole+"="+role), env...)
	p.cmd.Stderr = os.Stderr
	in, err := p.cmd.StdinPipe()
	if err != nil {
		h.Fatal(err)
	}
	p.in = in
	out, err := p.cmd.StdoutPipe()
	if err == nil {
		err = p.cmd.Start()
	}
	if err != nil {
		h.Fatalf("start %s: %v", role, err)
	}
	go func() {
		defer close(p.lines)
		for s := bufio.NewScanner(out); s.Scan(); {
			p.lines <- s.Text()
		}
	}()
	h.Cleanup(func() { in.Close(); p.cmd.Wait() })
	return p
}

// await reads lines until one contains each of the words, and returns how long that took.
func (p *labProcess) await(within time.Duration, words ...string) time.Duration {
	p.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	began, all := time.Now(), []string{}
next:
	for {
		select {
		case line, ok := <-p.lines:
			if !ok {
				p.Fatalf("host %d ended before it said %q:\n%s", p.number, words, strings.Join(all, "\n"))
			}
			all = append(all, line)
			for _, w := range words {
				if !strings.Contains(line, w) {
					continue next
				}
			}
			return time.Since(began)
		case <-ctx.Done():
			p.Fatalf("host %d did not say %q within %v:\n%s", p.number, words, within, strings.Join(all, "\n"))
		}
	}
}

// finish ends the process by ending its input and expects it to exit with 0.
func (p *labProcess) finish() {
	p.Helper()
	p.in.Close()
	for range p.lines { // until its output ends, as Wait closes the pipe
	}
	if err := p.cmd.Wait(); err != nil {
		p.Errorf("host %d: %v", p.number, err)
	}
}

// kill ends the process at once, as nsenter has become the process itself.
func (p *labProcess) kill() {
	p.cmd.Process.Kill()
	p.cmd.Wait()
}
