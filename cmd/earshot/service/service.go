// Package service has the system start the node of a directory when its owner logs in, by what the
// system has for that:
//
//	Linux    a unit of the user's systemd, earshot.service: of the package, or written here
//	macOS    an agent of launchd, im.earshot.node
//	Windows  a value of the user's Run key, earshot (a service of Windows would run outside of the
//	         user's session)
//
// A user has one service. It is that of one directory, and everything here is about that: whether it
// is installed is answered by files alone, so it is known also where systemd or launchd can't be
// asked. What `earshot service install` has not written itself is never changed or deleted. The unit
// of a package counts as installed for those users only who have enabled it.
//
// Beside it, packages have a unit of the system for bots: OfSystem says whether that is for a directory.
//
// It owns the text of the unit, earshot.service beside this file, which the packages contain as well.
// It starts no node by itself and knows no local API: whoever calls it finds out whether the node
// answers. The parts for macOS and Windows have never been run there.
//
// Nothing here runs on. The errors are those of errors.go, or what the system's own program said.
package service

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Config says which node the service is to start, and how.
type Config struct {
	Program        string // its path
	Dir            string // the directory of the node, as Resolved returns it
	PassphraseFile string // "": the node is not protected
	Home           string // of the user; "": not known
}

// Kinds of services.
const (
	Systemd = "systemd"
	Launchd = "launchd"
	RunKey  = "run_key"
)

// State is what there is of a service.
type State struct {
	Kind      string
	Path      string // of the unit, the agent or the value; "": there is none
	Installed bool   // it starts the node of Config.Dir
	Enabled   bool   // at login, too
	Everyones bool   // the administrator has it enabled for all users, of whom one can't disable it
	Elsewhere bool   // it starts the node of another directory
	Own       bool   // `earshot service install` has written what is at Path
	Opens     bool   // it gives the node Config.PassphraseFile
}

// Service is the service of one directory. Its methods may be called one after the other only.
type Service interface {
	// State says what there is. It asks files only, and is quick.
	State() State
	// Active reports whether the system runs the node now.
	Active(ctx context.Context) bool
	// Check returns why Install and Enable can't be called. It changes nothing.
	Check(ctx context.Context) error
	// Install makes it if it is not there, and has the system run the node from now on. No other
	// process may run the node then.
	Install(ctx context.Context) error
	// Enable makes it if it is not there, and has the system run the node at each login from the next on.
	// It starts nothing: a node that runs, however it was started, goes on.
	Enable(ctx context.Context) error
	// Disable has the system run the node at login no more. It ends nothing.
	Disable(ctx context.Context) error
	// Remove ends the node if the system runs it, and takes away what Install has made.
	Remove(ctx context.Context) error
	// Start has the system run the node, if it doesn't do so already.
	Start(ctx context.Context) error
	// Settle returns when the system knows that the node has ended, which has been asked to. Before
	// that, Start would do nothing.
	Settle(ctx context.Context) error
	// Supervises reports whether the system goes on to look after a node that it has started. If
	// not, there is nothing to start a node by.
	Supervises() bool
	// RestartCommand is what a user types to have the node started again.
	RestartCommand() string
	// LogCommand is what a user types to see why a node was not started.
	LogCommand() string
}

// Of returns the service of a directory, as this system has it.
func Of(c Config) Service {
	switch runtime.GOOS {
	case "darwin":
		return newLaunchd(c)
	case "windows":
		return runKey{c}
	}
	return newSystemd(c)
}

// Resolved returns the path of a directory, which need not be there, without the links on the way to
// it. So it is one directory, and has one service, whatever it is called.
func Resolved(dir string) string {
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		return real
	}
	above := filepath.Dir(dir)
	if above == dir {
		return dir
	}
	return filepath.Join(Resolved(above), filepath.Base(dir))
}

// words is the command line that runs the node.
func (c Config) words(up ...string) []string {
	words := []string{c.Program, "--dir=" + c.Dir}
	if c.PassphraseFile != "" {
		words = append(words, c.passphraseWord())
	}
	return append(append(words, "up"), up...)
}

func (c Config) passphraseWord() string { return "--passphrase-file=" + c.PassphraseFile }

// check refuses what no unit can hold.
func (c Config) check() error {
	if c.Home == "" {
		return fmt.Errorf("%w: it is not known where your home directory is", ErrUnavailable)
	}
	for _, word := range c.words() {
		if !utf8.ValidString(word) || strings.ContainsFunc(word, unheld) {
			return fmt.Errorf("%w: %q", ErrPath, word)
		}
	}
	return nil
}

// unheld reports whether units and agents can't hold a character: it ends a line, or systemd ignores
// the line that has it, or XML another character in its place.
func unheld(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Noncharacter_Code_Point, r)
}

// refusing returns why Install and Remove leave alone what there is.
func (s State) refusing() error {
	switch {
	case s.Elsewhere:
		return fmt.Errorf("%w, by %s", ErrElsewhere, s.Path)
	case s.Path != "" && !s.Own:
		return fmt.Errorf("%s %w", s.Path, ErrForeign)
	}
	return nil
}

// ask runs one of the system's programs, and returns what it says. The error has the first line of it:
// what follows is advice for those who know these programs.
func ask(ctx context.Context, program string, args ...string) (string, error) {
	path, err := exec.LookPath(program)
	if err != nil {
		return "", fmt.Errorf("%w: there is no %s", ErrUnavailable, program)
	}
	c := exec.CommandContext(ctx, path, args...)
	var out, said bytes.Buffer
	c.Stdout, c.Stderr = &out, &said
	err = c.Run()
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	if err != nil {
		first, _, _ := strings.Cut(strings.TrimSpace(said.String()+out.String()), "\n")
		return out.String(), fmt.Errorf("%s %s: %s", program, strings.Join(args, " "), first)
	}
	return strings.TrimSpace(out.String()), nil
}

// read returns the text of a file; "" if there is none, or none that can be read.
func read(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return string(b)
}

// replace puts a whole file in place of path. Others may read it: it holds no secret.
func replace(path, text string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".earshot-")
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	err = errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}

// remove deletes a file that may be gone already.
func remove(path string) error {
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
