package fetch

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/blob"
)

// desk drives a Fetch by hand.
type desk struct {
	*testing.T
	*Fetch
	now   time.Time
	paces map[byte]*Pace
	asked []Ask // that have not ended
	wake  time.Time
}

func newDesk(t *testing.T, size uint64, held Held) *desk {
	return &desk{T: t, Fetch: New(Config{Seed: 1, Size: size, Held: held}), now: start, paces: map[byte]*Pace{}}
}

func device(n byte) crypto.DeviceID { return crypto.DeviceID{n} }

func (d *desk) came(n byte) {
	d.paces[n] = NewPace()
	d.Came(device(n), d.paces[n], n == 'a', d.now)
}

// next returns what is done now, as text.
func (d *desk) next() (did []string) {
	d.Helper()
	effects, wake := d.Next(d.now)
	if !wake.IsZero() && !wake.After(d.now) {
		d.Fatalf("to be woken %v ago", d.now.Sub(wake))
	}
	d.wake = wake
	for _, e := range effects {
		switch e := e.(type) {
		case Ask:
			d.asked = append(d.asked, e)
			did = append(did, fmt.Sprintf("%c %s", e.Source[0], text(e)))
		case CallOff:
			did = append(did, fmt.Sprintf("%c no %s", e.Source[0], text(d.ask(e.Ticket))))
		case Check:
			did = append(did, fmt.Sprintf("%c check %s", e.Source[0], part(e.Part)))
		case Forget:
			did = append(did, fmt.Sprintf("%c forget %s", e.Source[0], part(e.Part)))
		case Reset:
			did = append(did, fmt.Sprintf("%c reset", e.Source[0]))
		case Drop:
			did = append(did, fmt.Sprintf("%c drop", e.Source[0]))
		}
	}
	return did
}

func part(p Part) string { return fmt.Sprintf("%c%d", " mpch"[p.Kind], p.Index) }

func text(a Ask) string {
	if a.Kind == Chunk {
		return fmt.Sprintf("%s %d+%d", part(a.Part), a.Offset/kiB, a.Count/kiB)
	}
	return part(a.Part)
}

func (d *desk) want(want ...string) {
	d.Helper()
	if did := d.next(); !slices.Equal(did, want) {
		d.Fatalf("after %v: %q, want %q", d.now.Sub(start), did, want)
	}
}

func (d *desk) ask(t Ticket) Ask {
	i := slices.IndexFunc(d.asked, func(a Ask) bool { return a.Ticket == t })
	if i < 0 {
		d.Fatalf("%d is not asked for", t)
	}
	return d.asked[i]
}

// find returns the first that a source was asked for, as text says.
func (d *desk) find(n byte, what string) Ask {
	d.Helper()
	i := slices.IndexFunc(d.asked, func(a Ask) bool { return a.Source == device(n) && text(a) == what })
	if i < 0 {
		d.Fatalf("%c is not asked for %s", n, what)
	}
	return d.asked[i]
}

func (d *desk) ended(n byte, what string, how End) {
	d.Helper()
	a := d.find(n, what)
	d.asked = slices.DeleteFunc(d.asked, func(o Ask) bool { return o == a })
	d.Ended(a.Ticket, how, d.now)
}

func (d *desk) whole(n byte, what string) {
	d.Helper()
	a := d.find(n, what)
	d.Bytes(a.Ticket, a.Count, d.now)
	d.ended(n, what, Whole)
}

func (d *desk) had(n byte, had int, chunks ...Range) {
	d.Helper()
	a := d.find(n, "h0")
	d.asked = slices.DeleteFunc(d.asked, func(o Ask) bool { return o == a })
	d.Had(a.Ticket, had, chunks, d.now)
}

func (d *desk) checked(n byte, p Part, v Verdict) { d.Checked(device(n), p, v, d.now) }

func (d *desk) state(want State) {
	d.Helper()
	if s, _ := d.State(); s != want {
		d.Fatalf("after %v: state %d, want %d", d.now.Sub(start), s, want)
	}
}

func (d *desk) pass(t time.Duration) { d.now = d.now.Add(t) }

var (
	manifest = Part{Kind: Manifest}
	proofs   = Held{Manifest: true, Pages: from(0)} // of a stream of one page
)

func from(i int) func(yield func(int, int) bool) {
	return func(yield func(int, int) bool) { yield(i, 1) }
}

func TestInOrder(t *testing.T) {
	d := newDesk(t, 2*miB+100*kiB, Held{})
	d.want()
	d.state(NoSource)
	d.came('a')
	d.want("a h0", "a m0")
	d.state(Fetching)
	d.had('a', 3)
	d.whole('a', "m0")
	d.want("a check m0")
	d.checked('a', manifest, Written)
	d.want("a p0")
	d.whole('a', "p0")
	d.want("a check p0")
	d.checked('a', Part{Page, 0}, Written)
	// 64 KiB at once.
	d.want("a c0 0+16", "a c0 16+16", "a c0 32+16", "a c0 48+16")
	d.whole('a', "c0 16+16") // out of order
	d.want("a c0 64+16")
	for i := range 64 {
		if what := fmt.Sprintf("c0 %d+16", i*16); i != 1 && i < 64 && slices.ContainsFunc(d.asked, func(a Ask) bool { return text(a) == what }) {
			d.whole('a', what)
			d.pass(200 * ms)
			d.next()
		}
	}
	if i := slices.IndexFunc(d.asked, func(a Ask) bool { return a.Index == 0 }); i >= 0 {
		t.Fatalf("%v is still asked for", d.asked[i])
	}
	d.checked('a', Part{Chunk, 0}, Written)
	for step := 0; ; step++ {
		if s, _ := d.State(); s == Done || step > 1000 {
			break
		}
		if len(d.asked) > 0 {
			d.whole('a', text(d.asked[0]))
		}
		for _, did := range d.next() {
			for i := range 3 {
				if did == "a check c"+fmt.Sprint(i) {
					d.checked('a', Part{Chunk, i}, Written)
				}
			}
		}
		d.pass(time.Millisecond)
	}
	d.state(Done)
	d.want()
	if !d.wake.IsZero() || len(d.paces['a'].users) != 0 || d.paces['a'].inFlight != 0 || d.paces['a'].requests != 0 {
		t.Errorf("woken at %v; %+v", d.wake, d.paces['a'])
	}
}

// What is held is not asked for.
func TestHeld(t *testing.T) {
	d := newDesk(t, 3*miB, Held{Manifest: true, Pages: from(0), Chunks: func(yield func(int, int) bool) {
		_ = yield(0, 1) && yield(2, 5) && yield(-3, 2) && yield(2, 1)
	}})
	d.came('a')
	d.next()
	d.had('a', 3)
	if did := d.next(); !slices.Contains(did, "a c1 0+16") || len(did) != 4 {
		t.Errorf("%q", did)
	}
	d = newDesk(t, 1, Held{Manifest: true, Pages: from(0), Chunks: from(0)})
	d.state(Done)
}

// The next page comes before the chunks of the last one are all asked for.
func TestPagesAhead(t *testing.T) {
	d := newDesk(t, 3*giB, Held{Manifest: true, Pages: from(0), Chunks: func(yield func(int, int) bool) { yield(0, 1024-ahead) }})
	d.came('a')
	d.next()
	d.had('a', 3*1024)
	d.next()
	for !slices.ContainsFunc(d.asked, func(a Ask) bool { return a.Kind == Page }) {
		d.whole('a', text(d.asked[0]))
		if did := d.next(); slices.ContainsFunc(d.asked, func(a Ask) bool { return a.Index == 513 }) {
			t.Fatalf("%q", did)
		}
	}
}

func TestWrong(t *testing.T) {
	d := newDesk(t, 10, proofs)
	d.came('a')
	d.next()
	d.had('a', 1)
	d.want("a c0 0+0")
	d.whole('a', "c0 0+0")
	d.want("a check c0")
	d.checked('a', Part{Chunk, 0}, Wrong)
	d.want("a c0 0+0") // once may be a mistake
	d.whole('a', "c0 0+0")
	d.want("a check c0")
	d.checked('a', Part{Chunk, 0}, Wrong)
	d.want("a drop")
	d.state(NoSource)
	d.pass(time.Hour)
	d.Went(device('a'), d.now)
	d.came('a')
	d.want() // and going away does not help
	d.came('b')
	d.want("b h0")
	d.had('b', 1)
	d.want("b c0 0+0")
	d.whole('b', "c0 0+0")
	d.want("b check c0")
	d.checked('b', Part{Chunk, 0}, Unwritten)
	d.want("b c0 0+0") // and it was not b's fault
	d.whole('b', "c0 0+0")
	d.next()
	d.checked('b', Part{Chunk, 0}, Unwritten)
	d.want("b c0 0+0")
}

// What a source says that can't be counts as wrong bytes.
func TestLyingHave(t *testing.T) {
	for _, c := range []struct {
		had    int
		chunks []Range
	}{
		{5, nil}, {-1, nil}, {1, []Range{{0, 2}}}, {3, []Range{{3, 2}}}, {3, []Range{{4, 1}}}, {3, []Range{{-1, 2}}},
		{3, []Range{{0, 1}, {1, 0}}}, {3, []Range{{1 << 62, 1 << 62}}}, {3, []Range{{1, -1}}},
	} {
		d := newDesk(t, 4*miB, proofs)
		d.came('b')
		d.next()
		d.had('b', c.had, c.chunks...)
		d.want()
		d.now = d.wake
		d.want("b h0")
		d.had('b', c.had, c.chunks...)
		d.want("b drop")
	}
}

// stalled is a source that was asked for a chunk, and gives nothing.
func stalled(t *testing.T) *desk {
	d := newDesk(t, 100*kiB, proofs)
	d.came('a')
	d.want("a h0")
	d.had('a', 1)
	d.want("a c0 0+16", "a c0 16+16", "a c0 32+16", "a c0 48+16")
	return d
}

func TestStall(t *testing.T) {
	d := stalled(t)
	for _, rest := range []time.Duration{5, 10, 20, 40, 60, 60} {
		rest *= time.Second
		d.pass(4 * time.Second)
		first := text(d.asked[0])
		a := d.find('a', first)
		d.Bytes(a.Ticket, 1000, d.now)
		d.want()
		d.pass(silence - 1)
		d.want()
		d.pass(1)
		d.want("a reset")
		d.want() // once
		for len(d.asked) > 0 {
			d.ended('a', text(d.asked[0]), Lost)
		}
		d.want()
		d.state(Fetching)
		if at := d.now.Add(rest); d.wake != at {
			t.Fatalf("woken after %v, want %v", d.wake.Sub(d.now), rest)
		}
		d.pass(rest - 1)
		d.want()
		d.pass(1)
		if did := d.next(); len(did) == 0 {
			t.Fatal("it is not asked again")
		}
	}
	// A byte now and then is not enough.
	for range 7 {
		d.pass(4 * time.Second)
		d.Bytes(d.asked[len(d.asked)-1].Ticket, 1, d.now)
		d.want()
	}
	d.pass(2 * time.Second)
	d.want("a reset")

	// Our own disk is to blame, and then not for a while.
	d = stalled(t)
	d.checks = append(d.checks, &attempt{Part: Part{Chunk, 7}, source: d.source(device('a')), since: d.now.Add(4 * time.Second)})
	d.pass(time.Minute)
	d.want()
	d.checked('a', Part{Chunk, 7}, Written)
	d.pass(silence - 1)
	d.want()
	d.pass(1)
	d.want("a reset")
}

// A stream that ends again and again is opened less and less often, until something has come by it.
func TestLost(t *testing.T) {
	d := newDesk(t, 2*miB, proofs)
	d.came('a')
	d.next()
	d.had('a', 2)
	d.next()
	lost := func(rest time.Duration) {
		t.Helper()
		for len(d.asked) > 0 {
			d.ended('a', text(d.asked[0]), Lost)
		}
		d.want()
		if got := d.wake.Sub(d.now); got != rest {
			t.Errorf("left alone for %v, want %v", got, rest)
		}
		d.now = d.wake
		if did := d.next(); len(did) != 4 {
			t.Errorf("%q", did)
		}
	}
	for _, rest := range []time.Duration{1, 2, 4, 8, 16, 32, 60, 60} {
		lost(rest * time.Second)
	}
	for done := false; !done; d.pass(200 * ms) {
		d.whole('a', text(d.asked[0]))
		done = slices.Contains(d.next(), "a check c0")
	}
	d.checked('a', Part{Chunk, 0}, Written)
	lost(time.Second)
}

func TestBusy(t *testing.T) {
	d := stalled(t)
	a := d.find('a', "c0 0+16")
	d.Bytes(a.Ticket, 4*kiB, d.now)
	d.ended('a', "c0 0+16", Busy)
	d.want()
	d.whole('a', "c0 16+16")
	d.ended('a', "c0 32+16", Busy)
	d.whole('a', "c0 48+16")
	d.want()
	d.pass(busyRest - 1)
	d.want()
	d.pass(1)
	// What has come is kept.
	d.want("a c0 4+12", "a c0 32+16", "a c0 64+16", "a c0 80+16")
}

func TestNotHere(t *testing.T) {
	for _, how := range []End{NotHere, Changed, Gone} {
		d := newDesk(t, 2*miB, proofs)
		d.came('a')
		d.next()
		d.had('a', 2)
		d.next()
		a := d.find('a', "c0 0+16")
		d.Bytes(a.Ticket, 1, d.now)
		d.ended('a', "c0 0+16", how)
		d.want("a no c0 16+16", "a no c0 32+16", "a no c0 48+16", "a forget c0")
		d.state(map[End]State{NotHere: NoSource, Changed: AllChanged, Gone: AllGone}[how])
		least := map[End]time.Duration{NotHere: minPoll, Changed: lostPoll, Gone: lostPoll}[how]
		for len(d.asked) > 0 { // which were called off
			d.ended('a', text(d.asked[0]), NotHere)
		}
		d.want()
		for range 9 {
			if d.wake.Sub(d.now) < least || d.wake.Sub(d.now) > max(2*least, time.Minute*5/4) {
				t.Errorf("asked again after %v", d.wake.Sub(d.now))
			}
			d.now = d.wake
			d.want("a h0") // and nothing else
			d.ended('a', "h0", how)
			d.want()
			if how == NotHere {
				least = min(2*least, maxPoll)
			}
		}
		d.now = d.wake
		d.want("a h0")
		d.had('a', 2)
		if did := d.next(); len(did) != 4 {
			t.Errorf("%q", did)
		}
		d.state(Fetching)
	}
}

// Whether a source has anything is asked again after Busy and Lost.
func TestHaveAgain(t *testing.T) {
	for _, how := range []End{Busy, Lost} {
		d := newDesk(t, 2*miB, proofs)
		d.came('b')
		d.want("b h0")
		d.ended('b', "h0", how)
		d.want()
		d.state(Fetching)
		d.pass(time.Second)
		d.want("b h0")
	}
}

// However much a source says, little is remembered of it, and what it said last is.
func TestManyRuns(t *testing.T) {
	d := newDesk(t, blob.MaxSize, Held{})
	d.came('b')
	d.next()
	last := 0
	for range 200 {
		var some []Range
		for range 16 {
			some = append(some, Range{last, 1})
			last += 3
		}
		d.had('b', 1<<20, some...)
		if n := len(d.source(device('b')).had); n > maxRuns+16 {
			t.Fatalf("%d runs are remembered", n)
		}
		d.source(device('b')).poll = d.now
		d.next()
	}
	if !d.source(device('b')).has(last - 3) {
		t.Error("what it said last is not remembered")
	}
}

// What has come of a chunk waits for its source, until another takes the chunk.
func TestParked(t *testing.T) {
	d := stalled(t)
	d.whole('a', "c0 0+16")
	d.Went(device('a'), d.now)
	d.asked = nil
	d.want()
	d.state(NoSource)
	d.came('a')
	d.want("a h0", "a c0 16+16", "a c0 32+16", "a c0 48+16", "a c0 64+16")
	d.Went(device('a'), d.now)
	d.asked = nil
	d.came('b')
	d.want("b h0")
	d.had('b', 1)
	d.want("a forget c0", "b c0 0+16", "b c0 16+16", "b c0 32+16", "b c0 48+16")
}

// At the end what is late is asked of two, and of no more for a while.
func TestTwoAtTheEnd(t *testing.T) {
	d := stalled(t)
	for _, n := range []byte("bcd") {
		d.came(n)
	}
	d.pass(time.Millisecond)
	a := d.find('a', "c0 0+16")
	for end := d.now.Add(4 * time.Second); d.now.Before(end); d.pass(100 * ms) {
		d.Bytes(a.Ticket, 1, d.now) // it trickles
		d.next()
		for _, n := range []byte("bcd") {
			for _, o := range d.asked {
				if o.Kind == Have && o.Source == device(n) {
					d.had(n, 1)
				}
			}
		}
		sources := map[byte]bool{}
		for _, o := range d.asked {
			sources[o.Source[0]] = true
		}
		if since := d.now.Sub(start); len(sources) > 2 || since > 3*time.Second && len(sources) < 2 || since < late && len(sources) > 1 {
			t.Fatalf("after %v it is asked of %d", d.now.Sub(start), len(sources))
		}
	}
	other := byte(0)
	for _, o := range d.asked {
		if o.Source != device('a') && o.Kind == Chunk {
			other = o.Source[0]
		}
	}
	for range 100 {
		if i := slices.IndexFunc(d.asked, func(o Ask) bool { return o.Source == device(other) && o.Kind == Chunk }); i >= 0 {
			d.whole(other, text(d.asked[i]))
		}
		if slices.Contains(d.next(), fmt.Sprintf("%c check c0", other)) {
			break
		}
	}
	d.checked(other, Part{Chunk, 0}, Written)
	d.want("a no c0 0+16", "a no c0 16+16", "a no c0 32+16", "a no c0 48+16", "a forget c0")
	d.state(Done)
	for len(d.asked) > 0 {
		d.ended(d.asked[0].Source[0], text(d.asked[0]), Whole)
	}
	for n, p := range d.paces {
		if p.inFlight != 0 || p.requests != 0 || len(p.users) != 0 {
			t.Errorf("%c: %+v", n, p)
		}
	}
}

// What says where the rest belongs goes first, whoever has it.
func TestLead(t *testing.T) {
	for seed := range uint64(10) {
		d := newDesk(t, 12*miB, proofs)
		d.Fetch = New(Config{Seed: seed, Size: 12 * miB, Held: proofs})
		d.Lead(2)
		d.came('a')
		d.came('b')
		d.next()
		d.had('a', 12)
		d.had('b', 6, Range{1, 6})
		d.next()
		for _, a := range d.asked {
			if want := int(a.Source[0] - 'a'); a.Index != want {
				t.Errorf("seed %d: %c is asked for %d first", seed, a.Source[0], a.Index)
			}
		}
	}
}

// Of several sources each gives first what others don't have.
func TestRarestFirst(t *testing.T) {
	first := map[int]bool{}
	for seed := range uint64(20) {
		d := newDesk(t, 12*miB, proofs)
		d.Fetch = New(Config{Seed: seed, Size: 12 * miB, Held: proofs})
		d.came('a')
		d.came('b')
		d.next()
		d.had('b', 10, Range{0, 4}, Range{5, 5}, Range{11, 1}) // all but 4 and 10
		d.had('a', 12)
		d.next()
		for _, a := range d.asked {
			if a.Source == device('a') && a.Index != 4 && a.Index != 10 {
				t.Errorf("seed %d: a is asked for %d first", seed, a.Index)
			}
			if a.Source == device('b') {
				first[a.Index] = true
			}
		}
	}
	if len(first) < 4 {
		t.Errorf("20 readers begin with the same %d chunks", len(first))
	}
}

func TestPauseAndClose(t *testing.T) {
	d := newDesk(t, 4*miB, proofs)
	d.came('a')
	d.next()
	d.had('a', 4)
	d.next()
	d.Pause(true)
	d.whole('a', "c0 0+16") // still comes
	d.want()
	d.pass(time.Hour)
	d.want()
	d.Pause(false)
	if did := d.next(); len(did) == 0 {
		t.Error("it does not go on")
	}
	for len(d.asked) > 0 { // and its source is not to blame for an hour's silence
		a := d.asked[0]
		d.whole('a', text(a))
	}
	d.next()
	open := len(d.asked)
	effects := d.Close()
	calls, forgets := 0, 0
	for _, e := range effects {
		switch e.(type) {
		case CallOff:
			calls++
		case Forget:
			forgets++
		}
	}
	if p := d.paces['a']; calls != open || forgets != 1 || p.inFlight != 0 || p.requests != 0 || len(p.users) != 0 {
		t.Errorf("%d of %d are called off, %d forgotten; %+v", calls, open, forgets, p)
	}
}

// Anything may be said at any time: nothing panics, and the books agree.
func FuzzInputs(f *testing.F) {
	for seed := range uint64(100) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		random := rand.New(rand.NewPCG(seed, 3))
		size := random.Uint64N(4 * giB)
		if random.IntN(2) == 0 {
			size = random.Uint64N(6 * miB)
		}
		fetch, now := New(Config{Seed: seed, Size: size}), start
		paces := map[byte]*Pace{}
		var asked []Ask
		var checks []Check
		chunks := int(size/blob.ChunkSize) + 1
		for range 3000 {
			n := byte(random.IntN(12))
			a, how := Ask{Ticket: Ticket(random.IntN(50))}, End(random.IntN(6))
			if len(asked) > 0 && random.IntN(10) > 0 {
				a = asked[random.IntN(len(asked))]
				if random.IntN(3) > 0 {
					how = Whole
				}
			}
			switch random.IntN(12) {
			case 0, 1:
				if paces[n] == nil || random.IntN(20) == 0 {
					paces[n] = NewPace()
				}
				fetch.Came(device(n), paces[n], n == 0, now)
			case 2:
				if random.IntN(4) == 0 {
					fetch.Went(device(n), now)
				}
			case 3:
				if random.IntN(2) == 0 {
					fetch.Had(a.Ticket, random.IntN(chunks+1), []Range{{random.IntN(chunks), random.IntN(chunks)}}, now)
				} else {
					fetch.Had(a.Ticket, chunks, nil, now)
				}
			case 4, 5, 6:
				fetch.Bytes(a.Ticket, random.IntN(1+a.Count*2), now)
			case 7, 8:
				if how == Whole && random.IntN(10) > 0 {
					fetch.Bytes(a.Ticket, a.Count, now)
				}
				fetch.Ended(a.Ticket, how, now)
			case 9, 10:
				if len(checks) > 0 {
					c := checks[0]
					checks = checks[1:]
					fetch.Checked(c.Source, c.Part, Verdict(max(0, random.IntN(20)-17)), now)
				} else {
					fetch.Checked(device(n), Part{Kind(random.IntN(5)), random.IntN(chunks)}, Written, now)
				}
			case 11:
				now = now.Add(time.Duration(random.Int64N(int64(3 * time.Second))))
				fetch.Pause(random.IntN(10) == 0)
			}
			effects, wake := fetch.Next(now)
			if !wake.IsZero() && !wake.After(now) {
				t.Fatalf("to be woken %v ago", now.Sub(wake))
			}
			for _, e := range effects {
				switch e := e.(type) {
				case Ask:
					asked = append(asked, e)
				case Check:
					checks = append(checks, e)
				}
			}
			asked = asked[max(0, len(asked)-200):]
			fetch.audit(t, chunks > 1000)
		}
		fetch.Close()
		for _, p := range paces {
			if p.inFlight != 0 || p.requests != 0 || len(p.users) != 0 {
				t.Fatalf("closed, and %+v", p)
			}
		}
	})
}

// audit checks that all books of a Fetch agree.
func (f *Fetch) audit(t *testing.T, large bool) {
	t.Helper()
	attempts := 0
	for _, s := range f.sources {
		inFlight := 0
		for _, r := range s.requests {
			if f.requests[r.ticket] != r || r.source != s {
				t.Fatal("a request is not in the books")
			}
			inFlight += r.count - r.got
		}
		if s.pace != nil && s.here {
			if u := s.pace.users[f]; (u != nil || inFlight > 0) && (u.inFlight != inFlight || u.requests != len(s.requests)) {
				t.Fatalf("%d bytes of %d requests, and %+v", inFlight, len(s.requests), u)
			}
			if s.pace.inFlight < 0 || s.pace.requests < 0 || s.pace.requests > MaxRequests || s.pace.sum < 0 {
				t.Fatalf("%+v", s.pace)
			}
		}
		for _, a := range s.attempts {
			attempts++
			if got := a.got; a.Kind == Chunk && !a.checked {
				for _, n := range a.need {
					got += n.end - n.first
				}
				for _, r := range s.requests {
					if r.attempt == a {
						got += r.count - r.got
					}
				}
				if got != f.size(a.Part) {
					t.Fatalf("%d bytes of %v are accounted for", got, a.Part)
				}
			}
		}
		if len(s.had) > maxRuns+16 || len(f.sources) > maxKnown {
			t.Fatal("it remembers too much")
		}
	}
	for part, open := range f.open {
		if len(open) == 0 || part.Kind == Chunk && f.free.has(part.Index) || part.Kind == Page && f.freePages.has(part.Index) {
			t.Fatalf("%v is open and free, or nobody has it", part)
		}
		attempts -= len(open)
	}
	for _, a := range f.parked {
		if !f.free.has(a.Index) || len(a.need) == 0 || a.asked != 0 {
			t.Fatalf("%v is parked and not free", a.Part)
		}
	}
	if attempts < 0 || len(f.parked) > maxParked {
		t.Fatalf("%d attempts, %d parked", attempts, len(f.parked))
	}
	if large {
		return
	}
	frees, readies := 0, 0
	for i := f.free.next(0); i >= 0; i = f.free.next(i + 1) {
		frees++
		if f.pages.has(i / blob.PageLeaves) {
			readies++
		}
	}
	if frees != f.frees || readies != f.readies {
		t.Fatalf("%d free and %d ready, counted %d and %d", frees, readies, f.frees, f.readies)
	}
}
