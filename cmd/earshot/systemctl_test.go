//go:build unix

package main

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
)

// The scripts have a systemctl of their own, so that none reaches that of this machine. It does what
// that of a user does with a unit of the type notify, as far as earshot asks for it, in the directory
// $HOME/systemctl:
//
//	calls    what it was called with, one call a line
//	none     if there is such a file, no systemd can be reached
//	blind    if there is such a file, systemd looks for units elsewhere
//	pid      the process that runs the unit and starts it again; there is none if there is no file
//	journal  what the unit has said
//	failed   if there is such a file, the unit has failed, and is not started before reset-failed; the
//	         real one does so when it has failed several times
func fakeSystemctl() {
	here := filepath.Join(os.Getenv("HOME"), "systemctl")
	if len(os.Args) > 1 && os.Args[1] == "supervise" {
		supervise(here)
		return
	}
	if err := systemctl(here, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func systemctl(here string, args []string) error {
	if err := os.MkdirAll(here, 0o700); err != nil {
		return err
	}
	calls, err := os.OpenFile(filepath.Join(here, "calls"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	fmt.Fprintln(calls, strings.Join(args, " "))
	calls.Close()
	if exists(filepath.Join(here, "none")) {
		return errors.New("Failed to connect to bus: No medium found")
	}
	if len(args) < 2 || args[0] != "--user" {
		return errors.New("only --user")
	}
	args = args[1:]
	units := filepath.Join(os.Getenv("HOME"), ".config", "systemd", "user")
	wants := filepath.Join(units, "default.target.wants", "earshot.service")
	now := slices.Contains(args, "--now")
	switch args[0] {
	case "daemon-reload", "show-environment":
		return nil
	case "enable":
		if exists(filepath.Join(here, "blind")) {
			return errors.New("Failed to enable unit: Unit file earshot.service does not exist.")
		}
		if err := errors.Join(os.MkdirAll(filepath.Dir(wants), 0o700), relink(filepath.Join(units, "earshot.service"), wants)); err != nil || !now {
			return err
		}
		return startUnit(here)
	case "disable":
		err := os.Remove(wants)
		if errors.Is(err, os.ErrNotExist) { // the real one disables what is not enabled, too
			err = nil
		}
		if err != nil || !now {
			return err
		}
		return stopUnit(here)
	case "stop":
		return stopUnit(here)
	case "reset-failed":
		return os.Remove(filepath.Join(here, "failed"))
	case "start":
		return startUnit(here)
	case "restart":
		return errors.Join(stopUnit(here), startUnit(here))
	case "is-active":
		if !active(here) {
			return errors.New("inactive")
		}
		return nil
	}
	return fmt.Errorf("unknown %q", args)
}

func relink(to, path string) error {
	if exists(path) {
		return nil
	}
	return os.Symlink(to, path)
}

func active(here string) bool { return exists(filepath.Join(here, "pid")) }

// startUnit starts the unit, and returns when it is ready or has failed.
func startUnit(here string) error {
	if active(here) {
		return nil
	}
	if exists(filepath.Join(here, "failed")) {
		return errors.New("Job for earshot.service failed.")
	}
	c := exec.Command("systemctl", "supervise") // by PATH, since it is known by its name
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	out, err := c.StdoutPipe()
	if err != nil {
		return err
	}
	if err := c.Start(); err != nil {
		return err
	}
	line, _ := bufio.NewReader(out).ReadString('\n')
	if line != "ready\n" {
		return errors.New("Job for earshot.service failed because the control process exited with error code.")
	}
	return nil
}

// stopUnit ends the unit and returns when it has ended.
func stopUnit(here string) error {
	b, err := os.ReadFile(filepath.Join(here, "pid"))
	if err != nil {
		return nil
	}
	pid, err := strconv.Atoi(string(b))
	if err != nil {
		return err
	}
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		return err
	}
	for active(here) {
		if syscall.Kill(pid, 0) != nil {
			return errors.New("the process of the unit is gone")
		}
	}
	return nil
}

// unitWords matches a word of a command line as systemd reads it.
var unitWords = regexp.MustCompile(`"(?:[^"\\]|\\.)*"|[^ "]+`)

// startLine returns the command line of the unit: of the user's own, or else of a package's.
func startLine() ([]string, error) {
	b, err := os.ReadFile(filepath.Join(os.Getenv("HOME"), ".config/systemd/user/earshot.service"))
	if err != nil {
		b, err = os.ReadFile(filepath.Join(os.Getenv("SYSTEMD_UNIT_PATH"), "earshot.service"))
	}
	if err != nil {
		return nil, err
	}
	m := regexp.MustCompile(`(?m)^ExecStart=(.*)$`).FindSubmatch(b)
	if m == nil {
		return nil, errors.New("no ExecStart")
	}
	words := unitWords.FindAllString(string(m[1]), -1)
	for i, w := range words {
		if strings.HasPrefix(w, `"`) {
			w = strings.NewReplacer(`\\`, `\`, `\"`, `"`).Replace(w[1 : len(w)-1])
		}
		words[i] = strings.NewReplacer("%%", "%", "$$", "$").Replace(w)
	}
	if words[0] == "/usr/bin/earshot" {
		words[0] = "earshot" // that of the script
	}
	return words, nil
}

// maxStarts is after how many starts the fake gives up, as StartLimitBurst has the real one do.
const maxStarts = 4

// supervise runs the unit, says "ready" when it is, and starts it again when it has failed, as the
// unit says.
func supervise(here string) {
	pid, socket := filepath.Join(here, "pid"), filepath.Join(here, "notify")
	journal, err := os.OpenFile(filepath.Join(here, "journal"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	check := func(err error) {
		if err != nil {
			fmt.Fprintln(journal, "fake systemctl:", err)
			os.Exit(1)
		}
	}
	check(err)
	words, err := startLine()
	check(err)
	_ = os.Remove(socket)
	notified, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	check(err)
	check(os.WriteFile(pid, []byte(strconv.Itoa(os.Getpid())), 0o600))
	defer os.Remove(pid)
	var ready atomic.Bool
	go func() { // ends with the process
		b := make([]byte, 64)
		for {
			if n, err := notified.Read(b); err != nil {
				return
			} else if string(b[:n]) == "READY=1" && !ready.Swap(true) {
				fmt.Println("ready")
			}
		}
	}()
	ends := make(chan os.Signal, 1)
	signal.Notify(ends, syscall.SIGTERM)
	for range maxStarts {
		c := exec.Command("unshare", append([]string{"-rn"}, words...)...) // away from the network of this machine
		c.Stdout, c.Stderr = journal, journal
		c.Env = append(os.Environ(), "NOTIFY_SOCKET="+socket)
		check(c.Start())
		ended := make(chan error, 1)
		go func() { ended <- c.Wait() }() // ends with the unit
		select {
		case err = <-ended:
		case <-ends:
			_ = c.Process.Signal(syscall.SIGTERM)
			<-ended
			return
		}
		fmt.Fprintf(journal, "fake systemctl: %v\n", c.ProcessState)
		if err == nil {
			return
		}
		if !ready.Load() { // the start has failed
			check(os.WriteFile(filepath.Join(here, "failed"), nil, 0o600))
			return
		}
	}
}

// endUnits ends what the fake runs, and the nodes in the background, of the scripts in work.
func endUnits(work string) {
	_ = filepath.WalkDir(work, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.Name() != "lock" && d.Name() != "pid" {
			return nil
		}
		b, _ := os.ReadFile(path)
		pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
		if err != nil {
			return nil
		}
		if env, _ := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid)); strings.Contains(string(env), work) { // else it has ended, and the number is another's
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		return nil
	})
}
