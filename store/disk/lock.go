package disk

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"
)

const (
	// lockWait is how long a process that is just ending may take to let go.
	lockWait = time.Second
	lockPoll = 25 * time.Millisecond

	maxPID = 20 // digits of the largest process ID, with room to spare
)

var errHeld = errors.New("held by another")

// Lock takes the lock file and writes the number of this process into it. Closing the file, or the
// end of the process, lets go. The file itself stays: if it were removed, two processes could hold
// locks on two files of one name.
func Lock(path string) (*os.File, error) {
	f, err := OpenPrivate(path, os.O_RDWR|os.O_CREATE)
	if err != nil {
		return nil, err
	}
	deadline := time.Now().Add(lockWait)
	for {
		err := tryLock(f)
		if err == nil {
			break
		}
		if !errors.Is(err, errHeld) {
			f.Close()
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		if time.Now().After(deadline) {
			pid := holder(f)
			f.Close()
			return nil, &LockedError{PID: pid}
		}
		time.Sleep(lockPoll)
	}
	err = f.Truncate(0)
	if err == nil {
		_, err = f.WriteAt([]byte(strconv.Itoa(os.Getpid())), 0)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("write %s: %w", path, err)
	}
	return f, nil
}

// holder returns the number that whoever has the lock has written into its file, 0 if there is none.
func holder(f *os.File) int {
	b, _ := io.ReadAll(io.NewSectionReader(f, 0, maxPID))
	pid, _ := strconv.Atoi(strings.TrimSpace(string(b)))
	return pid
}

// Held returns a LockedError if another process has the lock file. It takes the lock for a moment, and
// writes nothing. Another that asks may have it for a moment too, so it looks again.
func Held(path string) error {
	f, err := OpenOnly(path, os.O_RDWR) // as network file systems want it
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil { // it may not be written, or nothing may in this file system
		f, err = OpenOnly(path, os.O_RDONLY)
	}
	if err != nil {
		return err
	}
	defer f.Close()
	const looks = 3
	for i := 1; ; i++ {
		err := tryLock(f)
		if err == nil || !errors.Is(err, errHeld) {
			return err
		}
		if i == looks {
			return &LockedError{PID: holder(f)}
		}
		time.Sleep(lockPoll)
	}
}
