package budget

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// written notes when each line was written.
type written struct {
	slog.Handler
	*times
}

type times struct {
	mu sync.Mutex
	at []time.Time
}

func (w written) Handle(ctx context.Context, r slog.Record) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.at = append(w.at, time.Now())
	return w.Handler.Handle(ctx, r)
}

func (w written) WithAttrs(attrs []slog.Attr) slog.Handler {
	return written{w.Handler.WithAttrs(attrs), w.times}
}

// TestLogIsBounded: at most 10 lines in any second, however many there are, and each that was left
// out is counted.
func TestLogIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		var when times
		log := slog.New(Logs(written{slog.NewTextHandler(&out, nil), &when})).With("peer", "x")
		for range 1000 {
			log.Warn("refused run")
			time.Sleep(7 * time.Millisecond)
		}
		time.Sleep(2 * time.Second)
		log.Warn("refused run")
		synctest.Wait()
		at := when.at
		for i := range at {
			if i >= logLines && at[i].Sub(at[i-logLines]) < time.Second {
				t.Fatalf("%d lines within %v", logLines+1, at[i].Sub(at[i-logLines]))
			}
		}
		said, left := 0, 0
		for line := range strings.Lines(out.String()) {
			var n int
			if _, rest, ok := strings.Cut(line, "lines="); ok {
				for _, digit := range strings.TrimSpace(rest) {
					n = 10*n + int(digit-'0')
				}
				left += n
			} else {
				said++
			}
		}
		if said+left != 1001 {
			t.Errorf("%d lines written, %d said to be left out, of 1001", said, left)
		}
	})
}

// TestLogLineIsShort: what a peer has a part in can't make a line long.
func TestLogLineIsShort(t *testing.T) {
	var out bytes.Buffer
	long := strings.Repeat("long ", 100_000)
	log := slog.New(Logs(slog.NewTextHandler(&out, nil))).With("name", long).WithGroup("group")
	log.Warn(long, "err", errors.New(long), "text", long, "n", 7)
	if n := out.Len(); n > 4*logValue+200 {
		t.Errorf("line of %d bytes", n)
	}
	if !strings.Contains(out.String(), "group.n=7") {
		t.Errorf("a number got lost: %s", out.String())
	}
}
