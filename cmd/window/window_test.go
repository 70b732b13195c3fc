//go:build unix

package window

import (
	"os/exec"
	"strings"
	"testing"
)

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A program is shown what is typed, and what it writes is there to see, until the window is closed.
func TestProgramInATerminal(t *testing.T) {
	s, err := Start(exec.Command("sh", "-c", `printf '\033[31mready\033[0m\n'; while read -r line; do echo "got $line, $(stty size)"; done`), 40, 10)
	check(t, err)
	check(t, s.Shows("ready"))
	if strings.Contains(s.Text(), "[31m") {
		t.Errorf("%q", s.Text())
	}
	check(t, s.Type("hello\r"))
	check(t, s.Shows("got hello, 10 40"))
	if _, y := s.Cursor(); y == 0 {
		t.Error("the cursor has not moved")
	}
	check(t, s.Close())
}

func TestProgramThatEnds(t *testing.T) {
	s, err := Start(exec.Command("sh", "-c", "echo bye; exit 3"), 40, 10)
	check(t, err)
	if err := s.Shows("never"); err == nil || !strings.Contains(err.Error(), "ended") || !strings.Contains(err.Error(), "bye") {
		t.Errorf("%v", err)
	}
	if err := s.Wait(); err == nil {
		t.Error("no status")
	}
	check(t, s.Close())
}
