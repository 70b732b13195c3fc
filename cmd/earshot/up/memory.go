package up

import (
	"os"
	"runtime/debug"
)

const (
	// memoryLimit is what the process takes of memory, in bytes, before the garbage collector works
	// harder to keep it there. It has room for what all that is not bounded for each peer alone may
	// hold: 24 MiB of strangers, 24 MiB of fellow members (see package budget), about 40 MiB of
	// bytes that the links have received and nobody has read yet, and 20 MiB of the node itself. A
	// node that idles takes a quarter of it, and the limit changes nothing there.
	memoryLimit = 112 << 20

	// garbage is how much may be thrown away, in percent of what is in use, before the collector
	// looks for it. What the limit is for comes in bursts, which it handles by itself; between them
	// more work would make the heap of an idle node no smaller than its pages.
	garbage = 100
)

// limitMemory sets the limits above, but not where the environment says otherwise.
func limitMemory() {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(garbage)
	}
}
