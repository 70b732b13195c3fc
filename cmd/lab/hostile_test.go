//go:build lab && linux

package lab

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const (
	// fullVar has every attack go on for longer, and the flood for an hour.
	fullVar = "EARSHOT_HOSTILE_FULL"
	// rowsVar names the rows to run, with commas between; all without it.
	rowsVar = "EARSHOT_HOSTILE_ROWS"
	// tableVar names the file that the table is written to.
	tableVar = "EARSHOT_HOSTILE_TABLE"
)

// What strangers may cost: see node/PROTOCOL.md.
const (
	maxSlower = 2.0 // times as long for a message of a contact as while somebody else is attacked
	// maxShare is of a core: the quarter that is charged, and what can't be charged to anybody, as the
	// work on packets that nobody has read yet.
	maxShare  = 0.25 + 0.15
	maxMemory = 128 << 20
	maxStored = 64 << 20 // what strangers may have, twice, and what W1 and the journal take
	// contactsStored is the same for contacts.
	contactsStored = 1 << 30
	maxLeft        = 1.2     // times the memory of before, at the end, or as much more as leastLeft
	leastLeft      = 4 << 20 // bytes
	contactBack    = 5 * time.Second
	strangerIn     = 30 * time.Second
	maxLogged      = 10.0 // lines a second
	// afterwards is how long after an attack the memory is looked at, and lastly until when it must have
	// been given back: a node does that when it has been quiet for 10 to 20 s.
	afterwards, lastly = 30 * time.Second, time.Minute
)

// pace is how long each part of a row takes.
type pace struct {
	before, control, attack, after time.Duration
	tries                          int // at most, where the first is too slow or costs too much
}

var (
	short = pace{before: 250 * time.Millisecond, control: 1250 * time.Millisecond, attack: 3 * time.Second, after: 250 * time.Millisecond, tries: 3}
	full  = pace{before: 10 * time.Second, control: 20 * time.Second, attack: time.Minute, after: 10 * time.Second, tries: 3}
	// lasting is how long the flood goes on in full.
	lasting = time.Hour
)

func (a *assault) pace() pace {
	p := short
	if os.Getenv(fullVar) != "" {
		p = full
		if strings.HasPrefix(a.args, "flood") && a.meanwhile == nil {
			p.attack, p.tries = lasting, 1
		}
	}
	p.attack = max(p.attack, a.lasts)
	return p
}

// TestHostile attacks Bob in every way that cmd/hostile knows, one after the other, and holds what
// he, his contacts and an honest stranger have of it against what is promised. A row's last look is
// 30 s after its attack: the next has begun by then, and after the last one the tests that run beside
// each other. The table is written in any case.
func TestHostile(t *testing.T) {
	if os.Getenv(hostileVar) == "" {
		t.Fatal(hostileVar + " names no program; make lab builds it")
	}
	chosen := assaults
	if names := os.Getenv(rowsVar); names != "" {
		chosen = slices.DeleteFunc(slices.Clone(chosen), func(a assault) bool { return a.name != calm && !slices.Contains(strings.Split(names, ","), a.name) })
	}
	outcomes := make([]outcome, len(chosen))
	var used atomic.Int64 // the memory of Bob where nobody attacked him
	var all sync.WaitGroup
	for i := range chosen {
		turn := make(chan struct{}) // closed when the next row may begin
		next := sync.OnceFunc(func() { close(turn) })
		all.Go(func() {
			defer next()
			t.Run(chosen[i].name, func(t *testing.T) { (&lab{T: t}).suffer(&chosen[i], &outcomes[i], &used, next) })
		})
		<-turn
	}
	t.Parallel() // the last looks only wait
	all.Wait()
	text := table(outcomes)
	t.Log("\n" + text)
	if file := os.Getenv(tableVar); file != "" {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Error(err)
		}
	}
}

// suffer is one row. It calls done when it needs the machine no more.
func (l *lab) suffer(a *assault, o *outcome, used *atomic.Int64, done func()) {
	o.assault = a
	p := a.pace()
	s := l.besiege(a.addresses)
	if a.contacts {
		s.bob.must("me", "accept", "contacts")
	}
	if a.files {
		s.bob.must("me", "files", "auto", "on")
	}
	if a.accepted > 0 {
		s.atBob.befriend(s.bob, seed, a.accepted)
		s.atSam.befriend(s.sam, seed, a.accepted) // so that they do the same to him
	}
	if a.meanwhile != nil && a.accepted == 0 { // a crowd
		s.atBob.befriend(s.bob, crowdSeed, crowdContacts)
	}
	s.measure()
	<-time.After(starting)
	stored := s.bob.stored()
	o.before = s.during(func() { <-time.After(p.before) })
	for len(o.tries) < p.tries && (len(o.tries) == 0 || o.exceeds()) {
		s.try(o, p)
	}
	over := time.Now()
	o.stored = s.bob.stored() - stored
	o.later = s.during(func() { <-time.After(p.after) })
	s.meter.stop()
	s.settle(&o.before)
	s.settle(&o.later)
	o.lost = s.lost()
	for _, n := range []*node{s.ann, s.cleo, s.dora, s.sam} {
		if n.cmd != nil {
			n.kill()
		}
	}
	done()
	<-time.After(time.Until(over.Add(afterwards)))
	o.memory[2] = s.bob.memory()
	if a.name == calm {
		used.Store(o.memory[2])
	}
	o.memory[0] = max(o.memory[0], used.Load())
	poll(time.Until(over.Add(lastly)), func() bool {
		o.memory[2] = s.bob.memory()
		return o.memory[2] <= o.mayKeep()
	})
	o.judge()
	if l.nodes = nil; len(o.miss) > 0 { // what the nodes think is of no use for that
		l.Errorf("%s", strings.Join(o.miss, "; "))
	}
}

// try attacks Sam and then Bob in the same way. With the first, a contact and a stranger come.
func (s *siege) try(o *outcome, p pace) {
	s.Helper()
	var t attempt
	most := s.watchMemory()
	t.control, _ = s.attacked(s.atSam, s.sam, o.assault, func() { <-time.After(p.control) })
	if m := most(); len(o.tries) == 0 {
		o.memory[0] = m
	}
	var third *raid
	if o.watch != "" && len(o.tries) == 0 {
		var err error
		if third, err = s.third.hostile(nil, strings.Fields(o.watch)...); err != nil {
			s.Fatal(err)
		}
	}
	most = s.watchMemory()
	lines, _ := s.bob.logged()
	t.attack, t.counts = s.attacked(s.atBob, s.bob, o.assault, func() {
		if len(o.tries) == 0 {
			s.endure(o, p)
		} else {
			<-time.After(p.attack)
		}
	})
	now, _ := s.bob.logged()
	o.memory[1] = max(o.memory[1], most())
	if third != nil {
		o.seen = third.stop()
	}
	s.settle(&t.control)
	s.settle(&t.attack)
	seconds := t.attack.to.Sub(t.attack.from).Seconds()
	t.lines = float64(now-lines) / seconds
	t.slower = float64(t.attack.p50) / float64(t.control.p50)
	own := t.control.cpu.Seconds() / float64(max(t.control.sent, 1)) * float64(t.attack.sent)
	t.strangers = (t.attack.cpu.Seconds() - own) / seconds
	o.tries = append(o.tries, t)
}

// yielding runs a program whenever nobody else needs the processor.
var yielding = []string{"nice", "-n", "19"}

// attacked measures while a node is attacked, and returns what the attack came to as well. Attackers
// that are contacts have the node do much for them. They yield it the processor, as on a machine of
// their own: else the system makes who has used much wait for them, and that is all one would measure.
func (s *siege) attacked(from *host, at *node, a *assault, do func()) (slice, object) {
	s.Helper()
	command := append([]string{os.Getenv(hostileVar)}, aimed(at, a.addresses, strings.Fields(a.args)...)...)
	if a.accepted > 0 {
		command = slices.Concat(yielding, command)
	}
	r, err := from.raid(nil, command...)
	if err != nil {
		s.Fatal(err)
	}
	<-time.After(starting)
	m := s.during(do)
	return m, r.stop()
}

// endure has a contact come back and a stranger come while Bob is attacked. The attack goes on until
// both are through or late.
func (s *siege) endure(o *outcome, p pace) {
	end := time.After(p.attack)
	<-time.After(min(p.attack/4, full.attack/4))
	var coming sync.WaitGroup
	var back, in error
	var miss []string
	coming.Go(func() { o.back, back = s.comesBack(strangerIn) })
	coming.Go(func() { o.message, o.group, in = s.getsThrough(strangerIn) })
	if o.files {
		coming.Go(func() { o.file = s.handsOver(fetched) })
	}
	if o.meanwhile != nil {
		coming.Go(func() { miss = o.meanwhile(s) })
	}
	coming.Wait()
	<-end
	for _, err := range []error{back, in} {
		if err != nil {
			miss = append(miss, err.Error())
		}
	}
	o.miss = miss
}

// lost is how many messages were not received exactly once: those of the meter, and what Dora said,
// which must still be there.
func (s *siege) lost() (lost int) {
	came := make(map[string]int)
	for _, m := range s.bob.must("recv", "--as", "lab") {
		came[m.text("text")]++
	}
	s.meter.mu.Lock()
	defer s.meter.mu.Unlock()
	for i, m := range s.meter.samples {
		if n := came[fmt.Sprint("message ", i)]; n > 1 || n == 0 && m.done {
			lost++
		}
	}
	if !s.heardOfDora() {
		lost++
	}
	return lost
}
