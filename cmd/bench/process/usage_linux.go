package process

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

const (
	tick     = time.Second / 100 // in which Linux tells processor time to programs
	afterPID = ") "              // ends the command's name, which may contain anything
)

// Usage returns the processor time that processes have had, and the bytes of memory that they hold.
func Usage(pids ...int) (cpu time.Duration, memory int64, err error) {
	for _, pid := range pids {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			return 0, 0, err
		}
		fields := bytes.Fields(b[bytes.LastIndex(b, []byte(afterPID))+len(afterPID):])
		var n [3]int64
		for i, at := range [3]int{11, 12, 21} { // proc(5): utime, stime and rss, of which the third field is the first here
			if n[i], err = strconv.ParseInt(string(fields[at]), 10, 64); err != nil {
				return 0, 0, err
			}
		}
		cpu += time.Duration(n[0]+n[1]) * tick
		memory += n[2] * int64(os.Getpagesize())
	}
	return cpu, memory, nil
}

// Forget has the system read a file from its disk when it is read next.
func Forget(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	err = errors.Join(f.Sync(), unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED))
	return errors.Join(err, f.Close())
}
