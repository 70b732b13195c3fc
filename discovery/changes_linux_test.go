package discovery

import (
	"os"
	"os/exec"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// The system tells when an interface goes up.
func TestSystemTellsOfChanges(t *testing.T) {
	runtime.LockOSThread() // and never unlocked: the thread ends with the test, and its network with it
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Skipf("skipped: a network of its own takes root: %v", err)
	}
	from, err := systemChanges()
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	told := func(within time.Duration) error {
		if err := from.(*os.File).SetReadDeadline(time.Now().Add(within)); err != nil {
			t.Fatal(err)
		}
		_, err := from.Read(make([]byte, 4096))
		return err
	}
	if err := told(10 * time.Millisecond); err == nil {
		t.Error("told of a change, and there was none")
	}
	if out, err := exec.Command("ip", "link", "set", "lo", "up").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if err := told(10 * time.Second); err != nil {
		t.Error("not told of a change:", err)
	}
}
