package link

import (
	"net"
	"sync"
	"syscall"
	"time"

	"github.com/libp2p/go-yamux/v5"
)

// Who has gone without a word is noticed in two ways. The system asks the other machine whether it
// is there, which wakes nobody: a node with many links would else be awake for nothing else. Whether
// the other program answers is asked by a ping, and only where something waits for it, or seldom.
const (
	// A link on which nothing is under way is asked for by the system after probeAfter, then every
	// probePause, and ends after probes that were not answered. One on which something is under way
	// ends when that is not confirmed for silenceLimit. A cable that was pulled is so noticed within
	// 15 s. Several probes, since some are lost in a busy Wi-Fi.
	probeAfter   = 8 * time.Second
	probePause   = time.Second
	probes       = 5
	silenceLimit = probeAfter + probes*probePause

	// pingAfter is how long nothing may have come while something waits for an answer.
	pingAfter = 5 * time.Second
	// pingAtRest is how long nothing may have come while nothing does.
	pingAtRest = 5 * time.Minute
	// crossing is how soon after a write something may come that was sent without knowing of it.
	crossing = time.Second
)

// watchedBySystem has the system watch over a connection, and says whether it does.
func watchedBySystem(c net.Conn) bool {
	tcp, ok := c.(interface {
		syscall.Conn
		SetKeepAliveConfig(net.KeepAliveConfig) error
	})
	if !ok {
		return false
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return false
	}
	failed := raw.Control(func(fd uintptr) { err = confirmWithin(int(fd), silenceLimit) })
	return failed == nil && err == nil && tcp.SetKeepAliveConfig(net.KeepAliveConfig{
		Enable: true, Idle: probeAfter, Interval: probePause, Count: probes,
	}) == nil
}

// watch pings the other end of a link when nothing has come from there for too long, and closes the
// link if there is no answer. Where the system watches as well, it pings only while something waits
// for an answer, and seldom otherwise. Its timer runs from begin to end.
type watch struct {
	system bool

	mu           sync.Mutex
	heard, wrote time.Time // last
	waits        bool      // something waits for an answer
	timer        *time.Timer
	ended        bool
}

func newWatch(system bool) *watch { return &watch{system: system, heard: time.Now()} }

// hear takes in that something has come.
func (w *watch) hear() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.heard = time.Now()
	if w.heard.Sub(w.wrote) >= crossing {
		w.waits = false
	}
}

// write takes in that something is written that is no ping and no answer to one.
func (w *watch) write() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.wrote = time.Now()
	if !w.system || w.waits || w.ended {
		return
	}
	w.waits = true
	if w.timer != nil {
		w.timer.Reset(pingAfter)
	}
}

// due is when a ping goes out, if nothing comes until then. The caller holds the lock.
func (w *watch) due() time.Time {
	if w.system && !w.waits {
		return w.heard.Add(pingAtRest)
	}
	return w.heard.Add(pingAfter)
}

// begin watches over a link until end is called.
func (w *watch) begin(link *yamux.Session) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ended {
		return
	}
	w.timer = time.AfterFunc(time.Until(w.due()), func() {
		for !w.again() {
			if _, err := link.Ping(); err != nil {
				_ = link.Close()
				return
			}
		}
	})
}

// again sets the timer, unless a ping is due.
func (w *watch) again() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	wait := time.Until(w.due())
	if wait > 0 && !w.ended {
		w.timer.Reset(wait)
	}
	return wait > 0 || w.ended
}

func (w *watch) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended = true
	if w.timer != nil {
		w.timer.Stop()
	}
}
