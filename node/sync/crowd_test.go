package sync_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/earshot-im/earshot/node/sync"
	"github.com/earshot-im/earshot/store/event"
)

// measure lets something happen and says what it cost.
func (c *crowd) measure(what string, print func(string, ...any), d time.Duration, do func()) (total int, last time.Duration) {
	clear(c.sent)
	c.frames, c.steps = 0, 0
	began, real := c.now, time.Now()
	for _, m := range c.members {
		m.reached = began
	}
	do()
	c.run(d)
	for _, m := range c.members {
		if !m.offline {
			last = max(last, m.reached.Sub(began))
		}
	}
	for _, n := range c.sent {
		total += n
	}
	print("%-26s %8.1f KB, %8.0f B a device, the last after %5.2f s (%d frames, %d steps, %v); %v",
		what, float64(total)/1e3, float64(total)/float64(len(c.members)), last.Seconds(), c.frames, c.steps, time.Since(real).Round(time.Millisecond), c.sent)
	return total, last
}

func (c *crowd) idle(every time.Duration, times int) {
	for _, m := range c.members {
		for i := range times {
			c.after(time.Duration(i)*every+c.within(every), func() {
				m.links[c.rng.IntN(len(m.links))].step(sync.Compare{Conversation: large})
			})
		}
	}
}

// away has a device miss what others write, come back and say what that brought.
func (c *crowd) away(m *member, messages int, print func(string, ...any)) (received, once int) {
	for _, l := range m.links {
		o := l.other.m
		o.links = slices.DeleteFunc(o.links, func(k *link) bool { return k == l.other })
		if l.other.followed {
			o.follows--
		}
	}
	m.links, m.follows, m.offline = nil, 0, true
	for i := range messages {
		c.after(c.within(time.Minute), c.members[(i+20)%len(c.members)].say)
	}
	c.run(2 * time.Minute)
	m.offline = false
	m.received, m.brought = 0, 0
	c.measure("one comes back", print, time.Minute, func() {
		for n := 0; n < 16; n++ {
			c.connect(m, c.members[(n*7+30)%len(c.members)], 100*time.Millisecond)
		}
	})
	for log := range m.new {
		for _, e := range c.events[log] {
			once += len((&event.Run{Tag: m.device[:], Events: []event.Event{*e}}).Marshal())
		}
	}
	print("it received %d KB, of which %d KB in runs; once each they have %d KB", m.received/1000, m.brought/1000, once/1000)
	return m.received, once
}

// TestCrowd holds what a large group costs to bounds that do not grow with it.
func TestCrowd(t *testing.T) {
	const devices, follow = 120, 4
	c := newCrowd(devices, 16, follow)
	c.measure("start", t.Logf, 2*time.Minute, func() {})
	if n, _ := c.measure("an hour's silence", t.Logf, time.Hour, func() {}); n > 0 {
		t.Errorf("%d bytes of silence", n)
	}
	if n, _ := c.measure("an hour of comparing", t.Logf, time.Hour, func() { c.idle(10*time.Minute, 6) }); n/devices > 10_000 {
		t.Errorf("%d bytes to compare", n/devices)
	}
	n, last := c.measure("a message", t.Logf, time.Minute, c.members[3].say)
	if last > 8*time.Second || n/devices > 4_000 {
		t.Errorf("a message took %v and %d bytes a device", last, n/devices)
	}
	for i, m := range c.members {
		if len(m.new) != 1 {
			t.Errorf("%d has %d new logs", i, len(m.new))
		}
	}
	if got, once := c.away(c.members[9], 100, t.Logf); got > 3*once/2+50_000 {
		t.Errorf("who comes back gets %d bytes, for runs of %d", got, once)
	}
	n, last = c.measure("a control event", t.Logf, time.Minute, func() { c.rule(); c.members[5].rule() })
	if last > time.Second || n/devices > 20_000 {
		t.Errorf("a control event took %v and %d bytes a device", last, n/devices)
	}
}

// Where all have sessions with all, members push next to nothing of what the author pushes to each of them, also while
// one message follows the other: what has just come has a pause of its own.
func TestStreamIsPushedOnce(t *testing.T) {
	const devices, follow, messages = 50, 4, 200
	c := newCrowd(devices, 0, follow)
	c.measure("start", t.Logf, 2*time.Minute, func() {})
	c.measure("a message every 20 ms", t.Logf, time.Minute, func() {
		for i := range messages {
			c.after(time.Duration(i)*20*time.Millisecond, c.members[3].say)
		}
	})
	came := 0
	for _, m := range c.members {
		came += m.events
	}
	if each := float64(came) / messages / (devices - 1); each < 1 || each > 1.05 {
		t.Errorf("each was brought %.2f times", each)
	}
}

// Where all have sessions with all, who reads handles few frames for each message beside the run from its author
// and the answer: who is followed is told in a while what has come, of many messages at once.
func TestFewFramesForAMessage(t *testing.T) {
	const devices, follow, messages = 50, 4, 300
	c := newCrowd(devices, 0, follow)
	c.measure("start", t.Logf, 2*time.Minute, func() {})
	for _, authors := range []int{1, 10} {
		say := func() {
			for i := range messages {
				c.after(time.Duration(i)*time.Second, c.members[3+i%authors].say)
			}
		}
		c.measure("all have written", t.Logf, time.Minute, func() {
			for i := range authors {
				c.members[3+i].say()
			}
		})
		c.measure("a message a second", t.Logf, messages*time.Second+10*time.Second, say)
		haves := c.frames - 2*messages*(devices-1) // without the runs and their answers
		each := 2 + float64(2*haves)/messages/devices
		t.Logf("%d authors: %.2f frames for each message", authors, each)
		if each > 4.5 {
			t.Errorf("%d authors: %.2f frames for each message", authors, each)
		}
	}
}

// BenchmarkLarge prints what a group of 500 persons with two devices each costs:
//
//	go test ./node/sync -run NONE -bench Large -benchtime 1x -devices 1000 -sessions 16 -follow 4
func BenchmarkLarge(b *testing.B) {
	for b.Loop() {
		c := newCrowd(*devicesFlag, *sessionsFlag, *followFlag)
		print := func(format string, args ...any) { fmt.Printf(format+"\n", args...) }
		c.measure("start", print, 2*time.Minute, func() {})
		c.measure("an hour of comparing", print, time.Hour, func() { c.idle(10*time.Minute, 6) })
		c.measure("a message", print, time.Minute, c.members[3].say)
		c.measure("another message", print, time.Minute, c.members[7].say)
		c.away(c.members[9], 300, print)
		c.measure("a control event", print, time.Minute, func() { c.rule(); c.members[5].rule() })
		c.measure("an hour of comparing", print, time.Hour, func() { c.idle(10*time.Minute, 6) })
	}
}
