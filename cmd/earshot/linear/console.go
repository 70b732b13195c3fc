package linear

import (
	"io"
	"os"
	"sync"

	"golang.org/x/term"

	"github.com/earshot-im/earshot/cmd/earshot/problem"
	"github.com/earshot-im/earshot/cmd/earshot/sending"
)

// typed is a line, or why it can't be a message.
type typed struct {
	text    string
	pasted  bool // others come at once
	problem *problem.Problem
}

// console is where lines come from and go to. Each Write is whole lines.
type console interface {
	io.Writer
	lines() <-chan typed    // closed at the end of the input
	empty() bool            // nothing has been typed of the next line, as far as can be seen
	quiet() <-chan struct{} // has an element when that has become so
}

// open returns the console for an input and an output, whether a person types there, and what puts the
// terminal back. Reading ends with the process.
func open(in io.Reader, out io.Writer) (c console, person bool, restore func(), err error) {
	stdin, _ := in.(*os.File)
	stdout, _ := out.(*os.File)
	person = stdin != nil && term.IsTerminal(int(stdin.Fd()))
	if person && stdout != nil && term.IsTerminal(int(stdout.Fd())) && os.Getenv("TERM") != "dumb" {
		e, restore, err := newEditor(stdin, stdout)
		return e, true, restore, err
	}
	return newPlain(in, out), person, func() {}, nil
}

// plain reads lines as they are: what is being typed of the next one can't be seen.
type plain struct {
	io.Writer
	read chan typed
}

func newPlain(in io.Reader, out io.Writer) plain {
	p := plain{out, make(chan typed)}
	go func() { // ends with the input, or with the process
		defer close(p.read)
		for text, problem := range sending.Lines(in) {
			p.read <- typed{text: text, problem: problem}
		}
	}()
	return p
}

func (p plain) lines() <-chan typed    { return p.read }
func (p plain) empty() bool            { return true }
func (p plain) quiet() <-chan struct{} { return nil }

// editor has a line edited at the lower edge of a terminal, and prints above it.
type editor struct {
	*term.Terminal
	out      *os.File
	read     chan typed
	emptied  chan struct{}
	mu       sync.Mutex
	untyped  bool // nothing has been typed
	typedOut int  // characters that backspace takes away, as far as is known; -1: it is not
	ended    bool // Enter ended a line that was not taken yet
}

const prompt = "> "

// newEditor makes the terminal raw. restore may be called several times.
func newEditor(in, out *os.File) (e *editor, restore func(), err error) {
	state, err := term.MakeRaw(int(in.Fd()))
	if err != nil {
		return nil, nil, problem.Failed(problem.CodeInput, "read the terminal: %v", err)
	}
	e = &editor{out: out, read: make(chan typed), emptied: make(chan struct{}, 1), untyped: true}
	e.Terminal = term.NewTerminal(struct {
		io.Reader
		io.Writer
	}{watched{in, e}, out}, prompt)
	e.SetBracketedPasteMode(true)
	var once sync.Once
	restore = func() {
		once.Do(func() {
			e.SetBracketedPasteMode(false)
			_, _ = out.WriteString("\r\n") // the prompt ends
			_ = term.Restore(int(in.Fd()), state)
		})
	}
	go e.readLines() // ends with the input, or with the process
	return e, restore, nil
}

func (e *editor) readLines() {
	defer close(e.read)
	for {
		e.fit()
		text, err := e.ReadLine()
		if err != nil && err != term.ErrPasteIndicator {
			return
		}
		e.read <- typed{text: text, pasted: err == term.ErrPasteIndicator}
		e.took()
	}
}

// took notes that the line was taken which Enter has ended.
func (e *editor) took() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.ended = false
	e.judge()
}

// fit tells the editor how wide the terminal is now.
func (e *editor) fit() {
	if columns, rows, err := term.GetSize(int(e.out.Fd())); err == nil && columns > 0 {
		_ = e.SetSize(columns, rows)
	}
}

// Write prints above the line that is edited.
func (e *editor) Write(b []byte) (int, error) {
	e.fit()
	return e.Terminal.Write(b)
}

func (e *editor) lines() <-chan typed    { return e.read }
func (e *editor) quiet() <-chan struct{} { return e.emptied }

func (e *editor) empty() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.untyped
}

// watched sees what is typed, since the editor doesn't say whether its line is empty.
type watched struct {
	io.Reader
	e *editor
}

func (w watched) Read(b []byte) (int, error) {
	n, err := w.Reader.Read(b)
	w.e.saw(b[:n])
	return n, err
}

// saw follows what the keys make of the line. Where that can't be known, as of keys that move or bring back
// an earlier line, the line counts as begun until it is sent or taken away as a whole.
func (e *editor) saw(keys []byte) {
	const backspace, delete, enter, kill = 8, 127, '\r', 21
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, k := range keys {
		switch {
		case k == enter || k == '\n' || k == kill:
			e.typedOut, e.ended = 0, e.ended || k == enter
		case k == backspace || k == delete:
			e.typedOut = max(e.typedOut-1, min(e.typedOut, 0))
		case k < ' ':
			e.typedOut = -1
		case e.typedOut >= 0 && k&0xc0 != 0x80: // the first byte of a character
			e.typedOut++
		}
	}
	e.judge()
}

// judge decides whether the line is empty. After Enter it is not before it was taken: what has come
// meanwhile would be printed, and the same Enter would mark it read. The caller holds the lock.
func (e *editor) judge() {
	was := e.untyped
	e.untyped = e.typedOut == 0 && !e.ended
	if e.untyped && !was {
		select {
		case e.emptied <- struct{}{}:
		default:
		}
	}
}
