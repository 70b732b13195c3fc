package service

import (
	"context"
	_ "embed"
	"errors"
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

// unitPlaces are where administrators and packages put units for all users, in the order in which
// systemd looks. Who has systemd look elsewhere says so in SYSTEMD_UNIT_PATH (systemd.unit(5)).
var unitPlaces = []string{"/etc/systemd/user", "/usr/local/lib/systemd/user", "/usr/lib/systemd/user", "/lib/systemd/user"}

// systemd is a unit of the user's own systemd.
type systemd struct {
	Config
	own    string   // where the user's units are
	places []string // where those for all users are
	etc    string   // where those are enabled that are enabled for all users
}

func newSystemd(c Config) systemd {
	s := systemd{Config: c, places: unitPlaces}
	if list := filepath.SplitList(os.Getenv("SYSTEMD_UNIT_PATH")); len(list) > 0 {
		s.places = list
	}
	s.etc = s.places[0]
	base := os.Getenv("XDG_CONFIG_HOME")
	if !filepath.IsAbs(base) {
		base = filepath.Join(c.Home, ".config")
	}
	s.own = filepath.Join(base, "systemd", "user")
	return s
}

// packagedDir is the directory of the node that the unit of a package starts. It is that of a user
// who has not moved the data of programs elsewhere: systemd may not know of that.
func (s systemd) packagedDir() string {
	return Resolved(filepath.Join(s.Home, ".local", "share", "earshot"))
}

// text is the unit as Install writes it. What its owner has changed in one that was written before is
// kept, apart from the program and, if there is a passphrase file now, the whole command line.
func (s systemd) text(before string) string {
	line := "ExecStart=" + s.programWord()
	for _, word := range s.words("--restart-on-update")[1:] {
		line += " " + unitWord(word)
	}
	if !s.starts(before) {
		return written + strings.Replace(unit, packagedStart, line, 1)
	}
	old := startLine(before)
	if _, rest, found := strings.Cut(old, " "+s.dirWord()+" "); found && s.PassphraseFile == "" {
		line = "ExecStart=" + s.programWord() + " " + s.dirWord() + " " + rest
	}
	return strings.Replace(before, old, line, 1)
}

// programWord is the word of the command line that names the program. systemd puts no variables into
// it, so a $ is no $$ there.
func (s systemd) programWord() string { return strings.ReplaceAll(unitWord(s.Program), "$$", "$") }

// dirWord is the word of the command line that names the directory.
func (s systemd) dirWord() string { return unitWord("--dir=" + s.Dir) }

// startLine returns the line of a unit that has its command line; "" if there is none.
func startLine(text string) string {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "ExecStart=") {
			return line
		}
	}
	return ""
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
	line := startLine(text)
	if strings.Contains(line, "--dir") {
		return strings.Contains(line+" ", " "+s.dirWord()+" ")
	}
	return line != "" && s.Dir == s.packagedDir()
}

func (s systemd) State() State {
	v := State{Kind: Systemd}
	if s.Home == "" { // paths below it would be those of whatever directory this is
		return v
	}
	everyones := linked(s.etc)
	enabled := linked(s.own) || everyones
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
		v.Elsewhere = there && !v.Installed && strings.Contains(text, "\nExecStart=")
		v.Enabled, v.Everyones = enabled && v.Installed, everyones && v.Installed
		v.Opens = strings.Contains(startLine(text)+" ", " "+unitWord(s.passphraseWord())+" ")
		break
	}
	return v
}

// linked reports whether a unit is started with something, as with the user's login.
func linked(place string) bool {
	found, _ := filepath.Glob(filepath.Join(place, "*.wants", unitName))
	return len(found) > 0
}

func (s systemd) systemctl(ctx context.Context, args ...string) error {
	_, err := ask(ctx, "systemctl", append([]string{"--user"}, args...)...)
	if err != nil && ctx.Err() == nil {
		if _, none := ask(ctx, "systemctl", "--user", "show-environment"); none != nil {
			return fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
	}
	return err
}

func (s systemd) Active(ctx context.Context) bool {
	_, err := ask(ctx, "systemctl", "--user", "is-active", unitName)
	return err == nil
}

// reload has systemd read the units anew.
func (s systemd) reload(ctx context.Context) error { return s.systemctl(ctx, "daemon-reload") }

// serves reports whether what there is, and was not written by Install, does what Install is to do.
func (s systemd) serves(now State) bool {
	return now.Path != "" && !now.Own && s.PassphraseFile == "" && s.starts(read(now.Path))
}

// path is where Install writes.
func (s systemd) path() string { return filepath.Join(s.own, unitName) }

func (s systemd) Check(ctx context.Context) error {
	if err := s.check(); err != nil {
		return err
	}
	now := s.State()
	if now.Elsewhere || now.Path == s.path() && !s.serves(now) { // a package's is only covered
		if err := now.refusing(); err != nil {
			return err
		}
	}
	return s.systemctl(ctx, "show-environment") // nothing is written where nobody reads it
}

func (s systemd) Install(ctx context.Context) error {
	active := s.Active(ctx)
	changed, err := s.enable(ctx)
	if err != nil {
		return err
	}
	if active && changed {
		return s.systemctl(ctx, "restart", unitName)
	}
	return s.Start(ctx)
}

func (s systemd) Enable(ctx context.Context) error {
	_, err := s.enable(ctx)
	return err
}

// enable has systemd start the node at login, and reports whether that changed the unit. It writes one where
// that of a package would not start the node of this directory.
func (s systemd) enable(ctx context.Context) (changed bool, err error) {
	before := read(s.path())
	text := before
	if !s.serves(s.State()) {
		text = s.text(before)
	}
	if text != before {
		if err := replace(s.path(), text); err != nil {
			return false, err
		}
	}
	if err := s.reload(ctx); err != nil {
		return false, err
	}
	if err := s.systemctl(ctx, "enable", unitName); err != nil {
		if before == "" && text != "" { // systemd looks elsewhere; nothing may seem to be installed
			err = errors.Join(err, remove(s.path()))
		}
		return false, err
	}
	return text != before, nil
}

// Disable leaves the unit where it is: the node that runs may be the unit's.
func (s systemd) Disable(ctx context.Context) error {
	now := s.State()
	switch {
	case now.Elsewhere:
		return now.refusing()
	case now.Everyones:
		return ErrEveryones
	case !now.Enabled:
		return nil
	}
	return s.systemctl(ctx, "disable", unitName)
}

func (s systemd) Remove(ctx context.Context) error {
	now := s.State()
	if now.Elsewhere {
		return now.refusing()
	}
	if !now.Installed {
		return nil
	}
	if err := s.systemctl(ctx, "disable", "--now", unitName); err != nil {
		return err
	}
	if linked(s.etc) {
		return ErrEveryones
	}
	if !now.Own {
		return nil
	}
	if err := remove(now.Path); err != nil {
		return err
	}
	return s.reload(ctx)
}

// Start starts it also where it has just failed so often that systemd would refuse to: whoever asks has
// put right what was wrong.
func (s systemd) Start(ctx context.Context) error {
	_, _ = ask(ctx, "systemctl", "--user", "reset-failed", unitName) // fails where there is nothing to reset
	return s.systemctl(ctx, "start", unitName)
}

func (s systemd) Settle(ctx context.Context) error { return s.systemctl(ctx, "stop", unitName) }

func (s systemd) Supervises() bool       { return true }
func (s systemd) RestartCommand() string { return "systemctl --user restart earshot" }
func (s systemd) LogCommand() string     { return "journalctl --user -u earshot -e" }
