package store

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/book"
	"github.com/earshot-im/earshot/store/event"
	"github.com/earshot-im/earshot/store/layout"
)

// benchStore is a store on a disk, with somebody to talk to.
func benchStore(b *testing.B) (*Store, event.Conversation, *pen) {
	b.Helper()
	s, err := Open(Config{Dir: b.TempDir()})
	check(b, err)
	running, cancel := context.WithCancel(ctx)
	done := make(chan error)
	go func() { done <- s.Run(running) }()
	b.Cleanup(func() { cancel(); <-done; s.Close() })
	key, err := crypto.NewDeviceKey(random{})
	check(b, err)
	card, _, err := crypto.NewPerson(random{}, key)
	check(b, err)
	p := &pen{t: &testing.T{}, key: key, card: card}
	check(b, s.book.UpdatePerson(ctx, card.Person(), func(q *book.Person) error {
		q.Card, q.Contact = card.Bytes(), true
		q.Devices[key.ID()] = book.DeviceInfo{}
		return nil
	}))
	c := event.Direct(s.own.Person, card.Person())
	p.restart(c)
	return s, c, p
}

var hundred = text(fmt.Sprintf("%100d", 1))

func BenchmarkAppend(b *testing.B) {
	s, c, _ := benchStore(b)
	for b.Loop() {
		_, err := s.Append(ctx, Draft{Conversation: c, Kind: event.KindText, Content: hundred})
		check(b, err)
	}
}

func BenchmarkAppendGrouped(b *testing.B) {
	for _, n := range []int{64, 512} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s, c, _ := benchStore(b)
			for b.Loop() {
				var wg sync.WaitGroup
				for range n {
					wg.Go(func() {
						_, err := s.Append(ctx, Draft{Conversation: c, Kind: event.KindText, Content: hundred})
						check(b, err)
					})
				}
				wg.Wait()
			}
			b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "events/s")
		})
	}
}

// bytesWritten returns how many bytes this process has written so far; 0 where the system does not tell.
func bytesWritten() (n float64) {
	io, _ := os.ReadFile("/proc/self/io")
	for line := range strings.Lines(string(io)) {
		fmt.Sscanf(line, "wchar: %g", &n)
	}
	return n
}

// What messages cost that are written and acknowledged, so many in one commit: what is appended in
// pipelined sending is acknowledged many at a time.
func BenchmarkAppendAndDeliver(b *testing.B) {
	for _, n := range []int{1, 64, 512} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s, c, p := benchStore(b)
			drafts := make([]Draft, n)
			for i := range drafts {
				drafts[i] = Draft{Conversation: c, Kind: event.KindText, Content: hundred}
			}
			b.ReportAllocs()
			before := bytesWritten()
			for b.Loop() {
				_, err := s.AppendAll(ctx, drafts)
				check(b, err)
				logs, err := s.Logs(c)
				check(b, err)
				for log, segments := range logs {
					check(b, s.NoteDelivered(ctx, []Delivery{{Person: p.card.Person(), Log: log, Segments: segments}}))
				}
			}
			b.ReportMetric((bytesWritten()-before)/float64(n*b.N), "written/event")
			b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "events/s")
		})
	}
}

// runs makes runs of a log, each signed at its end only, proven.
func (p *pen) runs(count, each int) []event.Run {
	runs := make([]event.Run, count)
	for i := range runs {
		for j := range each {
			h := event.Header{
				Conversation: p.log.Conversation, Device: p.log.Device, Instance: p.log.Instance,
				Sequence: p.last.Header.Sequence + 1, Previous: p.last.ID, Card: p.card.Head(),
				Clock: epoch.UnixMilli() + int64(i*each+j), Kind: event.KindText,
			}
			random{}.Read(h.Key[:])
			copy(h.Key[:], layout.U64(uint64(i*each + j))[2:]) // as Append makes them
			e, err := event.New(h, event.Body{Content: hundred})
			if err != nil {
				panic(err)
			}
			if j == each-1 {
				e.Sign(p.key)
			}
			p.last = e
			runs[i].Events = append(runs[i].Events, e)
		}
	}
	return runs
}

func benchIngest(b *testing.B, each int) {
	s, _, p := benchStore(b)
	const ahead = 64
	var runs []event.Run
	for b.Loop() {
		if len(runs) == 0 {
			b.StopTimer()
			runs = p.runs(ahead, each)
			b.StartTimer()
		}
		_, err := s.ingest(ctx, runs[0], p.origin())
		check(b, err)
		runs = runs[1:]
	}
	b.ReportMetric(float64(each*b.N)/b.Elapsed().Seconds(), "events/s")
}

func BenchmarkIngestSingle(b *testing.B) { benchIngest(b, 1) }
func BenchmarkIngest256(b *testing.B)    { benchIngest(b, 256) }

func BenchmarkLoadRun(b *testing.B) {
	s, c, p := benchStore(b)
	for _, run := range p.runs(8, 256) {
		_, err := s.ingest(ctx, run, p.origin())
		check(b, err)
	}
	b.ResetTimer()
	for b.Loop() {
		_, err := s.LoadRun(p.log, 257, event.MaxRunEvents, event.MaxRunSent)
		check(b, err)
	}
	b.ReportMetric(float64(256*b.N)/b.Elapsed().Seconds(), "events/s")
	_ = c
}

func BenchmarkLast50(b *testing.B) {
	s, c, p := benchStore(b)
	for _, run := range p.runs(40, 256) {
		_, err := s.ingest(ctx, run, p.origin())
		check(b, err)
	}
	for b.Loop() {
		rows, err := s.Rows(c, Page{Limit: 50})
		check(b, err)
		if len(rows) != 50 {
			b.Fatal(len(rows))
		}
	}
}

// What it costs to read what is unread, page by page, and to mark it as read.
func BenchmarkReading(b *testing.B) {
	const page, runs, each = 1000, 40, 256
	s, _, p := benchStore(b)
	bring := func() {
		for _, run := range p.runs(runs, each) {
			_, err := s.ingest(ctx, run, p.origin())
			check(b, err)
		}
	}
	bring()
	perRow := func(b *testing.B) {
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*runs*each), "ns/row")
	}
	b.Run("Unread", func(b *testing.B) {
		for b.Loop() {
			n := 0
			for at, end := uint64(0), false; !end; {
				rows, looked, err := s.Unread(at, page, nil)
				check(b, err)
				n, at, end = n+len(rows), looked, looked == at
			}
			if n != runs*each {
				b.Fatal(n)
			}
		}
		perRow(b)
	})
	b.Run("MarkArrived", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			bring()
			var arrivals []uint64
			for at, end := uint64(0), false; !end; {
				rows, looked, err := s.Unread(at, page, nil)
				check(b, err)
				for i := range rows {
					arrivals = append(arrivals, rows[i].Arrival)
				}
				at, end = looked, looked == at
			}
			arrivals = arrivals[len(arrivals)-runs*each:]
			b.StartTimer()
			for part := range slices.Chunk(arrivals, page) {
				_, err := s.MarkArrived(ctx, true, part...)
				check(b, err)
			}
		}
		perRow(b)
	})
}

// What a full outbox costs to look at, and to look at when it is empty again.
func BenchmarkOutbox(b *testing.B) {
	s, c, p := benchStore(b)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 250 {
				_, err := s.Append(ctx, Draft{Conversation: c, Kind: event.KindText, Content: hundred})
				check(b, err)
			}
		})
	}
	wg.Wait()
	b.Run("2000", func(b *testing.B) {
		for b.Loop() {
			_, err := s.pendingLines()
			check(b, err)
		}
	})
	logs, err := s.Logs(c)
	check(b, err)
	for log, segments := range logs {
		check(b, s.NoteDelivered(ctx, []Delivery{{Person: p.card.Person(), Log: log, Segments: segments}}))
	}
	b.Run("0", func(b *testing.B) {
		for b.Loop() {
			_, err := s.pendingLines()
			check(b, err)
		}
	})
}

// A group of 500, where a page is one's own messages that half of it has.
func BenchmarkLargeGroup(b *testing.B) {
	var group council
	s, err := Open(Config{Dir: b.TempDir(), Authority: &group})
	check(b, err)
	running, cancel := context.WithCancel(ctx)
	done := make(chan error)
	go func() { done <- s.Run(running) }()
	b.Cleanup(func() { cancel(); <-done; s.Close() })
	create, err := s.AppendControl(ctx, ControlDraft{Act: someGroup(s.own.Person)})
	check(b, err)
	c := create.Header.Conversation
	readers := make([]crypto.PersonID, 500)
	for i := range readers {
		random{}.Read(readers[i][:])
	}
	group.set(c, create.ID, readers...)
	drafts := make([]Draft, 50)
	for i := range drafts {
		drafts[i] = Draft{Conversation: c, Kind: event.KindText, Content: hundred}
	}
	_, err = s.AppendAll(ctx, drafts)
	check(b, err)
	logs, err := s.Logs(c)
	check(b, err)
	var deliveries []Delivery
	for log, segments := range logs {
		for _, p := range readers[:250] {
			deliveries = append(deliveries, Delivery{Person: p, Log: log, Segments: segments})
		}
	}
	check(b, s.NoteDelivered(ctx, deliveries))
	b.Run("Last50", func(b *testing.B) {
		for b.Loop() {
			_, err := s.Rows(c, Page{Limit: 50})
			check(b, err)
		}
	})
	b.Run("FirstPending", func(b *testing.B) {
		for b.Loop() {
			_, _, err := s.FirstPending(c)
			check(b, err)
		}
	})
}
