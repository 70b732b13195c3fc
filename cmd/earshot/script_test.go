package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/earshot-im/earshot/cmd/earshot/object"
)

// update has the scripts write what they compare, as the files told.
var update = flag.Bool("update", false, "write the expected texts into testdata")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"systemctl": fakeSystemctl, "earshot": func() {
		if v := os.Getenv("EARSHOT_TEST_VERSION"); v != "" { // stands in for another program
			version = v
		}
		main()
	}})
}

// The scripts run real nodes, on loopback and told of each other. Their own commands:
//
//	up NAME [ARG]...     start a node in $WORK/NAME, wait until it is ready, and set $NAME to its
//	                     address and $NAME_pid to its process; its standard error goes to NAME.stderr
//	end NAME SIGNAL      end it by KILL, TERM, INT or HUP; all but KILL must end it with 0
//	meet NAME OTHER      wait until NAME's node sees OTHER online
//	exits N COMMAND...   as exec, for an exact exit status
//	fails N CODE COMMAND as exec, without and with --json at the end, for an exact exit status and
//	                     code; what is said to people is added to the file "told"; a last argument
//	                     <FILE is its standard input
//	gone NAME            wait until the process that last ran NAME's node in the background has ended
//	until COMMAND...     run it again and again until it prints something
//	keep VAR             set $VAR to what was last printed
//	prints NAME COMMAND  as exec on NAME's node with --json; it must print what CLI.md says
//	allprinted BUT...    fail for a command of CLI.md that has not been so compared, but these
//	allcompleted NAME MEMBER GROUP
//	                     fail unless the shell is offered people, groups and values wherever a command
//	                     takes them
//	letin [FILE]         be a browser that opens the link in a file, or the one last printed
//	page METHOD STATUS [REQUEST]
//	                     call a method of the local API as the page in that browser does, and write what it answers
//	                     to the file "answer"; none: it is not served
//	terminal COLUMNS ROWS
//	                     start a shell in a terminal of this size, or resize it; what programs write
//	                     there is also in NAME.written
//	at NAME              have these commands work on a terminal of another name
//	type TEXT...         type a text there
//	press KEY...         press keys there, as tmux calls them
//	sees REGEXP          wait until it shows that, or with ! no more
//	field VAR PATH       set $VAR to a field of the last line of JSON that was printed, as from.name
func TestScripts(t *testing.T) {
	dir, files := "testdata", []string(nil)
	if testing.Short() { // with the race detector each command starts slowly; these are about what happens at once
		dir = ""
		for _, name := range strings.Fields("alerts changes chat files follow groups_talk lines messages node recv requests screen screen_two watch") {
			files = append(files, filepath.Join("testdata", name+".txtar"))
		}
	}
	testscript.Run(t, testscript.Params{
		Dir:           dir,
		Files:         files,
		UpdateScripts: *update,
		Setup: func(e *testscript.Env) error {
			e.Setenv("esc", "\x1b")
			e.Setenv("terminal", "first")
			e.Setenv("HOME", e.WorkDir)                                      // as of the nodes that up starts
			e.Setenv("SYSTEMD_UNIT_PATH", filepath.Join(e.WorkDir, "units")) // a package of this machine has its unit elsewhere
			e.Setenv("GORACE", "atexit_sleep_ms=0")                          // else each command of a test for races sleeps for 1 s at its end
			e.Values[printedKey{}] = newCLIPage(t)
			e.Defer(func() { endUnits(e.WorkDir) })
			unit, err := os.ReadFile("service/earshot.service")
			if err == nil {
				err = os.WriteFile(filepath.Join(e.WorkDir, "package.service"), unit, 0o600)
			}
			if err != nil {
				return err
			}
			e.Values[nodesKey{}] = &nodes{running: make(map[string]*exec.Cmd)}
			return nil
		},
		Condition: func(cond string) (bool, error) {
			switch cond {
			case "netns": // two nodes can have a network of their own
				return exec.Command("unshare", "-rnm", "ip", "link", "add", "d0", "type", "veth", "peer", "name", "d1").Run() == nil, nil
			case "apart": // a node can be kept from the network of this machine
				return exec.Command("unshare", "-rn", "true").Run() == nil, nil
			case "tmpfs": // a small disk can be made
				return exec.Command("unshare", "-rm", "mount", "-t", "tmpfs", "tmpfs", os.TempDir()).Run() == nil, nil
			case "filenumbers": // files can be told apart by their numbers
			default:
				return false, fmt.Errorf("unknown condition %q", cond)
			}
			system, err := exec.Command("stat", "-f", "-c", "%T", os.TempDir()).Output()
			return err == nil && slices.Contains([]string{"ext2/ext3", "xfs", "btrfs", "tmpfs"}, strings.TrimSpace(string(system))), nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"up": cmdUp, "end": cmdEnd, "gone": cmdGone, "meet": cmdMeet, "exits": cmdExits, "until": cmdUntil, "keep": cmdKeep, "field": cmdField,
			"at": cmdAt, "terminal": cmdTerminal, "close": cmdClose, "type": cmdType, "press": cmdPress, "sees": cmdSees,
			"fails": cmdFails, "prints": cmdPrints, "allprinted": cmdAllPrinted, "allcompleted": cmdAllCompleted,
			"letin": cmdLetIn, "page": cmdPage,
		},
	})
}

type nodesKey struct{}

// nodes are those of one script.
type nodes struct {
	once    sync.Once
	running map[string]*exec.Cmd
}

func nodesOf(ts *testscript.TestScript) *nodes {
	n := ts.Value(nodesKey{}).(*nodes)
	n.once.Do(func() {
		ts.Defer(func() {
			for _, c := range n.running {
				_ = c.Process.Kill()
				_ = c.Wait()
			}
		})
	})
	return n
}

// earshotIn returns the path of the program.
func earshotIn(ts *testscript.TestScript) string {
	for _, dir := range filepath.SplitList(ts.Getenv("PATH")) {
		if path := filepath.Join(dir, "earshot"); exists(path) {
			return path
		}
	}
	ts.Fatalf("no earshot in PATH")
	return ""
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// commandOn returns a command on NAME's node that runs beside the script.
func commandOn(ts *testscript.TestScript, name string, args ...string) *exec.Cmd {
	c := exec.Command(earshotIn(ts), append([]string{"--dir", ts.MkAbs(name)}, args...)...)
	c.Dir = ts.MkAbs(".")
	c.Env = append(os.Environ(), "HOME="+ts.Getenv("WORK"), "XDG_CONFIG_HOME=", "SYSTEMD_UNIT_PATH="+ts.Getenv("SYSTEMD_UNIT_PATH"), "PATH="+ts.Getenv("PATH"), "EARSHOT_PASSPHRASE=")
	return c
}

func cmdUp(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: up NAME [ARG]...")
	}
	name := args[0]
	c := commandOn(ts, name, append([]string{"up", "--listen", "/ip4/127.0.0.1/tcp/0", "--no-mdns"}, args[1:]...)...)
	stderr, err := os.Create(ts.MkAbs(name + ".stderr"))
	ts.Check(err)
	defer stderr.Close()
	c.Stderr = stderr
	out, err := c.StdoutPipe()
	ts.Check(err)
	ts.Check(c.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		_ = c.Wait()
		ts.Fatalf("%s's node: %v: %s", name, c.ProcessState, ts.ReadFile(name+".stderr"))
	}
	nodesOf(ts).running[name] = c
	fields := strings.Fields(line)
	if fields[0] != "ready" {
		ts.Fatalf("printed %q", line)
	}
	ts.Setenv(name, fields[len(fields)-1])
	ts.Setenv(name+"_pid", strconv.Itoa(c.Process.Pid))
}

func cmdEnd(ts *testscript.TestScript, neg bool, args []string) {
	signals := map[string]os.Signal{"KILL": os.Kill, "TERM": syscall.SIGTERM, "INT": os.Interrupt, "HUP": syscall.SIGHUP}
	if neg || len(args) != 2 || signals[args[1]] == nil {
		ts.Fatalf("usage: end NAME KILL|TERM|INT|HUP")
	}
	c := nodesOf(ts).running[args[0]]
	delete(nodesOf(ts).running, args[0])
	ts.Check(c.Process.Signal(signals[args[1]]))
	if err := c.Wait(); err != nil && args[1] != "KILL" {
		ts.Fatalf("%s: %v", args[0], err)
	}
}

// cmdGone fails if a node in the background goes on: the script has had it end before.
func cmdGone(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: gone NAME")
	}
	pid := strings.TrimSpace(ts.ReadFile(filepath.Join(args[0], "lock")))
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); {
		state, err := os.ReadFile("/proc/" + pid + "/stat") // where nobody takes in its end it stays as a zombie
		if _, rest, _ := strings.Cut(string(state), ") "); err != nil || strings.HasPrefix(rest, "Z") {
			return
		}
	}
	ts.Fatalf("process %s goes on", pid)
}

func cmdMeet(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: meet NAME OTHER")
	}
	c := commandOn(ts, args[0], "peers", "--watch", "--json")
	out, err := c.StdoutPipe()
	ts.Check(err)
	ts.Check(c.Start())
	defer func() {
		_ = c.Process.Kill()
		_ = c.Wait()
	}()
	in := bufio.NewScanner(out)
	for in.Scan() {
		var p object.Peer
		ts.Check(json.Unmarshal(in.Bytes(), &p))
		if p.Name == args[1] && p.Online {
			return
		}
	}
	ts.Fatalf("%s does not see %s", args[0], args[1])
}

func cmdExits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits N COMMAND...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit status %d, want %d", got, want)
	}
}

func cmdUntil(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: until COMMAND...")
	}
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); {
		ts.Check(ts.Exec(args[0], args[1:]...))
		if ts.ReadFile("stdout") != "" {
			return
		}
	}
	ts.Fatalf("prints nothing")
}

func cmdKeep(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: keep VAR")
	}
	ts.Setenv(args[0], strings.TrimSpace(ts.ReadFile("stdout")))
}

func cmdField(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: field VAR PATH")
	}
	lines := strings.Split(strings.TrimSpace(ts.ReadFile("stdout")), "\n")
	var v any
	ts.Check(json.Unmarshal([]byte(lines[len(lines)-1]), &v))
	for key := range strings.SplitSeq(args[1], ".") {
		switch at := v.(type) {
		case map[string]any:
			v = at[key]
		case []any:
			i, err := strconv.Atoi(key)
			ts.Check(err)
			v = at[i]
		}
	}
	if v == nil {
		ts.Fatalf("no field %s", args[1])
	}
	ts.Setenv(args[0], fmt.Sprint(v))
}
