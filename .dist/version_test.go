package main

import (
	"os/exec"
	"strings"
	"testing"
	"time"
)

var commitTime = time.Date(2026, 11, 28, 17, 8, 14, 0, time.UTC)

// Each of these is older than the one below it.
var inOrder = []struct {
	described string
	when      time.Time
	version   string
}{
	{"5994ef3", commitTime.Add(-30 * time.Hour), "0~20261127.110814.5994ef3"},
	{"2a9cd17", commitTime, "0~20261128.170814.2a9cd17"},
	{"2a9cd17-dirty", commitTime, "0~20261128.170814.2a9cd17+dirty"},
	{"1234567", commitTime.Add(time.Second), "0~20261128.170815.1234567"},
	{"v0.1.0", commitTime, "0.1.0"},
	{"v0.1.0-4-g2a9cd17", commitTime, "0.1.0+4.g2a9cd17"},
	{"v0.1.0-12-g0000000", commitTime, "0.1.0+12.g0000000"},
	{"v0.1.1", commitTime, "0.1.1"},
	{"v1.0.0-beta-2", commitTime, "1.0.0~beta.2"},
	{"v1.0.0-rc.1", commitTime, "1.0.0~rc.1"},
	{"v1.0.0-rc.1-5-g2a9cd17", commitTime, "1.0.0~rc.1+5.g2a9cd17"},
	{"v1.0.0-rc.2", commitTime, "1.0.0~rc.2"},
	{"v1.0.0-rc.10", commitTime, "1.0.0~rc.10"},
	{"v1.0.0", commitTime, "1.0.0"},
	{"v1.0.0-dirty", commitTime, "1.0.0+dirty"},
	{"v1.10.0", commitTime, "1.10.0"},
	{"2.0", commitTime, "2.0"},
}

func TestPackageVersions(t *testing.T) {
	for _, v := range inOrder {
		if got, err := packageVersion(v.described, v.when); err != nil || got != v.version {
			t.Errorf("%s: %q, %v; want %q", v.described, got, err, v.version)
		}
	}
}

// What is no version must not become one that sorts by chance.
func TestWhatIsNoVersionIsRefused(t *testing.T) {
	for _, described := range []string{"", "dev", "v", "latest-4-g2a9cd17", "v1.0.0_1", "1.0.0 beta", "v1:2.0", "v1.0.0-rc~1"} {
		if got, err := packageVersion(described, commitTime); err == nil {
			t.Errorf("%q became %q", described, got)
		}
	}
}

// dpkg and rpm themselves say in which order packages replace each other.
func TestPackageManagersSortVersions(t *testing.T) {
	for name, later := range map[string]func(a, b string) bool{
		"dpkg": func(a, b string) bool { return exec.Command("dpkg", "--compare-versions", a, "lt", b).Run() == nil },
		"rpm": func(a, b string) bool {
			out, _ := exec.Command("rpm", "--eval", "%{lua: print(rpm.vercmp('"+a+"', '"+b+"'))}").Output()
			return strings.TrimSpace(string(out)) == "-1"
		},
	} {
		if _, err := exec.LookPath(name); err != nil {
			t.Logf("%s is not here", name)
			continue
		}
		for i := range inOrder[1:] {
			if a, b := inOrder[i].version, inOrder[i+1].version; !later(a, b) {
				t.Errorf("%s: %s is not before %s", name, a, b)
			}
		}
	}
}
