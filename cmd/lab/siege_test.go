//go:build lab && linux

package lab

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	// hostileVar names the program that attacks: cmd/hostile.
	hostileVar = "EARSHOT_HOSTILE_BIN"

	attackersFirst = "10.9.1.1"
	// starting is how long cmd/hostile takes until it is at work.
	starting = 300 * time.Millisecond
	// sampled is how often memory is looked at.
	sampled = 50 * time.Millisecond
)

// A siege is Bob, who has two contacts, and an attacker on his network; and Sam, who is on another
// network with another attacker and has nothing to do with any of them. Sam is the sink: an attack
// on him costs this machine what it costs where Bob is attacked, and Bob nothing.
type siege struct {
	*lab
	bob, ann, cleo, dora, sam *node
	atBob, atSam              *host // where the attackers are
	third                     *host // a third party, who is no earshot
	meter                     *meter
}

// besiege starts everybody but Dora, who comes later. Ann and Cleo are Bob's contacts.
func (l *lab) besiege(addresses int) *siege {
	l.Helper()
	here, elsewhere := l.bridge(), l.bridge()
	at := func(bridge string, i int) *host {
		h := l.host()
		h.plug(bridge, fmt.Sprintf("10.9.0.%d/16", i))
		return h
	}
	s := &siege{lab: l,
		bob: at(here, 1).node("Bob"), ann: at(here, 2).node("Ann"), cleo: at(here, 3).node("Cleo"), dora: at(here, 4).node("Dora"),
		third: at(here, 5), sam: at(elsewhere, 1).node("Sam"),
		atBob: l.host(), atSam: l.host(),
	}
	for h, bridge := range map[*host]string{s.atBob: here, s.atSam: elsewhere} {
		var addrs []string
		for i := range addresses {
			addrs = append(addrs, fmt.Sprintf("10.9.%d.%d/16", 1+(i+1)/250, 1+i%250))
		}
		h.plug(bridge, addrs...)
	}
	s.start(s.bob, s.ann, s.cleo, s.sam)
	meet(promised, s.bob, s.ann, s.cleo)
	talk(promised, s.ann, s.bob)
	talk(promised, s.cleo, s.bob)
	return s
}

// A raid is one run of cmd/hostile.
type raid struct {
	cmd   *exec.Cmd
	lines []object // that it has printed; whole once it has ended
	ended sync.WaitGroup
	errs  bytes.Buffer
}

// hostile starts cmd/hostile on a host. each is given the lines as they come; it may be nil.
func (h *host) hostile(each func(object), args ...string) (*raid, error) {
	return h.raid(each, append([]string{os.Getenv(hostileVar)}, args...)...)
}

func (h *host) raid(each func(object), command ...string) (*raid, error) {
	r := &raid{cmd: h.inside(command...)}
	r.cmd.Stderr = &r.errs
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := r.cmd.StdoutPipe()
	if err == nil {
		err = r.cmd.Start()
	}
	if err != nil {
		return nil, err
	}
	r.ended.Go(func() {
		lines := bufio.NewScanner(out)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			var o object
			if json.Unmarshal(lines.Bytes(), &o) != nil {
				continue
			}
			if each != nil {
				each(o)
			} else {
				r.lines = append(r.lines, o)
			}
		}
	})
	return r, nil
}

// stop ends it and returns what it came to.
func (r *raid) stop() object {
	_ = r.cmd.Process.Signal(syscall.SIGTERM)
	late := time.AfterFunc(promised, func() { _ = r.cmd.Process.Kill() })
	defer late.Stop()
	r.ended.Wait()
	_ = r.cmd.Wait()
	if len(r.lines) == 0 {
		return object{"error": r.errs.String()}
	}
	return r.lines[len(r.lines)-1]
}

// aimed are the flags that aim cmd/hostile at a node, from so many addresses of the attacker's; 0: as
// the system likes.
func aimed(at *node, addresses int, args ...string) []string {
	listening := strings.Split(at.one("status").list("listening")[0], "/")
	flags := []string{"-at", "10.9.0.1:" + listening[4], "-peer", at.device, "-for", "2h"}
	if addresses > 0 {
		flags = append(flags, "-from", attackersFirst, "-addresses", strconv.Itoa(addresses))
	}
	return append(flags, args...)
}

// A meter is Ann, who writes to Bob, one message at a time.
type meter struct {
	*raid
	mu      sync.Mutex // guards the next
	samples []sample
}

type sample struct {
	at   time.Time
	took time.Duration
	done bool // delivered
}

func (s *siege) measure() {
	s.Helper()
	s.meter = &meter{}
	each := func(o object) {
		at, _ := o["at"].(float64)
		took, _ := o["took"].(float64)
		if _, ok := o["sample"]; ok {
			s.meter.mu.Lock()
			s.meter.samples = append(s.meter.samples, sample{time.Unix(0, int64(at)), time.Duration(took), o.text("state") == "delivered" || o.text("state") == "read"})
			s.meter.mu.Unlock()
		}
	}
	var err error
	if s.meter.raid, err = s.ann.host.hostile(each, "-dir", s.ann.dir, "-to", s.bob.person, "-for", "2h", "meter"); err != nil {
		s.Fatal(err)
	}
}

// between are the messages that were begun in a span of time.
func (m *meter) between(from, to time.Time) (some []sample) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range m.samples {
		if !s.at.Before(from) && s.at.Before(to) {
			some = append(some, s)
		}
	}
	return some
}

// A slice is what was measured of Bob in a span of time.
type slice struct {
	from, to time.Time
	cpu      time.Duration
	sent     int           // by the meter
	p50      time.Duration // of these
}

// during measures while something is done.
func (s *siege) during(do func()) slice {
	m := slice{from: time.Now()}
	before := s.bob.cpu()
	do()
	m.to, m.cpu = time.Now(), s.bob.cpu()-before
	return m
}

// settle looks the meter's messages up, once those that were on their way have arrived.
func (s *siege) settle(m *slice) {
	took := []time.Duration{}
	for _, one := range s.meter.between(m.from, m.to) {
		took = append(took, one.took)
	}
	m.sent = len(took)
	if m.sent > 0 {
		slices.Sort(took)
		m.p50 = took[len(took)/2]
	} else {
		m.p50 = m.to.Sub(m.from) // one message took all the time
	}
}

// share is the part of a core.
func (m slice) share() float64 { return m.cpu.Seconds() / m.to.Sub(m.from).Seconds() }

// cpu is the processor time that the node has had.
func (n *node) cpu() time.Duration {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", n.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	fields := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:]) // proc(5): utime and stime are fields 14 and 15, and the third is the first here
	var ticks int64
	for _, f := range fields[11:13] {
		n, _ := strconv.ParseInt(string(f), 10, 64)
		ticks += n
	}
	return time.Duration(ticks) * time.Second / 100
}

// memory is the RssAnon of the node in bytes.
func (n *node) memory() int64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", n.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, "RssAnon:"); ok {
			kb, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return kb << 10
		}
	}
	return 0
}

// stored is how many bytes the node's directory takes.
func (n *node) stored() (bytes int64) {
	_ = filepath.WalkDir(n.dir, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			if info, err := d.Info(); err == nil {
				bytes += info.Size()
			}
		}
		return nil
	})
	return bytes
}

// logged is how many lines and bytes of diagnostics the node has written.
func (n *node) logged() (lines, size int) {
	b, _ := os.ReadFile(n.log)
	return bytes.Count(b, []byte("\n")), len(b)
}

// watchMemory returns a function that ends it and returns the most memory that Bob had meanwhile.
func (s *siege) watchMemory() func() int64 {
	stop, most := make(chan struct{}), int64(0)
	var watching sync.WaitGroup
	watching.Go(func() {
		tick := time.NewTicker(sampled)
		defer tick.Stop()
		for {
			most = max(most, s.bob.memory())
			select {
			case <-stop:
				return
			case <-tick.C:
			}
		}
	})
	return func() int64 { close(stop); watching.Wait(); return most }
}

// never stands for what did not happen in time.
const never = 99 * time.Second

// comesBack kills Cleo, starts her again and has her write to Bob: how long after she is ready he
// has it.
func (s *siege) comesBack(within time.Duration) (took time.Duration, err error) {
	s.cleo.kill()
	if err := s.cleo.launch(); err != nil {
		return never, err
	}
	began := time.Now()
	if _, stderr, code := s.cleo.exec("", "send", s.bob.person, "Cleo is back", "--wait", "delivered", "--timeout", within.String()); code != 0 {
		return never, fmt.Errorf("Cleo: exit %d: %s", code, stderr)
	}
	return time.Since(began), nil
}

// greeting is what Dora writes to Bob, whom she does not know.
const greeting = "Dora says hello"

// getsThrough starts Dora, whom nobody knows, and has her write to Bob and invite him: how long it
// takes until he has the message, and then until he is shown the invitation.
func (s *siege) getsThrough(within time.Duration) (message, group time.Duration, err error) {
	began := time.Now()
	if err := s.dora.launch(); err != nil {
		return never, never, err
	}
	var stderr string
	var code int
	sent := poll(within, func() bool {
		_, stderr, code = s.dora.exec("", "send", s.bob.person, greeting)
		return code == 0 // he has been found
	})
	if !sent || !poll(time.Until(began.Add(within)), s.heardOfDora) {
		return never, never, fmt.Errorf("Dora: %s", stderr)
	}
	message, began = time.Since(began), time.Now()
	out, stderr, code := s.dora.exec("", "group", "create", "lunch")
	made, _ := parse(out)
	if code == 0 && len(made) == 1 {
		_, stderr, code = s.dora.exec("", "group", "invite", made[0].text("id"), s.bob.person)
	}
	if code != 0 {
		return message, never, fmt.Errorf("Dora's group: %s", stderr)
	}
	if !poll(within, func() bool { return s.bob.knows(made[0].text("id")) }) {
		return message, never, nil
	}
	return message, time.Since(began), nil
}

// handsOver has Ann send Bob a file that he fetches by himself: how long it takes until he holds it.
func (s *siege) handsOver(within time.Duration) time.Duration {
	path := s.ann.file("paper.pdf", 1<<20)
	began := time.Now()
	if _, stderr, code := s.ann.exec("", "send", s.bob.person, "--file", path); code != 0 {
		s.Errorf("Ann's file: exit %d: %s", code, stderr)
		return never
	}
	held := func() bool {
		out, _, _ := s.bob.exec("", "files", s.ann.person)
		files, err := parse(out)
		return err == nil && len(files) == 1 && files[0].text("state") == "held"
	}
	if !poll(within, held) {
		return never
	}
	return time.Since(began)
}

// heardOfDora says whether Bob has what Dora wrote: as a message, or as a request if he takes
// messages of contacts only.
func (s *siege) heardOfDora() bool {
	for _, command := range [][]string{{"history", "Dora"}, {"requests"}} {
		out, _, _ := s.bob.exec("", command...)
		if strings.Contains(out, greeting) {
			return true
		}
	}
	return false
}

// knows says whether a node shows a group, as one of its owner's or as a request.
func (n *node) knows(group string) bool {
	for _, command := range [][]string{{"group", "list"}, {"requests"}} {
		out, _, _ := n.exec("", command...)
		if strings.Contains(out, group) {
			return true
		}
	}
	return false
}

// people has persons come from so many of a host's addresses, each of whom writes to a node, and
// waits until all have been answered.
func (h *host) people(to *node, addresses int, flags string, many int, within time.Duration) (persons []string, err error) {
	h.Helper()
	through, all := 0, make(chan struct{})
	r, err := h.hostile(func(o object) {
		if p := o.text("person"); p != "" {
			persons = append(persons, p)
		}
		if _, ok := o["through"]; ok {
			if through++; through == many {
				close(all)
			}
		}
	}, aimed(to, addresses, append(strings.Fields(flags), "people")...)...)
	if err != nil {
		return nil, err
	}
	select {
	case <-all:
	case <-time.After(within + starting):
		err = fmt.Errorf("not all of %d are through after %v", many, within)
	}
	r.stop()
	if err != nil {
		err = fmt.Errorf("%w: only %d", err, through)
	}
	return persons, err
}

// befriend has the first persons of a seed write to a node, whose owner accepts them.
func (h *host) befriend(n *node, seed string, many int) {
	h.Helper()
	persons, err := h.people(n, 1, fmt.Sprint(seed, "-n ", many), many, promised)
	if err != nil || len(persons) != many {
		h.Fatalf("%d persons, want %d: %v", len(persons), many, err)
	}
	for i, p := range persons {
		n.must("accept", p, "--petname", fmt.Sprint("Friend ", i))
	}
}
