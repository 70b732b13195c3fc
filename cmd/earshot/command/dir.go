package command

import (
	"os"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"

	"github.com/earshot-im/earshot/cmd/earshot/problem"
	"github.com/earshot-im/earshot/cmd/earshot/service"
)

// Prepare finds out which directory the node is in.
func (a *App) Prepare() error { return a.locate(Home()) }

// locate is Prepare for a user with this home.
func (a *App) locate(home string) (err error) {
	if a.Dir == "" {
		a.Dir = os.Getenv("EARSHOT_DIR")
	}
	if a.Dir == "" {
		dir, ok := defaultDir(home)
		if !ok {
			return problem.Failed(problem.CodeHome, "it is not known where your home directory is")
		}
		a.Dir = dir
	}
	if a.Dir, err = filepath.Abs(a.Dir); err != nil {
		return problem.Failed(problem.CodeHome, "%v", err)
	}
	a.Dir = service.Resolved(a.Dir)
	return nil
}

// Usual reports whether the directory is the one that is taken where none is named.
func (a *App) Usual() bool {
	dir, ok := defaultDir(Home())
	return ok && service.Resolved(dir) == a.Dir
}

// defaultDir is where the platform keeps the data of a user's programs. It is not ok if nothing says
// where that is: an identity must not be made in whatever directory the user happens to be in.
func defaultDir(home string) (dir string, ok bool) {
	var base string
	switch runtime.GOOS {
	case "windows":
		base = os.Getenv("LocalAppData")
	case "darwin", "ios":
		base = filepath.Join(home, "Library", "Application Support")
	default:
		base = os.Getenv("XDG_DATA_HOME")
		if !filepath.IsAbs(base) {
			base = filepath.Join(home, ".local", "share")
		}
	}
	return filepath.Join(base, "earshot"), filepath.IsAbs(base)
}

// Home returns the user's home directory: as the environment says or, where that says nothing, as
// the system's list of users does. It is empty if neither does.
func Home() string {
	if dir, err := os.UserHomeDir(); err == nil && filepath.IsAbs(dir) {
		return dir
	}
	u, err := user.LookupId(strconv.Itoa(os.Getuid()))
	if err != nil || !filepath.IsAbs(u.HomeDir) {
		return ""
	}
	return u.HomeDir
}

// DefaultDirText is where that is, as people are told.
func DefaultDirText() string {
	if dir, ok := defaultDir(Home()); ok {
		return dir
	}
	return "earshot in your home directory, which is not known"
}
