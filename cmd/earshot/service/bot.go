package service

import (
	"os"
	"path/filepath"
	"regexp"
	"runtime"
)

// Packages have a unit of the system for bots, earshot@.service: earshot@NAME runs as the user NAME,
// and its directory is NAME below botDirs. It is the administrator's, and nothing here starts it.
const (
	botUnit = "earshot@"
	botDirs = "/var/lib/earshot"
)

// userName matches what can be the name of a user, and stands in a shell and in a unit's name as it is.
var userName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]*$`)

// botPlaces are where units of the system are.
var botPlaces = []string{"/etc/systemd/system", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"}

// OfSystem returns the unit of the system that is for the node of a directory, as "earshot@ci"; "" if
// there is none.
func OfSystem(dir string) string {
	if runtime.GOOS != "linux" || filepath.Dir(dir) != Resolved(botDirs) || !userName.MatchString(filepath.Base(dir)) {
		return ""
	}
	for _, place := range botPlaces {
		if _, err := os.Stat(filepath.Join(place, botUnit+".service")); err == nil {
			return botUnit + filepath.Base(dir)
		}
	}
	return ""
}
