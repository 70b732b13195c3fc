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
	afterPID = ") " // ends the command's name, which may contain anything
	ofSched  = 2    // clock_getcpuclockid(3): the clock of all that a process has had of the processors
)

// Usage returns the processor time that processes have had, and the bytes of memory that they hold.
func Usage(pids ...int) (cpu time.Duration, memory int64, err error) {
	for _, pid := range pids {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			return 0, 0, err
		}
		fields := bytes.Fields(b[bytes.LastIndex(b, []byte(afterPID))+len(afterPID):])
		pages, err := strconv.ParseInt(string(fields[21]), 10, 64) // proc(5): rss, of which the third field is the first here
		if err != nil {
			return 0, 0, err
		}
		memory += pages * int64(os.Getpagesize())
		var had unix.Timespec // /proc has it in hundredths of a second only
		if err := unix.ClockGettime(int32(^pid<<3|ofSched), &had); err != nil {
			return 0, 0, os.NewSyscallError("clock_gettime", err)
		}
		cpu += time.Duration(had.Nano())
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

// Switches returns how often the system has had a process, by any of its threads, go on after it had
// waited for something or somebody else had the processor.
func Switches(pid int) (n int64, err error) {
	threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		return 0, err
	}
	for _, thread := range threads {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/status", pid, thread.Name()))
		if errors.Is(err, os.ErrNotExist) {
			continue // it has ended
		} else if err != nil {
			return 0, err
		}
		for line := range bytes.Lines(b) {
			if name, value, _ := bytes.Cut(line, []byte(":")); bytes.HasSuffix(name, []byte("ctxt_switches")) { // proc(5): voluntary and not
				one, err := strconv.ParseInt(string(bytes.TrimSpace(value)), 10, 64)
				if err != nil {
					return 0, err
				}
				n += one
			}
		}
	}
	return n, nil
}

// Peak returns the most memory in bytes that a process has had since it began, or since ForgetPeak.
func Peak(pid int) (int64, error) { return status(pid, "VmHWM") }

// Own returns the bytes of memory that a process holds for itself, without the files that it has read: those the system
// takes back when it needs them.
func Own(pid int) (int64, error) { return status(pid, "RssAnon") }

// status returns a number of bytes that the system tells of a process.
func status(pid int, field string) (int64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range bytes.Lines(b) {
		if name, value, _ := bytes.Cut(line, []byte(":")); string(name) == field { // proc(5): in kB, which are 1024 bytes
			n, err := strconv.ParseInt(string(bytes.TrimSuffix(bytes.TrimSpace(value), []byte(" kB"))), 10, 64)
			return n << 10, err
		}
	}
	return 0, errors.ErrUnsupported
}

// ForgetPeak has Peak begin anew with what a process has now.
func ForgetPeak(pid int) error {
	return os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", pid), []byte("5"), 0)
}
