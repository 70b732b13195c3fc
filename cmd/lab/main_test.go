//go:build lab && linux

package lab

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"
)

const (
	// insideVar marks the process that runs the tests in its namespace; its value
	// is the folder for everything that they write.
	insideVar = "EARSHOT_LAB_ROOT"
	// holderVar marks a process that only holds the namespace of a host.
	holderVar = "EARSHOT_LAB_HOLDER"

	binaryVar = "EARSHOT_BIN"
)

var (
	binary string // the earshot under test
	root   string // the folder for everything that is written
)

func TestMain(m *testing.M) {
	if os.Getenv(holderVar) != "" {
		io.Copy(io.Discard, os.Stdin) // until the test process ends
		return
	}
	if ports := os.Getenv(takesVar); ports != "" {
		if err := takePorts(ports); err != nil {
			fmt.Fprintln(os.Stderr, "lab:", err)
			os.Exit(1)
		}
		return
	}
	flag.Parse()
	if root = os.Getenv(insideVar); root == "" {
		if err := isolate(); err != nil {
			fmt.Fprintln(os.Stderr, "lab:", err)
			os.Exit(1)
		}
		return
	}
	// Disks that tests mount are nobody else's.
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		fmt.Fprintln(os.Stderr, "lab:", err)
		os.Exit(1)
	}
	binary = os.Getenv(binaryVar)
	// Whatever earshot makes must be private because it says so, not because of the shell.
	syscall.Umask(0)
	os.Exit(m.Run())
}

// isolate runs this program again in network and mount namespaces of its own and removes what it
// wrote.
func isolate() error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	bin, err := filepath.Abs(os.Getenv(binaryVar))
	if err == nil && os.Getenv(binaryVar) == "" {
		err = errors.New(binaryVar + " names no binary; make lab builds one and sets it")
	}
	if err == nil {
		_, err = exec.LookPath(bin)
	}
	if err != nil {
		return err
	}
	// Socket paths are short, so the folder's name is as well.
	dir, err := os.MkdirTemp("", "lab")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)

	c := exec.CommandContext(ctx, "/proc/self/exe", os.Args[1:]...)
	c.Env = append(os.Environ(), insideVar+"="+dir, binaryVar+"="+bin)
	c.Stdout, c.Stderr = os.Stdout, os.Stderr
	c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	if uid := os.Geteuid(); uid != 0 {
		c.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		c.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: uid, Size: 1}}
		c.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getegid(), Size: 1}}
	}
	err = c.Start()
	if errors.Is(err, syscall.EPERM) {
		return fmt.Errorf("this system lets only root make namespaces; run it as root: %w", err)
	}
	if err != nil {
		return fmt.Errorf("make a namespace: %w", err)
	}
	return c.Wait()
}
