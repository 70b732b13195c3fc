package advice

import (
	"fmt"
	"time"

	"github.com/earshot-im/earshot/cmd/earshot/terminal"
)

// machineEntries are about this machine: the node, its program, its ports, clock and disk.
var machineEntries = map[key]entry{
	{"node", ""}: {found: func(c check) string {
		if c.v.GetPid() != 0 {
			return fmt.Sprintf("it is running, as process %d", c.v.GetPid())
		}
		return "it is running"
	}},
	{"node", "stopped"}: {
		always("it is not running on this machine, so nobody can reach you and nothing arrives. What you have written is kept"),
		func(check) []Line {
			return steps(sentence("start it:"), run(start), sentence("or have it start at each login, and now:"), run("earshot service install"))
		},
	},
	{"node", "new"}: {
		func(c check) string {
			return "it has never run in " + c.about("this directory") + ", and nothing is broken: only the first start is missing"
		},
		func(check) []Line {
			return steps(sentence("start it, with the name that others are to see:"), run(start+" --name NAME"), sentence("or have it start at each login, and now:"), run("earshot service install --name NAME"))
		},
	},
	{"node", "not_answering"}: {
		func(c check) string {
			if pid := c.v.GetPid(); pid != 0 {
				return fmt.Sprintf("process %d has the directory, and does not answer. It may just be starting, may be stopped by Ctrl-Z, or hangs", pid)
			}
			return "a process has the directory, and does not answer. It may just be starting, may be stopped by Ctrl-Z, or hangs"
		},
		func(c check) []Line {
			return steps(sentence("wait a moment and look again. If it stays so: where it was stopped by Ctrl-Z, let it go on with `fg`; otherwise end it, and start it again:"),
				ended(c.System, c.v.GetPid()), run(start))
		},
	},

	{"program", ""}: {found: func(c check) string {
		found := "the running earshot is the one that is installed"
		if v := c.v.GetVersion(); v != "" {
			found += ": " + terminal.Line(v)
		}
		return found
	}},
	{"program", "old"}: {
		func(c check) string {
			if v := c.v.GetVersion(); v != "" {
				return "the earshot that runs, " + terminal.Line(v) + ", is another than the one that is installed"
			}
			return "the program was replaced by an update, and the one from before is still running"
		},
		func(check) []Line {
			return steps(sentence("restart to update. Nothing is lost by that:"), run("earshot down", start))
		},
	},

	{"port", ""}: {found: func(c check) string {
		if c.v.GetPort() == 0 {
			return "one that is free is taken when earshot starts"
		}
		return fmt.Sprintf("TCP port %d is there for earshot", c.v.GetPort())
	}},
	{"port", "taken"}: {
		func(c check) string {
			found := fmt.Sprintf("TCP port %d is taken by %s", c.v.GetPort(), holder(c))
			if c.v.GetInstead() == 0 {
				return found + ", so earshot can't listen on it when it starts. A firewall, or a colleague who has this port, knows of no other"
			}
			return found + fmt.Sprintf(", so earshot listens on port %d. Others find that by themselves, but a firewall or a colleague who has the old port does not", c.v.GetInstead())
		},
		func(c check) []Line {
			another := run("earshot down", "earshot up --listen PORT")
			if c.v.GetInstead() == 0 { // it does not run
				another = another[1:]
			}
			return steps(sentence("find out what has the port, and end it:"), whoHas(c.System, rule{"tcp", c.v.GetPort()}), ended(c.System, c.v.GetPid()),
				sentence("or take another port for good:"), another)
		},
	},

	{"clock", ""}: {found: func(c check) string {
		return "it agrees with that of " + people(c.v.GetAsked())
	}},
	{"clock", "nobody"}: {found: nobody("who could be asked")},
	{"clock", "off"}: {
		func(c check) string {
			by := time.Duration(c.v.GetOffsetMs()) * time.Millisecond
			ahead := "ahead of"
			if by < 0 {
				ahead = "behind"
			}
			if c.v.GetWhose() == "theirs" {
				other := "behind"
				if by < 0 {
					other = "ahead"
				}
				return fmt.Sprintf("that of %s is %s %s, so times that you see of them are wrong. Tell them to have their machine set its clock by itself", c.who(), duration(by), other)
			}
			if c.v.GetWhose() == "" {
				return fmt.Sprintf("that of this machine is %s %s that of somebody who was asked. One of the two is wrong, and nobody here can say which", duration(by), ahead)
			}
			return fmt.Sprintf("that of this machine is %s %s those of others (%d were asked), so they see wrong times on what you write", duration(by), ahead, c.v.GetAsked())
		},
		func(c check) []Line {
			return steps(sentence("have this machine set its clock by itself:"), setClock(c.System))
		},
	},

	{"disk", ""}: {found: func(c check) string {
		found := "it can be written"
		if free := c.v.GetFreeBytes(); free != 0 {
			found += ", " + size(free) + " are free"
		}
		if us := c.v.GetSyncUs(); us != 0 {
			found += fmt.Sprintf(", and takes %s to keep a message safe", duration(max(time.Millisecond, time.Duration(us)*time.Microsecond)))
		}
		return found
	}},
	{"disk", "full"}: {
		func(c check) string {
			return fmt.Sprintf("it is full: %s are free, and with less than %s nothing more is taken from others. It waits where it was written", size(c.v.GetFreeBytes()), size(c.v.GetNeededBytes()))
		},
		makeRoom,
	},
	{"disk", "nearly_full"}: {
		func(c check) string {
			return fmt.Sprintf("it is nearly full: %s are free. With little less, nothing more is taken from others", size(c.v.GetFreeBytes()))
		},
		makeRoom,
	},
	{"disk", "read_only"}: {
		func(c check) string { return "nothing can be written into " + c.about("the directory") },
		func(c check) []Line {
			return steps(sentence("the disk may have been made read-only by the system after an error. It may also be that it isn't yours. See how it is mounted, whose it is, and what the system says:"),
				ofSystem(c.System, map[string][]string{
					linux:   {on("findmnt --target", c.About), on("ls -ld", c.About), "sudo dmesg --level err,warn"},
					darwin:  {"mount", "diskutil verifyVolume /"},
					windows: {"chkdsk"},
				}))
		},
	},
	{"disk", "slow"}: {
		func(c check) string {
			return fmt.Sprintf("it is slow: to keep one message safe takes %s, where %s would be enough. Sending takes as long", duration(time.Duration(c.v.GetSyncUs())*time.Microsecond), duration(time.Duration(c.v.GetLimitUs())*time.Microsecond))
		},
		func(c check) []Line {
			return steps(sentence("end what writes so much, or see whether the disk is failing:"), ofSystem(c.System, map[string][]string{
				linux:   {"sudo iotop --only", "sudo smartctl --health /dev/sda"},
				darwin:  {"sudo fs_usage -w -f diskio", "diskutil info /"},
				windows: {"Get-PhysicalDisk | Get-StorageReliabilityCounter"},
			}), sentence("a directory on a network share is often slow. Keep it on a disk of this machine"))
		},
	},
	{"disk", "unreadable"}: {
		func(c check) string { return c.about("the directory") + " can't be entered, read or written by you" },
		func(c check) []Line { return ownAgain(c, "700") },
	},
}

func makeRoom(c check) []Line {
	return steps(sentence("make room there: delete what you don't need, or empty the wastebasket. How full it is, say:"), ofSystem(c.System, map[string][]string{
		linux:   {on("df -h", c.About)},
		windows: {"Get-PSDrive -PSProvider FileSystem"},
	}))
}

// ownAgain gives a file or directory back to its user.
func ownAgain(c check, mode string) []Line {
	return steps(sentence("it must belong to you and be for you alone. If you have ever started earshot with sudo, that is why it is not:"), ofSystem(c.System, map[string][]string{
		linux:   {on("ls -ld", c.About), on(`sudo chown -R "$(id -un)"`, c.About), on("chmod "+mode, c.About)},
		windows: {on("icacls", c.About), on("icacls", c.About) + " /reset /T"},
	}))
}

// holder is the program that has a port, as far as it is known.
func holder(c check) string {
	name, pid := terminal.Line(c.v.GetProgram()), c.v.GetPid()
	switch {
	case name != "" && pid != 0:
		return fmt.Sprintf("another program, %s (process %d)", name, pid)
	case pid != 0:
		return fmt.Sprintf("another program (process %d)", pid)
	case name != "":
		return "another program, " + name
	}
	return "another program"
}

func inParentheses(text string) string {
	if text == "" {
		return ""
	}
	return " (" + terminal.Line(text) + ")"
}
