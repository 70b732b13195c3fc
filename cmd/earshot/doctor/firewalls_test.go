package doctor

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/earshot-im/earshot/cmd/earshot/advice"
)

// What is on counts, or else what is there, wherever it is; on a machine with none nobody knows.
func TestFirewallsThatAreThere(t *testing.T) {
	const off, on = "# ENABLED=yes\nENABLED=no\n", "#\nENABLED=yes\n"
	for _, c := range []struct {
		files map[string]string
		want  []string
	}{
		{nil, nil},
		{map[string]string{"usr/sbin/nft": "", "bin/iptables": ""}, []string{advice.NFTables, advice.IPTables}},
		{map[string]string{"usr/sbin/ufw": "", "etc/ufw/ufw.conf": off, "sbin/nft": ""}, []string{advice.UFW, advice.NFTables}},
		{map[string]string{"usr/sbin/ufw": "", "etc/ufw/ufw.conf": on, "sbin/nft": ""}, []string{advice.UFW}},
		{map[string]string{"bin/firewall-cmd": "", "usr/sbin/nft": ""}, []string{advice.Firewalld, advice.NFTables}},
		{map[string]string{"run/firewalld.pid": "812", "usr/sbin/nft": "", "etc/ufw/ufw.conf": off}, []string{advice.Firewalld}},
	} {
		root := t.TempDir()
		for name, text := range c.files {
			path := filepath.Join(root, name)
			if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(text), 0o700); err != nil {
				t.Fatal(err)
			}
		}
		if got := firewalls(root, filepath.Join(root, "bin")); !slices.Equal(got, c.want) {
			t.Errorf("%v: %v, want %v", c.files, got, c.want)
		}
	}
}
