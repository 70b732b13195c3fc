package desktop

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// asksFor is how long the system may take to say where a folder is.
const asksFor = 2 * time.Second

// Downloads returns the folder of downloads of the user with this home, "" if there is none.
func Downloads(ctx context.Context, home string) string {
	if home == "" {
		return ""
	}
	ctx, cancel := context.WithTimeout(ctx, asksFor)
	defer cancel()
	said, err := exec.CommandContext(ctx, "xdg-user-dir", "DOWNLOAD").Output() // where there is no such program, the name is the usual one
	dir := strings.TrimSpace(string(said))
	if err != nil || !filepath.IsAbs(dir) || filepath.Clean(dir) == filepath.Clean(home) { // as it says where it does not know
		dir = filepath.Join(home, "Downloads")
	}
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return ""
	}
	return dir
}
