//go:build lab && linux

package lab

import (
	"fmt"
	"os/exec"
	"strings"
)

// Rules of nftables that take something away from a host.
const (
	dropMulticast = "meta pkttype multicast drop"
	// dropOutMulticast: what a host sends has no type yet.
	dropOutMulticast = "ip daddr 224.0.0.0/4 drop; ip6 daddr ff00::/8 drop"
	dropMDNS         = "udp dport 5353 drop"
	// dropAnnouncements leaves nothing by which hosts find each other: beacons are broadcast as well.
	dropAnnouncements = "udp dport { 5353, 27830 } drop"
	// dropCalls drops what begins a connection, refuseCalls answers as if nobody listened, and
	// prohibitCalls as firewalld does. Connections that are there go on.
	dropCalls     = "tcp flags & (syn | ack) == syn drop"
	refuseCalls   = "tcp flags & (syn | ack) == syn reject with tcp reset"
	prohibitCalls = "tcp flags & (syn | ack) == syn reject with icmpx type admin-prohibited"
)

// nft runs a script of nftables. Each rule is a row in the kernel: it is there until its table is
// deleted, or the namespace ends.
func (l *lab) nft(run func(args ...string) *exec.Cmd, script string) {
	l.Helper()
	c := run("nft", "-f", "-")
	c.Stdin = strings.NewReader(script)
	if out, err := c.CombinedOutput(); err != nil {
		l.Fatalf("nft: %v\n%s\n%s", err, script, out)
	}
}

// firewall puts rules before what comes in (input), or behind what goes out (output), in the table and
// the chain in which most systems have them. It returns what takes them away.
func (h *host) firewall(hook, rules string) (remove func()) {
	h.Helper()
	h.nft(h.inside, fmt.Sprintf("table inet filter { chain %[1]s { type filter hook %[1]s priority 0; %[2]s\n}\n}\n", hook, rules))
	return func() { h.Helper(); h.nft(h.inside, "delete chain inet filter "+hook) }
}

// swallow has the switch drop some of what comes from this host, which notices nothing.
func (c *cable) swallow(rule string) (restore func()) {
	c.Helper()
	table := fmt.Sprintf("table bridge t%d", numbered.Add(1))
	script := fmt.Sprintf("%s { chain c { type filter hook forward priority 0; iifname %q %s\n}\n}\n", table, c.far, rule)
	here := func(args ...string) *exec.Cmd { return exec.Command(args[0], args[1:]...) }
	c.nft(here, script)
	return func() { c.Helper(); c.nft(here, "delete "+table) }
}
