package advice

import (
	"fmt"
	"strings"

	"github.com/earshot-im/earshot/cmd/earshot/label"
	"github.com/earshot-im/earshot/cmd/earshot/terminal"
)

// findingEntries are about how machines find each other.
var findingEntries = map[key]entry{
	{"interfaces", ""}: {found: func(c check) string {
		if c.About == "" {
			return "this machine is on one that earshot can use"
		}
		return "this machine is on one that earshot can use: " + terminal.Line(c.About)
	}},
	{"interfaces", "none"}: {
		func(c check) string {
			if c.About != "" {
				return "this machine is on none but " + terminal.Line(c.About) + ", which by its name leads to containers or virtual machines on it only. So nobody else can be found"
			}
			return "this machine is on none that earshot can use, so nobody can be found"
		},
		func(c check) []Line {
			return steps(sentence("plug in the network cable, or join the Wi-Fi that your colleagues are on. If earshot was started with --interface, see whether the name is right. What the machine has:"),
				showAddresses(c.System))
		},
	},
	{"interfaces", "left_out"}: {found: func(c check) string {
		return "others are not looked for over " + terminal.Line(c.About) + ": " + LeftOut(c.v.GetReason(), c.About)
	}},

	{"multicast", ""}: {found: func(c check) string {
		if c.About == "" {
			return fmt.Sprintf("contacts hear this machine, and it hears them (%d asked)", c.v.GetAsked())
		}
		return "announcements go out and come in over " + c.about("this network")
	}},
	{"multicast", "nobody"}: {found: nobody("who could be asked")},
	{"multicast", "out"}: {
		func(c check) string {
			return "this machine's announcements, by which others find it, do not get out over " + link(c)
		},
		func(c check) []Line {
			port := c.v.GetPort()
			if port == 0 {
				port = 5353
			}
			return steps(sentence(fmt.Sprintf("a firewall or a VPN program on this machine keeps them back. Switch the VPN off to see whether it is that, and let UDP port %d out:", port)),
				ofSystem(c.System, map[string][]string{
					linux:   {fmt.Sprintf("sudo ufw allow out %d/udp", port), "sudo nft list ruleset", "sudo iptables -S OUTPUT"},
					darwin:  {"sudo pfctl -s rules"},
					windows: {fmt.Sprintf(`netsh advfirewall firewall add rule name="earshot announces %d" dir=out action=allow protocol=udp remoteport=%d`, port, port)},
				}), permissionOf(c.System), meanwhile())
		},
	},
	{"multicast", "in"}: {
		func(c check) string {
			return "this machine does not hear announcements, by which it would find others, over " + link(c)
		},
		hear,
	},
	{"multicast", "unheard"}: {
		func(c check) string {
			return c.who() + " is connected, and does not hear this machine's announcements. So whoever comes new on their side may not find you"
		},
		func(c check) []Line {
			return steps(sentence("something between the two machines keeps announcements back. On a Wi-Fi, have the administrator switch off client isolation and the filtering of multicast at the access point, for the network of the office and not of guests. On their machine, let announcements in:"),
				theirFirewall(announcements...), meanwhile())
		},
	},
	{"multicast", "deaf"}: {
		func(c check) string {
			return c.who() + " is connected and announces itself, and this machine does not hear that. So you may not find who comes new on their side"
		},
		hear,
	},

	{"mdns_port", ""}:    {found: always("it can be used (the usual way)")},
	{"mdns_port", "off"}: {found: always("it is not used, since earshot was started with --no-mdns")},
	{"mdns_port", "held"}: {
		func(c check) string {
			return holder(c) + ", has it for itself alone. So the usual way by which machines find each other (mDNS) does not work here"
		},
		func(c check) []Line {
			return steps(sentence("end that program, or have it share the port; avahi-daemon does with disallow-other-stacks=no in /etc/avahi/avahi-daemon.conf. What has it:"),
				whoHas(c.System, rule{"udp", 5353}), ended(c.System, c.v.GetPid()), meanwhile())
		},
	},
	{"beacon", ""}:    {found: always("it can be used (beacons)")},
	{"beacon", "off"}: {found: always("it is not used, since earshot was started with --no-mdns")},
	{"beacon", "held"}: {
		func(c check) string {
			return holder(c) + ", has it. So this machine finds nobody by earshot's own announcements (beacons), which work where the usual ones are stopped"
		},
		func(c check) []Line {
			return steps(sentence("end that program. If it is another user's earshot, that is all right, as long as the usual way works. What has it:"),
				whoHas(c.System, rule{"udp", 27830}), ended(c.System, c.v.GetPid()))
		},
	},

	{"probe", "nobody"}: {found: func(c check) string {
		return fmt.Sprintf("of %d addresses of this network, none has an earshot that answers. Others may be on another network, as a Wi-Fi for guests, or behind a firewall", c.v.GetAsked())
	}},
	{"probe", "found"}: {found: func(c check) string {
		found := fmt.Sprintf("%d of %d addresses of this network have an earshot that answers", c.v.GetAnswered(), c.v.GetAsked())
		if at := addresses(c); at != "" {
			found += ": " + at
		}
		return found
	}},
	{"probe", "no_network"}: {
		always("there is no network here whose addresses could be tried"),
		func(c check) []Line {
			return steps(sentence("plug in the network cable or join a Wi-Fi. Very large networks are not searched; there name a machine:"), showAddresses(c.System), run(byPeer))
		},
	},
}

// link is an interface, and which addresses and port are meant.
func link(c check) string {
	family := c.v.GetFamily()
	if port := c.v.GetPort(); port != 0 {
		family = strings.TrimSpace(fmt.Sprintf("%s UDP port %d", family, port))
	}
	return c.about("this network") + inParentheses(family)
}

// someAddresses is how many addresses are shown: a machine that answers at all of a network would fill
// the screen.
const someAddresses = 50

func addresses(c check) string {
	var shown []string
	for _, a := range c.v.GetAddresses() {
		shown = append(shown, terminal.Line(a))
	}
	return label.Some(someAddresses, shown, 0)
}

// hear is what to do where this machine hears no announcements.
func hear(c check) []Line {
	return steps(sentence("let announcements through the firewall of this machine (UDP ports 5353 and 27830):"), firewall(c, announcements...), permissionOf(c.System),
		sentence("if it stays so, something between the machines keeps them back. On a Wi-Fi, have the administrator switch off client isolation and the filtering of multicast at the access point"), meanwhile())
}

// meanwhile is what helps whatever is wrong with announcements.
func meanwhile() []Line {
	return steps(sentence("until then, name one machine that runs earshot, by its address; it tells of the others:"), run("earshot down", byPeer))
}

// permissionOf is what a system asks its user before a program may use the network.
func permissionOf(system string) []Line {
	if system != darwin {
		return nil
	}
	return sentence("in System Settings, Privacy & Security, Local Network: switch on the program in which earshot runs (Terminal, or earshot itself)")
}

// LeftOut says why others are not looked for over a network interface.
func LeftOut(reason, name string) string {
	const peer = "; name a device there with `earshot up --peer ADDRESS`"
	switch reason {
	case "container":
		return "it is one of containers or virtual machines, by its name; `earshot up --interface " + terminal.Line(name) + "` uses it"
	case "tunnel":
		return "it leads to another network" + peer
	case "no_multicast":
		return "it carries no multicast" + peer
	case "no_address":
		return "it has no address that others can dial"
	case "not_there":
		return "there is no such interface now, it is down, or it leads only to this machine; only what was named is used"
	}
	return terminal.Line(reason) // of a newer node
}
