package page_test

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// node is a running node of somebody, on loopback.
type node struct {
	t    *testing.T
	dir  string
	args []string
	env  []string // what it finds in its environment besides ours
	addr string
	cmd  *exec.Cmd
}

// start starts a node that is told of others.
func start(t *testing.T, name string, others ...*node) *node {
	t.Helper()
	return startIn(t, nil, name, others...)
}

// startIn starts a node with an environment that is not ours alone.
func startIn(t *testing.T, env []string, name string, others ...*node) *node {
	t.Helper()
	browsing(t)
	n := &node{t: t, dir: t.TempDir(), env: env}
	n.args = []string{"--dir", n.dir, "up", "--listen", "/ip4/127.0.0.1/tcp/0", "--no-mdns"}
	if name != "" {
		n.args = append(n.args, "--name", name)
	}
	for _, o := range others {
		n.args = append(n.args, "--peer", o.addr)
	}
	n.up()
	return n
}

func (n *node) up() {
	n.t.Helper()
	cmd := exec.Command(program, n.args...)
	cmd.Env = append(os.Environ(), "HOME="+n.dir, "EARSHOT_DIR=", "DBUS_SESSION_BUS_ADDRESS=", "XDG_RUNTIME_DIR=") // no service of this machine
	cmd.Env = append(cmd.Env, n.env...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		n.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		n.t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		_ = cmd.Wait()
		n.t.Fatalf("start a node: %v: %s", err, stderr.String())
	}
	fields := strings.Fields(line)
	n.addr, n.cmd = fields[len(fields)-1], cmd
	n.t.Cleanup(n.end)
}

func (n *node) end() {
	if n.cmd == nil {
		return
	}
	_ = n.cmd.Process.Signal(syscall.SIGTERM)
	_ = n.cmd.Wait()
	n.cmd = nil
}

// kill ends a node as a machine does that loses its power.
func (n *node) kill() {
	_ = n.cmd.Process.Kill()
	_ = n.cmd.Wait()
	n.cmd = nil
}

// does runs a command on a node, and returns what it prints.
func (n *node) does(args ...string) string {
	n.t.Helper()
	out, err := exec.Command(program, append([]string{"--dir", n.dir}, args...)...).CombinedOutput()
	if err != nil {
		n.t.Fatalf("earshot %s: %v: %s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// until runs a command until it prints a text.
func (n *node) until(text string, args ...string) {
	n.t.Helper()
	var out []byte
	for begun := time.Now(); time.Since(begun) < patience; {
		out, _ = exec.Command(program, append([]string{"--dir", n.dir}, args...)...).CombinedOutput()
		if strings.Contains(string(out), text) {
			return
		}
		time.Sleep(20 * time.Millisecond) // the node and the browser have work to do
	}
	n.t.Fatalf("earshot %s never says %q: %s", strings.Join(args, " "), text, out)
}
