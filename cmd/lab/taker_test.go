//go:build lab && linux

package lab

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// takesVar marks the process that only takes ports, such as "udp:5353 tcp:27830", and shares none of
// them.
const takesVar = "EARSHOT_LAB_TAKES"

// takePorts is that process. It says "ready", and ends with its standard input.
func takePorts(ports string) error {
	for _, port := range strings.Fields(ports) {
		network, number, _ := strings.Cut(port, ":")
		var err error
		if network == "udp" {
			_, err = net.ListenPacket(network, ":"+number) // sets no option that would share it
		} else {
			_, err = net.Listen(network, ":"+number)
		}
		if err != nil {
			return err
		}
	}
	fmt.Println("ready")
	_, err := io.Copy(io.Discard, os.Stdin)
	return err
}

// A taker is a program of another vendor that has ports which earshot wants.
type taker struct {
	name string
	pid  int
	end  func()
}

// take starts a program of this name on the host, and waits until it has the ports.
func (h *host) take(name, ports string) *taker {
	h.Helper()
	self, err := os.Executable()
	if err != nil {
		h.Fatal(err)
	}
	folder, err := os.MkdirTemp(root, "t")
	if err != nil {
		h.Fatal(err)
	}
	program := filepath.Join(folder, name)
	if err := copyProgram(self, program); err != nil {
		h.Fatal(err)
	}
	c := h.inside(program)
	c.Env = append(os.Environ(), takesVar+"="+ports)
	c.Stderr = os.Stderr
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	in, err := c.StdinPipe()
	if err != nil {
		h.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		h.Fatal(err)
	}
	ended := false
	t := &taker{name: name, pid: c.Process.Pid, end: func() {
		if !ended {
			ended = true
			in.Close()
			c.Wait() // what it says then does not matter
			os.RemoveAll(folder)
		}
	}}
	h.Cleanup(t.end)
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
		h.Fatalf("%s did not get %s: %q %v", name, ports, line, err)
	}
	return t
}

// squatter has another program on the host hold UDP ports.
func (h *host) squatter(ports ...string) {
	h.Helper()
	h.take("squatter", "udp:"+strings.Join(ports, " udp:"))
}

// copyProgram copies a program.
func copyProgram(from, to string) error {
	src, err := os.Open(from)
	if err != nil {
		return err
	}
	defer src.Close()
	return writeProgram(to, src)
}

// writeProgram writes a program. No process is forked meanwhile: it would have the file open until it
// executes another, and a program that somebody has open for writing can't be executed.
func writeProgram(to string, text io.Reader) error {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	dst, err := os.OpenFile(to, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o700)
	if err != nil {
		return err
	}
	if _, err = io.Copy(dst, text); err != nil {
		dst.Close()
		return err
	}
	return dst.Close()
}
