//go:build lab && linux

package lab

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	clockVar    = "EARSHOT_LAB_CLOCK"    // by how many seconds the clock of a process is off
	protocolVar = "EARSHOT_LAB_PROTOCOL" // which version of the protocol it speaks; 0: that of the others

	oddVersion = "v0.0.1-odd"
)

var (
	building sync.Mutex // guards odd
	odd      string     // what oddBinary has built
)

// oddBinary builds an earshot of another version, whose clock may be off and who may speak another
// version of the protocol, once, with one line each in Go's package time and in node/wire changed:
// neither time namespaces nor a preloaded library reach the wall clock of a Go program.
func oddBinary(t *testing.T) string {
	t.Helper()
	building.Lock()
	defer building.Unlock()
	if odd != "" {
		return odd
	}
	goroot, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatalf("go env: %v", err)
	}
	dir, err := os.MkdirTemp(root, "b")
	if err != nil {
		t.Fatal(err)
	}
	wire, err := filepath.Abs("../../node/wire")
	if err != nil {
		t.Fatal(err)
	}
	o := overlay{T: t, dir: dir, Replace: make(map[string]string)}
	o.change(filepath.Join(strings.TrimSpace(string(goroot)), "src", "time", "time.go"),
		"sec, nsec, mono := runtimeNow()\n", "sec, nsec, mono := runtimeNow()\n\tsec += shift\n", `package time

import "syscall"

var shift = func() int64 {
	seconds, _ := syscall.Getenv("`+clockVar+`")
	n, _ := atoi(seconds)
	return int64(n)
}()
`)
	o.change(filepath.Join(wire, "limits.go"), "const Version = 1\n", "var Version uint64 = 1 + newer\n", `package wire

import (
	"os"
	"strconv"
)

var newer = func() uint64 {
	n, _ := strconv.ParseUint(os.Getenv("`+protocolVar+`"), 10, 64)
	return n
}()
`)
	list, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	out := filepath.Join(dir, "earshot")
	c := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w -X main.version="+oddVersion,
		"-overlay", o.write("overlay.json", string(list)), "-o", out, "../earshot")
	c.Env = append(os.Environ(), "CGO_ENABLED=0", "GOPROXY=off")
	if text, err := c.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, text)
	}
	t.Logf("built after %v", since(began))
	odd = out
	return out
}

// An overlay is what a build takes in place of files that stay as they are.
type overlay struct {
	*testing.T `json:"-"`
	dir        string
	Replace    map[string]string
}

// change puts one text in place of another that is in a file once, and adds a file beside it.
func (o *overlay) change(path, from, to, added string) {
	o.Helper()
	source, err := os.ReadFile(path)
	if err != nil {
		o.Fatal(err)
	}
	before, after, ok := strings.Cut(string(source), from)
	if !ok || strings.Contains(after, from) {
		o.Fatalf("%q is not in %s once", from, path)
	}
	name := strconv.Itoa(len(o.Replace)) + ".go"
	o.Replace[path] = o.write(name, before+to+after)
	o.Replace[filepath.Join(filepath.Dir(path), "odd.go")] = o.write("added"+name, added)
}

func (o *overlay) write(name, text string) (path string) {
	o.Helper()
	path = filepath.Join(o.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		o.Fatal(err)
	}
	return path
}

func (n *node) setClock(off time.Duration) {
	n.env = []string{clockVar + "=" + strconv.Itoa(int(off.Seconds()))}
}
