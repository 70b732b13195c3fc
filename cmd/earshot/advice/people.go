package advice

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/earshot-im/earshot/cmd/earshot/label"
	"github.com/earshot-im/earshot/cmd/earshot/terminal"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// peopleEntries are about other people and their machines.
var peopleEntries = map[key]entry{
	{"reachable", ""}: {found: func(c check) string {
		if c.v.GetAnswered() == 0 {
			return "contacts who are connected were asked to connect to this machine anew" + onPort(c) + ", and can't say whether they could"
		}
		return people(c.v.GetAnswered()) + " could connect to this machine" + onPort(c)
	}},
	{"reachable", "nobody"}: {found: nobody("who could try it")},
	{"reachable", "closed"}: {
		func(c check) string {
			how := "got no answer"
			if c.v.GetOutcome() == "refused" {
				how = "was turned away"
			}
			return fmt.Sprintf("%s tried to connect to this machine%s, and %s. Most likely a firewall on this machine is in the way; whoever comes new may not reach you", c.who(), onPort(c), how)
		},
		func(c check) []Line {
			return steps(sentence("let earshot through the firewall of this machine:"), firewall(c, rule{"tcp", c.v.GetPort()}))
		},
	},

	{"peers", ""}: {found: func(c check) string {
		if c.Person == nil {
			return "whoever was found on this network could be reached"
		}
		return c.who() + " is connected"
	}},
	{"peers", "offline"}: {found: func(c check) string {
		return c.who() + " is not on this network now" + lastSeen(c.v.GetLastSeen())
	}},
	{"peers", "refused"}: {
		func(c check) string { return notReached(c) + "their machine turns the connection away" },
		func(c check) []Line {
			return steps(sentence("on their machine, see whether earshot runs. If it does, a firewall there turns others away. There:"),
				there("earshot doctor"), theirFirewall(theirPort(c)))
		},
	},
	{"peers", "timed_out"}: {
		func(c check) string { return notReached(c) + "nothing there answers" },
		func(c check) []Line {
			return steps(sentence("most likely a firewall on their machine, or one between the two, is in the way. On their machine:"), theirFirewall(theirPort(c)),
				sentence("on a Wi-Fi, client isolation at the access point does the same: have the administrator switch it off, and use no network for guests"))
		},
	},
	{"peers", "wrong_identity"}: {
		func(c check) string {
			return notReached(c) + "another device answers there. Nothing was sent to it"
		},
		func(c check) []Line {
			return steps(sentence("mostly their machine has another address now, and that passes when they are found again. If you have named the address by --peer, correct it. If it stays so, ask them what theirs is. There:"),
				there("earshot status"))
		},
	},
	{"peers", "other_version"}: {
		func(c check) string {
			return notReached(c) + "their earshot is of a version" + inParentheses(c.v.GetVersion()) + " that does not understand this one"
		},
		func(check) []Line {
			return steps(sentence("install the newer version on both machines, and start both again:"), run("earshot version", "earshot down", start))
		},
	},
	{"peers", "no_route"}: {
		func(c check) string { return notReached(c) + "this machine knows no way there" },
		func(c check) []Line {
			return steps(sentence("see whether this machine is on the same network, and whether a VPN program has taken the way there: switch it off to see. What the machine has:"), showAddresses(c.System))
		},
	},
	{"peers", "permission"}: {
		func(c check) string {
			if c.System == darwin {
				return notReached(c) + "macOS does not let this program onto the local network"
			}
			return notReached(c) + "the system of this machine does not let this program connect"
		},
		func(c check) []Line {
			if c.System == darwin {
				return steps(permissionOf(c.System), sentence("then start earshot again:"), run("earshot down", start))
			}
			return steps(sentence("a firewall rule of this machine for what goes out, or a security program, is in the way:"), ofSystem(c.System, map[string][]string{
				linux:   {"sudo ufw status verbose", "sudo nft list ruleset", "sudo iptables -S OUTPUT"},
				windows: {"Get-NetFirewallRule -Direction Outbound -Action Block -Enabled True"},
			}))
		},
	},
	{"peers", "other"}: {
		func(c check) string { return notReached(c) + "the connection fails" },
		func(check) []Line {
			return steps(sentence("run the doctor on their machine too, and compare. What the system said stands below. There:"), there("earshot doctor"))
		},
	},

	{"person", ""}: {found: func(c check) string {
		if c.v.GetHere() {
			return c.who() + " is here and connected" + waiting(c) + heard(c)
		}
		return c.who() + " was found on this network, and is not connected" + lastSeen(c.v.GetLastSeen()) + waiting(c) + heard(c)
	}},
	{"person", "not_seen"}: {
		func(c check) string {
			return c.who() + " is nowhere on this network" + lastSeen(c.v.GetLastSeen()) + waiting(c) + heard(c) + lookedFor(c)
		},
		func(check) []Line {
			return steps(sentence("ask them whether their machine is on, on the same network and running earshot, and what `earshot doctor` says there. If it is, search this network, or name their machine by an address that `earshot status` shows there:"),
				run("earshot doctor --probe", "earshot down", byPeer))
		},
	},
	{"person", "not_accepted"}: {
		func(c check) string {
			if !c.Person.GetContact() {
				return c.who() + " is no contact of yours, and may have to accept you before their machine takes what you write" + waiting(c)
			}
			return c.who() + " seems not to have accepted you yet, so their machine doesn't take all that you write" + waiting(c)
		},
		func(c check) []Line {
			theirs := steps(sentence("ask them to accept you. On their machine:"), there("earshot requests", "earshot accept YOUR-NAME"))
			if c.Person.GetContact() {
				return theirs
			}
			return steps(sentence("if you know that it is them, make them a contact:"), run("earshot verify "+terminal.Word(c.Person.GetPerson())), theirs)
		},
	},
	{"person", "blocked"}: {
		func(c check) string { return "you have blocked " + c.who() + waiting(c) },
		func(c check) []Line {
			return steps(sentence("if you want to hear of them again:"), run("earshot unblock "+terminal.Word(c.Person.GetPerson())))
		},
	},

	{"limits", ""}: {found: always("none was reached")},
	{"limits", "crowded"}: {
		always("people on this network who are not contacts ask more of this machine than they may have, so some of them have to wait. Contacts are not affected"),
		func(check) []Line {
			return steps(sentence("make people whom you expect contacts, so that they never have to wait. If it goes on, have an administrator see which machine floods the network:"),
				run("earshot requests", "earshot accept WHO"))
		},
	},
	{"limits", "full"}: {
		always("the disk has no room for what others write. It is not lost, and waits where it was written"),
		makeRoom,
	},
	{"limits", "limit"}: {
		func(c check) string {
			where := ""
			if c.v.GetGroup() != "" {
				where = " in " + group(c)
			}
			return "this machine keeps as much of what " + c.who() + " writes" + where + " as it may, and takes no more. The rest is not lost, and waits where it was written"
		},
		func(c check) []Line {
			if c.Person.GetContact() {
				return makeRoom(c)
			}
			return steps(sentence("if you know that it is them, make them a contact, who may have more:"), run("earshot accept "+terminal.Word(c.Person.GetPerson())))
		},
	},
	{"limits", "strained"}: {
		func(c check) string {
			return "changes of " + group(c) + " wait or are left out here, because there are too many or they cost too much"
		},
		func(check) []Line {
			return steps(sentence("somebody in it may be doing that on purpose. If it goes on, leave it:"), run("earshot group list", "earshot group leave GROUP"))
		},
	},
	{"limits", "starved"}: {
		always("the system lets earshot open too few files and connections at once, so some commands and people were turned away"),
		func(c check) []Line {
			return steps(sentence("raise the limit (in a unit of systemd: LimitNOFILE=4096), and start earshot again. In the shell that starts it:"),
				ofSystem(c.System, map[string][]string{linux: {"ulimit -n 4096", "earshot down", start}, windows: {"earshot down", start}}))
		},
	},
	{"limits", "refused"}: {
		func(c check) string {
			why := "the limit for people whom they have not accepted is used up"
			switch {
			case c.v.GetWaitingFor() == "no_room":
				why = "their disk is full"
			case c.v.GetReason() == "logs":
				why = "their machine keeps as much from you as it may"
			}
			return "the machine of " + c.who() + " takes no more from you: " + why + waiting(c)
		},
		func(c check) []Line {
			switch {
			case c.v.GetWaitingFor() == "no_room":
				return sentence("tell them to make room on their disk; what waits goes out by itself then")
			case c.v.GetReason() == "logs":
				return sentence("that comes from directories of yours that were made anew or put back very often. Go on with one, and write to them with that")
			}
			return steps(sentence("ask them to accept you; what waits goes out by itself then. On their machine:"), there("earshot requests", "earshot accept YOUR-NAME"))
		},
	},
}

// group is the group that a check is about.
func group(c check) string {
	if name := c.v.GetGroup(); name != "" {
		return "the group " + label.GroupCalled(label.Whole, &earshotv1.Target{}, name)
	}
	return "a group that is arriving"
}

// nobody says that there is no contact who could help, or that those who were asked don't answer: they
// do so some times a minute.
func nobody(who string) func(check) string {
	return func(c check) string {
		if c.v.GetAnswered() < c.v.GetAsked() {
			return "contacts are connected, and none of those who were asked has answered: machines answer only whom their user knows as a contact, and a few times a minute"
		}
		return "no contact is connected " + who
	}
}

func onPort(c check) string {
	if port := c.v.GetPort(); port != 0 {
		return fmt.Sprintf(" on TCP port %d", port)
	}
	return ""
}

// notReached is how the sentences about somebody begin who is seen and not reached.
func notReached(c check) string {
	at := ""
	if a := c.v.GetAddress(); a != "" {
		at = " at " + terminal.Line(a)
	}
	return c.who() + " was found" + at + " and can't be reached: "
}

// theirPort is the port that was dialled, or the usual one.
func theirPort(c check) rule {
	if at, err := netip.ParseAddrPort(c.v.GetAddress()); err == nil {
		return rule{"tcp", uint32(at.Port())}
	}
	return rule{"tcp", 27830}
}

// zone is where times are shown; a test sets it.
var zone = time.Local

func lastSeen(t *timestamppb.Timestamp) string {
	if t == nil {
		return ""
	}
	return " (last connected " + t.AsTime().In(zone).Format("2006-01-02 15:04") + ")"
}

func waiting(c check) string {
	switch n := c.v.GetWaiting(); n {
	case 0:
		return ""
	case 1:
		return "; 1 message waits for them"
	default:
		return fmt.Sprintf("; %d messages wait for them", n)
	}
}

// ways are how somebody is found, as people say it.
var ways = map[string]string{
	"mdns": "mDNS", "mdns4": "mDNS", "mdns6": "mDNS over IPv6", "beacon": "beacons", "beacon4": "beacons", "beacon6": "beacons over IPv6",
	"saved": "the address from before", "manual": "--peer", "peer": "what others tell", "probe": "the search",
}

func heard(c check) string {
	var all []string
	for _, h := range c.v.GetHeard() {
		way := ways[h.GetWay()]
		if way == "" {
			way = terminal.Line(h.GetWay())
		}
		if !slices.Contains(all, way) {
			all = append(all, way)
		}
	}
	if len(all) == 0 {
		return ""
	}
	return "; found by " + label.Some(len(all), all, 0)
}

func lookedFor(c check) string {
	if at := addresses(c); at != "" {
		return "; looked for at " + at
	}
	return ""
}
