//go:build unix

package up

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

// TestSudoMakesNothingInTheHomeOfItsCaller: `sudo earshot up` made ~/.local of a new user as root's.
func TestSudoMakesNothingInTheHomeOfItsCaller(t *testing.T) {
	home, me := t.TempDir(), os.Getuid()
	dir := filepath.Join(home, ".local", "share", "earshot")
	for name, test := range map[string]struct {
		sudo, dir string
		user      int
		refused   bool
	}{
		"by sudo":              {strconv.Itoa(me), dir, me + 1, true},
		"without sudo":         {"", dir, me + 1, false},
		"as oneself":           {strconv.Itoa(me), dir, me, false},
		"elsewhere":            {strconv.Itoa(me), home + "-of-nobody/earshot", me + 1, false},
		"in a home of its own": {strconv.Itoa(me + 1), dir, me + 2, false},
		"in one that is there": {strconv.Itoa(me), home + "/", me + 1, false},
		"in the home itself":   {strconv.Itoa(me), home, me + 1, false},
	} {
		t.Setenv("SUDO_UID", test.sudo)
		if err := checkHome(home, test.dir, test.user); (err != nil) != test.refused {
			t.Errorf("%s: %v", name, err)
		}
	}
}
