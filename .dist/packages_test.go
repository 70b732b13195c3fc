//go:build root && linux

package main

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
)

// manager is how packages of one kind are put on a machine and taken off.
type manager struct {
	file                   string // pattern of the package's file
	install, remove, purge string
	configuration          []string // what stays after remove, and goes with purge
}

var managers = map[string]manager{
	"deb": {
		file: "earshot_*_" + runtime.GOARCH + ".deb", install: "dpkg -i ", remove: "dpkg -r earshot", purge: "dpkg -P earshot",
		configuration: []string{"/etc/ufw/applications.d/earshot"},
	},
	"rpm": {
		file: "earshot-*." + map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[runtime.GOARCH] + ".rpm",
		// Debian's own packages are not in the database of rpm, so it can't know what is there.
		install: "rpm -U --nodeps --replacepkgs ", remove: "rpm -e earshot",
	},
}

const olderVersion = "0000001"

// older is where the packages of a commit of the day before are, made from the same source.
var older = sync.OnceValues(func() (string, error) {
	r := release{source: "..", version: olderVersion, targets: []target{host}, out: filepath.Join(scratch, "older"), staging: filepath.Join(scratch, "staging")}
	now, err := r.time()
	if err != nil {
		return "", err
	}
	r.when = now.AddDate(0, 0, -1)
	for _, dir := range []string{r.out, r.staging} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			return "", err
		}
	}
	return r.out, r.make()
})

func TestDeb(t *testing.T) { life(t, managers["deb"]) }
func TestRPM(t *testing.T) { life(t, managers["rpm"]) }

// life installs, updates and removes a package on a machine with two users and a bot.
func life(t *testing.T, by manager) {
	t.Parallel()
	whole := t
	root := copied(t)
	dir, err := older()
	must(t, err)
	before, now := only(t, dir, by.file), only(t, "../dist", by.file)
	for file, name := range map[*string]string{&before: "before", &now: "now"} {
		there := "/var/tmp/" + name + filepath.Ext(*file)
		output(t, "cp", *file, root+there)
		*file = there
	}
	m := start(t, root)
	m.do(t, "useradd --create-home --shell /bin/bash ann; useradd --create-home --shell /bin/bash bob; useradd --system ci")
	// Where rpm is at home, a package that every machine has owns the folder of all icons, so ours leaves it there.
	m.do(t, "mkdir --parents /usr/share/icons")
	untouched := m.files(t)

	step := func(name string, do func(t *testing.T)) {
		if !t.Run(name, do) {
			t.FailNow()
		}
	}
	step("InstallStartsNothingAndSaysHowTo", func(t *testing.T) {
		said := m.do(t, by.install+before)
		if n := strings.Count(said, "earshot: "); n != 1 || !strings.Contains(said, "earshot service install") {
			t.Errorf("it says in %d lines how to start it:\n%s", n, said)
		}
		if all := m.running(t); len(all) > 0 {
			t.Errorf("it runs %q", all)
		}
		if enabled := m.do(t, "find /etc/systemd -name '*earshot*'"); enabled != "" {
			t.Errorf("enabled is %s", enabled)
		}
	})
	step("MenuOfADesktopHasIt", func(t *testing.T) { // until it is removed, which leaves none of its files
		m.do(t, "test -s /usr/share/applications/earshot.desktop && test -s /usr/share/icons/hicolor/scalable/apps/earshot.svg")
	})
	step("UsersAndBotsStartIt", func(t *testing.T) {
		for _, user := range []string{"ann", "bob"} {
			m.login(whole, user)
			m.as(t, user, "earshot service install --name "+user)
		}
		m.do(t, "systemctl enable --quiet --now earshot@ci")
		for _, status := range []string{m.as(t, "ann", "earshot status"), m.bot(t, "status")} {
			if !strings.Contains(status, olderVersion) {
				t.Errorf("the status is\n%s", status)
			}
		}
	})
	step("NothingStartsABotBesideItsUnit", func(t *testing.T) {
		m.do(t, "systemctl stop earshot@ci")
		said, err := m.try("runuser -u ci -- earshot --dir /var/lib/earshot/ci up --detach")
		if err == nil || !strings.Contains(said, "systemctl start earshot@ci") {
			t.Errorf("%v: it says\n%s", err, said)
		}
		m.do(t, "systemctl start earshot@ci")
	})
	step("SendReachesTheOtherUser", func(t *testing.T) {
		m.as(t, "ann", untilThere("bob")+"; earshot send bob --wait delivered --timeout 30s 'Lunch at one?'")
		if got := m.as(t, "bob", "earshot recv"); !strings.Contains(got, "Lunch at one?") {
			t.Errorf("bob reads %q", got)
		}
	})
	if by.purge != "" {
		step("UpgradeKeepsToThePolicyOfTheMachine", func(t *testing.T) {
			m.do(t, `printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d; chmod +x /usr/sbin/policy-rc.d`)
			process := m.do(t, "systemctl show --property=MainPID earshot@ci")
			m.do(t, by.install+now)
			if p := m.do(t, "systemctl show --property=MainPID earshot@ci"); p != process {
				t.Errorf("it was %s and is %s", process, p)
			}
			m.do(t, "rm /usr/sbin/policy-rc.d")
		})
	}
	step("UpgradeRestartsAll", func(t *testing.T) {
		if said := m.do(t, by.install+now); strings.Contains(said, "earshot: ") {
			t.Errorf("it says\n%s", said)
		}
		m.do(t, "systemctl is-active earshot@ci")
		if status := m.bot(t, "status"); strings.Contains(status, olderVersion) {
			t.Errorf("the bot's status is\n%s", status)
		}
		for _, user := range []string{"ann", "bob"} {
			m.as(t, user, "until status=$(earshot status) && ! grep --quiet "+olderVersion+" <<<$status; do sleep 0.1; done")
		}
	})
	step("ItRunsAfterTheMachineIsStartedAgain", func(t *testing.T) {
		m.stop()
		m = start(whole, root)
		m.login(whole, "ann")
		m.login(whole, "bob")
		m.as(t, "ann", untilRuns)
		m.as(t, "bob", untilRuns+untilThere("ann")+"; earshot send ann --wait delivered --timeout 30s 'At one.'")
		if got := m.as(t, "ann", "earshot recv"); !strings.Contains(got, "At one.") {
			t.Errorf("ann reads %q", got)
		}
		if all := m.running(t); len(all) != 3 {
			t.Errorf("it runs %q", all)
		}
	})
	step("RemoveLeavesNoProcessAndAllData", func(t *testing.T) {
		m.as(t, "ann", "earshot --dir /home/ann/second up --detach --name second") // no unit knows of this one
		kept := m.do(t, dataOf)
		said := m.do(t, by.remove)
		for _, where := range []string{".local/share/earshot", "/var/lib/earshot"} {
			if !strings.Contains(said, where) {
				t.Errorf("it doesn't say that %s stays:\n%s", where, said)
			}
		}
		if all := m.running(t); len(all) > 0 {
			t.Errorf("it runs %q", all)
		}
		if after := m.do(t, dataOf); after != kept {
			t.Errorf("of the data\n%s\nthere is\n%s", kept, after)
		}
		same(t, m.left(t, untouched), append(slices.Clone(by.configuration), enabledBot))
	})
	if by.purge != "" {
		step("PurgeLeavesTheDataOnly", func(t *testing.T) {
			kept := m.do(t, dataOf)
			m.do(t, by.purge)
			if after := m.do(t, dataOf); after != kept {
				t.Errorf("of the data\n%s\nthere is\n%s", kept, after)
			}
			same(t, m.left(t, untouched), nil)
		})
	}
}

const (
	untilRuns = "until earshot status; do sleep 0.1; done; "
	// enabledBot is the administrator's decision that the bot starts with the machine.
	enabledBot = "/etc/systemd/system/multi-user.target.wants/earshot@ci.service"
	// dataOf lists what people and the bot have.
	dataOf = "find /home/*/.local/share/earshot /home/ann/second /var/lib/earshot -type f ! -name '*.sock' -printf '%p %U\n' 2>/dev/null | sort"
)

// untilThere waits until somebody is seen, and says who is if that takes too long.
func untilThere(name string) string {
	return "exec 3< <(exec earshot peers --watch); watching=$!; " +
		"timeout 30 grep --quiet --max-count=1 " + name + " <&3 || { earshot peers --json; earshot status; exit 1; }; kill $watching"
}

// bot has the bot of the machine run a command.
func (m *machine) bot(t *testing.T, command string) string {
	t.Helper()
	return m.do(t, "runuser -u ci -- earshot --dir /var/lib/earshot/ci "+command)
}

// left lists what there is, beside data, that was not there before.
func (m *machine) left(t *testing.T, before []string) []string {
	t.Helper()
	return slices.DeleteFunc(m.files(t), func(path string) bool {
		_, there := slices.BinarySearch(before, path)
		return there || strings.HasPrefix(path, "/var/lib/earshot")
	})
}

func same(t *testing.T, got, want []string) {
	t.Helper()
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("there is\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// A machine on which no systemd runs, as when an image is made: nothing is tried that needs one.
func TestDebWithoutSystemd(t *testing.T) {
	t.Parallel()
	root := copied(t)
	deb := managers["deb"]
	output(t, "cp", only(t, "../dist", deb.file), filepath.Join(root, "earshot.deb"))
	for _, step := range []struct{ command, says string }{
		{"dpkg -i /earshot.deb", "earshot service install"},
		{deb.remove, "/var/lib/earshot"},
		{deb.purge, ""},
	} {
		said, err := inside(root, step.command)
		must(t, err)
		for line := range strings.Lines(said) {
			if strings.Contains(line, "ystemctl") || strings.Contains(line, "warning") {
				t.Errorf("%s: %s", step.command, line)
			}
		}
		if !strings.Contains(said, step.says) {
			t.Errorf("%s says\n%s", step.command, said)
		}
	}
}
