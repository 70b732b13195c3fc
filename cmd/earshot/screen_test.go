package main

import (
	"net"
	"os/exec"
	"regexp"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// tmux makes a command of the terminal of a script, which ends with it.
func tmux(ts *testscript.TestScript, args ...string) *exec.Cmd {
	c := exec.Command("tmux", append([]string{"-S", ts.MkAbs("tmux"), "-f", "/dev/null"}, args...)...)
	c.Dir = ts.Getenv("WORK")
	c.Env = append(c.Environ(), "TERM=xterm-256color", "HOME="+ts.Getenv("WORK"), "PATH="+ts.Getenv("PATH"), "SHELL=/bin/sh", "LC_ALL=C.UTF-8", "TMUX=", "EDITOR="+ts.Getenv("EDITOR"), "EARSHOT_PASSPHRASE=")
	return c
}

// cmdAt has the commands below work on a terminal of another name.
func cmdAt(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: at NAME")
	}
	ts.Setenv("terminal", args[0])
}

// here is the terminal on which commands work, as tmux names it.
func here(ts *testscript.TestScript) string { return "=" + ts.Getenv("terminal") + ":" }

// cmdTerminal starts a shell in a terminal of so many columns and rows, and another time resizes it. What
// programs write there is also in the file NAME.written.
func cmdTerminal(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: terminal COLUMNS ROWS")
	}
	if tmux(ts, "has-session", "-t", here(ts)).Run() == nil {
		ts.Check(tmux(ts, "resize-window", "-t", here(ts), "-x", args[0], "-y", args[1]).Run())
		return
	}
	name := ts.Getenv("terminal")
	ts.Check(tmux(ts, "new-session", "-d", "-s", name, "-x", args[0], "-y", args[1], "sh", ";", "pipe-pane", "-t", here(ts), "cat >"+name+".written").Run())
	ts.Defer(func() { _ = tmux(ts, "kill-server").Run() })
}

// cmdClose closes all terminals, as when a desktop ends, and waits until whoever ran them takes no new ones any more.
func cmdClose(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: close")
	}
	ts.Check(tmux(ts, "kill-server").Run())
	for deadline := time.Now().Add(30 * time.Second); ; {
		c, err := net.Dial("unix", ts.MkAbs("tmux"))
		if err != nil {
			return
		}
		if c.Close(); time.Now().After(deadline) {
			ts.Fatalf("tmux does not end")
		}
	}
}

// cmdType types a text in the terminal, and cmdPress presses keys, as tmux calls them.
func cmdType(ts *testscript.TestScript, neg bool, args []string) {
	ts.Check(tmux(ts, "send-keys", "-t", here(ts), "-l", strings.Join(args, " ")).Run())
}

func cmdPress(ts *testscript.TestScript, neg bool, args []string) {
	<-time.After(typist) // what is under test is the time between two keys
	ts.Check(tmux(ts, append([]string{"send-keys", "-t", here(ts)}, args...)...).Run())
}

// typist is how long a person takes from one key to the next, at least: Enter within 10 ms is part of a paste.
const typist = 15 * time.Millisecond

// cmdSees waits until the terminal shows what fits an expression, or with ! nothing that does.
func cmdSees(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: [!] sees REGEXP")
	}
	re := regexp.MustCompile("(?m)" + args[0])
	shown := ""
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); {
		out, err := tmux(ts, "capture-pane", "-t", here(ts), "-p").Output()
		ts.Check(err)
		if shown = string(out); re.MatchString(shown) != neg {
			return
		}
	}
	ts.Fatalf("the terminal shows:\n%s", shown)
}
