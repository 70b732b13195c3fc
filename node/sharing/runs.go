package sharing

import (
	gosync "sync"

	"github.com/earshot-im/earshot/node/sync"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/event"
)

const (
	// maxLoaded and maxLoadedSize bound how many runs are remembered, and each of them in bytes.
	// They are for what is being said now. Older runs are read from the disk for each session.
	maxLoaded     = 64
	maxLoadedSize = 32 << 10
)

// Runs remembers the runs that were loaded last, so that what is said in a group is read once and
// not again for every member.
type Runs struct {
	read func(log event.Log, first uint64, maxEvents, maxBytes int) (event.Run, error) // Store.LoadRun

	mu      gosync.Mutex
	loaded  map[sync.Load]event.Run
	commits uint64
}

// NewRuns returns Runs that remember none. read is Store.LoadRun.
func NewRuns(read func(event.Log, uint64, int, int) (event.Run, error)) *Runs {
	return &Runs{read: read, loaded: make(map[sync.Load]event.Run)}
}

// load reads a run. It must not be changed, since others may have got it too.
func (r *Runs) load(e sync.Load) (event.Run, error) {
	r.mu.Lock()
	run, ok := r.loaded[e]
	before := r.commits
	r.mu.Unlock()
	if ok {
		return run, nil
	}
	run, err := r.read(e.Log, e.First, e.Events, e.Bytes)
	if err != nil {
		return run, err
	}
	size := 0
	for i := range run.Events {
		size += len(run.Events[i].HeaderBytes) + len(run.Events[i].Body)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.commits == before && size <= maxLoadedSize && len(run.Recalls) == 0 {
		if len(r.loaded) == maxLoaded {
			clear(r.loaded)
		}
		r.loaded[e] = run
	}
	return run, nil
}

// Committed forgets what a commit may have changed: a log has grown, or words were recalled.
func (r *Runs) Committed(c store.Change) {
	if len(c.Logs) == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.commits++
	for e := range r.loaded {
		for _, l := range c.Logs {
			if e.Log.Conversation == l.Log.Conversation {
				delete(r.loaded, e)
				break
			}
		}
	}
}
