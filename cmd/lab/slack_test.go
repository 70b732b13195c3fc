//go:build lab && linux

package lab

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestTimersAreSlack looks how late the system may wake each thread of a node.
func TestTimersAreSlack(t *testing.T) {
	l := newLab(t)
	hosts, _ := l.hosts(l.bridge(), 1)
	ann := hosts[0].up("Ann")
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", ann.cmd.Process.Pid))
	if err != nil || len(threads) < 2 {
		t.Fatalf("%d threads, %v", len(threads), err)
	}
	for _, thread := range threads {
		b, err := os.ReadFile(filepath.Join("/proc", filepath.Base(thread), "timerslack_ns"))
		switch slack := strings.TrimSpace(string(b)); {
		case errors.Is(err, fs.ErrNotExist): // it has ended
		case err != nil:
			t.Error(err)
		case slack != "1000000":
			t.Errorf("%s: %s ns", thread, slack)
		}
	}
}
