package main

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
const inside = "EARSHOT_DEMO_INSIDE"

// isolate runs the demo again in a network namespace of its own and reports done when that has ended; inside, it
// makes the network, which goes away with the namespace.
func isolate(ctx context.Context) (done bool, err error) {
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
	if errors.Is(err, syscall.EPERM) {
		return true, fmt.Errorf("this system lets unprivileged users make no namespaces; run it as root: %w", err)
	}
	if err != nil {
		return true, fmt.Errorf("make a network namespace: %w", err)
	}
	if c.Wait() != nil {
		return true, errors.New("it failed, see above")
	}
	return true, nil
}

// makeNetwork brings up loopback and a virtual cable, since mDNS wants an interface that is not loopback.
func makeNetwork() error {
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return fmt.Errorf("find loopback: %w", err)
	}
	attrs := netlink.NewLinkAttrs()
	attrs.Name = "lan0"
	cable := &netlink.Veth{LinkAttrs: attrs, PeerName: "lan1"}
	if err := netlink.LinkAdd(cable); err != nil {
		return fmt.Errorf("add a virtual cable: %w", err)
	}
	far, err := netlink.LinkByName("lan1")
	if err != nil {
		return fmt.Errorf("find the cable's far end: %w", err)
	}
	addr, err := netlink.ParseAddr("192.0.2.1/24") // RFC 5737: for examples
	if err != nil {
		return err
	}
	if err := netlink.AddrAdd(cable, addr); err != nil {
		return fmt.Errorf("set address: %w", err)
	}
	for _, l := range []netlink.Link{lo, cable, far} {
		if err := netlink.LinkSetUp(l); err != nil {
			return fmt.Errorf("bring up %s: %w", l.Attrs().Name, err)
		}
	}
	return nil
}
