//go:build lab && linux

package lab

import (
	"bytes"
	"context"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// TestDoctorNamesWhatIsLeftOut has a host with interfaces over which nobody is found, beside one over
// which somebody is: each is named with the reason, and nothing is wrong.
func TestDoctorNamesWhatIsLeftOut(t *testing.T) {
	l := newLab(t)
	hosts, _ := l.hosts(l.bridge(), 1)
	want := map[string]string{"docker0": "containers", "wg0": "another network", "eth70": "no address", "eth71": "no multicast"}
	for name := range want {
		switch name {
		case "eth70":
			hosts[0].plug(l.bridge()).rename(name)
		default:
			hosts[0].plug(l.bridge(), "172.17.0.1/24").rename(name)
		}
	}
	hosts[0].run("ip", "link", "set", "eth71", "multicast", "off")
	ann := hosts[0].up("Ann")
	var c checkup
	well := poll(examined, func() bool { // the machine's disk may be slow for a moment, beside other tests
		c = ann.doctor()
		return len(c.wrong()) == 0 && c.code == 0
	})
	t.Logf("%v", c)
	got := make(map[string]string)
	for _, o := range c.checks {
		if o.text("code") == "left_out" && o.yes("ok") {
			got[o.text("about")] = o.text("detail")
		}
	}
	for name, reason := range want {
		if !strings.Contains(got[name], reason) {
			t.Errorf("of %s it says %q, want %q", name, got[name], reason)
		}
	}
	if !well {
		t.Error("nothing is wrong, and doctor says otherwise")
	}
}

// TestDoctorIsPointedTo has somebody be heard of whom nothing reaches, while a message waits for them
// for some minutes: what shows that also says that doctor knows why.
func TestDoctorIsPointedTo(t *testing.T) {
	l := newLab(t)
	odd := oddBinary(t)
	hosts, _ := l.hosts(l.bridge(), 2)
	ann, bob := hosts[0].up("Ann"), hosts[1].up("Bob")
	l.befriend(ann, bob)
	shows := func(command string) bool { return strings.Contains(ann.says(command), "doctor") }
	for _, command := range []string{"status", "peers", "outbox"} {
		if shows(command) {
			t.Errorf("nothing is wrong, and %s says:\n%s", command, ann.says(command))
		}
	}
	bob.kill()
	ann.must("send", bob.person, "are you there?")
	ann.again(func() { ann.binary = odd; ann.setClock(5 * time.Minute) })
	bob.mute()
	bob.firewall("input", dropCalls)
	bob.start()
	for _, command := range []string{"outbox", "peers", "status"} {
		ann.until(noticed, command+" points to doctor", func() bool { return shows(command) })
		t.Logf("%s:\n%s", command, ann.says(command))
	}
}

// says is what a command tells its user beside what was asked for.
func (n *node) says(command string) string {
	n.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), promised)
	defer cancel()
	c := exec.CommandContext(ctx, n.binary, "--dir", n.dir, command)
	c.Env = n.environ()
	var told bytes.Buffer
	c.Stderr = &told
	if err := c.Run(); err != nil {
		n.Fatalf("%s: %s: %v\n%s", n.name, command, err, told.String())
	}
	return told.String()
}
