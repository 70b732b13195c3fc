//go:build lab && linux

package lab

import (
	"fmt"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A slowDisk is one whose every sync takes so long, for the one process that was started on it. The
// kernel (seccomp) hands each call that syncs a file over to this process, which lets it go on when
// the time is over; nothing else of the node is changed.
type slowDisk struct {
	mu    sync.Mutex // guards takes
	takes time.Duration
}

func (d *slowDisk) set(takes time.Duration) { d.mu.Lock(); d.takes = takes; d.mu.Unlock() }

func (d *slowDisk) wait() {
	d.mu.Lock()
	takes := d.takes
	d.mu.Unlock()
	time.Sleep(takes) // not to wait for anything: this is the disk
}

// start runs a command whose disk this is.
func (d *slowDisk) start(c *exec.Cmd) error {
	started := make(chan error)
	go func() { // ends with the tests
		// The filter stays with the thread, so nothing else may use that. It may not end either: with
		// it would end all processes that it has ever started (Pdeathsig).
		runtime.LockOSThread()
		defer func() { select {} }()
		calls, err := watchSyncs()
		if err != nil {
			started <- err
			return
		}
		defer unix.Close(calls)
		if err := c.Start(); err != nil {
			started <- err
			return
		}
		process, err := unix.PidfdOpen(c.Process.Pid, 0)
		started <- err
		if err == nil {
			d.serve(calls, process)
			unix.Close(process)
		}
	}()
	return <-started
}

// serve lets calls go on, each when its time is over, until the process has ended.
func (d *slowDisk) serve(calls, process int) {
	for {
		ready := []unix.PollFd{{Fd: int32(calls), Events: unix.POLLIN}, {Fd: int32(process), Events: unix.POLLIN}}
		if _, err := unix.Poll(ready, -1); err == unix.EINTR {
			continue
		} else if err != nil || ready[1].Revents != 0 {
			return
		}
		var call seccompCall
		if ioctl(calls, unix.SECCOMP_IOCTL_NOTIF_RECV, unsafe.Pointer(&call)) != nil {
			continue // it has been killed meanwhile
		}
		d.wait()
		_ = ioctl(calls, unix.SECCOMP_IOCTL_NOTIF_SEND, unsafe.Pointer(&seccompAnswer{id: call.id, flags: unix.SECCOMP_USER_NOTIF_FLAG_CONTINUE}))
	}
}

// seccompCall and seccompAnswer are struct seccomp_notif and struct seccomp_notif_resp of
// linux/seccomp.h.
type (
	seccompCall struct {
		id         uint64
		pid, flags uint32
		nr         int32
		arch       uint32
		ip         uint64
		args       [6]uint64
	}
	seccompAnswer struct {
		id    uint64
		value int64
		err   int32
		flags uint32
	}
)

func ioctl(fd int, request uintptr, arg unsafe.Pointer) error {
	if _, _, e := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), request, uintptr(arg)); e != 0 {
		return e
	}
	return nil
}

// watchSyncs has calls that sync a file, of this thread and what it starts from now on, wait for
// whoever reads from the descriptor.
func watchSyncs() (calls int, err error) {
	const number = 0 // where struct seccomp_data has the number of the call
	code := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: number},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.SYS_FSYNC, Jt: 2},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.SYS_FDATASYNC, Jt: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_USER_NOTIF},
	}
	program := unix.SockFprog{Len: uint16(len(code)), Filter: &code[0]}
	fd, _, e := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_NEW_LISTENER,
		uintptr(unsafe.Pointer(&program)))
	runtime.KeepAlive(code)
	if e != 0 {
		return 0, fmt.Errorf("watch for calls that sync a file: %w", e)
	}
	syscall.CloseOnExec(int(fd))
	return int(fd), nil
}
