//go:build root && linux

package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// patience is how long anything on a machine may take before a test says that it hangs.
const patience = time.Minute

// machine is a Debian that has been started in a container, with its own systemd and a network that
// nothing else is on.
type machine struct {
	root string
	init int // process 1 of it, as seen from here
	stop func()
}

// start starts the Debian in a folder.
func start(t *testing.T, root string) *machine {
	t.Helper()
	told := filepath.Join(t.TempDir(), "told")
	listener, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: told, Net: "unixgram"})
	must(t, err)
	defer listener.Close()
	must(t, listener.SetReadDeadline(time.Now().Add(patience)))

	var console bytes.Buffer
	c := exec.Command("systemd-nspawn", "--quiet", "--directory="+root, "--boot", "--register=no", "--keep-unit",
		"--private-network", "--console=pipe", "--notify-ready=yes")
	c.Env = append(os.Environ(), "NOTIFY_SOCKET="+told)
	c.Stdout, c.Stderr = &console, &console
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	must(t, c.Start())
	m := &machine{root: root}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }() // ends with the container, which stop ends
	m.stop = func() {
		_ = c.Process.Signal(syscall.SIGTERM) // systemd-nspawn shuts it down
		select {
		case <-ended:
		case <-time.After(patience):
			_ = c.Process.Kill()
			<-ended
		}
		m.stop = func() {}
	}
	t.Cleanup(func() { m.stop() })

	for leader := 0; m.init == 0; {
		b := make([]byte, 4096)
		n, err := listener.Read(b)
		if err != nil {
			m.stop()
			t.Fatalf("the machine does not start: %v\n%s", err, console.String())
		}
		ready := false
		for line := range strings.Lines(string(b[:n])) {
			line = strings.TrimSpace(line)
			ready = ready || line == "READY=1"
			if pid, found := strings.CutPrefix(line, "X_NSPAWN_LEADER_PID="); found {
				leader, _ = strconv.Atoi(pid)
			}
		}
		if ready {
			m.init = leader
		}
	}
	// Nodes find each other over a cable; loopback has no multicast.
	m.do(t, `ip link add cable type veth peer name other
		ip address add 10.9.8.1/24 dev cable
		ip link set cable up
		ip link set other up`)
	return m
}

// command is a shell in the machine.
func (m *machine) command(ctx context.Context, script string) *exec.Cmd {
	c := exec.CommandContext(ctx, "nsenter", "--target="+strconv.Itoa(m.init), "--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup", "--root", "--wd",
		"env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LANG=C.UTF-8", "sh", "-ec", script)
	c.WaitDelay = time.Second // what is left of it in the machine may hold its output
	return c
}

// try runs a script as root of the machine, and returns what it prints.
func (m *machine) try(script string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	out, err := m.command(ctx, script).CombinedOutput()
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	return strings.TrimSpace(string(out)), err
}

// do is try for what must not fail.
func (m *machine) do(t *testing.T, script string) string {
	t.Helper()
	out, err := m.try(script)
	if err != nil {
		t.Fatalf("%s\n%v\n%s", script, err, out)
	}
	return out
}

// as is do for a user who logs in and out again.
func (m *machine) as(t *testing.T, user, script string) string {
	t.Helper()
	return m.do(t, "runuser -l "+user+" -c "+quoted("set -e; "+script))
}

// quoted is a word of the shell.
func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// login has a user be logged in until the function that it returns is called, which returns when
// all that ran in the session is gone.
func (m *machine) login(t *testing.T, user string) (logout func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	c := m.command(ctx, "exec runuser -l "+user+" -c 'echo in; exec cat'")
	hold, err := c.StdinPipe()
	must(t, err)
	said, err := c.StdoutPipe()
	must(t, err)
	must(t, c.Start())
	_, err = said.Read(make([]byte, 3))
	must(t, err)
	done := false
	logout = func() {
		if !done {
			done = true
			hold.Close()
			_ = c.Wait()
			cancel()
			_, _ = m.try(fmt.Sprintf(`systemctl stop "user@$(id -u %s).service"`, user))
		}
	}
	t.Cleanup(logout)
	return logout
}

// running lists the processes of earshot, as "user command".
func (m *machine) running(t *testing.T) []string {
	t.Helper()
	out := m.do(t, `for p in /proc/[0-9]*; do case $(readlink $p/exe || true) in */earshot|*/earshot\ *)
		echo "$(stat -c %U $p) $(tr '\0' ' ' <$p/cmdline)" ;; esac; done`)
	if out == "" {
		return nil
	}
	all := strings.Split(out, "\n")
	slices.Sort(all)
	return all
}

// files lists everything on the machine that packages may put or leave somewhere: not what is always
// changing, as logs, caches and the lists of the package managers themselves.
func (m *machine) files(t *testing.T) []string {
	t.Helper()
	out := m.do(t, `find / -xdev \( -path /proc -o -path /sys -o -path /run -o -path /dev -o -path /tmp -o -path /var/tmp -o -path /var/log -o -path /var/cache \
		-o -path /var/lib/dpkg -o -path /var/lib/rpm -o -path /root/.rpmdb -o -path /var/lib/systemd -o -path /var/lib/private -o -path /home \) -prune -o -print`)
	all := strings.Split(out, "\n")
	slices.Sort(all)
	return all
}
