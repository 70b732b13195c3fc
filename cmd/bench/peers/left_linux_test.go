package peers

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/earshot-im/earshot/cmd/bench/report"
)

// What the script has started ends with it, also what has left its process group: each of its processes has the pipe
// open, so that it ends when the last of them has.
func TestNothingIsLeft(t *testing.T) {
	s, _ := open(t, "limits")
	if os.Geteuid() != 0 {
		s.around = slices.Insert(slices.Clone(around), 1, "--map-root-user")
	} else {
		s.around = around
	}
	if err := exec.Command(s.around[0], slices.Concat(s.around[1:], []string{"true"})...).Run(); err != nil {
		t.Skip("skipped: that nothing is left of a script, there are no PID namespaces: ", err)
	}
	name := filepath.Join(s.built, "pipe")
	if err := syscall.Mkfifo(name, 0o600); err != nil {
		t.Fatal(err)
	}
	pipe, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer pipe.Close()
	ctx, cancel := context.WithCancel(t.Context())
	lines := 0
	err = s.Measure(ctx, "W7", func(report.Line) { lines++; cancel() })
	if !errors.Is(err, context.Canceled) || lines != 1 {
		t.Errorf("%d lines, %v", lines, err)
	}
	if err := pipe.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if said, err := io.ReadAll(pipe); err != nil || string(said) != "open\n" {
		t.Errorf("something is left: %q, %v", said, err)
	}
}
