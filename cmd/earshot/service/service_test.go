package service

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the expected texts into testdata")

// golden compares a text with a file of testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil || got != string(want) {
		t.Errorf("%s: %v\n got %s\nwant %s", name, err, got, want)
	}
}

// odd has in its paths what each of the formats has to be careful about.
var odd = Config{Program: `/opt/50% off $HOME/earshot`, Dir: `/home/ann/it's $HOME & <"mine">\`, PassphraseFile: "/home/ann/pass word", Home: "/home/ann"}

// The three texts by which a system starts the node.
func TestWhatIsWritten(t *testing.T) {
	golden(t, "earshot.service", newSystemd(odd).text(""))
	golden(t, "im.earshot.node.plist", newLaunchd(odd).text())
	windows := Config{Program: `C:\Program Files\earshot.exe`, Dir: `C:\Users\Ann Bee\earshot\`, PassphraseFile: `C:\a"b\"c`}
	golden(t, "run_key", runKey{windows}.value()+"\n")
	golden(t, "run_key_plain", runKey{Config{Program: `C:\earshot.exe`, Dir: `C:\data`}}.value()+"\n")
}

// The unit of the packages and the one that is written differ in the program and the directory only.
func TestOneUnitText(t *testing.T) {
	if strings.Count(unit, "\n"+packagedStart+"\n") != 1 || strings.Count(unit, "ExecStart") != 1 {
		t.Fatalf("the unit has no line %q", packagedStart)
	}
	s := newSystemd(Config{Program: "/usr/bin/earshot", Dir: "/x"})
	if got := strings.Replace(strings.TrimPrefix(s.text(""), written), "earshot --dir=/x up", "earshot up", 1); got != unit {
		t.Errorf("written is\n%s", got)
	}
}

// A unit is told by its text to be this directory's, another's, or somebody else's.
func TestWhoseServiceItIs(t *testing.T) {
	ann := Config{Program: "/usr/local/bin/earshot", Dir: "/home/ann/.local/share/earshot", Home: "/home/ann"}
	bot := ann
	bot.Dir = "/srv/bot"
	long := ann
	long.Dir = "/srv/bot too"
	const none, packaged, users = "", "packaged", "users"
	for name, test := range map[string]struct {
		place, text string
		enabled     bool
		want        State // without Kind and Path
	}{
		"nothing":                     {none, "", false, State{}},
		"own":                         {users, newSystemd(ann).text(""), true, State{Installed: true, Enabled: true, Own: true}},
		"own, odd":                    {users, newSystemd(odd).text(""), true, State{Elsewhere: true, Own: true}},
		"own, disabled":               {users, newSystemd(ann).text(""), false, State{Installed: true, Own: true}},
		"own, another's":              {users, newSystemd(bot).text(""), true, State{Elsewhere: true, Own: true}},
		"by hand":                     {users, unit, true, State{Installed: true, Enabled: true}},
		"masked":                      {users, "masked", true, State{}},
		"of a package, not this user": {packaged, unit, false, State{}},
		"of a package":                {packaged, unit, true, State{Installed: true, Enabled: true}},
	} {
		s := newSystemd(ann)
		root := t.TempDir()
		s.own, s.places, s.etc = filepath.Join(root, users), []string{filepath.Join(root, "etc"), filepath.Join(root, packaged)}, filepath.Join(root, "etc")
		path := ""
		switch {
		case test.text == "masked":
			if err := errors.Join(os.Mkdir(s.own, 0o755), os.Symlink("/dev/null", filepath.Join(s.own, unitName))); err != nil {
				t.Fatal(err)
			}
		case test.place != none:
			path = filepath.Join(root, test.place, unitName)
			if err := replace(path, test.text); err != nil {
				t.Fatal(err)
			}
		}
		if test.enabled {
			wants := filepath.Join(s.own, "default.target.wants")
			if err := errors.Join(os.MkdirAll(wants, 0o755), os.Symlink("/nowhere", filepath.Join(wants, unitName))); err != nil {
				t.Fatal(err)
			}
		}
		test.want.Kind, test.want.Path = Systemd, path
		if got := s.State(); got != test.want {
			t.Errorf("%s: %+v, want %+v", name, got, test.want)
		}
	}
	// A path that begins like another, or that has to be quoted, is not taken for it.
	for _, c := range []Config{ann, bot, long, odd} {
		for _, other := range []Config{ann, bot, long, odd} {
			same := c.Dir == other.Dir
			if newSystemd(c).starts(newSystemd(other).text("")) != same {
				t.Errorf("systemd: %q taken for %q", other.Dir, c.Dir)
			}
			if got := (runKey{c}).state(runKey{other}.value()); got.Installed != same || got.Elsewhere == same || !got.Own {
				t.Errorf("Run key: %q for %q: %+v", other.Dir, c.Dir, got)
			}
			l := launchd{Config: c, path: filepath.Join(t.TempDir(), "plist")}
			if err := replace(l.path, newLaunchd(other).text()); err != nil {
				t.Fatal(err)
			}
			if got := l.State(); got.Installed != same || got.Elsewhere == same || !got.Own || got.Opens != (c.PassphraseFile == other.PassphraseFile && c.PassphraseFile != "") {
				t.Errorf("launchd: %q for %q: %+v", other.Dir, c.Dir, got)
			}
		}
	}
}

// A directory has one name, whether it is there or not.
func TestLinksAreResolved(t *testing.T) {
	root := Resolved(t.TempDir())
	real, link := filepath.Join(root, "real"), filepath.Join(root, "link")
	if err := os.Mkdir(real, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("real", link); err != nil {
		t.Skip(err)
	}
	for dir, want := range map[string]string{
		link: real, filepath.Join(link, "a", "b"): filepath.Join(real, "a", "b"), filepath.Join(real, "a"): filepath.Join(real, "a"), "/": "/",
	} {
		if got := Resolved(dir); got != want {
			t.Errorf("%s: %s, want %s", dir, got, want)
		}
	}
}

// What the owner of a unit has changed in it stays when it is written again.
func TestChangesOfAUnitStay(t *testing.T) {
	for _, c := range []Config{{Program: "/old/earshot", Dir: "/srv/bot", Home: "/home/ann"}, odd} {
		changed := strings.Replace(newSystemd(c).text(""), "RestartSec=1\n", "RestartSec=7\nEnvironment=A=B\n", 1)
		changed = strings.Replace(changed, " up --restart-on-update", " up --restart-on-update --no-mdns", 1)
		now := c
		now.Program, now.PassphraseFile = "/opt/new 1/earshot", ""
		want := strings.Replace(changed, newSystemd(c).programWord()+" ", `"/opt/new 1/earshot" `, 1)
		if got := newSystemd(now).text(changed); got != want {
			t.Errorf("another program:\n%s\nwant\n%s", got, want)
		}
		now.PassphraseFile = "/new"
		got := newSystemd(now).text(changed)
		if !strings.Contains(got, "RestartSec=7\nEnvironment=A=B\n") || startLine(got) != startLine(newSystemd(now).text("")) {
			t.Errorf("another passphrase file:\n%s", got)
		}
		if got := newSystemd(c).text("[Service]\nExecStart=/x --dir=/other\n"); got != newSystemd(c).text("") {
			t.Errorf("for another's:\n%s", got)
		}
	}
}

// A path that could add a line to a unit, or would be ignored or be another one there, is refused.
func TestPathsAddNoLine(t *testing.T) {
	for _, c := range []Config{
		{Program: "/x", Dir: "/a\nExecStartPre=/bad"},
		{Program: "/x\n", Dir: "/a"},
		{Program: "/x", Dir: "/a", PassphraseFile: "/p\r"},
		{Program: "/x", Dir: "/a\xff"},
		{Program: "/x", Dir: "/a\uffff"},
	} {
		c.Home = "/home/ann"
		if err := c.check(); !errors.Is(err, ErrPath) {
			t.Errorf("%q: %v", c, err)
		}
	}
	if err := odd.check(); err != nil {
		t.Error(err)
	}
}

// Who has no home directory has no service: a unit below the current directory was taken for theirs.
func TestWithoutAHomeThereIsNoService(t *testing.T) {
	t.Chdir(t.TempDir())
	t.Setenv("XDG_CONFIG_HOME", "")
	c := Config{Program: "/x", Dir: "/srv/bot"}
	for path, text := range map[string]string{newSystemd(c).path(): newSystemd(c).text(""), newLaunchd(c).path: newLaunchd(c).text()} {
		if err := replace(path, text); err != nil {
			t.Fatal(err)
		}
	}
	for _, s := range []Service{newSystemd(c), newLaunchd(c)} {
		if got := s.State(); got.Installed || got.Elsewhere || got.Path != "" {
			t.Errorf("%+v", got)
		}
	}
}

// Windows runs no longer line than that, and says nothing.
func TestALongRunKeyIsRefused(t *testing.T) {
	r := runKey{Config{Program: `C:\earshot.exe`, Home: `C:\`}}
	r.Dir = `C:\` + strings.Repeat("ä", longestLine-len(r.value())-len(`C:\`))
	if err := r.Check(t.Context()); err != nil {
		t.Error(err)
	}
	r.Dir += "ä"
	if err := r.Check(t.Context()); !errors.Is(err, ErrPath) {
		t.Error(err)
	}
}

// TestBotsAreTheSystems: the node of a bot could be started beside its unit, which then failed.
func TestBotsAreTheSystems(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux has units")
	}
	place, all := t.TempDir(), botPlaces
	t.Cleanup(func() { botPlaces = all })
	botPlaces = []string{filepath.Join(place, "none"), place}
	if got := OfSystem("/var/lib/earshot/ci"); got != "" {
		t.Errorf("without the unit: %q", got)
	}
	if err := os.WriteFile(filepath.Join(place, "earshot@.service"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for dir, want := range map[string]string{"/var/lib/earshot/ci": "earshot@ci", "/var/lib/earshot": "", "/var/lib/earshot/ci/more": "", "/var/lib/earshot/$HOME": "", "/home/ann/.local/share/earshot": ""} {
		if got := OfSystem(dir); got != want {
			t.Errorf("%s: %q, want %q", dir, got, want)
		}
	}
}
