//go:build lab && linux

package lab

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

const (
	// linkRate is what a limited link carries, in Mbit/s, and linkBytes the same in bytes a second.
	linkRate  = 100
	linkBytes = linkRate * 1_000_000 / 8

	// loses is how much work a killed reader may lose: what is not written down, and what is on its way.
	loses = 2 * time.Second

	// underWay is how many bytes may still come for who was killed.
	underWay = linkBytes / 4

	// fetchWithin bounds each transfer here, with the faults in it.
	fetchWithin = 90 * time.Second
)

// filesVar has files be larger, and be killed more often, than there is time for in every run.
const filesVar = "EARSHOT_FILES_FULL"

// scaled is how often something is done, or how large it is: in every run, and with filesVar.
func scaled(usual, full int) int {
	if os.Getenv(filesVar) != "" {
		return full
	}
	return usual
}

// limit has a cable carry so many Mbit/s each way, with a queue of a second.
func (c *cable) limit(rate int) {
	c.Helper()
	args := func(dev string) []string {
		return []string{"tc", "qdisc", "replace", "dev", dev, "root", "tbf", "rate", fmt.Sprintf("%dmbit", rate), "burst", "32kb", "latency", "1s"}
	}
	far := args(c.far)
	c.command(far[0], far[1:]...)
	c.run(args(c.near)...)
}

// came is how many bytes have come over a cable to its host, without the headers of TCP.
func (c *cable) came() int {
	c.Helper()
	const headers = 14 + 20 + 32
	out, err := c.inside("ip", "-j", "-s", "link", "show", "dev", c.near).Output()
	var links []struct {
		Stats struct{ Rx struct{ Bytes, Packets int } } `json:"stats64"`
	}
	if err == nil {
		err = json.Unmarshal(out, &links)
	}
	if err != nil || len(links) != 1 {
		c.Fatalf("count what %s carries: %v\n%s", c.near, err, out)
	}
	rx := links[0].Stats.Rx
	return rx.Bytes - rx.Packets*headers
}

// onFastDisk gives a node that was not started a disk in memory, with more room than has to stay free.
func (n *node) onFastDisk() *node { n.Helper(); n.onDisk("8g"); return n }

// file makes a file of the node's user with anything in it.
func (n *node) file(name string, size int) string {
	n.Helper()
	path := filepath.Join(filepath.Dir(n.dir), name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		n.Fatal(err)
	}
	b := make([]byte, size)
	random := rand.NewChaCha8([32]byte(fmt.Appendf(nil, "%32s", name[max(0, len(name)-32):])))
	_, _ = random.Read(b) // never fails
	if err := os.WriteFile(path, b, 0o644); err != nil {
		n.Fatal(err)
	}
	return path
}

// folder makes one with files from empty to a quarter of the size.
func (n *node) folder(name string, size int) string {
	n.Helper()
	for i := range 3 {
		n.file(fmt.Sprintf("%s/large/%d.bin", name, i), size/4)
	}
	for i := range 200 {
		n.file(fmt.Sprintf("%s/small/%d/%d.bin", name, i%7, i), i*size/4/200/100)
	}
	return filepath.Join(filepath.Dir(n.dir), name)
}

// hands sends files to somebody and returns the message's ID.
func (n *node) hands(to string, args ...string) string {
	n.Helper()
	for _, o := range n.must(append([]string{"send", to}, args...)...) {
		if to := o.in("to"); to != nil {
			return o.text("id")
		}
	}
	n.Fatal("send has not said what it sent")
	return ""
}

// attached is what a node says of the file of a message; nothing if it has no such message.
func (n *node) attached(id string) object {
	n.Helper()
	for _, f := range n.must("files") {
		if f.text("id") == id {
			return f
		}
	}
	return object{}
}

func (o object) number(field string) int { f, _ := o[field].(float64); return int(f) }

// is waits until the file of a message is in a state.
func (n *node) is(within time.Duration, id, state, reason string) time.Duration {
	n.Helper()
	return n.until(within, strings.TrimSpace(fmt.Sprintf("at %s the file is %s %s", n.name, state, reason)), func() bool {
		f := n.attached(id)
		return f.text("state") == state && (reason == "" || f.text("reason") == reason)
	})
}

// offers sends a file to somebody and waits until they see it.
func (n *node) offers(to *node, args ...string) string {
	n.Helper()
	id := n.hands(to.person, args...)
	to.is(promised, id, "offered", "")
	return id
}

// A fetching is a transfer of one file or folder to one reader, over one cable.
type fetching struct {
	*node
	to     *cable
	id     string
	sent   string // the path of what is sent
	saved  string // where it is to be
	size   int
	before int // what the cable had carried when it began
	began  time.Time
	looked chan error // what was found as soon as something had the name
	over   atomic.Bool
}

// fetches has a reader accept what is large enough to be written to the folder of files at once. From
// now on it is looked whether anything has its name there, and what that is.
func (n *node) fetches(to *cable, id, sent string) *fetching {
	n.Helper()
	f := &fetching{node: n, to: to, id: id, sent: sent, saved: filepath.Join(n.dir, "files", filepath.Base(sent)), size: n.attached(id).number("size"),
		before: to.came(), began: time.Now(), looked: make(chan error, 1)}
	n.must("files", "accept", id)
	go func() { // ends with the test
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for !f.over.Load() {
			<-tick.C
			if _, err := os.Lstat(f.saved); err == nil {
				f.looked <- sameTree(f.sent, f.saved)
				return
			}
		}
	}()
	n.Cleanup(func() { f.over.Store(true) })
	return f
}

// came is how many bytes have come since.
func (f *fetching) came() int { f.Helper(); return f.to.came() - f.before }

// reaches waits until so many bytes have come.
func (f *fetching) reaches(bytes int) {
	f.Helper()
	if !poll(fetchWithin, func() bool { return f.came() >= bytes }) {
		f.Fatalf("%d of %d bytes have come, want %d", f.came(), f.size, bytes)
	}
}

// ends waits until all is here, and expects that it is the same and that not much more has come than had
// to.
func (f *fetching) ends(lost int) {
	f.Helper()
	f.is(fetchWithin, f.id, "held", "")
	came := f.came()
	f.Logf("%d bytes came for %d and up to %d that were lost, %.1f %% more, in %v", came, f.size, lost, 100*float64(max(0, came-f.size-lost))/float64(f.size), since(f.began))
	if most := f.size + f.size/20 + lost; came > most {
		f.Errorf("%d bytes have come for %d, want at most %d", came, f.size, most)
	}
	select {
	case err := <-f.looked:
		if err != nil {
			f.Errorf("when it had its name: %v", err)
		}
	case <-time.After(fetchWithin): // as long as it takes to read it
		f.Errorf("it has not got its name: %v", f.attached(f.id))
	}
	f.leavesNothing()
}

// leavesNothing expects that there is nothing unfinished in the folder of files.
func (f *fetching) leavesNothing() {
	f.Helper()
	left := func() (left []string) {
		left, _ = filepath.Glob(filepath.Join(filepath.Dir(f.saved), ".earshot-*"))
		return left
	}
	if !poll(promised, func() bool { return len(left()) == 0 }) {
		f.Errorf("%v is left", left())
	}
}

// sameTree compares two files or folders.
func sameTree(one, other string) error {
	a, err := hashTree(one)
	if err != nil {
		return err
	}
	b, err := hashTree(other)
	if err != nil {
		return err
	}
	if len(a) != len(b) {
		return fmt.Errorf("%d files instead of %d", len(b), len(a))
	}
	for name, content := range a {
		if there, ok := b[name]; !ok || there != content {
			return fmt.Errorf("%s is another one", name)
		}
	}
	return nil
}

// hashTree returns a hash of each file.
func hashTree(path string) (map[string]string, error) {
	out := make(map[string]string)
	return out, filepath.WalkDir(path, func(at string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		f, err := os.Open(at)
		if err != nil {
			return err
		}
		defer f.Close()
		h := sha256.New()
		_, err = io.Copy(h, f)
		out[strings.TrimPrefix(at, path)] = string(h.Sum(nil))
		return err
	})
}

// handOver makes two nodes on fast disks with a limited link between them.
func (l *lab) handOver(rate int) (ann, bob *node, toBob *cable) {
	l.Helper()
	hosts, cables := l.hosts(l.bridge(), 2)
	ann, bob = hosts[0].node("Ann").onFastDisk(), hosts[1].node("Bob").onFastDisk()
	l.start(ann, bob)
	meet(promised, ann, bob)
	bob.must("accept", ann.person)
	cables[1].limit(rate)
	return ann, bob, cables[1]
}

// TestFileAmidKills kills the sender, the reader or both at any moment of a transfer. The first time it is the reader,
// as soon as more has come than it may lose.
func TestFileAmidKills(t *testing.T) {
	kills, size := scaled(4, 20), scaled(112, 1024)<<20
	l := newLab(t)
	ann, bob, cable := l.handOver(linkRate)
	sent := ann.folder("holiday", size)
	f := bob.fetches(cable, ann.offers(bob, "--file", sent), sent)
	random := l.chance()
	f.reaches(linkBytes * int(loses/time.Second) * 5 / 4)
	lost := f.killed(0)
	rest := size - f.came()
	for i := range kills - 1 {
		f.reaches(f.came() + 1 + random.IntN(rest/kills)) // with what comes again, all of them are in the middle
		if _, err := os.Lstat(f.saved); err == nil {
			t.Logf("it has come before kill %d", i+2)
			break
		}
		which := 1 + random.IntN(3)
		if which&1 != 0 {
			ann.kill()
		}
		if which&2 != 0 {
			lost += f.killed(lost)
		}
		if which&1 != 0 {
			ann.start()
		}
	}
	f.ends(lost)
}

// killed kills the reader, starts it again, and returns how many bytes it has lost by that, who had lost
// some before.
func (f *fetching) killed(before int) (lost int) {
	f.Helper()
	f.kill()
	f.start()
	had := f.attached(f.id).number("bytes")
	came := f.came() // after that, so that what has come since the start makes it no less
	lost = max(0, came-before-had)
	took := time.Duration(lost) * time.Second / linkBytes
	f.Logf("%s had %d bytes when it was killed, and lost %d: %v of work", f.name, came-before, lost, took.Round(time.Millisecond))
	if took > loses {
		f.Errorf("%s lost %v of work", f.name, took)
	}
	return lost + underWay
}

// TestFileNamedAndKilled kills the reader as soon as the file has its name: that it has it may not be written
// down yet.
func TestFileNamedAndKilled(t *testing.T) {
	const size = 40 << 20
	l := newLab(t)
	ann, bob, cable := l.handOver(10 * linkRate)
	for i := range scaled(2, 20) {
		sent := ann.file(fmt.Sprintf("film %d.mp4", i), size)
		f := bob.fetches(cable, ann.offers(bob, "--file", sent), sent)
		for end := time.Now().Add(fetchWithin); ; runtime.Gosched() { // looks more often than poll
			if _, err := os.Lstat(f.saved); err == nil {
				break
			}
			if time.Now().After(end) {
				t.Fatal("it has not got its name")
			}
		}
		bob.kill()
		bob.start()
		t.Logf("after the kill it is %s", bob.attached(f.id).text("state"))
		f.ends(0)
		if there, err := filepath.Glob(filepath.Join(filepath.Dir(f.saved), "film *")); err != nil || len(there) != i+1 {
			t.Errorf("there is %v, %v", there, err)
		}
		bob.sees(promised, ann)
	}
}

// TestFileAmidCuts pulls the cable for less and for more time than either end takes to notice.
func TestFileAmidCuts(t *testing.T) {
	const size = 48 << 20
	l := newLab(t)
	ann, bob, cable := l.handOver(linkRate)
	sent := ann.file("film.mp4", size)
	f := bob.fetches(cable, ann.offers(bob, "--file", sent), sent)
	f.reaches(size / 4)
	cable.cut()
	bob.stays(3*time.Second, "it is not here", func() bool { return bob.attached(f.id).text("state") != "held" })
	cable.mend()
	f.reaches(size / 2)
	cable.out()
	bob.is(noticed, f.id, "paused", "no_source")
	cable.in()
	f.ends(0)
}

// TestFileOnFullDisk fills the reader's disk in the middle of a transfer, at first so that less is free than
// has to stay, then whole. It goes on when there is room.
func TestFileOnFullDisk(t *testing.T) {
	const size, floor = 48 << 20, 1 << 30
	l := newLab(t)
	hosts, cables := l.hosts(l.bridge(), 2)
	ann, bob := hosts[0].node("Ann").onFastDisk(), hosts[1].node("Bob")
	small := bob.onDisk("1200m")
	l.start(ann, bob)
	meet(promised, ann, bob)
	bob.must("accept", ann.person)
	cables[1].limit(linkRate)

	sent := ann.file("film.mp4", size)
	id := ann.offers(bob, "--file", sent)
	small.leave(floor + size/2)
	f := bob.fetches(cables[1], id, sent)
	bob.is(promised, id, "paused", "no_room")
	if came := f.came(); came > size/20 {
		t.Errorf("%d bytes came, for which there was no room", came)
	}
	small.empty()
	f.reaches(size / 3)
	small.leave(0)
	bob.is(promised, id, "paused", "no_room")
	small.empty()
	f.ends(0)
}

// TestSourceIsEdited edits a file that is sent in place, in the middle of the transfer.
func TestSourceIsEdited(t *testing.T) {
	const size = 40 << 20
	l := newLab(t)
	ann, bob, cable := l.handOver(linkRate)
	sent := ann.file("film.mp4", size)
	f := bob.fetches(cable, ann.offers(bob, "--in-place", "--file", sent), sent)
	f.reaches(size / 4)
	at, err := os.OpenFile(sent, os.O_WRONLY, 0)
	if err == nil {
		_, err = at.WriteAt([]byte("edited"), size-100)
	}
	if err == nil {
		err = at.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	bob.is(fetchWithin, f.id, "changed", "")
	ann.is(promised, f.id, "changed", "")
	if there, err := filepath.Glob(f.saved + "*"); err != nil || len(there) != 0 {
		t.Errorf("there is %v, %v", there, err)
	}
	bob.must("files", "cancel", f.id)
	f.leavesNothing()
}

// TestWordsBesideFile writes both ways while a file is on a slow link.
func TestWordsBesideFile(t *testing.T) {
	const rate, times = 1, 6
	l := newLab(t)
	ann, bob, cable := l.handOver(rate)
	sent := ann.file("film.mp4", 40<<20)
	links := func() string {
		out, err := ann.inside("ss", "-Htn", "state", "established").Output()
		if err != nil {
			t.Fatal(err)
		}
		var ports []string
		for line := range strings.Lines(string(out)) {
			if f := strings.Fields(line); len(f) > 3 {
				ports = append(ports, f[2]+" "+f[3])
			}
		}
		slices.Sort(ports)
		return strings.Join(ports, ", ")
	}
	f := bob.fetches(cable, ann.offers(bob, "--file", sent), sent)
	f.reaches(200_000)
	before := links()
	var took []time.Duration
	for i := range times {
		for _, way := range [][2]*node{{ann, bob}, {bob, ann}} {
			began := time.Now()
			way[0].send(promised, way[1], fmt.Sprintf("%s %d", way[0].name, i))
			took = append(took, time.Since(began))
		}
	}
	slices.Sort(took)
	t.Logf("delivered after %v to %v, half of them within %v", took[0], took[len(took)-1], took[len(took)/2])
	if took[len(took)/2] > time.Second {
		t.Errorf("beside a file messages took %v", took)
	}
	if after := links(); after != before {
		t.Errorf("the links were %s and are %s", before, after)
	}
	if f.came() < 400_000 {
		t.Errorf("meanwhile %d bytes of the file came", f.came())
	}
}
