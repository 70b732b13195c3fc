//go:build lab && linux

package lab

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

var limitFaults = []fault{
	{name: "no file descriptors", check: "limits", code: "starved", needs: "prlimit", make: func(w *ward) func(string) {
		w.bob.down()
		w.ann.until(promised, "Bob has gone", func() bool { count, _ := w.ann.online(); return count == 0 })
		w.ann.starve()
		return w.ann.follows("earshot")
	}},
	{name: "strangers want more than they may", check: "limits", code: "crowded", make: func(w *ward) func(string) {
		stop := w.attack(w.attackers(), "claims")
		return undo(func() { stop(); w.restart() })
	}},
	{name: "the disk is full", check: "limits", code: "full", beside: []string{"disk full"}, alone: true, make: func(w *ward) func(string) {
		d := w.smallDisk()
		w.bob.start()
		w.befriend(w.ann, w.bob)
		d.leave(0)
		w.bob.must("send", w.ann.person, "is there room?")
		return undo(d.empty)
	}},
	{name: "a fellow member's share is used up", check: "limits", code: "limit", about: "Bob", alone: true, well: time.Minute + examined, make: func(w *ward) func(string) {
		w.bob.start()
		cleo := w.joins("Cleo", "10.9.0.3/16")
		meet(promised, w.ann, w.bob, cleo)
		cleo.founds("lunch", w.ann, w.bob)
		const share = 16 << 20
		line := strings.Repeat("x", 60_000) + "\n"
		if _, stderr, code := w.bob.exec(strings.Repeat(line, share/len(line)+1), "send", w.ann.person, "--lines"); code != 0 {
			w.Fatal(stderr)
		}
		return w.ann.follows("earshot accept")
	}},
	{name: "they take no more", check: "limits", code: "refused", about: "Bob", who: "Bob", beside: []string{"person not_accepted"}, make: func(w *ward) func(string) {
		w.bob.must("contacts", "remove", w.ann.person)
		some := strings.Repeat(strings.Repeat("x", 60_000)+"\n", 20)
		w.ann.until(promised, "Bob takes no more of Ann's", func() bool {
			if _, stderr, code := w.ann.exec(some, "send", w.bob.person, "--lines"); code != 0 {
				w.Fatal(stderr)
			}
			waits := w.ann.must("outbox")
			return len(waits) > 0 && waits[0].text("waiting_for") == "refused"
		})
		w.bob.fill = []string{"YOUR-NAME", w.ann.person}
		return w.bob.follows("earshot requests", "earshot accept")
	}},
}

// attackers is a host with some addresses.
func (w *ward) attackers() *host {
	w.Helper()
	var addrs []string
	for i := range attackersHave {
		addrs = append(addrs, fmt.Sprintf("10.9.1.%d/16", i+1))
	}
	return w.hostAt(addrs...)
}

const attackersHave = 4

// attack has cmd/hostile attack Ann.
func (w *ward) attack(from *host, args ...string) (stop func()) {
	w.Helper()
	raid, err := from.hostile(nil, aimed(w.ann, attackersHave, args...)...)
	if err != nil {
		w.Fatal(err)
	}
	stop = sync.OnceFunc(func() { raid.stop() })
	w.Cleanup(stop)
	return stop
}

// restart ends what Ann remembers of a limit that was reached.
func (w *ward) restart() { w.Helper(); w.ann.anew(func() {}) }

// starve has a command find the node without file descriptors, and gives them back.
func (n *node) starve() {
	n.Helper()
	pid := strconv.Itoa(n.cmd.Process.Pid)
	free := 0
	for {
		if _, err := os.Lstat(filepath.Join("/proc", pid, "fd", strconv.Itoa(free))); err != nil {
			break
		}
		free++
	}
	limit := func(soft int) { n.command("prlimit", "--pid", pid, fmt.Sprintf("--nofile=%d:4096", soft)) }
	limit(free)
	done := make(chan struct{})
	go func() { // ends with the command, at the latest when there are descriptors again
		defer close(done)
		n.exec("", "status")
	}()
	n.until(promised, "the node notices", func() bool {
		log, _ := os.ReadFile(n.log)
		return strings.Contains(string(log), "file descriptors")
	})
	limit(4096)
	<-done
}
