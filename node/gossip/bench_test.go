package gossip

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"
)

// BenchmarkPublishTo50 is the time from Publish until the last of fifty members, all connected, has
// taken a message.
func BenchmarkPublishTo50(b *testing.B) {
	const members = 50
	o := newOffice(b)
	defer o.close()
	took := make(chan struct{}, members)
	for range members + 1 {
		d := o.open()
		d.verdict = func([]byte) error {
			took <- struct{}{}
			return nil
		}
		for _, other := range o.devices[:len(o.devices)-1] {
			d.meet(other)
		}
	}
	e := minted(1, o.devices[0].control.Heads()...)
	for i, d := range o.devices {
		if _, err := d.router.Learn(o.devices[(i+1)%len(o.devices)].id, e); err != nil {
			b.Fatal(err)
		}
		d.run()
	}
	all := func(round string) bool {
		for d, err := o.devices[0], error(nil); ; {
			if err = d.router.Publish(context.Background(), []byte(round)); err == nil {
				break
			}
		}
		timeout := time.After(time.Second)
		for range members {
			select {
			case <-took:
			case <-timeout:
				return false
			}
		}
		return true
	}
	for i := 0; !all(fmt.Sprint("warm up ", i)); i++ { // until the mesh is there
		for len(took) > 0 {
			<-took
		}
	}
	var times []time.Duration
	n := 0
	for b.Loop() {
		from := time.Now()
		if !all(fmt.Sprint("message ", n)) {
			b.Fatal("not all have it")
		}
		n++
		times = append(times, time.Since(from))
	}
	slices.Sort(times)
	b.ReportMetric(float64(times[len(times)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(times[len(times)*99/100].Microseconds()), "p99-µs")
}

func BenchmarkSeal(b *testing.B) {
	e, payload := testEpoch(), make([]byte, 600)
	for b.Loop() {
		seal(e.ID, &e.Key, payload)
	}
}

func BenchmarkOpen(b *testing.B) {
	e := testEpoch()
	sealed := seal(e.ID, &e.Key, make([]byte, 600))
	for b.Loop() {
		if _, err := openAll(sealed, &e.Key); err != nil {
			b.Fatal(err)
		}
	}
}
