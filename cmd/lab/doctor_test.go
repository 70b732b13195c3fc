//go:build lab && linux

package lab

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"
)

const (
	// examined is how long an examination may take, and with it how soon a fault is named. A fault that
	// only shows when somebody has not been heard for a while takes a second examination.
	examined = 20 * time.Second
	// rowsAtOnce is how many faults are examined beside each other, and beside other tests. Examinations
	// mostly wait.
	rowsAtOnce = 6
)

// A fault is a row of the table: something that is wrong, made on purpose, and what `earshot doctor`
// says of it. When it is put right, doctor finds nothing wrong.
type fault struct {
	name        string
	check, code string
	about       string        // what it names: a node's person, or a word
	who         string        // of doctor WHO: the name of a node
	probe       bool          // of doctor --probe
	beside      []string      // what doctor also finds wrong meanwhile, and is: "check" or "check code"
	well        time.Duration // how long it may take until nothing is wrong; 0: examined
	alone       bool          // nobody else is here
	stopped     bool          // Ann's node does not run
	both        bool          // the fault is also made while it does not
	needs       string        // what of the system it is made with: a name in systems
	// make makes it and returns what puts it right again. That is given the fix that doctor says.
	make func(w *ward) (heal func(fix string))
}

// A ward is where a fault is made: Ann and Bob, who are contacts, on a network of their own.
type ward struct {
	*lab
	bridge       string
	ann, bob     *node
	annAt, bobAt *cable
	others       []*node
	port         string   // on which Ann's node listens
	said         checkup  // what doctor has said when it named the fault
	about        []string // what else is to be named, beside fault.about
}

func (f *fault) run(t *testing.T, o *finding) {
	w := &ward{lab: &lab{T: t}}
	if f.needs != "" {
		if o.unmade = w.lacks(f.needs); o.unmade != "" {
			t.Skip(o.unmade)
		}
	}
	w.bridge = w.lab.bridge()
	w.ann, w.annAt = w.brings("Ann", "10.9.0.1/16")
	w.bob, w.bobAt = w.brings("Bob", "10.9.0.2/16")
	w.ann.start()
	w.port = w.ann.port()
	if !f.alone && !f.stopped {
		w.bob.start()
		w.befriend(w.ann, w.bob)
	}
	if f.stopped {
		w.ann.down()
	}
	heal := f.make(w)
	var fix string
	o.named, fix = w.names(f)
	heal(fix)
	o.typed = slices.Concat(w.ann.typed, w.bob.typed)
	o.well = w.isWell(f)
}

// brings makes a node on a host of its own.
func (w *ward) brings(name, addr string) (*node, *cable) {
	w.Helper()
	h := w.host()
	return h.node(name), h.plug(w.bridge, addr)
}

// node is the one of this name; Ann without one.
func (w *ward) node(name string) *node {
	for _, n := range append(w.others, w.bob) {
		if n.name == name {
			return n
		}
	}
	return w.ann
}

// befriend has nodes meet and their owners accept each other.
func (l *lab) befriend(nodes ...*node) {
	l.Helper()
	meet(promised, nodes...)
	for _, n := range nodes {
		for _, other := range nodes {
			if n != other {
				n.must("accept", other.person)
			}
		}
	}
}

// names waits until doctor names the fault, and returns how long that took and the fix.
func (w *ward) names(f *fault) (took time.Duration, fix string) {
	w.Helper()
	var last checkup
	var said []string
	began := time.Now()
	found := poll(examined, func() bool {
		last = w.ann.doctor(f.args(w)...)
		said = append(said, last.String())
		fix = ""
		for _, c := range last.checks {
			if c.text("check") == f.check && c.text("code") == f.code && !c.yes("ok") && w.concerns(c, f) {
				fix = c.text("fix")
				return true
			}
		}
		return false
	})
	if !found {
		w.Fatalf("not named within %v: %s %s about %q. It says:\n%v", examined, f.check, f.code, append(w.about, f.about), strings.Join(said, "\n"))
	}
	took, w.said = since(began), last
	w.Logf("named after %v, the examination took %v:\n%v", took, last.took, last)
	if fix == "" {
		w.Errorf("no fix for %s %s", f.check, f.code)
	}
	if last.code != 1 {
		w.Errorf("exit status %d, want 1", last.code)
	}
	for _, c := range last.wrong() {
		if !f.expects(c) {
			w.Errorf("it also says: %v", c)
		}
	}
	return took, fix
}

// isWell waits until doctor finds nothing wrong any more.
func (w *ward) isWell(f *fault) time.Duration {
	w.Helper()
	var last checkup
	began := time.Now()
	within := cmp.Or(f.well, examined)
	well := poll(within, func() bool {
		last = w.ann.doctor(f.args(w)...)
		wrong := last.wrong()
		if w.ann.cmd == nil { // it still says that nothing runs
			wrong = slices.DeleteFunc(wrong, func(c object) bool { return c.text("check") == "node" })
			return len(wrong) == 0 && last.code == 1
		}
		return len(wrong) == 0 && last.code == 0
	})
	if !well {
		w.Fatalf("not well again within %v. It says:\n%v", within, last)
	}
	w.Logf("well again after %v", since(began))
	return since(began)
}

func (f *fault) args(w *ward) []string {
	switch {
	case f.probe:
		return []string{"--probe"}
	case f.who != "":
		return []string{w.node(f.who).person}
	}
	return nil
}

// expects says that what doctor finds wrong is this fault, or comes of it, or of the tests that run
// beside it.
func (f *fault) expects(c object) bool {
	check, code := c.text("check"), c.text("code")
	return check == f.check && code == f.code || check == "disk" && code == "slow" || f.stopped && check == "node" ||
		slices.Contains(f.beside, check) || slices.Contains(f.beside, check+" "+code)
}

// concerns says whether a check names all that it should: a person by who they are, anything else by
// its name.
func (w *ward) concerns(c object, f *fault) bool {
	text := fmt.Sprint(c)
	for _, about := range append(w.about, f.about) {
		if n := w.node(about); about == n.name {
			about = n.person
		}
		if !strings.Contains(text, about) {
			return false
		}
	}
	return true
}

// A checkup is what one doctor has said.
type checkup struct {
	checks []object
	code   int
	took   time.Duration
	stderr string
}

func (c checkup) wrong() (wrong []object) {
	for _, o := range c.checks {
		if !o.yes("ok") {
			wrong = append(wrong, o)
		}
	}
	return wrong
}

func (c checkup) String() string {
	var b strings.Builder
	for _, o := range c.checks {
		fmt.Fprintf(&b, "  %v\n", o)
	}
	fmt.Fprintf(&b, "  exit %d after %v %s", c.code, c.took, c.stderr)
	return b.String()
}

// doctor asks what is wrong. It runs on the host, as its user would have it.
func (n *node) doctor(args ...string) checkup {
	n.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*examined)
	defer cancel()
	began := time.Now()
	command := slices.Concat(n.runsIn, []string{n.binary, "--json", "--dir", n.dir, "doctor"}, args)
	c := exec.CommandContext(ctx, "nsenter", append([]string{"-t", n.pid, "-n", "--"}, command...)...)
	c.Env = n.environ()
	var out, diagnostics bytes.Buffer
	c.Stdout, c.Stderr = &out, &diagnostics
	err := c.Run()
	if err != nil && !errors.As(err, new(*exec.ExitError)) || ctx.Err() != nil {
		n.Fatalf("%s: doctor: %v, %v\n%s", n.name, err, ctx.Err(), diagnostics.String())
	}
	checks, err := parse(out.String())
	if err != nil {
		n.Fatalf("%s: doctor: %v\n%s", n.name, err, diagnostics.String())
	}
	return checkup{checks, c.ProcessState.ExitCode(), since(began), diagnostics.String()}
}

// follows returns what types the commands of a fix that begin with one of these words, on the node's
// host, as its user would; a fix may name others as well, for another system or only to look. What
// the user has to fill in is in node.fill.
func (n *node) follows(beginnings ...string) func(fix string) {
	return func(fix string) {
		n.Helper()
		typed := 0
		for _, c := range commands(fix) {
			plain := strings.Replace(c, " --dir "+n.dir, "", 1)
			if slices.ContainsFunc(beginnings, func(b string) bool { return strings.HasPrefix(plain, b) }) {
				typed++
				n.types(c)
			}
		}
		if typed < len(beginnings) {
			n.Errorf("the fix does not name commands that begin with %q:\n%s", beginnings, fix)
		}
	}
}

// commands are the indented lines of a fix.
func commands(fix string) (all []string) {
	for line := range strings.Lines(fix) {
		if c, ok := strings.CutPrefix(line, "    "); ok {
			all = append(all, strings.TrimRight(c, "\n"))
		}
	}
	return all
}

// types runs a command in a shell. A node that it starts is left running.
func (n *node) types(command string) {
	n.Helper()
	command = strings.NewReplacer(n.fill...).Replace(command)
	n.typed = append(n.typed, strings.NewReplacer(" --dir "+n.dir, "", n.dir, "DIR", filepath.Dir(n.dir), "…").Replace(command))
	if words := strings.Fields(command); words[0] == "earshot" {
		switch at := slices.Index(words, "up"); {
		case at > 0:
			n.flags = slices.DeleteFunc(slices.Concat(words[1:at], words[at+1:]), func(w string) bool { return w == "--detach" })
			n.start()
			return
		case slices.Contains(words, "down"):
			n.down()
			return
		}
	}
	c := n.inside("sh", "-c", command)
	c.Env = append(n.environ(), "PATH="+n.desk()+":"+os.Getenv("PATH"))
	if out, err := c.CombinedOutput(); err != nil {
		n.Errorf("%s: %s: %v\n%s", n.name, command, err, out)
	}
}

// desk is a folder with the programs that a fix names and this machine need not have: earshot itself,
// and sudo, which asks nothing here.
func (n *node) desk() string {
	n.Helper()
	folder := filepath.Dir(n.log) + "-bin"
	for name, script := range map[string]string{
		"earshot": fmt.Sprintf(`exec %s --dir %s "$@"`, n.binary, n.dir),
		"sudo":    `exec "$@"`,
		"ufw":     fmt.Sprintf(`PATH=%s exec %s ufw "$@"`, os.Getenv("PATH"), quoted(n.runsIn)),
	} {
		err := os.MkdirAll(folder, 0o700)
		if err == nil {
			err = writeProgram(filepath.Join(folder, name), strings.NewReader("#!/bin/sh\n"+script+"\n"))
		}
		if err != nil {
			n.Fatal(err)
		}
	}
	return folder
}

// quoted is a command as a shell reads it.
func quoted(command []string) string {
	var b strings.Builder
	for _, word := range command {
		fmt.Fprintf(&b, "'%s' ", strings.ReplaceAll(word, "'", `'\''`))
	}
	return b.String()
}

// TestDoctorFindsNothing has two and three hosts with nothing wrong, one that is alone, and two with
// IPv6 only.
func TestDoctorFindsNothing(t *testing.T) {
	t.Parallel()
	for name, addrs := range map[string][]string{
		"alone":     {"10.9.0.1/24"},
		"two":       {"10.9.0.1/24", "10.9.0.2/24"},
		"three":     {"10.9.0.1/24", "10.9.0.2/24", "10.9.0.3/24"},
		"IPv6 only": {"fd00::1/64", "fd00::2/64"},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			bridge := l.bridge()
			var all []*node
			for i, a := range addrs {
				h := l.host()
				h.plug(bridge, a)
				all = append(all, h.up([]string{"Ann", "Bob", "Cleo"}[i]))
			}
			for _, known := range []bool{false, true} {
				if known {
					l.befriend(all...)
				}
				for _, n := range all {
					c := n.doctor()
					t.Logf("%s, friends: %t:\n%v", n.name, known, c)
					if len(c.wrong()) > 0 || c.code != 0 || len(c.checks) == 0 {
						t.Errorf("%s is well, and doctor says otherwise", n.name)
					}
				}
			}
		})
	}
}

// TestFaultsAreComplete holds the table against the codes that scripts may meet: each of a fault is
// made here, or said why not.
func TestFaultsAreComplete(t *testing.T) {
	page, err := os.ReadFile("../earshot/CLI.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(page), "\n## Checks\n")
	section, _, _ = strings.Cut(section, "\n## ")
	made := make(map[string]int)
	for _, f := range faults() {
		made[f.check+" "+f.code]++
	}
	for _, u := range unmade {
		if made[u.check+" "+u.code] > 0 {
			t.Errorf("%s %s is made, and said that it can't be", u.check, u.code)
		}
		made[u.check+" "+u.code]++
	}
	listed := 0
	aside := regexp.MustCompile(`\([^()]*\)|\[[^]]*\]\([^)]*\)`)
	name := regexp.MustCompile("`([a-z_]+)`")
	for line := range strings.Lines(section) {
		cells := strings.Split(aside.ReplaceAllString(line, ""), "|")
		if len(cells) != 5 {
			continue
		}
		for _, check := range name.FindAllStringSubmatch(cells[1], -1) {
			for _, code := range name.FindAllStringSubmatch(cells[2], -1) {
				listed++
				if made[check[1]+" "+code[1]] == 0 {
					t.Errorf("nothing makes %s %s", check[1], code[1])
				}
				delete(made, check[1]+" "+code[1])
			}
		}
	}
	if listed < 40 {
		t.Errorf("only %d codes are listed", listed)
	}
	for left := range made {
		t.Errorf("%s is made, and not listed", left)
	}
}

// faults are the rows of the table.
func faults() []fault {
	all := slices.Concat(limitFaults, networkFaults, portFaults, peerFaults, fileFaults)
	for _, f := range all {
		if f.both {
			f.name, f.stopped = f.name+" (stopped)", true
			all = append(all, f)
		}
	}
	return all
}

// TestDoctor makes every fault that doctor names. Each row has a network of its own, and so many rows
// run at once as rowsAtOnce says. The table is written in any case, and says as well what can't be
// made here.
func TestDoctor(t *testing.T) {
	t.Parallel()
	oddBinary(t)
	faults := faults()
	findings := make([]finding, len(faults))
	places := make(chan struct{}, rowsAtOnce)
	var rows sync.WaitGroup
	for i := range faults {
		f, o := &faults[i], &findings[i]
		places <- struct{}{} // in turn: one of the first takes a minute
		rows.Go(func() {
			defer func() { <-places }()
			t.Run(f.check+"/"+f.code+"/"+f.name, func(t *testing.T) { f.run(t, o) })
		})
	}
	rows.Wait()
	text := doctorTable(faults, findings)
	t.Log("\n" + text)
	if file := os.Getenv(doctorTableVar); file != "" {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Error(err)
		}
	}
}

// doctorTableVar names the file that the table is written to.
const doctorTableVar = "EARSHOT_DOCTOR_TABLE"

// A finding is what came of a row.
type finding struct {
	named, well time.Duration // how long doctor took to name the fault, and to say that nothing is wrong
	typed       []string
	unmade      string // why it was not made
}

func doctorTable(faults []fault, findings []finding) string {
	var out strings.Builder
	w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "check\tcode\tfault\tnamed\tok again\ttyped as the fix says, or why it can't be made\t")
	for i, f := range faults {
		o := findings[i]
		named, well := seconds(o.named), seconds(o.well)
		switch {
		case o.unmade != "":
			named, well, o.typed = "NOT MADE", "", []string{o.unmade}
		case o.named == 0:
			named, well = "NO", ""
		case o.well == 0:
			well = "NO"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t\n", f.check, f.code, f.name, named, well, strings.Join(o.typed, "; "))
	}
	for _, u := range unmade {
		fmt.Fprintf(w, "%s\t%s\t\tNOT MADE\t\t%s\t\n", u.check, u.code, u.why)
	}
	_ = w.Flush()
	return out.String()
}

// unmade are the faults that no row makes, and why.
var unmade = []struct{ check, code, why string }{
	{"limits", "strained", "it takes minutes of a processor"},
}

// systems are what faults are made with, beside what every test here needs: a command that shows
// whether the kernel has it, and the package of Debian that the command is in.
var systems = map[string]struct {
	pkg   string
	shows []string
}{
	"nft":      {"nftables", []string{"nft", "add table inet shown"}},
	"ufw":      {"ufw", []string{"unshare", "-m", "ufw", "status"}},
	"iptables": {"iptables", []string{"iptables", "-A", "INPUT", "-p", "tcp", "--syn", "-j", "REJECT"}},
	"prlimit":  {"util-linux", []string{"prlimit", "--nofile"}},
	"setpriv":  {"util-linux", append(withoutRights, "true")},
}

// lacks says what keeps a fault from being made with something. A program that isn't here is an error:
// it can be installed.
func (w *ward) lacks(what string) string {
	w.Helper()
	s := systems[what]
	if _, err := exec.LookPath(what); err != nil {
		w.Fatalf("%v: apt-get install %s", err, s.pkg)
	}
	if out, err := w.host().inside(s.shows...).CombinedOutput(); err != nil {
		return fmt.Sprintf("%s: %v: %s", what, err, bytes.TrimSpace(out))
	}
	return ""
}
