package doctor

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/earshot-im/earshot/cmd/earshot/advice"
)

// Firewalls returns those of Linux whose commands fit this machine: those that are on, as far as
// their files say, or else those that are there.
func Firewalls() []string { return firewalls("/", os.Getenv("PATH")) }

// firewalls is Firewalls of a machine whose files are below root, for a user with this PATH.
func firewalls(root, path string) (out []string) {
	config, _ := os.ReadFile(filepath.Join(root, "etc/ufw/ufw.conf")) // everybody may read it
	if bytes.Contains(config, []byte("\nENABLED=yes")) {
		out = append(out, advice.UFW)
	}
	if _, err := os.Stat(filepath.Join(root, "run/firewalld.pid")); err == nil {
		out = append(out, advice.Firewalld)
	}
	if out != nil {
		return out
	}
	for _, f := range []struct{ name, program string }{
		{advice.UFW, "ufw"}, {advice.Firewalld, "firewall-cmd"}, {advice.NFTables, "nft"}, {advice.IPTables, "iptables"},
	} {
		// Where only administrators have them, others have no path to them.
		for _, folder := range append(filepath.SplitList(path), filepath.Join(root, "usr/sbin"), filepath.Join(root, "sbin")) {
			if _, err := exec.LookPath(filepath.Join(folder, f.program)); err == nil {
				out = append(out, f.name)
				break
			}
		}
	}
	return out
}
