//go:build root && linux

package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// The tests with the tag root install what is in ../dist on machines of their own. They need root,
// Linux, and from Debian mmdebstrap, systemd-container, lintian, rpm, rpmlint, cpio and desktop-file-utils. What the kernel
// does not let them do is skipped, with its words; nothing else is.
//
// Each machine is a folder with a Debian and a systemd of its own as process 1, in namespaces, with a
// network that nothing else is on.

// scratch is where machines and further builds are, until the tests end.
var scratch string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		if os.Getuid() != 0 {
			fmt.Fprintln(os.Stderr, "only root can start machines")
			return 1
		}
		var err error
		if scratch, err = os.MkdirTemp("/var/tmp", "earshot-dist-test"); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(scratch)
		return m.Run()
	}())
}

// suite is the Debian that packages are installed on; units must be good for an older one too.
const suite, olderSuite = "bookworm", "bullseye"

// refused is what the kernel says when a container may not do what it wants.
var refusal = regexp.MustCompile(`(?i)operation not permitted|permission denied|read-only file system|function not implemented`)

var (
	// base is a folder with a Debian that nothing was installed on. It is made once: at
	// EARSHOT_TEST_ROOT, if that is set and there is none yet, to be used again.
	base = sync.OnceValues(func() (string, error) {
		dir := os.Getenv("EARSHOT_TEST_ROOT")
		if dir == "" {
			dir = filepath.Join(scratch, suite)
		}
		if _, err := os.Stat(filepath.Join(dir, "usr")); err == nil {
			return dir, nil
		}
		return dir, debian(dir, suite, "apt", "systemd", "dbus", "dbus-user-session", "libpam-systemd", "iproute2", "ufw", "firewalld", "rpm")
	})

	// namespaces says whether there can be containers, as far as that is known without one.
	namespaces = sync.OnceValue(func() error {
		return try("unshare", "--mount", "--pid", "--fork", "--mount-proc", "--net", "--uts", "--ipc", "mount", "-t", "tmpfs", "none", "/tmp")
	})

	containers = sync.OnceValue(func() error {
		dir, err := base()
		if err != nil {
			return err
		}
		_, err = inside(dir, "true")
		return err
	})
)

// debian makes a folder with a Debian.
func debian(dir, suite, variant string, packages ...string) error {
	return try("mmdebstrap", "--quiet", "--mode=root", "--variant="+variant, "--include="+strings.Join(packages, ","),
		"--dpkgopt=force-unsafe-io", "--dpkgopt=path-exclude=/usr/share/locale/*", suite, dir)
}

// copied returns a copy of base in a folder of its own.
func copied(t *testing.T) string {
	t.Helper()
	skipIfRefused(t, namespaces())
	dir, err := base()
	must(t, err)
	skipIfRefused(t, containers())
	root := filepath.Join(t.TempDir(), strings.ToLower(t.Name())) // the machine is called as its folder
	output(t, "cp", "--archive", "--reflink=auto", dir, root)
	logouts := filepath.Join(root, "etc/systemd/logind.conf.d/at-once.conf")
	must(t, os.Mkdir(filepath.Dir(logouts), 0o755))
	must(t, os.WriteFile(logouts, []byte("[Login]\nUserStopDelaySec=0\n"), 0o644))
	// A firewall that runs would be another test.
	must(t, os.Symlink("/dev/null", filepath.Join(root, "etc/systemd/system/firewalld.service")))
	return root
}

func skipIfRefused(t *testing.T, err error) {
	t.Helper()
	if err != nil && refusal.MatchString(err.Error()) {
		t.Skipf("skipped: the kernel allows no containers here: %v", err)
	}
	must(t, err)
}

// inside runs a command in a root folder, with /proc, control groups and no network.
func inside(root, command string) (string, error) {
	c := exec.Command("systemd-nspawn", "--quiet", "--directory="+root, "--register=no", "--keep-unit", "--private-network", "--console=pipe",
		"--setenv=XDG_RUNTIME_DIR=/tmp", "--setenv=SYSTEMD_COLORS=0", "--setenv=SYSTEMD_LOG_COLOR=0", "bash", "-c", command+" 2>&1")
	var own bytes.Buffer
	c.Stderr = &own // of systemd-nspawn
	out, err := c.Output()
	if err != nil {
		err = fmt.Errorf("%s: %w\n%s%s", command, err, own.Bytes(), out)
	}
	return string(out), err
}

// try runs a program here. The error has what it printed.
func try(name string, args ...string) error {
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s %v: %w\n%s", name, args, err, out)
	}
	return nil
}

// output runs a program here, and returns what it prints.
func output(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
	return string(out)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// only returns the only file that a pattern in a folder stands for.
func only(t *testing.T, dir, pattern string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, pattern))
	must(t, err)
	if len(found) != 1 {
		t.Fatalf("%s has %d of %s; `make dist` first", dir, len(found), pattern)
	}
	return found[0]
}
