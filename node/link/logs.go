package link

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/libp2p/go-libp2p/gologshim"
)

// libp2p has one log handler for the whole process, which each of its loggers takes when it first
// writes, and keeps. So that handler is set once, and asks each time where lines are to go. Of
// several hosts in a process the newest gets them.
var (
	libraryLog     atomic.Pointer[slog.Logger]
	setLibraryLogs = sync.OnceFunc(func() { gologshim.SetDefaultHandler(libraryHandler{}) })
)

func routeLibraryLogs(log *slog.Logger) {
	libraryLog.Store(log)
	setLibraryLogs()
}

// libraryHandler passes the warnings of libraries on. Their errors are passed on as warnings too,
// since nothing that a connection or a peer does is an error of this program.
type libraryHandler struct {
	derive func(slog.Handler) slog.Handler // the attributes and groups so far; nil for none
}

func (h libraryHandler) target() slog.Handler {
	t := libraryLog.Load().Handler()
	if h.derive != nil {
		t = h.derive(t)
	}
	return t
}

func (h libraryHandler) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && libraryLog.Load().Handler().Enabled(ctx, slog.LevelWarn)
}

func (h libraryHandler) Handle(ctx context.Context, r slog.Record) error {
	r.Level = min(r.Level, slog.LevelWarn)
	return h.target().Handle(ctx, r)
}

func (h libraryHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return h.with(func(t slog.Handler) slog.Handler { return t.WithAttrs(attrs) })
}

func (h libraryHandler) WithGroup(name string) slog.Handler {
	return h.with(func(t slog.Handler) slog.Handler { return t.WithGroup(name) })
}

func (h libraryHandler) with(last func(slog.Handler) slog.Handler) slog.Handler {
	first := h.derive
	return libraryHandler{derive: func(t slog.Handler) slog.Handler {
		if first != nil {
			t = first(t)
		}
		return last(t)
	}}
}
