package screens

import (
	"context"
	"errors"
	"net"
	"net/http"

	"github.com/earshot-im/earshot/cmd/bench/report"
)

// leastPage is the least that has what the probe waits for: one conversation, without style or script.
const leastPage = `<!doctype html><title>floor</title><div class="list"><p class="item">Bob</p></div>`

// watchFloor measures how long the browser takes until it shows the least page of the fastest server: one that tells it to
// share the page with no other, as earshot's does, for which the browser begins a process once it has the answer; and
// one that does not.
func watchFloor(ctx context.Context, b *browser) error {
	for metric, policy := range map[string]string{"first_paint_ms": "same-origin", "first_paint_shared_ms": "unsafe-none"} {
		if err := watchLeast(ctx, b, metric, policy); err != nil {
			return err
		}
	}
	return nil
}

func watchLeast(ctx context.Context, b *browser, metric, policy string) error {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Cross-Origin-Opener-Policy", policy)
		_, _ = w.Write([]byte(leastPage))
	})}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }() // ended by Close
	all, err := loadAll(b, "http://"+l.Addr().String()+"/", false)
	if err == nil {
		report.Out("floor", "W10", metric, report.Median(all.at))
	}
	err = errors.Join(err, server.Close())
	if end := <-ended; !errors.Is(end, http.ErrServerClosed) {
		err = errors.Join(err, end)
	}
	return err
}
