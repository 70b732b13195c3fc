package rate

import (
	"testing"
	"time"
)

func TestMeter(t *testing.T) {
	var m Meter
	now := time.Now()
	for range 100 {
		now = now.Add(100 * time.Millisecond)
		m.Add(1e6, now)
	}
	if rate := m.Now(now); rate < 9e6 || rate > 11e6 {
		t.Errorf("%d bytes a second, not ten million", rate)
	}
	if rate := m.Now(now.Add(20 * time.Second)); rate > 1e6 {
		t.Errorf("%d bytes a second 20 s after the last", rate)
	}
}
