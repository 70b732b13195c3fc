package label

import "sync"

// A list has the same few names in all its rows, and to judge a name takes longer than all else in a row. So it
// is remembered how names are shown. No result depends on that.
const (
	maxKept      = 1 << 10 // names; then it begins anew
	maxKeptBytes = 256     // of a name that is remembered
)

// kept are names as they are shown, for any number of goroutines.
var kept memory

type memory struct {
	mu    sync.Mutex
	shown map[called]string
}

// called is a name, and in how many columns it is shown.
type called struct {
	name string
	most int
}

// get returns how a name is shown in at most so many columns, which show says where it isn't remembered.
func (k *memory) get(most int, name string, show func(most int, name string) string) string {
	c := called{name, most}
	k.mu.Lock()
	shown, known := k.shown[c]
	k.mu.Unlock()
	if known {
		return shown
	}
	shown = show(most, name)
	if len(name) > maxKeptBytes {
		return shown
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.shown == nil || len(k.shown) >= maxKept {
		k.shown = make(map[called]string)
	}
	k.shown[c] = shown
	return shown
}
