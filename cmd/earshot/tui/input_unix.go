//go:build unix

package tui

import (
	"io"
	"os"
	"sync"

	uv "github.com/charmbracelet/ultraviolet"
)

// input is what is typed, until it is ended. A uv.Terminal that was stopped still waits for input: without
// end it would take from the one that follows, or from an editor, what is typed first.
type input struct {
	*os.File
	reader interface {
		io.ReadCloser
		Cancel() bool
	}
	reading sync.Mutex
}

func newInput(f *os.File) (*input, error) {
	r, err := uv.NewCancelReader(f)
	return &input{File: f, reader: r}, err
}

func (i *input) Read(p []byte) (int, error) {
	i.reading.Lock()
	defer i.reading.Unlock()
	return i.reader.Read(p)
}

// end returns when nothing is read any more. The file stays open.
func (i *input) end() {
	i.reader.Cancel()
	i.reading.Lock()
	defer i.reading.Unlock()
	_ = i.reader.Close()
}
