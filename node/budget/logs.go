package budget

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

const (
	// logLines is how many lines are written in any second, one of them for those that were left out.
	// A disk keeps up with that for years, and a person can follow it.
	logLines = 10

	// logValue bounds each value of a line, and its message, in bytes. An address, an ID or an error
	// is shorter, unless a peer had a part in making it.
	logValue = 512
)

// Logs returns a handler that hands on at most 10 lines in any second to h, and says how many it has
// left out, at most a second later. It shortens what is too long. All handlers that are made from it
// by WithAttrs and WithGroup count together.
func Logs(h slog.Handler) slog.Handler {
	return &logs{to: h, lines: &lines{plain: h}}
}

type logs struct {
	to    slog.Handler
	lines *lines
}

// lines is when lines were written. The first to be written in the last second is at next.
type lines struct {
	plain slog.Handler // without attributes, for the line about those that were left out

	mu   sync.Mutex
	at   [logLines - 1]time.Time // the last ones, next is the oldest
	next int
	out  int         // left out since that was last said
	say  *time.Timer // nil if none was left out
}

// pass says whether a line may be written now.
func (l *lines) pass() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if oldest := l.at[l.next]; !oldest.IsZero() && now.Sub(oldest) < time.Second {
		l.out++
		if l.say == nil {
			l.say = time.AfterFunc(time.Second, l.sayLeftOut)
		}
		return false
	}
	l.at[l.next] = now
	l.next = (l.next + 1) % len(l.at)
	return true
}

func (l *lines) sayLeftOut() {
	l.mu.Lock()
	n := l.out
	l.out, l.say = 0, nil
	l.mu.Unlock()
	r := slog.NewRecord(time.Now(), slog.LevelWarn, "too much to log: lines were left out", 0)
	r.AddAttrs(slog.Int("lines", n))
	_ = l.plain.Handle(context.Background(), r)
}

func (h *logs) Enabled(ctx context.Context, level slog.Level) bool { return h.to.Enabled(ctx, level) }

func (h *logs) Handle(ctx context.Context, r slog.Record) error {
	if !h.lines.pass() {
		return nil
	}
	short := slog.NewRecord(r.Time, r.Level, shorten(r.Message), r.PC)
	r.Attrs(func(a slog.Attr) bool {
		short.AddAttrs(shortenAttr(a))
		return true
	})
	return h.to.Handle(ctx, short)
}

func (h *logs) WithAttrs(attrs []slog.Attr) slog.Handler {
	short := make([]slog.Attr, len(attrs))
	for i, a := range attrs {
		short[i] = shortenAttr(a)
	}
	return &logs{to: h.to.WithAttrs(short), lines: h.lines}
}

func (h *logs) WithGroup(name string) slog.Handler {
	return &logs{to: h.to.WithGroup(name), lines: h.lines}
}

// shortenAttr shortens what is text or becomes text. Groups are made by the program, and are small.
func shortenAttr(a slog.Attr) slog.Attr {
	v := a.Value.Resolve()
	switch v.Kind() {
	case slog.KindString:
		return slog.String(a.Key, shorten(v.String()))
	case slog.KindAny:
		return slog.String(a.Key, shorten(fmt.Sprint(v.Any())))
	}
	return slog.Attr{Key: a.Key, Value: v}
}

func shorten(s string) string {
	if len(s) > logValue {
		s = s[:logValue] + "…"
	}
	return s
}
