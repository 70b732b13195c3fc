//go:build lab && linux

package lab

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

const (
	clockVar = "EARSHOT_LAB_CLOCK" // by how many seconds the clock of a process is off
	decade   = 10 * 365 * 24 * time.Hour
)

// shifted is what shiftedBinary has built.
var shifted string

// shiftedBinary builds an earshot whose clock may be off, once, with one line in Go's package time
// changed: neither time namespaces nor a preloaded library reach the wall clock of a Go program. It
// is not called by tests that run beside others.
func shiftedBinary(t *testing.T) string {
	t.Helper()
	if shifted != "" {
		return shifted
	}
	goroot, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatalf("go env: %v", err)
	}
	folder := filepath.Join(strings.TrimSpace(string(goroot)), "src", "time")
	source, err := os.ReadFile(filepath.Join(folder, "time.go"))
	if err != nil {
		t.Fatal(err)
	}
	const read = "sec, nsec, mono := runtimeNow()\n"
	before, after, ok := strings.Cut(string(source), read)
	if !ok || strings.Contains(after, read) {
		t.Fatalf("this Go's time.Now does not read %q once", read)
	}
	dir, err := os.MkdirTemp(root, "b")
	if err != nil {
		t.Fatal(err)
	}
	changed, added := filepath.Join(dir, "time.go"), filepath.Join(dir, "shift.go")
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{
		filepath.Join(folder, "time.go"):  changed,
		filepath.Join(folder, "shift.go"): added,
	}})
	if err != nil {
		t.Fatal(err)
	}
	for path, text := range map[string]string{
		changed: before + read + "\tsec += shift\n" + after,
		added: `package time

import "syscall"

var shift = func() int64 {
	seconds, _ := syscall.Getenv("` + clockVar + `")
	n, _ := atoi(seconds)
	return int64(n)
}()
`,
		filepath.Join(dir, "overlay.json"): string(overlay),
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	began := time.Now()
	out := filepath.Join(dir, "earshot")
	c := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-overlay", filepath.Join(dir, "overlay.json"), "-o", out, "../earshot")
	c.Env = append(os.Environ(), "CGO_ENABLED=0", "GOPROXY=off")
	if text, err := c.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, text)
	}
	t.Logf("built after %v", since(began))
	shifted = out
	return out
}

// TestClocks has no host agree with another on the decade. It does not run beside others, since it
// builds.
func TestClocks(t *testing.T) {
	shifted := shiftedBinary(t)
	l := &lab{T: t}
	hosts, _ := l.hosts(l.bridge(), 3)
	var nodes []*node
	for i, off := range []time.Duration{-decade, 0, decade} {
		n := hosts[i].node([]string{"Ann", "Bob", "Cleo"}[i])
		n.binary = shifted
		n.setClock(off)
		nodes = append(nodes, n)
		n.start()
	}
	ann, bob, cleo := nodes[0], nodes[1], nodes[2]
	everyone := func(about string) {
		t.Helper()
		meet(promised, nodes...)
		for _, pair := range [][2]*node{{ann, bob}, {ann, cleo}, {bob, cleo}} {
			talk(promised, pair[0], pair[1])
		}
		for _, n := range nodes {
			if queue := n.must("outbox"); len(queue) > 0 {
				t.Errorf("%s: at %s waits %v", about, n.name, queue)
			}
		}
	}
	everyone("clocks a decade apart")

	for _, m := range bob.must("history", ann.person) {
		if m.in("from").text("person") != ann.person {
			continue
		}
		if at, err := time.Parse(time.RFC3339, m.text("time")); err != nil || time.Since(at) < decade/2 {
			t.Errorf("Ann's clock was to be a decade behind, and wrote %q (%v)", m.text("time"), err)
		}
	}
	bob.must("recv")
	ann.until(promised, "the read receipt is back", func() bool {
		for _, m := range ann.must("history", bob.person) {
			if s := m.text("state"); s != "" && s != "read" {
				return false
			}
		}
		return true
	})

	// A reply comes after what it replies to, whatever the clocks say, on both sides.
	question := cleo.send(promised, ann, "Do you know the time?")
	ann.got("Do you know the time?")
	ann.must("send", cleo.person, "No", "--reply-to", question.text("id"), "--wait", "delivered", "--timeout", promised.String())
	cleo.got("No")
	for _, n := range []*node{ann, cleo} {
		other := map[*node]*node{ann: cleo, cleo: ann}[n]
		rows := n.must("history", other.person, "--limit", "2")
		if len(rows) != 2 || rows[0].text("text") != "Do you know the time?" || rows[1].text("text") != "No" {
			t.Errorf("%s shows %v", n.name, rows)
		}
	}

	// Someone sets the clocks right, and wrong the other way round.
	for i, off := range []time.Duration{0, decade, -decade} {
		nodes[i].down()
		nodes[i].setClock(off)
		nodes[i].start()
	}
	everyone("clocks set anew")
}

func (n *node) setClock(off time.Duration) {
	n.env = []string{clockVar + "=" + strconv.Itoa(int(off.Seconds()))}
}
