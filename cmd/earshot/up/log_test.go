//go:build unix

package up

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// aLog returns the log of a new directory, in which it is always the same time.
func aLog(t *testing.T) (l *logFile, dir string) {
	dir = t.TempDir()
	l, err := openLog(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.close(); err != nil {
			t.Error(err)
		}
	})
	l.now = func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 6e6, time.UTC) }
	return l, dir
}

const stamp = "2026-01-02T03:04:05.006Z "

func lines(t *testing.T, path string) []string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return strings.SplitAfter(string(b), "\n")
}

// The log has the newest of what was said, in two files that stay small, and goes on where it was.
func TestLogStaysSmall(t *testing.T) {
	l, dir := aLog(t)
	line := strings.Repeat("x", 1000-len(stamp)-1) + "\n"
	said := 0
	say := func(n int) {
		for range n {
			said++
			if _, err := l.Write([]byte(line)); err != nil {
				t.Fatal(err)
			}
		}
	}
	one, two := filepath.Join(dir, "log"), filepath.Join(dir, "log.1")
	say(maxLog / 1000)
	if info, err := os.Stat(one); err != nil || info.Size() != int64(said*1000) || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v, %v", info, err)
	}
	if _, err := os.Stat(two); err == nil {
		t.Fatal("begun anew too early")
	}
	now := l.now
	if err := l.close(); err != nil {
		t.Fatal(err)
	}
	again, err := openLog(dir) // as when the node is started again
	if err != nil {
		t.Fatal(err)
	}
	defer again.close()
	l = again
	l.now = now
	say(1)
	for path, want := range map[string]int{one: 1, two: maxLog / 1000} {
		if got := len(lines(t, path)) - 1; got != want {
			t.Errorf("%s has %d lines, want %d", path, got, want)
		}
	}
	say(3 * maxLog / 1000)
	for _, path := range []string{one, two} {
		if info, err := os.Stat(path); err != nil || info.Size() > maxLog {
			t.Errorf("%v, %v", info, err)
		}
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != 2 {
		t.Errorf("%v, %v", files, err)
	}
	if got := lines(t, one)[0]; got != stamp+line {
		t.Errorf("%.60q", got)
	}
	if _, err := l.Write(bytes.Repeat([]byte("y"), 2*maxLog)); err != nil {
		t.Fatal(err)
	}
	if got := lines(t, one); len(got) != 2 || len(got[0]) != maxLog {
		t.Errorf("%d lines", len(got))
	}
}

// Where the file can't be opened that is tried again with each line, and nothing grows.
func TestLogComesBack(t *testing.T) {
	l, dir := aLog(t)
	old := filepath.Join(dir, "log.1", "in the way")
	if err := os.MkdirAll(old, 0o700); err != nil {
		t.Fatal(err)
	}
	l.size = maxLog
	if _, err := l.Write([]byte("lost\n")); err == nil {
		t.Error("grew past its size")
	}
	if err := os.RemoveAll(filepath.Dir(old)); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Write([]byte("told\n")); err != nil {
		t.Fatal(err)
	}
	if got := lines(t, filepath.Join(dir, "log")); got[len(got)-2] != stamp+"told\n" {
		t.Errorf("%q", got)
	}
}

// What the runtime says of a crash is in the log as well.
func TestCrashIsInTheLog(t *testing.T) {
	if os.Getenv("EARSHOT_TEST_CRASH") != "" {
		if _, err := openLog(os.Getenv("EARSHOT_TEST_CRASH")); err != nil {
			t.Fatal(err)
		}
		done := make(chan struct{})
		go func() { panic("a fault") }() // recovered by nobody
		<-done
	}
	dir := t.TempDir()
	c := exec.Command(os.Args[0], "-test.run=^TestCrashIsInTheLog$")
	c.Env = append(os.Environ(), "EARSHOT_TEST_CRASH="+dir)
	if err := c.Run(); err == nil {
		t.Fatal("did not crash")
	}
	if got := strings.Join(lines(t, filepath.Join(dir, "log")), ""); !strings.Contains(got, "panic: a fault") {
		t.Errorf("%q", got)
	}
}

// What was put in the log's place is neither written into nor waited for.
func TestLogIsNoLinkAndNoPipe(t *testing.T) {
	for name, put := range map[string]func(path, other string) error{
		"link":           func(path, other string) error { return os.Symlink(other, path) },
		"link to nobody": func(path, other string) error { return os.Symlink(other+"2", path) },
		"pipe":           func(path, _ string) error { return unix.Mkfifo(path, 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			dir, elsewhere := t.TempDir(), t.TempDir()
			other := filepath.Join(elsewhere, "other")
			if err := os.WriteFile(other, []byte("mine"), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := put(filepath.Join(dir, logName), other); err != nil {
				t.Fatal(err)
			}
			opened := make(chan error, 1)
			var l *logFile
			go func() { // ends when the log is open, or with the test's process
				var err error
				l, err = openLog(dir)
				opened <- err
			}()
			select {
			case err := <-opened:
				if err == nil {
					t.Error("it was opened")
				}
			case <-time.After(10 * time.Second):
				t.Fatal("it is waited for")
			}
			if _, err := l.Write([]byte("line\n")); err == nil {
				t.Error("it was written into")
			}
			if b, _ := os.ReadFile(other); string(b) != "mine" {
				t.Errorf("the other file holds %q", b)
			}
			if files, _ := os.ReadDir(elsewhere); len(files) != 1 {
				t.Errorf("%d files are where the link leads", len(files))
			}
		})
	}
}

// Whoever starts a node in the background reads lines for people, and nothing of the program's log.
func TestWhatIsLoggedGoesToTheLog(t *testing.T) {
	dir := t.TempDir()
	var terminal strings.Builder
	o := &output{to: []io.Writer{&terminal}}
	logged := o.logger()
	fmt.Fprintln(logged, "before")
	o.begin(dir, "v1")
	fmt.Fprintln(logged, "after")
	fmt.Fprintln(o, "for people")
	if got := terminal.String(); got != "before\nfor people\n" {
		t.Errorf("the terminal shows %q", got)
	}
	b, err := os.ReadFile(filepath.Join(dir, logName))
	if err != nil || !strings.Contains(string(b), " after\n") || !strings.Contains(string(b), " for people\n") {
		t.Errorf("%v: the log has %q", err, b)
	}
	if err := o.file.close(); err != nil {
		t.Error(err)
	}
}
