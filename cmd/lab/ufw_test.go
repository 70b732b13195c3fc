//go:build lab && linux

package lab

import (
	"os"
	"path/filepath"
)

// hasUFW gives the host ufw, the firewall of Ubuntu and of many Debians, switched on: it lets nothing
// in that was not asked for. It keeps its rules in /etc/ufw, in place of which each of its commands
// sees a folder of this host's.
func (n *node) hasUFW() {
	n.Helper()
	folder, err := os.MkdirTemp(root, "u")
	if err != nil {
		n.Fatal(err)
	}
	n.Cleanup(func() { os.RemoveAll(folder) })
	rules := filepath.Join(folder, "ufw")
	n.command("cp", "-a", "/etc/ufw", rules)
	n.runsIn = []string{"unshare", "-m", "sh", "-c", "mount --bind " + rules + ` /etc/ufw && exec "$@"`, "sh"}
	n.types("sudo ufw --force enable")
	n.typed = nil
}
