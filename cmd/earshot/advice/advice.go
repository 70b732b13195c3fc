// Package advice says in words what is wrong, and what to do about it: of what `earshot doctor` has
// looked at, and of what a running node warns of and has trouble with in finding others. A check that
// comes from the node, or from package doctor, has a code and values, and a warning has a code; all
// sentences and commands are here, by the name of the check and the code.
//
// Each sentence is for somebody who has never heard of the inside of a network; what only an
// administrator needs, as the words of the system, stands apart, as Raw. Commands can be typed as
// they are: they name this directory, port, interface or file, and belong to this system. Where
// another machine is meant, whose system nobody here knows, there is one for each.
//
// The package is pure: it asks nobody and prints nothing, which is the business of package show. What
// others chose passes through packages label and terminal here. A check or a warning of a newer node,
// which has no words here, is said as it came.
package advice

import (
	"path/filepath"
	"runtime"
	"strings"

	"github.com/earshot-im/earshot/cmd/earshot/label"
	"github.com/earshot-im/earshot/cmd/earshot/terminal"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// Adviser says what to do on one machine.
type Adviser struct {
	System  string // as runtime.GOOS; empty: this one
	Program string // how earshot is called for this directory, as Program says it; empty: "earshot"
	// Firewalls are those whose commands fit this machine, if it has Linux; none: nobody knows.
	Firewalls []string
}

// Firewalls of Linux.
const (
	UFW       = "ufw"
	Firewalld = "firewalld"
	NFTables  = "nftables"
	IPTables  = "iptables"
)

// Advice is what is said about a check.
type Advice struct {
	Subject string // what was looked at
	Found   string // what was found there: a sentence without a full stop
	Fix     []Line // what to do; none where nothing is wrong
	Raw     string // what the system said
}

// Line is a line of what to do: a sentence, or a command that can be typed.
type Line struct {
	Text    string
	Command bool

	theirs bool // the command is for another machine
}

// Of returns what is said about a check.
func (a Adviser) Of(c *earshotv1.Check) Advice {
	if a.System == "" {
		a.System = runtime.GOOS
	}
	out := Advice{Subject: subject(c.Check), Raw: terminal.Line(c.Detail)}
	if out.Subject == "" {
		out.Subject = terminal.Line(c.Check)
	}
	entry, known := entries[key{c.Check, c.Code}]
	if !known { // of a newer node
		out.Found = strings.TrimSpace(terminal.Line(c.Code) + " " + terminal.Line(c.About))
		if out.Found == "" {
			out.Found = "looked at"
		}
		return out
	}
	this := check{c, c.GetValues(), a}
	out.Found = entry.found(this)
	if entry.fix == nil || c.Ok {
		return out
	}
	for _, l := range entry.fix(this) {
		if rest, ours := strings.CutPrefix(l.Text, "earshot "); l.Command && ours && !l.theirs && a.Program != "" {
			l.Text = a.Program + " " + rest
		}
		out.Fix = append(out.Fix, l)
	}
	return out
}

// IsAway says of a check that it tells only that a contact is not on this network.
func IsAway(c *earshotv1.Check) bool { return c.Check == "peers" && c.Code == "offline" && c.Ok }

// someAway is how many contacts are named that are not here: most are not, at night.
const someAway = 3

// Away returns what such checks come to. There is at least one.
func Away(checks []*earshotv1.Check) Advice {
	if len(checks) == 1 {
		return Adviser{}.Of(checks[0])
	}
	var all []string
	for _, c := range checks {
		all = append(all, check{Check: c}.who())
	}
	return Advice{Subject: subject("peers"), Found: label.Some(someAway, all, 0) + " are not on this network now"}
}

// Program is how earshot is called for a directory; empty: for the one that needs no name.
func Program(dir string) string {
	if dir == "" {
		return "earshot"
	}
	return "earshot --dir " + path(dir)
}

// Text is what to do as one text: a line for each sentence, and for each command, indented.
func (v Advice) Text() string {
	var b strings.Builder
	for i, l := range v.Fix {
		if i > 0 {
			b.WriteByte('\n')
		}
		if l.Command {
			b.WriteString("    ")
		}
		b.WriteString(l.Text)
	}
	return b.String()
}

// key is what words are found by.
type key struct{ check, code string }

// entry has the words for one check and code. What is always fine has no fix.
type entry struct {
	found func(check) string
	fix   func(check) []Line
}

// check is what words are made of.
type check struct {
	*earshotv1.Check
	v *earshotv1.Values
	Adviser
}

// who is the person that the check is about.
func (c check) who() string {
	if c.Person == nil {
		return "somebody"
	}
	return label.Who(c.Person)
}

// about is the interface or file that the check is about.
func (c check) about(otherwise string) string {
	if c.About == "" {
		return otherwise
	}
	return terminal.Line(c.About)
}

// on is a command with a file behind it, if one is given.
func on(command, file string) string {
	if file == "" {
		return command
	}
	return command + " " + path(file)
}

// path is a file in a command.
func path(name string) string { return terminal.Word(filepath.ToSlash(terminal.Line(name))) }

// say is what to do, in a sentence.
func say(text string) Line { return Line{Text: text} }

// run is commands that can be typed.
func run(commands ...string) (lines []Line) {
	for _, text := range commands {
		lines = append(lines, Line{Text: text, Command: true})
	}
	return lines
}

// there is commands that can be typed on somebody else's machine.
func there(commands ...string) []Line {
	lines := run(commands...)
	for i := range lines {
		lines[i].theirs = true
	}
	return lines
}

// steps puts sentences and commands one behind the other.
func steps(parts ...[]Line) (all []Line) {
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}

func sentence(text string) []Line { return []Line{say(text)} }

// always is a sentence that is always the same.
func always(text string) func(check) string { return func(check) string { return text } }

// topics are what is looked at, as people call it. What may be the cause of others comes first.
var topics = []struct{ check, subject string }{
	{"node", "earshot"},
	{"program", "version"},
	{"keyring", "keys"},
	{"database", "stored messages"},
	{"disk", "disk"},
	{"copies", "copies of the directory"},
	{"interfaces", "network"},
	{"port", "port for messages"},
	{"reachable", "way in for others"},
	{"mdns_port", "finding others, UDP port 5353"},
	{"beacon", "finding others, UDP port 27830"},
	{"multicast", "finding others"},
	{"peers", "way out to others"},
	{"person", "person"},
	{"limits", "limits"},
	{"clock", "clock"},
	{"probe", "search"},
}

// Rank says where a check stands among others, by its name: the lower, the sooner to be put right.
func Rank(check string) int {
	for i, t := range topics {
		if t.check == check {
			return i
		}
	}
	return len(topics)
}

// subject is what people call what was looked at; empty if it is of a newer node.
func subject(check string) string {
	if i := Rank(check); i < len(topics) {
		return topics[i].subject
	}
	return ""
}

// entries are the words. Each file of this package has a part of them.
var entries = join(machineEntries, findingEntries, peopleEntries, fileEntries)

func join(parts ...map[key]entry) map[key]entry {
	all := make(map[key]entry)
	for _, part := range parts {
		for k, v := range part {
			all[k] = v
		}
	}
	return all
}

// start is how earshot is started, by its service if there is one.
const start = "earshot up --detach"

// byPeer is how somebody is found who can't be found otherwise.
const byPeer = "earshot up --peer ADDRESS"
