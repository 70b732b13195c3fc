package fetch

import (
	"testing"
	"time"
)

// shared is Fetches of different attachments from one device, which gives to each in turn.
type shared struct {
	*testing.T
	pace    *Pace
	now     time.Time
	fetches []*Fetch
	jobs    [][]Ask
	got     []int // bytes
	most    int   // bytes on their way at once
	turn    int
	credit  float64
}

func newShared(t *testing.T, sizes ...uint64) *shared {
	s := &shared{T: t, pace: NewPace(), now: start}
	for i, size := range sizes {
		s.fetches = append(s.fetches, New(Config{Seed: uint64(i), Size: size}))
		s.jobs, s.got = append(s.jobs, nil), append(s.got, 0)
		s.fetches[i].Came(device('a'), s.pace, true, s.now)
	}
	s.next()
	return s
}

func (s *shared) next() {
	again := false
	for i, f := range s.fetches {
		effects, _ := f.Next(s.now)
		for _, e := range effects {
			switch e := e.(type) {
			case Ask:
				s.jobs[i] = append(s.jobs[i], e)
				s.most = max(s.most, s.pace.inFlight)
				if w := s.pace.window(s.now); s.pace.inFlight > w && s.pace.requests > 1 {
					s.Fatalf("%d bytes are on their way, of %d", s.pace.inFlight, w)
				}
			case Check:
				f.Checked(e.Source, e.Part, Written, s.now)
				again = true
			}
		}
	}
	if again {
		s.next()
	}
}

// run lets the device give so many bytes a second for a while.
func (s *shared) run(d time.Duration, rate float64) {
	clear(s.got)
	s.most = 0
	for end := s.now.Add(d); s.now.Before(end); s.now = s.now.Add(ms) {
		for s.credit += rate / 1000; s.credit > 0; {
			i := -1
			for range s.jobs {
				if s.turn++; len(s.jobs[s.turn%len(s.jobs)]) > 0 {
					i = s.turn % len(s.jobs)
					break
				}
			}
			if i < 0 {
				s.credit = 0
				break
			}
			a := &s.jobs[i][0]
			n := min(a.Count, 16*kiB)
			s.fetches[i].Bytes(a.Ticket, n, s.now)
			s.got[i] += n
			s.credit -= float64(n)
			if a.Count -= n; a.Count == 0 {
				t, kind := a.Ticket, a.Kind
				s.jobs[i] = s.jobs[i][1:]
				if kind == Have {
					s.fetches[i].Had(t, s.fetches[i].chunks(), nil, s.now)
				} else {
					s.fetches[i].Ended(t, Whole, s.now)
				}
			}
			s.next()
		}
	}
}

func (s *shared) share(i int, want float64) {
	s.Helper()
	all := 0
	for _, n := range s.got {
		all += n
	}
	if share := float64(s.got[i]) / float64(all); share < want-0.08 || share > want+0.08 {
		s.Errorf("%v: %d got %.2f of it, want %.2f", s.now.Sub(start), i, share, want)
	}
}

// What several attachments ask of one device is bounded together, and shared.
func TestSharedPace(t *testing.T) {
	s := newShared(t, giB, giB, giB)
	for _, rate := range []float64{50_000, 1e6, 1e7} {
		s.run(20*time.Second, rate)
		for i := range s.fetches {
			s.share(i, 1./3)
		}
	}
	s.fetches[0].Pause(true)
	s.next()
	s.run(10*time.Second, 1e6)
	s.share(0, 0)
	s.share(1, 0.5)
	s.fetches[0].Pause(false)
	s.next()
	s.run(10*time.Second, 1e6)
	s.share(0, 1./3)
	// One that must leave the device alone holds nobody up.
	s.fetches[1].Ended(s.jobs[1][0].Ticket, Busy, s.now)
	s.jobs[1] = s.jobs[1][1:]
	s.fetches[1].source(device('a')).rest = s.now.Add(time.Hour)
	s.run(time.Second, 1e6)
	s.run(10*time.Second, 1e6)
	s.share(1, 0)
	s.share(0, 0.5)
	if s.most < 150_000 {
		t.Errorf("%d bytes are on their way, of 200,000", s.most)
	}
	s.fetches[0].Close()
	s.fetches, s.jobs, s.got = s.fetches[1:], s.jobs[1:], s.got[1:]
	s.run(10*time.Second, 1e6)
	s.share(1, 1)
}

// A newcomer has to fetch a manifest and pages, which can't be divided, beside one that takes all.
func TestNewcomerOnASlowLink(t *testing.T) {
	s := newShared(t, giB)
	s.pace.Words(true)
	s.run(10*time.Second, 50_000)
	f := New(Config{Seed: 9, Size: 3000 * giB})
	f.Came(device('a'), s.pace, true, s.now)
	s.fetches, s.jobs, s.got = append(s.fetches, f), append(s.jobs, nil), append(s.got, 0)
	s.next()
	s.run(30*time.Second, 50_000)
	if !f.manifest || f.pages.next(0) < 0 {
		t.Errorf("after 30 s: manifest %v, a page %d", f.manifest, f.pages.next(0))
	}
	s.run(20*time.Second, 50_000)
	s.share(1, 0.5)
}

// However many attachments there are, a stream has only so many requests.
func TestRequestsOfAStream(t *testing.T) {
	s := newShared(t, make([]uint64, 100)...)
	if s.pace.requests != MaxRequests {
		t.Errorf("%d requests are not answered", s.pace.requests)
	}
	s.run(time.Second, 1e6)
	for i, f := range s.fetches {
		if state, _ := f.State(); state != Done {
			t.Fatalf("%d is not done", i)
		}
	}
}

// As much is on its way as came in the last 200 ms, within bounds, and half of it while words wait; of one
// attachment no more than the chunks that may be open.
func TestWindow(t *testing.T) {
	s := newShared(t, 16*giB)
	for _, c := range []struct {
		rate  float64
		words bool
		want  int
	}{
		{1e4, false, MinWindow}, {1e4, true, MinWindow / 2}, {1e7, false, 2e6}, {1e7, true, 1e6},
		{3e8, false, MaxOpen << 20}, {3e8, true, MaxWindow / 2}, {1e6, false, 2e5}, {1e6, true, 1e5},
	} {
		s.pace.Words(c.words)
		for range 20 { // what was asked for when it was faster, or without words
			if s.run(time.Second, c.rate); s.pace.inFlight <= c.want*11/10 {
				break
			}
		}
		s.run(3*time.Second, c.rate)
		if s.most > c.want*105/100+32*kiB || s.most < c.want*70/100 {
			t.Errorf("at %.0f a second %d bytes are on their way, want %d", c.rate, s.most, c.want)
		}
		if all := s.got[0]; float64(all) < c.rate*3*0.97 {
			t.Errorf("at %.0f a second the device idles: %d bytes in 3 s", c.rate, all)
		}
	}
	// And it opens quickly.
	s = newShared(t, 16*giB)
	s.run(300*ms, 3e8)
	if s.got[0] < 8e7 {
		t.Errorf("%d bytes in the first 300 ms", s.got[0])
	}
}
