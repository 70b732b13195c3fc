package advice

import (
	"fmt"
	"time"
)

const (
	linux   = "linux"
	darwin  = "darwin"
	windows = "windows"
)

// rule is what a firewall is to let in.
type rule struct {
	protocol string // tcp or udp
	port     uint32
}

// ofSystem returns the commands for a system, or, for one that has none here, those of Linux, as on
// the BSDs: they show at least what is meant.
func ofSystem(system string, commands map[string][]string) []Line {
	if own, there := commands[system]; there {
		return run(own...)
	}
	return run(commands[linux]...)
}

// firewall is how the firewall of this machine lets something in.
func firewall(c check, rules ...rule) []Line {
	switch c.System {
	case windows:
		return steps(sentence("in a PowerShell that was started as administrator:"), run(windowsRules(rules)...))
	case darwin:
		return steps(sentence("in System Settings, Network, Firewall, Options: let earshot take incoming connections. Or:"),
			run(`sudo /usr/libexec/ApplicationFirewall/socketfilterfw --add "$(command -v earshot)"`,
				`sudo /usr/libexec/ApplicationFirewall/socketfilterfw --unblockapp "$(command -v earshot)"`))
	}
	if len(c.Firewalls) == 0 {
		return linuxRules(rules, UFW, Firewalld)
	}
	return linuxRules(rules, c.Firewalls...)
}

// linuxRules are the commands of firewalls of Linux.
func linuxRules(rules []rule, firewalls ...string) (lines []Line) {
	for _, name := range firewalls {
		f := linuxFirewalls[name]
		lines = append(lines, say(f.when))
		for _, r := range rules {
			lines = append(lines, run(fmt.Sprintf(f.rule, r.protocol, r.port))...)
		}
		lines = append(lines, run(f.then...)...)
	}
	return lines
}

var linuxFirewalls = map[string]struct {
	when string
	rule string // of a protocol and a port
	then []string
}{
	UFW:       {when: "with ufw (Ubuntu, Debian, Mint):", rule: "sudo ufw allow %[2]d/%[1]s"},
	Firewalld: {when: "with firewalld (Fedora, Red Hat, SUSE):", rule: "sudo firewall-cmd --permanent --add-port=%[2]d/%[1]s", then: []string{"sudo firewall-cmd --reload"}},
	NFTables:  {when: "with rules of nftables, in the table and chain that has them (`sudo nft list ruleset` shows it); until the machine restarts:", rule: "sudo nft insert rule inet filter input %[1]s dport %[2]d accept"},
	IPTables:  {when: "with rules of iptables, and in the same way with ip6tables; until the machine restarts:", rule: "sudo iptables -I INPUT -p %[1]s --dport %[2]d -j ACCEPT"},
}

func windowsRules(rules []rule) (commands []string) {
	for _, r := range rules {
		commands = append(commands, fmt.Sprintf(`netsh advfirewall firewall add rule name="earshot %s %d" dir=in action=allow protocol=%s localport=%d`,
			r.protocol, r.port, r.protocol, r.port))
	}
	return commands
}

// theirFirewall is the same at a machine whose system nobody here knows.
func theirFirewall(rules ...rule) []Line {
	all := linuxRules(rules, UFW, Firewalld)
	all = append(all, say("on Windows, in a PowerShell that was started as administrator:"))
	all = append(all, run(windowsRules(rules)...)...)
	return append(all, say("on macOS: System Settings, Network, Firewall, Options: let earshot take incoming connections"))
}

// announcements are what others must be able to send to a machine that is to find them.
var announcements = []rule{{"udp", 5353}, {"udp", 27830}}

// whoHas shows which program has a port.
func whoHas(system string, r rule) []Line {
	udp := r.protocol == "udp"
	flag, table := "-tlpn", "Get-NetTCPConnection -State Listen"
	if udp {
		flag, table = "-ulpn", "Get-NetUDPEndpoint"
	}
	return ofSystem(system, map[string][]string{
		linux:   {fmt.Sprintf("sudo ss %s 'sport = :%d'", flag, r.port)},
		darwin:  {fmt.Sprintf("sudo lsof -nP -i%s:%d", r.protocol, r.port)},
		windows: {fmt.Sprintf("Get-Process -Id (%s -LocalPort %d).OwningProcess", table, r.port)},
	})
}

// ended is how another program is ended, if it is known which.
func ended(system string, pid uint32) []Line {
	if pid == 0 {
		return nil
	}
	return ofSystem(system, map[string][]string{
		linux:   {fmt.Sprintf("sudo kill %d", pid)},
		windows: {fmt.Sprintf("Stop-Process -Id %d", pid)},
	})
}

// showAddresses shows which networks the machine is on.
func showAddresses(system string) []Line {
	return ofSystem(system, map[string][]string{linux: {"ip -brief address"}, darwin: {"ifconfig"}, windows: {"ipconfig"}})
}

// setClock has the system set its clock by the network.
func setClock(system string) []Line {
	return ofSystem(system, map[string][]string{
		linux:   {"sudo timedatectl set-ntp true"},
		darwin:  {"sudo sntp -sS time.apple.com"},
		windows: {"w32tm /resync"},
	})
}

// duration is a time as people say it.
func duration(d time.Duration) string {
	d = d.Abs()
	unit := func(n time.Duration, one string) string {
		if n == 1 {
			return "1 " + one
		}
		return fmt.Sprintf("%d %ss", n, one)
	}
	switch {
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < 2*time.Minute:
		return unit(d/time.Second, "second")
	case d < 2*time.Hour:
		return unit(d/time.Minute, "minute")
	case d < 48*time.Hour:
		return unit(d/time.Hour, "hour")
	}
	return unit(d/(24*time.Hour), "day")
}

// size is a number of bytes as people say it.
func size(bytes uint64) string {
	switch {
	case bytes < 1<<20:
		return fmt.Sprintf("%d KiB", bytes>>10)
	case bytes < 10<<30:
		return fmt.Sprintf("%d MiB", bytes>>20)
	}
	return fmt.Sprintf("%d GiB", bytes>>30)
}

// people is how many persons.
func people(n uint32) string {
	if n == 1 {
		return "1 other"
	}
	return fmt.Sprintf("%d others", n)
}
