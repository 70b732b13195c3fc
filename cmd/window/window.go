// Package window runs a program in a terminal that the caller keeps, types into it and looks at what it
// shows. Benches and tests of the terminal screen use it. It works where there are pseudo-terminals: not
// on Windows.
//
// A Window answers the program as an xterm does. Its methods may be called by any goroutine; each wait
// is bounded by Patience.
package window

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/charmbracelet/x/vt"
	"github.com/creack/pty"
)

// Patience bounds each wait for the program.
const Patience = 30 * time.Second

// Window is a program in a terminal.
type Window struct {
	cmd      *exec.Cmd
	terminal *os.File
	reading  sync.WaitGroup

	mu    sync.Mutex // guards what follows
	shown *vt.Emulator
	moved chan struct{} // closed and replaced when something was written
	ended bool          // the program writes no more
}

// Start starts a program in a terminal of so many columns and rows. The caller calls Close.
func Start(cmd *exec.Cmd, columns, rows int) (*Window, error) {
	if cmd.Env == nil {
		cmd.Env = os.Environ()
	}
	cmd.Env = append(cmd.Env, "TERM=xterm-256color")
	w := &Window{cmd: cmd, shown: vt.NewEmulator(columns, rows), moved: make(chan struct{})}
	terminal, err := pty.StartWithSize(cmd, size(columns, rows))
	if err != nil {
		return nil, err
	}
	if w.terminal, err = interruptible(terminal); err != nil {
		return nil, errors.Join(err, cmd.Process.Kill(), terminal.Close())
	}
	w.reading.Go(w.read)   // until the program has closed the terminal
	w.reading.Go(w.answer) // until Close
	return w, nil
}

func size(columns, rows int) *pty.Winsize {
	return &pty.Winsize{Cols: uint16(columns), Rows: uint16(rows)}
}

// read takes what the program writes.
func (w *Window) read() {
	buf := make([]byte, 64<<10)
	for {
		n, err := w.terminal.Read(buf)
		w.mu.Lock()
		_, _ = w.shown.Write(buf[:n]) // it takes everything
		w.ended = err != nil
		close(w.moved)
		w.moved = make(chan struct{})
		w.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// answer gives the program what a terminal answers to its questions.
func (w *Window) answer() {
	buf := make([]byte, 1<<10)
	for {
		n, err := w.shown.Read(buf)
		if err != nil {
			return
		}
		_, _ = w.terminal.Write(buf[:n]) // fails once the program has ended
	}
}

// PID is the number of the program's process.
func (w *Window) PID() int { return w.cmd.Process.Pid }

// Look returns what f makes of the terminal now. f must not keep it.
func (w *Window) Look(f func(*vt.Emulator)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f(w.shown)
}

// Text returns what is shown, as lines.
func (w *Window) Text() (text string) {
	w.Look(func(e *vt.Emulator) { text = e.String() })
	return text
}

// Cursor returns where the cursor is.
func (w *Window) Cursor() (x, y int) {
	w.Look(func(e *vt.Emulator) {
		at := e.CursorPosition()
		x, y = at.X, at.Y
	})
	return x, y
}

// Until waits until the terminal shows something. The error has what it shows.
func (w *Window) Until(what string, shows func() bool) error {
	late := time.After(Patience)
	for {
		w.mu.Lock()
		moved, ended := w.moved, w.ended
		w.mu.Unlock()
		if shows() {
			return nil
		}
		if ended {
			return fmt.Errorf("the program has ended before: %s:\n%s", what, w.Text())
		}
		select {
		case <-moved:
		case <-late:
			return fmt.Errorf("not on the screen: %s:\n%s", what, w.Text())
		}
	}
}

// Shows waits until a text is on the screen, within one line.
func (w *Window) Shows(text string) error {
	return w.Until(fmt.Sprintf("%q", text), func() bool { return strings.Contains(w.Text(), text) })
}

// Type types keys, as the bytes that a terminal sends for them.
func (w *Window) Type(keys string) error {
	_, err := w.terminal.WriteString(keys)
	return err
}

// Wait waits until the program has ended by itself, and returns how.
func (w *Window) Wait() error {
	late := time.AfterFunc(Patience, func() { _ = w.cmd.Process.Kill() })
	defer late.Stop()
	return w.cmd.Wait()
}

// Close closes the terminal, as one who closes its window does, and waits until the program has ended
// by that. That the program then ends with a status or by the signal is no error.
func (w *Window) Close() error {
	err := w.terminal.Close()
	if in, ok := w.shown.InputPipe().(io.Closer); ok { // Emulator.Close is a race with Read
		err = errors.Join(err, in.Close())
	}
	var exit *exec.ExitError
	if w.cmd.ProcessState == nil {
		if ended := w.Wait(); ended != nil && !errors.As(ended, &exit) {
			err = errors.Join(err, ended)
		}
	}
	w.reading.Wait()
	return err
}
