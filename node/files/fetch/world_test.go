package fetch

import (
	"cmp"
	"container/heap"
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/blob"
)

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// world is nodes that give each other an attachment, in simulated time. It carries out the effects as the
// room does, and checks what must hold of each.
type world struct {
	t      *testing.T
	seed   uint64
	random *rand.Rand
	now    time.Time
	events events
	seq    int
	shape  blob.Shape
	nodes  []*node
}

type event struct {
	at  time.Time
	seq int
	do  func()
}

type events []event

func (e events) Len() int { return len(e) }
func (e events) Less(i, j int) bool {
	return cmp.Or(e[i].at.Compare(e[j].at), cmp.Compare(e[i].seq, e[j].seq)) < 0
}
func (e events) Swap(i, j int) { e[i], e[j] = e[j], e[i] }
func (e *events) Push(x any)   { *e = append(*e, x.(event)) }
func (e *events) Pop() any {
	last := (*e)[len(*e)-1]
	*e = (*e)[:len(*e)-1]
	return last
}

func newWorld(t *testing.T, seed, size uint64) *world {
	return &world{t: t, seed: seed, random: rand.New(rand.NewPCG(seed, 99)), now: start, shape: blob.Shape{Size: size}}
}

func (w *world) fatalf(format string, args ...any) {
	w.t.Helper()
	w.t.Fatalf("seed %d, after %v: %s", w.seed, w.now.Sub(start), fmt.Sprintf(format, args...))
}

func (w *world) after(d time.Duration, do func()) {
	w.seq++
	heap.Push(&w.events, event{w.now.Add(d), w.seq, do})
}

// run lets time pass until something holds, and returns how long that took. It fails if that is too
// long.
func (w *world) run(most time.Duration, until func() bool) time.Duration {
	w.t.Helper()
	begin := w.now
	for !until() {
		if len(w.events) == 0 || w.events[0].at.Sub(begin) > most {
			w.fatalf("not so after %v: %s", w.now.Sub(begin), w)
		}
		e := heap.Pop(&w.events).(event)
		w.now = e.at
		e.do()
	}
	return w.now.Sub(begin)
}

func (w *world) String() (s string) {
	for _, n := range w.nodes {
		s += fmt.Sprintf("\n%v has %d", n.id[0], len(n.disk))
		if n.fetch != nil {
			state, sources := n.fetch.State()
			s += fmt.Sprintf(", state %d, %d sources, %d requests, %d free, %d ready", state, sources, len(n.fetch.requests), n.fetch.frees, n.fetch.readies)
		}
	}
	return s
}

// node holds, fetches and gives. What it does wrong on purpose is in the last fields.
type node struct {
	*world
	id      crypto.DeviceID
	up      float64 // bytes a second
	disk    map[Part]bool
	synced  map[Part]bool
	fetch   *Fetch
	life    int // a crash begins another one
	woken   time.Time
	peers   []*peer // whom it is connected with
	sending bool
	turn    int

	buffers  map[buffer]*held
	checking int           // parts
	write    time.Duration // how long it takes to check and write one
	came     uint64        // bytes of parts
	crash    int           // after so many effects; 0: never
	effects  int
	asks     func(Ask)
	dropped  map[crypto.DeviceID]int
	resets   int

	wrong   float64 // how often a part it gives is not right
	boasts  bool    // it says that it has all
	lies    bool    // it says what can't be
	stalls  float64 // how often it leaves a request without an answer
	busy    float64 // how often it says so
	trickle bool    // a byte every 4 s
	changed bool
}

type buffer struct {
	from crypto.DeviceID
	Part
}

type held struct {
	had   runs
	wrong bool
}

// peer is what a node knows of another: what it asks of it, and what that asks.
type peer struct {
	node    *node // the other
	pace    *Pace
	latency time.Duration
	epoch   int // of the connection
	up      bool
	asked   map[Ticket]*asked
	jobs    []*job
}

type asked struct {
	Ask
	off   bool
	left  int
	begun time.Time
}

// job is an Ask at the one that gives.
type job struct {
	Ask
	to    *node
	epoch int
	sent  int
	off   bool
	wrong bool
}

// add makes a node with an uplink of so many bytes a second.
func (w *world) add(up float64) *node {
	n := &node{world: w, up: up, disk: map[Part]bool{}, synced: map[Part]bool{}, dropped: map[crypto.DeviceID]int{}, write: 2 * time.Millisecond}
	n.id[0] = byte(len(w.nodes) + 1)
	w.nodes = append(w.nodes, n)
	return n
}

// parts gives all parts of the stream.
func (w *world) parts() iter.Seq[Part] {
	return func(yield func(Part) bool) {
		if !yield(Part{Kind: Manifest}) {
			return
		}
		for i := range w.shape.Pages() {
			if !yield(Part{Page, i}) {
				return
			}
		}
		for i := range w.shape.Chunks() {
			if !yield(Part{Chunk, i}) {
				return
			}
		}
	}
}

// full gives a node everything.
func (n *node) full() *node {
	for p := range n.parts() {
		n.disk[p] = true
	}
	return n
}

// starts has a node fetch.
func (n *node) starts() {
	n.life++
	n.buffers = map[buffer]*held{}
	n.disk = maps.Clone(n.synced)
	n.checking = 0
	runs := func(k Kind) iter.Seq2[int, int] {
		return func(yield func(int, int) bool) {
			for p := range n.disk {
				if p.Kind == k && !yield(p.Index, 1) {
					return
				}
			}
		}
	}
	n.fetch = New(Config{
		Seed: n.seed + uint64(n.id[0])*1000, Size: n.shape.Size,
		Held: Held{Manifest: n.disk[Part{Kind: Manifest}], Pages: runs(Page), Chunks: runs(Chunk)},
	})
	life := n.life
	var sync func()
	sync = func() {
		if n.life != life {
			return
		}
		n.synced = maps.Clone(n.disk)
		if !n.done() {
			n.after(2*time.Second, sync)
		}
	}
	n.after(2*time.Second, sync)
}

func (n *node) done() bool {
	state, _ := n.fetch.State()
	return state == Done
}

func (n *node) peer(o *node) *peer {
	for _, p := range n.peers {
		if p.node == o {
			return p
		}
	}
	p := &peer{node: o}
	n.peers = append(n.peers, p)
	return p
}

// connect connects two nodes, both of which may fetch.
func (w *world) connect(a, b *node, latency time.Duration) {
	for _, n := range []*node{a, b} {
		o := a
		if n == a {
			o = b
		}
		p := n.peer(o)
		p.latency, p.up, p.pace, p.asked, p.jobs = latency, true, NewPace(), map[Ticket]*asked{}, nil
		p.epoch++
		if n.fetch != nil {
			n.fetch.Came(o.id, p.pace, o == w.nodes[0], w.now)
			n.next()
		}
	}
}

func (w *world) disconnect(a, b *node) {
	for _, n := range []*node{a, b} {
		o := a
		if n == a {
			o = b
		}
		if p := n.peer(o); p.up {
			p.up, p.jobs = false, nil
			p.epoch++
			if n.fetch != nil {
				n.fetch.Went(o.id, w.now)
				n.next()
			}
		}
	}
}

// restart is a crash of a node, and its next start.
func (n *node) restart() {
	var lost []*node
	for _, p := range n.peers {
		if p.up {
			lost = append(lost, p.node)
		}
	}
	n.fetch, n.crash = nil, 0
	clear(n.dropped)
	for _, o := range lost {
		n.disconnect(n, o)
	}
	n.starts()
	for _, o := range lost {
		n.connect(n, o, n.peer(o).latency)
	}
}

// next carries out what is to be done.
func (n *node) next() {
	if n.fetch == nil {
		return
	}
	effects, wake := n.fetch.Next(n.now)
	for _, e := range effects {
		n.effects++
		if n.effects == n.crash {
			n.restart()
			return
		}
		n.effect(e)
	}
	if !wake.IsZero() && wake != n.woken {
		if wake.Before(n.now) {
			n.fatalf("to be woken %v ago", n.now.Sub(wake))
		}
		n.woken = wake
		life := n.life
		n.after(wake.Sub(n.now), func() {
			if n.life == life && n.woken == wake {
				n.woken = time.Time{}
				n.next()
			}
		})
	}
}

func (n *node) from(id crypto.DeviceID) *peer {
	for _, p := range n.peers {
		if p.node.id == id {
			return p
		}
	}
	n.fatalf("no source %v", id)
	return nil
}

func (n *node) effect(e Effect) {
	switch e := e.(type) {
	case Ask:
		n.check(e)
		if n.asks != nil {
			n.asks(e)
		}
		p := n.from(e.Source)
		p.asked[e.Ticket] = &asked{Ask: e, left: e.Count, begun: n.now}
		j := &job{Ask: e, to: n, epoch: p.epoch, wrong: p.node.wrong > 0 && n.random.Float64() < p.node.wrong}
		n.after(p.latency, func() { p.node.asked(j) })
	case CallOff:
		p := n.from(e.Source)
		a, epoch := p.asked[e.Ticket], p.epoch
		if a == nil {
			n.fatalf("%d is called off and is not asked for", e.Ticket)
		}
		a.off = true
		n.after(p.latency, func() { p.node.calledOff(n, epoch, e.Ticket) })
	case Forget:
		b := buffer{e.Source, e.Part}
		if n.buffers[b] == nil {
			n.fatalf("%v is to be forgotten and is not there", b)
		}
		delete(n.buffers, b)
	case Check:
		b := buffer{e.Source, e.Part}
		h := n.buffers[b]
		if h == nil || e.Kind != Manifest && !slices.Equal(h.had, runs{{0, n.fetch.size(e.Part)}}) {
			n.fatalf("%v is to be checked and has %v", b, h)
		}
		delete(n.buffers, b)
		n.checking++
		life := n.life
		n.after(time.Duration(n.checking)*n.write, func() {
			if n.life != life {
				return
			}
			n.checking--
			v := Written
			if h.wrong {
				v = Wrong
			} else {
				n.disk[e.Part] = true
			}
			n.fetch.Checked(e.Source, e.Part, v, n.now)
			n.next()
		})
	case Drop:
		n.dropped[e.Source]++
	case Reset:
		n.resets++
		p := n.from(e.Source)
		tickets := slices.Sorted(maps.Keys(p.asked))
		p.epoch++ // nothing that is on its way arrives
		n.after(0, func() {
			for _, t := range tickets {
				if a := p.asked[t]; a != nil {
					delete(p.asked, t)
					n.fetch.Ended(t, Lost, n.now)
				}
			}
			n.next()
		})
	}
}

// check checks what must hold of whatever is asked for.
func (n *node) check(e Ask) {
	p := n.from(e.Source)
	if !p.up {
		n.fatalf("%v is asked for of one that went", e)
	}
	if e.Kind == Have {
		return
	}
	inFlight, open := e.Count, 1
	for _, a := range p.asked {
		open++
		inFlight += a.left
	}
	if w := p.pace.window(n.now); inFlight > w && open > 1 && inFlight > e.Count {
		n.fatalf("%d bytes are asked for, and the window is %d", inFlight, w)
	}
	if open > MaxRequests {
		n.fatalf("%d requests", open)
	}
	if n.dropped[e.Source] > 0 {
		n.fatalf("%v is asked for of one that was dropped", e)
	}
	switch {
	case n.disk[e.Part]:
		n.fatalf("%v is asked for and is there", e)
	case e.Kind != Manifest && !n.disk[Part{Kind: Manifest}]:
		n.fatalf("%v is asked for before the manifest", e)
	case e.Kind == Chunk && !n.disk[Part{Page, e.Index / blob.PageLeaves}]:
		n.fatalf("%v is asked for before its page", e)
	case e.Kind == Chunk && (e.Count < 1 || e.Offset < 0 || e.Offset+e.Count > n.fetch.size(e.Part)):
		n.fatalf("%v is outside of the chunk", e)
	}
	sources := map[crypto.DeviceID]bool{e.Source: true}
	others := time.Duration(-1) // since when another source is asked for it
	for _, o := range n.peers {
		for _, a := range o.asked {
			if o.up && !a.off && a.Kind != Have {
				sources[o.node.id] = true
				if o != p && a.Part == e.Part {
					others = max(others, n.now.Sub(a.begun))
				}
			}
		}
	}
	if len(sources) > MaxSources {
		n.fatalf("%d sources are asked", len(sources))
	}
	if e.Offset == 0 && others >= 0 && n.fetch.frees > 0 && n.buffers[buffer{e.Source, e.Part}] == nil && e.Kind == Chunk {
		for _, a := range n.fetch.open[e.Part] {
			if a.source.id != e.Source && n.now.Sub(a.since) >= veryLate {
				return
			}
		}
		n.fatalf("%v is asked of two, and not at the end", e)
	}
	if len(n.fetch.parked) > maxParked || len(n.buffers) > 2*MaxOpen {
		n.fatalf("%d parked, %d buffers", len(n.fetch.parked), len(n.buffers))
	}
}

// asked takes in what another asks for.
func (n *node) asked(j *job) {
	p := n.peer(j.to)
	if !p.up || j.to.peer(n).epoch != j.epoch {
		return
	}
	roll := n.random.Float64()
	switch {
	case roll < n.stalls:
	case j.Kind == Have:
		n.have(j)
	case roll < n.stalls+n.busy:
		n.ends(j, Busy)
	default:
		p.jobs = append(p.jobs, j)
		n.send()
	}
}

func (n *node) have(j *job) {
	var chunks []Range
	had := 0
	for i := range n.shape.Chunks() {
		if !n.disk[Part{Chunk, i}] {
			continue
		}
		had++
		if l := len(chunks); l > 0 && chunks[l-1].First+chunks[l-1].Count == i {
			chunks[l-1].Count++
		} else {
			chunks = append(chunks, Range{i, 1})
		}
	}
	n.random.Shuffle(len(chunks), func(i, k int) { chunks[i], chunks[k] = chunks[k], chunks[i] })
	chunks = chunks[:min(16, len(chunks))]
	slices.SortFunc(chunks, func(a, b Range) int { return cmp.Compare(a.First, b.First) })
	switch {
	case n.changed:
		n.ends(j, Changed)
		return
	case n.boasts:
		had = n.shape.Chunks()
	case n.lies:
		had, chunks = 1<<60, []Range{{1 << 59, 1 << 62}}
	case had == 0 && !n.disk[Part{Kind: Manifest}]:
		n.ends(j, NotHere)
		return
	}
	n.answer(j, func(p *peer) { j.to.fetch.Had(j.Ticket, had, chunks, n.now) }, true)
}

// answer has something arrive.
func (n *node) answer(j *job, do func(p *peer), last bool) {
	p := j.to.peer(n)
	n.after(p.latency, func() {
		if p.epoch != j.epoch || p.asked[j.Ticket] == nil {
			return
		}
		do(p)
		if last {
			delete(p.asked, j.Ticket)
		}
		j.to.next()
	})
}

func (n *node) ends(j *job, how End) {
	n.answer(j, func(*peer) { j.to.fetch.Ended(j.Ticket, how, n.now) }, true)
}

func (n *node) calledOff(to *node, epoch int, t Ticket) {
	for _, j := range n.peer(to).jobs {
		if j.epoch == epoch && j.Ticket == t {
			j.off = true
		}
	}
}

// send writes up to 64 KiB to the next peer in turn.
func (n *node) send() {
	if n.sending {
		return
	}
	for range n.peers {
		n.turn++
		p := n.peers[n.turn%len(n.peers)]
		if !p.up || len(p.jobs) == 0 {
			continue
		}
		j := p.jobs[0]
		if j.off || n.changed || !n.disk[j.Part] && !n.boasts {
			p.jobs = p.jobs[1:]
			n.ends(j, map[bool]End{false: NotHere, true: Changed}[n.changed && !j.off])
			n.send()
			return
		}
		if !n.disk[j.Part] {
			p.jobs = p.jobs[1:]
			n.ends(j, NotHere)
			n.send()
			return
		}
		b, takes := min(64<<10, j.Count-j.sent), time.Duration(0)
		if n.trickle {
			b, takes = 1, 4*time.Second
		} else {
			takes = time.Duration(float64(b) / n.up * 1e9)
		}
		n.sending = true
		n.after(takes, func() {
			n.sending = false
			j.sent += b
			if j.sent >= j.Count && len(p.jobs) > 0 && p.jobs[0] == j {
				p.jobs = p.jobs[1:]
			}
			offset := j.Offset + j.sent - b
			n.answer(j, func(p *peer) { j.to.bytes(p, j, offset, b) }, j.sent >= j.Count)
			n.send()
		})
		return
	}
}

// bytes takes in what has come.
func (n *node) bytes(p *peer, j *job, offset, count int) {
	a := p.asked[j.Ticket]
	a.left -= count
	n.came += uint64(count)
	if !a.off {
		b := buffer{p.node.id, j.Part}
		h := n.buffers[b]
		if h == nil {
			h = &held{}
			n.buffers[b] = h
		}
		h.had.add(run{offset, offset + count})
		h.wrong = h.wrong || j.wrong
	}
	n.fetch.Bytes(j.Ticket, count, n.now)
	if j.sent >= j.Count && offset+count == j.Offset+j.Count {
		n.fetch.Ended(j.Ticket, Whole, n.now)
	}
}

// same checks that a node has everything.
func (n *node) same() {
	n.t.Helper()
	for p := range n.parts() {
		if !n.disk[p] {
			n.fatalf("%v has no %v", n.id[0], p)
		}
	}
}
