package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/earshot-im/earshot/crypto"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
	"github.com/earshot-im/earshot/store"
)

// said puts checks into one line each: name, code and whether nothing is wrong.
func said(checks []*earshotv1.Check) string {
	var all []string
	for _, c := range checks {
		all = append(all, fmt.Sprint(c.Check, " ", c.Code, " ", c.Ok))
	}
	return strings.Join(all, ", ")
}

// made returns a directory in which a node has run.
func made(t *testing.T, passphrase string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "node")
	s, err := store.Open(store.Config{Dir: dir, Passphrase: []byte(passphrase)})
	if err == nil {
		err = s.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func files(dir, passphrase string) string {
	checks, _ := (&Examiner{Dir: dir, Passphrase: []byte(passphrase)}).files(context.Background())
	return said(checks)
}

// Each fault of the files of a stopped node is named; with none, only the node is missing.
func TestFilesOfAStoppedNode(t *testing.T) {
	for _, c := range []struct {
		what string
		do   func(dir string) error
		pass string
		want string
	}{
		{"nothing", func(string) error { return nil }, "right", "node stopped false, keyring  true, database  true"},
		{"no passphrase", func(string) error { return nil }, "", "node stopped false, keyring passphrase false, database  true"},
		{"another passphrase", func(string) error { return nil }, "wrong", "node stopped false, keyring wrong_passphrase false, database  true"},
		{"a damaged keyring", func(dir string) error { return os.Truncate(store.KeyringFile(dir), 9) }, "right", "node stopped false, keyring damaged false, database  true"},
		{"no keyring", func(dir string) error { return os.Remove(store.KeyringFile(dir)) }, "right", "node stopped false, keyring missing false, database  true"},
		{"a damaged database", func(dir string) error { return os.Truncate(store.DatabaseFile(dir), 9000) }, "right", "node stopped false, keyring  true, database damaged false"},
		{"others may enter", func(dir string) error { return os.Chmod(dir, 0o755) }, "right", "node stopped false, keyring not_private false, database  true"},
		{"a link", func(dir string) error {
			return errors.Join(os.Rename(store.KeyringFile(dir), filepath.Join(dir, "k")), os.Symlink("k", store.KeyringFile(dir)))
		}, "right", "node stopped false, keyring not_private false, database  true"},
		{"no directory", os.RemoveAll, "right", "node new false"},
	} {
		dir := made(t, "right")
		if err := c.do(dir); err != nil {
			t.Fatal(err)
		}
		if got := files(dir, c.pass); got != c.want {
			t.Errorf("%s: %s, want %s", c.what, got, c.want)
		}
	}
}

// A directory that another process has is left alone.
func TestDirectoryOfAProcess(t *testing.T) {
	dir := made(t, "")
	s, err := store.Open(store.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	checks, _ := (&Examiner{Dir: dir}).files(context.Background())
	if said(checks) != "node not_answering false" || checks[0].Values.Pid != uint32(os.Getpid()) {
		t.Errorf("%v", checks)
	}
	if err := os.Chmod(dir, 0o755); err != nil { // commands refuse to ask there
		t.Fatal(err)
	}
	if got := files(dir, ""); got != "node  true, keyring not_private false" {
		t.Error(got)
	}
}

// Where the port of a stopped node is another's now, that can only be found out by the port.
func TestPortOfAStoppedNode(t *testing.T) {
	for _, c := range []struct {
		listen, last string
		want         uint16
	}{{"", "", 0}, {"", "27833", 27833}, {"4001", "27833", 4001}, {"/ip4/192.0.2.7/tcp/4002", "", 4002}} {
		dir := made(t, "")
		s, err := store.Open(store.Config{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		running, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- s.Run(running) }()
		err = errors.Join(s.Book().SetSetting(t.Context(), "listen", c.listen), s.Book().SetSetting(t.Context(), "port", c.last))
		stop()
		if err := errors.Join(err, <-ended, s.Close()); err != nil {
			t.Fatal(err)
		}
		checks, port := (&Examiner{Dir: dir}).files(t.Context())
		if port != c.want || said(checks) != "node stopped false, keyring  true, database  true" {
			t.Errorf("%+v: port %d, %s", c, port, said(checks))
		}
	}
}

// What the system refuses is told as that, and damage as damage.
func TestWhatCantBeReadIsNotDamaged(t *testing.T) {
	denied := &fs.PathError{Op: "open", Path: "x", Err: fs.ErrPermission}
	for _, c := range []struct {
		check *earshotv1.Check
		want  string
	}{
		{ofKeyring("d", denied), Unreadable},
		{ofDatabase("d", denied), Unreadable},
		{ofKeyring("d", fmt.Errorf("%w: %w", store.ErrNewer, crypto.ErrNewer)), Newer},
		{ofDatabase("d", store.ErrNewer), Newer},
		{ofDatabase("d", store.ErrDamaged), Damaged},
		{ofDatabase("d", store.ErrNotPrivate), Unreadable},
	} {
		if c.check.Code != c.want || c.check.Ok || c.check.About == "" || c.check.Detail == "" {
			t.Errorf("%v, want %s", c.check, c.want)
		}
	}
	if c := ofDatabase("d", context.DeadlineExceeded); c.Code != Unfinished || !c.Ok {
		t.Errorf("a database that is large: %v", c)
	}
}

// A node of another version than the one that is installed has to be started again.
func TestAnOldProgramRuns(t *testing.T) {
	dir := made(t, "")
	if got := said(Running(dir, "v1", "v2", true)); got != "node  true, program old false" {
		t.Error(got)
	}
	if got := said(Running(dir, "v2", "v2", false)); got != "node  true, program old false" {
		t.Error(got)
	}
	if got := said(Running(dir, "v2", "v2", true)); got != "node  true, program  true" {
		t.Error(got)
	}
}

// A program whose file was replaced is old, whatever its version.
func TestAReplacedProgramIsNoticed(t *testing.T) {
	if _, err := os.Readlink("/proc/self/exe"); err != nil {
		t.Skip("the system does not say which file a process runs")
	}
	sleep, err := exec.LookPath("sleep")
	if err != nil {
		t.Skip(err)
	}
	b, err := os.ReadFile(sleep)
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(t.TempDir(), "sleep")
	if err := os.WriteFile(program, b, 0o700); err != nil {
		t.Fatal(err)
	}
	c := exec.Command(program, "60")
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = c.Process.Kill()
		_ = c.Wait()
	}()
	if replaced(c.Process.Pid) {
		t.Error("it was not replaced yet")
	}
	if err := os.Remove(program); err != nil {
		t.Fatal(err)
	}
	if !replaced(c.Process.Pid) {
		t.Error("it was replaced, and that was not noticed")
	}
}
