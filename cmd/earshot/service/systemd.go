package service

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

const (
	unitName = "earshot.service"

	// packagedStart is the line of the unit that names the program and the directory: in the unit
	// of a package that is the program of the package, and the directory that it takes by itself.
	packagedStart = "ExecStart=/usr/bin/earshot up --restart-on-update"

	// written is how a unit begins that Install has written, and nobody else.
	written = "# Written by `earshot service install`; `earshot service remove` deletes it.\n"
)

// unit is the unit as packages have it.
//
//go:embed earshot.service
var unit string

// unitPlaces are where packages and administrators put units for all users, in the order in which
// systemd looks.
var unitPlaces = []string{"/etc/systemd/user", "/usr/local/lib/systemd/user", "/usr/lib/systemd/user", "/lib/systemd/user"}

// systemd is a unit of the user's own systemd.
type systemd struct {
	Config
	own    string   // where the user's units are; "": not known
	places []string // where those for all users are
	etc    string   // where those are enabled that are enabled for all users
}

func newSystemd(c Config) systemd {
	s := systemd{Config: c, places: unitPlaces, etc: "/etc/systemd/user"}
	base := os.Getenv("XDG_CONFIG_HOME")
	if !filepath.IsAbs(base) && c.Home != "" {
		base = filepath.Join(c.Home, ".config")
	}
	if base != "" {
		s.own = filepath.Join(base, "systemd", "user")
	}
	return s
}

// text is the unit as Install writes it.
func (s systemd) text() string {
	var line strings.Builder
	line.WriteString("ExecStart=")
	for i, word := range s.words("--restart-on-update") {
		if i > 0 {
			line.WriteByte(' ')
		}
		line.WriteString(unitWord(word))
	}
	return written + strings.Replace(unit, packagedStart, line.String(), 1)
}

// unitWord writes a word so that systemd reads it as it is.
func unitWord(word string) string {
	word = strings.NewReplacer("%", "%%", "$", "$$").Replace(word)
	if !strings.ContainsAny(word, " \\\"';") {
		return word
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(word) + `"`
}

// starts reports whether a unit starts the node of s.Dir.
func (s systemd) starts(text string) bool {
	for line := range strings.Lines(text) {
		command, found := strings.CutPrefix(strings.TrimSpace(line), "ExecStart=")
		switch {
		case !found:
		case strings.Contains(command, "--dir"):
			return strings.Contains(command+" ", " "+unitWord("--dir="+s.Dir)+" ")
		default:
			return s.Dir == s.DefaultDir
		}
	}
	return false
}

func (s systemd) State() State {
	v := State{Kind: Systemd}
	if s.own == "" {
		return v
	}
	enabled := linked(s.own) || linked(s.etc)
	for _, place := range slices.Concat([]string{s.own}, s.places) {
		path := filepath.Join(place, unitName)
		text := read(path)
		if text == "" { // a link to /dev/null, too: such a unit is never started
			if _, err := os.Lstat(path); err == nil {
				break
			}
			continue
		}
		v.Path, v.Own = path, strings.HasPrefix(text, written)
		there := place == s.own || enabled // a package's unit is not yet that of this user
		v.Installed = there && s.starts(text)
		v.Elsewhere = there && !v.Installed
		v.Enabled = enabled && v.Installed
		break
	}
	return v
}

// linked reports whether a unit is started with something, as with the user's login.
func linked(place string) bool {
	found, _ := filepath.Glob(filepath.Join(place, "*.wants", unitName))
	return len(found) > 0
}

func (s systemd) systemctl(ctx context.Context, args ...string) (string, error) {
	return ask(ctx, "systemctl", append([]string{"--user"}, args...)...)
}

func (s systemd) Active(ctx context.Context) bool {
	_, err := s.systemctl(ctx, "is-active", unitName)
	return err == nil
}

// reload has systemd read the units anew.
func (s systemd) reload(ctx context.Context) error {
	if _, err := s.systemctl(ctx, "daemon-reload"); err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return nil
}

// Install writes a unit where that of a package would not start the node of this directory.
func (s systemd) Install(ctx context.Context) error {
	if s.own == "" {
		return fmt.Errorf("%w: it is not known where your home directory is", ErrUnavailable)
	}
	if err := s.check(); err != nil {
		return err
	}
	if err := s.reload(ctx); err != nil { // nothing is written where nobody reads it
		return err
	}
	now, active := s.State(), s.Active(ctx)
	path, changed := filepath.Join(s.own, unitName), false
	switch {
	case now.Elsewhere:
		return now.refusing()
	case now.Path != "" && !now.Own && s.PassphraseFile == "" && s.starts(read(now.Path)): // a package's
	case now.Path == path && !now.Own:
		return now.refusing()
	case read(path) != s.text():
		if err := replace(path, s.text()); err != nil {
			return err
		}
		if err := s.reload(ctx); err != nil {
			return err
		}
		changed = true
	}
	if _, err := s.systemctl(ctx, "enable", "--now", unitName); err != nil {
		return err
	}
	if active && changed {
		_, err := s.systemctl(ctx, "restart", unitName)
		return err
	}
	return nil
}

func (s systemd) Remove(ctx context.Context) error {
	now := s.State()
	if now.Elsewhere {
		return now.refusing()
	}
	if !now.Installed {
		return nil
	}
	if _, err := s.systemctl(ctx, "disable", "--now", unitName); err != nil {
		return err
	}
	if !now.Own {
		return nil
	}
	if err := remove(now.Path); err != nil {
		return err
	}
	return s.reload(ctx)
}

func (s systemd) Start(ctx context.Context) error {
	_, err := s.systemctl(ctx, "start", unitName)
	return err
}

func (s systemd) Supervises() bool       { return true }
func (s systemd) RestartCommand() string { return "systemctl --user restart earshot" }
func (s systemd) LogCommand() string     { return "journalctl --user -u earshot -e" }
