//go:build lab && linux

package lab

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// capture records every frame that passes a cable until the function that it returns is called,
// which returns them.
func (c *cable) capture() func() []byte {
	c.Helper()
	link, err := net.InterfaceByName(c.far)
	if err != nil {
		c.Fatal(err)
	}
	const everything = syscall.ETH_P_ALL<<8&0xff00 | syscall.ETH_P_ALL>>8 // in network order
	fd, err := syscall.Socket(syscall.AF_PACKET, syscall.SOCK_RAW|syscall.SOCK_CLOEXEC|syscall.SOCK_NONBLOCK, everything)
	if err != nil {
		c.Fatalf("capture: %v", err)
	}
	// As a file, a read waits for a deadline like any other.
	wire := os.NewFile(uintptr(fd), "wire")
	if err := syscall.Bind(fd, &syscall.SockaddrLinklayer{Protocol: everything, Ifindex: link.Index}); err != nil {
		c.Fatalf("capture: %v", err)
	}
	captured := make(chan []byte, 1)
	go func() {
		var all []byte
		for frame := make([]byte, 1<<16); ; {
			n, err := wire.Read(frame)
			if err != nil {
				captured <- all
				return
			}
			all = append(all, frame[:n]...)
		}
	}()
	return func() []byte {
		wire.SetReadDeadline(time.Now())
		defer wire.Close()
		return <-captured
	}
}

// betrays lists which secrets are in data, as they are or in an encoding that hides nothing.
func betrays(data []byte, secrets []string) (found []string) {
	lower := bytes.ToLower(data)
	for _, s := range secrets {
		plain := []byte(strings.ToLower(s))
		forms := [][]byte{plain, []byte(hex.EncodeToString([]byte(s)))}
		for shift := range 3 {
			// Without the ends, which base64 mixes with what stands beside. What is left of a short
			// word may occur by chance.
			encoded := base64.RawStdEncoding.EncodeToString(append(make([]byte, shift), s...))
			if middle := encoded[4 : len(encoded)-4]; len(middle) >= 8 {
				forms = append(forms, bytes.ToLower([]byte(middle)))
			}
		}
		for _, f := range forms {
			if bytes.Contains(lower, f) {
				found = append(found, s)
				break
			}
		}
	}
	return found
}

func TestNothingReadable(t *testing.T) {
	l := newLab(t)
	hosts, cables := l.hosts(l.bridge(), 2)
	stop := cables[0].capture()
	ann, bob := hosts[0].up("Annegret Quendel"), hosts[1].up("Bobbelin Quast")
	meet(promised, ann, bob)
	secrets := []string{
		"Annegret Quendel", "Annegret", "Bobbelin Quast", "Bobbelin", "Klabautermann", "Die Kasse ist unter der Treppe",
		"geheimer-schluessel-1", "noch einmal davon", "Wird nie verschickt", "Briefleser",
	}
	first := ann.one("send", "Bobbelin Quast", "Die Kasse ist unter der Treppe", "--key", "geheimer-schluessel-1",
		"--wait", "delivered", "--timeout", promised.String())
	ann.must("contacts", "name", bob.person, "Klabautermann")
	bob.must("recv")
	bob.must("recv", "--as", "Briefleser")
	bob.must("send", ann.person, "noch einmal davon", "--reply-to", first.text("id"), "--wait", "delivered", "--timeout", promised.String())
	if got := ann.must("recv"); len(got) != 1 || got[0].text("text") != "noch einmal davon" {
		t.Errorf("Ann reads %v", got)
	}
	for _, n := range []*node{ann, bob} {
		private(n)
	}
	bob.down()
	ann.must("send", "Klabautermann", "Wird nie verschickt")

	wire := stop()
	if !bytes.Contains(wire, []byte("_earshot")) || len(wire) < 4096 {
		t.Fatalf("the capture of %d bytes holds no announcement: it proves nothing", len(wire))
	}
	if found := betrays(wire, secrets); len(found) > 0 {
		t.Errorf("on the wire: %q", found)
	}
	t.Logf("captured %d bytes", len(wire))
	for round, end := range []func(){ann.kill, ann.down} {
		end()
		for _, n := range []*node{ann, bob} {
			n.searchDir(secrets)
			if log, err := os.ReadFile(n.log); err != nil {
				t.Error(err)
			} else if found := betrays(log, secrets); len(found) > 0 {
				t.Errorf("in the diagnostics of %s: %q", n.name, found)
			}
		}
		if round == 0 {
			ann.start()
		}
	}
}

// searchDir looks for secrets in every file of the data directory.
func (n *node) searchDir(secrets []string) {
	n.Helper()
	files := 0
	n.walk(func(path string, info fs.FileInfo) {
		if !info.Mode().IsRegular() {
			return
		}
		files++
		data, err := os.ReadFile(path)
		if err != nil {
			n.Error(err)
		}
		if found := betrays(data, secrets); len(found) > 0 {
			n.Errorf("in %s of %s: %q", filepath.Base(path), n.name, found)
		}
	})
	if files < 2 {
		n.Errorf("the directory of %s holds %d files, want keys and a database", n.name, files)
	}
}

// private expects that nobody but the owner may do anything with what is in the data directory.
func private(n *node) {
	n.Helper()
	n.walk(func(path string, info fs.FileInfo) {
		want := fs.FileMode(0o600)
		if info.IsDir() {
			want = 0o700
		}
		if got := info.Mode().Perm(); got != want && (info.Mode().Type() != fs.ModeSocket || got&0o077 != 0) {
			n.Errorf("%s of %s has mode %v, want %v", filepath.Base(path), n.name, got, want)
		}
	})
}

func (n *node) walk(see func(path string, info fs.FileInfo)) {
	n.Helper()
	err := filepath.Walk(n.dir, func(path string, info fs.FileInfo, err error) error {
		if err == nil {
			see(path, info)
		}
		return err
	})
	if err != nil {
		n.Error(err)
	}
}
