package up

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"
	"time"

	"github.com/earshot-im/earshot/store"
)

const (
	// logName is the log of a node that no terminal shows, in its directory. What was in it before
	// stands in the file of this name with oldLog behind it.
	logName = "log"
	oldLog  = ".1"

	// maxLog is how large each of the two files gets, in bytes: weeks of an ordinary node.
	maxLog = 1 << 20

	logMode = 0o600
)

// logFile takes lines into a log that never grows past two files of maxLog.
type logFile struct {
	path string
	now  func() time.Time

	mu   sync.Mutex // guards what follows
	file *os.File   // nil: it could not be opened, which is tried again with the next line
	size int64
}

// openLog opens the log of a directory, which this process must have locked.
func openLog(dir string) (*logFile, error) {
	l := &logFile{path: filepath.Join(dir, logName), now: time.Now}
	return l, l.open()
}

func (l *logFile) open() (err error) {
	if l.file, err = openRegular(l.path); err != nil {
		l.file = nil
		return err
	}
	info, err := l.file.Stat()
	if err != nil {
		return errors.Join(err, l.close())
	}
	l.size = info.Size()
	return debug.SetCrashOutput(l.file, debug.CrashOptions{}) // what the runtime says when it has to end the process
}

// openRegular opens a log, and follows no link out of its directory and waits for no reader of a pipe:
// somebody may have put one there while the directory was open to others, or it is theirs and this
// process is root's.
func openRegular(path string) (*os.File, error) {
	dir, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	if info, err := dir.Lstat(filepath.Base(path)); err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no regular file", path)
	}
	return dir.OpenFile(filepath.Base(path), os.O_WRONLY|os.O_APPEND|os.O_CREATE, logMode)
}

func (l *logFile) close() error {
	if l.file == nil {
		return nil
	}
	err := errors.Join(debug.SetCrashOutput(nil, debug.CrashOptions{}), l.file.Close())
	l.file = nil
	return err
}

// room makes the log ready for so many more bytes. Where it can't, the log does not grow.
func (l *logFile) room(n int) error {
	if l.file == nil {
		if err := l.open(); err != nil {
			return err
		}
	}
	if l.size+int64(n) <= maxLog {
		return nil
	}
	if err := errors.Join(l.close(), os.Rename(l.path, l.path+oldLog)); err != nil {
		return err
	}
	return l.open()
}

// Write adds one line, or several that belong together, with the time before it.
func (l *logFile) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	stamped := append(l.now().AppendFormat(nil, "2006-01-02T15:04:05.000Z07:00 "), line...)
	if len(stamped) > maxLog {
		stamped = append(stamped[:maxLog-1], '\n')
	}
	if err := l.room(len(stamped)); err != nil {
		return 0, err
	}
	n, err := l.file.Write(stamped)
	l.size += int64(n)
	return len(line), err
}

// output takes the lines for whoever looks after a node: in the foreground they go to standard error
// and nowhere else. It returns no errors: that nobody reads a line does the node no harm.
type output struct {
	mu   sync.Mutex  // guards what follows
	to   []io.Writer // standard error, the log, or both
	file *logFile    // nil: no log
}

func (o *output) Write(line []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, w := range o.to {
		_, _ = w.Write(line)
	}
	return len(line), nil
}

// begin writes into the log of a directory as well from now on. Where that can't be, as on a full
// disk, that is no reason to do without a node.
func (o *output) begin(dir, version string) {
	if file := o.log(); file != io.Discard { // the node runs again
		fmt.Fprintf(file, "earshot %s runs again as process %d\n", version, os.Getpid())
		return
	}
	file, err := openLog(dir)
	if err != nil {
		fmt.Fprintf(o, "earshot: nothing can be written into the log now: %v\n", err)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.file, o.to = file, append(o.to, file)
	fmt.Fprintf(file, "earshot %s runs as process %d\n", version, os.Getpid())
}

// late opens the log for what a node says that could not start: at a login nobody else may see that.
// In a directory that is no node's nothing is made.
func (o *output) late(dir string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if _, err := os.Lstat(store.KeyringFile(dir)); err != nil || o.file != nil {
		return
	}
	if file, err := openLog(dir); err == nil {
		o.file = file
	}
}

// alone lets go of standard input, output and error, so that nothing holds a terminal or a pipe.
func (o *output) alone() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.to = []io.Writer{o.file}
	if err := letGo(); err != nil {
		fmt.Fprintf(o.file, "earshot: can't let go of the terminal: %v\n", err)
	}
}

// logger returns what the log of the program is written to: the log where there is one, else standard
// error. Whoever starts a node in the background is told by lines for people.
func (o *output) logger() io.Writer { return logger{o} }

type logger struct{ *output }

func (l logger) Write(line []byte) (int, error) {
	if file := l.log(); file != io.Discard {
		return file.Write(line)
	}
	return l.output.Write(line)
}

// log is where only the log's readers see it.
func (o *output) log() io.Writer {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.file == nil {
		return io.Discard
	}
	return o.file
}
