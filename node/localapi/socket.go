package localapi

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

const (
	// socketName is where a node answers, in its directory.
	socketName = "control.sock"

	// maxSocketPath is the longest name of a socket, in bytes, that every system takes: 104 on some
	// and 108 on others, with the NUL.
	maxSocketPath = 103
)

// Listen makes the socket of dir, in place of one that was left behind: the caller must hold the
// directory's lock. The socket goes when the listener is closed. The error matches ErrNotPrivate or
// ErrPathTooLong where these are the reason.
func Listen(dir string) (net.Listener, error) {
	if err := private(dir); err != nil {
		return nil, err
	}
	path := filepath.Join(dir, socketName)
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	address, release, err := socketAddress(dir)
	if err != nil {
		return nil, err
	}
	defer release()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: address, Net: "unix"})
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false) // it would remove the short address, which is gone by then; listener.Close removes the path
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(err, l.Close(), os.Remove(path))
	}
	return listener{l, path}, nil
}

// listener removes the socket when it is closed.
type listener struct {
	net.Listener
	path string
}

func (l listener) Close() error {
	err := l.Listener.Close()
	os.Remove(l.path)
	return err
}

// dial connects to the socket of dir.
func dial(ctx context.Context, dir string) (net.Conn, error) {
	if _, err := os.Lstat(filepath.Join(dir, socketName)); errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%w in %s", ErrNotRunning, dir)
	}
	if err := private(dir); err != nil {
		return nil, err
	}
	address, release, err := socketAddress(dir)
	if err != nil {
		return nil, err
	}
	defer release()
	conn, err := new(net.Dialer).DialContext(ctx, "unix", address)
	var late net.Error
	switch {
	case err == nil:
		return conn, nil
	case ctx.Err() != nil, errors.As(err, &late) && late.Timeout(), errors.Is(err, os.ErrPermission), errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		return nil, err
	case errors.Is(err, syscall.EAGAIN): // as many callers wait as the system lets wait
		return nil, &notAnsweringError{dir: dir}
	}
	return nil, fmt.Errorf("%w in %s", ErrNotRunning, dir) // a node that died left the socket behind
}

// Began returns when the node in dir began to answer: when it made its socket. It is zero where there
// is none.
func Began(dir string) time.Time {
	info, err := os.Lstat(filepath.Join(dir, socketName))
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}

// private checks that nobody but the owner can enter dir: the directory's mode, and not the
// socket's own, keeps others out on every system and from the first moment.
func private(dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return &os.PathError{Op: "open", Path: dir, Err: syscall.ENOTDIR}
	}
	if why := exposed(info); why != "" {
		return fmt.Errorf("%w: %s %s", ErrNotPrivate, dir, why)
	}
	return nil
}

// socketAddress returns a name for the socket in dir that fits into an address. It holds until
// release is called.
func socketAddress(dir string) (address string, release func(), err error) {
	path := filepath.Join(dir, socketName)
	if len(path) <= maxSocketPath {
		return path, func() {}, nil
	}
	return shortAddress(dir)
}
