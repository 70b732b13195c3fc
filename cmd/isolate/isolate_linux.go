package isolate

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"

	"github.com/vishvananda/netlink"
)

// inside marks the process that runs in the namespace.
const inside = "EARSHOT_ISOLATED"

// Run starts the program again, with the same arguments, in a network namespace of its own, and
// reports done when that has ended; an error if it failed. Inside, it makes the network and reports
// not done.
func Run(ctx context.Context) (done bool, err error) {
	if os.Getenv(inside) != "" {
		return false, makeNetwork()
	}
	c := exec.CommandContext(ctx, "/proc/self/exe", os.Args[1:]...)
	c.Cancel = func() error { return c.Process.Signal(os.Interrupt) }
	c.Env = append(os.Environ(), inside+"=1")
	c.Stdin, c.Stdout, c.Stderr = os.Stdin, os.Stdout, os.Stderr
	c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	if os.Geteuid() != 0 {
		c.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		c.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}}
		c.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}}
	}
	err = c.Start()
	switch {
	case errors.Is(err, syscall.EPERM), errors.Is(err, syscall.ENOSYS), errors.Is(err, syscall.ENOSPC):
		return false, fmt.Errorf("%w: %w", ErrNone, err)
	case err != nil:
		return true, fmt.Errorf("make a network namespace: %w", err)
	}
	if c.Wait() != nil {
		return true, errors.New("it failed, see above")
	}
	return true, nil
}

// makeNetwork brings up loopback and a virtual cable, since mDNS wants an interface that is not
// loopback.
func makeNetwork() error {
	attrs := netlink.NewLinkAttrs()
	attrs.Name = "lan0"
	if err := netlink.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: "lan1"}); err != nil {
		return fmt.Errorf("add a virtual cable: %w", err)
	}
	addr, err := netlink.ParseAddr("192.0.2.1/24") // RFC 5737: for examples
	if err != nil {
		return err
	}
	for _, name := range []string{"lo", "lan0", "lan1"} {
		l, err := netlink.LinkByName(name)
		if err == nil && name == "lan0" {
			err = netlink.AddrAdd(l, addr)
		}
		if err == nil {
			err = netlink.LinkSetUp(l)
		}
		if err != nil {
			return fmt.Errorf("bring up %s: %w", name, err)
		}
	}
	return nil
}
