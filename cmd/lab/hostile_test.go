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
	// afterwards is when the memory is looked at for the last time.
	afterwards = 30 * time.Second
)

// An assault is a row of the table: an attack, and what is special about it.
type assault struct {
	name      string
	args      string // of cmd/hostile
	addresses int    // of the attacker
	contacts  bool   // Bob takes messages of contacts only
	accepted  int    // so many of the attacker's persons are Bob's contacts; the attack has -seed
	// slower and share are in place of maxSlower and maxShare, where the attackers are contacts.
	slower, share float64
	stored        int64         // in place of maxStored
	lasts         time.Duration // in place of the pace's, where an attack needs its time
	watch         string        // of cmd/hostile, for a third party that looks on
	// came looks at what the attacker has counted, and at what the third party has.
	came      func(counts, seen object) (miss []string)
	meanwhile func(s *siege) (miss []string) // while Bob is attacked
}

const (
	many = 64 // source addresses, of an attacker who has no lack of them
	// seed makes the attacker's persons the same in each run.
	seed = "-seed 9 "
	// dialled is how many addresses that never answered as earshot may be dialled within a minute: by
	// each of four nodes 24 of strangers' devices.
	dialled = 4 * 24
	// spoken is how many multicasts, and bytes of them, may follow one packet: ten, and what the
	// nodes say of their own meanwhile.
	spoken, spokenBytes = 10 + 50, 1 << 20
)

// calm is the row without an attack. It is always the first, since it shows how much memory Bob has
// who has been used as in the other rows: when they begin he has just been started.
const calm = "no attack"

var assaults = []assault{
	{name: calm, args: "rest", addresses: many},
	{name: "half-open connections", args: "half", addresses: many},
	{name: "idle links", args: "idle", addresses: many},
	{name: "silent streams of one address", args: "streams", addresses: 1, came: soonReset},
	{name: "keys of another kind", args: "keys", addresses: many, came: soonClosed},
	{name: "64 persons write", args: "sybils", addresses: many},
	{name: "64 persons to contacts only", args: "sybils", addresses: many, contacts: true},
	{name: "20 fill the budget", args: "budget", addresses: many},
	{name: "flood from 4 addresses", args: "flood", addresses: 4},
	{name: "new sessions", args: "churn", addresses: many},
	{name: "nonsense", args: "garbage", addresses: many},
	{name: "slow frames", args: "slow", addresses: many},
	{name: "cards never read", args: "cards", addresses: many},
	{name: "claims", args: "claims", addresses: many},
	{name: "held runs", args: "held", addresses: many},
	{name: "kept welcomes", args: "kept", addresses: many},
	{name: "dear control set", args: "bomb", addresses: many, lasts: 15 * time.Second},
	{name: "removals of nobody", args: "fat", addresses: many},
	{name: "group of 1,010", args: "pin", addresses: many},
	{name: "group that fills the disk", args: "fill", addresses: many},
	{name: "256 groups of four", args: "junk", addresses: many},
	{name: "repeated runs", args: "repeats", addresses: many},
	{name: "forks", args: "forks", addresses: many},
	{name: "refused runs", args: "refused", addresses: many},
	{name: "renames", args: "renames", addresses: many},
	{name: "sightings", args: "-target 10.9.0.5 sightings", addresses: many, watch: "-target 10.9.0.5 -for 2h listen", came: leftAlone},
	{name: "forged addresses", args: "-target 10.9.0.5 forged", addresses: many, watch: "-target 10.9.0.5 -for 2h listen", came: leftAlone},
	{name: "mDNS questions", args: "questions", addresses: many, watch: "-for 1500ms hear", came: quiet},
	{name: "mDNS answers", args: "answers", addresses: many},
	{name: "60 others at the attacker's address", args: "flood", addresses: 1, meanwhile: crowd},
	{name: "contacts write on", args: seed + "-n 4 budget", addresses: 4, accepted: 4, slower: 3, share: 1, stored: contactsStored},
	{name: "contacts repeat", args: seed + "-n 4 repeats", addresses: 4, accepted: 4, slower: 3, share: 1, stored: contactsStored},
	{name: "contacts claim", args: seed + "-n 4 claims", addresses: 4, accepted: 4, slower: 3, share: 1, stored: contactsStored},
	{name: "a contact's dear control set", args: seed + "bomb", addresses: 4, accepted: 1, slower: 3, share: 1, stored: contactsStored, lasts: 15 * time.Second},
	{name: "a contact's removals of nobody", args: seed + "fat", addresses: 4, accepted: 1, slower: 3, share: 1, stored: contactsStored},
	{name: "a contact's group fills the disk", args: seed + "fill", addresses: 4, accepted: 1, slower: 3, share: 1, stored: contactsStored},
}

const (
	// negotiated is how long a stream may go without a protocol: two seconds, and as much until it
	// is its turn, and what the machine adds.
	negotiated = 5 * time.Second
	// judged is how long a link may last whose key can't be any device's: a handshake.
	judged = time.Second
)

func soonReset(counts, _ object) []string {
	return notLonger(counts, "longest_stream_ms", negotiated, "a stream without a protocol")
}

func soonClosed(counts, _ object) []string {
	return notLonger(counts, "longest_link_ms", judged, "a link of another key")
}

func notLonger(counts object, counter string, than time.Duration, what string) []string {
	if n, _ := counts[counter].(float64); time.Duration(n)*time.Millisecond > than {
		return []string{fmt.Sprintf("%s lasts %.1f s", what, n/1000)}
	}
	return nil
}

// leftAlone expects that a host which is no earshot is hardly dialled.
func leftAlone(_, counts object) (miss []string) {
	if n, _ := counts["connections to ports below 1024"].(float64); n > 0 {
		miss = append(miss, fmt.Sprintf("%.0f connections to a third party's ports below 1024", n))
	}
	if n, _ := counts["connections"].(float64); n > dialled {
		miss = append(miss, fmt.Sprintf("%.0f connections to a third party", n))
	}
	return miss
}

// quiet expects that one packet does not lead to many.
func quiet(_, counts object) (miss []string) {
	packets, bytes := 0.0, 0.0
	for what, n := range counts {
		from, kind, _ := strings.Cut(what, " ")
		if n, _ := n.(float64); !strings.HasPrefix(from, "10.9.0.") {
			continue // the attacker
		} else if kind == "packets" {
			packets += n
		} else {
			bytes += n
		}
	}
	if packets > spoken || bytes > spokenBytes {
		miss = append(miss, fmt.Sprintf("%.0f multicasts of %.0f bytes", packets, bytes))
	}
	return miss
}

const (
	crowdSeed                     = "-seed 8 "
	crowdContacts, crowdNewcomers = 10, 50
)

// crowd has 50 newcomers and 10 contacts come, all from the attacker's address, as behind an address
// translation.
func crowd(s *siege) (miss []string) {
	var coming sync.WaitGroup
	var back, in error
	coming.Go(func() {
		_, back = s.atBob.people(s.bob, 1, fmt.Sprint(crowdSeed, "-n ", crowdContacts), crowdContacts, contactBack)
	})
	coming.Go(func() {
		_, in = s.atBob.people(s.bob, 1, fmt.Sprint("-n ", crowdNewcomers), crowdNewcomers, strangerIn)
	})
	coming.Wait()
	if back != nil {
		miss = append(miss, "contacts: "+back.Error())
	}
	if in != nil {
		miss = append(miss, "newcomers: "+in.Error())
	}
	return miss
}

// pace is how long each part of a row takes.
type pace struct {
	before, control, attack, after time.Duration
	tries                          int // at most, where the first is too slow
}

var (
	short = pace{before: 700 * time.Millisecond, control: 1700 * time.Millisecond, attack: 4 * time.Second, after: 700 * time.Millisecond, tries: 3}
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
// 30 s after its attack: the next has begun by then. The table is written in any case.
func TestHostile(t *testing.T) {
	if os.Getenv(hostileVar) == "" {
		t.Skip(hostileVar + " names no program; make lab builds it")
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
	if a.accepted > 0 {
		s.atBob.befriend(s.bob, seed, a.accepted)
		s.atSam.befriend(s.sam, seed, a.accepted) // so that they do the same to him
	}
	if a.meanwhile != nil {
		s.atBob.befriend(s.bob, crowdSeed, crowdContacts)
	}
	s.measure()
	<-time.After(starting)
	stored := s.bob.stored()
	o.before = s.during(func() { <-time.After(p.before) })
	for len(o.tries) < p.tries && (len(o.tries) == 0 || o.tries.slower() > o.limit()) {
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

// attacked measures while a node is attacked, and returns what the attack came to as well.
func (s *siege) attacked(from *host, at *node, a *assault, do func()) (slice, object) {
	s.Helper()
	r, err := from.hostile(nil, aimed(at, a.addresses, strings.Fields(a.args)...)...)
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
